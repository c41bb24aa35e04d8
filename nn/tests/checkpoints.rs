//! Checkpoints from outside: trainings that go on bit for bit, and processes killed while they save.

use autograd::{Parameters, Real, Tensor, Var};
use nn::data::{Dataset, digits};
use nn::train::{EpochMetrics, EpochObserver, Interrupt, Position, StepMetrics};
use nn::{
    Activation, Checkpoint, Layer, LearningCurve, Mode, Optimiser, Schedule, Sequential, Trainer, initialise,
};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Each unit left out with probability one half while training.
#[derive(Debug)]
struct Halved;

impl<T: Real> Layer<T> for Halved {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if !mode.is_stochastic() {
            return x;
        }
        x * (x.graph().normal("halved", x.shape()).sign() + 1.0)
    }
}

fn model() -> Sequential<f32> {
    Sequential::new().linear(64, 16).then(Activation::Relu).then(Halved).linear(16, 10)
}

/// 70 examples in batches of 16: four whole ones and one of 6.
fn data() -> Dataset {
    digits::load().unwrap().flattened().subset(&(0..70).collect::<Vec<_>>()).unwrap()
}

fn trainer(model: &Sequential<f32>) -> Trainer<'_, f32> {
    let schedule = Schedule::Cosine { initial: 0.02, last: 0.0, steps: 30 }.with_warm_up(3);
    Trainer::new(model, Optimiser::adamw(schedule, 0.01)).batch_size(16)
}

fn bits(parameters: &Parameters<f32>) -> Vec<(String, Vec<u32>)> {
    let bits = |value: &Tensor<f32>| value.data().iter().map(|x| x.to_bits()).collect();
    parameters.iter().map(|(name, value)| (name.to_string(), bits(value))).collect()
}

/// Everything but the time it took.
fn timeless(curve: &LearningCurve) -> Vec<EpochMetrics> {
    curve.epochs.iter().map(|metrics| EpochMetrics { seconds: 0.0, ..metrics.clone() }).collect()
}

/// Six epochs at once.
fn uninterrupted() -> (Parameters<f32>, LearningCurve) {
    let (model, data) = (model(), data());
    let mut parameters = initialise(&model, 5);
    let curve = trainer(&model).seed(5).epochs(6).fit(&data, Some(&data), &mut parameters).unwrap();
    (parameters, curve)
}

/// The rest of six epochs in new objects, from a file alone.
fn resumed(path: &Path) -> (Parameters<f32>, LearningCurve) {
    let (model, data) = (model(), data());
    let checkpoint = Checkpoint::load(path).unwrap();
    let epochs = 6 - checkpoint.training.unwrap().position.epoch;
    let mut parameters = Parameters::new();
    let mut trainer = trainer(&model).resume(&checkpoint, &mut parameters).unwrap().epochs(epochs);
    let curve = trainer.fit(&data, Some(&data), &mut parameters).unwrap();
    (parameters, curve)
}

#[test]
fn a_training_goes_on_from_a_file_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("half.safetensors");
    {
        let (model, data) = (model(), data());
        let mut parameters = initialise(&model, 5);
        let mut first = trainer(&model).seed(5).epochs(3);
        let curve = first.fit(&data, Some(&data), &mut parameters).unwrap();
        assert_eq!(curve.position, Position::epoch(3));
        first.checkpoint(curve.position, &parameters).save(&path).unwrap();
    }
    let (whole, whole_curve) = uninterrupted();
    let (rest, rest_curve) = resumed(&path);
    assert_eq!(bits(&rest), bits(&whole));
    assert_eq!(timeless(&rest_curve), timeless(&whole_curve)[3..]);
}

/// Requests an interrupt in step `at`, as a signal handler would.
struct InterruptAt {
    interrupt: Interrupt,
    at: usize,
    steps: usize,
}

impl EpochObserver<f32> for InterruptAt {
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn step_ended(&mut self, metrics: &StepMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        self.steps += 1;
        assert!(metrics.objective.is_finite() && metrics.learning_rate > 0.0);
        if self.steps == self.at {
            self.interrupt.request();
        }
        ControlFlow::Continue(())
    }
}

/// After each step of the first two epochs: in the middle of one, before its last, smaller batch, after it.
#[test]
fn an_interrupted_training_keeps_what_it_has_and_goes_on_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("interrupted.safetensors");
    let (whole, whole_curve) = uninterrupted();
    for at in 1..=10 {
        let (model, data) = (model(), data());
        let mut parameters = initialise(&model, 5);
        let mut observer = InterruptAt { interrupt: Interrupt::new(), at, steps: 0 };
        let mut first = trainer(&model).seed(5).epochs(6).interrupt(observer.interrupt.clone());
        let curve = first.fit_observed(&data, Some(&data), &mut parameters, &mut observer).unwrap();
        assert!(curve.stopped);
        assert_eq!(observer.steps, at, "no step is taken after the request");
        assert_eq!(curve.position.epoch * 5 + curve.position.batch, at as u64);
        assert_eq!(timeless(&curve), timeless(&whole_curve)[..at / 5]);
        first.checkpoint(curve.position, &parameters).save(&path).unwrap();

        let (rest, rest_curve) = resumed(&path);
        assert_eq!(bits(&rest), bits(&whole), "interrupted after step {at}");
        assert_eq!(timeless(&rest_curve), timeless(&whole_curve)[at / 5..], "interrupted after step {at}");
        assert_eq!(rest_curve.position, Position::epoch(6));
    }
}

/// Breaks after the given number of steps.
struct BreakAt(usize);

impl EpochObserver<f32> for BreakAt {
    fn epoch_ended(&mut self, _: &EpochMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn step_ended(&mut self, _: &StepMetrics, _: &Parameters<f32>) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// An observer's break after the last batch of an epoch comes before the epoch is measured.
#[test]
fn an_observer_may_stop_after_any_step() {
    let (whole, whole_curve) = uninterrupted();
    for at in [1, 4, 5, 6, 30] {
        let (model, data) = (model(), data());
        let mut parameters = initialise(&model, 5);
        let mut trainer = trainer(&model).seed(5).epochs(6);
        let curve = trainer.fit_observed(&data, Some(&data), &mut parameters, &mut BreakAt(at)).unwrap();
        assert!(curve.stopped);
        assert_eq!(curve.epochs.len(), (at - 1) / 5);
        let left = 6 - curve.position.epoch;
        let mut trainer = trainer.go_on_from(curve.position).epochs(left);
        let rest = trainer.fit(&data, Some(&data), &mut parameters).unwrap();
        assert_eq!(bits(&parameters), bits(&whole), "stopped after step {at}");
        assert_eq!(timeless(&rest), timeless(&whole_curve)[(at - 1) / 5..]);
    }
}

#[test]
fn what_cannot_go_on_is_refused() {
    let (model, data) = (model(), data());
    let mut parameters = initialise(&model, 5);
    let before = parameters.clone();
    let plain = Checkpoint::new(parameters.clone());
    let error = trainer(&model).resume(&plain, &mut parameters).err().unwrap();
    assert_eq!(
        error.to_string(),
        "there are parameters, but no seed and no position from which a training could go on"
    );
    let without_memory = trainer(&model).checkpoint(Position::epoch(1), &parameters);
    let error = trainer(&model).resume(&without_memory, &mut parameters).err().unwrap();
    assert_eq!(error.to_string(), "there is no tensor for the parameter `adam/steps` of shape []");
    assert_eq!(parameters, before);
    // Another optimiser remembers other things.
    let curve = trainer(&model).epochs(1).fit(&data, None, &mut parameters).unwrap();
    let adam = trainer(&model).checkpoint(curve.position, &parameters);
    let descent = || Trainer::new(&model, Optimiser::sgd(0.1));
    let error = descent().resume(&adam, &mut Parameters::new()).err().unwrap();
    assert!(error.to_string().starts_with("there are tensors that belong to no parameter: adam/steps, "));
    let trained = parameters.clone();
    for (epoch, batch) in [(0, 6), (u64::MAX, 0), (u64::MAX / 4, 0)] {
        let position = Position { batch, ..Position::epoch(epoch) };
        let error = trainer(&model).go_on_from(position).fit(&data, None, &mut parameters).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the training is to go on with epoch {epoch} after {batch} batches of it, and an epoch has 5; \
                 were data or batch size others then?"
            )
        );
    }
    assert_eq!(parameters, trained);
}

/// The variable that makes a process of this test save for ever.
const PATH: &str = "CHECKPOINTS_TEST_PATH";
/// Large enough that a write takes several system calls.
const LENGTH: usize = 200_000;

/// The checkpoint number `count`: every value and the metadata say which one it is.
fn numbered(count: u32) -> Checkpoint<f32> {
    let parameters = [("w", Tensor::full([LENGTH], count as f32))].into_iter().collect();
    Checkpoint::new(parameters).with_metadata("count", &count.to_string())
}

/// Does nothing by itself: `killing_the_process_leaves_a_whole_checkpoint` runs it in another process.
#[test]
fn saves_for_ever_if_asked_to() {
    let Some(path) = std::env::var_os(PATH) else { return };
    for count in 1.. {
        // Ends with the process.
        numbered(count).save(&path).unwrap();
    }
}

#[test]
fn killing_the_process_leaves_a_whole_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("killed.safetensors");
    numbered(0).save(&path).unwrap();
    let mut newest = 0;
    let mut left = 0;
    // Forty rounds, and more with longer times where saving is so slow that none came to a second save.
    for round in 0..400u64 {
        if round >= 40 && newest > 1 {
            break;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "saves_for_ever_if_asked_to", "--test-threads", "1"])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Not before its first save, so that every round kills a process that is saving; then spread over
        // several saves, at times that have nothing to do with them.
        let start = Instant::now();
        let modified = || std::fs::metadata(&path).unwrap().modified().unwrap();
        let before = modified();
        while modified() == before {
            assert!(start.elapsed() < Duration::from_secs(60), "the child saves nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros((1 + round / 40) * (round * 7919 % 20_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let found = Checkpoint::<f32>::load(&path).unwrap();
        let count: u32 = found.metadata["count"].parse().unwrap();
        assert_eq!(found, numbered(count), "round {round}");
        newest = newest.max(count);
        left = std::fs::read_dir(directory.path()).unwrap().count() - 1;
    }
    assert!(newest > 1, "no process came to its second checkpoint");
    // A killed process may leave its temporary file, under a name that no reader takes for the checkpoint.
    println!("newest checkpoint {newest}, {left} temporary files left by the killed processes");
}
