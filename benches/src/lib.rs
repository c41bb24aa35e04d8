//! What the benchmarks measure: training steps, and the bare matrix products that they contain.
//!
//! `cargo bench -p benches --bench step` (or `recurrent`, `attention`, `network`) times each [`TrainingStep`] beside its
//! [`Products`] in the same run, so that what a step costs beyond its products can be read off.

use autograd::kernel::gemm::{Backend, Layout, MatrixMut, MatrixRef, gemm_with};
use autograd::kernel::simd::Level;
use autograd::{Feed, Graph, Parameters, Plan, Shape, Tensor, Var, Window};
use nn::optimise::{AddDecayedWeights, Momentum, ScaleByLearningRate};
use nn::recurrent::{Gru, Recurrent};
use nn::train::Batch;
use nn::{
    Activation, Convolution, Flatten, Layer, Mode, Optimiser, Pooling, Selection, Sequential, initialise,
};
use std::time::{Duration, Instant};

/// A training step of a classifier on fixed data: one plan, its parameters and a batch.
pub struct TrainingStep {
    /// The compiled step.
    pub plan: Plan<f32>,
    /// Weights, biases and the optimiser's state.
    pub parameters: Parameters<f32>,
    examples: Tensor<f32>,
    labels: Tensor<u32>,
}

impl TrainingStep {
    /// A step for a ReLU network with layers of the given widths.
    pub fn new(widths: &[usize], batch: usize, optimiser: &Optimiser<f32>) -> TrainingStep {
        let model = Sequential::<f32>::mlp(widths, Activation::Relu);
        TrainingStep::of(&model, [batch, widths[0]].into(), optimiser)
    }

    /// A step for a model that makes logits `[batch, classes]` of examples of the given shape.
    pub fn of(model: &dyn Layer<f32>, examples: Shape, optimiser: &Optimiser<f32>) -> TrainingStep {
        TrainingStep::minimising(model, examples, optimiser, |batch| batch.cross_entropy())
    }

    /// The same for another objective than the mean cross-entropy.
    pub fn minimising(
        model: &dyn Layer<f32>,
        examples: Shape,
        optimiser: &Optimiser<f32>,
        objective: impl for<'g, 'b> Fn(&Batch<'g, 'b, f32>) -> Var<'g, f32>,
    ) -> TrainingStep {
        let (mut parameters, specs) = (initialise(model, 1), model.parameters());
        let batch = examples[0];
        let classes = model.output_shape(examples).expect("the model takes the examples")[1];
        let graph = Graph::new();
        let (x, labels) = (graph.input("x", examples), graph.indices("labels", [batch]));
        let loss = objective(&Batch::new(x, labels, model, &specs, Mode::Train));
        let step = optimiser.minimise(loss, &specs);
        step.initialise_state(&mut parameters);
        let plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
        let examples = Tensor::from_fn(examples, |i| (i * 7919 % 257) as f32 / 257.0);
        let labels = Tensor::from_fn([batch], |i| (i % classes) as u32);
        TrainingStep { plan, parameters, examples, labels }
    }

    /// A step of the small convolutional network of [`convolutional_network`].
    pub fn convolutional(batch: usize, optimiser: &Optimiser<f32>) -> TrainingStep {
        TrainingStep::of(&convolutional_network(), [batch, 1, 28, 28].into(), optimiser)
    }

    /// SGD with momentum 0.9 and weight decay 1e-4, for the large network.
    pub fn momentum_with_decay() -> Optimiser<f32> {
        Optimiser::new(0.01)
            .then(AddDecayedWeights { decay: 1e-4, selection: Selection::weights() })
            .then(Momentum { momentum: 0.9, nesterov: false })
            .then(ScaleByLearningRate)
    }

    /// The shortest time that each step of the plan took in `runs` runs.
    pub fn profile(&mut self, runs: usize) -> Vec<Duration> {
        let feeds = [
            ("x", Feed::from(&self.examples)),
            ("labels", Feed::from(&self.labels)),
            (nn::LEARNING_RATE, Feed::from(0.001)),
        ];
        self.plan.profile(&mut self.parameters, &feeds, runs).expect("the feeds fit")
    }

    /// Runs the step and returns the loss.
    pub fn run(&mut self) -> f32 {
        let feeds = [
            ("x", Feed::from(&self.examples)),
            ("labels", Feed::from(&self.labels)),
            (nn::LEARNING_RATE, Feed::from(0.001)),
        ];
        self.plan.run(&mut self.parameters, &feeds).expect("the feeds fit").scalar("loss")
    }
}

/// Two convolutions of 3 by 3 pixels, 32 and 64 channels, each before a pooling of 2 by 2, and two linear
/// layers, 128 and 10 wide: images of 28 by 28 pixels.
pub fn convolutional_network() -> Sequential<f32> {
    let window = Window::new([3, 3]);
    Sequential::new()
        .then(Convolution::new("convolution1", 1, 32, window))
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(Convolution::new("convolution2", 32, 64, window))
        .then(Activation::Relu)
        .then(Pooling::max([2, 2]))
        .then(Flatten)
        .linear(64 * 5 * 5, 128)
        .then(Activation::Relu)
        .linear(128, 10)
}

/// (m, k, n, left side transposed, right side transposed).
type ProductShape = (usize, usize, usize, bool, bool);

/// The matrix products of a training step, forward and backward, and nothing else.
pub struct Products {
    shapes: Vec<ProductShape>,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Products {
    /// Those of layers of the given widths: `X W`, `Xᵀ Ȳ`, and `Ȳ Wᵀ` for all but the first layer.
    pub fn new(widths: &[usize], batch: usize) -> Products {
        let mut shapes = Vec::new();
        for (layer, pair) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            shapes.push((batch, inputs, outputs, false, false));
            shapes.push((inputs, batch, outputs, true, false));
            if layer > 0 {
                shapes.push((batch, outputs, inputs, false, true));
            }
        }
        Products::of(shapes)
    }

    /// Those of a [recurrent step](recurrent_step): `time` steps with `gates` gates. The input's product and
    /// the two of its weight's gradient and the recurrent weight's are over all steps at once, the recurrent
    /// one and its cotangent's one for each step; the first step's state is zero, and needs none.
    pub fn recurrent(batch: usize, time: usize, features: usize, hidden: usize, gates: usize) -> Products {
        let width = gates * hidden;
        let mut shapes = vec![
            (batch * time, features, width, false, false),
            (features, batch * time, width, true, false),
            (hidden, batch * (time - 1), width, true, false),
        ];
        for _ in 1..time {
            shapes.push((batch, hidden, width, false, false));
            shapes.push((batch, width, hidden, false, true));
        }
        Products::of(shapes)
    }

    /// Those of the [`convolutional_network`]: for each image and convolution `Wᵀ U` with the windows `U` as
    /// columns, `U Ȳᵀ`, and for the second convolution `W Ȳ`; then those of the linear layers.
    pub fn convolutional(batch: usize) -> Products {
        let mut shapes = Products::new(&[64 * 5 * 5, 128, 10], batch).shapes;
        // The gradient of the first linear layer's input is needed here.
        shapes.push((batch, 128, 64 * 5 * 5, false, true));
        for (inputs, outputs, windows, is_first) in [(9, 32, 26 * 26, true), (9 * 32, 64, 11 * 11, false)] {
            for _ in 0..batch {
                shapes.push((outputs, inputs, windows, true, false));
                shapes.push((inputs, windows, outputs, false, true));
                if !is_first {
                    shapes.push((inputs, outputs, windows, false, false));
                }
            }
        }
        Products::of(shapes)
    }

    fn of(shapes: Vec<ProductShape>) -> Products {
        let largest =
            |size: fn(&ProductShape) -> usize| vec![0.5; shapes.iter().map(size).max().unwrap_or(0)];
        let (a, b, c) = (largest(|s| s.0 * s.1), largest(|s| s.1 * s.2), largest(|s| s.0 * s.2));
        Products { shapes, a, b, c }
    }

    /// Floating-point operations of all products.
    pub fn operations(&self) -> u64 {
        self.shapes.iter().map(|&(m, k, n, ..)| 2 * (m * k * n) as u64).sum()
    }

    /// Computes them all, one after another.
    pub fn run(&mut self, backend: Backend) {
        for &(m, k, n, transpose_a, transpose_b) in &self.shapes {
            let operand = |data, rows, cols, transpose| {
                if transpose {
                    MatrixRef::new(data, Layout::row_major(cols, rows)).transposed()
                } else {
                    MatrixRef::new(data, Layout::row_major(rows, cols))
                }
            };
            let a = operand(&self.a, m, k, transpose_a);
            let b = operand(&self.b, k, n, transpose_b);
            let c = MatrixMut::new(&mut self.c, Layout::row_major(m, n));
            gemm_with(backend, Level::detect(), 1.0, a, b, 0.0, c);
        }
    }
}

/// The step of a classifier that reads `[batch, time, features]` by a GRU and sees its last state.
pub fn recurrent_step(batch: usize, time: usize, features: usize, hidden: usize) -> TrainingStep {
    let model = Sequential::<f32>::new()
        .then(Recurrent::new(Gru::new("gru", features, hidden)).last())
        .linear(hidden, 10);
    TrainingStep::of(&model, [batch, time, features].into(), &Optimiser::adam(0.001))
}

/// A pool of `threads` threads in which to time work.
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// A pool of that many threads.
    pub fn new(threads: usize) -> Threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Threads(pool.expect("a thread pool can be made"))
    }

    /// Runs `work` inside the pool.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }

    /// The time that `times` calls of `work` take inside the pool.
    pub fn time(&self, times: u64, mut work: impl FnMut() + Send) -> Duration {
        self.0.install(|| {
            let start = Instant::now();
            (0..times).for_each(|_| work());
            start.elapsed()
        })
    }
}
