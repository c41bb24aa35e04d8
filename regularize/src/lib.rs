//! Regularization for deep learning, each technique an operation on a graph.

pub mod adversarial;
pub mod dropout;
pub mod early_stopping;
pub mod elastic_net;
mod error;
pub mod l1;
pub mod l2;
pub mod penalty;

pub use adversarial::{
    AdversarialTraining, Attack, AttackEvaluator, FastGradient, Norm, Perturbation, Robustness, fgsm,
};
pub use dropout::{Dropout, Form};
pub use early_stopping::{EarlyStopping, Measure, Reason, Stopped};
pub use elastic_net::ElasticNet;
pub use error::RegularizeError;
pub use l1::{L1, l1_penalty, soft_threshold};
pub use l2::{L2, l2_penalty, shrink};
pub use penalty::{Penalties, Penalty, ProximalPenalty, ProximalStep};

#[cfg(test)]
mod testing;
