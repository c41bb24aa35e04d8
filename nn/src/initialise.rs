//! Initial values of parameters: pure functions of seed, parameter name and shape.
//!
//! Each parameter draws from a stream of its own (Philox, keyed by seed and name), so one more layer, or
//! another order of layers, changes no other parameter's value, and a network with dropout starts where the
//! one without it does. Values are drawn in `f64` and rounded once: a model starts from the same point in
//! both precisions.
//!
//! # Why the scale matters
//!
//! For `y = x W` with independent entries, `Var[yⱼ] = fan_in · Var[w] · E[x²]`. Forward signals keep their
//! size if `fan_in · Var[w] · E[x²] = 1`, backward ones if `fan_out · Var[w] = 1` (Goodfellow, Bengio,
//! Courville, *Deep Learning*, section 8.4).
//!
//! | initialiser | standard deviation of an entry | source |
//! |---|---|---|
//! | Xavier | `gain · √(2 / (fan_in + fan_out))` | Glorot and Bengio, AISTATS 2010, equation 16 |
//! | Kaiming | `gain / √fan_in` | He et al., ICCV 2015, equation 10 |
//! | orthogonal, in blocks too | `gain · Q` with orthonormal rows or columns | Saxe, McClelland, Ganguli, ICLR 2014 |
//!
//! A uniform distribution of standard deviation `σ` is the one on `(-√3 σ, √3 σ)`. The gain makes up for
//! what an activation does to `E[x²]`: see [`Activation::gain`](crate::Activation::gain).
//!
//! The fans of a shape: `[in, out]` for a matrix, `[in, field.., out]` for a kernel, where each output sees
//! `in · field` inputs and each input is seen by `out · field` outputs.
//!
//! ```
//! use nn::initialise::{Initialiser, initial_value};
//! let draw = |name| initial_value::<f32>(Initialiser::Kaiming { gain: 2f64.sqrt() }, 7, name, [784, 256].into());
//! assert_eq!(draw("a"), draw("a"));
//! assert_ne!(draw("a"), draw("b"));
//! ```

use crate::layer::Layer;
use crate::parameter::ParameterSpec;
use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Parameters, Real, Shape, Tensor};

mod orthogonal;

/// The distribution of a parameter's initial value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initialiser {
    /// 0 everywhere.
    Zeros,
    /// One number everywhere.
    Constant(f64),
    /// Uniform on `[low, high)`.
    Uniform {
        /// The smallest value.
        low: f64,
        /// The bound above.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        deviation: f64,
    },
    /// Normal with deviation `gain · √(2 / (fan_in + fan_out))`.
    Xavier {
        /// The factor for the activation.
        gain: f64,
    },
    /// Uniform with deviation `gain · √(2 / (fan_in + fan_out))`.
    XavierUniform {
        /// The factor for the activation.
        gain: f64,
    },
    /// Normal with deviation `gain / √fan_in`.
    Kaiming {
        /// The factor for the activation.
        gain: f64,
    },
    /// Uniform with deviation `gain / √fan_in`.
    KaimingUniform {
        /// The factor for the activation.
        gain: f64,
    },
    /// `gain` times a matrix with orthonormal columns, or rows if there are fewer of them, uniform among
    /// all such matrices. A kernel is the matrix `[in · field, out]`.
    Orthogonal {
        /// The factor for the activation.
        gain: f64,
    },
    /// `blocks` matrices of [`Initialiser::Orthogonal`], side by side along the last axis: the weights of
    /// several gates in one parameter.
    OrthogonalBlocks {
        /// The factor for the activation.
        gain: f64,
        /// How many matrices; it divides the last axis.
        blocks: usize,
    },
}

/// Initial values of all parameters of a layer or network.
///
/// ```
/// use nn::{Activation, Sequential, initialise};
/// let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
/// let parameters = initialise(&model, 7);
/// assert_eq!(parameters.numel(), 64 * 32 + 32 + 32 * 10 + 10);
/// assert!(parameters["linear1.bias"].data().iter().all(|&b| b == 0.0));
/// ```
pub fn initialise<T: Real>(layer: &dyn Layer<T>, seed: u64) -> Parameters<T> {
    initialise_parameters(&layer.parameters(), seed)
}

/// Initial values of a list of parameters.
pub fn initialise_parameters<T: Real>(specs: &[ParameterSpec], seed: u64) -> Parameters<T> {
    let mut parameters = Parameters::new();
    for spec in specs {
        parameters.insert(&spec.name, initial_value(spec.initialiser, seed, &spec.name, spec.shape));
    }
    parameters
}

/// Adds the initial value of each of an optimiser's slots that is not there yet. Slots draw nothing, so no
/// seed is asked for.
pub(crate) fn initialise_missing<T: Real>(state: &[ParameterSpec], parameters: &mut Parameters<T>) {
    for spec in state {
        if parameters.get(&spec.name).is_none() {
            parameters.insert(&spec.name, initial_value(spec.initialiser, 0, &spec.name, spec.shape));
        }
    }
}

/// The initial value of one parameter.
pub fn initial_value<T: Real>(initialiser: Initialiser, seed: u64, name: &str, shape: Shape) -> Tensor<T> {
    // Named apart from a random node's stream, which may have the parameter's name.
    let stream = Stream::new(seed, stream_of_name(&format!("initial value of {name}")), 0);
    let draw = |fill: fn(&Stream, u64, &mut [f64])| {
        let mut values = vec![0.0; shape.numel()];
        fill(&stream, 0, &mut values);
        values
    };
    let uniform = |low: f64, high: f64| {
        let mut values = draw(Stream::fill_uniform);
        values.iter_mut().for_each(|value| *value = low + (high - low) * *value);
        values
    };
    let normal = |mean: f64, deviation: f64| {
        let mut values = draw(Stream::fill_normal);
        values.iter_mut().for_each(|value| *value = mean + deviation * *value);
        values
    };
    let (fan_in, fan_out) = fans(shape);
    let xavier = (2.0 / (fan_in + fan_out)).sqrt();
    let kaiming = fan_in.sqrt().recip();
    // The variance of the uniform distribution on (-a, a) is a²/3.
    let centred = |deviation: f64| uniform(-3f64.sqrt() * deviation, 3f64.sqrt() * deviation);
    let values = match initialiser {
        Initialiser::Zeros => vec![0.0; shape.numel()],
        Initialiser::Constant(value) => vec![value; shape.numel()],
        Initialiser::Uniform { low, high } => uniform(low, high),
        Initialiser::Normal { mean, deviation } => normal(mean, deviation),
        Initialiser::Xavier { gain } => normal(0.0, gain * xavier),
        Initialiser::XavierUniform { gain } => centred(gain * xavier),
        Initialiser::Kaiming { gain } => normal(0.0, gain * kaiming),
        Initialiser::KaimingUniform { gain } => centred(gain * kaiming),
        Initialiser::Orthogonal { gain } => orthogonal(&draw(Stream::fill_normal), shape, gain, 1),
        Initialiser::OrthogonalBlocks { gain, blocks } => {
            orthogonal(&draw(Stream::fill_normal), shape, gain, blocks)
        }
    };
    Tensor::new(shape, values.into_iter().map(T::from_f64).collect())
}

/// `gain` times `blocks` orthonormal matrices side by side, each from its share of the `normals`.
fn orthogonal(normals: &[f64], shape: Shape, gain: f64, blocks: usize) -> Vec<f64> {
    let columns = shape.lengths().last().copied().unwrap_or(1);
    assert!(blocks > 0 && columns % blocks == 0, "{blocks} blocks do not divide the last axis of {shape}");
    let (rows, width) = (fan_rows(shape, columns), columns / blocks);
    let mut values = vec![0.0; normals.len()];
    for block in 0..blocks {
        let share = normals[block * rows * width..][..rows * width].to_vec();
        let matrix = orthogonal::orthonormal(share, rows, width);
        for row in 0..rows {
            for column in 0..width {
                values[row * columns + block * width + column] = gain * matrix[row * width + column];
            }
        }
    }
    values
}

/// The number of rows of a shape seen as a matrix with `columns` columns.
fn fan_rows(shape: Shape, columns: usize) -> usize {
    shape.numel().checked_div(columns).unwrap_or(0)
}

/// `(fan_in, fan_out)` of `[in, field.., out]`; at least one each, so that an empty shape has finite scales.
/// A vector is one row, `[1, out]`.
fn fans(shape: Shape) -> (f64, f64) {
    let lengths = shape.lengths();
    let (inputs, field, outputs) = match lengths {
        [] => (1, 1, 1),
        [outputs] => (1, 1, *outputs),
        [inputs, field @ .., outputs] => (*inputs, field.iter().product(), *outputs),
    };
    ((inputs * field).max(1) as f64, (outputs * field).max(1) as f64)
}

#[cfg(test)]
mod tests;
