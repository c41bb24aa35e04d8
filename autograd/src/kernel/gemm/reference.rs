//! Three loops, one accumulator, no fused steps: the definition.

use super::Product;
use crate::real::Real;

/// # Safety
/// As [`Product::compute`].
pub(super) unsafe fn compute<T: Real>(product: &Product<T>) {
    let Product { m, n, k, alpha, beta, a, b, c, .. } = *product;
    for i in 0..m {
        for j in 0..n {
            let mut sum = T::ZERO;
            for p in 0..k {
                // SAFETY: (i, p) is an element of A, (p, j) of B.
                unsafe { sum += *a.pointer.add(a.offset(0, i, p)) * *b.pointer.add(b.offset(0, p, j)) };
            }
            // SAFETY: (i, j) is an element of C.
            unsafe {
                let c = c.0.pointer.add(c.0.offset(0, i, j));
                *c = if beta == T::ZERO { alpha * sum } else { alpha * sum + beta * *c };
            }
        }
    }
}
