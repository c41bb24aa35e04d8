//! The symmetric Beta distribution, drawn by its quantile function: one uniform draw gives one share.
//!
//! `Beta(α, α)` has the density `xᵅ⁻¹ (1 - x)ᵅ⁻¹ / B(α, α)` on (0, 1): uniform for `α = 1`, heaped at both ends
//! for `α < 1`, around ½ for `α > 1`. Rejection would need an unknown number of draws; the inverse of the
//! distribution function needs one, keeps the order of draws and can be tested without chance.

use autograd::{Custom, Real, Shape, Var};

/// The regularised incomplete beta function `I(x; α, α)`: the probability that a share is at most `x`.
///
/// A continued fraction (Abramowitz and Stegun, 26.5.8) below ½, where it converges fast, and `1 - I(1 - x)`
/// above.
///
/// # Panics
/// If `α` is not above 0 or `x` not in [0, 1].
pub fn probability(x: f64, alpha: f64) -> f64 {
    assert!(alpha > 0.0 && alpha.is_finite(), "Beta(α, α) with α = {alpha}");
    assert!((0.0..=1.0).contains(&x), "Beta(α, α): {x} is no share");
    match x {
        0.0 => 0.0,
        x if x > 0.5 => 1.0 - probability(1.0 - x, alpha),
        x => ln_lower(x.ln(), alpha, ln_beta(alpha)).exp(),
    }
}

/// The share `x` with `I(x; α, α) = p`.
///
/// # Panics
/// If `α` is not above 0 or `p` not in [0, 1].
///
/// ```
/// use regularize::augmentation::beta::{probability, quantile};
/// assert_eq!(quantile(0.5, 0.3), 0.5);
/// assert!((quantile(0.2, 1.0) - 0.2).abs() < 1e-15); // uniform
/// assert!((probability(quantile(0.2, 0.4), 0.4) - 0.2).abs() < 1e-14);
/// ```
pub fn quantile(p: f64, alpha: f64) -> f64 {
    assert!(alpha > 0.0 && alpha.is_finite(), "Beta(α, α) with α = {alpha}");
    assert!((0.0..=1.0).contains(&p), "Beta(α, α): {p} is no probability");
    match p {
        0.0 => return 0.0,
        0.5 => return 0.5,
        p if p > 0.5 => return 1.0 - quantile(1.0 - p, alpha),
        _ => {}
    }
    // Newton's method on ln I as a function of t = ln x, which is nearly straight. Below ½ the factor
    // (1 - x)ᵅ⁻¹ of the density is between 1 and 2¹⁻ᵅ, which encloses the root.
    let (ln_beta, ln_half) = (ln_beta(alpha), 0.5f64.ln());
    let straight = (p.ln() + alpha.ln() + ln_beta) / alpha;
    let spread = (alpha - 1.0) / alpha * std::f64::consts::LN_2;
    let mut low = straight + spread.min(0.0);
    let mut high = (straight + spread.max(0.0)).min(ln_half);
    let mut t = straight.clamp(low.min(high), high);
    for _ in 0..60 {
        let value = ln_lower(t, alpha, ln_beta);
        let error = value - p.ln();
        if error > 0.0 {
            high = t
        } else {
            low = t
        }
        // d ln I / dt = x f(x) / I(x).
        let slope = (alpha * t + (alpha - 1.0) * (-t.exp()).ln_1p() - ln_beta - value).exp();
        let next = t - error / slope;
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        if (next - t).abs() <= 1e-16 * t.abs() {
            break;
        }
        t = next;
    }
    t.exp()
}

/// `ln I(eᵗ; α, α)` for `eᵗ ≤ ½`.
fn ln_lower(t: f64, alpha: f64, ln_beta: f64) -> f64 {
    let x = t.exp();
    // The continued fraction by Lentz's method: numerators d₁, d₂, ..., denominators 1.
    let tiny = 1e-300;
    let guard = |value: f64| if value.abs() < tiny { tiny } else { value };
    let (mut c, mut d, mut fraction) = (1.0, 0.0, 1.0);
    for step in 0..10_000 {
        let m = f64::from(step / 2);
        let numerator = match step {
            0 => 1.0,
            _ if step % 2 == 0 => m * (alpha - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m)),
            _ => -(alpha + m) * (2.0 * alpha + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0)),
        };
        d = 1.0 / guard(1.0 + numerator * d);
        c = guard(1.0 + numerator / c);
        fraction *= c * d;
        if (1.0 - c * d).abs() < 1e-16 {
            break;
        }
    }
    alpha * t + alpha * (-x).ln_1p() - alpha.ln() - ln_beta + (fraction - 1.0).ln()
}

/// `ln B(α, α)`.
fn ln_beta(alpha: f64) -> f64 {
    2.0 * ln_gamma(alpha) - ln_gamma(2.0 * alpha)
}

/// `ln Γ(x)` for `x > 0`, by Stirling's series above 16 and `Γ(x) = Γ(x + 1)/x` below.
fn ln_gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < 16.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let square = shifted.powi(-2);
    // The next term, 691/360360 x⁻¹¹, is below 1.1e-16 at 16.
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    let sum = series.into_iter().fold(0.0, |sum, term| sum * square + term) / shifted;
    let stirling = (shifted - 0.5) * shifted.ln() - shifted + 0.5 * (2.0 * std::f64::consts::PI).ln() + sum;
    stirling - product.ln()
}

/// Shares from uniform draws, of any shape: [`quantile`] of each. A draw is a constant to differentiation.
///
/// # Panics
/// If `α` is not above 0.
#[track_caller]
pub fn shares<T: Real>(draws: Var<'_, T>, alpha: f64) -> Var<'_, T> {
    assert!(alpha > 0.0 && alpha.is_finite(), "Beta(α, α) with α = {alpha}");
    Var::custom(Quantile { alpha }, &[draws])
}

#[derive(Debug)]
struct Quantile {
    alpha: f64,
}

impl<T: Real> Custom<T> for Quantile {
    fn name(&self) -> String {
        format!("beta_quantile({})", self.alpha)
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        for (share, draw) in output.iter_mut().zip(inputs[0].0) {
            let draw = draw.to_f64();
            *share =
                if draw.is_nan() { T::NAN } else { T::from_f64(quantile(draw.clamp(0.0, 1.0), self.alpha)) };
        }
    }

    fn expression<'g>(&self, _: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        None
    }

    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }

    fn jvp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
        None
    }
}

#[cfg(test)]
mod tests;
