//! Dropout in a restricted Boltzmann machine (Srivastava et al., *JMLR* 15, 2014, section 8).
//!
//! Each example draws a mask `r` over the hidden units, one with probability `1 - p`, and a hidden unit is held
//! at 0 where `rⱼ = 0`:
//!
//! ```text
//! p(h, v; r) ∝ e^(-E(v, h)) Πⱼ [hⱼ = 0 or rⱼ = 1]
//! p(hⱼ = 1 | v; r) = rⱼ σ(bⱼ + (v W)ⱼ)
//! F(v; r) = (visible part) - Σⱼ rⱼ ζ(bⱼ + (v W)ⱼ)
//! ```
//!
//! Given `r` that is exactly the machine with the units `r = 1` alone, so dropout trains a mixture of smaller
//! machines that share their weights. Both phases of contrastive divergence use the same mask. What is found
//! is sparser: a hidden unit cannot rely on others to be there.
//!
//! As features of `v`, hidden means are scaled by `1 - p`, as units always are: [`DropoutMachine::features`].
//!
//! ```
//! use autograd::Graph;
//! use nn::Optimiser;
//! use nn::probabilistic::BoltzmannMachine;
//! use regularize::dropout::DropoutMachine;
//! let machine = DropoutMachine::new(BoltzmannMachine::new("m", 64, 32), 0.5)?;
//! let graph = Graph::<f32>::new();
//! let v = graph.input("v", [20, 64]);
//! let mask = machine.sample(&graph, 20);
//! let loss = machine.contrastive_divergence(v, mask, 1);
//! let step = Optimiser::sgd(0.1).minimise(loss, &machine.machine().parameters());
//! assert_eq!(mask.shape().lengths(), [20, 32]); // an example has a mask of its own
//! assert_eq!(step.updates.len(), 3); // weights and two biases
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::drop_probability;
use crate::error::RegularizeError;
use autograd::{Graph, Real, Var};
use nn::probabilistic::{BoltzmannMachine, VisibleUnits};

/// A machine whose hidden units are dropped while it learns. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct DropoutMachine {
    machine: BoltzmannMachine,
    p: f64,
}

impl DropoutMachine {
    /// Drops a hidden unit with probability `p`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    pub fn new(machine: BoltzmannMachine, p: f64) -> Result<DropoutMachine, RegularizeError> {
        Ok(DropoutMachine { machine, p: drop_probability("dropout probability", p)? })
    }

    /// The machine with all its units.
    pub fn machine(&self) -> &BoltzmannMachine {
        &self.machine
    }

    /// A mask for each of `n` examples, `[n, hidden]`, from the stream `NAME.dropout.mask`.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, n: usize) -> Var<'g, T> {
        let hidden = self.machine.parameters()[0].shape[1];
        graph.uniform(&format!("{}.dropout.mask", self.machine.name()), [n, hidden]).greater_equal(self.p)
    }

    /// `rⱼ p(hⱼ = 1 | v)`, `[n, hidden]`.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]` or the mask not `[n, hidden]`.
    #[track_caller]
    pub fn hidden_mean<'g, T: Real>(&self, v: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        masked(self.machine.hidden_mean(v), mask)
    }

    /// `(1 - p) p(hⱼ = 1 | v)`, `[n, hidden]`: the mean of [`DropoutMachine::hidden_mean`] over all masks.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use nn::initialise_parameters;
    /// use nn::probabilistic::BoltzmannMachine;
    /// use regularize::dropout::DropoutMachine;
    /// let machine = DropoutMachine::new(BoltzmannMachine::new("m", 4, 2), 0.5)?;
    /// let values = initialise_parameters(&machine.machine().parameters(), 1);
    /// let graph = Graph::<f64>::new();
    /// let v = graph.fill([1, 4], 1.0);
    /// let [one, none] = [1.0, 0.0].map(|unit| machine.hidden_mean(v, graph.fill([1, 2], unit)));
    /// let found = interpret(&[machine.features(v), (one + none) * 0.5], &[], Some(&values))?;
    /// assert_eq!(found[0], found[1]); // the mean over all masks
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn features<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        let mean = self.machine.hidden_mean(v);
        if self.p == 0.0 { mean } else { mean * (1.0 - self.p) }
    }

    /// `F(v; r)` of each row, `[n]`: the free energy of the smaller machine.
    ///
    /// # Panics
    /// As [`DropoutMachine::hidden_mean`].
    ///
    /// ```
    /// use autograd::{Graph, interpret};
    /// use nn::initialise_parameters;
    /// use nn::probabilistic::BoltzmannMachine;
    /// use regularize::dropout::DropoutMachine;
    /// let machine = DropoutMachine::new(BoltzmannMachine::new("m", 4, 2), 0.5)?;
    /// let values = initialise_parameters(&machine.machine().parameters(), 1);
    /// let graph = Graph::<f64>::new();
    /// let v = graph.fill([1, 4], 1.0);
    /// let [all, none] = [1.0, 0.0].map(|unit| machine.free_energy(v, graph.fill([1, 2], unit)));
    /// let plain = [machine.machine().free_energy(v), machine.machine().visible_energy(v)];
    /// let found = interpret(&[all, plain[0], none, plain[1]], &[], Some(&values))?;
    /// assert_eq!((&found[0], &found[2]), (&found[1], &found[3]));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn free_energy<'g, T: Real>(&self, v: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let hidden = masked(self.machine.hidden_logits(v).softplus(), mask);
        self.machine.visible_energy(v) - hidden.sum_over(&[-1])
    }

    /// `steps` rounds of block Gibbs sampling from `v` in the smaller machine of each row. The result has no
    /// derivative. Streams are those of [`BoltzmannMachine::gibbs`], with `dropout` before the chain's name.
    ///
    /// # Panics
    /// As [`DropoutMachine::hidden_mean`].
    #[track_caller]
    pub fn gibbs<'g, T: Real>(
        &self,
        v: Var<'g, T>,
        mask: Var<'g, T>,
        steps: usize,
        chain: &str,
    ) -> Var<'g, T> {
        let graph = v.graph();
        let mut sample = v.detach();
        // A loop: a closure would not pass the caller's line on.
        for step in 0..steps {
            let stream = |layer: &str| format!("{}.dropout.{chain}.{layer}.{step}", self.machine.name());
            let mean = self.hidden_mean(sample, mask);
            let hidden = graph.uniform(&stream("hidden"), mean.shape()).less(mean);
            let mean = self.machine.visible_mean(hidden);
            sample = match self.machine.units() {
                VisibleUnits::Binary => graph.uniform(&stream("visible"), mean.shape()).less(mean),
                VisibleUnits::Gaussian => mean + graph.normal(&stream("visible"), mean.shape()),
            }
            .detach();
        }
        sample
    }

    /// CD-k with one mask for both phases: `mean F(v; r) - mean F(v⁻; r)`, a scalar. For `p = 0` use the
    /// machine's own.
    ///
    /// # Panics
    /// As [`DropoutMachine::hidden_mean`].
    #[track_caller]
    pub fn contrastive_divergence<'g, T: Real>(
        &self,
        v: Var<'g, T>,
        mask: Var<'g, T>,
        steps: usize,
    ) -> Var<'g, T> {
        let sample = self.gibbs(v, mask, steps, "contrast");
        self.free_energy(v, mask).mean() - self.free_energy(sample, mask).mean()
    }
}

#[track_caller]
fn masked<'g, T: Real>(hidden: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
    let (shape, of_mask) = (hidden.shape(), mask.shape());
    assert!(
        shape.broadcast_with(&of_mask) == Some(shape),
        "dropout in a Boltzmann machine: a mask of shape {of_mask} for hidden units of shape {shape}"
    );
    hidden * mask
}

#[cfg(test)]
mod tests;
