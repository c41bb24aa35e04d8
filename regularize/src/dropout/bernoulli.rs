//! Dropout: units are left out at random while training, so that one network trains exponentially many
//! subnetworks that share their weights (Srivastava et al., *JMLR* 15, 2014; *Deep Learning*, section 7.12).
//!
//! Each unit is dropped with probability `p`, by a mask `μ` of zeros and ones. Two forms, whose subnetworks
//! and average are the same but for the scale of the next weights:
//!
//! | form | training | prediction: the weight scaling rule |
//! |---|---|---|
//! | [`Form::Inverted`] | `x μ / (1 - p)` | `x` |
//! | [`Form::Classic`] | `x μ` | `x (1 - p)`, or the next weights times `1 - p`: [`Dropout::scale_weights`] |
//!
//! The rule gives the mean over all masks exactly for a linear network, and the renormalised geometric mean
//! exactly for a softmax over a linear one (section 7.12, equations 7.56 to 7.66); for others it approximates.
//!
//! The rule as a rewrite of a whole expression is [`scale_units`](super::scale_units) and
//! [`scale_weights`](super::scale_weights); the mean over all masks, for small networks, is
//! [`SubNetworks`](super::SubNetworks).
//!
//! # Randomness
//!
//! The technique itself, [`Dropout::apply`], is a pure function of `x` and a mask. A mask comes from a uniform
//! draw ([`Dropout::mask`]), from an enumeration of all masks ([`Dropout::masks`]) or from anywhere. As a
//! [`Layer`] it draws from the stream `NAME.mask`: the mask is a function of seed, name and run, one node for
//! the forward and the backward pass. Layers of different names draw apart; two of the same name, and
//! `dropout` is everybody's unless it is [named](Dropout::named), share their draws: the same mask for the same shape,
//! and for others its beginning. A training step that runs the network twice (on clean and on adversarial inputs)
//! therefore attacks the subnetwork that it trains.
//!
//! The layer draws in [`Mode::Train`] and [`Mode::Sample`]: predictions sampled in the latter are Monte Carlo
//! dropout (Gal and Ghahramani, ICML 2016).
//!
//! ```
//! use autograd::{Graph, interpret};
//! use nn::{Activation, Layer, Mode, Sequential};
//! use regularize::Dropout;
//! let half = Dropout::new(0.5)?;
//! let model = Sequential::<f32>::new()
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then_named("dropout", |name| half.named(name))
//!     .linear(32, 10);
//! # let _ = model;
//! // A unit is 0 or twice what it was; in evaluation it is what it was.
//! let graph = Graph::<f32>::new();
//! let x = graph.fill([100], 3.0);
//! let found = interpret(&[half.forward(x, Mode::Train)], &[], None)?.remove(0);
//! assert!(found.data().iter().all(|&y| y == 0.0 || y == 6.0));
//! assert_eq!(half.forward(x, Mode::Evaluate).id(), x.id());
//! assert!(Dropout::new(1.0).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, listed};
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var};
use nn::optimise::HyperparameterError;
use nn::{Layer, Mode};

/// Where the scale between training and prediction is made up for.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::Dropout;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2], vec![3.0, 5.0]));
/// let mask = graph.constant(Tensor::new([2], vec![1.0, 0.0]));
/// let inverted = Dropout::new(0.75)?;
/// let classic = inverted.clone().classic();
/// let of = |dropout: &Dropout| [dropout.apply(x, mask), dropout.expectation(x)];
/// let found = interpret(&[of(&inverted), of(&classic)].concat(), &[], None)?;
/// assert_eq!((found[0].data(), found[1].data()), (&[12.0, 0.0][..], &[3.0, 5.0][..]));
/// assert_eq!((found[2].data(), found[3].data()), (&[3.0, 0.0][..], &[0.75, 1.25][..]));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// While training: units that stay are scaled by `1 / (1 - p)`.
    Inverted,
    /// While predicting: units are scaled by `1 - p`. The form of the original paper.
    Classic,
}

/// Dropout with a fixed probability. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    name: String,
    p: f64,
    form: Form,
}

impl Dropout {
    /// Dropout with probability `p` of dropping a unit, in the inverted form, named `dropout`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1): with `p = 1` nothing is left to scale.
    pub fn new(p: f64) -> Result<Dropout, RegularizeError> {
        HyperparameterError::unless((0.0..1.0).contains(&p), "dropout probability", p, "in [0, 1)")?;
        Ok(Dropout { name: "dropout".into(), p, form: Form::Inverted })
    }

    /// The same in the classic form.
    pub fn classic(self) -> Dropout {
        Dropout { form: Form::Classic, ..self }
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> Dropout {
        Dropout { name: name.into(), ..self.clone() }
    }

    /// The probability of dropping a unit.
    pub fn probability(&self) -> f64 {
        self.p
    }

    /// Where the scale is made up for.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The mask of a uniform draw: 0 with probability `p`, else 1.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::Dropout;
    /// let graph = Graph::<f64>::new();
    /// let draw = graph.constant(Tensor::new([4], vec![0.0, 0.24, 0.25, 0.9]));
    /// let mask = Dropout::new(0.25)?.mask(draw);
    /// assert_eq!(interpret(&[mask], &[], None)?[0].data(), [0.0, 0.0, 1.0, 1.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, draw: Var<'g, T>) -> Var<'g, T> {
        draw.greater_equal(self.p)
    }

    /// A mask drawn from the stream `NAME.mask`: the same numbers wherever the same shape is asked for.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use nn::{Layer, Mode};
    /// use regularize::Dropout;
    /// let half = Dropout::new(0.5)?.named("first");
    /// let graph = Graph::<f64>::new();
    /// let x = graph.fill([64], 1.0);
    /// let drawn = half.apply(x, half.sample(&graph, [64]));
    /// let other = half.named("second").forward(x, Mode::Train);
    /// let found = interpret(&[half.forward(x, Mode::Train), drawn, other], &[], None)?;
    /// assert!(found[0] == found[1] && found[0] != found[2]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: impl Into<Shape>) -> Var<'g, T> {
        self.mask(graph.uniform(&format!("{}.mask", self.name), shape))
    }

    /// `x μ`, in the inverted form `x μ / (1 - p)`: what a subnetwork sees. Differentiable in both.
    ///
    /// # Panics
    /// If the mask does not broadcast to `x`'s shape.
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_mask) = (x.shape(), mask.shape());
        assert!(
            shape.broadcast_with(&of_mask) == Some(shape),
            "dropout: a mask of shape {of_mask} for values of shape {shape}"
        );
        match self.form {
            Form::Inverted => x * (mask * (1.0 - self.p).recip()),
            Form::Classic => x * mask,
        }
    }

    /// The mean of [`Dropout::apply`] over all masks: what takes its place in prediction. The variable `x`
    /// itself in the inverted form.
    #[track_caller]
    pub fn expectation<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        match self.form {
            Form::Classic if self.p > 0.0 => x * (1.0 - self.p),
            _ => x,
        }
    }

    /// All `2ⁿ` masks of `n` units, each with its probability: the whole ensemble, for small networks.
    ///
    /// ```
    /// use regularize::Dropout;
    /// let masks: Vec<_> = Dropout::new(0.25)?.masks::<f64>(2)?.collect();
    /// assert_eq!(masks.len(), 4);
    /// assert_eq!((masks[1].0, masks[1].1.data()), (0.75 * 0.25, &[1.0, 0.0][..]));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::NotEnumerable`] if `n` is more than 30.
    pub fn masks<T: Real>(
        &self,
        n: usize,
    ) -> Result<impl Iterator<Item = (f64, Tensor<T>)> + use<T>, RegularizeError> {
        if n > 30 {
            return Err(RegularizeError::NotEnumerable { reason: format!("there are 2^{n} of them") });
        }
        let p = self.p;
        Ok((0..1u32 << n).map(move |bits| {
            let kept = bits.count_ones() as i32;
            let probability = (1.0 - p).powi(kept) * p.powi(n as i32 - kept);
            let unit = |i: usize| if bits >> i & 1 == 1 { T::ONE } else { T::ZERO };
            (probability, Tensor::from_fn([n], unit))
        }))
    }

    /// The weight scaling rule as a rewrite of parameters: `w := (1 - p) w` for those named, the weights
    /// that the dropped units feed into; not their biases. The result is for the network *without* this
    /// layer, or with it in the inverted form, in [`Mode::Evaluate`].
    ///
    /// # Errors
    /// If there is no parameter of a name.
    ///
    /// ```
    /// use autograd::{Parameters, Tensor};
    /// use regularize::Dropout;
    /// let values = [("out.weight", Tensor::full([2, 1], 4.0)), ("out.bias", Tensor::full([1], 4.0))];
    /// let trained: Parameters<f64> = values.into_iter().collect();
    /// let scaled = Dropout::new(0.75)?.scale_weights(&trained, &["out.weight"])?;
    /// assert_eq!(scaled["out.weight"].data(), [1.0, 1.0]);
    /// assert_eq!(scaled["out.bias"].data(), [4.0]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn scale_weights<T: Real>(
        &self,
        parameters: &Parameters<T>,
        names: &[&str],
    ) -> Result<Parameters<T>, RegularizeError> {
        let mut scaled = parameters.clone();
        let keep = T::from_f64(1.0 - self.p);
        for &name in names {
            let Some(value) = scaled.get_mut(name) else {
                let known = listed(parameters.iter().map(|(name, _)| name));
                return Err(RegularizeError::MissingParameter { name: name.into(), known });
            };
            value.data_mut().iter_mut().for_each(|w| *w = *w * keep);
        }
        Ok(scaled)
    }

    /// What becomes of `x` in a mode, with a mask of a shape that broadcasts to `x`'s. Records nothing for
    /// `p = 0`.
    #[track_caller]
    pub(super) fn in_mode<'g, T: Real>(
        &self,
        x: Var<'g, T>,
        mask: impl Into<Shape>,
        mode: Mode,
    ) -> Var<'g, T> {
        if self.p == 0.0 {
            return x;
        }
        if !mode.is_stochastic() {
            return self.expectation(x);
        }
        self.apply(x, self.sample(x.graph(), mask)).named(&self.name)
    }
}

impl<T: Real> Layer<T> for Dropout {
    /// Records nothing for `p = 0`.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.in_mode(x, x.shape(), mode)
    }
}

#[cfg(test)]
mod tests;
