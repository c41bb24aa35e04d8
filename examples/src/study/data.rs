//! Where a study's examples come from, and how they are shared out.
//!
//! The test part is fixed once: no strength was ever chosen by looking at it, and no seed trains on it. The
//! rest is a pool from which each seed draws a small training part, on which a network overfits, and a
//! validation part, by which strengths were chosen and early stopping stops. Of what is left some techniques see
//! pictures without their labels.

use crate::error::LabError;
use autograd::Tensor;
use nn::data::{Dataset, digits, idx};
use std::path::Path;

/// The seed that fixed the embedded digits' test part. Never another: strengths were chosen on the rest.
const TEST_SPLIT_SEED: u64 = 0;

/// More test examples than this cost time, seven attacks on each network, and the difference between two
/// seeds is larger than what they would add.
const TEST_LIMIT: usize = 2000;

/// Examples to draw training and validation parts from, and the fixed test part.
#[derive(Debug)]
pub struct Source {
    /// How reports call it.
    pub name: String,
    /// Rows and columns of a picture.
    pub picture: [usize; 2],
    pool: Dataset,
    /// The fixed test part, each example a vector.
    pub test: Dataset,
}

/// One seed's share of a pool.
#[derive(Debug)]
pub struct Parts {
    /// What networks are trained on.
    pub train: Dataset,
    /// What strengths are chosen with, and what early stopping looks at.
    pub validation: Dataset,
    /// Pictures without labels, for techniques that take them: those of the training part, and up to twice as many of
    /// the pool that are in neither part.
    pub unlabelled: Tensor<f32>,
}

impl Source {
    /// The embedded digits, half of them for the test part.
    ///
    /// # Errors
    /// None for the embedded file.
    pub fn digits() -> Result<Source, LabError> {
        let [pool, test] = digits::load()?.split([0.5, 0.5], TEST_SPLIT_SEED)?;
        Source::new("embedded digits".into(), pool, test)
    }

    /// The IDX files of a directory, with their own test part: all of it, or 2,000 examples drawn once.
    ///
    /// # Errors
    /// [`LabError::Data`] if they cannot be used, [`LabError::NotPictures`].
    pub fn directory(path: &Path) -> Result<Source, LabError> {
        let (pool, mut test) = idx::load_directory(path)?;
        if test.len() > TEST_LIMIT {
            let share = TEST_LIMIT as f64 / test.len() as f64;
            [test, _] = test.split([share, 1.0 - share], TEST_SPLIT_SEED)?;
        }
        Source::new(path.display().to_string(), pool, test)
    }

    fn new(name: String, pool: Dataset, test: Dataset) -> Result<Source, LabError> {
        let shape = pool.example_shape();
        let &[rows, columns] = shape.lengths() else { return Err(LabError::NotPictures(shape)) };
        Ok(Source { name, picture: [rows, columns], pool: pool.flattened(), test: test.flattened() })
    }

    /// The number of examples that are not in the test part.
    pub fn available(&self) -> usize {
        self.pool.len()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.pool.classes()
    }

    /// A training and a validation part of these sizes, with each class's share, drawn with `seed`.
    ///
    /// # Errors
    /// [`LabError::TooFewExamples`].
    pub fn parts(&self, train: usize, validation: usize, seed: u64) -> Result<Parts, LabError> {
        let available = self.available();
        if train + validation > available {
            let origin = self.name.clone();
            return Err(LabError::TooFewExamples { train, validation, origin, available });
        }
        let share = |count: usize| count as f64 / available as f64;
        let rest = available - train - validation;
        if rest == 0 {
            let [train, validation] = self.pool.split([share(train), share(validation)], seed)?;
            let unlabelled = train.examples().clone();
            return Ok(Parts { train, validation, unlabelled });
        }
        let [train, validation, rest] =
            self.pool.split([share(train), share(validation), share(rest)], seed)?;
        let further = rest.len().min(2 * train.len());
        // From all over the rest, which is in the order of the pool.
        let chosen = (0..further).flat_map(|i| rest.example(i * rest.len() / further));
        let values = train.examples().data().iter().chain(chosen).copied().collect();
        let unlabelled = Tensor::new([train.len() + further, train.width()], values);
        Ok(Parts { train, validation, unlabelled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_sizes_asked_for_and_differ_with_the_seed() {
        let source = Source::digits().unwrap();
        let parts = source.parts(100, 300, 1).unwrap();
        assert_eq!((parts.train.len(), parts.validation.len()), (100, 300));
        assert_eq!(source.test.len() + source.available(), 1797);
        assert_ne!(parts.train, source.parts(100, 300, 2).unwrap().train);
        let all = source.available();
        assert_eq!(source.parts(all - 10, 10, 1).unwrap().validation.len(), 10);
    }

    #[test]
    fn pictures_without_labels_are_of_neither_the_validation_nor_the_test_part() {
        let source = Source::digits().unwrap();
        let width = source.picture[0] * source.picture[1];
        for (train, expected) in
            [(100, 300), (300, 599), (source.available() - 300, source.available() - 300)]
        {
            let Parts { train, validation, unlabelled } = source.parts(train, 300, 2).unwrap();
            assert_eq!(unlabelled.shape().lengths(), [expected, width]);
            assert_eq!(unlabelled.data()[..train.len() * width], *train.examples().data());
            let pictures: Vec<&[f32]> = unlabelled.data().chunks(width).collect();
            for kept in [&validation, &source.test] {
                assert!((0..kept.len()).all(|i| !pictures.contains(&kept.example(i))));
            }
        }
    }

    #[test]
    fn no_training_example_is_a_test_example() {
        let source = Source::digits().unwrap();
        let parts = source.parts(source.available() - 1, 1, 1).unwrap();
        let test: Vec<&[f32]> = (0..source.test.len()).map(|i| source.test.example(i)).collect();
        let shared = (0..parts.train.len()).filter(|&i| test.contains(&parts.train.example(i))).count();
        assert_eq!(shared, 0);
    }

    #[test]
    fn too_large_a_part_is_refused() {
        let error = Source::digits().unwrap().parts(890, 300, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a training part of 890 examples and a validation part of 300 need 1190 examples; embedded digits \
             offers 899 to train and choose with. Ask for fewer with --train"
        );
    }
}
