//! Means over seeds, with standard errors.

use serde::Serialize;
use std::fmt;

/// A mean over seeds. As text it is `1.2 ± 0.3`: width, sign and number of decimals as for a number.
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

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        let mut text = if f.sign_plus() {
            format!("{:+.decimals$}", self.mean)
        } else {
            format!("{:.decimals$}", self.mean)
        };
        if let Some(error) = self.standard_error {
            text += &format!(" ± {error:.decimals$}");
        }
        // `Formatter::pad` would take the number of decimals for a largest width.
        write!(f, "{text:>width$}", width = f.width().unwrap_or(0))
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

    #[test]
    fn text_has_the_width_of_a_number() {
        let mean = Mean { mean: 1.25, standard_error: Some(0.5) };
        assert_eq!(format!("{mean:.2}"), "1.25 ± 0.50");
        assert_eq!(format!("{mean:+14.2}"), "  +1.25 ± 0.50");
        assert_eq!(format!("{:6.2}", Mean::of([7.0])), "  7.00");
    }
}
