use super::*;
use crate::early_stopping::{EarlyStopping, Reason};
use nn::data::digits;
use nn::{Activation, Optimiser, Sequential, initialise};

fn model() -> Sequential<f32> {
    Sequential::mlp(&[64, 8, 10], Activation::Relu)
}

/// All data, what is trained on, and what is validated on: 90 digits and 60 of them.
fn data() -> [Dataset<f32>; 3] {
    let digits = digits::load().unwrap().flattened();
    let all = digits.subset(&(0..90).collect::<Vec<_>>()).unwrap();
    let train = digits.subset(&(0..60).collect::<Vec<_>>()).unwrap();
    let validation = digits.subset(&(60..90).collect::<Vec<_>>()).unwrap();
    [all, train, validation]
}

fn trainer(model: &Sequential<f32>) -> Trainer<'_, f32> {
    Trainer::new(model, Optimiser::adam(0.02)).batch_size(20).seed(4)
}

fn stopped(model: &Sequential<f32>) -> Stopped<f32> {
    let [_, train, validation] = data();
    let (mut parameters, mut stopping) = (initialise(model, 1), EarlyStopping::new(3));
    trainer(model)
        .epochs(60)
        .fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)
        .unwrap();
    stopping.finish().unwrap()
}

#[test]
fn steps_are_counted_up_to_the_best_epoch() {
    let found = stopped(&model());
    assert_eq!(found.reason, Reason::OutOfPatience);
    // Three batches of 20 in an epoch of 60.
    assert_eq!(found.steps, 3 * (found.epoch + 1));
}

/// Algorithm 7.2: bit for bit the training on all data that is as long in steps, or in epochs.
#[test]
fn a_refit_from_scratch_is_as_long_as_the_training_was() {
    let (model, [all, ..]) = (model(), data());
    let stopped = stopped(&model);
    let refit =
        |length| refit_from_scratch(trainer(&model), &all, initialise(&model, 2), &stopped, length).unwrap();
    let by_epochs = refit(Length::Epochs);
    let mut direct = initialise(&model, 2);
    trainer(&model).epochs(stopped.epoch + 1).fit(&all, None, &mut direct).unwrap();
    assert_eq!(by_epochs.parameters, direct);
    assert!(by_epochs.reached);

    // Five batches in an epoch of 90: the steps end somewhere within one.
    let by_steps = refit(Length::Steps);
    let position = by_steps.curve.position;
    assert_eq!(position.epoch * 5 + position.batch, stopped.steps);
    struct End(u64);
    impl EpochObserver<f32> for End {
        fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn step_ended(&mut self, metrics: &StepMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
            let done = metrics.position.epoch * 5 + metrics.position.batch;
            if done == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let mut direct = initialise(&model, 2);
    trainer(&model).epochs(1000).fit_observed(&all, None, &mut direct, &mut End(stopped.steps)).unwrap();
    assert_eq!(by_steps.parameters, direct);
    assert_ne!(by_steps.parameters, by_epochs.parameters);
}

/// With batches of which one ends an epoch exactly, no further epoch begins.
#[test]
fn a_refit_of_whole_epochs_ends_with_the_epoch() {
    let (model, [all, ..]) = (model(), data());
    let found = Stopped { steps: 10, ..stopped(&model) };
    let refitted =
        refit_from_scratch(trainer(&model), &all, initialise(&model, 2), &found, Length::Steps).unwrap();
    let position = refitted.curve.position;
    assert_eq!(position.epoch * 5 + position.batch, 10);
}

/// Algorithm 7.3: from the best parameters until the validation loss is below the old training loss, or a limit.
#[test]
fn a_refit_onwards_ends_below_the_target_or_at_the_limit() {
    let (model, [all, train, validation]) = (model(), data());
    let stopped = stopped(&model);
    let refit = |limit| refit_onwards(trainer(&model), &all, &train, &validation, &stopped, limit).unwrap();
    let long = refit(200);
    assert!(long.reached && long.loss < long.target, "{} and {}", long.loss, long.target);
    let mut measure = trainer(&model);
    assert_eq!(long.target, measure.evaluate(&train, &stopped.parameters).unwrap().loss);
    assert_eq!(long.loss, measure.evaluate(&validation, &long.parameters).unwrap().loss);
    // It was the first epoch to do so.
    let losses: Vec<f64> = long.curve.epochs.iter().map(|e| e.validation.unwrap().loss).collect();
    assert!(losses.len() > 1 && losses[..losses.len() - 1].iter().all(|&loss| loss >= long.target));
    assert_eq!(long.curve.epochs[0].epoch, stopped.epoch + 1);

    let short = refit(losses.len() as u64 - 1);
    assert!(!short.reached && short.loss >= short.target);
    assert_eq!(short.curve.epochs.len(), losses.len() - 1);
    let none = refit(0);
    assert_eq!((none.parameters, none.reached), (stopped.parameters.clone(), false));
}

#[test]
fn what_is_good_enough_is_not_trained() {
    let (model, [all, train, validation]) = (model(), data());
    let stopped = stopped(&model);
    // With the two sets exchanged the loss is below the target at once.
    let found = refit_onwards(trainer(&model), &all, &validation, &train, &stopped, 5).unwrap();
    assert!(found.reached && found.curve.epochs.is_empty());
    assert_eq!(found.parameters, stopped.parameters);
}

#[test]
fn steps_that_were_not_counted_are_refused() {
    let (model, [all, ..]) = (model(), data());
    let found = Stopped { steps: 0, ..stopped(&model) };
    let error = refit_from_scratch(trainer(&model), &all, initialise(&model, 2), &found, Length::Steps);
    assert_eq!(error.unwrap_err().to_string(), "the number of steps is 0, it must be at least 1");
}

/// Below the target, not at it: a loss that stands still at the target does not end the refit.
#[test]
fn a_loss_at_the_target_is_not_below_it() {
    let (model, [all, train, _]) = (model(), data());
    let stopped = stopped(&model);
    let still = Trainer::new(&model, Optimiser::sgd(0.0)).batch_size(20);
    let found = refit_onwards(still, &all, &train, &train, &stopped, 3).unwrap();
    assert_eq!(found.loss, found.target);
    assert!(!found.reached && found.curve.epochs.len() == 3);
}
