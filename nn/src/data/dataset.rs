//! Labelled examples in memory, checked once.
//!
//! A [`Dataset`] is examples `[n, ..example shape]`, labels `[n]` and the number of classes. Its
//! constructor checks what every later step relies on, so that no step checks it again: there is at
//! least one example, each has one label, every label names a class, every value is finite.
//!
//! ```
//! use autograd::Tensor;
//! use nn::data::Dataset;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let xor = Dataset::new(
//!     Tensor::new([4, 2], vec![0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]),
//!     Tensor::new([4], vec![0, 1, 1, 0]),
//!     2,
//! )?;
//! assert_eq!(xor.class_counts(), [2, 2]);
//! assert_eq!(xor.subset(&[3, 1])?.labels().data(), [0, 1]);
//! # Ok(())
//! # }
//! ```

use super::DataError;
use autograd::{Real, Shape, Tensor};

/// Labelled examples for classification.
///
/// Invariants: the examples have shape `[n, ..example shape]` with at least one value and all of them
/// finite; the labels have shape `[n]` and lie below `classes`; `classes >= 2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset<T: Real = f32> {
    examples: Tensor<T>,
    labels: Tensor<u32>,
    classes: usize,
}

#[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
impl<T: Real> Dataset<T> {
    /// The data set of `examples` `[n, ..example shape]` with `labels` `[n]` below `classes`.
    ///
    /// # Errors
    /// [`NoExampleAxis`](DataError::NoExampleAxis) or [`Empty`](DataError::Empty) for unfit examples,
    /// [`LabelShape`](DataError::LabelShape), [`CountMismatch`](DataError::CountMismatch),
    /// [`TooFewClasses`](DataError::TooFewClasses) below 2, and
    /// [`LabelOutOfRange`](DataError::LabelOutOfRange) or [`NonFinite`](DataError::NonFinite) naming the
    /// first offending position.
    pub fn new(examples: Tensor<T>, labels: Tensor<u32>, classes: usize) -> Result<Dataset<T>, DataError> {
        let shape = examples.shape();
        if shape.rank() == 0 {
            return Err(DataError::NoExampleAxis);
        }
        if shape.is_empty() {
            return Err(DataError::Empty { shape });
        }
        if labels.shape().rank() != 1 {
            return Err(DataError::LabelShape { shape: labels.shape() });
        }
        if shape[0] != labels.shape()[0] {
            return Err(DataError::CountMismatch { examples: shape[0], labels: labels.shape()[0] });
        }
        if classes < 2 {
            return Err(DataError::TooFewClasses { classes });
        }
        if let Some(position) = labels.data().iter().position(|&label| label as usize >= classes) {
            return Err(DataError::LabelOutOfRange { position, label: labels.data()[position], classes });
        }
        if let Some(flat) = examples.first_non_finite() {
            return Err(non_finite(&examples, flat));
        }
        Ok(Dataset { examples, labels, classes })
    }

    /// The number of examples, at least 1.
    pub fn len(&self) -> usize {
        self.examples.shape()[0]
    }

    /// The number of classes, at least 2. Not every one need occur.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The examples, `[n, ..example shape]`.
    pub fn examples(&self) -> &Tensor<T> {
        &self.examples
    }

    /// The labels, `[n]`.
    pub fn labels(&self) -> &Tensor<u32> {
        &self.labels
    }

    /// Examples, labels and the number of classes.
    pub fn into_parts(self) -> (Tensor<T>, Tensor<u32>, usize) {
        (self.examples, self.labels, self.classes)
    }

    /// The shape of one example.
    pub fn example_shape(&self) -> Shape {
        self.examples.shape().without_axes(|axis| axis == 0)
    }

    /// The number of values in one example.
    pub fn width(&self) -> usize {
        self.examples.data().len() / self.len()
    }

    /// The values of one example, row-major.
    ///
    /// # Panics
    /// If there is no example `index`.
    #[track_caller]
    pub fn example(&self, index: usize) -> &[T] {
        let (width, len) = (self.width(), self.len());
        assert!(index < len, "example {index} of a data set of {len}");
        &self.examples.data()[index * width..(index + 1) * width]
    }

    /// How many examples each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels.data() {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The same values with each example in another shape, such as `[1, 8, 8]` for a convolution.
    ///
    /// # Errors
    /// [`ExampleShape`](DataError::ExampleShape) if the number of values differs or there are too many
    /// axes.
    pub fn with_example_shape(self, lengths: &[usize]) -> Result<Dataset<T>, DataError> {
        let full: Vec<usize> = [self.len()].iter().chain(lengths).copied().collect();
        match Shape::try_new(&full) {
            Some(shape) if shape.numel() == self.examples.shape().numel() => {
                Ok(Dataset { examples: self.examples.reshape(shape), ..self })
            }
            _ => Err(DataError::ExampleShape { from: self.example_shape(), to: lengths.to_vec() }),
        }
    }

    /// The same values with each example as a vector: `[n, width]`.
    pub fn flattened(self) -> Dataset<T> {
        let shape = [self.len(), self.width()];
        Dataset { examples: self.examples.reshape(shape), ..self }
    }

    /// The examples at `indices`, in that order; an index may be repeated.
    ///
    /// # Errors
    /// [`Empty`](DataError::Empty) for no indices, [`IndexOutOfRange`](DataError::IndexOutOfRange).
    pub fn subset(&self, indices: &[usize]) -> Result<Dataset<T>, DataError> {
        if indices.is_empty() {
            return Err(DataError::Empty { shape: self.examples.shape().with_axis(0, 0) });
        }
        let (examples, labels) = self.gather(indices)?;
        Ok(Dataset { examples, labels, classes: self.classes })
    }

    /// The examples and labels at `indices`: a minibatch in tensors of its own.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange).
    pub fn gather(&self, indices: &[usize]) -> Result<(Tensor<T>, Tensor<u32>), DataError> {
        self.check_indices(indices)?;
        Ok((self.examples.rows(indices), self.labels.rows(indices)))
    }

    /// Copies the examples and labels at `indices` into tensors of the same shapes, `[b, ..example
    /// shape]` and `[b]`, without allocating: a training loop fills the same two for every minibatch.
    ///
    /// # Errors
    /// [`BatchShape`](DataError::BatchShape) if a tensor has another shape,
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange). On an error neither tensor is changed.
    pub fn gather_into(
        &self,
        indices: &[usize],
        examples: &mut Tensor<T>,
        labels: &mut Tensor<u32>,
    ) -> Result<(), DataError> {
        let expected = self.examples.shape().with_axis(0, indices.len());
        check_batch_shape("examples", expected, examples.shape())?;
        check_batch_shape("labels", [indices.len()].into(), labels.shape())?;
        self.check_indices(indices)?;
        let width = self.width();
        for (row, &index) in examples.data_mut().chunks_exact_mut(width).zip(indices) {
            row.copy_from_slice(self.example(index));
        }
        for (label, &index) in labels.data_mut().iter_mut().zip(indices) {
            *label = self.labels.data()[index];
        }
        Ok(())
    }

    fn check_indices(&self, indices: &[usize]) -> Result<(), DataError> {
        let len = self.len();
        match indices.iter().position(|&index| index >= len) {
            Some(position) => Err(DataError::IndexOutOfRange { position, index: indices[position], len }),
            None => Ok(()),
        }
    }

    /// The same data set with `value` applied to each value of each example.
    pub(super) fn map_values(&self, value: impl Fn(T) -> T) -> Result<Dataset<T>, DataError> {
        let values = self.examples.data();
        let examples = Tensor::from_fn(self.examples.shape(), |flat| value(values[flat]));
        Dataset::new(examples, self.labels.clone(), self.classes)
    }
}

impl Dataset<f32> {
    /// The same values in another precision, exactly: to `f64` for a gradient check, to `f32` as a copy.
    /// There is no way back from `f64`, because a rounded value may overflow to infinity.
    pub fn cast<U: Real>(&self) -> Dataset<U> {
        Dataset { examples: self.examples.cast(), labels: self.labels.clone(), classes: self.classes }
    }
}

/// The error for the non-finite value at a flat index.
fn non_finite<T: Real>(examples: &Tensor<T>, flat: usize) -> DataError {
    let shape = examples.shape();
    let strides = shape.strides();
    let mut index: Vec<usize> = (0..shape.rank()).map(|axis| flat / strides[axis] % shape[axis]).collect();
    let example = index.remove(0);
    DataError::NonFinite { example, index, value: examples.data()[flat].to_f64() }
}

fn check_batch_shape(what: &'static str, expected: Shape, given: Shape) -> Result<(), DataError> {
    if expected == given {
        return Ok(());
    }
    Err(DataError::BatchShape {
        what,
        expected: expected.lengths().to_vec(),
        given: given.lengths().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five examples of shape [2, 3] whose values are their flat indices, in three classes.
    fn five() -> Dataset {
        Dataset::new(Tensor::from_fn([5, 2, 3], |i| i as f32), Tensor::new([5], vec![0, 1, 2, 1, 0]), 3)
            .unwrap()
    }

    /// What `Dataset::new` says to examples of a shape filled with zeros.
    fn refusal(shape: &[usize], labels: Tensor<u32>, classes: usize) -> String {
        Dataset::<f32>::new(Tensor::zeros(shape), labels, classes).unwrap_err().to_string()
    }

    #[test]
    fn unfit_examples_and_labels_are_refused() {
        let two = || Tensor::new([2], vec![0, 1]);
        let none = || Tensor::new([0], vec![]);
        assert_eq!(refusal(&[], two(), 2), "examples need a first axis that counts them; got a scalar");
        let empty = "a data set needs at least one example of at least one value; the examples have shape";
        assert_eq!(refusal(&[0, 4], none(), 2), format!("{empty} [0, 4]"));
        assert_eq!(refusal(&[2, 0], two(), 2), format!("{empty} [2, 0]"));
        assert_eq!(
            refusal(&[2, 4], Tensor::new([1, 2], vec![0, 1]), 2),
            "labels need shape [n], one for each example; got shape [1, 2]"
        );
        assert_eq!(
            refusal(&[3, 4], two(), 2),
            "3 examples but 2 labels; each example needs exactly one label"
        );
        assert_eq!(refusal(&[2, 4], two(), 1), "1 classes: classification needs at least 2");
        assert_eq!(refusal(&[2, 4], two(), 0), "0 classes: classification needs at least 2");
        assert_eq!(
            refusal(&[2, 4], Tensor::new([2], vec![2, u32::MAX]), 3),
            "label 4294967295 at position 1: labels of 3 classes run from 0 to 2"
        );
        assert_eq!(
            refusal(&[2, 4], Tensor::new([2], vec![1, 2]), 2),
            "label 2 at position 1: labels of 2 classes run from 0 to 1"
        );
    }

    #[test]
    fn non_finite_values_are_named_with_their_position() {
        for (value, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let mut examples = five().examples().clone();
            examples.data_mut()[3 * 6 + 5] = value;
            let error = Dataset::new(examples, five().labels().clone(), 3).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("example 3 holds {name} at [1, 2]: every value must be finite")
            );
        }
    }

    #[test]
    fn the_parts_are_what_went_in() {
        let data = five();
        assert_eq!((data.len(), data.classes(), data.width()), (5, 3, 6));
        assert_eq!(data.example_shape(), Shape::from([2, 3]));
        assert_eq!(data.example(2), [12.0, 13.0, 14.0, 15.0, 16.0, 17.0]);
        assert_eq!(data.class_counts(), [2, 2, 1]);
        assert_eq!(data.clone().flattened().examples().shape(), Shape::from([5, 6]));
        let (examples, labels, classes) = data.clone().into_parts();
        assert_eq!(Dataset::new(examples, labels, classes).unwrap(), data);
    }

    #[test]
    fn a_vector_of_scalars_is_a_data_set() {
        let data =
            Dataset::new(Tensor::new([2], vec![1.0f64, 2.0]), Tensor::new([2], vec![0, 1]), 2).unwrap();
        assert_eq!(data.example_shape(), Shape::SCALAR);
        assert_eq!(data.example(1), [2.0]);
        assert_eq!(data.flattened().examples().shape(), Shape::from([2, 1]));
    }

    #[test]
    fn example_shapes_change_only_within_their_size() {
        let data = five().with_example_shape(&[3, 1, 2]).unwrap();
        assert_eq!(data.examples().shape(), Shape::from([5, 3, 1, 2]));
        assert_eq!(data.examples().data(), five().examples().data());
        for lengths in [&[7][..], &[], &[0], &[1, 1, 1, 2, 3, 1], &[usize::MAX, 6]] {
            let error = five().with_example_shape(lengths).unwrap_err();
            assert!(matches!(error, DataError::ExampleShape { .. }), "{lengths:?}: {error}");
        }
    }

    #[test]
    fn subsets_keep_order_and_classes() {
        let part = five().subset(&[4, 0, 4]).unwrap();
        assert_eq!(part.example(0), five().example(4));
        assert_eq!(part.example(1), five().example(0));
        assert_eq!(part.labels().data(), [0, 0, 0]);
        assert_eq!(part.classes(), 3);
        assert_eq!(
            five().subset(&[0, 5]).unwrap_err().to_string(),
            "index 5 at position 1: the data set has 5 examples, 0 to 4"
        );
        assert!(matches!(five().subset(&[]).unwrap_err(), DataError::Empty { .. }));
    }

    #[test]
    fn gathering_fills_the_callers_tensors() {
        let data = five();
        let indices = [3, 1, 3];
        let (mut examples, mut labels) = (Tensor::full([3, 2, 3], f32::NAN), Tensor::full([3], 99));
        let before = (examples.data().as_ptr(), labels.data().as_ptr());
        data.gather_into(&indices, &mut examples, &mut labels).unwrap();
        assert_eq!((examples.clone(), labels.clone()), data.gather(&indices).unwrap());
        assert_eq!((examples.data().as_ptr(), labels.data().as_ptr()), before, "filled in place");
    }

    #[test]
    fn gathering_into_the_wrong_place_changes_nothing() {
        let data = five();
        let fresh = || (Tensor::full([2, 2, 3], -1.0f32), Tensor::full([2], 99));
        let (mut examples, mut labels) = fresh();
        let error = data.gather_into(&[0, 1, 2], &mut examples, &mut labels).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the batch's examples have shape [3, 2, 3], the tensor to fill has shape [2, 2, 3]"
        );
        let error = data.gather_into(&[0, 1], &mut examples, &mut Tensor::full([2, 1], 0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the batch's labels have shape [2], the tensor to fill has shape [2, 1]"
        );
        let error = data.gather_into(&[0, 9], &mut examples, &mut labels).unwrap_err();
        assert!(matches!(error, DataError::IndexOutOfRange { position: 1, index: 9, len: 5 }));
        assert_eq!((examples, labels), fresh());
    }

    #[test]
    fn casting_to_f64_is_exact() {
        let data = Dataset::new(Tensor::new([2, 1], vec![0.1f32, f32::MAX]), Tensor::new([2], vec![0, 1]), 2)
            .unwrap();
        assert_eq!(data.cast::<f64>().examples().data(), [0.1f32 as f64, f32::MAX as f64]);
        assert_eq!(data.cast::<f32>(), data);
    }
}
