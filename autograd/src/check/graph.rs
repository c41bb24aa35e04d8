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

use super::closure::{Checker, Given, MULTIPLES, dot_product, rounding, times};
use super::kinks;
use super::line::{Line, Sample};
use super::probe::{Branching, Probe, branching_nodes};
use super::random::SplitMix64;
use super::report::Report;
use super::sum;
use super::switching::Switching;
use super::taylor::{self, Noisy};
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
            if higher.verdict().is_failure() {
                report.hints.extend(higher.hints.iter().map(|hint| format!("higher order, {hint}")));
            }
            report.records.append(&mut higher.records);
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
        let derived = Derived::record(output, targets, context, self)?;
        let given = Given {
            function: &|x: &[f64]| derived.function(x),
            vjp: &|x: &[f64], c: &[f64]| derived.vjp(x, c),
            jvp: Some(&|x: &[f64], v: &[f64]| derived.jvp(x, v)),
            reach: Some(&|direction: &[f64]| derived.reach(direction)),
            scalar: output.shape().rank() == 0,
        };
        Ok(self.run(&given, &derived.point))
    }

    /// Checks a function that is a polynomial of degree two at most in each single entry (linear and
    /// bilinear operations, squares) on integers, exactly: with the step one, central differences of it are
    /// exact, and every product of the sweeps is an integer. The tolerance is zero.
    ///
    /// # Errors
    /// If the feeds or parameters do not fit the graph.
    ///
    /// # Panics
    /// If a target has an entry that is not an integer below 2^20, beyond which products might round.
    pub fn graph_on_integers(
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
        let derived = Derived::record(output, &targets, &context, self)?;
        let mut checker = self.clone();
        checker.arguments = targets.iter().map(|target| (name(*target), target.shape())).collect();
        Ok(checker.exact(&derived))
    }

    fn exact(&self, derived: &Derived<'_>) -> Report {
        let x = &derived.point;
        assert!(
            x.iter().all(|x| x.fract() == 0.0 && x.abs() < 1048576.0),
            "an exact check needs integers below 2^20"
        );
        let mut report = self.blank_report(x.len());
        let mut random = SplitMix64::new(self.seed, 7);
        let m = derived.output.shape().numel();
        let cotangent: Vec<f64> = (0..m).map(|_| random.sign() * (1 + random.below(7)) as f64).collect();
        let gradient = derived.vjp(x, &cotangent);
        for i in 0..x.len() {
            let at = |step: f64| {
                let mut moved = x.clone();
                moved[i] += step;
                derived.function(&moved).outputs
            };
            let (above, below) = (at(1.0), at(-1.0));
            let slopes: Vec<f64> = above.iter().zip(&below).map(|(a, b)| 0.5 * (a - b)).collect();
            let mut tangent = vec![0.0; x.len()];
            tangent[i] = 1.0;
            let place = self.place(i, x.len());
            let expected = sum::dot(&slopes, &cotangent);
            let reverse = Record::exact(Test::VjpDifferences, place.clone(), expected, gradient[i], 0.0);
            report.covered += usize::from(reverse.verdict.is_checked());
            report.records.push(reverse);
            let forward = derived.jvp(x, &tangent);
            let pairs = slopes.iter().zip(&forward);
            let records = pairs.map(|(s, f)| Record::exact(Test::JvpDifferences, place.clone(), *s, *f, 0.0));
            report.records.extend(records.max_by(|a, b| a.ratio().total_cmp(&b.ratio())));
        }
        report.evaluations = 2 * x.len();
        report
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
        // H v by the forward sweep over the reverse one, and by the reverse sweep over the forward one.
        let tangents: Vec<Var<'g, f64>> = targets.iter().map(|target| placeholder(*target)).collect();
        let forward: Vec<Var<'g, f64>> = gradients
            .iter()
            .map(|g| try_jvp(*g, targets, &tangents).unwrap_or_else(|_| g.like(0.0)))
            .collect();
        let slope = try_jvp(scalar, targets, &tangents).unwrap_or_else(|_| scalar.like(0.0));
        let reverse = grad_or_zero(slope, targets);

        let all =
            [&gradients, &forward, &reverse, &vec![output, slope], &targets.to_vec()].map(|vars| ids(vars));
        let probe = context.probe(graph, &all.concat(), self)?;
        let flat = |vars: &[Var<'g, f64>]| -> Vec<f64> {
            vars.iter().flat_map(|var| probe.at_point(*var).data().to_vec()).collect()
        };
        let along = |products: &[Var<'g, f64>], direction: &[f64]| -> Vec<f64> {
            let values = probe.evaluate(&split(&tangents, direction), &ids(products));
            products.iter().flat_map(|product| values.real(product.id()).data().to_vec()).collect()
        };
        let (gradient, point) = (flat(&gradients), flat(targets));
        let (u, v) = (random.cotangent(point.len()), random.cotangent(point.len()));
        let (hu, hv, vh) = (along(&forward, &u), along(&forward, &v), along(&reverse, &v));
        if [&gradient, &hu, &hv, &vh].iter().any(|values| values.iter().any(|x| !x.is_finite())) {
            // Said already by the comparisons of this order.
            return Ok(Vec::new());
        }

        let noise = rounding(|k| sum::dot(&v, &along(&forward, &times(&u, k))))
            + rounding(|k| sum::dot(&u, &along(&forward, &times(&v, k))));
        let symmetric = dot_product(&hu, &v, &u, &hv, noise);
        let mut records = vec![Record { test: Test::HessianSymmetry, ..symmetric }];
        // Entry by entry, to rounding of the largest: the two sweeps add in different orders.
        let size = hv.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let multiples =
            MULTIPLES.map(|k| (k, along(&forward, &times(&v, k)), along(&reverse, &times(&v, k))));
        let entries = (0..hv.len()).map(|i| {
            let deviation = |(k, forward, reverse): &(f64, Vec<f64>, Vec<f64>)| {
                (forward[i] / k - hv[i]).abs().max((reverse[i] / k - vh[i]).abs())
            };
            let noise = multiples.iter().map(deviation).fold(0.0, f64::max);
            let tolerance = 1e3 * f64::EPSILON * size + 32.0 * noise;
            Record::exact(Test::HessianSymmetry, self.place_in(targets, i), hv[i], vh[i], tolerance)
        });
        records.extend(entries.max_by(|a, b| a.ratio().total_cmp(&b.ratio())));

        let function = |x: &[f64]| {
            let values = probe.evaluate(&split(targets, x), &[output.id()]);
            Sample { outputs: values.real(output.id()).data().to_vec(), signature: values.signature(&nodes) }
        };
        let center = function(&point);
        let mut line = Line::new(&function, &point, v.clone(), &center);
        let at = |k: f64| along(&[slope], &times(&v, k))[0];
        let bend = |k: f64| sum::dot(&along(&forward, &times(&v, k)), &v);
        let slope = Noisy { value: sum::dot(&gradient, &v), noise: rounding(at) };
        let curvature = Noisy { value: sum::dot(&hv, &v), noise: rounding(bend) };
        let scale = match sum::root_mean_square(&point) {
            0.0 => 1.0,
            size => size,
        };
        records.extend(taylor::rates(&mut line, &weights, 0.125 * scale, slope, curvature));
        Ok(records)
    }

    fn place_in(&self, targets: &[Var<'_, f64>], i: usize) -> Place {
        let mut named = self.clone();
        named.arguments = targets.iter().map(|target| (name(*target), target.shape())).collect();
        named.place(i, targets.iter().map(|target| target.shape().numel()).sum())
    }
}

/// A variable with both of its products recorded, ready to be evaluated at any point.
struct Derived<'g> {
    output: Var<'g, f64>,
    targets: Vec<Var<'g, f64>>,
    /// Placeholders for what differs from evaluation to evaluation: constants, replaced each time.
    cotangent: Var<'g, f64>,
    tangents: Vec<Var<'g, f64>>,
    gradients: Vec<NodeId>,
    forward: NodeId,
    branching: Vec<(NodeId, Branching)>,
    switching: Option<Switching<'g>>,
    probe: Probe<'g>,
    /// The values of the targets, flattened.
    point: Vec<f64>,
}

impl<'g> Derived<'g> {
    fn record(
        output: Var<'g, f64>,
        targets: &[Var<'g, f64>],
        context: &Context<'_>,
        checker: &Checker,
    ) -> Result<Derived<'g>, RunError> {
        let graph = output.graph();
        let branching = branching_nodes(graph, &[output.id()]);
        let cotangent = placeholder(output);
        let tangents: Vec<Var<'g, f64>> = targets.iter().map(|target| placeholder(*target)).collect();
        let gradients = grad_or_zero((output * cotangent).sum(), targets);
        let forward = try_jvp(output, targets, &tangents).unwrap_or_else(|_| output.like(0.0));
        let switching = Switching::record(graph, &branching, targets, &tangents);

        let gradients: Vec<NodeId> = gradients.iter().map(|gradient| gradient.id()).collect();
        let mut needed = gradients.clone();
        needed.extend([output.id(), forward.id()]);
        needed.extend(targets.iter().map(|target| target.id()));
        needed.extend(switching.iter().flat_map(Switching::outputs));
        let probe = context.probe(graph, &needed, checker)?;
        let values = targets.iter().map(|target| probe.at_point(*target).data().to_vec());
        let point = values.collect::<Vec<_>>().concat();
        let (targets, forward) = (targets.to_vec(), forward.id());
        Ok(Derived {
            output,
            targets,
            cotangent,
            tangents,
            gradients,
            forward,
            branching,
            switching,
            probe,
            point,
        })
    }

    fn function(&self, x: &[f64]) -> Sample {
        let values = self.probe.evaluate(&split(&self.targets, x), &[self.output.id()]);
        let outputs = values.real(self.output.id()).data().to_vec();
        Sample { outputs, signature: values.signature(&self.branching) }
    }

    fn vjp(&self, x: &[f64], cotangent: &[f64]) -> Vec<f64> {
        let mut replaced = split(&self.targets, x);
        replaced.extend(split(&[self.cotangent], cotangent));
        let values = self.probe.evaluate(&replaced, &self.gradients);
        self.gradients.iter().flat_map(|id| values.real(*id).data().to_vec()).collect()
    }

    fn jvp(&self, x: &[f64], tangent: &[f64]) -> Vec<f64> {
        let mut replaced = split(&self.targets, x);
        replaced.extend(split(&self.tangents, tangent));
        self.probe.evaluate(&replaced, &[self.forward]).real(self.forward).data().to_vec()
    }

    fn reach(&self, direction: &[f64]) -> f64 {
        self.switching.as_ref().map_or(f64::INFINITY, |switching| {
            switching.reach(&self.probe.evaluate(&split(&self.tangents, direction), &switching.outputs()))
        })
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

/// Comparisons of a higher order are listed under that name. The gradient of a function with a kink jumps
/// there, which is no fault of anybody, and slopes over a jump say nothing.
fn relabel(report: &mut Report) {
    for record in &mut report.records {
        if matches!(record.test, Test::VjpDifferences | Test::JvpDifferences) {
            record.test = Test::HigherOrder;
        }
        let jump = Verdict::Invalid { stage: Stage::Stencil, reason: Trouble::Discontinuous };
        if record.verdict == jump || record.verdict == Verdict::KinkBad {
            record.verdict = Verdict::Unchecked(Gap::NearKink);
        }
    }
}

fn ids(vars: &[Var<'_, f64>]) -> Vec<NodeId> {
    vars.iter().map(|var| var.id()).collect()
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
