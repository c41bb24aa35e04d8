//! Spectral normalisation: the largest singular value divided out.

use super::{matrices, matrices_of, with_weights};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Real, Shape, Var};
use nn::layer::LayerShapeError;
use nn::optimise::HyperparameterError;
use nn::{Initialiser, Layer, Mode, ParameterSpec, Role};

/// A layer with the weights `c W / σ`, where `σ` estimates the largest singular value of `W` by power iteration
/// (Miyato et al., ICLR 2018, algorithm 1): it stretches no vector by more than `c`, 1 unless told otherwise.
///
/// `W` is a parameter of the layer as the matrix `[.., out]`. The layer keeps an estimate `v` of its right singular
/// vector, `WEIGHT.singular`, `[out]`, of role [`State`](Role::State):
///
/// ```text
/// u := W v / ‖W v‖,     v := Wᵀu / ‖Wᵀu‖,     σ := uᵀ W v
/// ```
///
/// | mode | |
/// |---|---|
/// | [`Mode::Train`] | so many rounds ([`SpectralNorm::rounds`], 1), and the new `v` is [proposed](autograd::Graph::propose_update) |
/// | others | `u` from the `v` that is there, and `σ = ‖W v‖`. Nothing is proposed: an evaluation changes no parameter |
///
/// Weights move little in a step, so one round per step keeps `v` near the truth. `u` and `v` are constants to
/// differentiation: with `G` for the cotangent of `W / σ`, that of `W` is `G/σ - ⟨G, W⟩/σ² u vᵀ`. Where they are the
/// singular vectors this is the whole derivative, since that of `σ₁` is `u vᵀ`.
///
/// `σ ≤ σ₁` always: before `v` has come near, the layer stretches somewhat more than `c`. A matrix of zeros
/// stays zero.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Layer, Linear, Mode, initialise};
/// use regularize::SpectralNorm;
/// // 30 rounds in a step; the singular values are 4 and 1.
/// let layer = SpectralNorm::new(Linear::new("l", 2, 2).without_bias()).rounds(30).bound(2.0)?;
/// let mut parameters = initialise::<f64>(&layer, 1);
/// parameters.insert("l.weight", Tensor::new([2, 2], vec![4.0, 0.0, 0.0, 1.0]));
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 1.0]));
/// let found = interpret(&[layer.forward(x, Mode::Train)], &[], Some(&parameters))?.remove(0);
/// // The estimate's error falls by 1/16 in a round.
/// assert!(found.data().iter().zip([2.0, 0.5]).all(|(a, b)| (a - b).abs() < 1e-14));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SpectralNorm<L> {
    layer: L,
    rounds: usize,
    bound: f64,
    only_above: bool,
}

impl<L> SpectralNorm<L> {
    /// `layer` with each of its weights of two or more axes normalised.
    pub fn new(layer: L) -> SpectralNorm<L> {
        SpectralNorm { layer, rounds: 1, bound: 1.0, only_above: false }
    }

    /// The same with so many rounds of power iteration in a step. With 0 the estimate stays as it begins.
    pub fn rounds(self, rounds: usize) -> SpectralNorm<L> {
        SpectralNorm { rounds, ..self }
    }

    /// The same with the largest singular value `bound`.
    ///
    /// # Errors
    /// If `bound` is not finite and above 0.
    pub fn bound(self, bound: f64) -> Result<SpectralNorm<L>, RegularizeError> {
        HyperparameterError::unless(bound > 0.0, "largest singular value", bound, "above 0")?;
        at_least_zero("largest singular value", bound)?;
        Ok(SpectralNorm { bound, ..self })
    }

    /// The same, dividing by `max(1, σ / c)`: a matrix below the bound stays as it is (Gouk et al., *Machine
    /// Learning* 110, 2021).
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Layer, Linear, Mode, initialise};
    /// use regularize::SpectralNorm;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([1, 1], vec![1.0]));
    /// let result = |weight: f64, layer: &SpectralNorm<Linear>| {
    ///     let mut parameters = initialise::<f64>(layer, 1);
    ///     parameters.insert("l.weight", Tensor::full([1, 1], weight));
    ///     let found = interpret(&[layer.forward(x, Mode::Evaluate)], &[], Some(&parameters))?;
    ///     Ok::<_, regularize::RegularizeError>(found[0].item())
    /// };
    /// let always = SpectralNorm::new(Linear::new("l", 1, 1).without_bias());
    /// let above = always.clone().only_above();
    /// assert_eq!((result(4.0, &always)?, result(0.5, &always)?), (1.0, 1.0));
    /// assert_eq!((result(4.0, &above)?, result(0.5, &above)?), (1.0, 0.5));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn only_above(self) -> SpectralNorm<L> {
        SpectralNorm { only_above: true, ..self }
    }
}

/// The estimate that a weight's layer keeps.
fn singular(weight: &ParameterSpec) -> ParameterSpec {
    ParameterSpec {
        name: format!("{}.singular", weight.name),
        shape: [weight.shape.last()].into(),
        role: Role::State,
        initialiser: Initialiser::Normal { mean: 0.0, deviation: 1.0 },
    }
}

impl<T: Real, L: Layer<T>> Layer<T> for SpectralNorm<L> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        let training = mode == Mode::Train;
        let proposals = std::cell::RefCell::new(Vec::new());
        let y = with_weights(&self.layer, x, mode, &matrices(), |spec, w| {
            let state = singular(spec).declare(x.graph());
            let found = power_iteration(w, state, if training { self.rounds } else { 0 });
            if training && self.rounds > 0 {
                proposals.borrow_mut().push((state, found.right));
            }
            let sigma = found.sigma;
            let divisor = if self.only_above { sigma.maximum(self.bound) } else { nonzero(sigma) };
            w * (self.bound / divisor)
        });
        for (state, new) in proposals.into_inner() {
            x.graph().propose_update(state, new);
        }
        y
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let states: Vec<_> = matrices_of(&self.layer).iter().map(singular).collect();
        [self.layer.parameters(), states].concat()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.layer.output_shape(input)
    }
}

/// An estimate of the largest singular value and its vectors.
#[derive(Debug, Clone, Copy)]
pub struct PowerIteration<'g, T: Real> {
    /// `σ = uᵀ W v`, a scalar, with the derivative `u vᵀ` in `W`.
    pub sigma: Var<'g, T>,
    /// `u`, of the length of the first axes together, a constant to differentiation.
    pub left: Var<'g, T>,
    /// `v`, `[out]`, a constant to differentiation.
    pub right: Var<'g, T>,
}

/// So many rounds of power iteration on `w`, `[.., out]`, from `v`, `[out]`, which may have any length but 0.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::reparameterisation::power_iteration;
/// let graph = Graph::<f64>::new();
/// let w = graph.constant(Tensor::new([2, 2], vec![4.0, 0.0, 0.0, 1.0]));
/// let start = graph.constant(Tensor::new([2], vec![3.0, 4.0]));
/// let [none, many] = [0, 30].map(|rounds| power_iteration(w, start, rounds));
/// let found = interpret(&[none.sigma, many.sigma, grad(many.sigma, &[w])[0]], &[], None)?;
/// assert!((found[0].item() - 6.4f64.sqrt()).abs() < 1e-14); // ‖W v‖ of v = (3, 4)/5
/// assert!((found[1].item() - 4.0).abs() < 1e-14);
/// // The derivative is u vᵀ.
/// assert!(found[2].data().iter().zip([1.0, 0.0, 0.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-14));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If `w` has fewer than two axes, or `v` is not `[out]`.
#[track_caller]
pub fn power_iteration<'g, T: Real>(w: Var<'g, T>, v: Var<'g, T>, rounds: usize) -> PowerIteration<'g, T> {
    let (shape, start) = (w.shape(), v.shape());
    assert!(shape.rank() >= 2, "power_iteration: a matrix or a kernel is needed, not {shape}");
    let columns = shape.last();
    assert!(start == Shape::from([columns]), "power_iteration: {shape} has no right vector of shape {start}");
    let rows = shape.lengths()[..shape.rank() - 1].iter().product();
    let matrix = w.reshape([rows, columns]);
    let fixed = matrix.detach();
    let mut right = direction(v.detach().reshape([columns, 1]));
    let mut left = direction(fixed.matmul(right));
    for _ in 0..rounds {
        right = direction(fixed.matmul_transposed(left, true, false));
        left = direction(fixed.matmul(right));
    }
    let sigma = (left * matrix.matmul(right)).sum();
    PowerIteration { sigma, left: left.reshape([rows]), right: right.reshape([columns]) }
}

/// `W / σ` for an estimate `σ`, a scalar, as [`power_iteration`] makes; `W` itself where `σ` is 0.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::reparameterisation::{power_iteration, spectrally_normalised};
/// let graph = Graph::<f64>::new();
/// let w = graph.constant(Tensor::new([2, 2], vec![4.0, 0.0, 0.0, 1.0]));
/// let sigma = power_iteration(w, graph.fill([2], 1.0), 30).sigma;
/// let zeros = w * 0.0;
/// let both = [spectrally_normalised(w, sigma), spectrally_normalised(zeros, graph.fill([], 0.0))];
/// let found = interpret(&both, &[], None)?;
/// assert!(found[0].data().iter().zip([1.0, 0.0, 0.0, 0.25]).all(|(a, b)| (a - b).abs() < 1e-14));
/// assert_eq!(found[1].data(), [0.0; 4]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn spectrally_normalised<'g, T: Real>(w: Var<'g, T>, sigma: Var<'g, T>) -> Var<'g, T> {
    w / nonzero(sigma)
}

/// `x / ‖x‖`; zeros stay zeros.
fn direction<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    // By the largest entry first: squares of small numbers would vanish in single precision.
    let x = if x.shape().numel() == 0 { x } else { x / nonzero(x.abs().max()) };
    x / nonzero(x.norm(&[0, 1]))
}

/// `x`, and 1 where it is 0.
fn nonzero<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    x.equal(0.0).select(x.like(1.0), x)
}
