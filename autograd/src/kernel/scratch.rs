//! Working memory of a thread, grown once.
//!
//! A kernel that needs a buffer in every call must not allocate in every call: a compiled plan allocates
//! nothing in steady state. Each thread keeps one buffer, as large as the largest request so far.

use crate::real::Real;
use std::cell::RefCell;

/// A line of the cache: the buffer begins at one, so that no vector straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

thread_local! {
    static BUFFER: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `count` elements of unspecified value.
///
/// # Panics
/// If called from within `work`: a thread has one buffer.
pub(super) fn with<T: Real, R>(count: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    let lines = (count * size_of::<T>()).div_ceil(size_of::<Line>());
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.len() < lines {
            buffer.resize(lines, Line([0; 64]));
        }
        // SAFETY: the buffer has `count` elements or more, is aligned to 64 bytes and initialised, every
        // pattern of bits is an `f32` or `f64` (`Real` is sealed), and the borrow is exclusive.
        let elements = unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast::<T>(), count) };
        work(elements)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_is_aligned() {
        for count in [0, 1, 100, 7, 1000] {
            with(count, |buffer: &mut [f32]| {
                assert_eq!(buffer.len(), count);
                buffer.fill(1.0);
            });
            with(count, |buffer: &mut [f64]| {
                assert_eq!(buffer.as_ptr() as usize % 64, 0);
                assert_eq!(buffer.len(), count);
            });
        }
    }
}
