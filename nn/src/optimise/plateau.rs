//! Lowering the learning rate when a measure stops falling.

use super::HyperparameterError;

/// Multiplies the learning rate with a factor whenever a measure has not improved for some epochs.
///
/// Unlike a [`Schedule`](super::Schedule) it depends on what happened: it is told the measure of each epoch
/// and answers with the factor on the schedule's rate from then on. [`Trainer::plateau`](crate::Trainer::plateau)
/// tells it the validation loss.
///
/// An epoch improves if its measure is below the best one so far by more than a threshold; NaN never does.
/// When `patience + 1` epochs in a row have not improved, the rate falls, and the epochs of the cooldown pass
/// before any count again.
///
/// ```
/// use nn::optimise::Plateau;
/// let mut plateau = Plateau::new(0.5, 1);
/// let factors = [3.0, 2.0, 2.0, f64::NAN, 1.0].map(|loss| plateau.observe(loss));
/// assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plateau {
    factor: f64,
    patience: u64,
    cooldown: u64,
    threshold: f64,
    minimum_rate: f64,
    /// The smallest measure that counted as an improvement.
    best: Option<f64>,
    /// The epochs in a row without improvement.
    waited: u64,
    /// The epochs that are still not counted.
    cooling: u64,
    /// The factor now.
    current: f64,
}

impl Plateau {
    /// Multiplies by `factor`, in (0, 1), after `patience + 1` epochs without improvement. No cooldown, a
    /// threshold of 1e-4, no minimum rate.
    pub fn new(factor: f64, patience: u64) -> Plateau {
        Plateau {
            factor,
            patience,
            cooldown: 0,
            threshold: 1e-4,
            minimum_rate: 0.0,
            best: None,
            waited: 0,
            cooling: 0,
            current: 1.0,
        }
    }

    /// How many epochs after a reduction are not counted.
    pub fn cooldown(mut self, epochs: u64) -> Self {
        self.cooldown = epochs;
        self
    }

    /// An improvement is more than this share, at least 0, of the best measure's size.
    pub fn threshold(mut self, share: f64) -> Self {
        self.threshold = share;
        self
    }

    /// The rate, at least 0, that this never goes below.
    pub fn minimum_rate(mut self, rate: f64) -> Self {
        self.minimum_rate = rate;
        self
    }

    /// Takes the measure of an epoch, the smaller the better; returns the factor on the rate from now on.
    pub fn observe(&mut self, measure: f64) -> f64 {
        // A comparison with NaN is false.
        let improved = match self.best {
            None => !measure.is_nan(),
            // Of an infinite best the share would be infinite too.
            Some(best) if best.is_infinite() => measure < best,
            Some(best) => measure < best - self.threshold * best.abs(),
        };
        if improved {
            self.best = Some(measure);
        }
        if self.cooling > 0 {
            self.cooling -= 1;
        } else if improved {
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        if self.waited > self.patience {
            self.current *= self.factor;
            (self.waited, self.cooling) = (0, self.cooldown);
        }
        self.current
    }

    /// The rate now, where the schedule has `scheduled`: times the factor, but not below
    /// `minimum_rate`, unless the schedule itself is.
    pub fn rate(&self, scheduled: f64) -> f64 {
        (scheduled * self.current).max(self.minimum_rate.min(scheduled))
    }

    /// Whether all numbers make sense.
    ///
    /// # Errors
    /// [`HyperparameterError`] with the first that does not.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        let Plateau { factor, threshold, minimum_rate, .. } = *self;
        HyperparameterError::unless(
            factor > 0.0 && factor < 1.0,
            "factor of a plateau",
            factor,
            "in (0, 1)",
        )?;
        for (name, value) in [("threshold of a plateau", threshold), ("minimum learning rate", minimum_rate)]
        {
            let fits = value.is_finite() && value >= 0.0;
            HyperparameterError::unless(fits, name, value, "finite and at least 0")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(plateau: &mut Plateau, measures: &[f64]) -> Vec<f64> {
        measures.iter().map(|&measure| plateau.observe(measure)).collect()
    }

    #[test]
    fn the_rate_falls_after_epochs_without_improvement() {
        let mut plateau = Plateau::new(0.1, 2);
        assert_eq!(factors(&mut plateau, &[5.0, 4.0, 4.0, 4.0, 3.0]), [1.0; 5], "two epochs are waited for");
        assert_eq!(factors(&mut plateau, &[3.0, 3.0, 3.0]), [1.0, 1.0, 0.1]);
        assert_eq!(factors(&mut plateau, &[3.0, 3.0, 3.0]), [0.1, 0.1, 0.1 * 0.1], "the count begins anew");
    }

    #[test]
    fn the_cooldown_is_not_counted() {
        let mut plateau = Plateau::new(0.5, 0).cooldown(2);
        assert_eq!(factors(&mut plateau, &[1.0, 1.0]), [1.0, 0.5]);
        assert_eq!(factors(&mut plateau, &[1.0, 1.0, 1.0]), [0.5, 0.5, 0.25]);
    }

    #[test]
    fn nan_is_never_an_improvement() {
        let mut plateau = Plateau::new(0.5, 0);
        assert_eq!(factors(&mut plateau, &[f64::NAN, 1.0, f64::NAN, 0.5]), [0.5, 0.5, 0.25, 0.25]);
        // After a NaN the best is still a number.
        assert_eq!(factors(&mut plateau, &[0.5]), [0.125]);
        let mut plateau = Plateau::new(0.5, 0);
        assert_eq!(factors(&mut plateau, &[f64::INFINITY, f64::NEG_INFINITY, 0.0]), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn small_improvements_are_none() {
        let measures = [1.0, 0.99, 0.98];
        assert_eq!(factors(&mut Plateau::new(0.5, 1).threshold(0.05), &measures), [1.0, 1.0, 0.5]);
        assert_eq!(factors(&mut Plateau::new(0.5, 1).threshold(0.0), &measures), [1.0; 3]);
        // Of a negative measure too: -1.01 is no improvement of 5 % on -1, -1.1 is.
        let mut plateau = Plateau::new(0.5, 0).threshold(0.05);
        assert_eq!(factors(&mut plateau, &[-1.0, -1.1, -1.11]), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn the_minimum_rate_is_kept() {
        let mut plateau = Plateau::new(0.5, 0).minimum_rate(0.3);
        let rates = [1.0; 4].map(|measure| {
            plateau.observe(measure);
            plateau.rate(1.0)
        });
        assert_eq!(rates, [1.0, 0.5, 0.3, 0.3]);
        assert_eq!(plateau.rate(0.2), 0.2, "a schedule may go below");
    }

    #[test]
    fn senseless_numbers_are_refused() {
        for factor in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(Plateau::new(factor, 1).check().is_err());
        }
        let error = Plateau::new(0.5, 1).minimum_rate(-1.0).check().unwrap_err();
        assert_eq!(error.to_string(), "the minimum learning rate is -1, it must be finite and at least 0");
        assert!(Plateau::new(0.5, 1).threshold(f64::NAN).check().is_err());
    }
}
