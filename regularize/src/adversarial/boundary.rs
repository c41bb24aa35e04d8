//! A picture of a network's decisions around an example: the plane through it that the gradient's direction and a
//! random one span (Goodfellow's "church window plots"; Warde-Farley and Goodfellow, 2016).
//!
//! One axis is the steepest direction of the loss, the other a random one, made orthogonal to it and of the same
//! length. Typically the boundary is close and straight across the first axis, and far along the second: an
//! example is vulnerable in few directions, but over a broad front.

use super::attack::Attack;
use super::evaluator::classes_of;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::FastGradient;
use crate::error::RegularizeError;
use crate::host::rows;
use autograd::{Real, Shape, Tensor};

/// The classes that a network predicts in a plane. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::Sequential;
/// use regularize::adversarial::boundary::DecisionPlane;
/// use regularize::adversarial::{Threat, Victim};
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let parameters = Parameters::new();
/// let mut victim = Victim::new(&model, &parameters);
/// // Class 0 leads by 0.25, and loses twice what is gone along the gradient: the boundary is at 0.125.
/// let x = Tensor::new([1, 2], vec![0.625, 0.375]);
/// let plane = DecisionPlane::around(&mut victim, &x, 0, Threat::infinity(0.4)?, 5, 1)?;
/// assert_eq!(plane.classes, [0, 0, 0, 1, 1].repeat(5));
/// assert_eq!((plane.centre(), plane.share_of_centre()), (0, 0.6));
/// let drawing = plane.drawing(|class| if class == 0 { '.' } else { 'x' });
/// assert_eq!(drawing.lines().nth(2), Some(" . .[.]x x"));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionPlane {
    /// Points along each side, an odd number: the example is in the middle.
    pub side: usize,
    /// The predicted classes, row by row: the gradient's axis runs to the right from `-ε` to `ε`, the random one
    /// downwards.
    pub classes: Vec<u32>,
}

impl DecisionPlane {
    /// The plane around one example `x` of shape `[1, ..]` with its label, as far as the threat's budget; the box
    /// is not heeded. `side` is rounded up to an odd number.
    ///
    /// # Errors
    /// If `x` is not one example, or does not fit the network.
    pub fn around<T: Real>(
        victim: &mut Victim<'_, T>,
        x: &Tensor<T>,
        label: u32,
        threat: Threat,
        side: usize,
        seed: u64,
    ) -> Result<DecisionPlane, RegularizeError> {
        let shape = x.shape();
        if shape.rank() == 0 || shape[0] != 1 {
            let lengths = [&[1], shape.lengths().get(1..).unwrap_or_default()].concat();
            let (what, expected) = ("values of one example", Shape::new(&lengths));
            return Err(RegularizeError::Shape { what, expected, found: shape });
        }
        let (side, width) = (side | 1, rows(shape)[1]);
        let labels = Tensor::new([1], vec![label]);
        let targets = Targets { x, labels: &labels, targets: None, first: 0, seed };
        let moved = FastGradient::of(threat).run(victim, &targets, threat.epsilon())?.points;
        let first: Vec<f64> =
            moved.data().iter().zip(x.data()).map(|(m, x)| m.to_f64() - x.to_f64()).collect();
        let draws: Vec<f64> =
            targets.normal("boundary.direction", width).iter().map(|d| d.to_f64()).collect();
        let second = orthogonal(&first, draws);
        let half = (side / 2).max(1) as f64;
        let points = Tensor::from_fn(shape.with_axis(0, side * side), |i| {
            let (point, k) = (i / width, i % width);
            let at = |position: usize| (position as f64 - (side / 2) as f64) / half;
            let (right, down) = (at(point % side), at(point / side));
            T::from_f64(x.data()[k].to_f64() + right * first[k] + down * second[k])
        });
        Ok(DecisionPlane { side, classes: classes_of(&victim.logits(&points)?) })
    }

    /// The class in the middle: that of the example.
    pub fn centre(&self) -> u32 {
        self.classes[self.side * self.side / 2]
    }

    /// The share of the plane whose class is that of the example.
    pub fn share_of_centre(&self) -> f64 {
        let centre = self.centre();
        self.classes.iter().filter(|class| **class == centre).count() as f64 / self.classes.len() as f64
    }

    /// A line of text for each row, two columns wide for each point, the example marked by brackets.
    pub fn drawing(&self, symbol: impl Fn(u32) -> char) -> String {
        let mut text = String::new();
        for (row, classes) in self.classes.chunks(self.side).enumerate() {
            for (column, class) in classes.iter().enumerate() {
                let middle = row == self.side / 2 && (column == self.side / 2 || column == self.side / 2 + 1);
                let before = match (middle, column == self.side / 2) {
                    (true, true) => '[',
                    (true, false) => ']',
                    _ => ' ',
                };
                text.push(before);
                text.push(symbol(*class));
            }
            text.push('\n');
        }
        text
    }
}

/// `v` without its part along `u`, as long as `u`.
fn orthogonal(u: &[f64], mut v: Vec<f64>) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let square = dot(u, u);
    if square > 0.0 {
        let along = dot(u, &v) / square;
        v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
    }
    let scale = (square / dot(&v, &v).max(f64::MIN_POSITIVE)).sqrt();
    v.iter_mut().for_each(|v| *v *= scale);
    v
}

#[cfg(test)]
mod tests;
