//! Hyper-parameters as parameters: numbers of the objective that a gradient may tune.
//!
//! A strength is positive and acts by its order of magnitude, a probability lies between 0 and 1, an angle that
//! may turn a digit stays below 45 degrees: none of them survives a step of `x := x - ε g`. So the parameter that
//! a graph has under the [`Hyperparameter`]'s name is the logarithm, or the log-odds, on which every real number
//! is allowed and a step is a factor:
//!
//! | kind | kept | value | derivative |
//! |---|---|---|---|
//! | [`Hyperparameter::positive`] | `θ = ln α` | `α = e^θ` | `∂J/∂θ = α ∂J/∂α` |
//! | [`Hyperparameter::probability`] | `θ = ln(p / (1 - p))` | `p = 1 / (1 + e^-θ)` | `∂J/∂θ = p (1 - p) ∂J/∂p` |
//! | [`Hyperparameter::bounded`] | `θ = ln(x / (b - x))` | `x = b / (1 + e^-θ)` | `∂J/∂θ = x (1 - x/b) ∂J/∂x` |
//!
//! [`TunedL2`] and [`TunedL1`] are the penalties of [`penalty`](crate::penalty) with such a coefficient. They
//! go into [`Penalties`](crate::Penalties), one for each layer if so wished, or into a
//! [`ProximalStep`](crate::ProximalStep): the soft threshold is differentiable in its threshold.
//! [`TunedSmoothL1`] has no kink at 0. [`TunedNoise`] is a layer.
//!
//! ```
//! use autograd::{Graph, Parameters, interpret};
//! use regularize::hyper_gradient::Hyperparameter;
//! let graph = Graph::<f64>::new();
//! let decay = Hyperparameter::positive("decay", 0.01)?;
//! let parameters: Parameters<f64> = [("decay", decay.initial_value())].into_iter().collect();
//! let found = interpret(&[decay.value(&graph)], &[], Some(&parameters))?;
//! assert!((found[0].item() - 0.01).abs() < 1e-17);
//! assert!(Hyperparameter::positive("decay", 0.0).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, above_zero, listed};
use crate::penalty::{
    Penalty, ProximalPenalty, l1_penalty, l2_penalty, shrink, smooth_l1_penalty, soft_threshold,
};
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var};
use nn::optimise::HyperparameterError;
use nn::{Initialiser, Layer, Mode, ParameterSpec, Role};

/// How the number and the parameter that stands for it belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// `e^θ`.
    Positive,
    /// `largest / (1 + e^-θ)`.
    Bounded { largest: f64 },
}

/// A scalar hyper-parameter with a name and an initial value. See the [module documentation](self).
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use regularize::hyper_gradient::Hyperparameter;
/// let rate = Hyperparameter::probability("rate", 0.25)?;
/// let angle = Hyperparameter::bounded("angle", 30.0, 45.0)?;
/// assert_eq!((rate.largest(), angle.largest()), (1.0, 45.0));
/// // At a parameter of 0: half of what there is; and a positive number is e⁰.
/// let zeros: Parameters<f64> =
///     ["rate", "angle", "decay"].map(|name| (name, Tensor::scalar(0.0))).into_iter().collect();
/// assert_eq!((rate.value_in(&zeros)?, angle.value_in(&zeros)?), (0.5, 22.5));
/// assert_eq!(Hyperparameter::positive("decay", 0.01)?.value_in(&zeros)?, 1.0);
/// assert!((rate.initial_value::<f64>().item() - (1f64 / 3.0).ln()).abs() < 1e-15); // the log-odds
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperparameter {
    name: String,
    kind: Kind,
    initial: f64,
}

impl Hyperparameter {
    /// A positive number, kept by its logarithm.
    ///
    /// # Errors
    /// If `initial` is not finite and above 0: nothing leads away from 0.
    pub fn positive(name: &str, initial: f64) -> Result<Hyperparameter, RegularizeError> {
        above_zero("initial strength", initial)?;
        Ok(Hyperparameter { name: name.into(), kind: Kind::Positive, initial })
    }

    /// A probability, kept by its log-odds.
    ///
    /// # Errors
    /// If `initial` is not in (0, 1).
    pub fn probability(name: &str, initial: f64) -> Result<Hyperparameter, RegularizeError> {
        let fits = initial > 0.0 && initial < 1.0;
        HyperparameterError::unless(fits, "initial probability", initial, "in (0, 1)")?;
        Hyperparameter::bounded(name, initial, 1.0)
    }

    /// A positive number that stays below `largest`, kept by the log-odds of its share of it: far below, a step
    /// is a factor as for [`Hyperparameter::positive`].
    ///
    /// # Errors
    /// If `largest` is not finite and above 0, or `initial` is not strictly between.
    pub fn bounded(name: &str, initial: f64, largest: f64) -> Result<Hyperparameter, RegularizeError> {
        above_zero("largest strength", largest)?;
        let fits = initial > 0.0 && initial < largest;
        HyperparameterError::unless(fits, "initial strength", initial, "above 0 and below the largest")?;
        Ok(Hyperparameter { name: name.into(), kind: Kind::Bounded { largest }, initial })
    }

    /// That it is a probability.
    pub(super) fn check_probability(&self) -> Result<(), RegularizeError> {
        let fits = self.largest() == 1.0;
        HyperparameterError::unless(fits, "rate of dropout", self.initial, "a probability")?;
        Ok(())
    }

    /// Its name, which is the name of its parameter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that it begins with.
    pub fn initial(&self) -> f64 {
        self.initial
    }

    /// What it stays below: 1 for a probability, infinity for a number that is only positive.
    pub fn largest(&self) -> f64 {
        match self.kind {
            Kind::Positive => f64::INFINITY,
            Kind::Bounded { largest } => largest,
        }
    }

    /// The logarithm, or the log-odds, of the initial value.
    pub fn initial_value<T: Real>(&self) -> Tensor<T> {
        Tensor::scalar(T::from_f64(self.raw_initial()))
    }

    fn raw_initial(&self) -> f64 {
        match self.kind {
            Kind::Positive => self.initial.ln(),
            Kind::Bounded { largest } => {
                let share = self.initial / largest;
                share.ln() - (-share).ln_1p()
            }
        }
    }

    /// Its parameter: a scalar of [`Role::Hyperparameter`].
    ///
    /// ```
    /// use nn::{Role, Selection, initialise_parameters};
    /// use regularize::hyper_gradient::Hyperparameter;
    /// let decay = Hyperparameter::positive("decay", 0.01)?;
    /// let spec = decay.spec();
    /// assert_eq!(spec.role, Role::Hyperparameter);
    /// assert!(!Selection::weights().contains(&spec)); // no penalty and no decay of its own
    /// let begun = initialise_parameters::<f64>(&[spec], 1);
    /// assert!((decay.value_in(&begun)? - 0.01).abs() < 1e-16);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn spec(&self) -> ParameterSpec {
        ParameterSpec {
            name: self.name.clone(),
            shape: Shape::SCALAR,
            role: Role::Hyperparameter,
            initialiser: Initialiser::Constant(self.raw_initial()),
        }
    }

    /// The logarithm, or the log-odds: what a hyper-gradient is taken with respect to.
    ///
    /// # Panics
    /// If the graph has an input of this name, or a parameter of it in another shape.
    #[track_caller]
    pub fn raw<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        graph.parameter(&self.name, Shape::SCALAR)
    }

    /// The number itself.
    ///
    /// # Panics
    /// As [`Hyperparameter::raw`].
    #[track_caller]
    pub fn value<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let raw = self.raw(graph);
        match self.kind {
            Kind::Positive => raw.exp(),
            Kind::Bounded { largest: 1.0 } => raw.sigmoid(),
            Kind::Bounded { largest } => raw.sigmoid() * largest,
        }
    }

    /// The number itself, where its parameter has a value.
    ///
    /// # Errors
    /// [`RegularizeError::MissingParameter`].
    pub fn value_in<T: Real>(&self, parameters: &Parameters<T>) -> Result<f64, RegularizeError> {
        let Some(raw) = parameters.get(&self.name) else {
            let known = listed(parameters.iter().map(|(name, _)| name));
            return Err(RegularizeError::MissingParameter { name: self.name.clone(), known });
        };
        let raw = raw.item().to_f64();
        Ok(match self.kind {
            Kind::Positive => raw.exp(),
            Kind::Bounded { largest } => largest / (1.0 + (-raw).exp()),
        })
    }
}

/// The penalty `α/2 ‖w‖²` whose coefficient is a hyper-parameter.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, grad, interpret};
/// use regularize::Penalty;
/// use regularize::hyper_gradient::{Hyperparameter, TunedL2};
/// let strength = Hyperparameter::positive("alpha", 0.5)?;
/// let values: Parameters<f64> = [("alpha", strength.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// let w = graph.constant(Tensor::new([2], vec![3.0, 4.0]));
/// let omega = TunedL2(strength.clone()).value(w);
/// let slope = grad(omega, &[strength.raw(&graph)])[0];
/// let found = interpret(&[omega, slope], &[], Some(&values))?;
/// // α/2 ‖w‖²; and as α is e^θ, that is its derivative in θ too.
/// assert!(found.iter().all(|value| (value.item() - 0.25 * 25.0).abs() < 1e-14));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TunedL2(pub Hyperparameter);

impl<T: Real> Penalty<T> for TunedL2 {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        l2_penalty(w, self.0.value(w.graph()))
    }

    /// Never: a logarithm has no 0.
    fn is_zero(&self) -> bool {
        false
    }
}

impl<T: Real> ProximalPenalty<T> for TunedL2 {
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        shrink(v, t * self.0.value(v.graph()))
    }
}

/// The penalty `α ‖w‖₁` whose coefficient is a hyper-parameter.
///
/// In the gradient of the objective it acts by `α sign(w)`; the derivative with respect to `α` is right
/// wherever no weight passes 0 on the way, which [`TunedSmoothL1`] does not ask for. By its [proximal
/// step](crate::ProximalStep) weights are exactly 0 or move with the threshold.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, grad, interpret};
/// use regularize::hyper_gradient::{Hyperparameter, TunedL1};
/// use regularize::{Penalty, ProximalPenalty};
/// let strength = Hyperparameter::positive("alpha", 1.0)?; // θ = 0
/// let values: Parameters<f64> = [("alpha", strength.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// let w = graph.constant(Tensor::new([3], vec![3.0, -2.0, 0.25]));
/// let lasso = TunedL1(strength.clone());
/// let near = lasso.proximal(w, graph.fill([], 0.5)); // the soft threshold at 0.5 α
/// let slope = grad(near.powi(2).sum() * 0.5, &[strength.raw(&graph)])[0];
/// let found = interpret(&[lasso.value(w), near, slope], &[], Some(&values))?;
/// assert_eq!(found[0].item(), 5.25);
/// assert_eq!(found[1].data(), [2.5, -1.5, 0.0]);
/// assert_eq!(found[2].item(), -0.5 * (2.5 + 1.5)); // what is 0 already does not move
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TunedL1(pub Hyperparameter);

impl<T: Real> Penalty<T> for TunedL1 {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        l1_penalty(w, self.0.value(w.graph()))
    }

    /// Never: a logarithm has no 0.
    fn is_zero(&self) -> bool {
        false
    }
}

impl<T: Real> ProximalPenalty<T> for TunedL1 {
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        soft_threshold(v, t * self.0.value(v.graph()))
    }
}

/// The [smooth L1 penalty](smooth_l1_penalty) `α Σ (√(w² + s²) - s)` whose coefficient is a hyper-parameter.
///
/// Trained weights are differentiable in `α` wherever they go, also across 0. The curvature at 0 is `α/s`: where
/// the learning rate times that is above 2, plain gradient descent swings about 0, and derivatives through it grow.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, grad, interpret};
/// use regularize::Penalty;
/// use regularize::hyper_gradient::{Hyperparameter, TunedSmoothL1};
/// let strength = Hyperparameter::positive("alpha", 1.0)?;
/// let values: Parameters<f64> = [("alpha", strength.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// let w = graph.constant(Tensor::new([2], vec![3.0, 0.0]));
/// let omega = TunedSmoothL1::new(strength, 4.0)?.value(w);
/// let found = interpret(&[omega, grad(omega, &[w])[0]], &[], Some(&values))?;
/// assert_eq!(found[0].item(), 5.0 - 4.0);
/// assert!((found[1].data()[0] - 3.0 / 5.0).abs() < 1e-15 && found[1].data()[1] == 0.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TunedSmoothL1 {
    coefficient: Hyperparameter,
    width: f64,
}

impl TunedSmoothL1 {
    /// The penalty with a coefficient `α` and a width `s`: weights much above `s` are shrunk as by
    /// [`TunedL1`], those much below as by [`TunedL2`] with the coefficient `α/s`.
    ///
    /// # Errors
    /// If `width` is not finite and above 0.
    pub fn new(coefficient: Hyperparameter, width: f64) -> Result<TunedSmoothL1, RegularizeError> {
        above_zero("width of the smooth L1 penalty", width)?;
        Ok(TunedSmoothL1 { coefficient, width })
    }

    /// The hyper-parameter.
    pub fn coefficient(&self) -> &Hyperparameter {
        &self.coefficient
    }
}

impl<T: Real> Penalty<T> for TunedSmoothL1 {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        smooth_l1_penalty(w, self.coefficient.value(w.graph()), self.width)
    }

    /// Never: a logarithm has no 0.
    fn is_zero(&self) -> bool {
        false
    }
}

/// Normal noise of a tuned strength on the values that pass: `x + σ n`, with `n` drawn from the stream
/// `NAME.noise`, where NAME is that of the hyper-parameter.
///
/// The parameter is none of the layer's own [parameters](Layer::parameters): the network is trained with it,
/// not by it.
///
/// ```
/// use autograd::{Graph, Parameters, Tensor, grad, interpret};
/// use nn::{Layer, Mode};
/// use regularize::hyper_gradient::{Hyperparameter, TunedNoise};
/// let strength = Hyperparameter::positive("sigma", 1.0)?; // θ = 0
/// let values: Parameters<f64> = [("sigma", strength.initial_value())].into_iter().collect();
/// let graph = Graph::new();
/// let [x, draws] = [[3.0, 5.0], [2.0, -1.0]].map(|v| graph.constant(Tensor::new([2], v.to_vec())));
/// let noise = TunedNoise(strength.clone());
/// let noisy = noise.apply(x, draws);
/// let slope = grad(noisy.powi(2).sum() * 0.5, &[strength.raw(&graph)])[0];
/// let found = interpret(&[noisy, slope], &[], Some(&values))?;
/// assert_eq!(found[0].data(), [5.0, 4.0]);
/// assert_eq!(found[1].item(), 5.0 * 2.0 - 4.0); // y · σ n
/// assert_eq!(noise.forward(x, Mode::Evaluate).id(), x.id());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TunedNoise(pub Hyperparameter);

impl TunedNoise {
    /// `x + σ n` for given draws `n`: a pure function.
    ///
    /// # Panics
    /// If the draws do not broadcast with `x`, or as [`Hyperparameter::raw`].
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, draws: Var<'g, T>) -> Var<'g, T> {
        x + draws * self.0.value(x.graph())
    }
}

impl<T: Real> Layer<T> for TunedNoise {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if !mode.is_stochastic() {
            return x;
        }
        self.apply(x, x.graph().normal(&format!("{}.noise", self.0.name()), x.shape()))
    }
}

#[cfg(test)]
mod tests;
