//! Means over seeds, with standard errors.

use super::run::Member;
use serde::Serialize;

/// A mean over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean, `s / √n` with `s² = Σ (x - mean)² / (n - 1)`; unknown for one seed.
    pub standard_error: Option<f64>,
}

impl Mean {
    /// The mean of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Mean {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        Mean { mean, standard_error }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_errors_are_those_of_the_mean() {
        let mean = Mean::of([1.0, 2.0, 3.0, 4.0]);
        // s² = 5/3, and √(5/3 / 4).
        assert_eq!(mean.mean, 2.5);
        assert!((mean.standard_error.unwrap() - (5.0f64 / 12.0).sqrt()).abs() < 1e-15);
        assert_eq!(Mean::of([7.0]), Mean { mean: 7.0, standard_error: None });
    }
}
