//! The kernels: everything that touches numbers in bulk, and the only place with `unsafe`.
//!
//! Each kernel is a function on slices that knows nothing of graphs.
//!
//! | module | what |
//! |---|---|
//! | [`math`] | elementary functions, one generic body for scalars and vectors |
//! | [`simd`] | which vector instructions the machine has, and compiling a loop for each of them |
//! | [`gemm`] | matrix products with any strides |
//! | [`reduce`] | sum, maximum, log-sum-exp over an axis, in an order fixed by the shape |
//! | [`tile`] | fused pointwise programs, run over tiles that stay in the first-level cache |
//! | [`movement`] | gathering, padding, concatenating, windows as columns |
//! | [`memory`] | the memory of a plan, and which of its places may be used side by side |
//! | [`aligned`], [`scratch`] | arrays that begin at a line of the cache, and working memory of a thread |
//! | [`philox`] | counter-based random numbers: element `i` is a pure function of its counter |

// The reason for the exception: a function compiled for AVX2 or AVX-512 may only be called where those
// instructions exist, and matrix kernels load whole vectors through pointers. Both need `unsafe`; each
// block says why it is sound, and everything public is safe.
#![allow(unsafe_code)]

pub mod aligned;
pub mod gemm;
pub mod math;
pub mod memory;
pub mod movement;
pub mod philox;
pub mod reduce;
pub mod scratch;
pub mod simd;
pub mod tile;

pub use math::Native;

#[cfg(test)]
mod allocations;
