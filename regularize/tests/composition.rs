//! Techniques of every shape in one plan: augmentation (an input transform), dropout (an activation transform),
//! adversarial training (an objective), max-norm and an exponential average (update transforms).
//!
//! They know nothing of each other. Composed, each must still do what it does alone; with every strength at its
//! limit the training must be plain training, bit for bit; and the whole step is one plan, whose result no number
//! of threads changes and whose gradient agrees with differences.

use autograd::check::Checker;
use autograd::{Feed, Graph, Interpreter, Parameters, Plan, Tensor};
use nn::data::{Dataset, digits};
use nn::train::{Batch, EpochMetrics, EpochObserver, StepMetrics};
use nn::{Activation, LEARNING_RATE, Layer, Mode, Optimiser, Selection, Sequential, Trainer, initialise};
use regularize::augmentation::{Affine, Augment, LabelContract, Pipeline};
use regularize::{
    AdversarialTraining, Dropout, ExponentialAverage, FastGradient, MaxNorm, Projected, RegularizeError,
};
use std::ops::ControlFlow;

/// How strong each of them is.
#[derive(Clone, Copy)]
struct Strengths {
    dropped: f64,
    turned: f64,
    moved: f64,
    budget: f64,
    norm: f64,
}

const ALL: Strengths = Strengths { dropped: 0.3, turned: 10.0, moved: 0.7, budget: 0.1, norm: 0.9 };
const NONE: Strengths = Strengths { dropped: 0.0, turned: 0.0, moved: 0.0, budget: 0.0, norm: f64::INFINITY };
const DECAY: f64 = 0.9;

impl Strengths {
    fn network<T: autograd::Real>(self, hidden: usize) -> Sequential<T> {
        let dropout = Dropout::new(self.dropped).unwrap();
        Sequential::new()
            .linear(64, hidden)
            .then(Activation::Relu)
            .then_named("dropout", |name| dropout.named(name))
            .linear(hidden, 10)
    }

    fn augment<T: autograd::Real>(self) -> Augment<T> {
        let warp = Affine::new().rotate(self.turned).unwrap().translate(self.moved).unwrap();
        Pipeline::new([1, 8, 8]).then(warp).for_labels(&LabelContract::digits()).unwrap()
    }

    fn adversarial(self) -> AdversarialTraining {
        let attack = FastGradient::new(self.budget).unwrap().within(0.0, 1.0).unwrap();
        AdversarialTraining::new(attack, 0.5, Mode::Train).unwrap()
    }

    fn optimiser<T: autograd::Real>(self) -> Optimiser<T> {
        Optimiser::momentum(0.05, 0.9)
            .then(Projected::new(Selection::weights(), MaxNorm::new(self.norm).unwrap()))
            .then(ExponentialAverage::new(DECAY).unwrap())
    }
}

fn some_digits() -> Dataset<f32> {
    let all = digits::load().unwrap().flattened();
    // Three whole batches of 32 and one of 4: two plans.
    all.subset(&(0..100).collect::<Vec<_>>()).unwrap()
}

/// The weights after each step.
#[derive(Default)]
struct Course(Vec<Parameters<f32>>);

impl EpochObserver<f32> for Course {
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn step_ended(&mut self, _: &StepMetrics, parameters: &Parameters<f32>) -> ControlFlow<()> {
        self.0.push(parameters.clone());
        ControlFlow::Continue(())
    }
}

/// Two epochs with these strengths: the initial weights and those after each step.
fn trained(strengths: Strengths) -> (Parameters<f32>, Course) {
    let model = strengths.network::<f32>(24);
    let start = initialise(&model, 3);
    let (augment, adversarial) = (strengths.augment(), strengths.adversarial());
    let mut trainer = Trainer::new(&model, strengths.optimiser()).epochs(2).seed(3).objective(
        move |batch: &Batch<'_, '_, f32>| {
            adversarial.objective(&augment.on(batch), |batch| batch.cross_entropy())
        },
    );
    let (mut parameters, mut course) = (start.clone(), Course::default());
    trainer.fit_observed(&some_digits(), None, &mut parameters, &mut course).unwrap();
    (start, course)
}

#[test]
fn each_still_does_what_it_does_alone() -> Result<(), RegularizeError> {
    let (start, Course(steps)) = trained(ALL);
    let specs = ALL.network::<f32>(24).parameters();
    assert_eq!(steps.len(), 8);
    let mut reached = 0.0f64;
    for parameters in &steps {
        for (name, columns) in [("linear1.weight", 24), ("linear2.weight", 10)] {
            let data = parameters[name].data();
            for unit in 0..columns {
                let square: f64 =
                    data.iter().skip(unit).step_by(columns).map(|&w| f64::from(w).powi(2)).sum();
                // The projection rounds each of some 64 weights once, and `w - (w - p)` once more.
                assert!(square.sqrt() <= ALL.norm * (1.0 + 4.0 * f64::from(f32::EPSILON)));
                reached = reached.max(square.sqrt());
            }
        }
    }
    // The bound holds something back.
    assert!(reached > ALL.norm * 0.999, "the largest norm was {reached}");

    // The average is that of the projected weights, in closed form.
    let averages = ExponentialAverage::new(DECAY)?.averaged(&steps[7], &specs)?;
    for spec in &specs {
        for (i, average) in averages[&spec.name].data().iter().enumerate() {
            let mut expected = f64::from(start[&spec.name].data()[i]);
            for step in &steps {
                expected = DECAY * expected + (1.0 - DECAY) * f64::from(step[&spec.name].data()[i]);
            }
            // Eight steps of three roundings each, of numbers below 1.
            assert!((f64::from(*average) - expected).abs() < 24.0 * f64::from(f32::EPSILON));
        }
    }
    Ok(())
}

#[test]
fn without_strength_it_is_plain_training_bit_for_bit() {
    let (start, Course(composed)) = trained(NONE);
    let model = Sequential::<f32>::new().linear(64, 24).then(Activation::Relu).linear(24, 10);
    let mut parameters = initialise(&model, 3);
    assert_eq!(parameters, start);
    let mut plain = Course::default();
    let mut trainer = Trainer::new(&model, Optimiser::momentum(0.05, 0.9)).epochs(2).seed(3);
    trainer.fit_observed(&some_digits(), None, &mut parameters, &mut plain).unwrap();
    for (composed, plain) in composed.iter().zip(&plain.0) {
        for spec in model.parameters() {
            assert_eq!(composed[&spec.name], plain[&spec.name]);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(ALL).1.0.pop().unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

/// The step as a plan against the interpreter: the same bits, for everything that is updated.
#[test]
fn one_plan_makes_the_whole_step() {
    let model = ALL.network::<f32>(12);
    let specs = model.parameters();
    let graph = Graph::new();
    let (x, labels) = (graph.input("x", [16, 64]), graph.indices("labels", [16]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    let objective = ALL.adversarial().objective(&ALL.augment().on(&batch), |batch| batch.cross_entropy());
    let step = ALL.optimiser().minimise(objective, &specs);
    let mut plan = step.add_to(Plan::builder(&graph).output("objective", objective)).compile();
    plan.set_seed(5);
    let mut parameters = initialise(&model, 5);
    step.initialise_state(&mut parameters);

    let digits = some_digits();
    let images = Tensor::new([16, 64], digits.examples().data()[..16 * 64].to_vec());
    let classes = Tensor::new([16], digits.labels().data()[..16].to_vec());
    let feeds =
        [("x", Feed::from(&images)), ("labels", Feed::from(&classes)), (LEARNING_RATE, Feed::from(0.05))];
    let asked: Vec<_> = step.updates.iter().map(|(_, new)| new.id()).collect();
    let interpreter = Interpreter { parameters: &parameters, draw: plan.draw() };
    let run = interpreter.run(&graph, &asked, &feeds).unwrap();
    let expected: Vec<Tensor<f32>> = step.updates.iter().map(|&(_, new)| run.get(new).clone()).collect();
    plan.run(&mut parameters, &feeds).unwrap();
    for ((parameter, _), expected) in step.updates.iter().zip(expected) {
        let name = graph.name_of(parameter.id()).unwrap();
        assert_eq!(parameters[&*name], expected, "{name}");
    }
}

/// With respect to every weight, through warps, masks and attack, against differences.
#[test]
fn the_gradient_of_the_whole_agrees_with_differences() {
    let model = ALL.network::<f64>(4);
    let specs = model.parameters();
    let graph = Graph::new();
    let (x, labels) = (graph.input("x", [3, 64]), graph.indices("labels", [3]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    let objective = ALL.adversarial().objective(&ALL.augment().on(&batch), |batch| batch.cross_entropy());
    let targets: Vec<_> = specs.iter().map(|spec| spec.declare(&graph)).collect();
    let digits = some_digits();
    let images = Tensor::from_fn([3, 64], |i| f64::from(digits.examples().data()[i]));
    let classes = Tensor::new([3], digits.labels().data()[..3].to_vec());
    let feeds = [("x", Feed::from(&images)), ("labels", Feed::from(&classes))];
    let parameters = initialise(&model, 2);
    let checker = Checker::new("five techniques").allow_zero_gradient();
    checker.graph(objective, &targets, &feeds, Some(&parameters)).unwrap().assert();
}
