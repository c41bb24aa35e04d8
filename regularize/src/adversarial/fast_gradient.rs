//! One step along the gradient of the loss in the input: the largest increase of the linearised loss that
//! a budget allows.
//!
//! Near `x` the loss grows by `gᵀd` with `g = ∇ₓ J`. Over all `‖d‖ ≤ ε` that is largest at `ε` times the
//! direction of [`Norm::steepest`], for any norm; in the infinity norm at `ε sign(g)` (Goodfellow, Shlens,
//! Szegedy, ICLR 2015).
//!
//! An example whose gradient is 0 stays where it is, in every norm. Examples lie along the first axis and are
//! treated each by itself, so the loss may be a sum or a mean over them.

use super::attack::{Attack, Evidence, Moved};
use super::loss::AttackLoss;
use super::norm::Norm;
use super::threat::Threat;
use super::victim::{Targets, Victim};
use crate::error::RegularizeError;
use autograd::{Feed, Graph, Plan, Real, Var, grad};

/// What a perturbation is to later differentiation.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::{FastGradient, Norm, Perturbation};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![3.0, 4.0]));
/// let attack = FastGradient::new(1.0)?.in_norm(Norm::Two);
/// // The gradient is x, so x moves to x + x/‖x‖; the derivative of the second term is (I - u uᵀ)/‖x‖.
/// let slope = |perturbation| grad(attack.examples(x.norm_squared() * 0.5, x, perturbation).sum(), &[x])[0];
/// let slopes = [slope(Perturbation::Constant), slope(Perturbation::Differentiated)];
/// let found = interpret(&slopes, &[], None)?;
/// assert_eq!(found[0].data(), [1.0, 1.0]);
/// assert!(found[1].data().iter().zip([1.032, 0.976]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Perturbation {
    /// A constant: later gradients see `x + d` with a fixed `d`. What adversarial training does.
    Constant,
    /// A function of `x` and the parameters: later gradients go through it, by second derivatives. For the
    /// infinity norm that is the same, as the derivative of a sign is 0.
    Differentiated,
}

/// `x + ε sign(∇ₓ J)`: the fast gradient sign method, with the perturbation a constant to later gradients and
/// without a box (Goodfellow, Shlens, Szegedy, ICLR 2015). `epsilon` is a scalar of the graph.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::fgsm;
/// let graph = Graph::<f64>::new();
/// let x = graph.input("x", [1, 3]);
/// let w = graph.constant(Tensor::new([3, 1], vec![2.0, 0.0, -1.0]));
/// let loss = x.matmul(w).softplus().sum();
/// let moved = fgsm(loss, x, graph.fill([], 0.25));
/// let zero = Tensor::<f64>::zeros([1, 3]);
/// assert_eq!(interpret(&[moved], &[("x", Feed::from(&zero))], None)?[0].data(), [0.25, 0.0, -0.25]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the loss is no scalar or does not depend on `x`.
#[track_caller]
pub fn fgsm<'g, T: Real>(loss: Var<'g, T>, x: Var<'g, T>, epsilon: Var<'g, T>) -> Var<'g, T> {
    let gradient = grad(loss, &[x])[0];
    x + Norm::Infinity.steepest(gradient).detach() * epsilon
}

/// A fast gradient attack: budget, norm and box, checked together.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::{FastGradient, Norm, Perturbation};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![0.5, 0.5]));
/// let loss = x.matmul(graph.constant(Tensor::new([2, 1], vec![3.0, 4.0]))).sum();
/// let sign = FastGradient::new(0.25)?.within(0.0, 1.0)?;
/// let euclidean = FastGradient::new(0.5)?.in_norm(Norm::Two).within(0.0, 0.875)?;
/// let moved = [sign, euclidean].map(|attack| attack.examples(loss, x, Perturbation::Constant));
/// let found = interpret(&moved, &[], None)?;
/// assert_eq!(found[0].data(), [0.75, 0.75]);
/// // 0.5 + 0.5 (3, 4)/5, and the box cuts the second.
/// assert!((found[1].data()[0] - 0.8).abs() < 1e-12 && found[1].data()[1] == 0.875);
/// assert!(FastGradient::new(-0.1).is_err() && sign.within(1.0, 0.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FastGradient {
    threat: Threat,
}

impl FastGradient {
    /// The fast gradient sign method with budget `epsilon` and no box.
    ///
    /// # Errors
    /// If `epsilon` is negative or not finite.
    pub fn new(epsilon: f64) -> Result<FastGradient, RegularizeError> {
        Ok(FastGradient::of(Threat::infinity(epsilon)?))
    }

    /// The fast gradient attack within a threat, of any norm.
    pub fn of(threat: Threat) -> FastGradient {
        FastGradient { threat }
    }

    /// The same with the budget in another norm.
    pub fn in_norm(self, norm: Norm) -> FastGradient {
        FastGradient { threat: self.threat.in_norm(norm) }
    }

    /// The same with results clipped to `[low, high]`, the range of valid inputs.
    ///
    /// # Errors
    /// If the bounds are not finite or `low` is not below `high`.
    pub fn within(self, low: f64, high: f64) -> Result<FastGradient, RegularizeError> {
        Ok(FastGradient { threat: self.threat.within(low, high)? })
    }

    /// Budget, norm and box.
    pub fn threat(&self) -> Threat {
        self.threat
    }

    /// The budget.
    pub fn epsilon(&self) -> f64 {
        self.threat.epsilon()
    }

    /// The norm of the budget.
    pub fn norm(&self) -> Norm {
        self.threat.norm()
    }

    /// The box of valid inputs.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        self.threat.bounds()
    }

    /// The adversarial examples of `x` for a scalar loss, clipped to the box, of `x`'s shape. With `ε = 0`
    /// the variable `x` itself: nothing is recorded.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on `x`.
    #[track_caller]
    pub fn examples<'g, T: Real>(
        &self,
        loss: Var<'g, T>,
        x: Var<'g, T>,
        perturbation: Perturbation,
    ) -> Var<'g, T> {
        if self.epsilon() == 0.0 {
            return x;
        }
        let direction = self.norm().steepest(grad(loss, &[x])[0]);
        let moved = match perturbation {
            Perturbation::Constant => x + (direction * self.epsilon()).detach(),
            Perturbation::Differentiated => x + direction * self.epsilon(),
        };
        self.clip(moved)
    }

    /// `x` clipped to the box; `x` itself if there is none.
    #[track_caller]
    pub fn clip<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        self.threat.clip(x)
    }
}

/// On cross-entropy: away from the label or towards the target. The raw examples are not clipped.
impl<T: Real> Attack<T> for FastGradient {
    fn name(&self) -> String {
        match self.norm() {
            Norm::Infinity => "FGSM".into(),
            norm => format!("fast gradient {norm}"),
        }
    }

    fn threat(&self) -> Threat {
        self.threat
    }

    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let (x, shape, norm) = (targets.x, targets.x.shape(), self.norm());
        let mut evidence = Evidence::new(shape[0]);
        let slope = victim.slope(AttackLoss::CrossEntropy, x, targets)?;
        evidence.add(&slope);
        let feeds =
            [("x", Feed::from(x)), ("gradient", Feed::from(&slope.gradient)), ("epsilon", epsilon.into())];
        let points = victim.compute(
            &format!("step in {norm}"),
            shape,
            |graph: &Graph<T>| {
                let (x, gradient) = (graph.input("x", shape), graph.input("gradient", shape));
                let moved = x + norm.steepest(gradient) * graph.scalar("epsilon");
                Plan::builder(graph).output("moved", moved).compile()
            },
            &feeds,
            |outputs| outputs.tensor("moved"),
        )?;
        Ok(evidence.moved(x, points, true))
    }
}

#[cfg(test)]
mod tests;
