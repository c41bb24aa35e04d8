//! Orthogonality: `α ‖WᵀW - I‖²_F`, which keeps the columns of a matrix orthonormal (Bansal, Chen, Wang,
//! NeurIPS 2018, section 3; the form without diagonal is of Brock et al., ICLR 2019).
//!
//! A matrix with orthonormal columns keeps lengths: all its singular values are 1, so that neither signals
//! nor gradients grow or vanish through it, and no two units compute the same. In terms of the singular
//! values `σᵢ` of `W` the penalty is `α Σ (σᵢ² - 1)²`; its gradient is `4 α W (WᵀW - I)`.
//!
//! | [`Gram`] | penalty | zero for |
//! |---|---|---|
//! | [`Columns`](Gram::Columns) | `α ‖WᵀW - I‖²_F` | orthonormal columns; impossible with more columns than rows |
//! | [`Rows`](Gram::Rows) | `α ‖WWᵀ - I‖²_F` | orthonormal rows; impossible with more rows than columns |
//! | [`Shorter`](Gram::Shorter) | the one of the two that can be 0 | |
//! | [`Both`](Gram::Both) | the sum of the two | orthogonal square matrices |
//! | [`OffDiagonal`](Gram::OffDiagonal) | `α ‖WᵀW ∘ (1 - I)‖²_F` | orthogonal columns of any lengths |
//! | [`Coherence`](Gram::Coherence) | `α max |WᵀW - I|` | orthonormal columns: the worst pair alone is pulled |
//!
//! A parameter of more axes is the matrix `[.., out]`: a kernel `[in, h, w, out]` has a column for each map.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::{Orthogonality, Penalty};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [2, 2]);
//! let omega = Orthogonality::new(0.1)?.value(w);
//! let at = |w: [f64; 4]| {
//!     interpret(&[omega], &[("w", Feed::from(&Tensor::new([2, 2], w.to_vec())))], None).map(|v| v[0].item())
//! };
//! assert_eq!(at([0.0, -1.0, 1.0, 0.0])?, 0.0); // a quarter turn
//! assert_eq!(at([2.0, 0.0, 0.0, 1.0])?, 0.1 * 9.0); // (2² - 1)²
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use crate::penalty::{Penalty, check_coefficient};
use autograd::{Real, Tensor, Var};

/// What is compared with the identity. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::{Gram, Orthogonality, Penalty};
/// let graph = Graph::<f64>::new();
/// // Orthogonal rows of lengths 1 and 2; the third column is zero.
/// let w = graph.constant(Tensor::new([2, 3], vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0]));
/// let at = |gram| {
///     let omega = Orthogonality::new(1.0)?.of(gram).value(w);
///     Ok::<f64, regularize::RegularizeError>(interpret(&[omega], &[], None)?[0].item())
/// };
/// assert_eq!(at(Gram::Rows)?, 9.0); // (2² - 1)²
/// assert_eq!(at(Gram::Columns)?, 9.0 + 1.0); // and (0 - 1)² for the column of zeros
/// assert_eq!(at(Gram::Shorter)?, 9.0);
/// assert_eq!(at(Gram::Both)?, 19.0);
/// assert_eq!(at(Gram::OffDiagonal)?, 0.0);
/// assert_eq!(at(Gram::Coherence)?, 3.0); // |2² - 1|
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Gram {
    /// `WᵀW`: the products of columns.
    #[default]
    Columns,
    /// `WWᵀ`: the products of rows.
    Rows,
    /// The smaller of the two.
    Shorter,
    /// Both, added.
    Both,
    /// `WᵀW` without its diagonal.
    OffDiagonal,
    /// The largest entry of `|WᵀW - I|` alone, not squared.
    Coherence,
}

/// The penalty `α ‖WᵀW - I‖²_F` and its variants. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orthogonality {
    alpha: f64,
    gram: Gram,
}

impl Orthogonality {
    /// Orthonormal columns, with coefficient `alpha`.
    ///
    /// # Errors
    /// If `alpha` is negative or not finite.
    pub fn new(alpha: f64) -> Result<Orthogonality, RegularizeError> {
        Ok(Orthogonality { alpha: at_least_zero("orthogonality coefficient", alpha)?, gram: Gram::Columns })
    }

    /// The same with another matrix to compare with the identity.
    pub fn of(self, gram: Gram) -> Orthogonality {
        Orthogonality { gram, ..self }
    }
}

impl<T: Real> Penalty<T> for Orthogonality {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        orthogonality_penalty(w, w.graph().fill([], self.alpha), self.gram)
    }

    fn is_zero(&self) -> bool {
        self.alpha == 0.0
    }
}

/// The penalty with a coefficient that is a scalar of the graph.
///
/// `w` is `[.., out]`; the result is a scalar, 0 for an empty `w`... except that rows or columns that are
/// there but have no entries cannot have length 1: each counts 1.
///
/// # Panics
/// If `alpha` is no scalar, or `w` has fewer than two axes.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::{Gram, orthogonality_penalty};
/// let graph = Graph::<f64>::new();
/// let w = graph.constant(Tensor::new([2, 2], vec![2.0, 0.0, 0.0, 1.0]));
/// let omega = orthogonality_penalty(w, graph.fill([], 0.5), Gram::Columns);
/// let found = interpret(&[omega, grad(omega, &[w])[0]], &[], None)?;
/// assert_eq!(found[0].item(), 0.5 * 9.0);
/// assert_eq!(found[1].data(), [12.0, 0.0, 0.0, 0.0]); // 4 α W (WᵀW - I)
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn orthogonality_penalty<'g, T: Real>(w: Var<'g, T>, alpha: Var<'g, T>, gram: Gram) -> Var<'g, T> {
    check_coefficient("orthogonality_penalty", alpha);
    let shape = w.shape();
    assert!(shape.rank() >= 2, "orthogonality_penalty: a matrix or a kernel is needed, not {shape}");
    let columns = shape.last();
    let rows = shape.lengths()[..shape.rank() - 1].iter().product();
    let w = w.reshape([rows, columns]);
    let of_columns = || w.matmul_transposed(w, true, false) - identity(w, columns);
    let of_rows = || w.matmul_transposed(w, false, true) - identity(w, rows);
    let value = match gram {
        Gram::Columns => of_columns().norm_squared(),
        Gram::Rows => of_rows().norm_squared(),
        Gram::Shorter if rows < columns => of_rows().norm_squared(),
        Gram::Shorter => of_columns().norm_squared(),
        Gram::Both => of_columns().norm_squared() + of_rows().norm_squared(),
        Gram::OffDiagonal => {
            (w.matmul_transposed(w, true, false) * (1.0 - identity(w, columns))).norm_squared()
        }
        // The largest of no entries would be -∞.
        Gram::Coherence if columns == 0 => w.graph().fill([], 0.0),
        Gram::Coherence => of_columns().abs().max(),
    };
    value * alpha
}

/// The identity matrix of `n` rows.
fn identity<'g, T: Real>(w: Var<'g, T>, n: usize) -> Var<'g, T> {
    w.graph().constant(Tensor::from_fn([n, n], |i| if i / n == i % n { T::ONE } else { T::ZERO }))
}

#[cfg(test)]
mod tests;
