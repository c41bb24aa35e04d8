//! The `nn` package.

pub mod data;
pub mod files;
