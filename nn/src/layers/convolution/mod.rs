//! Convolution of images and sequences, and its adjoint.
//!
//! | layer | input | output |
//! |---|---|---|
//! | [`Convolution`] | `[n, in, h, w]` | `[n, out, oh, ow]` |
//! | [`Convolution1d`] | `[n, in, length]` | `[n, out, olength]` |
//! | [`TransposedConvolution`] | `[n, in, h, w]` | `[n, out, oh, ow]`, larger |
//!
//! A convolution is one matrix product for each image (and group of channels), with the image's windows as the
//! columns of one factor ([`Var::unfold`]). Its adjoint is the product with the matrix transposed, whose columns
//! are then added back into an image ([`Var::fold`]).
//!
//! # Groups
//!
//! With `g` groups the `in` and the `out` channels are divided into `g` runs of neighbours, and the outputs of
//! one run see the inputs of the same run only: `g` convolutions beside each other, with `1 / g` of the weights
//! and products (Krizhevsky, Sutskever, Hinton, NIPS 2012). As many groups as channels is depthwise convolution.

mod one_dimensional;
mod transposed;
mod two_dimensional;

pub use one_dimensional::Convolution1d;
pub use transposed::TransposedConvolution;
pub use two_dimensional::Convolution;

use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Real, Shape, Var};

/// What is learned by a convolution of any kind: `NAME.weight`, `[in / g, field.., out]`, and `NAME.bias`,
/// `[out]`. The groups are runs of neighbours on the axis of outputs.
#[derive(Debug, Clone, PartialEq)]
struct Kernel {
    name: String,
    inputs: usize,
    outputs: usize,
    /// The lengths of a window.
    field: Shape,
    groups: usize,
    bias: bool,
    initialiser: Initialiser,
}

impl Kernel {
    fn new(name: &str, inputs: usize, outputs: usize, field: impl Into<Shape>) -> Kernel {
        let initialiser = Initialiser::Kaiming { gain: std::f64::consts::SQRT_2 };
        let name = name.to_string();
        Kernel { name, inputs, outputs, field: field.into(), groups: 1, bias: true, initialiser }
    }

    #[track_caller]
    fn with_groups(self, groups: usize) -> Kernel {
        let Kernel { name, inputs, outputs, .. } = &self;
        assert!(
            groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups),
            "the convolution `{name}`: {inputs} input and {outputs} output channels do not divide into {groups} \
             groups"
        );
        Kernel { groups, ..self }
    }

    fn weight(&self) -> ParameterSpec {
        let lengths = [&[self.inputs / self.groups], self.field.lengths(), &[self.outputs]].concat();
        ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: Shape::new(&lengths),
            role: Role::Weight,
            initialiser: self.initialiser,
        }
    }

    fn bias(&self) -> Option<ParameterSpec> {
        self.bias.then(|| ParameterSpec {
            name: format!("{}.bias", self.name),
            shape: [self.outputs].into(),
            role: Role::Bias,
            initialiser: Initialiser::Zeros,
        })
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        [self.weight()].into_iter().chain(self.bias()).collect()
    }

    /// The maps of `x`'s windows, given as columns `[n, in · field, positions]`: `[n, out, positions]`.
    fn apply<'g, T: Real>(&self, columns: Var<'g, T>) -> Var<'g, T> {
        let weight = self.weight().declare(columns.graph());
        let (inputs, outputs) = (self.inputs * self.field.numel(), self.outputs);
        if self.groups == 1 {
            return weight.reshape([inputs, outputs]).matmul_transposed(columns, true, false);
        }
        let (g, n, positions) = (self.groups, columns.shape()[0], columns.shape()[2]);
        // One small product for each image and group, all in one batch.
        let kernels = weight.reshape([inputs / g, g, outputs / g]).permute(&[1, 0, 2]);
        let columns = columns.reshape([n, g, inputs / g, positions]);
        kernels.matmul_transposed(columns, true, false).reshape([n, outputs, positions])
    }

    /// The adjoint: columns `[n, out · field, positions]` from `x` of shape `[n, in, positions]`.
    fn apply_adjoint<'g, T: Real>(&self, x: Var<'g, T>) -> Var<'g, T> {
        let weight = self.weight().declare(x.graph());
        let (g, n, positions) = (self.groups, x.shape()[0], x.shape()[2]);
        let (inputs, outputs, area) = (self.inputs / g, self.outputs / g, self.field.numel());
        let kernels = weight.reshape([inputs, area, g, outputs]).permute(&[2, 0, 3, 1]);
        let kernels = kernels.reshape([g, inputs, outputs * area]);
        let columns = kernels.matmul_transposed(x.reshape([n, g, inputs, positions]), true, false);
        columns.reshape([n, self.outputs * area, positions])
    }

    /// `y` of shape `[n, out, ..]` with the bias added to each channel.
    fn add_bias<'g, T: Real>(&self, y: Var<'g, T>) -> Var<'g, T> {
        let Some(bias) = self.bias() else { return y.named(&self.name) };
        let ones = vec![1; y.shape().rank() - 2];
        let column = bias.declare(y.graph()).reshape([&[self.outputs], &ones[..]].concat().as_slice());
        (y + column).named(&self.name)
    }
}

#[cfg(test)]
mod tests;
