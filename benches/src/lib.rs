//! The `benches` package.
