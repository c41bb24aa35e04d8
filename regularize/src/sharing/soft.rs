//! Soft sharing: a penalty on the distance of two parameters.

use crate::error::{RegularizeError, at_least_zero, listed};
use crate::penalty::check_coefficient;
use autograd::{Graph, Real, Var};
use nn::{ParameterSpec, Selection};

/// `β/2 ‖w_A - w_B‖²` between the parameters of two parts of a network (*Deep Learning*, section 7.9; Lasserre,
/// Bishop, Minka, CVPR 2006).
///
/// Two tasks that resemble each other have weights that do; the penalty lets each learn from the other's data.
/// The gradients are `β (w_A - w_B)` and its opposite: the mean of the two is not moved. At a minimum their distance
/// is at most the difference of what the losses pull with, over `2 β`: for `β → ∞` they are tied.
///
/// ```
/// use nn::{Layer, Sequential};
/// use regularize::SoftSharing;
/// let part = |name| Sequential::<f32>::with_prefix(name).linear(8, 2).parameters();
/// let parameters = [part("cats"), part("dogs")].concat();
/// let sharing = SoftSharing::new(0.1)?.between("cats.", "dogs.");
/// assert_eq!(sharing.pairs(&parameters)?.len(), 2); // the weights and the biases
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SoftSharing {
    beta: f64,
    parts: Vec<(String, String)>,
}

impl SoftSharing {
    /// The penalty with coefficient `beta`, between nothing yet.
    ///
    /// # Errors
    /// If `beta` is negative or not finite.
    pub fn new(beta: f64) -> Result<SoftSharing, RegularizeError> {
        Ok(SoftSharing { beta: at_least_zero("soft sharing coefficient", beta)?, parts: Vec::new() })
    }

    /// The same, also between each parameter whose name begins with `a` and the one whose name has `b` in the
    /// place of `a`. Whole names choose one pair.
    pub fn between(mut self, a: &str, b: &str) -> SoftSharing {
        self.parts.push((a.into(), b.into()));
        self
    }

    /// The pairs among `parameters`.
    ///
    /// # Errors
    /// [`RegularizeError::SelectsNothing`] if no name begins with the first of two prefixes,
    /// [`RegularizeError::MissingParameter`] if one has no counterpart, [`RegularizeError::NotAlike`] if that is
    /// of another shape.
    pub fn pairs<'p>(
        &self,
        parameters: &'p [ParameterSpec],
    ) -> Result<Vec<(&'p ParameterSpec, &'p ParameterSpec)>, RegularizeError> {
        let learned: Vec<_> = parameters.iter().filter(|spec| Selection::all().contains(spec)).collect();
        let mut pairs = Vec::new();
        for (a, b) in &self.parts {
            RegularizeError::unless_selected(&Selection::named(a), parameters)?;
            for &spec in &learned {
                let Some(rest) = spec.name.strip_prefix(a.as_str()) else { continue };
                let name = format!("{b}{rest}");
                let Some(other) = learned.iter().find(|other| other.name == name) else {
                    let known = listed(parameters.iter().map(|spec| spec.name.as_str()));
                    return Err(RegularizeError::MissingParameter { name, known });
                };
                RegularizeError::unless_alike(spec, other)?;
                pairs.push((spec, *other));
            }
        }
        Ok(pairs)
    }

    /// The sum over all pairs, a scalar: what a training reports beside the loss. `None` if `β` is 0 or there is
    /// no pair.
    ///
    /// # Panics
    /// If [`SoftSharing::pairs`] is an error.
    #[track_caller]
    pub fn value<'g, T: Real>(
        &self,
        graph: &'g Graph<T>,
        parameters: &[ParameterSpec],
    ) -> Option<Var<'g, T>> {
        let pairs = match self.pairs(parameters) {
            Ok(pairs) => pairs,
            Err(error) => panic!("{error}"),
        };
        if self.beta == 0.0 || pairs.is_empty() {
            return None;
        }
        let beta = graph.fill([], self.beta);
        let values =
            pairs.iter().map(|(a, b)| soft_sharing_penalty(a.declare(graph), b.declare(graph), beta));
        values.reduce(|sum, value| sum + value)
    }

    /// `J + β/2 Σ ‖w_A - w_B‖²`, a scalar. With `β = 0`, the variable `objective` itself.
    ///
    /// # Panics
    /// As [`SoftSharing::value`].
    ///
    /// ```
    /// use autograd::{Graph, Parameters, Tensor, interpret};
    /// use nn::{Layer, Linear};
    /// use regularize::SoftSharing;
    /// let part = |name| Layer::<f64>::parameters(&Linear::new(name, 2, 1).without_bias());
    /// let parameters = [part("cats"), part("dogs")].concat();
    /// let graph = Graph::new();
    /// let sharing = SoftSharing::new(0.5)?.between("cats.", "dogs.");
    /// let objective = sharing.added_to(graph.fill([], 1.0), &parameters);
    /// let [cats, dogs] = [vec![3.0, 0.0], vec![1.0, 4.0]].map(|w| Tensor::new([2, 1], w));
    /// let values: Parameters<f64> = [("cats.weight", cats), ("dogs.weight", dogs)].into_iter().collect();
    /// assert_eq!(interpret(&[objective], &[], Some(&values))?[0].item(), 1.0 + 0.25 * (4.0 + 16.0));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn added_to<'g, T: Real>(&self, objective: Var<'g, T>, parameters: &[ParameterSpec]) -> Var<'g, T> {
        match self.value(objective.graph(), parameters) {
            Some(value) => objective + value,
            None => objective,
        }
    }
}

/// `β/2 ‖a - b‖²`, a scalar, for two variables of one shape and a scalar `β`.
///
/// With a constant `b`, a network that was trained before, it keeps a second training near the first.
///
/// # Panics
/// If the shapes differ, or `beta` is no scalar.
///
/// ```
/// use autograd::{Graph, Tensor, grad, interpret};
/// use regularize::sharing::soft_sharing_penalty;
/// let graph = Graph::<f64>::new();
/// let [a, b] = [[3.0, 1.0], [1.0, 1.0]].map(|w| graph.constant(Tensor::new([2], w.to_vec())));
/// let penalty = soft_sharing_penalty(a, b, graph.fill([], 0.5));
/// let slopes = grad(penalty, &[a, b]);
/// let found = interpret(&[penalty, slopes[0], slopes[1]], &[], None)?;
/// assert_eq!(found[0].item(), 0.25 * 4.0);
/// assert_eq!((found[1].data(), found[2].data()), (&[1.0, 0.0][..], &[-1.0, 0.0][..])); // ± β (a - b)
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn soft_sharing_penalty<'g, T: Real>(a: Var<'g, T>, b: Var<'g, T>, beta: Var<'g, T>) -> Var<'g, T> {
    check_coefficient("soft_sharing_penalty", beta);
    let (left, right) = (a.shape(), b.shape());
    assert!(left == right, "soft_sharing_penalty: {left} and {right} are not alike");
    (a - b).norm_squared() * (beta * 0.5)
}
