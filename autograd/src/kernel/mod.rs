//! The kernels: everything that touches numbers in bulk, and the only place with `unsafe`.
//!
//! Each kernel is a function on slices that knows nothing of graphs.
//!
//! | module | what |
//! |---|---|
//! | [`math`] | elementary functions, one generic body for scalars and vectors |

pub mod math;
pub mod philox;
pub mod reduce;

pub use math::Native;
