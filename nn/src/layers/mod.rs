//! The layers.
//!
//! | layer | input | output | parameters |
//! |---|---|---|---|
//! | [`Linear`] | `[.., in]` | `[.., out]` | `weight [in, out]`, `bias [out]` |
//! | [`Convolution`] | `[n, in, h, w]` | `[n, out, oh, ow]` | `weight [in / g, kh, kw, out]`, `bias [out]` |
//! | [`Convolution1d`] | `[n, in, l]` | `[n, out, ol]` | `weight [in / g, k, out]`, `bias [out]` |
//! | [`TransposedConvolution`] | `[n, in, h, w]` | `[n, out, oh, ow]` | as [`Convolution`] |
//! | [`Pooling`], [`AdaptivePooling`] | `[n, c, h, w]` | `[n, c, oh, ow]` | none |
//! | [`Pooling1d`] | `[n, c, l]` | `[n, c, ol]` | none |
//! | [`GlobalPooling`] | `[n, c, ..]` | `[n, c]` | none |
//! | [`Activation`] | any | the same | none |
//! | [`BatchNorm`] | `[n, c, ..]` | the same | `scale [c]`, `offset [c]`, `running_mean [c]`, `running_variance [c]` |
//! | [`GroupNorm`] | `[n, c, ..]` | the same | `scale [c]`, `offset [c]` |
//! | [`LayerNorm`], [`RmsNorm`] | `[.., f]` | the same | `scale [f]`, `offset [f]` |
//! | [`Flatten`] | `[n, ..]` | `[n, product]` | none |
//! | [`Sequential`] | its first layer's | its last layer's | its layers' |

mod activation;
mod convolution;
mod flatten;
mod linear;
mod normalisation;
mod pooling;
mod sequential;

pub use activation::Activation;
pub use convolution::{Convolution, Convolution1d, TransposedConvolution};
pub use flatten::Flatten;
pub use linear::Linear;
pub use normalisation::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};
pub use pooling::{AdaptivePooling, GlobalPooling, Pooling, Pooling1d};
pub use sequential::Sequential;

#[cfg(test)]
mod tests;
