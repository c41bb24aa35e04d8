//! Cross-validation: every example validates once.
//!
//! A small data set has too few examples to set many aside. `k`-fold cross-validation shares it into `k` folds
//! and trains `k` times, each time on all folds but one, which validates (Goodfellow, Bengio, Courville, *Deep
//! Learning*, algorithm 5.1). Which example is in which fold is a function of the seed alone.
//!
//! ```
//! use nn::data::digits;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let data = digits::load()?;
//! for fold in data.stratified_folds(5, 1)? {
//!     let (train, validation) = (data.subset(&fold.train)?, data.subset(&fold.validation)?);
//!     assert_eq!(train.len() + validation.len(), data.len());
//! }
//! # Ok(())
//! # }
//! ```

use super::order::{Purpose, generator};
use super::{DataError, Dataset};
use autograd::Real;
use rand::seq::SliceRandom;

/// One way of training and validating: indices of a data set, ascending, each in one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The examples to train on.
    pub train: Vec<usize>,
    /// The examples to validate on.
    pub validation: Vec<usize>,
}

impl<T: Real> Dataset<T> {
    /// `count` folds of sizes that differ by at most one. Every example is in the validation part of exactly one
    /// of them.
    ///
    /// # Errors
    /// [`Folds`](DataError::Folds) for fewer than two folds, or fewer examples than folds.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut generator(Purpose::Folds, seed, 0));
        dealt(&order, count)
    }

    /// [`Dataset::folds`] in which also the number of examples of each class differs by at most one.
    ///
    /// # Errors
    /// As [`Dataset::folds`].
    pub fn stratified_folds(&self, count: usize, seed: u64) -> Result<Vec<Fold>, DataError> {
        dealt(&self.class_after_class(Purpose::Folds, seed), count)
    }
}

/// Deals examples out like cards: a run of `m` neighbours, such as a class, gives each fold `m / count` of them,
/// rounded up or down.
fn dealt(order: &[usize], count: usize) -> Result<Vec<Fold>, DataError> {
    if count < 2 || order.len() < count {
        return Err(DataError::Folds { folds: count, len: order.len() });
    }
    let mut fold_of = vec![0; order.len()];
    for (place, &index) in order.iter().enumerate() {
        fold_of[index] = place % count;
    }
    let fold = |number| {
        let (validation, train) = (0..order.len()).partition(|&index| fold_of[index] == number);
        Fold { train, validation }
    };
    Ok((0..count).map(fold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::Tensor;
    use proptest::prelude::*;

    fn of(labels: Vec<u32>) -> Dataset {
        let n = labels.len();
        Dataset::new(Tensor::from_fn([n, 1], |i| i as f32), Tensor::new([n], labels), 4).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn every_example_validates_once(
            labels in prop::collection::vec(0u32..4, 2..80),
            count in 2usize..10,
            seed: u64,
        ) {
            prop_assume!(labels.len() >= count);
            let data = of(labels.clone());
            for stratified in [false, true] {
                let folds =
                    if stratified { data.stratified_folds(count, seed) } else { data.folds(count, seed) };
                let folds = folds.unwrap();
                prop_assert_eq!(folds.len(), count);
                let mut all: Vec<usize> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
                for fold in &folds {
                    prop_assert!(fold.train.is_sorted() && fold.validation.is_sorted());
                    let mut both = [&fold.train[..], &fold.validation].concat();
                    both.sort_unstable();
                    prop_assert_eq!(both, (0..labels.len()).collect::<Vec<_>>());
                }
                let spread = |of: &dyn Fn(&Fold) -> usize| {
                    let sizes = folds.iter().map(of);
                    sizes.clone().max().unwrap() - sizes.min().unwrap()
                };
                prop_assert!(spread(&|fold| fold.validation.len()) <= 1);
                for class in (0..4).filter(|_| stratified) {
                    let of_class = |fold: &Fold| fold.validation.iter().filter(|&&i| labels[i] == class).count();
                    prop_assert!(spread(&of_class) <= 1);
                }
            }
        }

        #[test]
        fn folds_are_a_function_of_the_seed(seed: u64, other: u64) {
            let data = of((0..60).map(|i| i % 4).collect());
            prop_assert_eq!(data.folds(5, seed).unwrap(), data.folds(5, seed).unwrap());
            prop_assert_eq!(data.stratified_folds(5, seed).unwrap(), data.stratified_folds(5, seed).unwrap());
            prop_assume!(seed != other);
            // Among the 60!/(12!)⁵ ways of sharing out two seeds do not meet.
            prop_assert_ne!(data.folds(5, seed).unwrap(), data.folds(5, other).unwrap());
            prop_assert_ne!(data.stratified_folds(5, seed).unwrap(), data.stratified_folds(5, other).unwrap());
        }
    }

    #[test]
    fn too_few_folds_or_examples_are_refused() {
        let data = of(vec![0, 1, 2]);
        for count in [0, 1, 4] {
            let text =
                format!("{count} folds of 3 examples: there must be at least 2, and an example for each");
            assert_eq!(data.folds(count, 1).unwrap_err().to_string(), text);
            assert_eq!(data.stratified_folds(count, 1).unwrap_err().to_string(), text);
        }
        assert!(data.folds(3, 1).unwrap().iter().all(|fold| fold.validation.len() == 1));
    }
}
