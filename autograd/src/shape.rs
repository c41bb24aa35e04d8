//! Shapes: how many axes a value has and how long each is.
//!
//! A [`Shape`] is a small `Copy` value: at most [`MAX_RANK`] lengths held inline, so that a graph of a
//! million nodes does not make a million allocations for its shapes. Values are stored row-major: the
//! last axis is contiguous.
//!
//! Two shapes are combined in one place only, [`Shape::broadcast_with`], by NumPy's rule: align the
//! last axes; an axis of length one stretches to the other's length. The recorder turns the result into
//! explicit reshape and broadcast nodes, so no differentiation rule ever has to undo a broadcast.
//!
//! ```
//! use autograd::Shape;
//! let batch = Shape::from([32, 10]);
//! let bias = Shape::from([10]);
//! assert_eq!(batch.broadcast_with(&bias), Some(Shape::from([32, 10])));
//! assert_eq!(batch.numel(), 320);
//! assert_eq!(batch.to_string(), "[32, 10]");
//! ```

use std::fmt;
use std::ops::Index;

/// The largest number of axes a value may have.
pub const MAX_RANK: usize = 6;

/// The lengths of a value's axes, outermost first. `[]` is a scalar.
///
/// Axes beyond the rank hold zero, so that derived equality and hashing are equality of shapes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    lengths: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a scalar: no axes, one element.
    pub const SCALAR: Shape = Shape { lengths: [0; MAX_RANK], rank: 0 };

    /// A shape with the given axis lengths.
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`] axes, or if the number of elements overflows `usize`.
    #[track_caller]
    pub fn new(lengths: &[usize]) -> Shape {
        match Shape::try_new(lengths) {
            Some(shape) => shape,
            None => panic!(
                "shape {lengths:?}: at most {MAX_RANK} axes, and a number of elements that fits in memory"
            ),
        }
    }

    /// A shape with the given axis lengths, or `None` where [`Shape::new`] would panic.
    pub fn try_new(lengths: &[usize]) -> Option<Shape> {
        if lengths.len() > MAX_RANK {
            return None;
        }
        // Zero-length axes are left out of the product: [0, usize::MAX, 2] must not pass by being empty.
        let product = lengths.iter().filter(|&&n| n > 0).try_fold(1usize, |p, &n| p.checked_mul(n))?;
        if product > isize::MAX as usize / 8 {
            return None;
        }
        let mut shape = Shape { lengths: [0; MAX_RANK], rank: lengths.len() as u8 };
        shape.lengths[..lengths.len()].copy_from_slice(lengths);
        Some(shape)
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The axis lengths as a slice.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths[..self.rank()]
    }

    /// The number of elements: the product of the lengths, one for a scalar.
    pub fn numel(&self) -> usize {
        self.lengths().iter().product()
    }

    /// The length of the last axis; one for a scalar.
    pub fn last(&self) -> usize {
        self.lengths().last().copied().unwrap_or(1)
    }

    /// Distances, in elements, between neighbours along each axis of a row-major value.
    /// Entries beyond the rank are zero.
    pub fn strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = step;
            step *= self.lengths[axis];
        }
        strides
    }

    /// The shape that both operands stretch to under broadcasting, or `None` if an axis disagrees.
    pub fn broadcast_with(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let mut lengths = [0; MAX_RANK];
        for back in 1..=rank {
            let a = if back <= self.rank() { self.lengths[self.rank() - back] } else { 1 };
            let b = if back <= other.rank() { other.lengths[other.rank() - back] } else { 1 };
            lengths[rank - back] = match (a, b) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Shape::try_new(&lengths[..rank])
    }

    /// The same shape with `axis` of another length.
    ///
    /// # Panics
    /// If `axis` is not below the rank.
    #[track_caller]
    pub fn with_axis(mut self, axis: usize, length: usize) -> Shape {
        assert!(axis < self.rank(), "axis {axis} of shape {self}");
        self.lengths[axis] = length;
        self
    }

    /// The same shape without the axes for which `dropped` is true.
    pub fn without_axes(&self, dropped: impl Fn(usize) -> bool) -> Shape {
        let kept: smallvec::SmallVec<[usize; MAX_RANK]> =
            (0..self.rank()).filter(|&axis| !dropped(axis)).map(|axis| self.lengths[axis]).collect();
        Shape::new(&kept)
    }

    /// The same elements with leading axes of length one added until there are `rank` axes.
    ///
    /// # Panics
    /// If the shape has more than `rank` axes already.
    #[track_caller]
    pub fn with_rank(&self, rank: usize) -> Shape {
        assert!(rank >= self.rank(), "shape {self} has more than {rank} axes");
        let mut lengths = [1; MAX_RANK];
        lengths[rank - self.rank()..rank].copy_from_slice(self.lengths());
        Shape::new(&lengths[..rank])
    }

    /// Calls `visit` with every multi-index in row-major order; entries beyond the rank are zero.
    ///
    /// The slow, obvious way to walk a value: reference evaluations use it, kernels do not.
    pub fn for_each_index(&self, mut visit: impl FnMut(&[usize; MAX_RANK])) {
        let mut index = [0; MAX_RANK];
        for _ in 0..self.numel() {
            visit(&index);
            for axis in (0..self.rank()).rev() {
                index[axis] += 1;
                if index[axis] < self.lengths[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.lengths().contains(&0)
    }
}

impl Index<usize> for Shape {
    type Output = usize;
    #[track_caller]
    fn index(&self, axis: usize) -> &usize {
        &self.lengths()[axis]
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(lengths: [usize; N]) -> Shape {
        Shape::new(&lengths)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(lengths: &[usize]) -> Shape {
        Shape::new(lengths)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.lengths())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        type Case = (&'static [usize], &'static [usize], Option<&'static [usize]>);
        let cases: &[Case] = &[
            (&[], &[], Some(&[])),
            (&[3], &[], Some(&[3])),
            (&[2, 1], &[3], Some(&[2, 3])),
            (&[2, 3], &[2, 3], Some(&[2, 3])),
            (&[0], &[1], Some(&[0])),
            (&[0, 3], &[1, 1], Some(&[0, 3])),
            (&[2], &[0], None),
            (&[2, 3], &[2], None),
            (&[4, 1, 6], &[5, 1], Some(&[4, 5, 6])),
        ];
        for (a, b, expected) in cases {
            let (a, b) = (Shape::new(a), Shape::new(b));
            assert_eq!(a.broadcast_with(&b), expected.map(Shape::new), "{a} with {b}");
            assert_eq!(b.broadcast_with(&a), expected.map(Shape::new), "{b} with {a}");
        }
    }

    #[test]
    fn sizes_that_overflow_are_refused_even_beside_an_empty_axis() {
        assert_eq!(Shape::try_new(&[usize::MAX, 2]), None);
        assert_eq!(Shape::try_new(&[0, usize::MAX, 2]), None);
        assert_eq!(Shape::try_new(&[1; 7]), None);
        assert_eq!(Shape::try_new(&[0, 5]).map(|s| s.numel()), Some(0));
    }

    #[test]
    fn strides_are_row_major() {
        assert_eq!(Shape::from([2, 3, 4]).strides()[..3], [12, 4, 1]);
        assert_eq!(Shape::SCALAR.numel(), 1);
        assert_eq!(Shape::from([3]).with_rank(3), Shape::from([1, 1, 3]));
        assert_eq!(Shape::from([2, 3, 4]).without_axes(|a| a == 1), Shape::from([2, 4]));
    }
}
