//! The layers.
//!
//! | layer | input | output | parameters |
//! |---|---|---|---|
//! | [`Linear`] | `[.., in]` | `[.., out]` | `weight [in, out]`, `bias [out]` |
//! | [`TransposedLinear`] | `[.., out]` | `[.., in]` | another layer's `weight [in, out]`, `bias [in]` |
//! | [`Bilinear`] | `[n, first]` and `[n, second]` | `[n, out]` | `weight [first, second, out]`, `bias [out]` |
//! | [`Maxout`] | `[.., in]` | `[.., out]` | `weight [in, out k]`, `bias [out k]` |
//! | [`Embedding`] | integers `[..]` | `[.., width]` | `weight [count, width]` |
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
//! | [`Residual`], [`Parallel`] | its branches' | their sum, or one after another | its branches' |
//! | [`Heads`] | its trunk's | one for each head | its trunk's and heads' |
//!
//! The families have more to say for themselves: [`convolution`], [`pooling`], [`normalisation`],
//! [`composition`].
//!
//! # Tied parameters
//!
//! A parameter is its name. Two layers of one name, or one layer recorded twice on a graph, declare the same
//! node; its gradient is the sum over all its uses, an optimiser moves it once, and it is counted, decayed and
//! saved once (Goodfellow, Bengio, Courville, *Deep Learning*, section 7.9). Nothing has to be said for that:
//!
//! ```
//! use autograd::{Graph, grad};
//! use nn::{Layer, Linear, Mode};
//! let graph = Graph::<f64>::new();
//! let (left, right) = (graph.input("left", [8, 3]), graph.input("right", [8, 3]));
//! let tower = Linear::new("tower", 3, 2);
//! let (a, b) = (tower.forward(left, Mode::Train), tower.forward(right, Mode::Train));
//! let weight = graph.find_parameter("tower.weight").unwrap();
//! let gradient = grad((a - b).norm_squared(), &[weight])[0]; // through both towers
//! assert_eq!((graph.parameters().len(), gradient.shape().lengths()), (2, &[3, 2][..]));
//! ```
//!
//! A weight that is used in another form, transposed, is tied by [`Linear::transposed`] and
//! [`Embedding::transposed`].

mod activation;
mod bilinear;
pub mod composition;
pub mod convolution;
mod embedding;
mod flatten;
mod linear;
mod maxout;
pub mod normalisation;
pub mod pooling;
mod sequential;

pub use activation::Activation;
pub use bilinear::Bilinear;
pub use composition::{Head, Heads, Parallel, Residual};
pub use convolution::{Convolution, Convolution1d, TransposedConvolution};
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use linear::{Linear, TransposedLinear};
pub use maxout::Maxout;
pub use normalisation::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};
pub use pooling::{AdaptivePooling, GlobalPooling, Pooling, Pooling1d};
pub use sequential::Sequential;

#[cfg(test)]
mod tests;
