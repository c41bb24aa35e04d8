//! What is known of a parameter before it has a value, and choosing some of them.
//!
//! A penalty or a decay rarely means every parameter: biases are left out (Goodfellow, Bengio, Courville,
//! *Deep Learning*, section 7.1). A [`Selection`] says which ones are meant, by role or name, and turns them
//! into variables of a graph.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Activation, Layer, Selection, Sequential};
//! let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
//! let graph = Graph::<f32>::new();
//! let weights = Selection::weights().variables(&graph, &model.parameters());
//! let l2 = weights.iter().map(|w| w.norm_squared()).reduce(|a, b| a + b).unwrap();
//! assert_eq!(weights.len(), 2);
//! assert_eq!(Selection::weights().and(Selection::named("linear1.")).names(&model.parameters()), ["linear1.weight"]);
//! ```

use crate::initialise::Initialiser;
use autograd::{Graph, Real, Shape, Var};
use std::fmt;
use std::sync::Arc;

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A factor on inputs: the entries of a matrix or a kernel.
    Weight,
    /// An offset added to outputs.
    Bias,
    /// The scale or the offset of a normalisation: adjusts a distribution that the data had lost, and is
    /// usually left out of penalties and decay, as biases are.
    Norm,
    /// A coefficient of the objective that validation data tune by an optimiser of its own, and that is no
    /// part of the network: its strength of decay, its rate of dropout.
    Hyperparameter,
    /// The memory of an optimiser, or a running statistic: never differentiated, never decayed.
    State,
}

/// A parameter without its value.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// The name under which it is declared on graphs and kept in [`Parameters`](autograd::Parameters).
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// What it is for.
    pub role: Role,
    /// The distribution of its initial value.
    pub initialiser: Initialiser,
}

impl ParameterSpec {
    /// The parameter as a variable of `graph`.
    ///
    /// # Panics
    /// If the graph has the name for something else, or for another shape.
    #[track_caller]
    pub fn declare<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        graph.parameter(&self.name, self.shape)
    }

    /// What is left of the name behind that of a part of a network, with its point; empty for the parameter of that
    /// name itself. Names are made of parts, and parts are whole: `linear10.weight` is not within `linear1`.
    ///
    /// ```
    /// use nn::{Initialiser, ParameterSpec, Role};
    /// let spec = |name: &str| ParameterSpec {
    ///     name: name.into(), shape: [2].into(), role: Role::Weight, initialiser: Initialiser::Zeros,
    /// };
    /// assert_eq!(spec("a.linear1.weight").within("a.linear1"), Some(".weight"));
    /// assert_eq!(spec("a.linear1.weight").within("a."), Some("linear1.weight"));
    /// assert_eq!(spec("a.linear1.weight").within("a.linear"), None);
    /// ```
    pub fn within(&self, part: &str) -> Option<&str> {
        let rest = self.name.strip_prefix(part)?;
        let whole = rest.is_empty() || rest.starts_with('.') || part.is_empty() || part.ends_with('.');
        whole.then_some(rest)
    }
}

/// The parameters of several layers as one list. A name that comes again is the same parameter.
///
/// # Panics
/// If a name comes again with another shape, role or initialiser: that is no tying but a collision.
#[track_caller]
pub fn merge_parameters(lists: impl IntoIterator<Item = Vec<ParameterSpec>>) -> Vec<ParameterSpec> {
    let mut merged: Vec<ParameterSpec> = Vec::new();
    for spec in lists.into_iter().flatten() {
        match merged.iter().find(|earlier| earlier.name == spec.name) {
            None => merged.push(spec),
            Some(earlier) => assert!(
                *earlier == spec,
                "two layers declare the parameter `{}` differently: {} {:?}, {} {:?}",
                spec.name,
                earlier.shape,
                earlier.initialiser,
                spec.shape,
                spec.initialiser,
            ),
        }
    }
    merged
}

/// A choice among parameters.
#[derive(Clone)]
pub struct Selection {
    /// How the choice is printed.
    description: String,
    chooses: Arc<dyn Fn(&ParameterSpec) -> bool + Send + Sync>,
}

impl Selection {
    /// The parameters for which `chooses` holds; `description` is what a listing says.
    pub fn by(
        description: &str,
        chooses: impl Fn(&ParameterSpec) -> bool + Send + Sync + 'static,
    ) -> Selection {
        Selection { description: description.into(), chooses: Arc::new(chooses) }
    }

    /// Every weight, bias, and scale or offset of a normalisation: all that is learned.
    pub fn all() -> Selection {
        Selection::by("all", |spec| spec.role != Role::State)
    }

    /// The weights: what penalties usually mean.
    pub fn weights() -> Selection {
        Selection::by("weights", |spec| spec.role == Role::Weight)
    }

    /// The biases.
    pub fn biases() -> Selection {
        Selection::by("biases", |spec| spec.role == Role::Bias)
    }

    /// The scales and offsets of normalisations.
    pub fn norms() -> Selection {
        Selection::by("norms", |spec| spec.role == Role::Norm)
    }

    /// Those of [`Selection::all`] of this name, or in the [part](ParameterSpec::within) of a network of this name:
    /// `linear1` chooses `linear1.weight` and `linear1.bias`, and not `linear10.weight`.
    pub fn named(part: &str) -> Selection {
        let owned = part.to_string();
        Selection::by(&format!("named {part}"), move |spec| {
            spec.role != Role::State && spec.within(&owned).is_some()
        })
    }

    /// What both choose.
    pub fn and(self, other: Selection) -> Selection {
        let description = format!("{} and {}", self.description, other.description);
        Selection::by(&description, move |spec| self.contains(spec) && other.contains(spec))
    }

    /// What this one chooses and `other` does not.
    pub fn except(self, other: Selection) -> Selection {
        let description = format!("{} except {}", self.description, other.description);
        Selection::by(&description, move |spec| self.contains(spec) && !other.contains(spec))
    }

    /// Whether a parameter is chosen.
    pub fn contains(&self, spec: &ParameterSpec) -> bool {
        (self.chooses)(spec)
    }

    /// The names of those chosen, in order.
    pub fn names(&self, specs: &[ParameterSpec]) -> Vec<String> {
        specs.iter().filter(|spec| self.contains(spec)).map(|spec| spec.name.clone()).collect()
    }

    /// Those chosen as variables of `graph`, in order.
    ///
    /// # Panics
    /// As [`ParameterSpec::declare`].
    #[track_caller]
    pub fn variables<'g, T: Real>(&self, graph: &'g Graph<T>, specs: &[ParameterSpec]) -> Vec<Var<'g, T>> {
        let mut chosen = Vec::new();
        // A loop: a closure would not pass the caller's line on.
        for spec in specs.iter().filter(|spec| self.contains(spec)) {
            chosen.push(spec.declare(graph));
        }
        chosen
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({})", self.description)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, role: Role) -> ParameterSpec {
        ParameterSpec { name: name.into(), shape: [2, 3].into(), role, initialiser: Initialiser::Zeros }
    }

    #[test]
    fn selections_choose_by_role_and_name() {
        let specs = [
            spec("a.weight", Role::Weight),
            spec("a.bias", Role::Bias),
            spec("b.weight", Role::Weight),
            spec("c.scale", Role::Norm),
            spec("c.running_mean", Role::State),
            spec("a.weight/velocity", Role::State),
        ];
        let names = |selection: Selection| selection.names(&specs).join(" ");
        assert_eq!(names(Selection::all()), "a.weight a.bias b.weight c.scale");
        assert_eq!(names(Selection::weights()), "a.weight b.weight");
        assert_eq!(names(Selection::biases()), "a.bias");
        assert_eq!(names(Selection::norms()), "c.scale");
        assert_eq!(names(Selection::named("a.")), "a.weight a.bias");
        assert_eq!(names(Selection::all().except(Selection::named("a."))), "b.weight c.scale");
        assert_eq!(names(Selection::named("a.").and(Selection::weights())), "a.weight");
        assert_eq!(names(Selection::named("a")), "a.weight a.bias");
        assert_eq!(names(Selection::named("b.weight")), "b.weight");
        assert_eq!(names(Selection::named("b.w")), "");
        assert_eq!(names(Selection::named("")), names(Selection::all()));
        let shown = Selection::weights().except(Selection::named("b"));
        assert_eq!(shown.to_string(), "weights except named b");
        assert_eq!(format!("{shown:?}"), "Selection(weights except named b)");
    }

    #[test]
    fn the_same_name_is_one_parameter() {
        let tied = merge_parameters([vec![spec("w", Role::Weight)], vec![spec("w", Role::Weight)]]);
        assert_eq!(tied, [spec("w", Role::Weight)]);
    }

    #[test]
    #[should_panic(expected = "two layers declare the parameter `w` differently")]
    fn a_name_for_two_shapes_is_refused() {
        let other = ParameterSpec { shape: [3, 2].into(), ..spec("w", Role::Weight) };
        merge_parameters([vec![spec("w", Role::Weight)], vec![other]]);
    }
}
