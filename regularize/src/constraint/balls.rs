//! Balls of the norms that penalties are made of.

use super::simplex::{cut, left_above};
use super::{Projection, quotient, radius};
use crate::error::RegularizeError;
use crate::penalty::group_lasso::group_norms;
use crate::penalty::{check_coefficient, soft_threshold};
use autograd::{Real, Var};

/// All of one parameter in a Euclidean ball: `‖w‖ ≤ r`, the constraint whose penalty is [`L2`](crate::L2).
///
/// The multiplier is that of `½ ‖w‖² ≤ ½ r²`, so that it is the coefficient of L2: `λ = -⟨∇J, w⟩ / ‖w‖²`.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{L2Ball, Projection};
/// let graph = Graph::<f64>::new();
/// let w = L2Ball::new(1.0)?.project(graph.input("v", [2]));
/// let at = |v: [f64; 2]| interpret(&[w], &[("v", Feed::from(&Tensor::new([2], v.to_vec())))], None);
/// assert_eq!(at([3.0, 4.0])?[0].data(), [3.0 * 0.2, 4.0 * 0.2]);
/// assert_eq!(at([0.3, 0.4])?[0].data(), [0.3, 0.4]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct L2Ball {
    radius: f64,
}

impl L2Ball {
    /// The ball of this radius about 0; an infinite one is everything.
    ///
    /// # Errors
    /// If `radius` is not above 0.
    pub fn new(radius: f64) -> Result<L2Ball, RegularizeError> {
        Ok(L2Ball { radius: self::radius("radius of the L2 ball", radius)? })
    }
}

impl<T: Real> Projection<T> for L2Ball {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        if self.radius == f64::INFINITY {
            return v;
        }
        let axes: Vec<isize> = (0..v.shape().rank() as isize).collect();
        project_onto_l2_ball(v, v.graph().fill([], self.radius), &axes)
    }

    fn is_everything(&self) -> bool {
        self.radius == f64::INFINITY
    }

    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        (self.radius * self.radius - w.norm_squared()) * 0.5
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        quotient(-(w * gradient).sum(), w.norm_squared())
    }
}

/// All of one parameter in a ball of the L1 norm: `‖w‖₁ ≤ r`, the constraint whose penalty is
/// [`L1`](crate::L1). Its corners are where projections end: exact zeros.
///
/// The multiplier is the coefficient of L1: `λ = -⟨∇J, w⟩ / ‖w‖₁`, the largest `|∂J/∂wᵢ|`.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{L1Ball, Projection};
/// let graph = Graph::<f64>::new();
/// let w = L1Ball::new(1.0)?.project(graph.input("v", [3]));
/// let v = Tensor::new([3], vec![1.5, -1.0, 0.2]);
/// assert_eq!(interpret(&[w], &[("v", Feed::from(&v))], None)?[0].data(), [0.75, -0.25, 0.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct L1Ball {
    radius: f64,
}

impl L1Ball {
    /// The ball of this radius about 0; an infinite one is everything.
    ///
    /// # Errors
    /// If `radius` is not above 0.
    pub fn new(radius: f64) -> Result<L1Ball, RegularizeError> {
        Ok(L1Ball { radius: self::radius("radius of the L1 ball", radius)? })
    }
}

impl<T: Real> Projection<T> for L1Ball {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        if self.radius == f64::INFINITY {
            return v;
        }
        let flat = v.reshape([v.shape().numel()]);
        project_onto_l1_ball(flat, v.graph().fill([], self.radius)).reshape(v.shape())
    }

    fn is_everything(&self) -> bool {
        self.radius == f64::INFINITY
    }

    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        self.radius - w.abs().sum()
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        quotient(-(w * gradient).sum(), w.abs().sum())
    }
}

/// The weights that lead to each unit in a Euclidean ball of their own: `‖w_u‖ ≤ c` (Srebro, Rennie, Jaakkola,
/// NIPS 2004; with dropout Hinton et al., arXiv:1207.0580, 2012).
///
/// Units are the positions on the last axis: the columns of `[in, out]`, the maps of a kernel `[in, h, w,
/// out]`. Unlike a ball for all of them it cannot give everything to one unit. One multiplier for each unit.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::{MaxNorm, Projection};
/// let graph = Graph::<f64>::new();
/// let w = MaxNorm::new(1.0)?.project(graph.input("v", [2, 2]));
/// let v = Tensor::new([2, 2], vec![0.0, 0.3, 4.0, 0.4]);
/// assert_eq!(interpret(&[w], &[("v", Feed::from(&v))], None)?[0].data(), [0.0, 0.3, 1.0, 0.4]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxNorm {
    bound: f64,
    axis: isize,
}

impl MaxNorm {
    /// Norms of at most `bound`; an infinite one is no bound.
    ///
    /// # Errors
    /// If `bound` is not above 0.
    pub fn new(bound: f64) -> Result<MaxNorm, RegularizeError> {
        Ok(MaxNorm { bound: radius("largest norm", bound)?, axis: -1 })
    }

    /// The same with the positions on another axis as units; a negative one counts from the last.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::{MaxNorm, Projection};
    /// let graph = Graph::<f64>::new();
    /// let v = graph.constant(Tensor::new([2, 2], vec![0.0, 4.0, 0.3, 0.4]));
    /// let w = MaxNorm::new(1.0)?.along(0).project(v); // each row a unit
    /// assert_eq!(interpret(&[w], &[], None)?[0].data(), [0.0, 1.0, 0.3, 0.4]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn along(self, axis: isize) -> MaxNorm {
        MaxNorm { axis, ..self }
    }

    /// The squared norms of the units, with all other axes of length one.
    fn squares<'g, T: Real>(&self, w: Var<'g, T>) -> Var<'g, T> {
        group_norms("MaxNorm", w, self.axis).powi(2)
    }
}

impl<T: Real> Projection<T> for MaxNorm {
    fn project<'g>(&self, v: Var<'g, T>) -> Var<'g, T> {
        if self.bound == f64::INFINITY {
            return v;
        }
        shortened(v, group_norms("MaxNorm", v, self.axis), v.graph().fill([], self.bound))
    }

    fn is_everything(&self) -> bool {
        self.bound == f64::INFINITY
    }

    fn slack<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        (self.bound * self.bound - self.squares(w)) * 0.5
    }

    fn multiplier<'g>(&self, w: Var<'g, T>, gradient: Var<'g, T>) -> Var<'g, T> {
        let squares = self.squares(w);
        let along = w * gradient;
        let axes: Vec<isize> = (0..w.shape().rank())
            .filter(|&i| squares.shape()[i] != w.shape()[i])
            .map(|i| i as isize)
            .collect();
        quotient(-along.sum_keep(&axes), squares)
    }
}

/// `v r / ‖v‖` where the norm over `axes` is above the scalar `r > 0`, `v` elsewhere.
///
/// # Panics
/// If `radius` is no scalar, or an axis is out of range.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::project_onto_l2_ball;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2, 2], vec![6.0, 8.0, 0.3, 0.4]));
/// let w = project_onto_l2_ball(v, graph.fill([], 5.0), &[1]); // each row by itself
/// assert_eq!(interpret(&[w], &[], None)?[0].data(), [3.0, 4.0, 0.3, 0.4]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn project_onto_l2_ball<'g, T: Real>(v: Var<'g, T>, radius: Var<'g, T>, axes: &[isize]) -> Var<'g, T> {
    check_coefficient("project_onto_l2_ball", radius);
    let kept = v.sum_keep(axes).shape();
    shortened(v, v.norm(axes).reshape(kept), radius)
}

/// `v` with its length cut to `radius`.
///
/// `r / max(‖v‖, r)` is exactly 1 inside, and no divisor is smaller than `r`: the derivative at 0 is sound.
fn shortened<'g, T: Real>(v: Var<'g, T>, norm: Var<'g, T>, radius: Var<'g, T>) -> Var<'g, T> {
    v * (radius / norm.maximum(radius))
}

/// Each row along the last axis onto the ball `‖w‖₁ ≤ r`, for a scalar `r > 0` (Duchi et al., ICML 2008).
///
/// Outside it is the soft threshold at the `τ` that leaves `r`: the absolute values are projected onto the
/// simplex of total `r`, as in [`project_onto_simplex`](super::project_onto_simplex), and keep their signs.
/// A point on the surface counts as inside, with the derivative there.
///
/// # Panics
/// If `radius` is no scalar, or `v` is one.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::project_onto_l1_ball;
/// let graph = Graph::<f64>::new();
/// let v = graph.constant(Tensor::new([2, 2], vec![3.0, -2.0, 0.5, 0.25]));
/// let w = project_onto_l1_ball(v, graph.fill([], 2.0));
/// // |3| + |-2| is too much by 3: both give up 1.5. The second row is inside.
/// assert_eq!(interpret(&[w], &[], None)?[0].data(), [1.5, -0.5, 0.5, 0.25]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn project_onto_l1_ball<'g, T: Real>(v: Var<'g, T>, radius: Var<'g, T>) -> Var<'g, T> {
    check_coefficient("project_onto_l1_ball", radius);
    let sizes = v.abs();
    let inside = sizes.sum_keep(&[-1]).less_equal(radius);
    let threshold = left_above(sizes, cut(sizes, radius), radius);
    inside.select(v, soft_threshold(v, threshold))
}
