//! The checker for our own graphs: everything the [closure checker](super::closure) does, and what only a
//! graph makes possible.
//!
//! | oracle | what it compares |
//! |---|---|
//! | differences | the reverse sweep's and the forward sweep's products, with steps that cross no kink |
//! | dot product | reverse with forward sweep, to rounding, without any step |
//! | higher order | the gradient graph as a function, checked again in the same way |
//! | Hessian symmetry | `<u, H v> = <v, H u>`, and forward-over-reverse with reverse-over-forward |
//! | Taylor | rates 2 and 3 of the remainders |
//! | kink convention | at a tie, each rule against its declared convention, exactly |
//!
//! ```
//! use autograd::check::Checker;
//! use autograd::{Feed, Graph, Tensor};
//! let graph = Graph::<f64>::new();
//! let x = graph.input("x", [2, 3]);
//! let w = graph.input("w", [3, 2]);
//! let loss = x.matmul(w).tanh().powi(2).mean();
//! let x_value = Tensor::from_fn([2, 3], |i| 0.3 * i as f64 - 0.7);
//! let w_value = Tensor::from_fn([3, 2], |i| 0.5 - 0.2 * i as f64);
//! let feeds = [("x", Feed::from(&x_value)), ("w", Feed::from(&w_value))];
//! let report = Checker::new("loss").graph(loss, &[x, w], &feeds, None)?.assert();
//! assert_eq!(report.checked_fraction(), 1.0);
//! # Ok::<(), autograd::RunError>(())
//! ```

use super::closure::{Checker, Given, dot_product};
use super::kinks;
use super::line::{Line, Sample};
use super::probe::{Probe, branching_nodes};
use super::random::SplitMix64;
use super::report::Report;
use super::sum;
use super::switching::Switching;
use super::taylor;
use super::verdict::{Gap, Place, Record, Stage, Test, Trouble, Verdict};
use crate::feed::{Feed, RunError};
use crate::grad::{grad_or_zero, try_jvp};
use crate::graph::{Graph, NodeId, Var};
use crate::parameters::Parameters;
use crate::tensor::Tensor;

/// A point of evaluation and the options that a run needs.
struct Context<'a> {
    feeds: &'a [(&'a str, Feed<'a, f64>)],
    parameters: &'a Parameters<f64>,
}

impl Checker {
    /// Checks the derivatives of `output` with respect to `targets` (inputs, parameters or any other
    /// variables of its graph), at the point given by `feeds` and `parameters`. The graph itself is left as
    /// it is; the check records its derivatives in a copy.
    ///
    /// # Errors
    /// If the feeds or parameters do not fit the graph.
    pub fn graph(
        &self,
        output: Var<'_, f64>,
        targets: &[Var<'_, f64>],
        feeds: &[(&str, Feed<'_, f64>)],
        parameters: Option<&Parameters<f64>>,
    ) -> Result<Report, RunError> {
        let copy = output.graph().clone();
        let output = copy.var(output.id());
        let targets: Vec<Var<'_, f64>> = targets.iter().map(|target| copy.var(target.id())).collect();
        let none = Parameters::new();
        let context = Context { feeds, parameters: parameters.unwrap_or(&none) };

        let mut checker = self.clone();
        checker.arguments = targets.iter().map(|target| (name(*target), target.shape())).collect();
        let mut report = checker.one_order(output, &targets, &context)?;
        report.records.extend(kinks::in_graph(&copy, output, &context.probe(&copy, &[output.id()], self)?));

        // The gradient is a function like any other: its derivatives are checked in the same way.
        let mut function = output;
        let mut random = SplitMix64::new(self.seed, 4);
        checker = checker.allow_zero_gradient();
        for _ in 1..self.order {
            let Some(next) = gradient_function(function, &targets, &mut random) else { break };
            let mut higher = checker.one_order(next, &targets, &context)?;
            relabel(&mut higher);
            report.evaluations += higher.evaluations;
            report.records.append(&mut higher.records);
            report.hints.extend(higher.hints.into_iter().map(|hint| format!("higher order, {hint}")));
            function = next;
        }
        if self.order > 1 {
            report.records.extend(self.second_order(output, &targets, &context)?);
        }
        Ok(report)
    }

    /// One run of the closure checker on `output` as a function of `targets`.
    fn one_order<'g>(
        &self,
        output: Var<'g, f64>,
        targets: &[Var<'g, f64>],
        context: &Context<'_>,
    ) -> Result<Report, RunError> {
        let graph = output.graph();
        let nodes = branching_nodes(graph, &[output.id()]);
        // Placeholders for what differs from evaluation to evaluation: nodes of zeros, replaced each time.
        let cotangent = placeholder(output);
        let tangents: Vec<Var<'g, f64>> = targets.iter().map(|target| placeholder(*target)).collect();
        let gradients = grad_or_zero((output * cotangent).sum(), targets);
        let forward = try_jvp(output, targets, &tangents).unwrap_or_else(|_| output.like(0.0));
        let switching = Switching::record(graph, &nodes, targets, &tangents);

        let mut outputs: Vec<NodeId> = gradients.iter().map(|gradient| gradient.id()).collect();
        outputs.extend([output.id(), forward.id()]);
        outputs.extend(targets.iter().map(|target| target.id()));
        let kinks = switching.as_ref().map_or(Vec::new(), Switching::outputs);
        outputs.extend(&kinks);
        let probe = context.probe(graph, &outputs, self)?;
        let point: Vec<f64> =
            targets.iter().flat_map(|target| probe.at_point(*target).data().to_vec()).collect();

        let function = |x: &[f64]| {
            let values = probe.evaluate(&split(targets, x), &[output.id()]);
            Sample { outputs: values.real(output.id()).data().to_vec(), signature: values.signature(&nodes) }
        };
        let gradient_ids: Vec<NodeId> = gradients.iter().map(|gradient| gradient.id()).collect();
        let vjp = |x: &[f64], c: &[f64]| {
            let mut replaced = split(targets, x);
            replaced.push((cotangent.id(), Tensor::new(cotangent.shape(), c.to_vec())));
            let values = probe.evaluate(&replaced, &gradient_ids);
            gradient_ids.iter().flat_map(|id| values.real(*id).data().to_vec()).collect()
        };
        let jvp = |x: &[f64], v: &[f64]| {
            let mut replaced = split(targets, x);
            replaced.extend(split(&tangents, v));
            probe.evaluate(&replaced, &[forward.id()]).real(forward.id()).data().to_vec()
        };
        let reach = |direction: &[f64]| match &switching {
            Some(switching) => switching.reach(&probe.evaluate(&split(&tangents, direction), &kinks)),
            None => f64::INFINITY,
        };
        let given = Given {
            function: &function,
            vjp: &vjp,
            jvp: Some(&jvp),
            reach: Some(&reach),
            scalar: output.shape().rank() == 0,
        };
        Ok(self.run(&given, &point))
    }

    /// Symmetry of the Hessian of `<c, output>`, agreement of the two orders of sweeps, and Taylor's rates.
    fn second_order<'g>(
        &self,
        output: Var<'g, f64>,
        targets: &[Var<'g, f64>],
        context: &Context<'_>,
    ) -> Result<Vec<Record>, RunError> {
        let graph = output.graph();
        let nodes = branching_nodes(graph, &[output.id()]);
        let mut random = SplitMix64::new(self.seed, 5);
        let weights =
            if output.shape().rank() == 0 { vec![1.0] } else { random.cotangent(output.shape().numel()) };
        let weight = graph.constant(Tensor::new(output.shape(), weights.clone()));
        let scalar = (output * weight).sum();
        let gradients = grad_or_zero(scalar, targets);
        let mut draw = |_: &Var<'g, f64>| -> (Vec<Var<'g, f64>>, Vec<f64>) {
            let values: Vec<Vec<f64>> = targets.iter().map(|t| random.cotangent(t.shape().numel())).collect();
            let pairs = targets.iter().zip(&values);
            let vars = pairs.map(|(t, v)| graph.constant(Tensor::new(t.shape(), v.clone()))).collect();
            (vars, values.concat())
        };
        let ((u, u_flat), (v, v_flat)) = (draw(&output), draw(&output));
        // H v by the forward sweep over the reverse one, and by the reverse sweep over the forward one.
        let along = |vectors: &[Var<'g, f64>]| -> Vec<Var<'g, f64>> {
            let each =
                gradients.iter().map(|g| try_jvp(*g, targets, vectors).unwrap_or_else(|_| g.like(0.0)));
            each.collect()
        };
        let (hu, hv) = (along(&u), along(&v));
        let slope = try_jvp(scalar, targets, &v).unwrap_or_else(|_| scalar.like(0.0));
        let reverse = grad_or_zero(slope, targets);

        let all: Vec<Var<'g, f64>> = [&gradients, &hu, &hv, &reverse, &vec![output], &targets.to_vec()]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let ids: Vec<NodeId> = all.iter().map(|var| var.id()).collect();
        let probe = context.probe(graph, &ids, self)?;
        let flat = |vars: &[Var<'g, f64>]| -> Vec<f64> {
            vars.iter().flat_map(|var| probe.at_point(*var).data().to_vec()).collect()
        };
        let (gradient, hu, hv, reverse, point) =
            (flat(&gradients), flat(&hu), flat(&hv), flat(&reverse), flat(targets));
        if [&gradient, &hu, &hv, &reverse].iter().any(|values| values.iter().any(|x| !x.is_finite())) {
            // Said already by the comparisons of this order.
            return Ok(Vec::new());
        }

        let mut symmetric = dot_product(&hu, &v_flat, &u_flat, &hv, 0);
        symmetric.test = Test::HessianSymmetry;
        let mut records = vec![symmetric];
        // Entry by entry, to rounding of the largest: the two sweeps add in different orders.
        let size = hv.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let tolerance = 1e3 * f64::EPSILON * size;
        let entries = (0..hv.len()).map(|i| {
            let place = self.place_in(targets, i);
            Record::exact(Test::HessianSymmetry, place, hv[i], reverse[i], tolerance)
        });
        records.extend(entries.max_by(|a, b| a.ratio().total_cmp(&b.ratio())));

        let function = |x: &[f64]| {
            let values = probe.evaluate(&split(targets, x), &[output.id()]);
            Sample { outputs: values.real(output.id()).data().to_vec(), signature: values.signature(&nodes) }
        };
        let center = function(&point);
        let mut line = Line::new(&function, &point, v_flat.clone(), &center);
        let (slope, curvature) = (sum::dot(&gradient, &v_flat), sum::dot(&hv, &v_flat));
        let scale = sum::root_mean_square(&point).clamp(1e-3, 1.0);
        records.extend(taylor::rates(&mut line, &weights, 0.125 * scale, slope, Some(curvature), 0.0));
        Ok(records)
    }

    fn place_in(&self, targets: &[Var<'_, f64>], i: usize) -> Place {
        let mut named = self.clone();
        named.arguments = targets.iter().map(|target| (name(*target), target.shape())).collect();
        named.place(i, targets.iter().map(|target| target.shape().numel()).sum())
    }
}

impl Context<'_> {
    fn probe<'g>(
        &self,
        graph: &'g Graph<f64>,
        outputs: &[NodeId],
        checker: &Checker,
    ) -> Result<Probe<'g>, RunError> {
        Probe::new(graph, outputs, self.feeds, self.parameters, checker.draw)
    }
}

/// The gradient of a random combination of the outputs, flattened into one vector; `None` if the outputs
/// depend on no target.
fn gradient_function<'g>(
    output: Var<'g, f64>,
    targets: &[Var<'g, f64>],
    random: &mut SplitMix64,
) -> Option<Var<'g, f64>> {
    let weights = random.cotangent(output.shape().numel());
    let weight = output.graph().constant(Tensor::new(output.shape(), weights));
    let parts: Vec<Var<'g, f64>> = grad_or_zero((output * weight).sum(), targets)
        .into_iter()
        .filter(|part| part.shape().numel() > 0)
        .map(|part| part.reshape([part.shape().numel()]))
        .collect();
    (!parts.is_empty()).then(|| Var::concat(&parts, 0))
}

/// Comparisons of a higher order are listed under that name; and the gradient of a function with a kink
/// jumps there, which is no fault of anybody.
fn relabel(report: &mut Report) {
    for record in &mut report.records {
        if matches!(record.test, Test::VjpDifferences | Test::JvpDifferences) {
            record.test = Test::HigherOrder;
        }
        let jump = Verdict::Invalid { stage: Stage::Stencil, reason: Trouble::Discontinuous };
        if record.verdict == jump {
            record.verdict = Verdict::Unchecked(Gap::NearKink);
        }
    }
}

/// A node of zeros in the shape of `var`.
fn placeholder<'g>(var: Var<'g, f64>) -> Var<'g, f64> {
    var.graph().constant(Tensor::zeros(var.shape()))
}

/// The entries of `x` as values of `vars`, one after the other.
fn split(vars: &[Var<'_, f64>], x: &[f64]) -> Vec<(NodeId, Tensor<f64>)> {
    let mut rest = x;
    vars.iter()
        .map(|var| {
            let (own, others) = rest.split_at(var.shape().numel());
            rest = others;
            (var.id(), Tensor::new(var.shape(), own.to_vec()))
        })
        .collect()
}

/// The name of a variable, or its number.
fn name(var: Var<'_, f64>) -> String {
    var.graph().name_of(var.id()).map_or_else(|| var.id().to_string(), |name| name.to_string())
}
