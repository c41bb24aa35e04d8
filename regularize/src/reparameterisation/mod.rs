//! Reparameterisation: a layer whose weights are a function of what is learned.
//!
//! | | weight of a unit, or of the layer | what it does |
//! |---|---|---|
//! | [`WeightNorm`] | `w = g v / ‖v‖` | length and direction are learned apart |
//! | [`SpectralNorm`] | `W / σ₁(W)` | the layer stretches no vector: its Lipschitz constant is 1 |
//!
//! Each wraps a layer and knows nothing of it: the layer is recorded with its own parameters, and what it
//! recorded is recorded again with the new weights in the place of the old ones
//! ([`substitute`](autograd::substitute())). So any layer with weights can be wrapped; one that
//! [proposes updates](autograd::Graph::propose_update) of its own, as batch normalisation does, cannot, since
//! what it proposed would be that of the weights without the function.
//!
//! ```
//! use nn::{Activation, Layer, Linear, Sequential};
//! use regularize::{SpectralNorm, WeightNorm};
//! let model = Sequential::<f32>::new()
//!     .then(WeightNorm::new(Linear::new("hidden", 64, 32)))
//!     .then(Activation::Relu)
//!     .then(SpectralNorm::new(Linear::new("output", 32, 10)));
//! let names: Vec<_> = model.parameters().into_iter().map(|spec| spec.name).collect();
//! assert_eq!(names, [
//!     "hidden.weight", "hidden.bias", "hidden.weight.gain", "output.weight", "output.bias",
//!     "output.weight.singular",
//! ]);
//! ```

mod spectral_norm;
mod weight_norm;

pub use spectral_norm::{PowerIteration, SpectralNorm, power_iteration, spectrally_normalised};
pub use weight_norm::{WeightNorm, weight_normalised};

use autograd::{Real, Var, substitute};
use nn::{Layer, Mode, ParameterSpec, Role, Selection};

/// What `layer` makes of `x` with `weight(spec, w)` in the place of each selected parameter `w`, and so what it
/// proposes for its running statistics.
///
/// What `x` was made of stays as it is, also where it depends on the same parameters. If every weight stays the
/// variable it was, nothing is recorded beyond the layer.
#[track_caller]
pub(crate) fn with_weights<'g, T: Real>(
    layer: &dyn Layer<T>,
    x: Var<'g, T>,
    mode: Mode,
    selection: &Selection,
    weight: impl Fn(&ParameterSpec, Var<'g, T>) -> Var<'g, T>,
) -> Var<'g, T> {
    let graph = x.graph();
    let (y, proposed) = graph.intercepting_proposals(|| layer.forward(x, mode));
    let mut replacements = Vec::new();
    for spec in layer.parameters().iter().filter(|spec| selection.contains(spec)) {
        let old = spec.declare(graph);
        let new = weight(spec, old);
        if new.id() != old.id() {
            replacements.push((old, new));
        }
    }
    let mut outputs = vec![y];
    outputs.extend(proposed.iter().map(|(_, new)| *new));
    if !replacements.is_empty() {
        // A replaced variable is not looked behind: `x` in its own place ends the walk there.
        replacements.push((x, x));
        outputs = substitute(&outputs, &replacements);
    }
    for ((parameter, _), new) in proposed.into_iter().zip(&outputs[1..]) {
        graph.propose_update(parameter, *new);
    }
    outputs[0]
}

/// The weights that have inputs and outputs.
fn matrices() -> Selection {
    Selection::by("matrices", |spec| spec.role == Role::Weight && spec.shape.rank() >= 2)
}

/// The specifications of a layer's [`matrices`].
fn matrices_of<T: Real>(layer: &dyn Layer<T>) -> Vec<ParameterSpec> {
    layer.parameters().into_iter().filter(|spec| matrices().contains(spec)).collect()
}

#[cfg(test)]
mod tests;
