//! What a chain of transforms begins with.

use super::HyperparameterError;
use crate::parameter::ParameterSpec;
use autograd::{Real, Var, grad};
use std::fmt::Debug;

/// How the first updates of a chain are made of a loss, where that is not simply its gradient.
///
/// A [`Transform`](super::Transform) sees updates; it cannot know the loss at other parameters. A rule of
/// gradients has the loss itself, as an expression: it may take the gradient elsewhere
/// ([`substitute`](autograd::substitute())), or the gradients of several terms. Everything that it records
/// is part of the one plan of the step. [`Optimiser::with_gradients`](super::Optimiser::with_gradients) puts
/// one in front of any chain, and so under any [`Trainer`](crate::Trainer).
///
/// ```
/// use autograd::{Real, Var, grad, substitute};
/// use nn::optimise::GradientRule;
/// use nn::{Optimiser, ParameterSpec};
///
/// /// The gradient one step of length 0.1 further down.
/// #[derive(Debug)]
/// struct Ahead;
///
/// impl<T: Real> GradientRule<T> for Ahead {
///     fn gradients<'g>(&self, loss: Var<'g, T>, parameters: &[(&ParameterSpec, Var<'g, T>)]) -> Vec<Var<'g, T>> {
///         let here: Vec<_> = parameters.iter().map(|&(_, w)| w).collect();
///         let gradients = grad(loss, &here);
///         let moved: Vec<_> = here.iter().zip(&gradients).map(|(&w, &g)| (w, w - g * 0.1)).collect();
///         substitute(&gradients, &moved)
///     }
/// }
/// let optimiser = Optimiser::<f32>::adam(1e-3).with_gradients(Ahead);
/// # let _ = optimiser;
/// ```
pub trait GradientRule<T: Real>: Debug + Send + Sync {
    /// One gradient for each parameter, in order and of its shape.
    ///
    /// # Panics
    /// As [`grad`](autograd::grad()).
    fn gradients<'g>(&self, loss: Var<'g, T>, parameters: &[(&ParameterSpec, Var<'g, T>)])
    -> Vec<Var<'g, T>>;

    /// Whether the rule's numbers make sense.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first that does not.
    fn check(&self) -> Result<(), HyperparameterError> {
        Ok(())
    }
}

/// The gradient of the loss: what an optimiser begins with unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlainGradient;

impl<T: Real> GradientRule<T> for PlainGradient {
    #[track_caller]
    fn gradients<'g>(
        &self,
        loss: Var<'g, T>,
        parameters: &[(&ParameterSpec, Var<'g, T>)],
    ) -> Vec<Var<'g, T>> {
        let variables: Vec<_> = parameters.iter().map(|&(_, variable)| variable).collect();
        grad(loss, &variables)
    }
}
