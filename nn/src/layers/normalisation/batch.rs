//! Batch normalisation.

use super::{EPSILON, Scaling, channel_shape, check_epsilon, standardise};
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::optimise::without_subnormals;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var};

/// `y = γ (x - μ) / √(σ² + ε) + β`, each channel `c` of `[n, c, ..]` with a mean `μ` and a variance `σ²` of its
/// own (Ioffe and Szegedy, ICML 2015, algorithms 1 and 2; Goodfellow, Bengio, Courville, *Deep Learning*,
/// section 8.7.1).
///
/// | mode | `μ` and `σ²` |
/// |---|---|
/// | [`Mode::Train`] | of the `m` values that the batch has for the channel: `μ = Σ x / m`, `σ² = Σ (x - μ)² / m`. Differentiated through |
/// | [`Mode::Evaluate`] | the running estimates: the layer is an affine map of each channel |
/// | [`Mode::Sample`] | the running estimates too. What is sampled is the model's distribution for one example; with the batch's statistics it would depend on which other examples stand beside it |
///
/// In [`Mode::Train`] the layer [proposes](autograd::Graph::propose_update) new running estimates,
///
/// ```text
/// running mean     := (1 - r) running mean     + r μ
/// running variance := (1 - r) running variance + r σ² m / (m - 1)     (without bias, as usual)
/// ```
///
/// with the update rate `r`, 0.1 unless told otherwise (other libraries call `r` or `1 - r` the momentum). An
/// [`Optimiser`](crate::Optimiser) that is given the layer's parameters makes them part of its step, so that a
/// [`Trainer`](crate::Trainer) needs to know nothing of it. The first proposal on a graph counts: a network
/// run twice in one step, on clean and on adversarial examples, updates its estimates once, from the pass that
/// was recorded first. So do two layers of one name, which share everything.
///
/// A batch with one value per channel (`m = 1`) has nothing to normalise: the result is `β`, and nothing is
/// proposed.
///
/// The parameters are `NAME.scale` (`γ`, starts at 1) and `NAME.offset` (`β`, 0) of role
/// [`Norm`](Role::Norm), and `NAME.running_mean` (0) and `NAME.running_variance` (1) of role
/// [`State`](Role::State).
///
/// ```
/// use autograd::Graph;
/// use nn::{BatchNorm, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let maps = graph.input("x", [32, 16, 8, 8]);
/// let y = BatchNorm::new("norm", 16).forward(maps, Mode::Train);
/// assert_eq!(y.shape(), maps.shape());
/// assert_eq!(graph.proposed_updates().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    name: String,
    channels: usize,
    epsilon: f64,
    update_rate: f64,
    scaling: Scaling,
}

impl BatchNorm {
    /// A normalisation of `channels` channels.
    pub fn new(name: &str, channels: usize) -> BatchNorm {
        let scaling = Scaling::new(name, [channels].into());
        BatchNorm { name: name.into(), channels, epsilon: EPSILON, update_rate: 0.1, scaling }
    }

    /// The same with another `ε`, 1e-5 by default.
    ///
    /// # Panics
    /// If `epsilon` is not above 0 and finite: a channel that is constant would be divided by 0.
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> BatchNorm {
        BatchNorm { epsilon: check_epsilon("BatchNorm", epsilon), ..self }
    }

    /// The same with another update rate `r` of the running estimates: 1 keeps the last batch's statistics.
    ///
    /// # Panics
    /// If `rate` is not in `[0, 1]`.
    #[track_caller]
    pub fn with_update_rate(self, rate: f64) -> BatchNorm {
        assert!((0.0..=1.0).contains(&rate), "BatchNorm: the update rate is {rate}, it must be in [0, 1]");
        BatchNorm { update_rate: rate, ..self }
    }

    /// The same without `γ` and `β`.
    pub fn without_scaling(self) -> BatchNorm {
        BatchNorm { scaling: Scaling::none(), ..self }
    }

    /// A running estimate, `[c]`.
    fn running(&self, what: &str, initial: f64) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.running_{what}", self.name),
            shape: [self.channels].into(),
            role: Role::State,
            initialiser: Initialiser::Constant(initial),
        }
    }

    fn running_mean(&self) -> ParameterSpec {
        self.running("mean", 0.0)
    }

    fn running_variance(&self) -> ParameterSpec {
        self.running("variance", 1.0)
    }

    /// Proposes the running estimates after a batch with these statistics of `count` values.
    fn propose<T: Real>(&self, mean: Var<'_, T>, variance: Var<'_, T>, count: usize) {
        if count < 2 {
            return;
        }
        let (graph, rate) = (mean.graph(), self.update_rate);
        let unbiased = variance * (count as f64 / (count - 1) as f64);
        for (spec, batch) in [(self.running_mean(), mean), (self.running_variance(), unbiased)] {
            let running = spec.declare(graph);
            let new = running * (1.0 - rate) + batch.reshape(running.shape()) * rate;
            // The mean of a channel that has died decays towards 0.
            graph.propose_update(running, without_subnormals(new));
        }
    }
}

impl<T: Real> Layer<T> for BatchNorm {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if let Err(error) = Layer::<T>::output_shape(self, x.shape()) {
            panic!("{error}");
        }
        let column = channel_shape(x.shape());
        let y = if mode == Mode::Train {
            let axes: Vec<isize> = (0..x.shape().rank() as isize).filter(|&axis| axis != 1).collect();
            let standardised = standardise(x, &axes, self.epsilon);
            let count = axes.iter().map(|&axis| x.shape()[axis as usize]).product();
            self.propose(standardised.mean, standardised.variance, count);
            standardised.value
        } else {
            let mean = self.running_mean().declare(x.graph()).reshape(column);
            let variance = self.running_variance().declare(x.graph()).reshape(column);
            (x - mean) * (1.0 / (variance + self.epsilon).sqrt())
        };
        self.scaling.apply(y, column).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let mut specs = self.scaling.parameters();
        specs.extend([self.running_mean(), self.running_variance()]);
        specs
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match input.lengths() {
            [_, channels, ..] if *channels == self.channels => Ok(input),
            _ => Err(LayerShapeError {
                layer: format!("the batch normalisation `{}`", self.name),
                expected: format!("[n, {}, ..]", self.channels),
                given: input,
            }),
        }
    }
}
