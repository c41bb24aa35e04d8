//! Fetching into the cache what will be read soon.
//!
//! A product computes on what lies in the cache and leaves the memory idle; what follows it, a pointwise
//! update of many parameters, waits for the memory. Each tile of the product therefore asks for the lines
//! that the update of the same elements will read.

use crate::real::Real;

/// The largest number of arrays that are followed; further ones are left to the processor's own guess.
const MOST: usize = 4;
/// Bytes in a line of the cache.
pub(super) const LINE: usize = 64;

/// Arrays in the order of the product's elements, and where in them a block begins.
#[derive(Clone, Copy)]
pub(super) struct Ahead<T> {
    arrays: [*const T; MOST],
    count: usize,
    row_stride: usize,
}

impl<T: Real> Ahead<T> {
    pub const NOTHING: Ahead<T> = Ahead { arrays: [std::ptr::null(); MOST], count: 0, row_stride: 0 };

    /// The first of `arrays`, whose rows are `row_stride` long.
    pub fn new(arrays: &[*const T], row_stride: usize) -> Ahead<T> {
        let count = arrays.len().min(MOST);
        let mut ahead = Ahead { count, row_stride, ..Ahead::NOTHING };
        ahead.arrays[..count].copy_from_slice(&arrays[..count]);
        ahead
    }

    /// The same arrays from element `start` on.
    pub fn from(self, start: usize) -> Ahead<T> {
        Ahead { arrays: self.arrays.map(|array| array.wrapping_add(start)), ..self }
    }

    /// Asks for the lines of a tile.
    #[inline(always)]
    pub fn fetch(&self, row: usize, rows: usize, col: usize, cols: usize) {
        for array in &self.arrays[..self.count] {
            for row in row..row + rows {
                let first = array.wrapping_add(row * self.row_stride + col);
                for element in (0..cols).step_by(LINE / size_of::<T>()) {
                    fetch(first.wrapping_add(element));
                }
            }
        }
    }
}

/// Asks for one line. Any address will do: one that is not there is ignored.
#[inline(always)]
pub(super) fn fetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint to the processor, which neither reads nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
