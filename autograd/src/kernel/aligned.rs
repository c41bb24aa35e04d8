//! Arrays of numbers that begin at a line of the cache.
//!
//! A vector of 64 bytes that straddles two lines costs two accesses; an allocation of numbers begins
//! anywhere, 16 bytes behind a line as a rule. [`Aligned`] is allocated in whole lines instead.

use crate::real::Real;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Numbers whose first begins a line of the cache. Dereferences to a slice.
///
/// ```
/// use autograd::kernel::aligned::Aligned;
/// let numbers: Aligned<f32> = [1.0, 2.0, 3.0].into_iter().collect();
/// assert_eq!((&numbers[..], numbers.as_ptr() as usize % 64), (&[1.0, 2.0, 3.0][..], 0));
/// ```
#[derive(Clone, Debug)]
pub struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Real> Aligned<T> {
    /// No numbers, nothing allocated.
    pub const fn new() -> Aligned<T> {
        Aligned { lines: Vec::new(), len: 0, element: PhantomData }
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned<T> {
        let mut zeros = Aligned::new();
        zeros.resize(len);
        zeros
    }

    /// Makes it `len` long; what comes new is zero, or what was there before it was made shorter.
    pub fn resize(&mut self, len: usize) {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([0; 64]));
        }
        self.len = len;
    }
}

impl<T: Real> Default for Aligned<T> {
    fn default() -> Self {
        Aligned::new()
    }
}

impl<T: Real> FromIterator<T> for Aligned<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        let numbers: Vec<T> = numbers.into_iter().collect();
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(&numbers);
        aligned
    }
}

impl<T: Real> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `resize` has made lines for `len` numbers, initialised; every pattern of bits is an `f32` or
        // `f64` (`Real` is sealed).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Real> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grows_and_shrinks<T: Real>() {
        let mut numbers = Aligned::<T>::default();
        for len in [0, 1, 17, 3, 1000, 16] {
            numbers.resize(len);
            assert_eq!((numbers.len(), numbers.as_ptr() as usize % 64), (len, 0));
            numbers.fill(T::ONE);
        }
        assert!(Aligned::<T>::zeros(33).iter().all(|&x| x == T::ZERO));
    }

    #[test]
    fn begins_at_a_line_whatever_its_length() {
        grows_and_shrinks::<f32>();
        grows_and_shrinks::<f64>();
    }
}
