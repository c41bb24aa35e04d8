//! Sharpness-aware minimisation: SAM (Foret, Kleiner, Mobahi, Neyshabur, ICLR 2021) and ASAM (Kwon, Kim, Park,
//! Choi, ICML 2021).
//!
//! What is minimised is the loss of the worst neighbour, `max J(w + e)` over a neighbourhood of size `ρ`. To
//! first order the worst neighbour lies along the gradient `g = ∇J(w)`:
//!
//! | | neighbourhood | worst neighbour `e` |
//! |---|---|---|
//! | SAM | `‖e‖ ≤ ρ` | `ρ g / ‖g‖` |
//! | ASAM | `‖T⁻¹ e‖ ≤ ρ`, `T = diag(abs(w) + η)` | `ρ T² g / ‖T g‖` |
//!
//! The norm is of all parameters as one vector. The step then goes along the gradient *at the neighbour*,
//! `∇J(w + e)`, from `w`; how `e` itself changes with `w` is left out, as in the papers (their equations 3 and
//! 7). With ASAM's `T` the neighbourhood follows the weights: a network of rectifiers whose first layer is
//! doubled and whose second is halved is the same function, and ASAM (with `η = 0`) finds it just as sharp;
//! SAM does not.
//!
//! As a graph operation this is three lines: the gradient, the neighbour, and
//! [`substitute`](autograd::substitute()), which rewrites the gradient as an expression of the neighbour. Both
//! passes, and the optimiser's update, are one compiled plan. They see the same random draws. What layers
//! [propose](autograd::Graph::propose_update) is not rewritten: the running statistics of batch normalisation
//! are updated once in a step, from the pass at `w`.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::SharpnessAware;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..200).collect::<Vec<_>>())?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let optimiser = Optimiser::momentum(0.1, 0.9).with_gradients(SharpnessAware::new(0.05)?);
//! let mut trainer = Trainer::new(&model, optimiser).epochs(3);
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Var, grad, substitute};
use nn::ParameterSpec;
use nn::optimise::GradientRule;

/// The gradient at the worst neighbour: SAM or ASAM, in front of any optimiser's chain. See the [module
/// documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpnessAware {
    rho: f64,
    /// ASAM's `η`; `None` is SAM.
    eta: Option<f64>,
}

impl SharpnessAware {
    /// SAM with a ball of radius `rho`; the paper takes 0.05.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::SharpnessAware;
    /// let graph = Graph::<f64>::new();
    /// let w = graph.fill([1], 1.0);
    /// let loss = w.powi(2).sum();
    /// let half = SharpnessAware::new(0.5)?;
    /// let found = interpret(&[half.sharpness(loss, &[w]), half.gradients_of(loss, &[w])[0]], &[], None)?;
    /// assert_eq!(found[0].item(), 1.25); // 1.5² - 1
    /// assert_eq!(found[1].item(), 3.0); // 2 · 1.5
    /// assert!(SharpnessAware::new(-0.5).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If `rho` is negative or not finite.
    pub fn new(rho: f64) -> Result<SharpnessAware, RegularizeError> {
        Ok(SharpnessAware { rho: at_least_zero("radius rho", rho)?, eta: None })
    }

    /// ASAM with radius `rho`, in units of the weights, and the offset `eta` that lets a weight of 0 move; the
    /// paper takes 0.5 and 0.01.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use regularize::SharpnessAware;
    /// let graph = Graph::<f64>::new();
    /// // A product of two layers: half the one and twice the other are the same function.
    /// let sharpness = |rule: SharpnessAware, first, second| {
    ///     let (a, b) = (graph.fill([], first), graph.fill([], second));
    ///     let found = interpret(&[rule.sharpness((a * b - 2.0).powi(2), &[a, b])], &[], None)?;
    ///     Ok::<_, regularize::RegularizeError>(found[0].item())
    /// };
    /// let (adaptive, plain) = (SharpnessAware::adaptive(0.5, 0.0)?, SharpnessAware::new(0.5)?);
    /// assert!((sharpness(adaptive, 1.0, 1.0)? - sharpness(adaptive, 0.5, 2.0)?).abs() < 1e-12);
    /// assert!((sharpness(plain, 1.0, 1.0)? - sharpness(plain, 0.5, 2.0)?).abs() > 0.1);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If a number is negative or not finite.
    pub fn adaptive(rho: f64, eta: f64) -> Result<SharpnessAware, RegularizeError> {
        let eta = Some(at_least_zero("offset eta", eta)?);
        Ok(SharpnessAware { eta, ..SharpnessAware::new(rho)? })
    }

    /// The radius.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// The worst neighbour `w + e` of all `parameters` to first order, given their gradients in the same
    /// order. With `ρ = 0` the parameters themselves; where the gradient is 0 everywhere, equal to them.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::SharpnessAware;
    /// let graph = Graph::<f64>::new();
    /// let w = graph.constant(Tensor::new([2], vec![1.0, 2.0]));
    /// let g = graph.constant(Tensor::new([2], vec![3.0, 4.0]));
    /// let found = interpret(&SharpnessAware::new(0.5)?.neighbour(&[w], &[g]), &[], None)?;
    /// assert!(found[0].data().iter().zip([1.3, 2.4]).all(|(a, b)| (a - b).abs() < 1e-15)); // w + ½ (3, 4)/5
    /// assert_eq!(SharpnessAware::new(0.0)?.neighbour(&[w], &[g])[0].id(), w.id());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If numbers or shapes differ.
    #[track_caller]
    pub fn neighbour<'g, T: Real>(
        &self,
        parameters: &[Var<'g, T>],
        gradients: &[Var<'g, T>],
    ) -> Vec<Var<'g, T>> {
        let (count, given) = (parameters.len(), gradients.len());
        assert!(count == given, "SharpnessAware: {count} parameters, {given} gradients");
        for (w, g) in parameters.iter().zip(gradients) {
            let (w, g) = (w.shape(), g.shape());
            assert!(w == g, "SharpnessAware: a gradient of shape {g} for a parameter of shape {w}");
        }
        if self.rho == 0.0 {
            return parameters.to_vec();
        }
        // T, of each parameter; 1 for SAM.
        let scales: Vec<_> = parameters.iter().map(|w| self.eta.map(|eta| w.abs() + eta)).collect();
        let scaled = |v: Var<'g, T>, scale: Option<Var<'g, T>>| scale.map_or(v, |scale| v * scale);
        let tg: Vec<_> = gradients.iter().zip(&scales).map(|(&g, &scale)| scaled(g, scale)).collect();
        let Some(unit) = unit(&tg) else { return parameters.to_vec() };
        let moved = |i: usize| parameters[i] + scaled(unit[i], scales[i]) * self.rho;
        (0..count).map(moved).collect()
    }

    /// `J(w + e) - J(w)`, a scalar: how far the loss rises on the way to the worst neighbour. With `ρ = 0` it
    /// is 0.
    ///
    /// # Panics
    /// If the loss is no scalar, or does not depend on one of the parameters.
    #[track_caller]
    pub fn sharpness<'g, T: Real>(&self, loss: Var<'g, T>, parameters: &[Var<'g, T>]) -> Var<'g, T> {
        let neighbour = self.neighbour(parameters, &grad(loss, parameters));
        let pairs: Vec<_> = parameters.iter().copied().zip(neighbour).collect();
        substitute(&[loss], &pairs)[0] - loss
    }

    /// The gradient at the worst neighbour, `∇J(w + e)`, for each of the parameters. With `ρ = 0` it is the
    /// gradient, and nothing else is recorded.
    ///
    /// # Panics
    /// If the loss is no scalar, or does not depend on one of the parameters.
    #[track_caller]
    pub fn gradients_of<'g, T: Real>(&self, loss: Var<'g, T>, parameters: &[Var<'g, T>]) -> Vec<Var<'g, T>> {
        let gradients = grad(loss, parameters);
        if self.rho == 0.0 {
            return gradients;
        }
        let neighbour = self.neighbour(parameters, &gradients);
        let pairs: Vec<_> = parameters.iter().copied().zip(neighbour).collect();
        substitute(&gradients, &pairs)
    }
}

impl<T: Real> GradientRule<T> for SharpnessAware {
    fn gradients<'g>(
        &self,
        loss: Var<'g, T>,
        parameters: &[(&ParameterSpec, Var<'g, T>)],
    ) -> Vec<Var<'g, T>> {
        let variables: Vec<_> = parameters.iter().map(|&(_, variable)| variable).collect();
        self.gradients_of(loss, &variables)
    }
}

/// Several variables as one vector of norm 1 along them; 0 if all are 0. `None` if they have no elements.
pub(crate) fn unit<'g, T: Real>(vectors: &[Var<'g, T>]) -> Option<Vec<Var<'g, T>>> {
    let filled = vectors.iter().filter(|v| !v.shape().is_empty());
    // Divided by the largest entry first: the squares of a gradient of 1e-25 underflow in single precision,
    // and would pass for 0.
    let largest = filled.map(|v| v.abs().max()).reduce(|a, b| a.maximum(b))?;
    let zero = largest.equal(0.0);
    let largest = zero.select(largest.like(1.0), largest);
    let scaled: Vec<_> = vectors.iter().map(|&v| v / largest).collect();
    let square = scaled.iter().map(|v| v.norm_squared()).reduce(|a, b| a + b)?;
    let norm = zero.select(square.like(1.0), square).sqrt();
    Some(scaled.iter().map(|&v| v / norm).collect())
}

#[cfg(test)]
mod tests;
