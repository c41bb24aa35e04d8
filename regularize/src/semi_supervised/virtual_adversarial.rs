//! Virtual adversarial training: the prediction changes little in the direction in which it changes most.
//!
//! No label is needed to ask that of a network (Miyato et al., *Distributional Smoothing with Virtual
//! Adversarial Training*, ICLR 2016; TPAMI 2018):
//!
//! ```text
//! 1/n Σᵢ D(p(xᵢ) ‖ p(xᵢ + rᵢ)),      rᵢ = argmax over ‖r‖₂ = ε of D(p(xᵢ) ‖ p(xᵢ + r))
//! ```
//!
//! At `r = 0` the divergence and its gradient are 0, so near it `D ≈ ½ rᵀ H r`, and the worst `r` is the top
//! eigenvector of the Hessian `H` in `r`. Power iteration finds it from a random start:
//! `d := H d / ‖H d‖`, as a rule once.
//!
//! | [`PowerStep`] | `H d` | cost beside the loss, for each iteration |
//! |---|---|---|
//! | [`Exact`](PowerStep::Exact) | `Jᵀ (diag p - p pᵀ) J d` with the Jacobian `J` of the logits in `x`, which *is* `H`: the terms with second derivatives of the network have the factor `∇D = 0` | one forward and one backward pass |
//! | [`Difference`](PowerStep::Difference) | `∇ᵣ D(p(x) ‖ p(x + r))` at `r = ξ d`, over `ξ` | one forward and one backward pass |
//!
//! The second is the paper's, with an error of order `ξ` and the rounding of `p - p` divided by `ξ`; the
//! first has neither. The target `p(xᵢ)` and the perturbation are constants to later gradients.
//!
//! For a linear softmax `z = x W` the Hessian is `W (diag p - p pᵀ) Wᵀ`; the tests compare with its eigenvectors.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Layer, Mode, Sequential};
//! use regularize::semi_supervised::VirtualAdversarial;
//! let model = Sequential::<f32>::new().linear(4, 3);
//! let graph = Graph::new();
//! let (x, draw) = (graph.input("x", [8, 4]), graph.normal("start", [8, 4]));
//! let loss = VirtualAdversarial::new(0.5)?.loss(|x| model.forward(x, Mode::Evaluate), x, draw);
//! assert_eq!(loss.shape().rank(), 0);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::adversarial::Norm;
use crate::error::{RegularizeError, above_zero, at_least_zero};
use autograd::{Real, Var, grad, jvp, vjp};
use nn::loss::{Reduction, kl_divergence_of_logs};
use nn::train::Batch;

/// How the product of the Hessian with a direction is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum PowerStep {
    /// Exactly, by a Jacobian-vector product and a vector-Jacobian product.
    #[default]
    Exact,
    /// By the gradient at a small distance `ξ`.
    Difference {
        /// The distance.
        xi: f64,
    },
}

/// Local distributional smoothness as a term of a loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VirtualAdversarial {
    epsilon: f64,
    iterations: usize,
    step: PowerStep,
}

impl VirtualAdversarial {
    /// Perturbations of Euclidean norm `epsilon`, one exact power iteration.
    ///
    /// # Errors
    /// If `epsilon` is negative or not finite.
    pub fn new(epsilon: f64) -> Result<VirtualAdversarial, RegularizeError> {
        let epsilon = at_least_zero("virtual adversarial budget epsilon", epsilon)?;
        Ok(VirtualAdversarial { epsilon, iterations: 1, step: PowerStep::Exact })
    }

    /// The same with another number of power iterations; 0 is a random direction, the control.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::semi_supervised::VirtualAdversarial;
    /// let graph = Graph::<f64>::new();
    /// // The logits hear more of the first input than of the second: iterations turn the start towards it.
    /// let w = graph.constant(Tensor::new([2, 2], vec![2.0, 0.0, 0.0, 1.0]));
    /// let [x, start] = [[0.3, 0.7], [3.0, 4.0]].map(|v| graph.constant(Tensor::new([1, 2], v.to_vec())));
    /// let smooth = VirtualAdversarial::new(0.5)?;
    /// let after = |n| smooth.iterations(n).perturbation(|x| x.matmul(w), x, start);
    /// let found = interpret(&[after(0), after(1), after(8), after(9)], &[], None)?;
    /// let of = |n: usize, i: usize| found[n].data()[i];
    /// assert!((of(0, 0) - 0.3).abs() < 1e-15 && (of(0, 1) - 0.4).abs() < 1e-15); // ½ (3, 4) / 5
    /// assert!(of(1, 0).abs() > 0.3 && (of(2, 0) - of(3, 0)).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn iterations(self, iterations: usize) -> VirtualAdversarial {
        VirtualAdversarial { iterations, ..self }
    }

    /// The same with the paper's power step, by the gradient at distance `xi`.
    ///
    /// # Errors
    /// If `xi` is not above 0 and finite.
    pub fn by_difference(self, xi: f64) -> Result<VirtualAdversarial, RegularizeError> {
        above_zero("virtual adversarial distance xi", xi)?;
        Ok(VirtualAdversarial { step: PowerStep::Difference { xi }, ..self })
    }

    /// The size of the perturbations.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The perturbation `r` of each example of `x`, of norm `ε`; a constant to later gradients. `draw` is the
    /// start of the power iteration, of `x`'s shape, usually standard normal. `logits` records the network
    /// on other inputs of that shape.
    ///
    /// An example whose predictions do not change at all, `H d = 0`, gets 0.
    ///
    /// # Panics
    /// If shapes do not fit or the logits do not depend on their input.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::semi_supervised::VirtualAdversarial;
    /// let graph = Graph::<f64>::new();
    /// // Logits that depend on the first input alone: the worst step is along it, whatever the start.
    /// let w = graph.constant(Tensor::new([2, 2], vec![1.0, -1.0, 0.0, 0.0]));
    /// let [x, start] = [[0.3, 0.7], [0.1, 5.0]].map(|v| graph.constant(Tensor::new([1, 2], v.to_vec())));
    /// let worst = |smooth: VirtualAdversarial| smooth.perturbation(|x| x.matmul(w), x, start);
    /// let smooth = VirtualAdversarial::new(0.5)?;
    /// let found = interpret(&[worst(smooth), worst(smooth.by_difference(1e-4)?)], &[], None)?;
    /// for r in found {
    ///     assert!((r.data()[0].abs() - 0.5).abs() < 1e-15 && r.data()[1] == 0.0);
    /// }
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn perturbation<'g, T: Real>(
        &self,
        logits: impl Fn(Var<'g, T>) -> Var<'g, T>,
        x: Var<'g, T>,
        draw: Var<'g, T>,
    ) -> Var<'g, T> {
        let (shape, drawn) = (x.shape(), draw.shape());
        assert!(shape == drawn, "virtual adversarial: a start of shape {drawn} for inputs of shape {shape}");
        let mut direction = Norm::Two.steepest(draw);
        if self.iterations > 0 {
            let clean = logits(x);
            for _ in 0..self.iterations {
                direction = Norm::Two.steepest(self.hessian_product(&logits, clean, x, direction));
            }
        }
        (direction * self.epsilon).detach()
    }

    /// `H d` for each example, up to a positive factor.
    fn hessian_product<'g, T: Real>(
        &self,
        logits: &impl Fn(Var<'g, T>) -> Var<'g, T>,
        clean: Var<'g, T>,
        x: Var<'g, T>,
        direction: Var<'g, T>,
    ) -> Var<'g, T> {
        match self.step {
            PowerStep::Exact => {
                let (p, moved) = (clean.softmax(), jvp(clean, &[x], &[direction]));
                let curved = p * (moved - (p * moved).sum_keep(&[-1]));
                vjp(clean, curved, &[x])[0]
            }
            PowerStep::Difference { xi } => {
                let moved = x + direction * xi;
                let divergence = kl_divergence_of_logs(
                    logits(moved).log_softmax(),
                    clean.log_softmax().detach(),
                    Reduction::Sum,
                );
                grad(divergence, &[moved])[0]
            }
        }
    }

    /// `1/n Σᵢ D(p(xᵢ) ‖ p(xᵢ + rᵢ))`, a scalar. With `ε = 0` it is 0, and the network is not recorded.
    ///
    /// # Panics
    /// As [`VirtualAdversarial::perturbation`].
    #[track_caller]
    pub fn loss<'g, T: Real>(
        &self,
        logits: impl Fn(Var<'g, T>) -> Var<'g, T>,
        x: Var<'g, T>,
        draw: Var<'g, T>,
    ) -> Var<'g, T> {
        if self.epsilon == 0.0 {
            return x.graph().fill([], 0.0);
        }
        // Recorded first: if the network keeps running statistics, they are those of the clean examples.
        let target = logits(x).log_softmax().detach();
        let moved = x + self.perturbation(&logits, x, draw);
        kl_divergence_of_logs(logits(moved).log_softmax(), target, Reduction::Mean)
    }

    /// The term for the inputs `x`, labelled or not, by the network and in the mode of a batch; the start is
    /// drawn from the stream `virtual_adversarial`. With `ε = 0` it is 0.
    ///
    /// # Panics
    /// As [`VirtualAdversarial::perturbation`].
    #[track_caller]
    pub fn on<'g, T: Real>(&self, batch: &Batch<'g, '_, T>, x: Var<'g, T>) -> Var<'g, T> {
        let draw = batch.graph.normal("virtual_adversarial", x.shape());
        self.loss(|x| batch.on(x).logits(), x, draw)
    }
}

#[cfg(test)]
mod tests;
