//! TRADES: accuracy on clean examples, and predictions that hold still around them.
//!
//! The error under attack is the natural error and that of the boundary being near. The second part needs no
//! label: the prediction should not change within the ball (Zhang et al., *Theoretically Principled Trade-off
//! between Robustness and Accuracy*, ICML 2019):
//!
//! ```text
//! J(x, y) + β 1/n Σᵢ D(p(xᵢ) ‖ p(x'ᵢ)),      x' = argmax over the ball of D(p(x) ‖ p(x'))
//! ```
//!
//! with `β` their `1/λ`. The inner problem is climbed by projected gradient steps on the *divergence*, not on the
//! labels' cross-entropy, from `x + 0.001 z` with `z` standard normal: at `x` itself its gradient is 0. The
//! point `x'` is a constant to the outer gradient; both predictions are not.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Mode, Optimiser, Sequential, Trainer, initialise};
//! use regularize::adversarial::{Pgd, Threat, Trades};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let attack = Pgd::new(Threat::infinity(0.1)?.within(0.0, 1.0)?, 5)?;
//! let trades = Trades::new(attack, 6.0, Mode::Evaluate)?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(3)
//!     .objective(move |batch| trades.objective(batch));
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::pgd::Pgd;
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var};
use nn::Mode;
use nn::loss::{Reduction, kl_divergence_of_logs};
use nn::train::Batch;

/// The deviation of the start around each example.
const START: f64 = 1e-3;

/// The objective of TRADES.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Mode, Sequential, train::Batch};
/// use regularize::adversarial::{Pgd, Threat, Trades};
/// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
/// let x = graph.constant(Tensor::new([1, 2], vec![0.5, 0.5]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let batch = Batch::new(x, label, &model, &[], Mode::Train);
/// let trades = |beta| Trades::new(Pgd::new(Threat::infinity(0.25)?, 4)?, beta, Mode::Evaluate);
/// let objectives = [trades(0.0)?.objective(&batch), trades(6.0)?.objective(&batch)];
/// let found = interpret(&objectives, &[], None)?;
/// // The worst corner is (0.75, 0.25) or its mirror; there the logits differ by ½.
/// let p = 1.0 / (1.0 + (-0.5f64).exp());
/// let divergence = 0.5 * (0.5 / p).ln() + 0.5 * (0.5 / (1.0 - p)).ln();
/// assert!((found[0].item() - 2f64.ln()).abs() < 1e-12);
/// assert!((found[1].item() - found[0].item() - 6.0 * divergence).abs() < 1e-12);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trades {
    attack: Pgd,
    beta: f64,
    attacked: Mode,
}

impl Trades {
    /// The attack's budget and steps, the weight `β` of the divergence (1 to 10, as a rule), and the mode of the
    /// network that the attack looks at.
    ///
    /// # Errors
    /// If `beta` is negative or not finite.
    pub fn new(attack: Pgd, beta: f64, attacked: Mode) -> Result<Trades, RegularizeError> {
        Ok(Trades { attack, beta: at_least_zero("weight beta of the divergence", beta)?, attacked })
    }

    /// The objective of a batch, a scalar. With `β = 0` or `ε = 0` the cross-entropy itself.
    ///
    /// # Panics
    /// If the logits do not depend on the inputs.
    #[track_caller]
    pub fn objective<'g, T: Real>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        let natural = batch.cross_entropy();
        if self.beta == 0.0 || self.attack.threat().epsilon() == 0.0 {
            return natural;
        }
        let moved = batch.on(self.examples(batch));
        let log_p = batch.logits().log_softmax();
        natural + kl_divergence_of_logs(moved.logits().log_softmax(), log_p, Reduction::Mean) * self.beta
    }

    /// The adversarial examples of a batch: where the prediction differs most from that for the clean ones. The
    /// start draws from the stream `trades.start`.
    ///
    /// # Panics
    /// As [`Trades::objective`].
    #[track_caller]
    pub fn examples<'g, T: Real>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        let draw = batch.graph.normal("trades.start", batch.inputs.shape());
        self.examples_from(batch, draw)
    }

    /// [`Trades::examples`] with a standard normal draw of one's own, of the inputs' shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Mode, Sequential, train::Batch};
    /// use regularize::adversarial::{Pgd, Threat, Trades};
    /// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
    /// let x = graph.constant(Tensor::new([1, 2], vec![0.5, 0.5]));
    /// let label = graph.index_constant(Tensor::new([1], vec![0]));
    /// let batch = Batch::new(x, label, &model, &[], Mode::Train);
    /// let trades = Trades::new(Pgd::new(Threat::infinity(0.25)?, 4)?, 6.0, Mode::Evaluate)?;
    /// // The draw says on which side of a prediction of ½ the climb begins.
    /// let draw = graph.constant(Tensor::new([1, 2], vec![-1.0, 1.0]));
    /// let found = interpret(&[trades.examples_from(&batch, draw)], &[], None)?;
    /// assert_eq!(found[0].data(), [0.25, 0.75]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// As [`Trades::objective`].
    #[track_caller]
    pub fn examples_from<'g, T: Real>(&self, batch: &Batch<'g, '_, T>, draw: Var<'g, T>) -> Var<'g, T> {
        let Batch { inputs, model, .. } = *batch;
        let logits = |x| model.forward(x, self.attacked);
        batch.graph.without_proposals(|| {
            let clean = logits(inputs).log_softmax().detach();
            self.attack.examples_from(inputs, inputs + draw * START, |x| {
                kl_divergence_of_logs(logits(x).log_softmax(), clean, Reduction::Sum)
            })
        })
    }
}

#[cfg(test)]
mod tests;
