//! What a study says of a technique: means over seeds.

use super::run::Member;
use crate::mean::Mean;
use serde::Serialize;

/// What a table says of a technique. Errors are shares of 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// On the training part.
    pub train_error: Mean,
    /// On the test part.
    pub test_error: Mean,
    /// Test error minus that of the baseline with the same seed.
    pub versus_plain: Mean,
    /// Test error minus training error.
    pub gap: Mean,
    /// On the test part, under attack.
    pub attacked_error: Mean,
    /// Mean cross-entropy on the test part.
    pub test_loss: Mean,
    /// The share of weights that are exactly 0.
    pub zero_weights: Mean,
    /// The epoch whose weights were kept.
    pub kept_epoch: Mean,
    /// Of training.
    pub seconds: Mean,
}

impl Summary {
    /// The summary of a technique's members, compared with those of its baseline, seed by seed.
    pub fn of(members: &[Member], baseline: &[Member], epsilon: f64) -> Summary {
        let over = |value: &dyn Fn(&Member) -> f64| Mean::of(members.iter().map(value));
        let attacked = |member: &Member| {
            let attack = member.attacks.iter().find(|attack| attack.epsilon == epsilon);
            attack.expect("the budget is among those attacked with").error
        };
        let pairs = members.iter().zip(baseline);
        Summary {
            train_error: over(&|member| member.train_error),
            test_error: over(&|member| member.test_error),
            versus_plain: Mean::of(pairs.map(|(member, baseline)| member.test_error - baseline.test_error)),
            gap: over(&|member| member.test_error - member.train_error),
            attacked_error: over(&attacked),
            test_loss: over(&|member| member.test_loss),
            zero_weights: over(&|member| member.zero_weights),
            kept_epoch: over(&|member| member.kept_epoch as f64),
            seconds: over(&|member| member.seconds),
        }
    }
}
