//! Neural networks on [`autograd`]: layers, losses, optimisers, data and a training loop.
//!
//! Everything here is a function that records graph nodes. A layer holds no values and belongs to no graph;
//! a loss is an expression; an optimiser's update is an expression too. A training step is therefore *one*
//! graph, from the examples to the new parameters, and is compiled as one plan.
//!
//! ```
//! use nn::data::{Standardise, digits};
//! use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // 1797 images of 8 by 8 pixels, in the binary itself.
//! let [train, test] = digits::load()?.flattened().split([0.8, 0.2], 7)?;
//! let scale = Standardise::fit(&train)?;
//! let (train, test) = (scale.apply(&train)?, scale.apply(&test)?);
//!
//! let model = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
//! let mut parameters = initialise(&model, 7);
//! let mut trainer = Trainer::new(&model, Optimiser::adamw(0.005, 0.01)).epochs(5).seed(7);
//! let curve = trainer.fit(&train, Some(&test), &mut parameters)?;
//!
//! println!("{curve}");
//! let error = trainer.evaluate(&test, &mut parameters)?.error;
//! assert!(error < 0.06, "{:.1} % of the test digits are wrong", 100.0 * error);
//! # Ok(())
//! # }
//! ```
//!
//! It prints (the last column on a small machine with two cores, in release):
//!
//! ```text
//! epoch  objective  train loss  train error  valid. loss  valid. error  seconds
//!     0     1.1583      1.1583       32.89%       0.4465         9.47%    0.001
//!     1     0.2715      0.2715        6.54%       0.2728         7.24%    0.001
//!     2     0.1676      0.1676        4.24%       0.2131         5.29%    0.001
//!     3     0.1265      0.1265        3.41%       0.1991         3.90%    0.001
//!     4     0.0990      0.0990        2.29%       0.1748         4.74%    0.001
//! ```
//!
//! # What is here
//!
//! Read in this order:
//!
//! | module | what |
//! |---|---|
//! | [`layer`] | what a layer is: [`Layer`], and for what it is run: [`Mode`] |
//! | [`parameter`] | names, shapes and roles; choosing some of them: [`Selection`] |
//! | [`initialise`](mod@initialise) | initial values as pure functions of seed and name |
//! | [`layers`] | [`Linear`], [`Convolution`], [`Convolution1d`], [`TransposedConvolution`], [`Pooling`], [`Pooling1d`], [`AdaptivePooling`], [`GlobalPooling`], [`BatchNorm`], [`LayerNorm`], [`GroupNorm`], [`RmsNorm`], [`Activation`], [`Maxout`], [`Bilinear`], [`Embedding`], [`Flatten`], [`Sequential`], [`Residual`], [`Parallel`], [`Heads`] |
//! | [`recurrent`] | Elman, GRU and LSTM cells, unrolled in the graph, in one direction or both |
//! | [`attention`] | scaled dot-product and multi-head attention, positions, transformer blocks |
//! | [`sequence`] | sequences of different lengths in one batch |
//! | [`loss`] | cross-entropies, squared error |
//! | [`optimise`] | chains of update transforms, schedules |
//! | [`probabilistic`] | restricted Boltzmann machines, variational autoencoders |
//! | [`data`] | data sets, minibatches, file formats |
//! | [`train`] | the loop: [`Trainer`] |
//! | [`files`] | writing files that are whole or not there |
//!
//! # What is not
//!
//! | not here | because |
//! |---|---|
//! | dropout, penalties, early stopping, augmentation | the `regularize` crate: each is a layer, an expression in an objective, an update transform or an observer, and nothing here has to know of it |
//! | regression in the [`Trainer`] | it knows labelled classes; for other targets record loss and [`Optimiser::minimise`] on a graph, as [`optimise`] shows |
//! | several devices, mixed precision | the engine has one processor and one precision for each graph |

pub mod attention;
pub mod data;
pub mod files;
pub mod initialise;
pub mod layer;
pub mod layers;
pub mod loss;
pub mod optimise;
pub mod parameter;
pub mod probabilistic;
pub mod recurrent;
pub mod sequence;
pub mod train;

pub use initialise::{Initialiser, initialise, initialise_parameters};
pub use layer::{Layer, LayerShapeError, Mode};
pub use layers::{
    Activation, AdaptivePooling, BatchNorm, Bilinear, Convolution, Convolution1d, Embedding, Flatten,
    GlobalPooling, GroupNorm, Head, Heads, LayerNorm, Linear, Maxout, Parallel, Pooling, Pooling1d, Residual,
    RmsNorm, Sequential, TransposedConvolution, TransposedLinear,
};
pub use optimise::{LEARNING_RATE, Optimiser, OptimiserStep, Schedule};
pub use parameter::{ParameterSpec, Role, Selection};
pub use train::{LearningCurve, TrainError, Trainer};
