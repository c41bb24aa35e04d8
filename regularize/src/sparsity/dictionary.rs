//! Atoms: the vectors that a sparse code is a combination of.
//!
//! A code `h` of an example `x` says `x ≈ h D`, with the atoms as the rows of `D`. (The book writes `x ≈ W h`
//! for columns: `W = Dᵀ`.) With more atoms than features the dictionary is overcomplete, and an example has
//! many codes, of which the sparse ones are wanted. With orthonormal atoms every code is explicit: the L1 code
//! is the soft threshold of `x Dᵀ`, the code of `k` atoms its `k` largest entries.
//!
//! ```
//! use regularize::sparsity::{Dictionary, MatchingPursuit};
//! let cosines = Dictionary::<f64>::cosine(2)?;
//! // A bright column beside a dark one: the mean, and one wave.
//! let image = autograd::Tensor::new([1, 4], vec![3.0, 1.0, 3.0, 1.0]);
//! let code = MatchingPursuit::new(2)?.encode(&cosines, &image)?;
//! assert!((code.data()[0] - 4.0).abs() < 1e-14 && (code.data()[1] - 2.0).abs() < 1e-14);
//! assert_eq!(code.data()[2..], [0.0, 0.0]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_one};
use autograd::{Graph, Real, Shape, Tensor, Var};
use nn::optimise::HyperparameterError;
use std::f64::consts::PI;

/// Atoms of length 1, `[atoms, features]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dictionary<T: Real> {
    atoms: Tensor<T>,
}

impl<T: Real> Dictionary<T> {
    /// The dictionary of these atoms, one for each row, scaled to length 1: the correlation with an atom then
    /// says how much of an example the atom explains.
    ///
    /// # Errors
    /// If it is no matrix or has no atoms, if a number is not finite, or if an atom is 0.
    pub fn new(atoms: Tensor<T>) -> Result<Dictionary<T>, RegularizeError> {
        let shape = atoms.shape();
        if shape.rank() != 2 {
            let expected = Shape::from([shape.lengths().first().copied().unwrap_or(0), shape.last()]);
            return Err(RegularizeError::Shape { what: "atoms", expected, found: shape });
        }
        if shape[0] == 0 {
            return Err(RegularizeError::Nothing { what: "atoms" });
        }
        RegularizeError::unless_finite("atoms", atoms.data())?;
        let features = shape[1];
        let mut atoms = atoms;
        for number in 0..shape[0] {
            let row = &mut atoms.data_mut()[number * features..][..features];
            let length = row.iter().fold(0.0, |sum, v| sum + v.to_f64().powi(2)).sqrt();
            HyperparameterError::unless(length > 0.0, "length of an atom", length, "above 0")?;
            row.iter_mut().for_each(|v| *v = T::from_f64(v.to_f64() / length));
        }
        Ok(Dictionary { atoms })
    }

    /// The discrete cosine transform of images of `side` by `side` pixels: `side²` orthonormal waves, row `u side
    /// + v` with `u` half periods downwards and `v` to the right.
    ///
    /// # Errors
    /// If `side` is 0.
    pub fn cosine(side: usize) -> Result<Dictionary<T>, RegularizeError> {
        at_least_one("side of an image", side)?;
        let wave = |frequency: usize, place: usize| {
            let scale = if frequency == 0 { 1.0 } else { 2.0 };
            let angle = PI * frequency as f64 * (2 * place + 1) as f64 / (2 * side) as f64;
            (scale / side as f64).sqrt() * angle.cos()
        };
        let pixels = side * side;
        let at = |i: usize| {
            let (atom, pixel) = (i / pixels, i % pixels);
            T::from_f64(wave(atom / side, pixel / side) * wave(atom % side, pixel % side))
        };
        Ok(Dictionary { atoms: Tensor::from_fn([pixels, pixels], at) })
    }

    /// The atoms, `[atoms, features]`.
    pub fn atoms(&self) -> &Tensor<T> {
        &self.atoms
    }

    /// The atoms as a constant of a graph.
    #[track_caller]
    pub fn constant<'g>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        graph.constant(self.atoms.clone())
    }

    /// `h D`: what codes `[examples, atoms]` stand for.
    ///
    /// # Errors
    /// If the codes are no matrix with a column for each atom.
    ///
    /// ```
    /// use autograd::Tensor;
    /// use regularize::sparsity::Dictionary;
    /// let dictionary = Dictionary::new(Tensor::new([2, 2], vec![5.0, 0.0, 3.0, 4.0]))?;
    /// assert_eq!(dictionary.atoms().data(), [1.0, 0.0, 0.6, 0.8]);
    /// let decoded = dictionary.decode(&Tensor::new([1, 2], vec![1.0, 5.0]))?;
    /// assert_eq!(decoded.data(), [1.0 + 3.0, 4.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn decode(&self, codes: &Tensor<T>) -> Result<Tensor<T>, RegularizeError> {
        let (found, [atoms, features]) = (codes.shape(), self.lengths());
        if found.rank() != 2 || found[1] != atoms {
            let expected = Shape::from([if found.rank() > 0 { found[0] } else { 1 }, atoms]);
            return Err(RegularizeError::Shape { what: "codes", expected, found });
        }
        let mut decoded = Tensor::zeros([found[0], features]);
        for (i, code) in codes.data().iter().enumerate().filter(|&(_, &code)| code != T::ZERO) {
            let atom = &self.atoms.data()[i % atoms * features..][..features];
            let row = &mut decoded.data_mut()[i / atoms * features..][..features];
            row.iter_mut().zip(atom).for_each(|(sum, &v)| *sum += *code * v);
        }
        Ok(decoded)
    }

    /// An upper bound on the largest eigenvalue of `D Dᵀ`, at most 3 % above it for up to 100 features or
    /// atoms: the curvature that bounds the steps of [`ista`](super::ista).
    ///
    /// `λ ≤ ‖G^p‖_F^(1/p) ≤ λ n^(1/(2p))` for a Gram matrix `G` with `n` rows, here with `p = 128`: a bound, not
    /// an estimate that approaches `λ` from below as the power iteration's does.
    ///
    /// ```
    /// use autograd::Tensor;
    /// use regularize::sparsity::Dictionary;
    /// // The same atom twice: D Dᵀ has the eigenvalues 2 and 0. Orthonormal atoms: all are 1.
    /// let twice = Dictionary::new(Tensor::new([2, 2], vec![0.6, 0.8, 0.6, 0.8]))?;
    /// assert!((2.0..2.0 * 1.03).contains(&twice.curvature()));
    /// assert!((1.0..1.03).contains(&Dictionary::<f64>::cosine(2)?.curvature()));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn curvature(&self) -> f64 {
        let [atoms, features] = self.lengths();
        let at = |atom: usize, feature: usize| self.atoms.data()[atom * features + feature].to_f64();
        let n = atoms.min(features);
        // The smaller of the two Gram matrices has the same eigenvalues but for zeros.
        let entry = |i: usize| -> f64 {
            let (i, j) = (i / n, i % n);
            match atoms <= features {
                true => (0..features).map(|f| at(i, f) * at(j, f)).sum(),
                false => (0..atoms).map(|a| at(a, i) * at(a, j)).sum(),
            }
        };
        let mut gram: Vec<f64> = (0..n * n).map(entry).collect();
        let (mut logarithm, mut power) = (0.0, 1.0);
        for _ in 0..8 {
            let norm = gram.iter().map(|g| g * g).sum::<f64>().sqrt();
            logarithm += norm.ln() / power;
            if power == 128.0 {
                break;
            }
            // Scaled to norm 1, then squared.
            let scaled: Vec<f64> = gram.iter().map(|g| g / norm).collect();
            let square = |i: usize| (0..n).map(|k| scaled[i / n * n + k] * scaled[k * n + i % n]).sum();
            gram = (0..n * n).map(square).collect();
            power *= 2.0;
        }
        // What is left is the rounding of eight products, far below the 1e-9 that make up for it.
        logarithm.exp() * (1.0 + 1e-9)
    }

    /// Checks examples to be encoded: a matrix with a column for each feature, all finite.
    pub(crate) fn check_examples(&self, x: &Tensor<T>) -> Result<(), RegularizeError> {
        let (found, features) = (x.shape(), self.lengths()[1]);
        if found.rank() != 2 || found[1] != features {
            let expected = Shape::from([if found.rank() > 0 { found[0] } else { 1 }, features]);
            return Err(RegularizeError::Shape { what: "examples", expected, found });
        }
        RegularizeError::unless_finite("examples", x.data())
    }

    fn lengths(&self) -> [usize; 2] {
        [self.atoms.shape()[0], self.atoms.shape()[1]]
    }
}

/// The shapes of examples `[examples, features]` and atoms `[atoms, features]` as numbers.
#[track_caller]
pub(crate) fn extents<T: Real>(technique: &str, x: Var<'_, T>, dictionary: Var<'_, T>) -> [usize; 3] {
    let (of_x, of_d) = (x.shape(), dictionary.shape());
    let fits = of_x.rank() == 2 && of_d.rank() == 2 && of_x[1] == of_d[1];
    assert!(fits, "{technique}: examples of shape {of_x} and atoms of shape {of_d}");
    [of_x[0], of_d[0], of_x[1]]
}

#[cfg(test)]
mod tests;
