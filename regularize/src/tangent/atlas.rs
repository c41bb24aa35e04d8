//! The manifold tangent classifier: tangent propagation along directions that were learned from the data and
//! not given (Rifai, Dauphin, Vincent, Bengio, Muller, NIPS 2011; *Deep Learning*, sections 7.14 and 14.6).
//!
//! 1. Learn the tangent planes of the manifold on which the examples lie: an *atlas*, a chart for each training
//!    example.
//! 2. Train a classifier with the penalty of tangent propagation along them.
//!
//! | atlas | tangents at `x` |
//! |---|---|
//! | [`Atlas::local`] | the first principal directions of the nearest neighbours of `x` |
//! | [`Atlas::of_encoder`] | the first right singular vectors of `∂h/∂x`, for the code `h` of an autoencoder: a contractive one (the authors') keeps the others small |
//! | [`Atlas::new`] | any |
//!
//! In the training step the tangents at an example are those of the nearest chart, which is found in the graph.
//! For a training example that is its own; for one that was moved or disturbed it is that of the example it
//! came from, or nearly. So nothing needs to be fed beside the examples, and any [`Trainer`](nn::Trainer) does.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//! use regularize::tangent::{Atlas, ManifoldTangents, TangentPropagation};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&(0..100).collect::<Vec<_>>())?;
//! let atlas = Atlas::local(data.examples(), 8, 3)?;
//! let manifold = ManifoldTangents::new(atlas, TangentPropagation::new(0.1)?);
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Tanh);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
//!     .epochs(3)
//!     .objective(move |batch| manifold.objective(batch));
//! let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
//! assert!(curve.epochs[2].objective < curve.epochs[0].objective);
//! # Ok(())
//! # }
//! ```

use super::orthogonal::singular_directions;
use super::propagation::TangentPropagation;
use crate::error::{RegularizeError, at_least_one};
use crate::host::dot;
use crate::host::rows;
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var, grad, interpret};
use nn::optimise::HyperparameterError;
use nn::train::Batch;
use nn::{Layer, Mode};

/// Charts: points with tangents at each.
#[derive(Debug, Clone, PartialEq)]
pub struct Atlas<T: Real> {
    /// `[charts, d]`.
    centres: Tensor<T>,
    /// `[charts, k, d]`.
    tangents: Tensor<T>,
}

impl<T: Real> Atlas<T> {
    /// An atlas of given charts: centres `[charts, d]` and their tangents `[charts, k, d]`.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::tangent::Atlas;
    /// // At (0, 0) along the first axis, at (9, 9) along the second.
    /// let centres = Tensor::new([2, 2], vec![0.0, 0.0, 9.0, 9.0]);
    /// let tangents = Tensor::new([2, 1, 2], vec![1.0, 0.0, 0.0, 1.0]);
    /// let atlas = Atlas::new(centres.clone(), tangents)?;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([1, 2], vec![7.0, 5.0]));
    /// assert_eq!(interpret(&atlas.tangents_at(x), &[], None)?[0].data(), [0.0, 1.0]);
    /// assert!(Atlas::new(centres, Tensor::zeros([2, 1, 3])).is_err());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::Nothing`] if there is no chart, [`RegularizeError::Shape`] if a shape is another,
    /// [`RegularizeError::NonFinite`] if a number is not finite.
    pub fn new(centres: Tensor<T>, tangents: Tensor<T>) -> Result<Atlas<T>, RegularizeError> {
        let (points, directions) = (centres.shape(), tangents.shape());
        let &[n, d] = points.lengths() else {
            let expected = rows(points);
            return Err(RegularizeError::Shape { what: "centres of an atlas", expected, found: points });
        };
        if n == 0 {
            return Err(RegularizeError::Nothing { what: "charts in the atlas" });
        }
        let k = if directions.rank() == 3 { directions[1] } else { 1 };
        let expected = Shape::from([n, k, d]);
        if directions != expected {
            return Err(RegularizeError::Shape { what: "tangents of an atlas", expected, found: directions });
        }
        RegularizeError::unless_finite("centres", centres.data())?;
        RegularizeError::unless_finite("tangents", tangents.data())?;
        Ok(Atlas { centres, tangents })
    }

    /// A chart at each of `examples`, `[n, ..]`: the first `dimensions` principal directions of it and its
    /// `neighbours` nearest, about their mean. Where they span less, the rest of the tangents is 0.
    ///
    /// ```
    /// use autograd::Tensor;
    /// use regularize::tangent::Atlas;
    /// // Points of a line along (3, 4).
    /// let line = Tensor::<f64>::new([4, 2], vec![0.0, 0.0, 3.0, 4.0, 6.0, 8.0, -3.0, -4.0]);
    /// let atlas = Atlas::local(&line, 2, 1)?;
    /// assert_eq!(atlas.tangents().shape().lengths(), [4, 1, 2]);
    /// for t in atlas.tangents().data().chunks(2) {
    ///     // Of either sign.
    ///     assert!((t[0].abs() - 0.6).abs() < 1e-12 && (t[1] / t[0] - 4.0 / 3.0).abs() < 1e-12);
    /// }
    /// assert!(Atlas::local(&line, 4, 1).is_err()); // there are three others
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If there are not so many other examples, or more dimensions than neighbours; if a number is not finite.
    pub fn local(
        examples: &Tensor<T>,
        neighbours: usize,
        dimensions: usize,
    ) -> Result<Atlas<T>, RegularizeError> {
        let [n, d] = [rows(examples.shape())[0], rows(examples.shape())[1]];
        let fits = 0 < neighbours && neighbours < n;
        let others = "at least 1 and below the number of examples";
        HyperparameterError::unless(fits, "number of neighbours", neighbours as f64, others)?;
        let fits = 0 < dimensions && dimensions <= neighbours;
        let range = "at least 1 and at most the number of neighbours";
        HyperparameterError::unless(fits, "dimension of the manifold", dimensions as f64, range)?;
        RegularizeError::unless_finite("examples", examples.data())?;
        let point = |i: usize| examples.data()[i * d..][..d].iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        let points: Vec<Vec<f64>> = (0..n).map(point).collect();
        let directions = points.iter().map(|centre| {
            let distance =
                |other: &[f64]| centre.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            let mut order: Vec<(f64, usize)> =
                points.iter().enumerate().map(|(i, other)| (distance(other), i)).collect();
            // The example itself is among them, at distance 0.
            order.select_nth_unstable_by(neighbours, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order.truncate(neighbours + 1);
            order.sort_by_key(|&(_, i)| i);
            let mean: Vec<f64> = (0..d)
                .map(|k| order.iter().map(|&(_, i)| points[i][k]).sum::<f64>() / order.len() as f64)
                .collect();
            let offsets =
                order.iter().map(|&(_, i)| points[i].iter().zip(&mean).map(|(x, m)| x - m).collect());
            singular_directions(offsets.collect(), dimensions)
        });
        Atlas::of_directions(examples, dimensions, directions.collect())
    }

    /// A chart at each of `examples`, `[n, ..]`: the first `dimensions` right singular vectors of the Jacobian
    /// of an encoder, run in [`Mode::Evaluate`]. Where its rank is less, the rest of the tangents is 0.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use nn::Linear;
    /// use regularize::tangent::Atlas;
    /// // A code of one number, 3x + 4y: its derivative lies along (3, 4)/5.
    /// let encoder = Linear::new("code", 2, 1).without_bias();
    /// let parameters: Parameters<f64> =
    ///     [("code.weight", Tensor::new([2, 1], vec![3.0, 4.0]))].into_iter().collect();
    /// let atlas = Atlas::of_encoder(&encoder, &parameters, &Tensor::zeros([1, 2]), 2)?;
    /// let t = atlas.tangents().data();
    /// assert!((t[0].abs() - 0.6).abs() < 1e-12 && (t[1] / t[0] - 4.0 / 3.0).abs() < 1e-12);
    /// assert_eq!(t[2..], [0.0, 0.0]); // there is no second direction
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no dimensions; if parameters do not fit the encoder; if a number is not finite.
    ///
    /// # Panics
    /// If the encoder does not take the examples.
    pub fn of_encoder(
        encoder: &dyn Layer<T>,
        parameters: &Parameters<T>,
        examples: &Tensor<T>,
        dimensions: usize,
    ) -> Result<Atlas<T>, RegularizeError> {
        at_least_one("dimension of the manifold", dimensions)?;
        let [n, d] = [rows(examples.shape())[0], rows(examples.shape())[1]];
        let graph = Graph::new();
        let x = graph.constant(examples.clone());
        let code = encoder.forward(x, Mode::Evaluate);
        let code = code.reshape(rows(code.shape()));
        // Examples do not depend on each other: the gradient of a unit's sum is that of each.
        let unit = |j: usize| grad(code.slice(1, j, j + 1).sum(), &[x])[0];
        let outputs: Vec<_> = (0..code.shape()[1]).map(unit).collect();
        let jacobians = interpret(&outputs, &[], Some(parameters))?;
        for rows in &jacobians {
            RegularizeError::unless_finite("derivatives of the encoder", rows.data())?;
        }
        let directions = (0..n).map(|i| {
            let row = |unit: &Tensor<T>| unit.data()[i * d..][..d].iter().map(|x| x.to_f64()).collect();
            singular_directions(jacobians.iter().map(row).collect(), dimensions)
        });
        Atlas::of_directions(examples, dimensions, directions.collect())
    }

    /// Charts from at most `dimensions` directions for each example.
    fn of_directions(
        examples: &Tensor<T>,
        dimensions: usize,
        directions: Vec<Vec<Vec<f64>>>,
    ) -> Result<Atlas<T>, RegularizeError> {
        let [n, d] = [rows(examples.shape())[0], rows(examples.shape())[1]];
        let mut tangents = vec![T::ZERO; n * dimensions * d];
        for (i, found) in directions.iter().enumerate() {
            for (k, direction) in found.iter().enumerate() {
                debug_assert!((dot(direction, direction) - 1.0).abs() < 1e-6);
                let place = &mut tangents[(i * dimensions + k) * d..][..d];
                place.iter_mut().zip(direction).for_each(|(place, &x)| *place = T::from_f64(x));
            }
        }
        let centres = Tensor::new([n, d], examples.data().to_vec());
        Atlas::new(centres, Tensor::new([n, dimensions, d], tangents))
    }

    /// The tangents, `[charts, k, d]`.
    pub fn tangents(&self) -> &Tensor<T> {
        &self.tangents
    }

    /// The tangents at each of `x`, `[n, ..]` with `d` numbers each: those of the chart with the nearest centre,
    /// the first of equals; `k` variables of `x`'s shape. They are constants to differentiation.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::tangent::Atlas;
    /// // Two pieces of lines, far from each other.
    /// let points = Tensor::new([4, 2], vec![0.0, 0.0, 1.0, 0.0, 9.0, 9.0, 9.0, 8.0]);
    /// let atlas = Atlas::local(&points, 1, 1)?;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([2, 2], vec![0.5, 1.0, 8.0, 8.0]));
    /// let found = interpret(&atlas.tangents_at(x), &[], None)?;
    /// // Along the first axis at the one, along the second at the other.
    /// let sizes: Vec<f64> = found[0].data().iter().map(|t| t.abs()).collect();
    /// assert!(sizes.iter().zip([1.0, 0.0, 0.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If an example has not `d` numbers.
    #[track_caller]
    pub fn tangents_at<'g>(&self, x: Var<'g, T>) -> Vec<Var<'g, T>> {
        let (graph, shape) = (x.graph(), x.shape());
        let (charts, k, d) = (self.tangents.shape()[0], self.tangents.shape()[1], self.tangents.shape()[2]);
        let flat = rows(shape);
        assert!(flat[1] == d, "Atlas: examples of {d} numbers, not {shape}");
        // ‖x - c‖² = ‖x‖² - 2 xᵀc + ‖c‖²: smallest where xᵀc - ½ ‖c‖² is largest.
        let half_square = |i: usize| {
            let centre = self.centres.data()[i * d..][..d].iter().map(|x| x.to_f64());
            T::from_f64(0.5 * centre.map(|x| x * x).sum::<f64>())
        };
        let halves = graph.constant(Tensor::from_fn([1, charts], half_square));
        let centres = graph.constant(self.centres.clone());
        let nearest = (x.reshape(flat).matmul_transposed(centres, false, true) - halves).argmax();
        let table = graph.constant(Tensor::new([charts, k * d], self.tangents.data().to_vec()));
        let chosen = table.gather(nearest);
        (0..k).map(|i| chosen.slice(1, i * d, (i + 1) * d).reshape(shape)).collect()
    }
}

/// The second step of the manifold tangent classifier: an objective. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::{Mode, Sequential, train::Batch};
/// use regularize::tangent::{Atlas, ManifoldTangents, TangentPropagation};
/// // A line along t = (1, -1)/√2. At the logits (0, 0) probabilities change along it by (diag p - p pᵀ) t = t/2.
/// let atlas = Atlas::local(&Tensor::new([3, 2], vec![-1.0, 1.0, 0.0, 0.0, 1.0, -1.0]), 2, 1)?;
/// let manifold = ManifoldTangents::new(atlas, TangentPropagation::new(8.0)?);
/// let (graph, model) = (Graph::<f64>::new(), Sequential::new()); // the logits are the inputs
/// let x = graph.constant(Tensor::zeros([1, 2]));
/// let label = graph.index_constant(Tensor::new([1], vec![0]));
/// let objective = manifold.objective(&Batch::new(x, label, &model, &[], Mode::Train));
/// let found = interpret(&[objective], &[], None)?[0].item();
/// assert!((found - (2f64.ln() + 8.0 * 0.25)).abs() < 1e-12);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManifoldTangents<T: Real> {
    atlas: Atlas<T>,
    propagation: TangentPropagation,
}

impl<T: Real> ManifoldTangents<T> {
    /// Tangent propagation along the tangents of an atlas.
    pub fn new(atlas: Atlas<T>, propagation: TangentPropagation) -> ManifoldTangents<T> {
        ManifoldTangents { atlas, propagation }
    }

    /// `J + strength · Ω` with the mean cross-entropy `J` of a batch, and the penalty `Ω` on how its
    /// probabilities change along the atlas's tangents. With strength 0 it is `J`, and nothing else is recorded.
    ///
    /// # Panics
    /// If the batch's examples are not of the atlas's size.
    #[track_caller]
    pub fn objective<'g>(&self, batch: &Batch<'g, '_, T>) -> Var<'g, T> {
        if self.propagation.strength() == 0.0 {
            return batch.cross_entropy();
        }
        let tangents = self.atlas.tangents_at(batch.inputs);
        let probabilities = batch.logits().softmax();
        self.propagation.added_to(batch.cross_entropy(), probabilities, batch.inputs, &tangents)
    }
}

#[cfg(test)]
mod tests;
