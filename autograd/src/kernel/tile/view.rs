//! Where the elements of an operand lie.

use crate::shape::{MAX_RANK, Shape};
use std::ops::Range;

/// A view of a buffer: the element at multi-index `i` of the program's shape lies at
/// `offset + Σ i[axis] · stride[axis]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// The shape that is walked.
    pub shape: Shape,
    /// Position of the first element.
    pub offset: isize,
    /// Distances between neighbours.
    pub strides: [isize; MAX_RANK],
}

impl View {
    /// The view of a whole row-major buffer.
    pub fn dense(shape: Shape) -> View {
        View { shape, offset: 0, strides: shape.strides().map(|stride| stride as isize) }
    }

    /// Whether the view walks a row-major buffer from its start, in order.
    pub fn is_dense(&self) -> bool {
        let strides = self.shape.strides();
        self.offset == 0
            && (0..self.shape.rank())
                .all(|axis| self.shape[axis] <= 1 || self.strides[axis] == strides[axis] as isize)
    }

    /// Whether every index reads the same element.
    pub fn is_scalar(&self) -> bool {
        (0..self.shape.rank()).all(|axis| self.shape[axis] <= 1 || self.strides[axis] == 0)
    }

    /// The lowest and one more than the highest position that is read; `None` if nothing is.
    pub fn reach(&self) -> Option<Range<isize>> {
        if self.shape.is_empty() {
            return None;
        }
        let (mut low, mut high) = (self.offset, self.offset);
        for axis in 0..self.shape.rank() {
            let span = (self.shape[axis] as isize - 1) * self.strides[axis];
            low += span.min(0);
            high += span.max(0);
        }
        Some(low..high + 1)
    }

    /// The same walk with as few axes as possible: axes of length one dropped, neighbours that continue
    /// each other merged. Lengths and strides, outermost first.
    pub(super) fn collapsed(&self) -> Collapsed {
        let mut collapsed = Collapsed { rank: 0, lengths: [1; MAX_RANK], strides: [0; MAX_RANK] };
        for axis in (0..self.shape.rank()).filter(|&axis| self.shape[axis] != 1) {
            let (length, stride) = (self.shape[axis], self.strides[axis]);
            let last = collapsed.rank.wrapping_sub(1);
            if collapsed.rank > 0 && collapsed.strides[last] == stride * length as isize {
                collapsed.lengths[last] *= length;
                collapsed.strides[last] = stride;
            } else {
                collapsed.lengths[collapsed.rank] = length;
                collapsed.strides[collapsed.rank] = stride;
                collapsed.rank += 1;
            }
        }
        collapsed.rank = collapsed.rank.max(1);
        collapsed
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Collapsed {
    pub rank: usize,
    pub lengths: [usize; MAX_RANK],
    pub strides: [isize; MAX_RANK],
}
