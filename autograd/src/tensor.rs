//! Plain values: a shape and its elements, row-major, owned.
//!
//! A [`Tensor`] is what goes into a graph (feeds, parameters, constants) and what comes out of it. It
//! knows no operations and no gradients: computation is recorded in a [`Graph`](crate::Graph) and run
//! by an evaluator. `Tensor<f32>` and `Tensor<f64>` hold real values, `Tensor<u32>` labels and indices.
//!
//! ```
//! use autograd::Tensor;
//! let t = Tensor::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! assert_eq!(t.shape().lengths(), [2, 3]);
//! assert_eq!(t[[1, 0]], 4.0);
//! ```

use crate::real::Real;
use crate::shape::Shape;
use std::fmt;
use std::ops::Index;

/// A value whose number of elements does not fit its shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a value of shape {shape} has {} elements, {given} were given", shape.numel())]
pub struct ElementCountError {
    /// The shape that was asked for.
    pub shape: Shape,
    /// The number of elements that was given.
    pub given: usize,
}

/// A row-major array of elements with a shape.
///
/// Invariant: `data.len() == shape.numel()`.
#[derive(Clone, PartialEq)]
pub struct Tensor<E> {
    shape: Shape,
    data: Vec<E>,
}

impl<E> Tensor<E> {
    /// A tensor of `shape` with the elements `data`, last axis fastest.
    ///
    /// # Panics
    /// If the number of elements is not the product of the lengths; [`Tensor::try_new`] returns an error.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, data: Vec<E>) -> Tensor<E> {
        Tensor::try_new(shape, data).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A tensor of `shape` with the elements `data`, or an error if their number does not fit.
    pub fn try_new(shape: impl Into<Shape>, data: Vec<E>) -> Result<Tensor<E>, ElementCountError> {
        let shape = shape.into();
        if shape.numel() == data.len() {
            Ok(Tensor { shape, data })
        } else {
            Err(ElementCountError { shape, given: data.len() })
        }
    }

    /// A tensor whose element at flat index `i` is `element(i)`.
    pub fn from_fn(shape: impl Into<Shape>, element: impl FnMut(usize) -> E) -> Tensor<E> {
        let shape = shape.into();
        Tensor { shape, data: (0..shape.numel()).map(element).collect() }
    }

    /// A tensor without axes that holds one element.
    pub fn scalar(value: E) -> Tensor<E> {
        Tensor { shape: Shape::SCALAR, data: vec![value] }
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[E] {
        &self.data
    }

    /// The elements, row-major, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [E] {
        &mut self.data
    }

    /// The elements, row-major; the shape is dropped.
    pub fn into_data(self) -> Vec<E> {
        self.data
    }

    /// Exchanges the elements with `other`, which a run borrows so: one of the two is then empty, and the
    /// invariant is restored by exchanging again.
    pub(crate) fn swap_data(&mut self, other: &mut Vec<E>) {
        std::mem::swap(&mut self.data, other);
    }

    /// The same elements under another shape.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Tensor<E> {
        Tensor::new(shape, self.data)
    }
}

impl<E: Copy> Tensor<E> {
    /// A tensor with every element equal to `value`.
    pub fn full(shape: impl Into<Shape>, value: E) -> Tensor<E> {
        Tensor::from_fn(shape, |_| value)
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> E {
        assert!(self.data.len() == 1, "item() of a tensor of shape {}", self.shape);
        self.data[0]
    }

    /// The value at `[row, ..]` for each of `rows`, stacked: how a minibatch is taken from a data set.
    ///
    /// # Panics
    /// If there is no axis, or a row is out of range.
    #[track_caller]
    pub fn rows(&self, rows: &[usize]) -> Tensor<E> {
        assert!(self.shape.rank() > 0, "rows() of a scalar");
        let width = self.data.len().checked_div(self.shape[0]).unwrap_or(0);
        let mut data = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            assert!(row < self.shape[0], "row {row} of a tensor of shape {}", self.shape);
            data.extend_from_slice(&self.data[row * width..(row + 1) * width]);
        }
        Tensor { shape: self.shape.with_axis(0, rows.len()), data }
    }
}

impl<T: Real> Tensor<T> {
    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Tensor<T> {
        Tensor::full(shape, T::ZERO)
    }

    /// The same values in another precision, each rounded once.
    pub fn cast<U: Real>(&self) -> Tensor<U> {
        Tensor { shape: self.shape, data: self.data.iter().map(|&x| U::from_f64(x.to_f64())).collect() }
    }

    /// The flat index of the first NaN or infinity, if there is one.
    pub fn first_non_finite(&self) -> Option<usize> {
        self.data.iter().position(|x| !x.is_finite())
    }
}

impl<E, const N: usize> Index<[usize; N]> for Tensor<E> {
    type Output = E;
    /// The element at a multi-index.
    #[track_caller]
    fn index(&self, index: [usize; N]) -> &E {
        let in_range = N == self.shape.rank() && index.iter().zip(self.shape.lengths()).all(|(i, n)| i < n);
        assert!(in_range, "index {index:?} of a tensor of shape {}", self.shape);
        let strides = self.shape.strides();
        &self.data[index.iter().zip(strides).map(|(i, s)| i * s).sum::<usize>()]
    }
}

impl<E: fmt::Debug> fmt::Debug for Tensor<E> {
    /// Shape and the first few elements: enough for an assertion message, never a page of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        write!(f, "Tensor{} ", self.shape)?;
        let mut list = f.debug_list();
        list.entries(self.data.iter().take(SHOWN));
        if self.data.len() > SHOWN {
            list.entry(&format_args!(".."));
        }
        list.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_counts_are_checked() {
        assert!(Tensor::try_new([2, 2], vec![1.0]).is_err());
        assert_eq!(
            Tensor::try_new([2, 2], vec![1.0f32]).unwrap_err().to_string(),
            "a value of shape [2, 2] has 4 elements, 1 were given"
        );
        assert_eq!(Tensor::new([0, 3], Vec::<f32>::new()).shape().numel(), 0);
    }

    #[test]
    fn rows_picks_and_repeats() {
        let t = Tensor::from_fn([3, 2], |i| i as u32);
        assert_eq!(t.rows(&[2, 0, 2]).data(), [4, 5, 0, 1, 4, 5]);
        assert_eq!(t.rows(&[]).shape(), Shape::from([0, 2]));
    }

    #[test]
    fn debug_text_is_short() {
        let t = Tensor::from_fn([100], |i| i as u32);
        assert!(format!("{t:?}").len() < 120);
    }
}
