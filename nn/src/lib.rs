//! The `nn` package.
