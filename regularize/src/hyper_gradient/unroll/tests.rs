use super::*;
use crate::hyper_gradient::{ConcreteDropout, Hyperparameter, TunedL1, TunedL2, TunedNoise, TunedSmoothL1};
use crate::testing::numbers;
use crate::{L1, Penalties, Penalty, ProximalPenalty, ProximalStep};
use autograd::check::Checker;
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Plan, Tensor};
use nn::{
    Activation, Initialiser, Layer, Mode, Optimiser, ParameterSpec, Role, Schedule, Selection, Sequential,
    initialise,
};
use proptest::prelude::*;

/// Optimisers whose rate changes from step to step, so that no step can be taken for another.
fn optimisers() -> Vec<(&'static str, Optimiser<f64>)> {
    let rate = |initial| Schedule::Exponential { initial, factor: 0.8 };
    vec![
        ("gradient descent", Optimiser::sgd(rate(0.3))),
        ("momentum", Optimiser::momentum(rate(0.2), 0.9)),
        ("Nesterov", Optimiser::nesterov(rate(0.2), 0.8)),
        ("Adam", Optimiser::adam(rate(0.05))),
        ("AMSGrad", Optimiser::amsgrad(rate(0.05))),
        ("AdaGrad", Optimiser::adagrad(rate(0.1))),
        ("RMSProp", Optimiser::rmsprop(rate(0.02))),
    ]
}

/// A training loss with every kind of hyper-parameter in it, and a validation loss without.
struct Problem {
    width: usize,
    classes: usize,
    batch: usize,
    decay: Hyperparameter,
    rate: Hyperparameter,
    noise: Hyperparameter,
}

impl Problem {
    fn new(width: usize, classes: usize, batch: usize) -> Problem {
        Problem {
            width,
            classes,
            batch,
            decay: Hyperparameter::positive("decay", 0.3).unwrap(),
            rate: Hyperparameter::probability("rate", 0.3).unwrap(),
            noise: Hyperparameter::positive("noise", 0.2).unwrap(),
        }
    }

    fn hyperparameters(&self) -> [&Hyperparameter; 3] {
        [&self.decay, &self.rate, &self.noise]
    }

    fn specs(&self) -> Vec<ParameterSpec> {
        let hidden = self.width + 1;
        let spec = |name: &str, shape: &[usize], role| ParameterSpec {
            name: name.into(),
            shape: autograd::Shape::new(shape),
            role,
            initialiser: Initialiser::Zeros,
        };
        vec![
            spec("a.weight", &[self.width, hidden], Role::Weight),
            spec("a.bias", &[hidden], Role::Bias),
            spec("b.weight", &[hidden, self.classes], Role::Weight),
        ]
    }

    fn logits<'g>(&self, x: Var<'g, f64>, mode: Mode) -> Var<'g, f64> {
        let [a, bias, b] = [0, 1, 2].map(|i| self.specs()[i].declare(x.graph()));
        // A temperature of 1: differences of a steep sigmoid would need steps too small to be exact.
        let dropout = ConcreteDropout::new(self.rate.clone(), 1.0).unwrap();
        let x = TunedNoise(self.noise.clone()).forward(x, mode);
        dropout.forward((x.matmul(a) + bias).tanh(), mode).matmul(b)
    }

    /// Objective and validation loss.
    fn losses<'g>(&self, graph: &'g Graph<f64>) -> (Var<'g, f64>, Var<'g, f64>) {
        let loss = |x: &str, y: &str, mode| {
            let x = graph.input(x, [self.batch, self.width]);
            self.logits(x, mode).cross_entropy(graph.indices(y, [self.batch]))
        };
        let training = loss("x", "y", Mode::Train);
        let penalties = Penalties::new().with(Selection::weights(), TunedL2(self.decay.clone()));
        (penalties.added_to(training, &self.specs()), loss("vx", "vy", Mode::Evaluate))
    }

    fn parameters(&self, seed: u64) -> Parameters<f64> {
        let weights = self.specs().into_iter().map(|s| (s.name, numbers(s.shape, -0.8, 0.8, seed)));
        let mut parameters = Parameters::new();
        weights.for_each(|(name, value)| drop(parameters.insert(&name, value)));
        for h in self.hyperparameters() {
            parameters.insert(h.name(), h.initial_value());
        }
        parameters
    }

    /// What each step is fed, and the validation batch.
    fn data(&self, steps: usize, seed: u64) -> Vec<(String, String, Tensor<f64>, Tensor<u32>)> {
        let names = (0..steps).map(|i| (step_name("x", i), step_name("y", i)));
        names
            .chain([("vx".to_string(), "vy".to_string())])
            .enumerate()
            .map(|(i, (x, y))| {
                let value = numbers([self.batch, self.width], -1.0, 1.0, seed + 7 * i as u64);
                let label = |j: usize| ((j * 5 + i * 3 + 1) % self.classes) as u32;
                (x, y, value, Tensor::from_fn([self.batch], label))
            })
            .collect()
    }
}

/// Feeds of all steps: batches, labels and rates.
macro_rules! feeds {
    ($feeds:ident, $data:expr, $optimiser:expr, $steps:expr) => {
        let rates: Vec<String> = (0..$steps).map(|i| step_name("learning_rate", i)).collect();
        #[allow(unused_mut)]
        let mut $feeds: Vec<(&str, Feed<'_, f64>)> = Vec::new();
        for (x, y, value, labels) in &$data[..] {
            $feeds.push((x, Feed::from(value)));
            $feeds.push((y, Feed::from(labels)));
        }
        for (i, rate) in rates.iter().enumerate() {
            $feeds.push((rate, Feed::Scalar($optimiser.learning_rate(i as u64))));
        }
    };
}

/// With draws, batches and rates of their own, `k` steps are `k` runs of the plan of one step, bit for bit;
/// the running statistics of batch normalisation are carried like everything else.
#[test]
fn unrolled_steps_are_single_steps_bit_for_bit() {
    let model = Sequential::<f64>::new()
        .linear(3, 4)
        .then_named("norm", |name| nn::BatchNorm::new(name, 4))
        .then(Activation::Relu)
        .linear(4, 3);
    let specs = model.parameters();
    let objective = |graph: &Graph<f64>, i: usize| {
        let x = graph.input("x", [6, 3]);
        let noisy = x + graph.normal(&step_name("noise", i), [6, 3]) * 0.1;
        let loss = model.forward(noisy, Mode::Train).cross_entropy(graph.indices("y", [6]));
        loss.id()
    };
    let data = Problem::new(3, 3, 6).data(5, 3);
    for (name, optimiser) in optimisers() {
        for steps in [1, 2, 5] {
            let mut single = initialise(&model, 4);
            let mut losses = Vec::new();
            for (i, (_, _, x, y)) in data.iter().enumerate().take(steps) {
                let graph = Graph::new();
                let loss = graph.var(objective(&graph, i));
                let step = optimiser.minimise(loss, &specs);
                step.initialise_state(&mut single);
                let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
                plan.set_seed(9);
                let rate = Feed::Scalar(optimiser.learning_rate(i as u64));
                let feeds = [("x", Feed::from(x)), ("y", Feed::from(y)), ("learning_rate", rate)];
                losses.push(plan.run(&mut single, &feeds).unwrap().scalar("loss"));
            }
            let graph = Graph::new();
            let loss = graph.var(objective(&graph, 0));
            let step = optimiser.minimise(loss, &specs);
            let unrolled = unroll(&step, &[loss], steps, &[]);
            assert_eq!(unrolled.steps(), steps);
            let mut plan = Plan::builder(&graph);
            for (i, observed) in unrolled.observed.iter().enumerate() {
                plan = plan.output(&format!("loss{i}"), observed[0]);
            }
            for &(parameter, new) in &unrolled.updates {
                plan = plan.update(parameter, new);
            }
            let mut plan = plan.compile();
            plan.set_seed(9);
            let mut together = initialise(&model, 4);
            step.initialise_state(&mut together);
            let fed = &data[..steps];
            feeds!(feeds, fed, optimiser, steps);
            let outputs = plan.run(&mut together, &feeds).unwrap();
            for (i, &loss) in losses.iter().enumerate() {
                assert_eq!(outputs.scalar(&format!("loss{i}")), loss, "{name}, step {i} of {steps}");
            }
            assert_eq!(together.len(), single.len());
            for (parameter, value) in single.iter() {
                assert_eq!(&together[parameter], value, "{name}, {steps} steps, {parameter}");
            }
            assert!(together["norm1.running_mean"].data().iter().any(|&m| m != 0.0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    /// Coefficient of L2, log-odds of dropout, strength of noise: each against differences, through every
    /// optimiser, with the uniform and normal draws frozen.
    #[test]
    fn hyper_gradients_are_the_differences(
        (width, classes, batch) in (1usize..4, 2usize..4, 1usize..4),
        steps in 1usize..4,
        which in 0usize..7,
        seed in 0u64..1000,
    ) {
        let (problem, (name, optimiser)) = (Problem::new(width, classes, batch), optimisers().swap_remove(which));
        check_against_differences(&problem, name, &optimiser, steps, seed, TWO_OF_THREE);
    }
}

/// Which share of the derivatives differences must be able to see.
const TWO_OF_THREE: f64 = 0.6;

/// A case that was drawn once: of 4e-8 beside 6e-4 differences see six digits only, not the eight that count as seen.
#[test]
fn a_derivative_may_be_too_small_to_be_seen() {
    let (name, optimiser) = optimisers().swap_remove(3);
    assert_eq!(name, "Adam");
    check_against_differences(&Problem::new(1, 2, 2), name, &optimiser, 3, 676, TWO_OF_THREE);
}

#[test]
fn hyper_gradients_hold_for_one_two_and_five_steps() {
    for (name, optimiser) in optimisers() {
        for steps in [1, 2, 5] {
            check_against_differences(&Problem::new(2, 3, 2), name, &optimiser, steps, 11, 1.0);
        }
    }
}

/// A memory as in the middle of a training. Without one the first step of Adam, RMSProp or AdaGrad is a
/// multiple of the gradient's sign, which no strength changes: every hyper-gradient would be nearly 0.
fn remember(step: &OptimiserStep<'_, f64>, parameters: &mut Parameters<f64>, seed: u64) {
    for spec in &step.state {
        let moments = numbers(spec.shape, 0.01, 0.05, seed + 3);
        parameters.insert(&spec.name, if spec.name == "adam/steps" { Tensor::scalar(3.0) } else { moments });
    }
}

/// Differences of a whole training as a function of the hyper-parameters' raw values. The checker judges
/// by error bars of its own.
fn check_against_differences(
    problem: &Problem,
    name: &str,
    optimiser: &Optimiser<f64>,
    steps: usize,
    seed: u64,
    seen: f64,
) {
    let graph = Graph::new();
    let (training, validation) = problem.losses(&graph);
    let step = optimiser.minimise(training, &problem.specs());
    let unrolled = unroll(&step, &[], steps, &[]);
    let raw = problem.hyperparameters().map(|h| h.raw(&graph));
    let mut parameters = problem.parameters(seed);
    remember(&step, &mut parameters, seed);
    let data = problem.data(steps, seed);
    feeds!(feeds, data, optimiser, steps);
    let after = unrolled.at(&[validation])[0];
    let title = format!("{name}, {steps} steps");
    let report =
        Checker::new(&title).entries().order(1).threshold(seen).graph(after, &raw, &feeds, Some(&parameters));
    report.unwrap().assert();
}

/// The same derivative from trainings that know nothing of the unrolled graph: a plan of one step, run `k`
/// times at each of two strengths.
#[test]
fn hyper_gradients_are_differences_of_separate_trainings() {
    let problem = Problem::new(3, 3, 4);
    let penalties = Penalties::new().with(Selection::weights(), TunedL2(problem.decay.clone()));
    for (name, optimiser) in optimisers() {
        let steps = 5;
        let data = problem.data(steps, 5);
        let record = |graph: &Graph<f64>| {
            let loss = |x: &str, y: &str| {
                let x = graph.input(x, [4, 3]);
                problem.logits(x, Mode::Evaluate).cross_entropy(graph.indices(y, [4])).id()
            };
            [loss("x", "y"), loss("vx", "vy")]
        };
        let trained = |change: f64| {
            let graph = Graph::new();
            let [training, validation] = record(&graph).map(|id| graph.var(id));
            let step = optimiser.minimise(penalties.added_to(training, &problem.specs()), &problem.specs());
            let mut plan = step.add_to(Plan::builder(&graph)).compile();
            let mut judge = Plan::builder(&graph).output("loss", validation).compile();
            let mut parameters = problem.parameters(5);
            parameters.get_mut("decay").unwrap().data_mut()[0] += change;
            step.initialise_state(&mut parameters);
            for (i, (_, _, x, y)) in data.iter().enumerate() {
                let rate = Feed::Scalar(optimiser.learning_rate(i as u64));
                let feeds = [
                    ("x", Feed::from(x)),
                    ("y", Feed::from(y)),
                    ("vx", Feed::from(x)),
                    ("vy", Feed::from(y)),
                    ("learning_rate", rate),
                ];
                if i == steps {
                    return judge.evaluate(&parameters, &[feeds[2], feeds[3]]).unwrap().scalar("loss");
                }
                plan.run(&mut parameters, &[feeds[0], feeds[1], feeds[4]]).unwrap();
            }
            unreachable!("the last round returns")
        };
        let graph = Graph::new();
        let [training, validation] = record(&graph).map(|id| graph.var(id));
        let step = optimiser.minimise(penalties.added_to(training, &problem.specs()), &problem.specs());
        let unrolled = unroll(&step, &[], steps, &[]);
        let slope = hyper_gradient(validation, &unrolled, &[problem.decay.raw(&graph)]).unwrap()[0];
        let mut parameters = problem.parameters(5);
        step.initialise_state(&mut parameters);
        feeds!(feeds, data, optimiser, steps);
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let found = run.run(&graph, &[slope.id()], &feeds).unwrap().get(slope).item();
        // Central differences: 1e-16 / 1e-4 from rounding, 1e-8 times a third derivative from the step.
        let difference = (trained(1e-4) - trained(-1e-4)) / 2e-4;
        assert!((found - difference).abs() < 1e-7 * (1.0 + found.abs()), "{name}: {found} and {difference}");
        assert!(found.abs() > 1e-4, "{name}: {found} says nothing");
    }
}

/// A column of zeros in the data, a parameter that never has a gradient: Adam's root is at 0, where its
/// derivative is infinite.
#[test]
fn parameters_without_gradient_do_not_spoil_the_hyper_gradient() {
    for (name, optimiser) in optimisers() {
        let graph = Graph::new();
        let spec = ParameterSpec {
            name: "w".into(),
            shape: [2].into(),
            role: Role::Weight,
            initialiser: Initialiser::Zeros,
        };
        let noise = Hyperparameter::positive("noise", 0.5).unwrap();
        let w = spec.declare(&graph);
        let x = graph.constant(Tensor::new([2], vec![1.0, 0.0]));
        let loss = ((w * x).sum() * noise.value(&graph) - 1.0).powi(2);
        let step = optimiser.minimise(loss, &[spec]);
        let unrolled = unroll(&step, &[], 3, &[]);
        let validation = (w - 0.3).powi(2).sum();
        let raw = noise.raw(&graph);
        let slope = hyper_gradient(validation, &unrolled, &[raw]).unwrap()[0];
        let mut parameters: Parameters<f64> =
            [("w", Tensor::new([2], vec![0.2, 0.4])), ("noise", noise.initial_value())].into_iter().collect();
        step.initialise_state(&mut parameters);
        let none: Vec<(String, String, Tensor<f64>, Tensor<u32>)> = Vec::new();
        feeds!(feeds, none, optimiser, 3);
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let found = run.run(&graph, &[slope.id()], &feeds).unwrap().get(slope).item();
        assert!(found.is_finite(), "{name}: {found}");
        let after = unrolled.at(&[validation])[0];
        let report = Checker::new(name).entries().order(1).graph(after, &[raw], &feeds, Some(&parameters));
        report.unwrap().assert();
    }
}

/// Through the soft threshold of a proximal step, and through an L1 penalty's sign.
#[test]
fn the_coefficient_of_l1_has_a_hyper_gradient_in_both_forms() {
    let spec = |length: usize| crate::testing::weight(length);
    let sparse = TunedL1(Hyperparameter::positive("sparse", 0.2).unwrap());
    let start = Tensor::new([4], vec![0.9, -0.7, 0.03, 0.5]);
    let target = Tensor::new([4], vec![1.0, -0.5, 0.01, 0.2]);
    let chained = Optimiser::sgd(0.1).then(ProximalStep::new(Selection::weights(), sparse.clone()));
    for (name, optimiser, in_objective) in
        [("proximal", chained, false), ("in the objective", Optimiser::sgd(0.1), true)]
    {
        let graph = Graph::new();
        let w = spec(4).declare(&graph);
        let mut loss = (w - graph.constant(target.clone())).powi(2).sum() * 0.5;
        if in_objective {
            loss = loss + sparse.value(w);
        }
        let step = optimiser.minimise(loss, &[spec(4)]);
        let unrolled = unroll(&step, &[], 4, &["learning_rate"]);
        let validation = (w - 0.1).powi(2).sum();
        let parameters: Parameters<f64> =
            [("w", start.clone()), ("sparse", sparse.0.initial_value())].into_iter().collect();
        let feeds = [("learning_rate", Feed::Scalar(0.1))];
        let after = unrolled.at(&[validation])[0];
        let raw = sparse.0.raw(&graph);
        let report = Checker::new(name).entries().order(1).graph(after, &[raw], &feeds, Some(&parameters));
        report.unwrap().assert();
        let weights = unrolled.at(&[w])[0];
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let found = run.run(&graph, &[weights.id()], &feeds).unwrap().get(weights).clone();
        assert_eq!(found.data()[2] == 0.0, !in_objective, "{name}: {:?}", found.data());
    }
    // With a fixed coefficient the same step.
    let (fixed, v, t) = (L1::new(0.2).unwrap(), Tensor::new([2], vec![0.5, -0.01]), Tensor::scalar(0.3));
    let by_number = crate::testing::value(&[v.clone(), t.clone()], |x| fixed.proximal(x[0], x[1]));
    let graph = Graph::<f64>::new();
    let tuned = sparse.proximal(graph.constant(v), graph.constant(t));
    let parameters = [("sparse", sparse.0.initial_value())].into_iter().collect();
    let found = crate::testing::run(tuned, &parameters, Draw::default());
    // `exp(ln 0.2)` is rounded twice.
    assert!(found.data().iter().zip(by_number.data()).all(|(a, b)| (a - b).abs() < 1e-16));
}

/// Weights that pass 0 on the way, one of which begins there: the smooth penalty has a derivative all the same,
/// through each optimiser.
#[test]
fn the_coefficient_of_a_smooth_l1_has_a_hyper_gradient_across_zero() {
    let spec = crate::testing::weight(4);
    let start = Tensor::new([4], vec![0.25, -0.3, 0.0, 0.6]);
    let target = Tensor::new([4], vec![-0.5, 0.4, 0.3, 0.7]);
    let sparse = TunedSmoothL1::new(Hyperparameter::positive("sparse", 0.2).unwrap(), 0.1).unwrap();
    for (name, optimiser) in optimisers() {
        let graph = Graph::new();
        let w = spec.declare(&graph);
        let loss = (w - graph.constant(target.clone())).powi(2).sum() * 0.5 + sparse.value(w);
        let step = optimiser.minimise(loss, std::slice::from_ref(&spec));
        let unrolled = unroll(&step, &[w], 16, &["learning_rate"]);
        let raw = sparse.coefficient().raw(&graph);
        let mut parameters: Parameters<f64> =
            [("w", start.clone()), ("sparse", sparse.coefficient().initial_value())].into_iter().collect();
        step.initialise_state(&mut parameters);
        let feeds = [("learning_rate", Feed::Scalar(optimiser.learning_rate(0)))];
        let after = unrolled.at(&[(w - 0.1).powi(2).sum()])[0];
        let report = Checker::new(name).entries().order(1).graph(after, &[raw], &feeds, Some(&parameters));
        assert_eq!(report.unwrap().assert().checked_fraction(), 1.0, "{name}");
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let path: Vec<_> = unrolled.observed.iter().map(|observed| observed[0].id()).collect();
        let found = run.run(&graph, &path, &feeds).unwrap();
        let first = |step: &Vec<Var<'_, f64>>| found.get(step[0]).data()[0];
        let passed = unrolled.observed.iter().any(|step| first(step) < 0.0);
        assert!(passed && first(&unrolled.observed[0]) > 0.0, "{name}: the first weight has not passed 0");
    }
}

/// The first step draws what a plan of one step draws; the next ones, and the next run, draw anew.
#[test]
fn each_step_draws_for_itself() {
    let graph = Graph::<f64>::new();
    let spec = crate::testing::weight(3);
    let w = spec.declare(&graph);
    let noise = graph.normal("noise", [3]);
    let step = Optimiser::sgd(1.0).minimise((w * noise).sum(), &[spec]);
    let unrolled = unroll(&step, &[noise, graph.uniform("other", [3])], 3, &["learning_rate", "other"]);
    let mut plan = Plan::builder(&graph).output("first", noise);
    for (i, observed) in unrolled.observed.iter().enumerate() {
        plan = plan.output(&format!("noise{i}"), observed[0]).output(&format!("other{i}"), observed[1]);
    }
    let mut plan = plan.output("w", unrolled.at(&[w])[0]).compile();
    let mut parameters: Parameters<f64> = [("w", Tensor::zeros([3]))].into_iter().collect();
    let mut seen: Vec<Vec<f64>> = Vec::new();
    for _ in 0..2 {
        let outputs = plan.run(&mut parameters, &[("learning_rate", Feed::Scalar(1.0))]).unwrap();
        let drawn: Vec<_> = (0..3).map(|i| outputs.values(&format!("noise{i}")).to_vec()).collect();
        assert_eq!(drawn[0], outputs.values("first"));
        let sum: Vec<f64> = (0..3).map(|j| 0.0 - drawn[0][j] - drawn[1][j] - drawn[2][j]).collect();
        assert_eq!(outputs.values("w"), sum);
        for i in 1..3 {
            assert_eq!(outputs.values("other0"), outputs.values(&format!("other{i}")));
        }
        seen.extend(drawn);
    }
    for i in 0..seen.len() {
        assert!(seen[..i].iter().all(|earlier| *earlier != seen[i]), "draw {i} came before");
    }
}

#[test]
fn no_steps_change_nothing() {
    let graph = Graph::<f64>::new();
    let spec = crate::testing::weight(2);
    let (w, alpha) = (spec.declare(&graph), graph.scalar("alpha"));
    let loss = w.norm_squared() * alpha;
    let step = Optimiser::adam(0.1).minimise(loss, &[spec]);
    let before = graph.len();
    let unrolled = unroll(&step, &[loss], 0, &["alpha"]);
    assert_eq!(unrolled.at(&[loss])[0].id(), loss.id());
    assert_eq!((graph.len(), unrolled.steps()), (before, 0));
    // One step is the recorded one, without a copy.
    let one = unroll(&step, &[loss], 1, &["alpha"]);
    assert_eq!(graph.len(), before);
    assert!(one.updates.iter().zip(&step.updates).all(|(a, b)| a.1.id() == b.1.id()));
    let error = hyper_gradient(loss, &unrolled, &[alpha]).unwrap_err();
    assert_eq!(error.to_string(), "the number of unrolled steps is 0, it must be at least 1");
}

#[test]
fn what_no_step_uses_is_refused() {
    let graph = Graph::<f64>::new();
    let spec = crate::testing::weight(2);
    let w = spec.declare(&graph);
    let (used, idle) = (graph.scalar("used"), graph.parameter("idle", []));
    let loss = w.norm_squared() * used;
    let step = Optimiser::sgd(0.1).minimise(loss, &[spec]);
    let unrolled = unroll(&step, &[], 2, &["used", "learning_rate"]);
    let validation = (w - 1.0).norm_squared();
    let error = hyper_gradient(validation, &unrolled, &[used, idle]).unwrap_err();
    let said = "the validation loss does not depend on the hyper-parameter `idle`: no step uses it";
    assert_eq!(error.to_string(), said);
    let error = hyper_gradient(validation, &unrolled, &[]).unwrap_err();
    assert_eq!(error.to_string(), "a hyper-gradient needs a hyper-parameter; none is given");
    assert_eq!(hyper_gradient(validation, &unrolled, &[used]).unwrap().len(), 1);
    // The learning rate is a variable like any other.
    assert!(hyper_gradient(validation, &unrolled, &[step.learning_rate.unwrap()]).is_ok());
}

#[test]
#[should_panic(expected = "unroll: no step has an input or a stream {\"alhpa\"} to share")]
fn a_misspelt_shared_name_is_refused() {
    let graph = Graph::<f64>::new();
    let spec = crate::testing::weight(2);
    let loss = spec.declare(&graph).norm_squared() * graph.scalar("alpha");
    unroll(&Optimiser::sgd(0.1).minimise(loss, &[spec]), &[], 2, &["alhpa"]);
}

#[test]
#[should_panic(expected = "hyper-gradient: the validation loss is a scalar, not [2]")]
fn a_validation_loss_has_no_axes() {
    let graph = Graph::<f64>::new();
    let spec = crate::testing::weight(2);
    let (w, alpha) = (spec.declare(&graph), graph.scalar("alpha"));
    let step = Optimiser::sgd(0.1).minimise(w.norm_squared() * alpha, &[spec]);
    let _ = hyper_gradient(w, &unroll(&step, &[], 1, &[]), &[alpha]);
}
