//! Orthogonal matching pursuit: a code with at most `k` atoms (Pati, Rezaiifar, Krishnaprasad 1993; Coates and
//! Ng, *The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization*, ICML 2011; OMP-k
//! in *Deep Learning*, section 7.10).
//!
//! ```text
//! h(x) = argmin ‖x - h D‖²   subject to at most k entries that are not 0      (book, equation 7.49)
//! ```
//!
//! To find the best `k` atoms is hard; the pursuit takes them greedily. `k` times: take the atom that
//! correlates most with what is left of `x`, then let what is left be `x` without its projection on *all*
//! atoms taken so far. With orthonormal atoms this finds the minimum: the `k` largest entries of `x Dᵀ`.
//!
//! The pursuit is recorded as a graph, for a batch at once: an argmax and a gather for each atom, the
//! projections by Gram and Schmidt, the coefficients by substitution backwards. It is differentiable in
//! examples and atoms, with the choice of atoms held as it is.
//!
//! | rule | |
//! |---|---|
//! | ties | the first of equally correlated atoms |
//! | nothing left | no atom correlates with what is left beyond rounding: the code has fewer than `k` entries |
//! | an atom that the ones taken nearly contain | (its remainder below 1e-5 of it) gets the coefficient 0 |
//!
//! ```
//! use autograd::Tensor;
//! use regularize::sparsity::{Dictionary, MatchingPursuit};
//! // Two axes and the diagonal between them.
//! let atoms = Tensor::new([3, 2], vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
//! let dictionary = Dictionary::new(atoms)?;
//! let code = MatchingPursuit::new(1)?.encode(&dictionary, &Tensor::new([1, 2], vec![3.0, 3.0]))?;
//! assert!(code.data()[..2] == [0.0, 0.0] && (code.data()[2] - 18f64.sqrt()).abs() < 1e-14);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_one};
use crate::sparsity::Dictionary;
use crate::sparsity::dictionary::extents;
use autograd::{Feed, Graph, Parameters, Plan, Real, Tensor, Var};

/// The codes `[examples, atoms]` of examples `x`, `[examples, features]`, with at most `k` of the atoms
/// `[atoms, features]`, which may be of any lengths. See the [module documentation](self).
///
/// # Panics
/// If shapes do not fit, or `k` is above the number of atoms.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::sparsity::matching_pursuit;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 3], vec![3.0, -5.0, 1.0]));
/// let axes = graph.constant(Tensor::from_fn([3, 3], |i| if i % 4 == 0 { 1.0 } else { 0.0 }));
/// let codes = [1, 2].map(|k| matching_pursuit(x, axes, k));
/// let found = interpret(&codes, &[], None)?;
/// assert_eq!(found[0].data(), [0.0, -5.0, 0.0]); // of orthonormal atoms the k largest
/// assert_eq!(found[1].data(), [3.0, -5.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn matching_pursuit<'g, T: Real>(x: Var<'g, T>, dictionary: Var<'g, T>, k: usize) -> Var<'g, T> {
    let [examples, atoms, _] = extents("matching pursuit", x, dictionary);
    assert!(k <= atoms, "matching pursuit: {k} of {atoms} atoms");
    let zeros = || x.graph().fill([examples, atoms], 0.0);
    if k == 0 {
        return zeros();
    }
    let dot = |a: Var<'g, T>, b: Var<'g, T>| (a * b).sum_keep(&[1]);
    // What correlates less than rounding does is not there. An f32 has 24 bits, an f64 53.
    let rounding = if size_of::<T>() == 4 { 2f64.powi(-20) } else { 2f64.powi(-48) };
    let negligible = dot(x, x).sqrt().detach() * rounding;
    let lengths = dictionary.powi(2).sum_over(&[1]).sqrt().reshape([1, atoms]).detach().maximum(1e-30);

    let (mut left, mut taken) = (x, zeros());
    let (mut directions, mut triangle) = (Vec::<Var<'g, T>>::new(), Vec::new());
    let (mut along, mut ones) = (Vec::new(), Vec::new());
    for _ in 0..k {
        // Which atom: the most correlated of those not yet taken.
        let correlations = left.matmul_transposed(dictionary, false, true).abs().detach() / lengths;
        let open = taken.greater(0.0).select(taken.like(-1.0), correlations);
        let chosen = open.argmax();
        let one = chosen.one_hot(atoms);
        taken = taken + one;
        let atom = dictionary.gather(chosen);
        // Its part at right angles to the atoms before it, as a direction.
        let mut remainder = atom;
        let mut column = Vec::new();
        for &direction in &directions {
            let share = dot(direction, remainder);
            remainder = remainder - direction * share;
            column.push(share);
        }
        let square = dot(remainder, remainder);
        let counts = square.greater(dot(atom, atom) * 1e-10) * open.max_keep(&[1]).greater(negligible);
        let length = counts.select(square, square.like(1.0)).sqrt();
        let direction = (remainder / length) * counts;
        column.push(length);
        // What is left of x, and how much lies along the direction.
        let share = dot(direction, left);
        left = left - direction * share;
        directions.push(direction);
        triangle.push(column);
        along.push(share);
        ones.push(one);
    }
    // R c = a, with R's columns in `triangle`, from below.
    let mut coefficients: Vec<Var<'g, T>> = Vec::new();
    for row in (0..k).rev() {
        let mut rest = along[row];
        for (later, &coefficient) in (row + 1..k).rev().zip(&coefficients) {
            rest = rest - triangle[later][row] * coefficient;
        }
        coefficients.push(rest / triangle[row][row]);
    }
    coefficients.reverse();
    let mut codes = ones[0] * coefficients[0];
    for (&one, &coefficient) in ones.iter().zip(&coefficients).skip(1) {
        codes = codes + one * coefficient;
    }
    codes
}

/// [`matching_pursuit`] of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchingPursuit {
    k: usize,
}

impl MatchingPursuit {
    /// Codes of at most `k` atoms.
    ///
    /// # Errors
    /// If `k` is 0.
    pub fn new(k: usize) -> Result<MatchingPursuit, RegularizeError> {
        at_least_one("number of atoms in a code", k)?;
        Ok(MatchingPursuit { k })
    }

    /// The codes of examples `[examples, features]`: `[examples, atoms]`. Of a dictionary with fewer than `k`
    /// atoms all may be used.
    ///
    /// # Errors
    /// If the examples are no matrix with a column for each feature, or a number is not finite.
    pub fn encode<T: Real>(
        &self,
        dictionary: &Dictionary<T>,
        x: &Tensor<T>,
    ) -> Result<Tensor<T>, RegularizeError> {
        dictionary.check_examples(x)?;
        let graph = Graph::new();
        let k = self.k.min(dictionary.atoms().shape()[0]);
        let codes = matching_pursuit(graph.input("x", x.shape()), dictionary.constant(&graph), k);
        let mut plan = Plan::builder(&graph).output("codes", codes).compile();
        Ok(plan.evaluate(&Parameters::new(), &[("x", Feed::from(x))])?.tensor("codes"))
    }
}

#[cfg(test)]
mod tests;
