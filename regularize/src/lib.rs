//! The `regularize` package.
