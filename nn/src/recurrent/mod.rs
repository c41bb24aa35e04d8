//! Recurrent networks, unrolled in the graph (Goodfellow, Bengio, Courville, *Deep Learning*, chapter 10).
//!
//! A [`Cell`] is one step, `h(t) = f(h(t-1), x(t))`. A [`Recurrent`] layer applies it to every step of
//! `[n, time, features]` and gives the whole sequence `[n, time, hidden]` or its last state `[n, hidden]`. The
//! steps are ordinary nodes of the graph, so back-propagation through time is the engine's reverse sweep and
//! nothing else, and derivatives of every order exist.
//!
//! | cell | state | one step | parameters |
//! |---|---|---|---|
//! | [`Elman`] | `h` | `h' = tanh(x W + h U + b)` | `W [in, h]`, `U [h, h]`, `b [h]` |
//! | [`Gru`] | `h` | `h' = (1 - z) n + z h` | `W [in, 3h]`, `U [h, 3h]`, `b [3h]`, `d [h]` |
//! | [`Lstm`] | `h`, `c` | `c' = f c + i g`, `h' = o tanh c'` | `W [in, 4h]`, `U [h, 4h]`, `b [4h]` |
//!
//! `W` is `NAME.input_weight`, `U` is `NAME.recurrent_weight`, `b` is `NAME.bias`, and the GRU's `d`, inside
//! its reset gate, `NAME.candidate_bias`.
//!
//! The part of a step that depends on the input alone, `x W + b`, is one product over all steps,
//! `[time · n, in]` times `[in, gates · h]`; only `h U` is a product for each step. Recurrent weights start
//! orthogonal, gate by gate: repeated products with them neither blow up nor vanish (Saxe, McClelland,
//! Ganguli, ICLR 2014).
//!
//! ```
//! use autograd::Graph;
//! use nn::recurrent::{Bidirectional, Gru, Recurrent};
//! use nn::{Layer, Mode, Sequential};
//! // Two layers: one reads in both directions, the next reads what it found and keeps its last state.
//! let model = Sequential::<f32>::new()
//!     .then(Bidirectional::new(Gru::new("ahead", 8, 16), Gru::new("back", 8, 16)))
//!     .then(Recurrent::new(Gru::new("top", 32, 24)).last())
//!     .linear(24, 10);
//! let graph = Graph::new();
//! let logits = model.forward(graph.input("x", [5, 12, 8]), Mode::Train);
//! assert_eq!(logits.shape().lengths(), [5, 10]);
//! ```
//!
//! # Sequences of different lengths
//!
//! [`Recurrent::unroll_from`] takes lengths `[n]`. A step in the padding carries the state on and gives zeros,
//! so the last state is the one at the true end, and a layer that reads backward starts there.
//!
//! # Long sequences
//!
//! Back-propagation through time can be cut (*Deep Learning*, section 10.7): inside one unrolled sequence by
//! [`Recurrent::truncated`], or between windows that are fed one after another, by keeping the state in
//! parameters of [`Role::State`](crate::Role::State): [`Recurrent::carried_state`].

mod bidirectional;
mod cell;
mod elman;
mod gru;
mod layer;
mod lstm;

pub use bidirectional::Bidirectional;
pub use cell::Cell;
pub use elman::Elman;
pub use gru::Gru;
pub use layer::{Recurrent, Unrolled};
pub use lstm::Lstm;

#[cfg(test)]
mod tests;
