//! A layer at other weights than its own.

use autograd::{Real, Var, substitute};
use nn::{Layer, Mode, ParameterSpec, Selection};

/// `layer.forward(x, mode)` with each selected parameter `w` replaced by `of(spec, w)`.
///
/// What `x` was made of stays as it is, also where it depends on the same parameters.
pub(crate) fn forward_with<'g, T: Real>(
    layer: &dyn Layer<T>,
    x: Var<'g, T>,
    mode: Mode,
    selection: &Selection,
    of: impl Fn(&ParameterSpec, Var<'g, T>) -> Var<'g, T>,
) -> Var<'g, T> {
    let y = layer.forward(x, mode);
    let specs = layer.parameters();
    let mut replacements = Vec::new();
    for spec in specs.iter().filter(|spec| selection.contains(spec)) {
        let weight = spec.declare(x.graph());
        let other = of(spec, weight);
        if other.id() != weight.id() {
            replacements.push((weight, other));
        }
    }
    if replacements.is_empty() {
        return y;
    }
    // A replaced variable is not looked behind: `x` in its own place ends the walk there.
    replacements.push((x, x));
    substitute(&[y], &replacements)[0]
}
