use super::*;
use crate::early_stopping::EarlyStopping;
use crate::semi_supervised::{Consistency, EntropyMinimisation, PseudoLabels, VirtualAdversarial};
use autograd::IndexVar;
use nn::data::digits;
use nn::{Activation, BatchNorm, Sequential, Trainer, initialise};

fn data() -> [Dataset<f32>; 2] {
    digits::load().unwrap().flattened().split([0.3, 0.7], 1).unwrap()
}

fn model() -> Sequential<f32> {
    Sequential::mlp(&[64, 24, 10], Activation::Relu)
}

#[test]
fn hidden_labels_leave_each_example_in_one_part() {
    let [data, _] = data();
    let (labelled, unlabelled) = hide_labels(&data, 3, 5).unwrap();
    assert_eq!(labelled.class_counts(), [3; 10]);
    assert_eq!(labelled.len() + unlabelled.shape()[0], data.len());
    let total = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>();
    let parts = total(labelled.examples().data()) + total(unlabelled.data());
    assert!((parts - total(data.examples().data())).abs() < 1e-6);
    assert_eq!(hide_labels(&data, 3, 5).unwrap().0, labelled);
    assert_ne!(hide_labels(&data, 3, 6).unwrap().0, labelled);
    let error = hide_labels(&data, 500, 5).unwrap_err().to_string();
    assert!(error.contains("500 examples"), "{error}");
}

/// Without a term for the unlabelled it is a training like any other.
#[test]
fn labelled_steps_are_a_trainers() {
    let [data, _] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let model = model();
    let (mut ours, mut plain) = (initialise(&model, 1), initialise(&model, 1));
    // One labelled batch of everything per step: the order within it is all that is left.
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.1)).batch_sizes(40, 250).epochs(3);
    trainer.fit(&labelled, &unlabelled, None, &mut ours).unwrap();
    let steps = unlabelled.shape()[0] as u64 / 250 * 3;
    let mut other = Trainer::new(&model, Optimiser::sgd(0.1)).batch_size(40).epochs(steps);
    other.fit(&labelled, None, &mut plain).unwrap();
    for (name, value) in plain.iter() {
        for (a, b) in value.data().iter().zip(ours[name].data()) {
            // Sums over the batch in another order, in single precision.
            assert!((a - b).abs() < 1e-5, "{name}: {a} {b}");
        }
    }
}

/// All terms, a teacher and batch normalisation in one plan; the same seed gives the same bits.
#[test]
fn everything_together_is_one_reproducible_plan() {
    let [data, validation] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let model = Sequential::<f32>::new()
        .linear(64, 16)
        .then(BatchNorm::new("norm", 16))
        .then(Activation::Relu)
        .then(crate::Dropout::new(0.1).unwrap())
        .linear(16, 10);
    let (sure, pseudo) = (EntropyMinimisation::new(0.1).unwrap(), PseudoLabels::new(0.8).unwrap());
    let smooth = VirtualAdversarial::new(0.3).unwrap();
    let run = || {
        let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(0.01))
            .teacher(MeanTeacher::new(0.95).unwrap())
            .ramp_up(RampUp::new(2.0, 6).unwrap())
            .epochs(3)
            .seed(7)
            .objective(move |batch| {
                let (x, labels): (_, IndexVar<'_, f32>) = (batch.unlabelled, batch.labelled.labels);
                assert_eq!(labels.shape().lengths(), [32]);
                let (student, teacher) = (batch.logits(x), batch.teacher(x));
                let pseudo = pseudo.loss(student, teacher);
                batch.measure("used", pseudo.used);
                let loss = batch.labelled.cross_entropy() + pseudo.loss * 0.1;
                let loss = batch.ramped(loss, || Consistency::default().loss(student, teacher));
                sure.added_to(loss, student) + smooth.on(&batch.labelled, x)
            });
        let mut parameters = initialise(&model, 2);
        let curve = trainer.fit(&labelled, &unlabelled, Some(&validation), &mut parameters).unwrap();
        (curve, parameters)
    };
    let ((curve, parameters), (again, same)) = (run(), run());
    assert_eq!((curve.len(), &curve), (3, &again));
    for (name, value) in parameters.iter() {
        assert_eq!(Some(value), same.get(name), "{name}");
    }
    let (name, used) = &curve[2].measured[0];
    assert!(name == "used" && (0.0..=1.0).contains(used));
    assert!(curve[2].objective < curve[0].objective);
    assert!(parameters.get("norm.running_mean/teacher").is_some());
}

#[test]
fn early_stopping_looks_on() {
    let [data, validation] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let model = model();
    let mut parameters = initialise(&model, 1);
    let mut stopping = EarlyStopping::new(1);
    // A learning rate at which the loss does not fall for long.
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(2.0)).epochs(40);
    let curve = trainer
        .fit_observed(&labelled, &unlabelled, Some(&validation), &mut parameters, &mut stopping)
        .unwrap();
    assert!(curve.len() < 40);
    let stopped = stopping.finish().unwrap();
    assert_eq!(stopped.epochs, curve.len() as u64);
    let per_epoch = (unlabelled.shape()[0] / 128) as u64;
    assert_eq!(stopped.steps, (stopped.epoch + 1) * per_epoch);
}

/// What is kept belongs to what was measured: the teacher's loss, and the teacher's parameters beside the network's.
#[test]
fn early_stopping_with_a_teacher_keeps_the_teacher_that_it_measured() {
    let [data, validation] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let (model, teacher) = (model(), MeanTeacher::new(0.9).unwrap());
    let mut stopping = EarlyStopping::new(3);
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.5)).teacher(teacher).epochs(6);
    let mut parameters = initialise(&model, 1);
    trainer.fit_observed(&labelled, &unlabelled, Some(&validation), &mut parameters, &mut stopping).unwrap();
    let stopped = stopping.finish().unwrap();
    let own = teacher.parameters_of(&model.parameters(), &stopped.parameters).unwrap();
    let mut evaluator = Evaluator::new(&model, 256);
    assert_eq!(evaluator.evaluate(&validation, &own).unwrap().loss, stopped.value);
    assert_ne!(evaluator.evaluate(&validation, &stopped.parameters).unwrap().loss, stopped.value);
}

/// An observer may end the training after any step.
#[test]
fn a_step_may_be_the_last() {
    struct After(u64);
    impl EpochObserver<f32> for After {
        fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn step_ended(&mut self, metrics: &StepMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
            self.0 -= 1;
            let Position { batch, measured, .. } = metrics.position;
            assert!(batch >= 1 && measured.objective > 0.0 && metrics.learning_rate == 0.5);
            if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let [data, _] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let per_epoch = (unlabelled.shape()[0] / 128) as u64;
    let model = model();
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.5)).epochs(4);
    let mut observer = After(per_epoch + 1);
    let mut parameters = initialise(&model, 1);
    let curve = trainer.fit_observed(&labelled, &unlabelled, None, &mut parameters, &mut observer).unwrap();
    assert_eq!((curve.len(), observer.0), (1, 0));
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let [data, _] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let model = model();
    let mut parameters = initialise(&model, 1);
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.1)).epochs(1);
    let n = unlabelled.shape()[0];
    let error =
        trainer.fit(&labelled, &unlabelled.clone().reshape([n, 8, 8]), None, &mut parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::UnlabelledShape { .. }), "{error}");
    let mut hole = unlabelled.clone();
    hole.data_mut()[7] = f32::NAN;
    let error = trainer.fit(&labelled, &hole, None, &mut parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::Data(_)), "{error}");
    let error = trainer.fit(&labelled, &Tensor::zeros([0, 64]), None, &mut parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::Data(_)), "{error}");
    let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::sgd(0.1))
        .objective(|batch| (batch.labelled.cross_entropy() - 1e9).ln());
    let error = trainer.fit(&labelled, &unlabelled, None, &mut parameters).unwrap_err();
    assert!(matches!(error, RegularizeError::NonFiniteObjective { epoch: 0, batch: 0, .. }), "{error}");
}

/// With a ramp-up to 0 the terms are not there: bit for bit the training without them, even where they are NaN.
#[test]
fn terms_without_weight_are_not_recorded() {
    let [data, _] = data();
    let (labelled, unlabelled) = hide_labels(&data, 4, 1).unwrap();
    let model = model();
    let trained = |with_term: bool| {
        let mut trainer = SemiSupervisedTrainer::new(&model, Optimiser::adam(0.01))
            .ramp_up(RampUp::new(0.0, 5).unwrap())
            .epochs(2);
        if with_term {
            trainer = trainer.objective(|batch| {
                batch.ramped(batch.labelled.cross_entropy(), || {
                    let (own, other) = (batch.logits(batch.unlabelled), batch.labelled.logits());
                    Consistency::default().loss(own, own.detach()) + (other.sum() - 1e9).ln()
                })
            });
        }
        let mut parameters = initialise(&model, 1);
        trainer.fit(&labelled, &unlabelled, None, &mut parameters).unwrap();
        parameters
    };
    assert_eq!(trained(true), trained(false));
}
