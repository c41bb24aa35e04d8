//! Models of what data are like, and not of labels (Goodfellow, Bengio, Courville, *Deep Learning*, part III).
//!
//! | model | what | trained by |
//! |---|---|---|
//! | [`BoltzmannMachine`] | an energy of visible and hidden units, restricted: none within a layer | contrastive divergence, or exactly if it is small |
//! | [`VariationalAutoencoder`] | a normal code and a network that decodes it | a lower bound of the log-likelihood |
//!
//! Both are objectives like any other: scalars on a graph, differentiated by the engine and minimised by an
//! [`Optimiser`](crate::Optimiser). Draws are random nodes of named streams, so that a step is repeatable and a
//! gradient can be checked with its draws frozen.
//!
//! ```
//! use autograd::Graph;
//! use nn::Optimiser;
//! use nn::probabilistic::BoltzmannMachine;
//! let machine = BoltzmannMachine::new("machine", 64, 32);
//! let graph = Graph::<f32>::new();
//! let loss = machine.contrastive_divergence(graph.input("x", [20, 64]), 1);
//! let step = Optimiser::sgd(0.1).minimise(loss, &machine.parameters());
//! assert_eq!(step.updates.len(), 3);
//! ```

mod autoencoder;
mod boltzmann;

pub use autoencoder::{DiagonalNormal, Likelihood, LowerBound, VariationalAutoencoder};
pub use boltzmann::{BoltzmannMachine, VisibleUnits};

#[cfg(test)]
mod tests;
