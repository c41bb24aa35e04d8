//! Why adversarial examples exist: networks are linear enough (Goodfellow, Shlens, Szegedy, ICLR 2015,
//! sections 3 and 7; *Deep Learning*, section 7.13).
//!
//! For a unit `wᵀx` with `n` inputs of weights of mean size `m`, the attack `ε sign(w)` moves it by `ε ‖w‖₁`,
//! about `ε m n`; random noise `±ε`, of the same largest entry, moves it by `ε ‖w‖₂` typically, about `ε m √n`.
//! So in many dimensions a change that no entry shows is large for the unit: [`unit_moves`] measures both, and
//! [`growth_exponent`] finds the powers 1 and ½.
//!
//! A trained network is nearly that along the gradient: its logits at `x + t sign(∇ₓ J)` are piecewise linear
//! in `t` (exactly so for rectifiers), and wrong over long stretches. [`along`] gives the logits on any line, as
//! in the paper's figure 4.
//!
//! ```
//! use regularize::adversarial::linearity::{growth_exponent, unit_moves};
//! let moves: Vec<_> = (4..=14).map(|k| unit_moves(1 << k, 0.1, 16, 1)).collect();
//! let attack: Vec<_> = moves.iter().map(|m| (m.inputs as f64, m.attack)).collect();
//! let noise: Vec<_> = moves.iter().map(|m| (m.inputs as f64, m.noise)).collect();
//! assert!((growth_exponent(&attack) - 1.0).abs() < 0.02);
//! assert!((growth_exponent(&noise) - 0.5).abs() < 0.1);
//! ```

use super::victim::Victim;
use crate::error::RegularizeError;
use crate::host::rows;
use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Real, Tensor};

/// How far a linear unit of random weights moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitMoves {
    /// The number of its inputs.
    pub inputs: usize,
    /// By the attack `ε sign(w)`: `ε ‖w‖₁`, the mean over all units.
    pub attack: f64,
    /// By noise of random signs times `ε`: the root of the mean square.
    pub noise: f64,
}

/// Both moves for `units` units of `inputs` normal weights each.
///
/// # Panics
/// If there are no units, of which there is no mean.
///
/// ```
/// use regularize::adversarial::linearity::unit_moves;
/// // A single weight knows no difference between attack and noise; a thousand of them do.
/// let one = unit_moves(1, 0.1, 1, 7);
/// assert!((one.attack - one.noise).abs() < 1e-15);
/// let many = unit_moves(1000, 0.1, 100, 7);
/// assert!(many.attack > 20.0 * many.noise);
/// ```
#[track_caller]
pub fn unit_moves(inputs: usize, epsilon: f64, units: usize, seed: u64) -> UnitMoves {
    assert!(units > 0, "unit_moves: no units");
    let (mut attack, mut noise) = (0.0, 0.0);
    let stream = |name, run| Stream::new(seed, stream_of_name(name), run);
    for unit in 0..units as u64 {
        let (mut w, mut u) = (vec![0.0f64; inputs], vec![0.0f64; inputs]);
        stream("linearity.weights", unit).fill_normal(0, &mut w);
        stream("linearity.signs", unit).fill_uniform(0, &mut u);
        attack += epsilon * w.iter().map(|w| w.abs()).sum::<f64>();
        let moved: f64 =
            w.iter().zip(&u).map(|(w, u)| if *u < 0.5 { -epsilon * w } else { epsilon * w }).sum();
        noise += moved * moved;
    }
    UnitMoves { inputs, attack: attack / units as f64, noise: (noise / units as f64).sqrt() }
}

/// The `a` of the law `y = c xᵃ` through points `(x, y)`, both above 0, by least squares on logarithms; NaN for
/// fewer than two different `x`.
///
/// ```
/// use regularize::adversarial::linearity::growth_exponent;
/// assert!((growth_exponent(&[(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)]) - 2.0).abs() < 1e-12); // 3 x²
/// ```
pub fn growth_exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) =
        (logs.iter().map(|p| p.0).sum::<f64>() / count, logs.iter().map(|p| p.1).sum::<f64>() / count);
    let covariance: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    covariance / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}

/// The logits at `x + t d` for each `t`, `[coefficients, classes]`: one example `x` and a direction `d`, both of
/// shape `[1, ..]`.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::Sequential;
/// use regularize::adversarial::{Victim, linearity::along};
/// let (model, parameters) = (Sequential::<f64>::new(), Parameters::new()); // the logits are the inputs
/// let mut victim = Victim::new(&model, &parameters);
/// let x = Tensor::new([1, 2], vec![0.5, 0.25]);
/// let direction = Tensor::new([1, 2], vec![1.0, -1.0]);
/// let logits = along(&mut victim, &x, &direction, &[-1.0, 0.0, 0.5])?;
/// assert_eq!(logits.data(), [-0.5, 1.25, 0.5, 0.25, 1.0, -0.25]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// If `x` does not fit the network.
///
/// # Panics
/// If the direction is not of `x`'s shape, or that is not one example's.
pub fn along<T: Real>(
    victim: &mut Victim<'_, T>,
    x: &Tensor<T>,
    direction: &Tensor<T>,
    coefficients: &[f64],
) -> Result<Tensor<T>, RegularizeError> {
    let (shape, of_direction) = (x.shape(), direction.shape());
    assert!(
        shape == of_direction,
        "along: a direction of shape {of_direction} for an example of shape {shape}"
    );
    assert!(shape.rank() > 0 && shape[0] == 1, "along: one example, not shape {shape}");
    let width = rows(shape)[1];
    let line = Tensor::from_fn(shape.with_axis(0, coefficients.len()), |i| {
        let (t, k) = (coefficients[i / width], i % width);
        T::from_f64(x.data()[k].to_f64() + t * direction.data()[k].to_f64())
    });
    victim.logits(&line)
}

/// How far `values` at equal distances are from piecewise linear: the share of inner points whose second
/// difference is larger than `tolerance` times the range of the values. A piecewise linear function has few such
/// points, one or two for each corner, however fine the grid; a curved one has many on a coarse grid.
///
/// ```
/// use regularize::adversarial::linearity::share_of_corners;
/// let grid: Vec<f64> = (-3..=3).map(f64::from).collect();
/// let share = |f: fn(f64) -> f64| share_of_corners(&grid.iter().map(|t| f(*t)).collect::<Vec<_>>(), 1e-6);
/// assert_eq!(share(|t| 2.0 * t + 1.0), 0.0);
/// assert_eq!(share(f64::abs), 0.2); // one of five inner points
/// assert_eq!(share(|t| t * t), 1.0);
/// ```
pub fn share_of_corners(values: &[f64], tolerance: f64) -> f64 {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let bent = |w: &[f64]| (w[0] - 2.0 * w[1] + w[2]).abs() > tolerance * (high - low);
    let inner = values.len().saturating_sub(2).max(1);
    values.windows(3).filter(|w| bent(w)).count() as f64 / inner as f64
}

#[cfg(test)]
mod tests;
