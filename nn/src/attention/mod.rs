//! Attention: a weighted mean of values, the weights found by comparing a query with keys (Goodfellow,
//! Bengio, Courville, *Deep Learning*, section 12.4.5.1; Vaswani et al., NIPS 2017).
//!
//! | item | what |
//! |---|---|
//! | [`scaled_dot_product`] | `softmax(Q Kᵀ / √d) V`, masked |
//! | [`causal_mask`], [`length_mask`](crate::sequence::length_mask) | who may see whom |
//! | [`MultiHeadAttention`] | several of them side by side, over one sequence |
//! | [`SinusoidalPositions`], [`LearnedPositions`] | where in the sequence something stands: attention itself does not know |
//! | [`TransformerBlock`] | attention and a network for each step, with shortcuts and normalisation |
//!
//! Sequences are `[n, time, width]`. Every layer here takes and gives that shape, so that
//! [`Sequential`](crate::Sequential) stacks them.
//!
//! ```
//! use autograd::Graph;
//! use nn::attention::{LearnedPositions, MultiHeadAttention, TransformerBlock};
//! use nn::{Activation, Layer, Linear, Mode, Sequential};
//! let feed_forward = Sequential::with_prefix("block").linear(16, 64).then(Activation::Gelu).linear(64, 16);
//! let attention = MultiHeadAttention::new("attention", 16, 4).causal();
//! let model = Sequential::<f32>::new()
//!     .then(Linear::new("embedding", 8, 16))
//!     .then(LearnedPositions::new("positions", 12, 16))
//!     .then(TransformerBlock::new(attention, feed_forward))
//!     .then(Linear::new("output", 16, 10));
//! let graph = Graph::new();
//! let logits = model.forward(graph.input("x", [5, 12, 8]), Mode::Train);
//! assert_eq!(logits.shape().lengths(), [5, 12, 10]);
//! ```

mod block;
mod dot_product;
mod multi_head;
mod position;

pub use block::{NormPlace, TransformerBlock};
pub use dot_product::{Attended, causal_mask, scaled_dot_product};
pub use multi_head::MultiHeadAttention;
pub use position::{LearnedPositions, SinusoidalPositions, sinusoidal_encoding};

#[cfg(test)]
mod tests;
