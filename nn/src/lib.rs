//! The `nn` package.

pub mod data;
pub mod files;
pub mod initialise;
pub mod layer;
pub mod layers;
pub mod loss;
pub mod optimise;
pub mod parameter;
pub mod train;

pub use initialise::{Initialiser, initialise, initialise_parameters};
pub use layer::{Layer, LayerShapeError, Mode};
pub use layers::{Activation, Flatten, Linear, Sequential};
pub use optimise::{LEARNING_RATE, Optimiser, OptimiserStep, Schedule};
pub use parameter::{ParameterSpec, Role, Selection};
pub use train::{LearningCurve, TrainError, Trainer};
