//! Group normalisation.

use super::{EPSILON, Scaling, channel_shape, check_epsilon, standardise};
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::ParameterSpec;
use autograd::{Real, Shape, Var};

/// `y = γ (x - μ) / √(σ² + ε) + β`, with one mean `μ` and one variance `σ²` for each example and each group of
/// neighbouring channels: `x` and `y` are `[n, c, ..]`, `γ` and `β` are `[c]` (Wu and He, ECCV 2018, equations
/// 1, 2 and 7).
///
/// No example depends on another, so that training and evaluation are the same function and a batch may be as
/// small as one. Two cases have names of their own: one group is layer normalisation over all channels and
/// pixels; as many groups as channels is instance normalisation (Ulyanov, Vedaldi, Lempitsky, arXiv 1607.08022).
///
/// The parameters are `NAME.scale` (`γ`, starts at 1) and `NAME.offset` (`β`, 0), of role
/// [`Norm`](crate::Role::Norm).
///
/// ```
/// use autograd::Graph;
/// use nn::{GroupNorm, Layer, Mode};
/// let graph = Graph::<f32>::new();
/// let maps = graph.input("x", [32, 16, 8, 8]);
/// assert_eq!(GroupNorm::new("norm", 4, 16).forward(maps, Mode::Train).shape(), maps.shape());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GroupNorm {
    name: String,
    groups: usize,
    channels: usize,
    epsilon: f64,
    scaling: Scaling,
}

impl GroupNorm {
    /// A normalisation of `channels` channels in `groups` groups of equal size.
    ///
    /// # Panics
    /// If the channels do not divide into so many groups.
    #[track_caller]
    pub fn new(name: &str, groups: usize, channels: usize) -> GroupNorm {
        assert!(
            groups > 0 && channels.is_multiple_of(groups),
            "GroupNorm `{name}`: {channels} channels do not divide into {groups} groups"
        );
        let scaling = Scaling::new(name, [channels].into());
        GroupNorm { name: name.into(), groups, channels, epsilon: EPSILON, scaling }
    }

    /// The same with another `ε`, 1e-5 by default.
    ///
    /// # Panics
    /// If `epsilon` is not above 0 and finite.
    #[track_caller]
    pub fn with_epsilon(self, epsilon: f64) -> GroupNorm {
        GroupNorm { epsilon: check_epsilon("GroupNorm", epsilon), ..self }
    }

    /// The same without `γ` and `β`.
    pub fn without_scaling(self) -> GroupNorm {
        GroupNorm { scaling: Scaling::none(), ..self }
    }
}

impl<T: Real> Layer<T> for GroupNorm {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let shape = match Layer::<T>::output_shape(self, x.shape()) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        };
        let width = shape.lengths()[1..].iter().product::<usize>() / self.groups;
        let groups = x.reshape([shape[0], self.groups, width]);
        let y = standardise(groups, &[-1], self.epsilon).value.reshape(shape);
        self.scaling.apply(y, channel_shape(shape)).named(&self.name)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.scaling.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        match input.lengths() {
            [_, channels, ..] if *channels == self.channels => Ok(input),
            _ => Err(LayerShapeError {
                layer: format!("the group normalisation `{}`", self.name),
                expected: format!("[n, {}, ..]", self.channels),
                given: input,
            }),
        }
    }
}
