//! Means of distributions: what an ensemble of classifiers predicts.
//!
//! | mean | formula | as a function of logits |
//! |---|---|---|
//! | [`Average::Arithmetic`] | `p(y) = 1/k Σᵢ pᵢ(y)` | the log-sum of `k` log-softmaxes |
//! | [`Average::Geometric`] | `p(y) = Πᵢ pᵢ(y)^(1/k) / Z` | the softmax of the mean logits |
//!
//! The geometric mean must be renormalised (*Deep Learning*, equation 7.53). It is the one that dropout's
//! weight scaling rule gives for a softmax over a linear network, and it is the distribution with the least
//! mean divergence `KL(p‖pᵢ)` from the members; the arithmetic mean has the least mean `KL(pᵢ‖p)`. A class
//! that one member rules out is ruled out by the geometric mean.
//!
//! Both are recorded as logarithms, in which a probability of `1e-40` is a number like any other, and are
//! functions of variables: an ensemble can be attacked, or distilled.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::ensemble::Average;
//! let graph = Graph::<f64>::new();
//! let logits = ["a", "b"].map(|name| graph.input(name, [1, 2]));
//! let means = [Average::Arithmetic, Average::Geometric].map(|mean| mean.probabilities(&logits));
//! let (a, b) = (Tensor::new([1, 2], vec![9f64.ln(), 0.0]), Tensor::new([1, 2], vec![0.0, 0.0]));
//! let found = interpret(&means, &[("a", Feed::from(&a)), ("b", Feed::from(&b))], None)?;
//! assert!((found[0].data()[0] - (0.9 + 0.5) / 2.0).abs() < 1e-15);
//! assert!((found[1].data()[0] - 3.0 / 4.0).abs() < 1e-15); // √9 to 1
//! # Ok::<(), autograd::RunError>(())
//! ```

use autograd::{Real, Var};

/// A mean of distributions over classes. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Average {
    /// The mean of the probabilities.
    #[default]
    Arithmetic,
    /// The mean of their logarithms, renormalised.
    Geometric,
}

impl Average {
    /// The logarithms of the mean, for the logits of each member: `[.., classes]`, all of one shape. Of one
    /// member it is the log-softmax, and nothing else is recorded.
    ///
    /// # Panics
    /// If there are no members, or their shapes differ.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::ensemble::Average;
    /// let graph = Graph::<f64>::new();
    /// // One member gives the second class e⁻¹⁰⁰⁰, too little for an f64; the other ½.
    /// let members = [[0.0, -1000.0], [0.0, 0.0]].map(|z| graph.constant(Tensor::new([1, 2], z.to_vec())));
    /// let logs = [Average::Arithmetic, Average::Geometric].map(|mean| mean.log_probabilities(&members));
    /// let found = interpret(&logs, &[], None)?;
    /// assert!((found[0].data()[1] - 0.25f64.ln()).abs() < 1e-15);
    /// assert_eq!(found[1].data()[1], -500.0);
    /// # Ok::<(), autograd::RunError>(())
    /// ```
    #[track_caller]
    pub fn log_probabilities<'g, T: Real>(self, logits: &[Var<'g, T>]) -> Var<'g, T> {
        assert!(!logits.is_empty(), "the mean of no distributions");
        if let [alone] = logits {
            return alone.log_softmax();
        }
        let members = logits.len() as f64;
        match self {
            Average::Arithmetic => {
                let logs: Vec<_> = logits.iter().map(|logits| logits.log_softmax()).collect();
                Var::stack(&logs).logsumexp(&[0]) - members.ln()
            }
            // The normalisers of the members are constants to the softmax: mean logits will do.
            Average::Geometric => Var::stack(logits).mean_over(&[0]).log_softmax(),
        }
    }

    /// The mean as probabilities.
    ///
    /// # Panics
    /// As [`Average::log_probabilities`].
    #[track_caller]
    pub fn probabilities<'g, T: Real>(self, logits: &[Var<'g, T>]) -> Var<'g, T> {
        if let [alone] = logits {
            return alone.softmax();
        }
        self.log_probabilities(logits).exp()
    }
}

#[cfg(test)]
mod tests;
