//! Parameter tying and sharing: weights that are close to each other, or one and the same (*Deep Learning*,
//! section 7.9).
//!
//! | | what holds | how |
//! |---|---|---|
//! | soft sharing | `w_A ≈ w_B` | a penalty `β/2 ‖w_A - w_B‖²`: [`SoftSharing`] |
//! | tying | `w_A = w_B` | one parameter for both: [`tie`], [`Tied`] |
//! | convolution | a matrix of which most entries are 0 and all others are entries of one small kernel | [`tied_dense`] |
//!
//! What is tied has one value in memory, and its gradient is the sum of the gradients of its copies. Soft
//! sharing becomes tying as `β → ∞`.
//!
//! Layers that are given the same name declare the same parameters and are tied by that alone; a
//! [transposed layer](nn::Linear::transposed) has the weights of another. What is here ties what has names of
//! its own.
//!
//! ```
//! use autograd::{Graph, Var};
//! use nn::{Layer, Linear, Mode};
//! use regularize::Tied;
//! // Two towers with one set of weights, each with a bias of its own.
//! let left = Linear::new("left", 8, 4);
//! let right = Tied::new::<f32>(Linear::new("right", 8, 4), &[("right.weight", "left.weight")])?;
//! let names: Vec<_> = Layer::<f32>::parameters(&right).into_iter().map(|spec| spec.name).collect();
//! assert_eq!(names, ["left.weight", "right.bias"]);
//! let graph = Graph::<f32>::new();
//! let x = graph.input("x", [2, 8]);
//! let both: Var<'_, f32> = left.forward(x, Mode::Train) + right.forward(x, Mode::Train);
//! assert_eq!(both.shape().lengths(), [2, 4]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

mod convolution;
mod soft;
mod tied;

pub use convolution::tied_dense;
pub use soft::{SoftSharing, soft_sharing_penalty};
pub use tied::{Tied, tie};

#[cfg(test)]
mod tests;
