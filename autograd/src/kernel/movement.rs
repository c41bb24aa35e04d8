//! Kernels that move elements without computing: rows at an index, padding, concatenation.
//!
//! Each is tested against the slow evaluation that stands beside its rules in [`ops`](crate::ops).

use crate::ops::Strided;
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};

/// `out[i, ..] = table[index[i], ..]` for rows of `width` elements.
///
/// # Panics
/// If an index is out of range.
pub fn gather<T: Real>(table: &[T], index: &[u32], width: usize, out: &mut [T]) {
    if width > 0 {
        for (row, &i) in out.chunks_exact_mut(width).zip(index) {
            row.copy_from_slice(&table[i as usize * width..][..width]);
        }
    }
}

/// `out[index[i], ..] += rows[i, ..]` onto zeros, in the order of the index.
///
/// # Panics
/// If an index is out of range.
pub fn scatter_add<T: Real>(rows: &[T], index: &[u32], width: usize, out: &mut [T]) {
    out.fill(T::ZERO);
    if width > 0 {
        for (row, &i) in rows.chunks_exact(width).zip(index) {
            let sums = &mut out[i as usize * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
    }
}

/// One at `index[i]` of row `i`, zero elsewhere.
///
/// # Panics
/// If an index is out of range.
pub fn one_hot<T: Real>(index: &[u32], classes: usize, out: &mut [T]) {
    out.fill(T::ZERO);
    for (row, &i) in index.iter().enumerate() {
        out[row * classes..][..classes][i as usize] = T::ONE;
    }
}

/// Zeros of shape `shape`, with the elements of `x` (of shape `from`) at `start + index · step`.
pub fn pad<T: Real>(x: &[T], from: Shape, strided: &Strided, shape: Shape, out: &mut [T]) {
    out.fill(T::ZERO);
    if x.is_empty() {
        return;
    }
    let strides = shape.strides();
    let inner = from.rank() - 1;
    let width = from[inner];
    let mut index = [0; MAX_RANK];
    for row in x.chunks_exact(width) {
        let place = |axis: usize| (strided.start[axis] + index[axis] * strided.step[axis]) * strides[axis];
        let first = (0..inner).map(place).sum::<usize>() + strided.start[inner];
        match strided.step[inner] {
            1 => out[first..first + width].copy_from_slice(row),
            step => row.iter().enumerate().for_each(|(i, &value)| out[first + i * step] = value),
        }
        for axis in (0..inner).rev() {
            index[axis] += 1;
            if index[axis] < from[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Copies consecutive blocks of `width` elements to places `stride` apart, beginning at `start`.
pub fn place_blocks<T: Real>(x: &[T], width: usize, out: &mut [T], start: usize, stride: usize) {
    if width > 0 {
        for (block, values) in x.chunks_exact(width).enumerate() {
            out[start + block * stride..][..width].copy_from_slice(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Op, linear};
    use proptest::prelude::*;

    fn ramp(n: usize) -> Vec<f64> {
        (1..=n).map(|i| i as f64).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        #[test]
        fn padding_is_that_of_the_slow_evaluation(
            lengths in prop::collection::vec(0usize..5, 1..4),
            start in prop::collection::vec(0usize..3, 3),
            step in prop::collection::vec(1usize..4, 3),
            after in prop::collection::vec(0usize..3, 3),
        ) {
            let from = Shape::new(&lengths);
            let mut strided = Strided { start: [0; MAX_RANK], step: [1; MAX_RANK] };
            let mut shape = from;
            for axis in 0..from.rank() {
                (strided.start[axis], strided.step[axis]) = (start[axis], step[axis]);
                let span = (from[axis].max(1) - 1) * step[axis] + 1;
                shape = shape.with_axis(axis, start[axis] + span + after[axis]);
            }
            let x = ramp(from.numel());
            let mut out = vec![f64::NAN; shape.numel()];
            pad(&x, from, &strided, shape, &mut out);
            prop_assert_eq!(out, linear::evaluate(&Op::Pad(Box::new(strided)), &[(&x, from)], shape));
        }
    }

    #[test]
    fn rows_are_gathered_added_and_marked() {
        let table = ramp(6);
        let mut out = vec![f64::NAN; 6];
        gather(&table, &[2, 0, 2], 2, &mut out);
        assert_eq!(out, [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
        scatter_add(&table, &[1, 1, 0], 2, &mut out);
        assert_eq!(out, [5.0, 6.0, 4.0, 6.0, 0.0, 0.0]);
        one_hot(&[2, 0], 3, &mut out);
        assert_eq!(out, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        place_blocks(&[7.0, 8.0], 1, &mut out, 1, 3);
        assert_eq!(out, [0.0, 7.0, 1.0, 1.0, 8.0, 0.0]);
        gather::<f64>(&[], &[], 0, &mut []);
    }
}
