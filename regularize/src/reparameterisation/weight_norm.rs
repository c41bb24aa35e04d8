//! Weight normalisation: length and direction apart.

use super::{matrices, matrices_of, with_weights};
use crate::error::{RegularizeError, listed};
use crate::penalty::group_lasso::group_norms;
use autograd::{Parameters, Real, Shape, Tensor, Var};
use nn::layer::LayerShapeError;
use nn::{Initialiser, Layer, Mode, ParameterSpec, Role};

/// A layer with the weights `w = g v / ‖v‖` of each unit (Salimans and Kingma, NIPS 2016).
///
/// The layer's own parameter is `v`, of role weight; `g` is one number for each position on its last axis,
/// `WEIGHT.gain`, of role [`Norm`](Role::Norm), 1 at first. With `w̄` for the cotangent of `w`,
///
/// ```text
/// ḡ = ⟨w̄, v⟩ / ‖v‖,      v̄ = g/‖v‖ (w̄ - ⟨w̄, v⟩ v / ‖v‖²)
/// ```
///
/// so `v̄` is orthogonal to `v`: decay of `v` does not change the function, only the size of the steps along `v`,
/// as with batch normalisation. A unit of zeros stays zero.
///
/// [`WeightNorm::adopt`] gives `g` the lengths of the `v` that are there, so that the network is the one
/// without normalisation.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Layer, Linear, Mode, initialise};
/// use regularize::WeightNorm;
/// let layer = WeightNorm::new(Linear::new("l", 2, 1).without_bias());
/// let mut parameters = initialise::<f64>(&layer, 1);
/// let graph = Graph::<f64>::new();
/// let y = layer.forward(graph.constant(Tensor::new([1, 2], vec![1.0, 1.0])), Mode::Evaluate);
/// for (v, g) in [([3.0, 4.0], 1.0), ([30.0, 40.0], 1.0), ([3.0, 4.0], 10.0)] {
///     parameters.insert("l.weight", Tensor::new([2, 1], v.to_vec()));
///     parameters.insert("l.weight.gain", Tensor::full([1], g));
///     // The length of v does not count.
///     let found = interpret(&[y], &[], Some(&parameters))?[0].item();
///     assert!((found - g * 1.4).abs() < 1e-14);
/// }
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone)]
pub struct WeightNorm<L> {
    layer: L,
}

impl<L> WeightNorm<L> {
    /// `layer` with each of its weights of two or more axes normalised.
    pub fn new(layer: L) -> WeightNorm<L> {
        WeightNorm { layer }
    }

    /// Sets each gain to the lengths of the units as they are: the layer then computes what the wrapped one does.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::{Layer, Linear, Mode, initialise};
    /// use regularize::WeightNorm;
    /// let plain = Linear::new("l", 2, 3);
    /// let wrapped = WeightNorm::new(plain.clone());
    /// let mut parameters = initialise::<f64>(&wrapped, 1);
    /// wrapped.adopt(&mut parameters)?;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([1, 2], vec![1.0, -2.0]));
    /// let both = [plain.forward(x, Mode::Evaluate), wrapped.forward(x, Mode::Evaluate)];
    /// let found = interpret(&both, &[], Some(&parameters))?;
    /// assert!(found[0].data().iter().zip(found[1].data()).all(|(a, b)| (a - b).abs() < 1e-14));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::MissingParameter`] if a weight has no value.
    pub fn adopt<T: Real>(&self, parameters: &mut Parameters<T>) -> Result<(), RegularizeError>
    where
        L: Layer<T>,
    {
        for spec in matrices_of(&self.layer) {
            let Some(v) = parameters.get(&spec.name) else {
                let known = listed(parameters.iter().map(|(name, _)| name));
                return Err(RegularizeError::MissingParameter { name: spec.name, known });
            };
            let units = spec.shape.last();
            let mut squares = vec![0.0; units];
            v.data().iter().enumerate().for_each(|(i, v)| squares[i % units] += v.to_f64() * v.to_f64());
            let lengths = squares.into_iter().map(|square| T::from_f64(f64::sqrt(square))).collect();
            parameters.insert(&gain(&spec).name, Tensor::new([units], lengths));
        }
        Ok(())
    }
}

/// The gains of a weight.
fn gain(weight: &ParameterSpec) -> ParameterSpec {
    ParameterSpec {
        name: format!("{}.gain", weight.name),
        shape: [weight.shape.last()].into(),
        role: Role::Norm,
        initialiser: Initialiser::Constant(1.0),
    }
}

impl<T: Real, L: Layer<T>> Layer<T> for WeightNorm<L> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        with_weights(&self.layer, x, mode, &matrices(), |spec, v| {
            weight_normalised(v, gain(spec).declare(x.graph()))
        })
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let gains: Vec<_> = matrices_of(&self.layer).iter().map(gain).collect();
        [self.layer.parameters(), gains].concat()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.layer.output_shape(input)
    }
}

/// `g v / ‖v‖` for each position on the last axis: `v` is `[.., out]`, `g` is `[out]`. Zeros stay zeros; in single
/// precision entries below 1e-23, whose squares are 0, count as such.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::reparameterisation::weight_normalised;
/// let graph = Graph::<f64>::new();
/// // The columns are units: one along (3, 4), one of zeros.
/// let v = graph.constant(Tensor::new([2, 2], vec![3.0, 0.0, 4.0, 0.0]));
/// let w = interpret(&[weight_normalised(v, graph.fill([2], 10.0))], &[], None)?.remove(0);
/// assert_eq!(w.data(), [6.0, 0.0, 8.0, 0.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If `v` has no axis or `g` is not `[out]`.
#[track_caller]
pub fn weight_normalised<'g, T: Real>(v: Var<'g, T>, g: Var<'g, T>) -> Var<'g, T> {
    let norm = group_norms("weight_normalised", v, -1);
    let (found, units) = (g.shape(), v.shape().last());
    assert!(found == Shape::from([units]), "weight_normalised: {units} units have no gains of shape {found}");
    let length = norm.equal(0.0).select(norm.like(1.0), norm);
    v * (g.reshape(norm.shape()) / length)
}
