use super::*;
use crate::Penalties;
use crate::hyper_gradient::{ConcreteDropout, TunedL2, TunedNoise};
use crate::testing::numbers;
use nn::data::digits;
use nn::{Activation, Selection, Sequential, Trainer, initialise};

fn data() -> [Dataset<f64>; 2] {
    let [train, validation, _] = digits::load().unwrap().flattened().split([0.05, 0.05, 0.9], 1).unwrap();
    // Divided by the batch size without rest.
    let first = |data: Dataset<f32>| data.cast().subset(&(0..64).collect::<Vec<_>>()).unwrap();
    [first(train), first(validation)]
}

fn decay(initial: f64) -> Hyperparameter {
    Hyperparameter::positive("decay", initial).unwrap()
}

fn model() -> Sequential<f64> {
    Sequential::mlp(&[64, 5, 10], Activation::Tanh)
}

/// A tuner of the decay of `model`.
fn tuner<'m>(model: &'m Sequential<f64>, optimiser: Optimiser<f64>) -> HyperTuner<'m, f64> {
    let penalties = Penalties::new().with(Selection::weights(), TunedL2(decay(0.01)));
    HyperTuner::new(model, optimiser, vec![decay(0.01)])
        .objective(move |batch| penalties.added_to(batch.cross_entropy(), batch.parameters))
        .batch_size(16)
        .validation_batch_size(64)
}

fn close(found: f64, expected: f64) {
    // Sums of some thousand products in another order.
    assert!((found - expected).abs() < 1e-10 * (1e-3 + expected.abs()), "{found} and {expected}");
}

/// Windows are the same steps on the same batches as a plain training makes, whatever their length.
#[test]
fn untuned_it_is_the_plain_training() {
    let ([train, validation], model) = (data(), model());
    let fixed = Penalties::new().with(Selection::weights(), crate::L2::new(0.01).unwrap());
    for (optimiser, steps, windows) in
        [(Optimiser::momentum(0.1, 0.9), 4, 2), (Optimiser::adam(0.01), 2, 4), (Optimiser::sgd(0.1), 1, 8)]
    {
        let mut plain = initialise(&model, 3);
        Trainer::new(&model, optimiser.clone())
            .objective(|batch| fixed.added_to(batch.cross_entropy(), batch.parameters))
            .batch_size(16)
            .epochs(2)
            .seed(5)
            .fit(&train, None, &mut plain)
            .unwrap();
        for horizon in [Horizon::Window, Horizon::Carried] {
            let mut tuned = initialise(&model, 3);
            tuner(&model, optimiser.clone())
                .outer(Optimiser::sgd(0.0))
                .horizon(horizon)
                .steps(steps)
                .windows(windows)
                .seed(5)
                .fit(&train, &validation, &mut tuned)
                .unwrap();
            for (name, value) in plain.iter() {
                let found = tuned[name].data().iter().zip(value.data());
                // The coefficient is exp(ln 0.01), which is rounded; Adam divides by small roots.
                assert!(found.into_iter().all(|(a, b)| (a - b).abs() < 1e-9), "{name}");
            }
        }
    }
}

/// With weights that stand still, the objective is the mean over the window's batches, here all examples once, and
/// the validation loss that of the whole network without its dropout.
#[test]
fn a_window_reports_the_mean_objective_and_the_loss_of_evaluation() {
    let [train, validation] = data();
    for p in [0.0, 0.5] {
        let dropout = crate::Dropout::new(p).unwrap();
        let model = Sequential::<f64>::new().then(dropout).linear(64, 10);
        let mut parameters = initialise(&model, 3);
        let mut measure = Trainer::new(&model, Optimiser::sgd(0.1));
        let loss = |data: &Dataset<f64>| measure.evaluate(data, &parameters).unwrap().loss;
        let [of_train, of_validation] = [&train, &validation].map(loss);
        let decay: f64 = parameters["linear1.weight"].data().iter().map(|w| 0.005 * w * w).sum();
        let tuner = tuner(&model, Optimiser::sgd(0.0)).steps(4).windows(1);
        let course = tuner.fit(&train, &validation, &mut parameters).unwrap();
        let window = &course.windows[0];
        close(window.validation_loss, of_validation);
        if p == 0.0 {
            close(window.objective, of_train + decay);
        } else {
            assert!((window.objective - of_train - decay).abs() > 1e-3, "dropout is at work in training");
        }
    }
}

/// With hyper-parameters that stand still, what is carried from window to window is what one window over all
/// steps sees; short windows alone see less.
#[test]
fn carried_derivatives_are_those_of_one_long_window() {
    let ([train, validation], model) = (data(), model());
    for optimiser in [Optimiser::sgd(0.2), Optimiser::momentum(0.1, 0.9), Optimiser::adam(0.01)] {
        let last = |horizon, steps, windows| {
            let tuner = tuner(&model, optimiser.clone()).outer(Optimiser::sgd(0.0)).horizon(horizon);
            let mut parameters = initialise(&model, 3);
            let course = tuner.steps(steps).windows(windows).fit(&train, &validation, &mut parameters);
            course.unwrap().windows.pop().unwrap().gradient[0]
        };
        let long = last(Horizon::Window, 8, 1);
        for (steps, windows) in [(8, 1), (4, 2), (2, 4), (1, 8)] {
            close(last(Horizon::Carried, steps, windows), long);
        }
        assert!((last(Horizon::Window, 2, 4) / long - 1.0).abs() > 0.1);
    }
}

/// One outer step of gradient descent multiplies the strength by `e^(-rate · gradient)`.
#[test]
fn the_outer_step_is_one_on_the_logarithm() {
    let ([train, validation], model) = (data(), model());
    let mut parameters = initialise(&model, 3);
    let tuner = tuner(&model, Optimiser::momentum(0.1, 0.9)).outer(Optimiser::sgd(2.0)).windows(3);
    let course = tuner.fit(&train, &validation, &mut parameters).unwrap();
    let mut expected = 0.01;
    for window in &course.windows {
        expected *= (-2.0 * window.gradient[0]).exp();
        close(window.values[0], expected);
    }
    assert_eq!(course.names, ["decay"]);
    close(parameters["decay"].item(), expected.ln());
    // Both memories have names of their own.
    let names: Vec<_> = parameters.iter().map(|(name, _)| name.to_string()).collect();
    assert!(names.iter().any(|name| name == "linear1.weight/velocity"), "{names:?}");
}

/// Two Adams at once, draws of noise and of masks: the same seed gives the same course, another one not.
#[test]
fn a_seed_repeats_the_course() {
    let [train, validation] = data();
    let noise = Hyperparameter::positive("noise", 0.1).unwrap();
    let rate = Hyperparameter::probability("rate", 0.2).unwrap();
    let model = Sequential::new()
        .then(TunedNoise(noise.clone()))
        .linear(64, 5)
        .then(Activation::Relu)
        .then(ConcreteDropout::new(rate.clone(), 0.1).unwrap())
        .linear(5, 10);
    let course = |seed| {
        let mut parameters = initialise(&model, 3);
        HyperTuner::new(&model, Optimiser::adam(0.01), vec![noise.clone(), rate.clone()])
            .steps(3)
            .windows(4)
            .seed(seed)
            .fit(&train, &validation, &mut parameters)
            .map(|course| (course, parameters["outer.adam/steps"].item(), parameters["adam/steps"].item()))
            .unwrap()
    };
    let (first, outer_steps, inner_steps) = course(1);
    assert_eq!((outer_steps, inner_steps), (4.0, 12.0));
    assert_eq!(first, course(1).0);
    assert_ne!(first, course(2).0);
    assert!(first.windows.iter().all(|w| w.gradient.iter().all(|&g| g != 0.0)));
    assert!(first.windows[3].values[0] != 0.1 && first.windows[3].values[1] != 0.2);
}

/// Far too strong a decay is lowered, and the validation loss with it.
#[test]
fn a_decay_that_is_too_strong_falls() {
    let ([train, validation], model) = (data(), model());
    for horizon in [Horizon::Window, Horizon::Carried] {
        let fit = |rate: f64| {
            let mut parameters = initialise(&model, 3);
            parameters.insert("decay", Tensor::scalar(0.1f64.ln()));
            let tuner = tuner(&model, Optimiser::momentum(0.1, 0.9)).outer(Optimiser::adam(rate));
            let tuner = tuner.horizon(horizon).windows(60);
            tuner.fit(&train, &validation, &mut parameters).unwrap().windows.pop().unwrap()
        };
        let (tuned, untuned) = (fit(0.1), fit(0.0));
        assert!(tuned.values[0] < 0.05, "{horizon:?}: {}", tuned.values[0]);
        assert!(tuned.validation_loss < 0.8 * untuned.validation_loss);
    }
}

#[test]
fn bad_requests_are_refused() {
    let ([train, validation], model) = (data(), model());
    let said = |tuner: HyperTuner<'_, f64>| {
        let mut parameters = initialise(&model, 3);
        let before = parameters.clone();
        let error = tuner.fit(&train, &validation, &mut parameters).unwrap_err().to_string();
        assert_eq!(parameters, before);
        error
    };
    let sgd = || Optimiser::sgd(0.1);
    assert_eq!(
        said(tuner(&model, sgd()).steps(0)),
        "the number of unrolled steps is 0, it must be at least 1"
    );
    let with = |h| HyperTuner::new(&model, sgd(), h);
    assert_eq!(said(with(vec![])), "a hyper-gradient needs a hyper-parameter; none is given");
    assert_eq!(
        said(with(vec![decay(1.0)])),
        "the validation loss does not depend on the hyper-parameter `decay`: no step uses it"
    );
    assert_eq!(said(with(vec![decay(1.0), decay(2.0)])), "there are two parameters of the name `decay`");
    let taken = Hyperparameter::positive("linear1.weight", 1.0).unwrap();
    assert_eq!(said(with(vec![taken])), "there are two parameters of the name `linear1.weight`");
    assert_eq!(said(tuner(&model, Optimiser::momentum(0.1, 2.0))), "the momentum is 2, it must be in [0, 1)");
    assert_eq!(
        said(tuner(&model, sgd()).batch_size(0)),
        "batch size 0: a minibatch needs at least one example"
    );
    // Neither set may be of other examples than the network takes, or of more classes.
    let narrow = Dataset::new(numbers([6, 3], 0.0, 1.0, 1), Tensor::new([6], vec![0; 6]), 2).unwrap();
    let many = Dataset::new(train.examples().clone(), train.labels().clone(), 1000).unwrap();
    for (train, validation) in
        [(&narrow, &validation), (&train, &narrow), (&many, &validation), (&train, &many)]
    {
        let mut parameters = initialise(&model, 3);
        let error = tuner(&model, sgd()).fit(train, validation, &mut parameters).unwrap_err();
        assert!(matches!(error, RegularizeError::Train(_)), "{error}");
        assert_eq!(parameters, initialise(&model, 3));
    }
}

/// The step overflows: the error says where, and the parameters are the last good ones.
#[test]
fn what_is_not_finite_is_said_and_undone() {
    let ([train, validation], model) = (data(), model());
    let mut parameters = initialise(&model, 3);
    parameters.insert("decay", Tensor::scalar(600.0));
    let weights = parameters["linear1.weight"].clone();
    let error = tuner(&model, Optimiser::sgd(0.1)).fit(&train, &validation, &mut parameters).unwrap_err();
    let RegularizeError::WindowNotFinite { window, value, .. } = error else { panic!("{error}") };
    assert!(window == 0 && !value.is_finite());
    assert_eq!(parameters["linear1.weight"], weights);
}
