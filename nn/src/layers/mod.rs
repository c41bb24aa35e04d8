//! The layers.
//!
//! | layer | input | output | parameters |
//! |---|---|---|---|
//! | [`Linear`] | `[.., in]` | `[.., out]` | `weight [in, out]`, `bias [out]` |
//! | [`Activation`] | any | the same | none |
//! | [`Flatten`] | `[n, ..]` | `[n, product]` | none |
//! | [`Sequential`] | its first layer's | its last layer's | its layers' |

mod activation;
mod flatten;
mod linear;
mod sequential;

pub use activation::Activation;
pub use flatten::Flatten;
pub use linear::Linear;
pub use sequential::Sequential;
