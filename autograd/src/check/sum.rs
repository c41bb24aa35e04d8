//! Sums that keep their last digits: dot products in twice the working precision.
//!
//! The checker subtracts numbers that agree in most of their digits, so it cannot afford to lose more
//! in adding them up. Every product and sum is split without error into a result and its rounding error,
//! and the errors are added at the end (Ogita, Rump, Oishi, *Accurate sum and dot product*, 2005).
//!
//! ```
//! use autograd::check::sum::dot;
//! assert_eq!(dot(&[1e16, 1.0, -1e16], &[1.0, 1.0, 1.0]), 1.0); // plain summation gives 0
//! ```

/// `sum_i a[i] b[i]` as if computed with 106 bits and rounded once.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    accumulate(a.iter().zip(b).map(|(&a, &b)| (a, b)))
}

/// `sum_i c[i] (p[i] - q[i])`: the difference is taken first, where it cancels exactly (Sterbenz), and
/// weighted afterwards.
pub fn dot_difference(c: &[f64], p: &[f64], q: &[f64]) -> f64 {
    debug_assert_eq!(c.len(), p.len());
    debug_assert_eq!(c.len(), q.len());
    accumulate(c.iter().zip(p.iter().zip(q)).map(|(&c, (&p, &q))| (c, p - q)))
}

/// `sum_i |a[i] b[i]|`: what rounding errors of a dot product are measured against.
pub fn dot_magnitude(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a * b).abs()).sum()
}

/// The root mean square; zero for an empty slice.
pub fn root_mean_square(a: &[f64]) -> f64 {
    // Divided by the largest entry first: the square of 1e200 is not a number we can store.
    let largest = a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return 0.0;
    }
    largest * (a.iter().map(|x| (x / largest).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

fn accumulate(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut total, mut error) = (0.0f64, 0.0f64);
    for (a, b) in pairs {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = total + product;
        let shadow = sum - total;
        let sum_error = (total - (sum - shadow)) + (product - shadow);
        total = sum;
        error += product_error + sum_error;
    }
    total + error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancellation_loses_nothing() {
        assert_eq!(dot(&[1e16, 1.0, -1e16], &[1.0, 1.0, 1.0]), 1.0);
        // Each product needs 106 bits: (1 + u)(1 - u) - 1 = -u^2.
        let u = 2f64.powi(-40);
        assert_eq!(dot(&[1.0 + u, 1.0], &[1.0 - u, -1.0]), -u * u);
        assert_eq!(dot_difference(&[1e16, 1.0], &[3.0, 2.0], &[3.0, 1.0]), 1.0);
        assert_eq!(dot(&[], &[]), 0.0);
    }

    #[test]
    fn root_mean_square_neither_overflows_nor_underflows() {
        assert!((root_mean_square(&[3e200, 4e200]) / 1e200 - 12.5f64.sqrt()).abs() < 1e-12);
        assert!((root_mean_square(&[3e-200, 4e-200]) / 1e-200 - 12.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(root_mean_square(&[]), 0.0);
        assert_eq!(root_mean_square(&[0.0; 3]), 0.0);
    }
}
