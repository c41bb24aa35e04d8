//! Functions composed of primitives, each safe where a naive formula is not.

use crate::error::GraphError;
use crate::graph::{IndexVar, Var};
use crate::real::Real;

impl<'g, T: Real> Var<'g, T> {
    /// `e^(x - logsumexp x)` along the last axis: positive, sums to one, exact for logits of any size.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn softmax(self) -> Var<'g, T> {
        self.log_softmax().exp()
    }

    /// `x - logsumexp x` along the last axis.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    pub fn log_softmax(self) -> Var<'g, T> {
        self - self.logsumexp_keep(&[-1])
    }

    /// The mean over all examples of `-ln softmax(logits)[label]`: logits `[.., classes]`, labels `[..]`.
    /// A scalar. Computed as `logsumexp(logits) - logits[label]`, so nothing overflows.
    ///
    /// # Panics
    /// If the labels' shape is not the logits' without the last axis.
    #[track_caller]
    pub fn cross_entropy(self, labels: IndexVar<'g, T>) -> Var<'g, T> {
        self.cross_entropy_each(labels).mean()
    }

    /// [`Var::cross_entropy`] for each example, not averaged: shape `[..]`.
    ///
    /// # Panics
    /// As [`Var::cross_entropy`].
    #[track_caller]
    pub fn cross_entropy_each(self, labels: IndexVar<'g, T>) -> Var<'g, T> {
        self.same_graph(labels.graph, "cross_entropy");
        let shape = self.shape();
        let rank = shape.rank();
        if rank == 0 || shape.lengths()[..rank - 1] != *labels.shape().lengths() {
            let error = GraphError::new("cross_entropy", "there is not one label for each example")
                .operand("logits", self.graph, self.id)
                .operand("labels", labels.graph, labels.id)
                .help("logits are [.., classes] and labels [..]");
            panic!("{error}");
        }
        let picked = (self * labels.one_hot(shape.last())).sum_over(&[-1]);
        self.logsumexp(&[-1]) - picked
    }

    /// The mean over all examples of `-Σ p ln softmax(logits)`, for target distributions `p` of the
    /// logits' shape whose last axis sums to one. A scalar.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn cross_entropy_with(self, target: Var<'g, T>) -> Var<'g, T> {
        if self.shape() != target.shape() {
            let error = GraphError::new("cross_entropy_with", "the target is not of the logits' shape")
                .operand("logits", self.graph, self.id)
                .operand("target", target.graph, target.id);
            panic!("{error}");
        }
        -(target * self.log_softmax()).sum_over(&[-1]).mean()
    }

    /// The mean squared deviation from the mean along `axes`, which disappear: divided by the number of
    /// elements, not by one less.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn variance(self, axes: &[isize]) -> Var<'g, T> {
        (self - self.mean_keep(axes)).powi(2).mean_over(axes)
    }

    /// The sum of squares, a scalar.
    #[track_caller]
    pub fn norm_squared(self) -> Var<'g, T> {
        self.powi(2).sum()
    }

    /// The Euclidean norm along `axes`, which disappear; at the zero vector the derivative is zero, of
    /// every order, where `sqrt` alone would give NaN.
    ///
    /// # Panics
    /// If an axis is out of range.
    #[track_caller]
    pub fn norm(self, axes: &[isize]) -> Var<'g, T> {
        let square = self.powi(2).sum_over(axes);
        // The root is taken of one where the square is zero, so the branch not taken is smooth.
        let zero = square.equal(0.0);
        zero.select(square.like(0.0), zero.select(square.like(1.0), square).sqrt())
    }
}
