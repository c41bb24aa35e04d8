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
    /// `initial · factorˢᵗᵉᵖ`.
    Exponential {
        /// The rate of step 0.
        initial: f64,
        /// The factor of each step, in practice just below 1.
        factor: f64,
    },
    /// `last + (initial - last)(1 - step / steps)^power`, then `last`.
    Polynomial {
        /// The rate of step 0.
        initial: f64,
        /// The rate from step `steps` on.
        last: f64,
        /// The exponent, above 0: 1 is a straight line, above 1 falls fast at first.
        power: f64,
        /// The length of the way.
        steps: u64,
    },
    /// [`Schedule::Cosine`] over and over, each time from `initial`, each period `growth` times as long as
    /// the one before (Loshchilov and Hutter, ICLR 2017, equation 5). `last` is approached at the end of each
    /// period, but never reached.
    CosineRestarts {
        /// The rate at the beginning of each period.
        initial: f64,
        /// The rate that a period approaches.
        last: f64,
        /// The length of the first period.
        steps: u64,
        /// The factor from each period's length to the next, at least 1.
        growth: u64,
    },
    /// From `initial` to `peak` and back in straight lines of `rise` steps each, then on from `initial` to
    /// `last`, which is reached at step `steps` (Smith, arXiv 1803.09820, section 4.2: one cycle a little
    /// shorter than the training, the rest going several orders of magnitude below).
    OneCycle {
        /// The rate of step 0, a tenth of the peak or less.
        initial: f64,
        /// The rate of step `rise`.
        peak: f64,
        /// The rate from step `steps` on.
        last: f64,
        /// The number of steps up, and of those down again.
        rise: u64,
        /// The length of the whole, at least `2 rise`.
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
            Schedule::Linear { initial, last, steps } => line(*initial, *last, way(*steps)),
            Schedule::Step { initial, factor, every } => initial * factor.powf((step / every) as f64),
            // Its own arm: cos π is exactly -1, but the sum below would not be exactly `last`.
            Schedule::Cosine { last, steps, .. } if step >= *steps => *last,
            Schedule::Cosine { initial, last, steps } => cosine(*initial, *last, way(*steps)),
            Schedule::Exponential { initial, factor } => initial * factor.powf(step as f64),
            Schedule::Polynomial { initial, last, power, steps } => {
                last + (initial - last) * (1.0 - way(*steps)).powf(*power)
            }
            Schedule::CosineRestarts { initial, last, steps, growth } => {
                let (position, period) = within_period(step, *steps, *growth);
                cosine(*initial, *last, position as f64 / period as f64)
            }
            Schedule::OneCycle { initial, peak, last, rise, steps } => {
                let (rise, part) = (*rise, |from: u64, to: u64| (step - from) as f64 / (to - from) as f64);
                if step < rise {
                    line(*initial, *peak, part(0, rise))
                } else if step < 2 * rise {
                    line(*peak, *initial, part(rise, 2 * rise))
                } else if step < *steps {
                    line(*initial, *last, part(2 * rise, *steps))
                } else {
                    *last
                }
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
            Schedule::Exponential { initial, factor } => {
                rate("initial learning rate", *initial)?;
                rate("factor", *factor)
            }
            Schedule::Polynomial { initial, last, power, steps: n } => {
                rate("initial learning rate", *initial)?;
                rate("last learning rate", *last)?;
                let fits = power.is_finite() && *power > 0.0;
                HyperparameterError::unless(fits, "power", *power, "finite and above 0")?;
                steps("number of steps", *n)
            }
            Schedule::CosineRestarts { initial, last, steps: n, growth } => {
                rate("initial learning rate", *initial)?;
                rate("last learning rate", *last)?;
                steps("growth of periods", *growth)?;
                steps("number of steps", *n)
            }
            Schedule::OneCycle { initial, peak, last, rise, steps: n } => {
                rate("initial learning rate", *initial)?;
                rate("peak of the learning rate", *peak)?;
                rate("last learning rate", *last)?;
                steps("number of rising steps", *rise)?;
                let fits = rise.checked_mul(2).is_some_and(|cycle| cycle <= *n);
                HyperparameterError::unless(
                    fits,
                    "number of steps",
                    *n as f64,
                    "at least twice the rising ones",
                )
            }
            Schedule::WarmUp { then, .. } => then.check(),
        }
    }
}

/// The straight line from `a` to `b`, at the share `alpha` of the way; exact at both ends.
fn line(a: f64, b: f64, alpha: f64) -> f64 {
    (1.0 - alpha) * a + alpha * b
}

/// Half a cosine from `a` to `b`, at the share `alpha` of the way.
fn cosine(a: f64, b: f64, alpha: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + (PI * alpha).cos())
}

/// The position of a step in its period and that period's length, each period being `growth` times as long
/// as the one before.
fn within_period(step: u64, first: u64, growth: u64) -> (u64, u64) {
    if growth == 1 {
        return (step % first, first);
    }
    let (mut position, mut period) = (step, first);
    // At most 64 times: the periods at least double.
    while position >= period {
        position -= period;
        period = period.saturating_mul(growth);
    }
    (position, period)
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
    fn longer_schedules_follow_their_formulas() {
        let exponential = Schedule::Exponential { initial: 8.0, factor: 0.5 };
        assert_eq!([0, 1, 2, 10].map(|k| exponential.at(k)), [8.0, 4.0, 2.0, 0.0078125]);
        let polynomial = Schedule::Polynomial { initial: 5.0, last: 1.0, power: 2.0, steps: 4 };
        assert_eq!([0, 1, 2, 3, 4, 9].map(|k| polynomial.at(k)), [5.0, 3.25, 2.0, 1.25, 1.0, 1.0]);

        let restarts = Schedule::CosineRestarts { initial: 3.0, last: 1.0, steps: 2, growth: 2 };
        // Periods of 2, 4 and 8 steps begin at 0, 2 and 6.
        let half = 2.0 + (PI / 4.0).cos();
        let expected = [3.0, 2.0, 3.0, half, 2.0, 4.0 - half, 3.0];
        for (k, expected) in expected.into_iter().enumerate() {
            assert!((restarts.at(k as u64) - expected).abs() < 1e-15, "step {k}: {}", restarts.at(k as u64));
        }
        assert_eq!(restarts.at(14), 3.0);
        assert!(restarts.at(u64::MAX) >= 1.0);
        let equal = Schedule::CosineRestarts { initial: 3.0, last: 1.0, steps: 3, growth: 1 };
        assert_eq!([0, 3, 3_000_000_000].map(|k| equal.at(k)), [3.0; 3]);
        assert_eq!(equal.at(1), equal.at(4));

        let cycle = Schedule::OneCycle { initial: 1.0, peak: 5.0, last: 0.5, rise: 2, steps: 6 };
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 99].map(|k| cycle.at(k)), [1.0, 3.0, 5.0, 3.0, 1.0, 0.75, 0.5, 0.5]);
        // Without a tail it ends where it began.
        let cycle = Schedule::OneCycle { initial: 1.0, peak: 5.0, last: 1.0, rise: 2, steps: 4 };
        assert_eq!([3, 4, 5].map(|k| cycle.at(k)), [3.0, 1.0, 1.0]);
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
        let refusal = |schedule: Schedule| schedule.check().unwrap_err().to_string();
        assert_eq!(
            refusal(Schedule::OneCycle { initial: 1.0, peak: 2.0, last: 0.0, rise: 3, steps: 5 }),
            "the number of steps is 5, it must be at least twice the rising ones"
        );
        assert_eq!(
            refusal(Schedule::CosineRestarts { initial: 1.0, last: 0.0, steps: 3, growth: 0 }),
            "the growth of periods is 0, it must be at least 1"
        );
        assert_eq!(
            refusal(Schedule::Polynomial { initial: 1.0, last: 0.0, power: 0.0, steps: 3 }),
            "the power is 0, it must be finite and above 0"
        );
        assert!(Schedule::Exponential { initial: 1.0, factor: -0.5 }.check().is_err());
        assert!(
            Schedule::OneCycle { initial: 1.0, peak: f64::NAN, last: 0.0, rise: 1, steps: 5 }
                .check()
                .is_err()
        );
    }
}
