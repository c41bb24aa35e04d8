//! Projected gradient ascent: steps along the steepest direction, each brought back into ball and box (Madry,
//! Makelov, Schmidt, Tsipras, Vladu, ICLR 2018).
//!
//! ```text
//! x₀ = x, or a random point of the ball
//! vₖ₊₁ = μ vₖ + gₖ / mean|gₖ|           with momentum (Dong et al., CVPR 2018); else vₖ₊₁ = gₖ
//! xₖ₊₁ = P(xₖ + α d(vₖ₊₁))              gₖ = ∇ J(xₖ),  d the steepest direction of the norm
//! ```
//!
//! `P` is the nearest point of ball and box ([`Threat::project`]), `d` is [`Norm::steepest`]. One step of size
//! `ε` from `x` is the fast gradient attack; one of size `1.25 ε` from a random point is that of fast
//! adversarial training (Wong, Rice, Kolter, ICLR 2020); presets are constructors.
//!
//! | preset | start | step | steps | direction |
//! |---|---|---|---|---|
//! | [`Pgd::new`] | `x` | `2.5 ε / k` | `k` | gradient |
//! | [`Pgd::fast`] | random | `1.25 ε` | 1 | gradient |
//! | [`Pgd::momentum`] | `x` | `ε / k` | `k` | `μ = 1` |
//!
//! In the graph, [`Pgd::examples`] unrolls the steps: an inner attack on *any* loss of the inputs, for a
//! training step that is one plan. On a data set, [`AttackEvaluator`](super::AttackEvaluator) runs it.
//!
//! A step is shared among the entries that the box lets move: otherwise, in the one norm, an entry at its bound
//! would take every step for itself.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::adversarial::{Pgd, Threat};
//! let graph = Graph::<f64>::new();
//! let x = graph.constant(Tensor::new([1, 2], vec![0.25, 0.5]));
//! let attack = Pgd::new(Threat::infinity(0.125)?.within(0.0, 1.0)?, 4)?;
//! // The loss grows towards (1, 0).
//! let moved = attack.examples(x, |x| -(x - graph.constant(Tensor::new([2], vec![1.0, 0.0]))).norm_squared());
//! assert_eq!(interpret(&[moved], &[], None)?[0].data(), [0.375, 0.375]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::attack::{Attack, Best, Evidence, Moved};
use super::loss::AttackLoss;
use super::norm::Norm;
use super::threat::{StartDraws, Threat};
use super::victim::{Targets, Victim};
use crate::error::{RegularizeError, at_least_one, at_least_zero};
use crate::host::rows;
use autograd::{Feed, Graph, Plan, Real, Tensor, Var, grad};
use nn::optimise::HyperparameterError;

/// Projected gradient ascent. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{AttackEvaluator, AttackLoss, Pgd, Threat};
/// let threat = Threat::infinity(0.25)?.within(0.0, 1.0)?;
/// let presets = [Pgd::new(threat, 10)?, Pgd::fast(threat)?, Pgd::momentum(threat, 10)?];
/// assert_eq!(presets.map(|attack| attack.size_of_step()), [0.0625, 0.3125, 0.025]);
/// let attack = Pgd::new(threat, 8)?.step_size(0.125)?.with_momentum(0.9)?.from_random();
///
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let found = AttackEvaluator::new(&model, attack.on(AttackLoss::Margin), 1).attack(&data, &Parameters::new())?;
/// assert_eq!(found.clipped.data(), [0.375, 0.625]); // from anywhere in the box
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pgd {
    pub(super) threat: Threat,
    pub(super) steps: usize,
    /// The step size over the budget, so that one attack makes sense for several budgets.
    pub(super) stride: f64,
    pub(super) momentum: Option<f64>,
    pub(super) random_start: bool,
    pub(super) loss: AttackLoss,
}

impl Pgd {
    /// `steps` steps of size `2.5 ε / steps` from `x`: any point of the ball is within reach.
    ///
    /// # Errors
    /// If there is no step, or no projection in the norm: it is 1, 2 or infinity.
    pub fn new(threat: Threat, steps: usize) -> Result<Pgd, RegularizeError> {
        at_least_one("attack's number of steps", steps)?;
        let stride = 2.5 / steps as f64;
        let threat = threat.projectable()?;
        let loss = AttackLoss::CrossEntropy;
        Ok(Pgd { threat, steps, stride, momentum: None, random_start: false, loss })
    }

    /// One step of size `1.25 ε` from a random point of the ball.
    ///
    /// # Errors
    /// If there is no projection in the norm.
    pub fn fast(threat: Threat) -> Result<Pgd, RegularizeError> {
        Ok(Pgd { stride: 1.25, random_start: true, ..Pgd::new(threat, 1)? })
    }

    /// MI-FGSM: `steps` steps of size `ε / steps` along gradients gathered with a momentum of 1.
    ///
    /// # Errors
    /// As [`Pgd::new`].
    pub fn momentum(threat: Threat, steps: usize) -> Result<Pgd, RegularizeError> {
        Ok(Pgd { stride: 1.0 / steps as f64, momentum: Some(1.0), ..Pgd::new(threat, steps)? })
    }

    /// The same with steps of this size. It is kept relative to the budget: with half the budget steps are
    /// half as long.
    ///
    /// # Errors
    /// If the size is not above 0 and finite, or the budget is 0 and nothing is relative to it.
    pub fn step_size(self, size: f64) -> Result<Pgd, RegularizeError> {
        let fits = size > 0.0 && size.is_finite() && self.threat.epsilon() > 0.0;
        HyperparameterError::unless(fits, "attack's step size", size, "above 0, and so must be the budget")?;
        Ok(Pgd { stride: size / self.threat.epsilon(), ..self })
    }

    /// The same with gradients gathered by a momentum `mu`.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn with_momentum(self, mu: f64) -> Result<Pgd, RegularizeError> {
        Ok(Pgd { momentum: Some(at_least_zero("attack's momentum", mu)?), ..self })
    }

    /// The same from a random point of the ball.
    pub fn from_random(self) -> Pgd {
        Pgd { random_start: true, ..self }
    }

    /// The same on another loss, when it is run on a data set; in a graph the caller gives the loss.
    pub fn on(self, loss: AttackLoss) -> Pgd {
        Pgd { loss, ..self }
    }

    /// Norm, budget and box.
    pub fn threat(&self) -> Threat {
        self.threat
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The size of a step.
    pub fn size_of_step(&self) -> f64 {
        self.stride * self.threat.epsilon()
    }

    /// The adversarial examples of `x`: points of ball and box, of `x`'s shape, where `loss`, a scalar of the
    /// inputs that it is given, is larger. They are constants to later differentiation. With `ε = 0` the
    /// variable `x` itself, and nothing is recorded.
    ///
    /// A random start draws from the streams `attack.start.entries` and `attack.start.radius`; for draws of
    /// one's own see [`Pgd::examples_from`]. The loss may hold anything: cross-entropy of `model.forward(x)`
    /// with labels, or its divergence from what the network says of the clean inputs.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on its inputs.
    #[track_caller]
    pub fn examples<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        loss: impl Fn(Var<'g, T>) -> Var<'g, T>,
    ) -> Var<'g, T> {
        if self.threat.epsilon() == 0.0 {
            return x;
        }
        let start = match self.random_start {
            true => self.threat.random(x, self.threat.draws(x.graph(), "attack.start", x.shape())),
            false => x,
        };
        self.climb(x, start, loss)
    }

    /// [`Pgd::examples`] from a given starting point, of `x`'s shape, first brought into ball and box.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::adversarial::{Pgd, Threat};
    /// let graph = Graph::<f64>::new();
    /// let [x, start] = [0.5, 0.75].map(|value| graph.constant(Tensor::new([1, 1], vec![value])));
    /// let attack = Pgd::new(Threat::infinity(0.5)?, 1)?.step_size(0.125)?;
    /// let moved = [attack.examples(x, |x| x.sum()), attack.examples_from(x, start, |x| x.sum())];
    /// let found = interpret(&moved, &[], None)?;
    /// assert_eq!((found[0].item(), found[1].item()), (0.625, 0.875));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// As [`Pgd::examples`].
    #[track_caller]
    pub fn examples_from<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        start: Var<'g, T>,
        loss: impl Fn(Var<'g, T>) -> Var<'g, T>,
    ) -> Var<'g, T> {
        if self.threat.epsilon() == 0.0 {
            return x;
        }
        self.climb(x, self.threat.project(x, start), loss)
    }

    /// All steps, from a point of ball and box.
    #[track_caller]
    fn climb<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        start: Var<'g, T>,
        loss: impl Fn(Var<'g, T>) -> Var<'g, T>,
    ) -> Var<'g, T> {
        let epsilon = x.graph().fill([], self.threat.epsilon());
        let x = x.detach();
        let mut state = State { point: start, velocity: None };
        for _ in 0..self.steps {
            // A node of its own, so that the gradient is that of this step and goes no further back.
            let point = state.point.detach();
            let gradient = grad(loss(point), &[point])[0];
            state = self.step(x, State { point, ..state }, gradient.detach(), epsilon);
        }
        state.point.detach()
    }

    /// One step from `state`, where the loss has this gradient.
    #[track_caller]
    pub(super) fn step<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        state: State<'g, T>,
        gradient: Var<'g, T>,
        epsilon: Var<'g, T>,
    ) -> State<'g, T> {
        let velocity = self.momentum.map(|mu| {
            let gathered = over_mean(gradient);
            state.velocity.map_or(gathered, |velocity| velocity * mu + gathered)
        });
        let direction =
            self.threat.norm().steepest(self.threat.movable(state.point, velocity.unwrap_or(gradient)));
        let moved = state.point + direction * (epsilon * self.stride);
        State { point: self.threat.project_within(x, moved, epsilon), velocity }
    }
}

/// Returned is, for each example, the point with the largest loss among all that were visited, its start and
/// the last one included.
impl<T: Real> Attack<T> for Pgd {
    fn name(&self) -> String {
        let kind = match self.momentum {
            Some(_) => "MI-FGSM",
            None if self.steps == 1 && self.random_start => "FGSM, random start",
            None => "PGD",
        };
        match self.steps {
            1 => kind.to_string(),
            steps => format!("{kind}-{steps}"),
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
        let (x, shape) = (targets.x, targets.x.shape());
        let mut evidence = Evidence::new(shape[0]);
        let mut best = Best::new(x);
        let mut point = match self.random_start {
            true => random_start(self.threat, victim, targets, epsilon)?,
            false => x.clone(),
        };
        let mut velocity = Tensor::zeros(shape);
        let build = |graph: &Graph<T>| {
            let input = |name| graph.input(name, shape);
            let (x, point) = (input("x"), input("point"));
            let state = State { point, velocity: self.momentum.map(|_| input("velocity")) };
            let next = self.step(x, state, input("gradient"), graph.scalar("epsilon"));
            let velocity = next.velocity.unwrap_or(next.point);
            Plan::builder(graph).output("point", next.point).output("velocity", velocity).compile()
        };
        for _ in 0..self.steps {
            let slope = victim.slope(self.loss, &point, targets)?;
            evidence.add(&slope);
            best.see(&point, &slope.losses);
            let mut feeds = vec![
                ("x", Feed::from(x)),
                ("point", Feed::from(&point)),
                ("gradient", Feed::from(&slope.gradient)),
                ("epsilon", epsilon.into()),
            ];
            if self.momentum.is_some() {
                feeds.push(("velocity", Feed::from(&velocity)));
            }
            (point, velocity) =
                victim.compute(&format!("step of {self:?}"), shape, build, &feeds, |outputs| {
                    (outputs.tensor("point"), outputs.tensor("velocity"))
                })?;
        }
        let last = victim.losses(self.loss, &point, targets)?;
        evidence.trace_of(&last);
        best.see(&point, &last);
        Ok(evidence.moved(x, best.points, true))
    }
}

/// A random point of ball and box for each example.
pub(super) fn random_start<T: Real>(
    threat: Threat,
    victim: &mut Victim<'_, T>,
    targets: &Targets<'_, T>,
    epsilon: f64,
) -> Result<Tensor<T>, RegularizeError> {
    let shape = targets.x.shape();
    let [examples, width] = [rows(shape)[0], rows(shape)[1]];
    let entries = match threat.norm() {
        Norm::Two => targets.normal("attack.start.entries", width),
        _ => targets.uniform("attack.start.entries", width),
    };
    let radius = Tensor::new([examples, 1], targets.uniform("attack.start.radius", 1));
    let entries = Tensor::new(shape, entries);
    let feeds = [
        ("x", Feed::from(targets.x)),
        ("entries", Feed::from(&entries)),
        ("radius", Feed::from(&radius)),
        ("epsilon", epsilon.into()),
    ];
    let build = |graph: &Graph<T>| {
        let x = graph.input("x", shape);
        let draws = StartDraws {
            entries: graph.input("entries", shape),
            radius: graph.input("radius", [examples, 1]),
        };
        Plan::builder(graph)
            .output("start", threat.random_within(x, draws, graph.scalar("epsilon")))
            .compile()
    };
    victim
        .compute(&format!("random start, {threat}"), shape, build, &feeds, |outputs| outputs.tensor("start"))
}

/// Where an iterated attack is.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'g, T: Real> {
    /// The point.
    pub point: Var<'g, T>,
    /// The gathered gradients; `None` before the first.
    pub velocity: Option<Var<'g, T>>,
}

/// Each example's gradient over its mean absolute value; 0 where it is 0.
#[track_caller]
fn over_mean<'g, T: Real>(gradient: Var<'g, T>) -> Var<'g, T> {
    let shape = gradient.shape();
    if shape.is_empty() {
        return gradient;
    }
    let g = gradient.reshape(rows(shape));
    let mean = g.abs().mean_keep(&[1]);
    (g / mean.equal(0.0).select(mean.like(1.0), mean)).reshape(shape)
}

#[cfg(test)]
mod tests;
