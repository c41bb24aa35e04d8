//! Standardisation: zero mean and unit variance over all values of the training part.
//!
//! Gradient descent converges at a rate set by the condition of the Hessian, and inputs far from zero or
//! of very different scale make that condition worse (LeCun, Bottou, Orr, Müller, *Efficient BackProp*,
//! section 4.3). One mean and one deviation for all pixels keep images images; a deviation for each
//! pixel would blow up the corners that are blank in every training image.
//!
//! Fitted on the training part and applied to every part: statistics of the test part must not leak into
//! training.
//!
//! ```
//! use nn::data::{Standardise, digits};
//! # fn main() -> Result<(), nn::data::DataError> {
//! let [train, test] = digits::load()?.split([0.8, 0.2], 1)?;
//! let scale = Standardise::fit(&train)?;
//! let test = scale.apply(&test)?;
//! // The box of pixels, 0 to 1, in standardised units: what an adversary must stay within.
//! let (low, high) = (scale.standardised(0.0) as f32, scale.standardised(1.0) as f32);
//! assert!(test.examples().data().iter().all(|x| (low..=high).contains(x)));
//! # Ok(())
//! # }
//! ```

use super::{DataError, Dataset};
use crate::layer::{Layer, Mode};
use autograd::{Real, Var};

/// z = (x - mean) / deviation, with one mean and one deviation for all values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standardise {
    mean: f64,
    deviation: f64,
}

impl Standardise {
    /// Mean and standard deviation over all values of a data set, the training part:
    /// `mean = 1/m sum_i x_i`, `deviation^2 = 1/m sum_i (x_i - mean)^2`, m the number of values.
    ///
    /// Summed in `f64` in the order of the data.
    ///
    /// # Errors
    /// [`NoSpread`](DataError::NoSpread) if all values are equal, or so large that the deviation
    /// overflows.
    pub fn fit<T: Real>(training: &Dataset<T>) -> Result<Standardise, DataError> {
        let values = training.examples().data();
        let count = values.len() as f64;
        // Relative to the first value, so that equal values have a deviation of exactly zero.
        let first = values[0].to_f64();
        let shift = values.iter().map(|x| x.to_f64() - first).sum::<f64>() / count;
        let squares: f64 = values.iter().map(|x| (x.to_f64() - first - shift).powi(2)).sum();
        let deviation = (squares / count).sqrt();
        if deviation > 0.0 && deviation.is_finite() {
            Ok(Standardise { mean: first + shift, deviation })
        } else {
            Err(DataError::NoSpread { deviation })
        }
    }

    /// The mean of the training values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation of the training values, positive.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// (x - mean) / deviation.
    pub fn standardised(&self, x: f64) -> f64 {
        (x - self.mean) / self.deviation
    }

    /// z deviation + mean, the inverse of [`Standardise::standardised`] up to rounding.
    pub fn original(&self, z: f64) -> f64 {
        z * self.deviation + self.mean
    }

    /// The data set with every value standardised, computed in `f64` and rounded once.
    ///
    /// # Errors
    /// [`NonFinite`](DataError::NonFinite) if a value is so far from the training data that it overflows.
    pub fn apply<T: Real>(&self, data: &Dataset<T>) -> Result<Dataset<T>, DataError> {
        data.map_values(|x| T::from_f64(self.standardised(x.to_f64())))
    }

    /// The data set with every value back in its original units, computed in `f64` and rounded once.
    ///
    /// # Errors
    /// [`NonFinite`](DataError::NonFinite) if a value overflows.
    pub fn invert<T: Real>(&self, data: &Dataset<T>) -> Result<Dataset<T>, DataError> {
        data.map_values(|z| T::from_f64(self.original(z.to_f64())))
    }
}

impl Standardise {
    /// The layer that standardises: put first into a model, it lets the model take data in their own units.
    ///
    /// Then whatever happens to inputs happens in those units: an adversary's budget is one of pixels, a box is
    /// the pixels' box, and nobody can forget to scale.
    ///
    /// ```
    /// use nn::data::{Standardise, digits};
    /// use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
    /// let model = Sequential::<f32>::new()
    ///     .then(Standardise::fit(&train)?.layer())
    ///     .then(Sequential::mlp(&[64, 16, 10], Activation::Relu));
    /// let mut parameters = initialise(&model, 1);
    /// let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(3);
    /// trainer.fit(&train, None, &mut parameters)?;
    /// assert!(trainer.evaluate(&test, &parameters)?.error < 0.2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer(&self) -> StandardiseLayer {
        StandardiseLayer { scale: *self, inverse: false }
    }
}

/// `z = (x - mean) / deviation`, or its inverse `x = z deviation + mean`, with numbers that are constants of the
/// graph: they are no parameters, and no training moves them. Made by [`Standardise::layer`]; any shape is
/// taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardiseLayer {
    scale: Standardise,
    inverse: bool,
}

impl StandardiseLayer {
    /// The layer that undoes this one, up to rounding: at the end of an autoencoder it brings outputs back into
    /// the data's units.
    ///
    /// ```
    /// use autograd::Graph;
    /// use nn::data::{Standardise, digits};
    /// use nn::{Layer, Mode};
    /// let layer = Standardise::fit(&digits::load()?)?.layer();
    /// let graph = Graph::<f32>::new();
    /// let z = layer.forward(graph.input("x", [4, 64]), Mode::Evaluate);
    /// let x = layer.inverse().forward(z, Mode::Evaluate);
    /// assert_eq!((x.shape(), layer.inverse().inverse()), (z.shape(), layer));
    /// # Ok::<(), nn::data::DataError>(())
    /// ```
    pub fn inverse(&self) -> StandardiseLayer {
        StandardiseLayer { inverse: !self.inverse, ..*self }
    }
}

impl<T: Real> Layer<T> for StandardiseLayer {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let Standardise { mean, deviation } = self.scale;
        if self.inverse { x * deviation + mean } else { (x - mean) / deviation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::{Feed, Graph, Tensor, grad, interpret};
    use proptest::prelude::*;

    fn of<T: Real>(values: Vec<T>) -> Dataset<T> {
        let n = values.len();
        Dataset::new(Tensor::new([n, 1], values), Tensor::full([n], 0), 2).unwrap()
    }

    #[test]
    fn a_set_worked_out_by_hand() {
        // mean 5, squares 9 1 1 1 0 0 4 16 = 32, over 8 is 4.
        let data = of(vec![2.0f32, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        let scale = Standardise::fit(&data).unwrap();
        assert_eq!((scale.mean(), scale.deviation()), (5.0, 2.0));
        let standardised = scale.apply(&data).unwrap();
        assert_eq!(standardised.examples().data(), [-1.5, -0.5, -0.5, -0.5, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(scale.invert(&standardised).unwrap(), data);
    }

    #[test]
    fn values_without_spread_are_refused() {
        let zero =
            "cannot be standardised: the values have standard deviation 0; it must be positive and finite";
        // A thousand times 0.1 does not add up to 100: a mean taken straight leaves a spread of 1e-15.
        assert_eq!(Standardise::fit(&of(vec![0.1f64; 1000])).unwrap_err().to_string(), zero);
        assert_eq!(Standardise::fit(&of(vec![3.0f64])).unwrap_err().to_string(), zero);
        let error = Standardise::fit(&of(vec![1e200f64, -1e200])).unwrap_err();
        assert!(matches!(error, DataError::NoSpread { deviation: f64::INFINITY }), "{error}");
    }

    /// The layer computes in `T` what `apply` computes in `f64` and rounds.
    #[test]
    fn the_layer_is_the_same_function() {
        let data = crate::data::digits::load().unwrap().cast::<f64>();
        let scale = Standardise::fit(&data).unwrap();
        let graph = Graph::<f64>::new();
        let x = graph.input("x", data.examples().shape());
        let z = scale.layer().forward(x, Mode::Train);
        let back = scale.layer().inverse().forward(z, Mode::Evaluate);
        let slope = grad(z.sum(), &[x])[0];
        let values = interpret(&[z, back, slope], &[("x", Feed::from(data.examples()))], None).unwrap();
        assert_eq!(&values[0], scale.apply(&data).unwrap().examples());
        for (x, back) in data.examples().data().iter().zip(values[1].data()) {
            // Four roundings of numbers up to 3, times a deviation below 1.
            assert!((x - back).abs() < 4.0 * 3.0 * f64::EPSILON, "{x} came back as {back}");
        }
        assert!(values[2].data().iter().all(|&slope| slope == 1.0 / scale.deviation()));
        assert!(Layer::<f64>::parameters(&scale.layer()).is_empty());
    }

    #[test]
    fn overflow_in_another_part_is_an_error() {
        let scale = Standardise::fit(&of(vec![0.0f32, 1e-3])).unwrap();
        let error = scale.apply(&of(vec![0.0f32, f32::MAX])).unwrap_err();
        assert_eq!(error.to_string(), "example 1 holds inf at [0]: every value must be finite");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn applied_to_its_own_data_mean_is_zero_and_variance_one(
            values in prop::collection::vec(-100.0f64..100.0, 2..50),
            offset in -1e3f64..1e3,
        ) {
            let data = of(values.iter().map(|x| x + offset).collect());
            prop_assume!(Standardise::fit(&data).is_ok_and(|scale| scale.deviation() > 1e-3));
            let scale = Standardise::fit(&data).unwrap();
            let standardised = scale.apply(&data).unwrap();
            let again = Standardise::fit(&standardised).unwrap();
            // Values up to 1.1e3 carry rounding errors of 1e-13, divided by a deviation above 1e-3.
            prop_assert!(again.mean().abs() < 1e-9, "{again:?}");
            prop_assert!((again.deviation() - 1.0).abs() < 1e-9, "{again:?}");
            for (x, back) in data.examples().data().iter().zip(scale.invert(&standardised).unwrap().examples().data()) {
                // Four roundings of numbers below 2e3.
                prop_assert!((x - back).abs() < 4.0 * 2e3 * f64::EPSILON, "{x} came back as {back}");
            }
        }
    }
}
