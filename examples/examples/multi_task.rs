//! Multi-task learning and its control: are extra tasks of use, or only extra?
//!
//! `cargo run --release -p examples --example multi_task`
//!
//! Caruana's peaks functions (*Multitask Learning*, 1997): six numbers, each coded by ten inputs, and tasks of
//! the form
//!
//! ```text
//! P(A, B, C) = if A > 1/2 then B else C        A, B, C three of the six numbers
//! ```
//!
//! A network learns P(1, 2, 3) from 300 examples: alone; with other functions of the same numbers as extra
//! tasks on a shared trunk; and with the same extra tasks, their targets shuffled among the training examples.
//! Shuffled targets have the same distribution and disturb the trunk as much, but say nothing. If they helped,
//! the extra tasks would be mere noise; they do not, so what helps is what the tasks have in common.
//!
//! All start from the same weights and stop where the main task's error on a validation set is smallest; the
//! differences are paired. At the end, other ways to combine the true tasks.

use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Feed, Graph, Parameters, Plan, RunError, Tensor, Var};
use comfy_table::{CellAlignment, Table, presets};
use nn::loss::{Reduction, squared_error};
use nn::{
    Activation, Heads, LEARNING_RATE, Linear, Mode, Optimiser, ParameterSpec, Selection, Sequential,
    initialise_parameters,
};
use regularize::RegularizeError;
use regularize::multi_task::{FixedWeights, GradNorm, Order, PcGrad, UncertaintyWeights};

/// The tasks: which numbers are A, B and C. The first is the main one.
const TASKS: [[usize; 3]; 8] =
    [[0, 1, 2], [0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const NUMBERS: usize = 6;
const CODES: usize = 10;
const HIDDEN: usize = 32;
/// The numbers of examples to train on, to stop by, and to test on.
const SIZES: [usize; 3] = [300, 100, 1000];
const STEPS: usize = 1000;
/// The training steps between two looks at the validation set.
const BETWEEN: usize = 10;
const RATE: f64 = 0.005;

/// How the tasks are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The main task only.
    Alone,
    /// All tasks, their losses added.
    Together,
    /// The same with the extra targets shuffled among the training examples.
    Shuffled,
    /// All tasks, weighted by learned uncertainties.
    Uncertainty,
    /// All tasks, weighted by the lengths of their gradients.
    GradNorm,
    /// All tasks, conflicting gradients projected.
    PcGrad,
}

/// Examples `[n, inputs]` and the targets of all tasks, `[n, tasks]`.
type Part = [Tensor<f32>; 2];

/// Each number by ten bumps that overlap.
fn part(number: u64, examples: usize, seed: u64) -> Part {
    let mut values = vec![0.0f32; NUMBERS * examples];
    Stream::new(seed, stream_of_name("peaks"), number).fill_uniform(0, &mut values);
    let code = |i: usize| {
        let centre = ((i % CODES) as f32 + 0.5) / CODES as f32;
        (-50.0 * (values[i / CODES] - centre).powi(2)).exp()
    };
    let target = |i: usize| {
        let [a, b, c] = TASKS[i % TASKS.len()].map(|n| values[i / TASKS.len() * NUMBERS + n]);
        if a > 0.5 { b } else { c }
    };
    let inputs = Tensor::from_fn([examples, NUMBERS * CODES], code);
    [inputs, Tensor::from_fn([examples, TASKS.len()], target)]
}

/// The extra targets in another order of the examples, the main one's as they are.
fn shuffled(targets: &Tensor<f32>, seed: u64) -> Tensor<f32> {
    let (n, tasks) = (targets.shape()[0], TASKS.len());
    let mut result = targets.clone();
    for task in 1..tasks {
        let mut keys = vec![0.0f64; n];
        Stream::new(seed, stream_of_name("shuffle"), task as u64).fill_uniform(0, &mut keys);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        for (to, from) in order.into_iter().enumerate() {
            result.data_mut()[to * tasks + task] = targets.data()[from * tasks + task];
        }
    }
    result
}

fn network() -> Heads<f32> {
    let trunk = Sequential::with_prefix("trunk").linear(NUMBERS * CODES, HIDDEN).then(Activation::Tanh);
    (0..TASKS.len()).fold(Heads::new(trunk), |heads, task| {
        let name = format!("task{task}");
        heads.head(&name, Linear::new(&name, HIDDEN, 1))
    })
}

fn losses<'g>(model: &Heads<f32>, x: Var<'g, f32>, y: Var<'g, f32>) -> Vec<Var<'g, f32>> {
    let loss = |(task, (_, result)): (usize, (&str, Var<'g, f32>))| {
        squared_error(result, y.slice(1, task, task + 1), Reduction::Mean)
    };
    model.forward(x, Mode::Train).into_iter().enumerate().map(loss).collect()
}

/// A plan of one training step, its parameters, and what the optimiser remembers.
fn plan(way: Way, model: &Heads<f32>) -> Result<(Plan<f32>, Vec<ParameterSpec>), RegularizeError> {
    let (graph, tasks) = (Graph::new(), TASKS.len());
    let (x, y) = (graph.input("x", [SIZES[0], NUMBERS * CODES]), graph.input("y", [SIZES[0], tasks]));
    let losses = losses(model, x, y);
    let optimiser = Optimiser::adam(RATE);
    let mut specs = model.parameters();
    let trunk = Selection::named("trunk.");
    let step = match way {
        Way::Alone => {
            specs = model_of_the_main_task(model);
            optimiser.minimise(losses[0], &specs)
        }
        Way::Together | Way::Shuffled => {
            let objective = FixedWeights::new(&vec![1.0; tasks])?.objective(&losses);
            optimiser.minimise(objective, &specs)
        }
        Way::Uncertainty => {
            let weights = UncertaintyWeights::for_regression("tasks", tasks)?;
            specs.extend(weights.parameters());
            optimiser.minimise(weights.objective(&losses), &specs)
        }
        Way::GradNorm => {
            let balance = GradNorm::new("balance", tasks, 0.5, 0.02)?;
            let shared = trunk.variables(&graph, &specs);
            let objective = balance.objective(&losses, &shared);
            specs.extend(balance.parameters());
            optimiser.minimise(objective, &specs)
        }
        Way::PcGrad => {
            let gradients = PcGrad::new(Order::Drawn).gradients(&losses, &specs, &trunk);
            optimiser.apply(&graph, &specs, &gradients)
        }
    };
    specs.extend(step.state.clone());
    Ok((step.add_to(Plan::builder(&graph)).compile(), specs))
}

fn model_of_the_main_task(model: &Heads<f32>) -> Vec<ParameterSpec> {
    nn::Layer::parameters(&model.only("task0"))
}

/// The root of the main task's mean squared error.
fn error(model: &Heads<f32>, [x, y]: &Part, parameters: &Parameters<f32>) -> Result<f64, RunError> {
    let graph = Graph::new();
    let main = losses(model, graph.input("x", x.shape()), graph.input("y", y.shape()))[0];
    let mut plan = Plan::builder(&graph).output("loss", main).compile();
    let outputs = plan.evaluate(parameters, &[("x", Feed::from(x)), ("y", Feed::from(y))])?;
    Ok(f64::from(outputs.scalar("loss")).sqrt())
}

/// The main task's test error where its validation error was smallest.
///
/// # Errors
/// None: the requests are in range.
pub fn test_error(way: Way, seed: u64) -> Result<f64, RegularizeError> {
    let [mut train, validation, test] = [0, 1, 2].map(|number| part(number as u64, SIZES[number], seed));
    if way == Way::Shuffled {
        train[1] = shuffled(&train[1], seed);
    }
    let model = network();
    let (mut plan, specs) = plan(way, &model)?;
    plan.set_seed(seed);
    let all = [model.parameters(), specs].concat();
    let mut parameters = initialise_parameters(&nn::parameter::merge_parameters([all]), seed);
    let (mut smallest, mut found) = (f64::INFINITY, f64::NAN);
    for step in 1..=STEPS {
        let feeds =
            [("x", Feed::from(&train[0])), ("y", Feed::from(&train[1])), (LEARNING_RATE, Feed::from(RATE))];
        plan.run(&mut parameters, &feeds)?;
        if step % BETWEEN == 0 {
            let now = error(&model, &validation, &parameters)?;
            if now < smallest {
                (smallest, found) = (now, error(&model, &test, &parameters)?);
            }
        }
    }
    Ok(found)
}

/// Mean and standard error of the paired differences, and their quotient, Student's t.
pub fn paired(a: &[f64], b: &[f64]) -> [f64; 3] {
    let (n, differences) = (a.len() as f64, a.iter().zip(b).map(|(a, b)| a - b));
    let mean = differences.clone().sum::<f64>() / n;
    let variance = differences.map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    [mean, error, mean / error]
}

fn main() -> Result<(), RegularizeError> {
    const SEEDS: u64 = 10;
    let ways = [
        ("alone", Way::Alone),
        ("with 7 extra tasks", Way::Together),
        ("with 7 shuffled tasks", Way::Shuffled),
        ("7 extra, uncertainty weights", Way::Uncertainty),
        ("7 extra, GradNorm", Way::GradNorm),
        ("7 extra, PCGrad", Way::PcGrad),
    ];
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["the main task learned", "RMS error", "less alone", "±", "t"]);
    let mut alone: Option<Vec<f64>> = None;
    for (name, way) in ways {
        let errors = (0..SEEDS).map(|seed| test_error(way, seed)).collect::<Result<Vec<_>, _>>()?;
        let mean = errors.iter().sum::<f64>() / SEEDS as f64;
        let mut cells = vec![name.to_string(), format!("{mean:.4}")];
        match &alone {
            Some(alone) => cells.extend(paired(&errors, alone).map(|number| format!("{number:+.4}"))),
            None => alone = Some(errors),
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!(
        "P(1, 2, 3) from {} examples, paired over {SEEDS} data sets and initial weights\n\n{table}\n\n\
         Beyond abs(t) = 2.26 a difference is significant at 5 %. True extra tasks make\n\
         the error smaller; the same targets shuffled make it larger, for they must be\n\
         learned by heart with units that the main task then lacks.",
        SIZES[0]
    );
    Ok(())
}
