//! The product by blocks that fit the caches.
//!
//! The structure is that of BLIS (F. G. Van Zee, R. A. van de Geijn, *BLIS: A Framework for Rapidly
//! Instantiating BLAS Functionality*, ACM TOMS 41(3), 2015), with its loops numbered from the register
//! tile outwards; a panel of C (see the parent module) is what its loop 5 cuts.
//!
//! ```text
//! LOOP 4   cut k into blocks of KC            A: rows of the panel x KC, in the second-level cache
//! LOOP 2   cut the columns into tiles of NR   B: KC x NR, in the first-level cache
//! LOOP 1   cut the rows into tiles of <= MR   the register tile
//! ```
//!
//! Two habits differ from BLIS, for the small products of a network's layers:
//!
//! - *Packing is a choice.* A is read in place unless neither of its strides is one: a tile takes single
//!   elements of it, and 14 rows are 14 streams, which the processor follows. B is packed by the first tile
//!   of each panel while it computes; beforehand only if it must be transposed or has an edge; not at all
//!   if there is just one tile.
//! - *Tiles of even height.* 32 rows are three tiles of 11, 11, 10 rows, not two of 14 and a rest of 4.

use super::ahead::{LINE as LINE_BYTES, fetch};
use super::tile::{Family, Tile, VECTORS};
use super::{Ahead, Operand, Output, Product};
use crate::kernel::scratch::Purpose;
use crate::real::Real;

/// The longest block of k: KC x NR of B take at most 32 KiB (`f32`) of the first-level cache.
const KC: usize = 256;
/// Elements in a line of the cache, at most: packed B begins at a line.
const LINE: usize = 16;
/// Lanes that a transposing copy may write beyond its target.
const SLACK: usize = 8;

/// # Safety
/// As [`Product::compute`], and the machine has the instructions of `F`.
pub(super) unsafe fn compute<T: Real, F: Family<T>>(product: &Product<T>) {
    let upright = product.c.0.col_stride == 1 || product.n == 1;
    if !upright && (product.c.0.row_stride == 1 || product.m == 1) {
        // C^T <- alpha B^T A^T + beta C^T, whose columns are neighbours.
        // SAFETY: the same product of the same elements.
        return unsafe { compute_upright::<T, F>(&transposed(product)) };
    }
    // SAFETY: as promised by the caller.
    unsafe { compute_upright::<T, F>(product) }
}

fn transposed<T: Real>(product: &Product<T>) -> Product<T> {
    fn flip<P>(operand: Operand<P>) -> Operand<P> {
        let Operand { pointer, row_stride, col_stride, batch_stride } = operand;
        Operand { pointer, row_stride: col_stride, col_stride: row_stride, batch_stride }
    }
    Product {
        m: product.n,
        n: product.m,
        a: flip(product.b),
        b: flip(product.a),
        c: Output(flip(product.c.0)),
        ahead: Ahead::NOTHING,
        ..*product
    }
}

/// # Safety
/// As [`compute`].
unsafe fn compute_upright<T: Real, F: Family<T>>(product: &Product<T>) {
    let Product { m, n, k, a, b, .. } = *product;
    let nr = VECTORS * F::LANES;
    let pack_a = a.row_stride != 1 && a.col_stride != 1 && n > nr;

    // LOOP 4: k into blocks of equal length.
    let blocks = k.div_ceil(KC);
    let kc_max = k.div_ceil(blocks);
    let a_size = if pack_a { (m * kc_max + SLACK).next_multiple_of(LINE) } else { 0 };
    let b_size = kc_max * nr + SLACK;
    T::with_scratch(Purpose::Packing, a_size + b_size, |buffer| {
        let (a_packed, b_packed) = buffer.split_at_mut(a_size);
        let mut first = 0;
        while first < k {
            let kc = kc_max.min(k - first);
            let block = Product {
                k: kc,
                a: Operand { pointer: a.pointer.wrapping_add(first * a.col_stride), ..a },
                b: Operand { pointer: b.pointer.wrapping_add(first * b.row_stride), ..b },
                beta: if first == 0 { product.beta } else { T::ONE },
                // While the last block is computed: what comes earlier would be gone again.
                ahead: if first + kc == k { product.ahead } else { Ahead::NOTHING },
                ..*product
            };
            let a_packed = pack_a.then_some(&mut *a_packed);
            // SAFETY: the block is a part of the product, and the buffers were sized for it.
            unsafe { compute_block::<T, F>(&block, a_packed, b_packed) };
            first += kc;
        }
    });
}

/// Loops 2 and 1 over one block of k.
///
/// # Safety
/// As [`compute`]; `a_packed` holds m k elements, `b_packed` k NR, and the slack of a transposing copy.
unsafe fn compute_block<T: Real, F: Family<T>>(
    product: &Product<T>,
    mut a_packed: Option<&mut [T]>,
    b_packed: &mut [T],
) {
    let Product { m, n, k, alpha, beta, a, b, c: Output(c), ahead } = *product;
    let nr = VECTORS * F::LANES;
    if let Some(a_packed) = &mut a_packed {
        for (row, rows) in even_tiles(m, F::MAX_ROWS) {
            // SAFETY: rows `row ..` of A; the tiles before took `row * k` elements of the buffer.
            unsafe {
                let from = a.pointer.add(row * a.row_stride);
                let to = a_packed.as_mut_ptr().add(row * k);
                copy_transposed::<T, F>(from, a.row_stride, a.col_stride, rows, k, to, rows);
            }
        }
    }
    let b_packed = b_packed.as_mut_ptr();
    let tiles = m.div_ceil(F::MAX_ROWS);
    // LOOP 2
    for col in (0..n).step_by(nr) {
        let cols = nr.min(n - col);
        let vectors = cols.div_ceil(F::LANES);
        let width = vectors * F::LANES;
        let b_panel = b.pointer.wrapping_add(col * b.col_stride);
        // Whole panels of neighbouring columns are packed by the first tile on the way.
        let in_place = b.col_stride == 1 && cols == width && (tiles == 1 || cols == nr);
        if !in_place {
            // SAFETY: columns `col ..` of B, and `k * width` elements of the buffer.
            unsafe { copy_transposed::<T, F>(b_panel, b.col_stride, b.row_stride, cols, k, b_packed, width) };
        }
        // LOOP 1
        for (index, (row, rows)) in even_tiles(m, F::MAX_ROWS).enumerate() {
            let (a_tile, a_row_stride, a_col_stride) = match &a_packed {
                Some(packed) => (packed[row * k..].as_ptr(), 1, rows),
                None => (a.pointer.wrapping_add(row * a.row_stride), a.row_stride, a.col_stride),
            };
            let (b_tile, b_row_stride) =
                if in_place && index == 0 { (b_panel, b.row_stride) } else { (b_packed.cast_const(), width) };
            let pack = in_place && index == 0 && tiles > 1;
            let tile = Tile {
                k,
                cols,
                a: a_tile,
                a_row_stride,
                a_col_stride,
                b: b_tile,
                b_row_stride,
                c: c.pointer.wrapping_add(row * c.row_stride + col * c.col_stride),
                c_row_stride: c.row_stride,
                alpha,
                beta,
                packed: b_packed,
            };
            ahead.fetch(row, rows, col, cols);
            if col + nr < n {
                // The columns to come, a share by each tile: they are far away, and are walked once.
                let next = b.pointer.wrapping_add((col + nr) * b.col_stride);
                fetch_share(next, b, k, nr.min(n - col - nr), index, tiles);
            }
            // SAFETY: the tile is a part of the product.
            unsafe {
                if c.col_stride == 1 || cols == 1 {
                    F::tile(rows, vectors, pack, &tile);
                } else {
                    scattered_tile::<T, F>(rows, vectors, pack, tile, c.col_stride);
                }
            }
        }
    }
}

/// Asks for the cache lines of `k` rows and `cols` columns from `first` on, the share of tile `index` of `tiles`.
#[inline(always)]
fn fetch_share<T: Real>(
    first: *const T,
    b: Operand<*const T>,
    k: usize,
    cols: usize,
    index: usize,
    tiles: usize,
) {
    let line = LINE_BYTES / size_of::<T>();
    if b.col_stride == 1 {
        for p in index * k / tiles..(index + 1) * k / tiles {
            let row = first.wrapping_add(p * b.row_stride);
            (0..cols).step_by(line).for_each(|j| fetch(row.wrapping_add(j)));
        }
    } else if b.row_stride == 1 {
        for j in index * cols / tiles..(index + 1) * cols / tiles {
            let col = first.wrapping_add(j * b.col_stride);
            (0..k).step_by(line).for_each(|p| fetch(col.wrapping_add(p)));
        }
    }
}

/// A tile of a C whose columns are not neighbours: by way of a small buffer.
///
/// # Safety
/// As [`Family::tile`], with columns `col_stride` apart.
unsafe fn scattered_tile<T: Real, F: Family<T>>(
    rows: usize,
    vectors: usize,
    pack: bool,
    tile: Tile<T>,
    col_stride: usize,
) {
    /// 14 rows of 2 vectors of 16 lanes.
    const LARGEST_TILE: usize = 14 * 32;
    let mut sums = [T::ZERO; LARGEST_TILE];
    let width = VECTORS * F::LANES;
    assert!(rows * width <= LARGEST_TILE);
    let Tile { cols, c, c_row_stride, beta, .. } = tile;
    let buffered = Tile { c: sums.as_mut_ptr(), c_row_stride: width, beta: T::ZERO, ..tile };
    // SAFETY: the buffer holds `rows` rows of `width`; the elements of C are valid.
    unsafe {
        F::tile(rows, vectors, pack, &buffered);
        for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
            let c = c.add(i * c_row_stride + j * col_stride);
            let sum = sums[i * width + j];
            *c = if beta == T::ZERO { sum } else { beta.mul_add(*c, sum) };
        }
    }
}

/// `length` in the fewest parts of at most `max`, as even as can be, longer ones first: start and length.
fn even_tiles(length: usize, max: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = length.div_ceil(max);
    let (short, longer) = (length / parts, length % parts);
    (0..parts).map(move |part| (part * short + part.min(longer), short + usize::from(part < longer)))
}

/// `to[p * to_stride + i] = from[i * stride_i + p * stride_p]` for i < `lines`, p < `k`: the order in which
/// tiles read. Elements of `to` between `lines` and `to_stride` are left as they are or get any value.
///
/// # Safety
/// The elements of `from` are valid, and `k * to_stride + SLACK` elements of `to`.
unsafe fn copy_transposed<T: Real, F: Family<T>>(
    from: *const T,
    stride_i: usize,
    stride_p: usize,
    lines: usize,
    k: usize,
    to: *mut T,
    to_stride: usize,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        if stride_i == 1 {
            F::copy(from, stride_p, lines, k, to, to_stride);
        } else if stride_p == 1 {
            F::transpose(from, stride_i, lines, k, to, to_stride);
        } else {
            for p in 0..k {
                for i in 0..lines {
                    *to.add(p * to_stride + i) = *from.add(i * stride_i + p * stride_p);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_even() {
        for (length, max) in [(1, 14), (14, 14), (15, 14), (32, 14), (128, 14), (13, 6)] {
            let tiles: Vec<_> = even_tiles(length, max).collect();
            assert_eq!(tiles.len(), length.div_ceil(max));
            let mut next = 0;
            for &(start, rows) in &tiles {
                assert_eq!(start, next);
                assert!(rows <= max && rows + 1 >= tiles[0].1 && rows > 0);
                next += rows;
            }
            assert_eq!(next, length);
        }
    }
}
