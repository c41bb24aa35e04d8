//! One constrained problem, solved: projected gradient descent with its evidence.

use super::Projection;
use crate::error::{RegularizeError, above_zero};
use autograd::{Feed, Graph, Op, Parameters, Plan, Real, Tensor, Var, grad};
use nn::optimise::HyperparameterError;
use nn::{ParameterSpec, Selection};

/// The name of the scalar input that takes the step length.
const RATE: &str = "step length";

/// Minimises a loss over sets by projected gradient descent: `w := P(w - ε ∇J)`, with an `ε` that is halved
/// whenever the step's promise is not kept (Bertsekas, *Nonlinear Programming*, section 2.3; Parikh and Boyd,
/// *Proximal Algorithms*, 2014, section 4.2).
///
/// A step is kept if `J(w⁺) ≤ J(w) + ⟨∇J, w⁺ - w⟩ + ‖w⁺ - w‖²/(2ε)`, which every `ε ≤ 1/L` fulfils for
/// gradients that change by at most `L` per unit of way; so every step decreases the loss. It ends where `‖w -
/// P(w - ∇J)‖`, zero exactly at the points that fulfil the Karush-Kuhn-Tucker conditions, is below the
/// tolerance. For a convex loss they are the minima.
///
/// Everything is fed at once, for small problems in full batches; random draws are those of run 0.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor};
/// use nn::{Initialiser, ParameterSpec, Role, Selection};
/// use regularize::{L2Ball, ProjectedGradient};
/// let graph = Graph::<f64>::new();
/// let spec =
///     ParameterSpec { name: "w".into(), shape: [2].into(), role: Role::Weight, initialiser: Initialiser::Zeros };
/// let target = graph.constant(Tensor::new([2], vec![3.0, 4.0]));
/// let loss = (spec.declare(&graph) - target).norm_squared() * 0.5;
/// let mut values: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
/// let ball = L2Ball::new(1.0)?;
/// let report = ProjectedGradient::default().minimise(
///     loss, &[spec], &[(Selection::all(), &ball)], &mut values, &[],
/// )?;
/// // At w* / 5 the loss pulls with force 4 at a weight of length 1: as L2 with coefficient 4 would.
/// assert!((report.constraints[0].multiplier.item() - 4.0).abs() < 1e-12);
/// assert!(report.residual() < 1e-8);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectedGradient {
    /// The first step length.
    pub rate: f64,
    /// The largest number of steps.
    pub steps: usize,
    /// The residual that is small enough.
    pub tolerance: f64,
}

impl Default for ProjectedGradient {
    /// Steps from length 1, at most 10 000 of them, to a residual of 1e-10. Single precision rarely comes below
    /// 1e-6.
    fn default() -> ProjectedGradient {
        ProjectedGradient { rate: 1.0, steps: 10_000, tolerance: 1e-10 }
    }
}

/// How a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SolverOutcome {
    /// The residual is as small as was asked.
    Converged,
    /// The number of steps was used up.
    OutOfSteps,
    /// No step, however short, keeps its promise: rounding hides what is left to gain, or the loss is not finite.
    Stalled,
}

/// What a constraint does at the point that was found: the Karush-Kuhn-Tucker conditions of one parameter.
///
/// At the minimum of `½ (w - 3)²` over `w ≤ 1` the loss pulls with force 2:
///
/// ```
/// use autograd::{Graph, Parameters, Tensor};
/// use nn::{Initialiser, ParameterSpec, Role, Selection};
/// use regularize::{Interval, ProjectedGradient, SolverOutcome};
/// let (name, shape) = ("w".to_string(), [1].into());
/// let spec = ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros };
/// let graph = Graph::<f64>::new();
/// let loss = (spec.declare(&graph) - 3.0).norm_squared() * 0.5;
/// let mut values: Parameters<f64> = [("w", Tensor::zeros([1]))].into_iter().collect();
/// let interval = Interval::new(-1.0, 1.0)?;
/// let solver = ProjectedGradient { steps: 100, ..ProjectedGradient::default() };
/// let report = solver.minimise(loss, &[spec], &[(Selection::all(), &interval)], &mut values, &[])?;
/// let found = &report.constraints[0];
/// assert_eq!((found.multiplier.item(), found.slack.item()), (2.0, 0.0));
/// assert_eq!((found.stationarity, found.violation, found.complementarity), (0.0, 0.0, 0.0));
/// assert_eq!((report.outcome, report.loss), (SolverOutcome::Converged, 2.0));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Kkt<T: Real> {
    /// The parameter.
    pub parameter: String,
    /// The multipliers: what [`Projection::multiplier`] says. At a minimum they are at least 0, except those of
    /// equations.
    pub multiplier: Tensor<T>,
    /// What [`Projection::slack`] says, of the same shape: 0 where a constraint holds the parameter back.
    pub slack: Tensor<T>,
    /// `‖w - P(w - ∇J)‖`.
    pub stationarity: f64,
    /// `‖w - P(w)‖`: how far outside the set.
    pub violation: f64,
    /// `max |λ · slack|`: a constraint with room to spare has no multiplier.
    pub complementarity: f64,
}

/// What a minimisation came to. The parameters are those of the last good step.
#[derive(Debug, Clone, PartialEq)]
pub struct SolverReport<T: Real> {
    /// How it ended.
    pub outcome: SolverOutcome,
    /// The loss that was reached.
    pub loss: f64,
    /// `‖w - P(w - ∇J)‖` over all parameters, those without constraint included.
    pub stationarity: f64,
    /// One entry for each constrained parameter.
    pub constraints: Vec<Kkt<T>>,
    /// The number of steps.
    pub steps: usize,
    /// The last step length.
    pub rate: f64,
}

impl<T: Real> SolverReport<T> {
    /// What is left of the Karush-Kuhn-Tucker conditions: the largest of all residuals.
    pub fn residual(&self) -> f64 {
        let of = |kkt: &Kkt<T>| kkt.stationarity.max(kkt.violation).max(kkt.complementarity);
        self.constraints.iter().map(of).fold(self.stationarity, f64::max)
    }
}

/// Which parameters are constrained to which set; the first entry that chooses a parameter counts.
type Constraints<'c, T> = [(Selection, &'c dyn Projection<T>)];

impl ProjectedGradient {
    /// Makes a scalar loss as small as it gets on the sets, from `values` on (or the nearest point of the sets).
    ///
    /// # Errors
    /// If a number makes no sense, a selection chooses nothing, or values or feeds do not fit the loss.
    ///
    /// # Panics
    /// If the loss is no scalar or does not depend on one of the parameters.
    #[track_caller]
    pub fn minimise<T: Real>(
        &self,
        loss: Var<'_, T>,
        parameters: &[ParameterSpec],
        constraints: &Constraints<'_, T>,
        values: &mut Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<SolverReport<T>, RegularizeError> {
        let tolerated = self.tolerance >= 0.0;
        HyperparameterError::unless(tolerated, "tolerance", self.tolerance, "at least 0")?;
        above_zero("step length", self.rate)?;
        for (selection, _) in constraints {
            RegularizeError::unless_selected(selection, parameters)?;
        }
        let names = Selection::all().names(parameters);
        let mut problem = Problem::record(loss, parameters, constraints);
        problem.onto_the_sets(values)?;
        let (mut rate, mut steps) = (self.rate, 0);
        let mut here = problem.at(values, rate, feeds)?;
        let outcome = loop {
            if here.stationarity <= self.tolerance {
                break SolverOutcome::Converged;
            }
            if steps == self.steps {
                break SolverOutcome::OutOfSteps;
            }
            let mut ahead = values.clone();
            names.iter().zip(&here.next).for_each(|(name, next)| drop(ahead.insert(name, next.clone())));
            let there = problem.at(&ahead, rate, feeds)?;
            // What rounding may add to a loss of this size is forgiven.
            let rounding = 4.0 * T::EPSILON.to_f64() * here.loss.abs();
            if there.loss <= here.loss + here.promise + rounding {
                (*values, here) = (ahead, there);
                steps += 1;
            } else if rate > 1e-12 * self.rate {
                rate /= 2.0;
                here = problem.at(values, rate, feeds)?;
            } else {
                break SolverOutcome::Stalled;
            }
        };
        let constraints = problem.conditions(values, feeds)?;
        let (loss, stationarity) = (here.loss, here.stationarity);
        Ok(SolverReport { outcome, loss, stationarity, constraints, steps, rate })
    }
}

/// The plans of one problem.
struct Problem<T: Real> {
    /// Loss, residual, the next point and what it promises.
    step: Plan<T>,
    /// Projects all parameters, if any is constrained.
    project: Option<Plan<T>>,
    /// Multipliers and residuals of each constrained parameter.
    conditions: Plan<T>,
    names: Vec<String>,
    constrained: Vec<String>,
}

/// What the step's plan says at a point.
struct Point<T: Real> {
    loss: f64,
    stationarity: f64,
    promise: f64,
    next: Vec<Tensor<T>>,
}

impl<T: Real> Problem<T> {
    fn record(loss: Var<'_, T>, specs: &[ParameterSpec], constraints: &Constraints<'_, T>) -> Problem<T> {
        let graph: &Graph<T> = loss.graph();
        let names = Selection::all().names(specs);
        let chosen: Vec<_> = specs.iter().filter(|spec| Selection::all().contains(spec)).collect();
        let variables = Selection::all().variables(graph, specs);
        let rate = step_length(graph);
        let mut step = Plan::builder(graph).output("loss", loss);
        let mut conditions = Plan::builder(graph);
        let mut project = Plan::builder(graph);
        let (mut residual, mut promise) = (graph.fill([], 0.0), graph.fill([], 0.0));
        let mut constrained = Vec::new();
        for ((spec, &w), gradient) in chosen.iter().zip(&variables).zip(grad(loss, &variables)) {
            let name = &spec.name;
            let found = constraints.iter().find(|(selection, _)| selection.contains(spec));
            let onto = |v: Var<'_, T>| match found {
                Some((_, set)) if !set.is_everything() => graph.var(set.project(v).id()),
                _ => graph.var(v.id()),
            };
            let next = onto(w - gradient * rate);
            let moved = next - w;
            let left = (w - onto(w - gradient)).norm_squared();
            residual = residual + left;
            promise = promise + (moved * gradient).sum() + moved.norm_squared() / (rate * 2.0);
            step = step.output(&format!("next {name}"), next);
            if let Some((_, set)) = found {
                constrained.push(name.clone());
                project = project.update(w, onto(w));
                conditions = conditions
                    .output(&format!("multiplier {name}"), set.multiplier(w, gradient))
                    .output(&format!("slack {name}"), set.slack(w))
                    .output(&format!("stationarity {name}"), left.sqrt())
                    .output(&format!("violation {name}"), (w - onto(w)).norm_squared().sqrt());
            }
        }
        let step = step.output("residual", residual.sqrt()).output("promise", promise).compile();
        let project = (!constrained.is_empty()).then(|| project.compile());
        Problem { step, project, conditions: conditions.compile(), names, constrained }
    }

    fn onto_the_sets(&mut self, values: &mut Parameters<T>) -> Result<(), RegularizeError> {
        if let Some(plan) = &mut self.project {
            plan.run(values, &[])?;
        }
        Ok(())
    }

    fn at(
        &mut self,
        values: &Parameters<T>,
        rate: f64,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Point<T>, RegularizeError> {
        let feeds: Vec<_> = feeds.iter().copied().chain([(RATE, Feed::from(rate))]).collect();
        self.step.set_run(0);
        let found = self.step.evaluate(values, &feeds)?;
        Ok(Point {
            loss: found.scalar("loss").to_f64(),
            stationarity: found.scalar("residual").to_f64(),
            promise: found.scalar("promise").to_f64(),
            next: self.names.iter().map(|name| found.tensor(&format!("next {name}"))).collect(),
        })
    }

    fn conditions(
        &mut self,
        values: &Parameters<T>,
        feeds: &[(&str, Feed<'_, T>)],
    ) -> Result<Vec<Kkt<T>>, RegularizeError> {
        if self.constrained.is_empty() {
            return Ok(Vec::new());
        }
        self.conditions.set_run(0);
        // A gradient may need less than the loss does.
        let needed: Vec<String> = self.conditions.inputs().map(|(name, ..)| name.to_string()).collect();
        let feeds: Vec<_> =
            feeds.iter().copied().filter(|(name, _)| needed.iter().any(|needed| needed == name)).collect();
        let found = self.conditions.evaluate(values, &feeds)?;
        let of = |name: &String| {
            let multiplier = found.tensor(&format!("multiplier {name}"));
            let slack = found.tensor(&format!("slack {name}"));
            let both = multiplier.data().iter().zip(slack.data());
            // 0 times the infinite slack of no bound is no residual.
            let product =
                |(l, s): (&T, &T)| if *l == T::ZERO { 0.0 } else { (l.to_f64() * s.to_f64()).abs() };
            let complementarity = both.map(product).fold(0.0, f64::max);
            let number = |what: &str| found.scalar(&format!("{what} {name}")).to_f64();
            let (stationarity, violation) = (number("stationarity"), number("violation"));
            let parameter = name.clone();
            Kkt { parameter, multiplier, slack, stationarity, violation, complementarity }
        };
        Ok(self.constrained.iter().map(of).collect())
    }
}

/// The input of the step length; a graph on which a problem was solved before has it already.
fn step_length<T: Real>(graph: &Graph<T>) -> Var<'_, T> {
    let is_it = |id: &autograd::NodeId| matches!(&graph.node(*id).op, Op::Input(name) if **name == *RATE);
    let known = graph.ids().find(is_it);
    known.map_or_else(|| graph.scalar(RATE), |id| graph.var(id))
}

#[cfg(test)]
mod tests;
