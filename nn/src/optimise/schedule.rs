//! How the learning rate changes from step to step: plain functions on the host, whose value is fed to the
//! plan of a step.

use super::HyperparameterError;
use std::f64::consts::PI;

/// A learning rate for each step, counted from 0.
///
/// ```
/// use nn::Schedule;
/// let schedule = Schedule::Cosine { initial: 0.1, last: 0.0, steps: 100 }.with_warm_up(10);
/// assert_eq!(schedule.at(4), 0.05);
/// assert_eq!(schedule.at(10), 0.1);
/// assert!((schedule.at(60) - 0.05).abs() < 1e-15);
/// assert_eq!(schedule.at(1000), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// From `initial` to `last` in a straight line over `steps`, then `last` (Goodfellow, Bengio,
    /// Courville, *Deep Learning*, equation 8.14).
    Linear {
        /// The rate of step 0.
        initial: f64,
        /// The rate from step `steps` on.
        last: f64,
        /// The length of the way.
        steps: u64,
    },
    /// `initial · factor^⌊step / every⌋`.
    Step {
        /// The rate of step 0.
        initial: f64,
        /// The factor at each drop.
        factor: f64,
        /// The number of steps between drops.
        every: u64,
    },
    /// `last + (initial - last)(1 + cos(π step / steps)) / 2`, then `last` (Loshchilov and Hutter, ICLR
    /// 2017, equation 5, without restarts).
    Cosine {
        /// The rate of step 0.
        initial: f64,
        /// The rate from step `steps` on.
        last: f64,
        /// The length of the way.
        steps: u64,
    },
    /// `(step + 1) / steps` of another schedule's first rate, then that schedule from its step 0 (Goyal et
    /// al., arXiv 1706.02677, section 2.2).
    WarmUp {
        /// The number of steps below the first rate.
        steps: u64,
        /// What comes after them.
        then: Box<Schedule>,
    },
}

impl From<f64> for Schedule {
    fn from(rate: f64) -> Schedule {
        Schedule::Constant(rate)
    }
}

impl Schedule {
    /// This schedule after a warm-up of `steps`.
    pub fn with_warm_up(self, steps: u64) -> Schedule {
        Schedule::WarmUp { steps, then: Box::new(self) }
    }

    /// The learning rate of a step.
    pub fn at(&self, step: u64) -> f64 {
        let way = |steps: u64| if step >= steps { 1.0 } else { step as f64 / steps as f64 };
        match self {
            Schedule::Constant(rate) => *rate,
            Schedule::Linear { initial, last, steps } => {
                let alpha = way(*steps);
                (1.0 - alpha) * initial + alpha * last
            }
            Schedule::Step { initial, factor, every } => initial * factor.powf((step / every) as f64),
            // Its own arm: cos π is exactly -1, but the sum below would not be exactly `last`.
            Schedule::Cosine { last, steps, .. } if step >= *steps => *last,
            Schedule::Cosine { initial, last, steps } => {
                last + (initial - last) * 0.5 * (1.0 + (PI * way(*steps)).cos())
            }
            Schedule::WarmUp { steps, then } if step < *steps => {
                then.at(0) * ((step + 1) as f64 / *steps as f64)
            }
            Schedule::WarmUp { steps, then } => then.at(step - steps),
        }
    }

    /// Refuses rates that are negative or not finite, and empty periods.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first one that does not fit.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        let rate = |name, value: f64| {
            HyperparameterError::unless(
                value.is_finite() && value >= 0.0,
                name,
                value,
                "finite and at least 0",
            )
        };
        let steps =
            |name, value: u64| HyperparameterError::unless(value > 0, name, value as f64, "at least 1");
        match self {
            Schedule::Constant(value) => rate("learning rate", *value),
            Schedule::Linear { initial, last, steps: n } | Schedule::Cosine { initial, last, steps: n } => {
                rate("initial learning rate", *initial)?;
                rate("last learning rate", *last)?;
                steps("number of steps", *n)
            }
            Schedule::Step { initial, factor, every } => {
                rate("initial learning rate", *initial)?;
                rate("factor", *factor)?;
                steps("number of steps between drops", *every)
            }
            Schedule::WarmUp { then, .. } => then.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_follow_their_formulas() {
        let linear = Schedule::Linear { initial: 1.0, last: 0.5, steps: 4 };
        assert_eq!([0, 1, 2, 4, 9].map(|k| linear.at(k)), [1.0, 0.875, 0.75, 0.5, 0.5]);
        let step = Schedule::Step { initial: 8.0, factor: 0.5, every: 3 };
        assert_eq!([0, 2, 3, 5, 6, 9].map(|k| step.at(k)), [8.0, 8.0, 4.0, 4.0, 2.0, 1.0]);
        let cosine = Schedule::Cosine { initial: 3.0, last: 1.0, steps: 6 };
        let expected = [3.0, 2.0 + (PI / 6.0).cos(), 2.5, 2.0, 1.5, 2.0 - (PI / 6.0).cos(), 1.0, 1.0];
        for (k, expected) in expected.into_iter().enumerate() {
            assert!((cosine.at(k as u64) - expected).abs() < 1e-15, "step {k}");
        }
        let warm = Schedule::from(2.0).with_warm_up(4);
        assert_eq!([0, 1, 3, 4, 5].map(|k| warm.at(k)), [0.5, 1.0, 2.0, 2.0, 2.0]);
        let warm = linear.with_warm_up(2);
        assert_eq!([0, 1, 2, 3, 6].map(|k| warm.at(k)), [0.5, 1.0, 1.0, 0.875, 0.5]);
    }

    #[test]
    fn unfit_schedules_are_refused() {
        for rate in [-1e-9, f64::NAN, f64::INFINITY] {
            assert!(Schedule::from(rate).with_warm_up(2).check().is_err());
            assert!(Schedule::Linear { initial: 1.0, last: rate, steps: 1 }.check().is_err());
            assert!(Schedule::Step { initial: 1.0, factor: rate, every: 1 }.check().is_err());
        }
        let error = Schedule::Step { initial: 1.0, factor: 1.0, every: 0 }.check().unwrap_err();
        assert_eq!(error.to_string(), "the number of steps between drops is 0, it must be at least 1");
        assert!(Schedule::Cosine { initial: 1.0, last: 0.0, steps: 0 }.check().is_err());
        assert!(Schedule::Linear { initial: 0.0, last: 0.0, steps: 1 }.check().is_ok());
    }
}
