//! Hand-written reverse-mode automatic differentiation.

pub mod kernel;
pub mod real;
pub mod shape;
pub mod tensor;

pub use real::Real;
pub use shape::{MAX_RANK, Shape};
pub use tensor::{ElementCountError, Tensor};
