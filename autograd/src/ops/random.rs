//! Random draws: nodes that are pure functions of a seed, a stream, a run and an index.
//!
//! Every random node draws from a named stream of a counter-based generator (Philox, Salmon et al.,
//! SC 2011). The key is (seed, stream), the counter (run, index): the same run replays exactly, evaluating
//! a node twice gives the same draw, one more layer does not change another layer's mask, and threads do
//! not matter. A draw is a constant to differentiation: its derivative is zero.

use super::Op;
use crate::graph::{Graph, Var};
use crate::real::Real;
use crate::shape::Shape;
use std::fmt;

/// The distribution of a random node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Distribution {
    /// Uniform on [0, 1).
    Uniform,
    /// Normal with mean 0 and variance 1.
    Normal,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Distribution::Uniform => "uniform",
            Distribution::Normal => "normal",
        })
    }
}

/// Which draws a run takes: two runs with the same value draw the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Draw {
    /// Chosen once for an experiment.
    pub seed: u64,
    /// The number of the run, counted up by a plan.
    pub run: u64,
}

impl<T: Real> Graph<T> {
    /// Draws uniform on [0, 1) from the named stream. The same stream asked for twice with the same shape
    /// gives the same numbers, so independent draws need streams of different names.
    #[track_caller]
    pub fn uniform(&self, stream: &str, shape: impl Into<Shape>) -> Var<'_, T> {
        self.record_real(Op::Random(Distribution::Uniform, stream.into()), &[], shape.into())
    }

    /// Draws from the normal distribution with mean 0 and variance 1.
    #[track_caller]
    pub fn normal(&self, stream: &str, shape: impl Into<Shape>) -> Var<'_, T> {
        self.record_real(Op::Random(Distribution::Normal, stream.into()), &[], shape.into())
    }

    /// Ones with probability `p`, zeros otherwise: `uniform < p`.
    ///
    /// # Panics
    /// If `p` is not in [0, 1].
    #[track_caller]
    pub fn bernoulli(&self, stream: &str, p: f64, shape: impl Into<Shape>) -> Var<'_, T> {
        assert!((0.0..=1.0).contains(&p), "bernoulli: the probability {p} is not in [0, 1]");
        self.uniform(stream, shape).less(p)
    }
}
