//! Why averaging helps: the error of a mean, taken apart.
//!
//! For predictions `fᵢ` of `k` members, their mean `f̄`, targets `y` and errors `eᵢ = fᵢ - y`, on any data at
//! all, with `⟨·⟩` the mean over the data:
//!
//! ```text
//! ⟨(f̄ - y)²⟩ = 1/k Σᵢ ⟨eᵢ²⟩ - 1/k Σᵢ ⟨(fᵢ - f̄)²⟩      the ambiguity identity: mean error less the spread
//! ⟨(f̄ - y)²⟩ = v/k + (k - 1) c/k                      v = 1/k Σᵢ ⟨eᵢ²⟩,  c = mean of ⟨eᵢ eⱼ⟩ over i ≠ j
//! ```
//!
//! The first is Krogh and Vedelsby, *Neural Network Ensembles*, NIPS 1994; the second *Deep Learning*,
//! section 7.11, with expectations over models in place of means over data: [`expected_squared_error`]. Both
//! hold exactly, so a mean of several is never worse than its members are in the mean.
//!
//! ```
//! use autograd::Tensor;
//! use regularize::ensemble::{Decomposition, expected_squared_error};
//! let members = [vec![1.0, 4.0], vec![3.0, 4.0]].map(|values| Tensor::new([2], values));
//! let found = Decomposition::of(&members, &Tensor::new([2], vec![2.0, 3.0]))?;
//! assert_eq!((found.mean_error, found.spread, found.ensemble_error), (1.0, 0.5, 0.5));
//! assert_eq!((found.variance, found.covariance), (1.0, 0.0));
//! assert_eq!(expected_squared_error(found.variance, found.covariance, 2), 0.5);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use autograd::Tensor;

/// The squared error of an ensemble's mean prediction, and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decomposition {
    /// How many members there are.
    pub members: usize,
    /// `⟨(f̄ - y)²⟩`.
    pub ensemble_error: f64,
    /// `1/k Σᵢ ⟨(fᵢ - y)²⟩`.
    pub mean_error: f64,
    /// `1/k Σᵢ ⟨(fᵢ - f̄)²⟩`.
    pub spread: f64,
    /// The book's `v`: the mean error, as a variance of errors around 0.
    pub variance: f64,
    /// The book's `c`: the mean product of the errors of two different members. 0 if there is only one.
    pub covariance: f64,
}

impl Decomposition {
    /// The parts for the predictions of each member on the same data, in one shape with the targets.
    ///
    /// # Errors
    /// If there are no members or no data, or a shape is not that of the targets, or a number is not finite.
    pub fn of(predictions: &[Tensor<f64>], targets: &Tensor<f64>) -> Result<Decomposition, RegularizeError> {
        let (k, n) = (predictions.len(), targets.shape().numel());
        if k == 0 || n == 0 {
            return Err(RegularizeError::Nothing { what: if k == 0 { "members" } else { "targets" } });
        }
        for values in predictions {
            if values.shape() != targets.shape() {
                let (expected, found) = (targets.shape(), values.shape());
                return Err(RegularizeError::Shape { what: "predictions", expected, found });
            }
            RegularizeError::unless_finite("predictions", values.data())?;
        }
        RegularizeError::unless_finite("targets", targets.data())?;
        let (mut ensemble, mut each, mut spread, mut products) = (0.0, 0.0, 0.0, 0.0);
        for (at, &target) in targets.data().iter().enumerate() {
            let values = || predictions.iter().map(|values| values.data()[at]);
            let mean = values().sum::<f64>() / k as f64;
            ensemble += (mean - target).powi(2);
            each += values().map(|f| (f - target).powi(2)).sum::<f64>();
            spread += values().map(|f| (f - mean).powi(2)).sum::<f64>();
            let mut before = 0.0;
            for error in values().map(|f| f - target) {
                products += error * before;
                before += error;
            }
        }
        let (k, n) = (k as f64, n as f64);
        let pairs = k * (k - 1.0) / 2.0;
        Ok(Decomposition {
            members: predictions.len(),
            ensemble_error: ensemble / n,
            mean_error: each / (k * n),
            spread: spread / (k * n),
            variance: each / (k * n),
            covariance: if pairs > 0.0 { products / (pairs * n) } else { 0.0 },
        })
    }
}

/// `v/k + (k - 1) c/k`: the expected squared error of the mean of `members` models whose errors have this
/// variance and covariance (*Deep Learning*, section 7.11).
///
/// `members` is at least 1.
///
/// ```
/// use regularize::ensemble::expected_squared_error;
/// assert_eq!(expected_squared_error(1.0, 0.0, 4), 0.25); // independent errors
/// assert_eq!(expected_squared_error(1.0, 1.0, 4), 1.0); // the same error: nothing is gained
/// assert_eq!(expected_squared_error(3.0, 0.5, 1), 3.0);
/// ```
pub fn expected_squared_error(variance: f64, covariance: f64, members: usize) -> f64 {
    let k = members as f64;
    variance / k + (k - 1.0) / k * covariance
}

#[cfg(test)]
mod tests;
