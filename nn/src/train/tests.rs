use super::*;
use crate::data::{DataError, digits};
use crate::layer::Mode;
use crate::optimise::Plateau;
use crate::{Activation, Linear, Optimiser, Selection, Sequential, initialise};
use autograd::ops::random::Draw;
use autograd::{Graph, Interpreter, RunError, Tensor, Var};

/// Points in the plane, labelled by the sign of the product of their coordinates: no line separates them.
fn quadrants<T: Real>(n: usize) -> Dataset<T> {
    // Low-discrepancy points (Weyl sequences of √2 and √3): nothing to draw, spread evenly.
    let at = |i: usize| {
        let spread = |irrational: f64| ((i as f64 + 0.5) * irrational).fract() * 2.0 - 1.0;
        [spread(std::f64::consts::SQRT_2), spread(3f64.sqrt())]
    };
    let examples = Tensor::from_fn([n, 2], |flat| T::from_f64(at(flat / 2)[flat % 2]));
    let labels = Tensor::from_fn([n], |i| (at(i)[0] * at(i)[1] > 0.0) as u32);
    Dataset::new(examples, labels, 2).unwrap()
}

fn model<T: Real>() -> Sequential<T> {
    Sequential::mlp(&[2, 16, 2], Activation::Tanh)
}

#[test]
fn a_network_learns_the_digits() {
    let [train, test] = digits::load().unwrap().flattened().split([0.8, 0.2], 3).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 24, 10], Activation::Relu);
    let mut parameters = initialise(&model, 3);
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(4).seed(3);
    let curve = trainer.fit(&train, Some(&test), &mut parameters).unwrap();
    assert_eq!(curve.epochs.len(), 4);
    let last = curve.last().unwrap();
    // Linear classifiers reach 5 % on these digits; a network that does not learn has 90 %.
    assert!(last.validation.unwrap().error < 0.12, "{curve}");
    assert!(last.train.loss < curve.epochs[0].train.loss / 2.0, "{curve}");
    assert_eq!(last.train.examples, train.len());
    assert_eq!(trainer.evaluate(&test, &parameters).unwrap(), last.validation.unwrap());
}

/// Wide enough that products, reductions and updates are split among threads.
fn trained(seed: u64, threads: usize) -> (Parameters<f32>, LearningCurve) {
    let data = digits::load().unwrap().flattened().subset(&(0..300).collect::<Vec<_>>()).unwrap();
    let model = Sequential::mlp(&[64, 512, 256, 10], Activation::Relu);
    let mut parameters = initialise(&model, seed);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let curve = pool.install(|| {
        Trainer::new(&model, Optimiser::adamw(0.01, 0.1))
            .epochs(2)
            .batch_size(128)
            .seed(seed)
            .fit(&data, Some(&data), &mut parameters)
            .unwrap()
    });
    (parameters, curve)
}

/// Everything but the time it took.
fn timeless(curve: &LearningCurve) -> Vec<EpochMetrics> {
    curve.epochs.iter().map(|metrics| EpochMetrics { seconds: 0.0, ..metrics.clone() }).collect()
}

#[test]
fn the_same_seed_gives_the_same_bits_for_any_number_of_threads() {
    let (first, curve) = trained(5, 1);
    for threads in [1, 2, 3] {
        let (again, curve_again) = trained(5, threads);
        assert_eq!(first, again, "{threads} threads");
        assert_eq!(timeless(&curve), timeless(&curve_again));
    }
    assert_ne!(first, trained(6, 1).0);
}

/// Adds noise of standard deviation 0.1 while training.
#[derive(Debug)]
struct Noise;

impl<T: Real> Layer<T> for Noise {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if mode.is_stochastic() { x + x.graph().normal("noise", x.shape()) * 0.1 } else { x }
    }
}

/// Order of examples, draws, learning rate and the optimiser's memory all go on where they were.
#[test]
fn a_training_can_be_interrupted() {
    let data = quadrants::<f32>(50);
    let model = Sequential::<f32>::new().then(Noise).linear(2, 8).then(Activation::Tanh).linear(8, 2);
    let schedule = || crate::Schedule::Cosine { initial: 0.05, last: 0.0, steps: 16 };
    let trainer = || Trainer::new(&model, Optimiser::adam(schedule())).batch_size(16).seed(2);
    let mut whole = initialise(&model, 2);
    let whole_curve = trainer().epochs(4).fit(&data, None, &mut whole).unwrap();
    let mut parts = initialise(&model, 2);
    trainer().epochs(3).fit(&data, None, &mut parts).unwrap();
    let rest = trainer().epochs(1).first_epoch(3).fit(&data, None, &mut parts).unwrap();
    assert_eq!(whole, parts);
    assert_eq!(timeless(&whole_curve)[3..], timeless(&rest));
    assert_eq!(rest.epochs[0].learning_rate, schedule().at(15));
}

/// The draws of step `k` are those of run `k` under the trainer's seed, whichever plan takes the step.
#[test]
fn draws_are_a_function_of_seed_and_step() {
    let (data, model) = (quadrants::<f64>(5), Sequential::<f64>::new().linear(2, 2));
    let draws = |batch: &Batch<'_, '_, f64>| {
        let w = batch.variables(&Selection::weights())[0];
        w.graph().normal("draw", w.shape()).id()
    };
    let mut parameters = initialise(&model, 1);
    let before = parameters.clone();
    // The gradient of the weights is the draw itself, that of the bias 0: six steps, of 2, 2 and 1 examples.
    Trainer::new(&model, Optimiser::sgd(1.0))
        .objective(move |batch| {
            let all = batch.variables(&Selection::all());
            (all[0] * batch.graph.var(draws(batch))).sum() + (all[1] * 0.0).sum()
        })
        .batch_size(2)
        .epochs(2)
        .seed(42)
        .fit(&data, None, &mut parameters)
        .unwrap();
    let graph = Graph::<f64>::new();
    let draw = graph.normal("draw", [2, 2]);
    let mut expected = before["linear1.weight"].clone();
    for run in 0..6 {
        let interpreter = Interpreter { parameters: &before, draw: Draw { seed: 42, run } };
        let found = interpreter.run(&graph, &[draw.id()], &[]).unwrap();
        expected.data_mut().iter_mut().zip(found.get(draw).data()).for_each(|(w, d)| *w -= d);
    }
    assert_eq!(parameters["linear1.weight"], expected);
}

/// One sample of a stochastic network: new draws for each batch, the same for the same seed.
#[test]
fn an_evaluator_can_sample() {
    let (data, model) = (quadrants::<f64>(6), Sequential::<f64>::new().then(Noise).linear(2, 2));
    let parameters = initialise(&model, 1);
    let twice = data.subset(&[0, 1, 0, 1]).unwrap();
    let logits = |mode, seed| Evaluator::new(&model, 2).in_mode(mode, seed).logits(&twice, &parameters);
    let plain = logits(Mode::Evaluate, 1).unwrap();
    assert_eq!(plain.data()[..4], plain.data()[4..]);
    let sample = logits(Mode::Sample, 1).unwrap();
    assert_ne!(sample.data()[..4], sample.data()[4..]);
    assert_eq!(sample, logits(Mode::Sample, 1).unwrap());
    assert_ne!(sample, logits(Mode::Sample, 2).unwrap());
}

/// One epoch of plain gradient descent against the same steps by hand, with an odd last batch: 7 = 3 + 3 + 1.
#[test]
fn the_last_batch_is_trained_on_too() {
    let (data, model) = (quadrants::<f64>(7), Sequential::<f64>::new().linear(2, 2));
    let mut parameters = initialise(&model, 1);
    let (mut w, mut b) =
        (parameters["linear1.weight"].data().to_vec(), parameters["linear1.bias"].data().to_vec());
    let curve = Trainer::new(&model, Optimiser::sgd(0.5))
        .epochs(1)
        .batch_size(3)
        .seed(9)
        .fit(&data, None, &mut parameters)
        .unwrap();

    let (mut total, mut wrong) = (0.0, 0);
    let mut batches = crate::data::Batches::new(7, 3, 9).unwrap();
    for indices in batches.epoch(0) {
        let (mut gw, mut gb) = ([0.0; 4], [0.0; 2]);
        for &i in indices {
            let x = data.example(i);
            let label = data.labels().data()[i] as usize;
            let z = [0, 1].map(|k| x[0] * w[k] + x[1] * w[2 + k] + b[k]);
            let sum = z[0].exp() + z[1].exp();
            total -= (z[label].exp() / sum).ln();
            wrong += (z[1 - label] > z[label]) as u32;
            for k in 0..2 {
                let slope = (z[k].exp() / sum - (k == label) as u8 as f64) / indices.len() as f64;
                gb[k] += slope;
                gw[k] += slope * x[0];
                gw[2 + k] += slope * x[1];
            }
        }
        (0..4).for_each(|i| w[i] -= 0.5 * gw[i]);
        (0..2).for_each(|i| b[i] -= 0.5 * gb[i]);
    }
    // A few dozen roundings of numbers of order one.
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} and {b}");
    parameters["linear1.weight"].data().iter().zip(&w).for_each(|(&a, &b)| close(a, b));
    parameters["linear1.bias"].data().iter().zip(&b).for_each(|(&a, &b)| close(a, b));
    let metrics = &curve.epochs[0];
    close(metrics.objective, total / 7.0);
    close(metrics.train.loss, total / 7.0);
    close(metrics.train.error, wrong as f64 / 7.0);
}

#[test]
fn evaluation_does_not_depend_on_the_batch_size() {
    let (data, model) = (quadrants::<f64>(23), model());
    let parameters = initialise(&model, 4);
    let evaluate = |size| Evaluator::new(&model, size).evaluate(&data, &parameters).unwrap();
    let whole = evaluate(23);
    for size in [1, 5, 22, 100] {
        let found = evaluate(size);
        assert_eq!((found.error, found.examples), (whole.error, 23));
        assert!((found.loss - whole.loss).abs() < 1e-15 * 23.0, "batches of {size}");
    }
    let logits = Evaluator::new(&model, 5).logits(&data, &parameters).unwrap();
    assert_eq!(logits.shape().lengths(), [23, 2]);
    let wrong = (0..23).filter(|&i| {
        let row = &logits.data()[2 * i..2 * i + 2];
        (row[1] > row[0]) as u32 != data.labels().data()[i]
    });
    assert_eq!(wrong.count() as f64 / 23.0, whole.error);
}

#[test]
fn the_objective_has_penalties_and_the_loss_has_not() {
    let (data, model) = (quadrants::<f64>(40), model());
    let mut parameters = initialise(&model, 1);
    let penalty: f64 = ["linear1.weight", "linear2.weight"]
        .iter()
        .map(|name| parameters[name].data().iter().map(|w| w * w).sum::<f64>())
        .sum();
    let curve = Trainer::new(&model, Optimiser::sgd(0.0))
        .epochs(1)
        .objective(|batch| {
            let weights = batch.variables(&Selection::weights());
            weights.iter().fold(batch.cross_entropy(), |sum, w| sum + w.norm_squared())
        })
        .fit(&data, None, &mut parameters)
        .unwrap();
    let metrics = &curve.epochs[0];
    assert!((metrics.objective - metrics.train.loss - penalty).abs() < 1e-12 * penalty);
}

#[test]
fn both_training_measures_agree_when_nothing_moves() {
    let (data, model) = (quadrants::<f64>(37), model());
    let measure = |measure| {
        let mut trainer = Trainer::new(&model, Optimiser::sgd(0.0)).epochs(1).training_measure(measure);
        trainer.fit(&data, None, &mut initialise(&model, 1)).unwrap().epochs[0].train
    };
    let (running, evaluated) = (measure(TrainingMeasure::Running), measure(TrainingMeasure::Evaluated));
    assert!((running.loss - evaluated.loss).abs() < 1e-14);
    assert_eq!(running.error, evaluated.error);
}

#[test]
fn logits_are_recorded_once() {
    let (graph, model) = (Graph::<f32>::new(), model());
    let specs = model.parameters();
    let (x, labels) = (graph.input("x", [3, 2]), graph.indices("labels", [3]));
    let batch = Batch::new(x, labels, &model, &specs, Mode::Train);
    assert_eq!(batch.logits().id(), batch.logits().id());
    let twice = x * 2.0;
    let other = batch.on(twice);
    assert_eq!((other.inputs.id(), other.labels.id()), (twice.id(), labels.id()));
    assert_ne!(other.logits().id(), batch.logits().id(), "other inputs have other logits");
}

/// Nothing of the step needs the labels then; they are fed all the same.
#[test]
fn an_objective_may_ignore_the_labels() {
    let (data, model) = (quadrants::<f32>(37), model());
    let mut trainer = Trainer::new(&model, Optimiser::sgd(0.1))
        .epochs(1)
        .training_measure(TrainingMeasure::Evaluated)
        .objective(|batch| batch.logits().powi(2).mean());
    let mut parameters = initialise(&model, 1);
    let curve = trainer.fit(&data, None, &mut parameters).unwrap();
    assert!(curve.epochs[0].objective > 0.0);
}

#[test]
fn observers_see_each_epoch_and_may_stop() {
    let (data, model) = (quadrants::<f32>(20), model());
    let mut parameters = initialise(&model, 1);
    let mut seen = Vec::new();
    let mut observer = |metrics: &EpochMetrics, parameters: &Parameters<f32>| {
        seen.push((metrics.epoch, parameters.clone()));
        if metrics.epoch == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut trainer = Trainer::new(&model, Optimiser::momentum(0.1, 0.9)).epochs(10);
    let curve = trainer.fit_observed(&data, None, &mut parameters, &mut observer).unwrap();
    assert!(curve.stopped);
    assert_eq!(seen.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(seen[2].1, parameters);
    assert_ne!(seen[1].1, parameters);
}

/// Nothing ever improves by 100 %: the rate is halved after each second epoch.
#[test]
fn a_plateau_lowers_the_rate() {
    let data = quadrants::<f64>(64);
    let model = model();
    let plateau = || Plateau::new(0.5, 1).threshold(1.0);
    let run = |parameters: &mut Parameters<f64>, first: u64, epochs: u64, plateau: Plateau| {
        let mut trainer =
            Trainer::new(&model, Optimiser::sgd(0.4)).first_epoch(first).epochs(epochs).plateau(plateau);
        let curve = trainer.fit(&data, Some(&data), parameters).unwrap();
        let rates: Vec<f64> = curve.epochs.iter().map(|metrics| metrics.learning_rate).collect();
        (rates, trainer.plateau_now().unwrap().clone())
    };
    let mut whole = initialise(&model, 1);
    let (rates, _) = run(&mut whole, 0, 6, plateau());
    // The first epoch has nothing to be compared with.
    assert_eq!(rates, [0.4, 0.4, 0.4, 0.2, 0.2, 0.1]);

    // The fed rate is that of the measures: six epochs at those rates by hand.
    let mut by_hand = initialise(&model, 1);
    for (epoch, rate) in rates.iter().enumerate() {
        let mut trainer = Trainer::new(&model, Optimiser::sgd(*rate)).first_epoch(epoch as u64).epochs(1);
        trainer.fit(&data, None, &mut by_hand).unwrap();
    }
    assert_eq!(whole, by_hand);

    // Interrupted after four epochs, and from the beginning again with the same trainer.
    let mut halves = initialise(&model, 1);
    let (first, seen) = run(&mut halves, 0, 4, plateau());
    let (second, _) = run(&mut halves, 4, 2, seen);
    assert_eq!(([first, second].concat(), &halves), (rates, &whole));
    let mut trainer = Trainer::new(&model, Optimiser::sgd(0.4)).epochs(4).plateau(plateau());
    for _ in 0..2 {
        let curve = trainer.fit(&data, Some(&data), &mut initialise(&model, 1)).unwrap();
        assert_eq!(curve.last().unwrap().learning_rate, 0.2);
    }
    let mut senseless = Trainer::new(&model, Optimiser::sgd(0.4)).plateau(Plateau::new(2.0, 1));
    let error = senseless.fit(&data, None, &mut initialise(&model, 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the optimiser cannot work: the factor of a plateau is 2, it must be in (0, 1)"
    );
}

#[test]
fn one_trainer_trains_several_sets_of_parameters() {
    let (data, model) = (quadrants::<f32>(20), model());
    let mut trainer = Trainer::new(&model, Optimiser::adam(0.1)).epochs(2);
    let mut fit = || {
        let mut parameters = initialise(&model, 1);
        trainer.fit(&data, None, &mut parameters).unwrap();
        parameters
    };
    assert_eq!(fit(), fit());
}

/// The identity until the inputs exceed a bound, then a logarithm of a negative number.
#[derive(Debug)]
struct Breaks;

impl<T: Real> Layer<T> for Breaks {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        x + (3.0 - x.abs()).ln() * 0.0
    }
}

#[test]
fn a_loss_that_is_not_a_number_leaves_the_last_good_epoch() {
    let data = quadrants::<f64>(40);
    let model = Sequential::<f64>::new().linear(2, 2).then(Breaks);
    let mut parameters = initialise(&model, 1);
    let mut kept = Vec::new();
    let mut keep = |_: &EpochMetrics, parameters: &Parameters<f64>| {
        kept.push(parameters.clone());
        ControlFlow::Continue(())
    };
    // A learning rate that grows until logits leave [-3, 3].
    let schedule = crate::Schedule::Linear { initial: 0.0, last: 400.0, steps: 100 };
    let mut trainer = Trainer::new(&model, Optimiser::sgd(schedule)).batch_size(10).epochs(100);
    let error = trainer.fit_observed(&data, None, &mut parameters, &mut keep).unwrap_err();
    let text = error.to_string();
    let TrainError::NonFinite { what, value, epoch, batch, cause, curve } = error else {
        panic!("{text}");
    };
    assert!(epoch >= 1 && batch < 4 && value.is_nan(), "{text}");
    assert_eq!(what, "the objective");
    assert_eq!((curve.epochs.len(), kept.len()), (epoch as usize, epoch as usize));
    assert_eq!(kept.last(), Some(&parameters));
    let cause = cause.expect("the repetition finds it");
    assert_eq!(cause.operation, "ln");
    assert!(cause.origin.contains("train/tests.rs"), "{text}");
    let beginning =
        format!("the objective became NaN in batch {batch} of epoch {epoch}: NaN first appears in ");
    assert!(text.starts_with(&beginning), "{text}");
}

/// The objective breaks where no gradient passes: the parameters never do.
#[test]
fn an_objective_may_break_alone() {
    let (data, model) = (quadrants::<f64>(8), Sequential::<f64>::new().linear(2, 2));
    let mut trainer = Trainer::new(&model, Optimiser::sgd(0.1))
        .epochs(1)
        .batch_size(4)
        .objective(|batch| batch.cross_entropy() + (batch.inputs.sum() * 0.0 - 1.0).ln().detach());
    let error = trainer.fit(&data, None, &mut initialise(&model, 1)).unwrap_err();
    let TrainError::NonFinite { batch: 0, cause: Some(cause), .. } = error else { panic!("{error}") };
    assert_eq!(cause.operation, "ln");
}

/// The update of the second and last step overflows: no objective sees it.
#[test]
fn a_parameter_that_overflows_in_the_last_step_is_found() {
    use crate::optimise::{Scale, ScaleByLearningRate};
    let (data, model) = (quadrants::<f32>(8), Sequential::<f32>::new().linear(2, 2));
    let mut parameters = initialise(&model, 1);
    let before = parameters.clone();
    let schedule = crate::Schedule::Linear { initial: 0.0, last: 1e6, steps: 1 };
    let optimiser = Optimiser::new(schedule).then(Scale(1e37)).then(ScaleByLearningRate);
    let mut trainer = Trainer::new(&model, optimiser).batch_size(4).epochs(1);
    let error = trainer.fit(&data, None, &mut parameters).unwrap_err();
    let TrainError::NonFinite { what, batch: 1, epoch: 0, cause: Some(cause), .. } = error else {
        panic!("{error}");
    };
    assert_eq!(what, "the parameter `linear1.weight`");
    assert_eq!(cause.operation, "mul");
    assert_eq!(parameters, before);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_runs() {
    let data = quadrants::<f32>(6);
    let refusal = |model: &Sequential<f32>, optimiser: Optimiser<f32>, size: usize| {
        let mut parameters = initialise(model, 1);
        let before = parameters.clone();
        let mut trainer = Trainer::new(model, optimiser).batch_size(size).epochs(1);
        let error = trainer.fit(&data, None, &mut parameters).unwrap_err();
        assert_eq!(parameters, before);
        error.to_string()
    };
    let sgd = || Optimiser::sgd(0.1);
    assert_eq!(
        refusal(&model(), Optimiser::sgd(f64::NAN), 2),
        "the optimiser cannot work: the learning rate is NaN, it must be finite and at least 0"
    );
    assert_eq!(
        refusal(&Sequential::mlp(&[3, 2], Activation::Relu), sgd(), 2),
        "the model does not take examples of shape [2]: the linear layer `linear1` takes [.., 3], not [6, 2]"
    );
    assert_eq!(
        refusal(&Sequential::mlp(&[2, 1], Activation::Relu), sgd(), 2),
        "the data set has 2 classes, the model only 1"
    );
    assert!(refusal(&model(), sgd(), 0).contains("batch"));

    let model = model();
    let mut trainer = Trainer::new(&model, sgd());
    let error = trainer.fit(&data, None, &mut Parameters::new()).unwrap_err();
    assert!(matches!(error, TrainError::Run(RunError::MissingParameter { .. })), "{error}");
    let narrow = Dataset::new(Tensor::zeros([2, 3]), Tensor::new([2], vec![0, 1]), 2).unwrap();
    let error = trainer.fit(&data, Some(&narrow), &mut initialise(&model, 1)).unwrap_err();
    assert_eq!(error.to_string(), "validation examples have shape [3], training examples [2]");
    let error = Evaluator::new(&model, 0).evaluate(&data, &initialise(&model, 1)).unwrap_err();
    assert!(matches!(error, TrainError::Data(DataError::ZeroBatchSize)), "{error}");

    let images = data.with_example_shape(&[2, 1]).unwrap();
    let tall = Sequential::<f32>::new().then(Linear::new("l", 1, 2));
    let error = Trainer::new(&tall, sgd()).fit(&images, None, &mut initialise(&tall, 1)).unwrap_err();
    assert_eq!(error.to_string(), "the model makes [6, 2, 2] of [6, 2, 1]; a classifier makes [6, classes]");
}
