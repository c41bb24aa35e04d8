//! The Beta distribution, drawn by its quantile function: one uniform draw gives one share.
//!
//! `Beta(a, b)` has the density `xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b)` on (0, 1). The symmetric one, `a = b = α`, is uniform for
//! `α = 1`, heaped at both ends for `α < 1`, around ½ for `α > 1`. Rejection would need an unknown number of draws;
//! the inverse of the distribution function needs one, keeps the order of draws and can be tested without chance.

use crate::error::{RegularizeError, above_zero, at_least_zero};
use autograd::{Custom, Real, Shape, Var};

/// `Beta(a, b)`. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::beta::Beta;
/// // The density 2x: its distribution function is x².
/// let rising = Beta::new(2.0, 1.0)?;
/// assert!((rising.probability(0.5) - 0.25).abs() < 1e-14);
/// assert!((rising.quantile(0.25) - 0.5).abs() < 1e-14);
/// assert!((Beta::UNIFORM.probability(0.3) - 0.3).abs() < 1e-14);
/// assert_eq!(Beta::symmetric(3.0)?, Beta::new(3.0, 3.0)?);
/// let graph = Graph::<f64>::new();
/// let share = interpret(&[rising.shares(graph.fill([1], 0.25))], &[], None)?[0].item();
/// assert_eq!(share, rising.quantile(0.25));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    /// `Beta(1, 1)`: every share is as likely as another.
    pub const UNIFORM: Beta = Beta { a: 1.0, b: 1.0 };

    /// The distribution with these two concentrations, of mean `a / (a + b)`.
    ///
    /// # Errors
    /// If one is not finite and above 0.
    pub fn new(a: f64, b: f64) -> Result<Beta, RegularizeError> {
        for (name, value) in [("Beta's concentration a", a), ("Beta's concentration b", b)] {
            above_zero(name, value)?;
        }
        Ok(Beta { a, b })
    }

    /// `Beta(α, α)`.
    ///
    /// # Errors
    /// If `α` is not finite and above 0.
    pub fn symmetric(alpha: f64) -> Result<Beta, RegularizeError> {
        Beta::new(alpha, alpha)
    }

    /// `Beta(k, n - k + 1)`, the distribution of the `k`-th of `n` uniform draws, `1 ≤ k ≤ n`.
    pub(crate) fn of_order_statistic(k: u64, n: u64) -> Beta {
        Beta { a: k as f64, b: (n - k) as f64 + 1.0 }
    }

    /// `Beta(α, α)` of a technique's `α` of that name; none for 0, when nothing is mixed.
    pub(super) fn of_strength(name: &'static str, alpha: f64) -> Result<Option<Beta>, RegularizeError> {
        let alpha = at_least_zero(name, alpha)?;
        Ok(if alpha == 0.0 { None } else { Some(Beta::symmetric(alpha)?) })
    }

    /// The distribution of `1 - x`.
    fn mirrored(self) -> Beta {
        Beta { a: self.b, b: self.a }
    }

    /// Below this share the continued fraction converges fast, above it that of the mirrored distribution, whose
    /// place this is too. It is ½ where `a = b`.
    fn split(self) -> f64 {
        (self.a + 1.0) / (self.a + self.b + 2.0)
    }

    /// The regularised incomplete beta function `I(x; a, b)`: the probability that a share is at most `x`.
    ///
    /// A continued fraction (Abramowitz and Stegun, 26.5.8) below `(a + 1) / (a + b + 2)`, where it converges fast,
    /// and `1 - I(1 - x; b, a)` above.
    ///
    /// # Panics
    /// If `x` is not in [0, 1].
    pub fn probability(self, x: f64) -> f64 {
        assert!((0.0..=1.0).contains(&x), "Beta(a, b): {x} is no share");
        match x {
            0.0 => 0.0,
            1.0 => 1.0,
            x if x > self.split() => 1.0 - self.mirrored().lower(1.0 - x),
            x => self.lower(x),
        }
    }

    /// The probability of a share up to [`split`](Beta::split).
    fn at_split(self) -> f64 {
        if self.a == self.b { 0.5 } else { self.lower(self.split()) }
    }

    /// `I(x; a, b)` for `0 < x`, up to about [`split`](Beta::split).
    fn lower(self, x: f64) -> f64 {
        self.ln_lower(x.ln(), self.ln_beta()).exp()
    }

    /// The share `x` with `I(x; a, b) = p`.
    ///
    /// # Panics
    /// If `p` is not in [0, 1].
    ///
    /// ```
    /// use regularize::augmentation::beta::Beta;
    /// let uneven = Beta::new(0.4, 2.0)?;
    /// assert!((uneven.probability(uneven.quantile(0.2)) - 0.2).abs() < 1e-14);
    /// assert!((Beta::new(3.0, 1.0)?.quantile(0.2) - 0.2f64.powf(1.0 / 3.0)).abs() < 1e-15); // I = x³
    /// assert_eq!(Beta::symmetric(0.3)?.quantile(0.5), 0.5);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn quantile(self, p: f64) -> f64 {
        assert!((0.0..=1.0).contains(&p), "Beta(a, b): {p} is no probability");
        match p {
            0.0 => 0.0,
            1.0 => 1.0,
            0.5 if self.a == self.b => 0.5,
            p if p > self.at_split() => 1.0 - self.mirrored().lower_quantile(1.0 - p),
            p => self.lower_quantile(p),
        }
    }

    /// The quantile of a `p > 0` whose share is at most about [`split`](Beta::split).
    fn lower_quantile(self, p: f64) -> f64 {
        let Beta { a, b } = self;
        // Newton's method on ln I as a function of t = ln x, which is nearly straight. Below the split the factor
        // (1 - x)ᵇ⁻¹ of the density is between 1 and its value there, which encloses the root.
        let (ln_beta, ln_split) = (self.ln_beta(), self.split().ln());
        let straight = (p.ln() + a.ln() + ln_beta) / a;
        let spread = (1.0 - b) / a * (-self.split()).ln_1p();
        let mut low = straight + spread.min(0.0);
        let mut high = (straight + spread.max(0.0)).min(ln_split);
        let mut t = straight.clamp(low.min(high), high);
        for _ in 0..60 {
            let value = self.ln_lower(t, ln_beta);
            let error = value - p.ln();
            if error > 0.0 {
                high = t
            } else {
                low = t
            }
            // d ln I / dt = x f(x) / I(x).
            let slope = (a * t + (b - 1.0) * (-t.exp()).ln_1p() - ln_beta - value).exp();
            let next = t - error / slope;
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            if (next - t).abs() <= 1e-16 * t.abs() {
                break;
            }
            t = next;
        }
        t.exp()
    }

    /// `ln I(eᵗ; a, b)` for `eᵗ` up to about [`split`](Beta::split).
    fn ln_lower(self, t: f64, ln_beta: f64) -> f64 {
        let Beta { a, b } = self;
        let x = t.exp();
        // The continued fraction by Lentz's method: numerators d₁, d₂, ..., denominators 1.
        let tiny = 1e-300;
        let guard = |value: f64| if value.abs() < tiny { tiny } else { value };
        let (mut c, mut d, mut fraction) = (1.0, 0.0, 1.0);
        for step in 0..10_000 {
            let m = f64::from(step / 2);
            let numerator = match step {
                0 => 1.0,
                _ if step % 2 == 0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
                _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
            };
            d = 1.0 / guard(1.0 + numerator * d);
            c = guard(1.0 + numerator / c);
            fraction *= c * d;
            if (1.0 - c * d).abs() < 1e-16 {
                break;
            }
        }
        a * t + b * (-x).ln_1p() - a.ln() - ln_beta + (fraction - 1.0).ln()
    }

    /// `ln B(a, b)`.
    fn ln_beta(self) -> f64 {
        ln_gamma(self.a) + ln_gamma(self.b) - ln_gamma(self.a + self.b)
    }

    /// Shares from uniform draws, of any shape: [`Beta::quantile`] of each. A draw is a constant to
    /// differentiation.
    pub fn shares<T: Real>(self, draws: Var<'_, T>) -> Var<'_, T> {
        // The quantile of the uniform distribution is the draw itself.
        if self == Beta::UNIFORM {
            return draws;
        }
        Var::custom(Quantile(self), &[draws])
    }
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

#[derive(Debug)]
struct Quantile(Beta);

impl<T: Real> Custom<T> for Quantile {
    fn name(&self) -> String {
        format!("beta_quantile({}, {})", self.0.a, self.0.b)
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        for (share, draw) in output.iter_mut().zip(inputs[0].0) {
            let draw = draw.to_f64();
            *share = if draw.is_nan() { T::NAN } else { T::from_f64(self.0.quantile(draw.clamp(0.0, 1.0))) };
        }
    }

    fn vjp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: usize, _: Var<'g, T>) -> Option<Var<'g, T>> {
        None
    }

    fn jvp<'g>(&self, _: &[Var<'g, T>], _: Var<'g, T>, _: &[Option<Var<'g, T>>]) -> Option<Var<'g, T>> {
        None
    }
}

#[cfg(test)]
pub(super) mod tests;
