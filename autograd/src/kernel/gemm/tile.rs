//! The register tile: a few rows of C held in registers while k runs past.
//!
//! ```text
//! for p in 0..k                    one outer product a_p b_p
//!     for i in 0..ROWS             one element of A in all lanes
//!         for v in 0..VECTORS      one vector of B
//!             C[i][v] += A[i][p] B[p][v]
//! ```
//!
//! With 14 rows and 2 vectors, 28 of the 32 registers of AVX-512 are sums: enough independent sums to hide
//! the latency of a fused multiply-add (2 per cycle, 4 cycles), and 28 of them for 16 loads, so that
//! memory keeps up (2 loads per cycle). Each count of rows has a tile of its own, so no tile ever computes
//! rows that do not exist.

use super::vector::Vector;
use crate::real::Real;

/// Vectors in a row of a full tile.
pub(super) const VECTORS: usize = 2;

/// One tile of C and what it is made of. `b` and `c` have unit distance between columns.
pub(super) struct Tile<T> {
    pub k: usize,
    pub cols: usize,
    pub a: *const T,
    pub a_row_stride: usize,
    pub a_col_stride: usize,
    pub b: *const T,
    pub b_row_stride: usize,
    pub c: *mut T,
    pub c_row_stride: usize,
    pub alpha: T,
    pub beta: T,
    /// Where the first tile of a panel leaves a copy of B, one row after the other, for the tiles to come.
    pub packed: *mut T,
}

/// `C <- alpha A B + beta C` for ROWS rows and up to VECTORS vectors of columns.
///
/// # Safety
/// The instructions of `V` exist, the elements of the tile and whole vectors of B are valid, and `packed`
/// if PACK.
#[inline(always)]
unsafe fn tile<T: Real, V: Vector<T>, const ROWS: usize, const VECTORS: usize, const PACK: bool>(
    tile: &Tile<T>,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let last = tile.cols - (VECTORS - 1) * V::LANES;
        let mask = V::mask(last);
        let mut sums = [[V::zero(); VECTORS]; ROWS];
        // A pointer for each row and one offset for all: stepping from row to row would be a chain of
        // additions as long as the multiplications take.
        let mut a_rows = [tile.a; ROWS];
        for i in 1..ROWS {
            a_rows[i] = a_rows[i - 1].wrapping_add(tile.a_row_stride);
        }
        let mut a_offset = 0;
        let (mut b, mut packed) = (tile.b, tile.packed);
        for _ in 0..tile.k {
            let mut b_row = [V::zero(); VECTORS];
            for (v, vector) in b_row.iter_mut().enumerate() {
                let from = b.add(v * V::LANES);
                *vector = V::load(from);
                if PACK {
                    vector.store(packed.add(v * V::LANES));
                }
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = V::splat(*a_rows[i].wrapping_add(a_offset));
                for (sum, &b) in sums.iter_mut().zip(&b_row) {
                    *sum = b.mul_add(a, *sum);
                }
            }
            // The last step leaves the matrices.
            a_offset += tile.a_col_stride;
            b = b.wrapping_add(tile.b_row_stride);
            packed = packed.wrapping_add(VECTORS * V::LANES);
        }
        let (alpha, beta) = (V::splat(tile.alpha), V::splat(tile.beta));
        let overwrite = tile.beta == T::ZERO;
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let c = tile.c.add(i * tile.c_row_stride + v * V::LANES);
                let scaled = sum.mul(alpha);
                let partial = v + 1 == VECTORS && last < V::LANES;
                match (overwrite, partial) {
                    (true, false) => scaled.store(c),
                    (true, true) => scaled.store_masked(c, mask),
                    (false, false) => beta.mul_add(V::load(c), scaled).store(c),
                    (false, true) => beta.mul_add(V::load_masked(c, mask), scaled).store_masked(c, mask),
                }
            }
        }
    }
}

/// `to[p * to_stride + i] = from[i * from_stride + p]` for i < rows, p < count. Beyond `rows` it writes
/// up to the next multiple of a square's edge.
///
/// # Safety
/// The instructions of `V` exist; `from` is valid for what is read, `to` for `count * to_stride + 8`.
#[inline(always)]
unsafe fn transpose<T: Real, V: Vector<T>>(
    from: *const T,
    from_stride: usize,
    rows: usize,
    count: usize,
    to: *mut T,
    to_stride: usize,
) {
    // The last square first: where it exceeds the rows, the first of the next line overwrite it.
    for square in (0..rows.div_ceil(V::SQUARE)).rev() {
        let first = square * V::SQUARE;
        // SAFETY: rows beyond the last repeat it; the rest as promised by the caller.
        unsafe {
            let row = |i: usize| from.add((first + i).min(rows - 1) * from_stride);
            let to = to.add(first);
            let mut p = 0;
            while p + V::SQUARE <= count {
                V::transpose(
                    std::array::from_fn(|i| row(i).wrapping_add(p)),
                    to.add(p * to_stride),
                    to_stride,
                );
                p += V::SQUARE;
            }
            for p in p..count {
                for i in 0..V::SQUARE.min(rows - first) {
                    *to.add(p * to_stride + i) = *row(i).add(p);
                }
            }
        }
    }
}

/// `to[p * to_stride + i] = from[p * from_stride + i]` for i < cols, p < count.
///
/// # Safety
/// The instructions of `V` exist; the elements are valid.
#[inline(always)]
unsafe fn copy<T: Real, V: Vector<T>>(
    from: *const T,
    from_stride: usize,
    cols: usize,
    count: usize,
    to: *mut T,
    to_stride: usize,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let whole = cols / V::LANES * V::LANES;
        let mask = V::mask(cols - whole);
        for p in 0..count {
            let (from, to) = (from.add(p * from_stride), to.add(p * to_stride));
            for i in (0..whole).step_by(V::LANES) {
                V::load(from.add(i)).store(to.add(i));
            }
            if whole < cols {
                V::load_masked(from.add(whole), mask).store_masked(to.add(whole), mask);
            }
        }
    }
}

/// A family of vector instructions, with the tiles compiled for it.
pub(super) trait Family<T> {
    /// Rows of the largest tile.
    const MAX_ROWS: usize;
    /// Elements in a vector.
    const LANES: usize;

    /// Computes a tile of `rows` rows and `vectors` vectors.
    ///
    /// # Safety
    /// As [`tile`]; `rows` is 1 to MAX_ROWS, `vectors` is 1 or 2, and 2 if `pack`.
    unsafe fn tile(rows: usize, vectors: usize, pack: bool, arguments: &Tile<T>);

    /// # Safety
    /// As [`copy`].
    unsafe fn copy(
        from: *const T,
        from_stride: usize,
        cols: usize,
        count: usize,
        to: *mut T,
        to_stride: usize,
    );

    /// # Safety
    /// As [`transpose`].
    unsafe fn transpose(
        from: *const T,
        from_stride: usize,
        rows: usize,
        count: usize,
        to: *mut T,
        to_stride: usize,
    );
}

/// A family: its vectors, its features and its counts of rows.
macro_rules! family {
    ($family:ident, $scalar:ident, $vector:ty, [$($rows:literal)*], $max:literal $(, $feature:literal)?) => {
        impl Family<$scalar> for $family {
            const MAX_ROWS: usize = $max;
            const LANES: usize = <$vector as Vector<$scalar>>::LANES;

            unsafe fn tile(rows: usize, vectors: usize, pack: bool, arguments: &Tile<$scalar>) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn compiled<const ROWS: usize, const VECTORS: usize, const PACK: bool>(
                    arguments: &Tile<$scalar>,
                ) {
                    // SAFETY: as promised by the caller.
                    unsafe { tile::<$scalar, $vector, ROWS, VECTORS, PACK>(arguments) }
                }
                // SAFETY: as promised by the caller.
                unsafe {
                    match (rows, vectors, pack) {
                        $(
                            ($rows, 1, false) => compiled::<$rows, 1, false>(arguments),
                            ($rows, 2, false) => compiled::<$rows, 2, false>(arguments),
                            ($rows, 2, true) => compiled::<$rows, 2, true>(arguments),
                        )*
                        _ => unreachable!("no tile of {rows} rows and {vectors} vectors"),
                    }
                }
            }

            unsafe fn copy(
                from: *const $scalar,
                from_stride: usize,
                cols: usize,
                count: usize,
                to: *mut $scalar,
                to_stride: usize,
            ) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn compiled(
                    from: *const $scalar,
                    from_stride: usize,
                    cols: usize,
                    count: usize,
                    to: *mut $scalar,
                    to_stride: usize,
                ) {
                    // SAFETY: as promised by the caller.
                    unsafe {
                        copy::<$scalar, $vector>(from, from_stride, cols, count, to, to_stride)
                    }
                }
                // SAFETY: as promised by the caller.
                unsafe { compiled(from, from_stride, cols, count, to, to_stride) }
            }

            unsafe fn transpose(
                from: *const $scalar,
                from_stride: usize,
                rows: usize,
                count: usize,
                to: *mut $scalar,
                to_stride: usize,
            ) {
                $(#[target_feature(enable = $feature)])?
                unsafe fn compiled(
                    from: *const $scalar,
                    from_stride: usize,
                    rows: usize,
                    count: usize,
                    to: *mut $scalar,
                    to_stride: usize,
                ) {
                    // SAFETY: as promised by the caller.
                    unsafe {
                        transpose::<$scalar, $vector>(from, from_stride, rows, count, to, to_stride)
                    }
                }
                // SAFETY: as promised by the caller.
                unsafe { compiled(from, from_stride, rows, count, to, to_stride) }
            }
        }
    };
}

/// The baseline: 128-bit vectors, 16 registers.
pub(super) struct PortableFamily;
family!(PortableFamily, f32, super::vector::Portable<f32, 4>, [1 2 3 4], 4);
family!(PortableFamily, f64, super::vector::Portable<f64, 2>, [1 2 3 4], 4);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;
    use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    /// 256-bit vectors, 16 registers: 12 sums, 2 vectors of B, 1 of A.
    pub(in super::super) struct Avx2Family;
    family!(Avx2Family, f32, __m256, [1 2 3 4 5 6], 6, "avx2,fma");
    family!(Avx2Family, f64, __m256d, [1 2 3 4 5 6], 6, "avx2,fma");

    /// 512-bit vectors, 32 registers: 28 sums, 2 vectors of B, 1 of A.
    pub(in super::super) struct Avx512Family;
    family!(
        Avx512Family, f32, __m512, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], 14,
        "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
    );
    family!(
        Avx512Family, f64, __m512d, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], 14,
        "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
    );
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2Family, Avx512Family};
