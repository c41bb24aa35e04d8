use super::*;
use autograd::Tensor;
use nn::{Sequential, initialise};

fn threat() -> Threat {
    Threat::infinity(0.1).unwrap()
}

fn data() -> Dataset<f64> {
    Dataset::new(
        Tensor::from_fn([6, 2], |i| (i % 5) as f64 * 0.2),
        Tensor::new([6], vec![0, 1, 0, 1, 1, 0]),
        2,
    )
    .unwrap()
}

/// Shows a sequence of (single step, iterated) accuracies on 100 examples of ten classes; what came of it and how
/// many were seen.
fn watched(accuracies: &[(f64, f64)], share: f64) -> (Monitored<f64>, usize) {
    let labels = Tensor::from_fn([100], |i| i as u32 % 10);
    let data = Dataset::new(Tensor::zeros([100, 2]), labels, 10).unwrap();
    let model = Sequential::<f64>::new().linear(2, 10);
    let mut monitor = OverfittingMonitor::new(&model, threat(), 3, &data).unwrap().alarm_at(share).unwrap();
    let mut parameters = initialise(&model, 1);
    let mut seen = 0;
    for (epoch, &(single_step, iterated)) in accuracies.iter().enumerate() {
        parameters.get_mut("linear1.bias").unwrap().data_mut()[0] = epoch as f64;
        seen += 1;
        let found = Withstood { epoch: epoch as u64, clean: 0.9, single_step, iterated };
        if monitor.observe(found, &parameters).is_break() {
            break;
        }
    }
    (monitor.finish().unwrap(), seen)
}

#[test]
fn a_collapse_is_caught_and_the_best_comes_back() {
    let (found, seen) = watched(&[(0.5, 0.4), (0.6, 0.5), (0.55, 0.45), (0.95, 0.02), (0.99, 0.0)], 0.5);
    assert_eq!((found.caught, seen, found.history.len()), (Some(3), 4, 4));
    assert_eq!((found.best.epoch, found.best.iterated), (1, 0.5));
    // A copy, not the parameters that went on changing.
    assert_eq!(found.parameters["linear1.bias"].data()[0], 1.0);
}

#[test]
fn a_bad_epoch_is_no_collapse() {
    // Both fall: the training goes badly, it does not overfit to its attack. Or the fall is small.
    let (found, seen) = watched(&[(0.6, 0.5), (0.2, 0.1), (0.6, 0.4), (0.7, 0.55)], 0.5);
    assert_eq!((found.caught, seen, found.best.epoch), (None, 4, 3));
    // A network that never withstood anything has nothing to lose.
    let (found, _) = watched(&[(0.3, 0.0), (0.9, 0.0)], 0.5);
    assert_eq!((found.caught, found.best.epoch), (None, 0));
    // NaN is no accuracy to be best with.
    let (found, _) = watched(&[(0.6, f64::NAN), (0.6, 0.3)], 0.5);
    assert_eq!(found.best.epoch, 1);
}

/// 19 % of ten classes is what guesses reach on 100 examples, 0.1 and three times 0.03; 20 % is not.
#[test]
fn what_guesses_reach_is_nothing_to_lose() {
    assert_eq!(watched(&[(0.3, 0.19), (0.3, 0.01)], 0.5).0.caught, None);
    assert_eq!(watched(&[(0.3, 0.2), (0.3, 0.01)], 0.5).0.caught, Some(1));
}

/// A linear network, for which one step is the best attack there is.
#[test]
fn accuracies_are_those_of_the_attacks() {
    let (model, data) = (Sequential::<f64>::new().linear(2, 2), data());
    let mut parameters = initialise(&model, 1);
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![0.0, 1.0, 0.0, -1.0]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, 0.05]));
    let found = OverfittingMonitor::new(&model, threat(), 8, &data).unwrap().measure(7, &parameters).unwrap();
    let accuracy = |reach: f64| {
        let right = data.examples().data().chunks(2).zip(data.labels().data()).filter(|(x, label)| {
            let margin = x[0] - x[1] + 0.05;
            let towards = if **label == 1 { margin - 2.0 * reach } else { -margin - 2.0 * reach };
            towards > 0.0
        });
        right.count() as f64 / 6.0
    };
    assert_eq!((found.epoch, found.clean), (7, accuracy(0.0)));
    assert_eq!((found.single_step, found.iterated), (accuracy(0.1), accuracy(0.1)));
    assert!(found.iterated < found.clean);
}

#[test]
fn numbers_are_checked_and_no_epoch_is_an_error() {
    let (model, data) = (Sequential::<f64>::new().linear(2, 2), data());
    let monitor = || OverfittingMonitor::new(&model, threat(), 3, &data).unwrap();
    assert!(OverfittingMonitor::new(&model, threat(), 1, &data).is_err());
    for bad in [0.0, 1.0, f64::NAN] {
        assert!(monitor().alarm_at(bad).is_err());
    }
    let narrow = threat().within(0.0, 0.5).unwrap();
    let error = OverfittingMonitor::new(&model, narrow, 3, &data).err().expect("an example is outside");
    assert!(matches!(error, RegularizeError::OutsideBox { example: 1, .. }), "{error}");
    assert!(matches!(monitor().finish(), Err(RegularizeError::NothingToKeep { .. })));
    // Parameters that are not there: the training ends, and the error comes back.
    let mut broken = monitor();
    let none = nn::train::Evaluation { loss: 0.0, error: 0.0, examples: 1 };
    let metrics = EpochMetrics {
        epoch: 0,
        objective: 0.0,
        train: none,
        validation: None,
        learning_rate: 0.1,
        seconds: 0.0,
    };
    assert!(broken.epoch_ended(&metrics, &Parameters::new()).is_break());
    assert!(matches!(broken.finish(), Err(RegularizeError::Run(_))));
}

/// What is measured is the network that will be used: without its dropout. And each batch has starts of its own, so
/// that twice the same examples are no copy of themselves.
#[test]
fn the_network_is_measured_as_it_is_used_from_many_starts() {
    let narrow = Sequential::<f64>::mlp(&[3, 12, 3], nn::Activation::Tanh);
    let mut parameters = initialise(&narrow, 2);
    for name in ["linear1.weight", "linear2.weight"] {
        parameters.get_mut(name).unwrap().data_mut().iter_mut().for_each(|w| *w *= 4.0);
    }
    let once = crate::testing::numbers([256, 3], -1.0, 1.0, 1);
    let labels: Vec<u32> = super::super::evaluator::classes_of(
        &super::super::victim::Victim::new(&narrow, &parameters).logits(&once).unwrap(),
    );
    let set = |copies: usize| {
        let x = Tensor::new([256 * copies, 3], once.data().repeat(copies));
        Dataset::new(x, Tensor::new([256 * copies], labels.repeat(copies)), 3).unwrap()
    };
    let measured = |model: &Sequential<f64>, copies: usize| {
        let data = set(copies);
        OverfittingMonitor::new(model, threat(), 2, &data).unwrap().measure(0, &parameters).unwrap()
    };
    let (first, both) = (measured(&narrow, 1), measured(&narrow, 2));
    assert_eq!((first.clean, both.clean, both.single_step), (1.0, 1.0, first.single_step));
    assert_ne!(first.iterated, both.iterated);
    assert!((first.iterated - both.iterated).abs() < 0.1 && first.iterated < 0.9);
    let masked = Sequential::<f64>::new()
        .linear(3, 12)
        .then(nn::Activation::Tanh)
        .then(crate::Dropout::new(0.9).unwrap())
        .linear(12, 3);
    assert_eq!(measured(&masked, 1), first);
}
