//! Stratified splits: each part gets its share of every class.
//!
//! A plain random split of a small set can leave a class nearly out of the test part, and then the test
//! error says little about it. Here the examples are listed class after class, shuffled within each
//! class, and a part takes evenly spaced places of that list: its size is exact to rounding, and so is
//! its share of each class, while which examples it gets within a class is uniformly random.
//!
//! ```
//! use nn::data::digits;
//! # fn main() -> Result<(), nn::data::DataError> {
//! let [train, validation, test] = digits::load()?.split([0.6, 0.2, 0.2], 1)?;
//! assert_eq!([train.len(), validation.len(), test.len()], [1078, 360, 359]);
//! assert_eq!(test.class_counts(), [35, 37, 35, 37, 36, 36, 37, 35, 35, 36]);
//! # Ok(())
//! # }
//! ```

use super::order::{Purpose, generator};
use super::{DataError, Dataset};
use autograd::Real;
use rand::seq::SliceRandom;

/// How far the sum of the fractions may be from one: well above the rounding of a few additions
/// (0.7 + 0.2 + 0.1 is not 1 in binary), well below one example in any set that fits in memory.
const SUM_TOLERANCE: f64 = 1e-9;

impl<T: Real> Dataset<T> {
    /// Parts of the data set, each with its fraction of every class, every example in exactly one.
    ///
    /// A part's number of examples is its fraction of what the parts before it left, rounded. Each part
    /// keeps the order of the data set. The same seed gives the same parts.
    ///
    /// # Errors
    /// [`FractionOutOfRange`](DataError::FractionOutOfRange) outside (0, 1],
    /// [`FractionSum`](DataError::FractionSum) if they do not add up to 1,
    /// [`EmptyPart`](DataError::EmptyPart) if there are too few examples to go round.
    pub fn split<const N: usize>(
        &self,
        fractions: [f64; N],
        seed: u64,
    ) -> Result<[Dataset<T>; N], DataError> {
        let parts: Vec<Dataset<T>> = self
            .split_indices(fractions, seed)?
            .iter()
            .map(|indices| self.subset(indices))
            .collect::<Result<_, _>>()?;
        Ok(parts.try_into().expect("one part for each fraction"))
    }

    /// The indices that [`Dataset::split`] gives to each part, ascending.
    ///
    /// # Errors
    /// As for [`Dataset::split`].
    pub fn split_indices<const N: usize>(
        &self,
        fractions: [f64; N],
        seed: u64,
    ) -> Result<[Vec<usize>; N], DataError> {
        check_fractions(&fractions)?;
        let mut left = self.class_after_class(Purpose::Split, seed);
        let mut parts = [const { Vec::new() }; N];
        for (part, indices) in parts.iter_mut().enumerate() {
            // The last fraction is divided by itself: exactly one, and nothing is left over.
            let share = fractions[part] / fractions[part..].iter().sum::<f64>();
            let take = (left.len() as f64 * share).round() as usize;
            if take == 0 {
                return Err(DataError::EmptyPart { part, fraction: fractions[part], len: self.len() });
            }
            let (mut taken, rest) = take_evenly(&left, take);
            taken.sort_unstable();
            (*indices, left) = (taken, rest);
        }
        Ok(parts)
    }

    /// All indices, sorted by class and shuffled within each.
    pub(super) fn class_after_class(&self, purpose: Purpose, seed: u64) -> Vec<usize> {
        let mut by_class = vec![Vec::new(); self.classes()];
        for (index, &label) in self.labels().data().iter().enumerate() {
            by_class[label as usize].push(index);
        }
        let mut generator = generator(purpose, seed, 0);
        for indices in &mut by_class {
            indices.shuffle(&mut generator);
        }
        by_class.concat()
    }
}

fn check_fractions(fractions: &[f64]) -> Result<(), DataError> {
    // Written so that NaN is refused too.
    if let Some(position) = fractions.iter().position(|&f| !(f > 0.0 && f <= 1.0)) {
        return Err(DataError::FractionOutOfRange { position, fraction: fractions[position] });
    }
    // Not `sum()`, whose empty sum is -0.
    let sum = fractions.iter().fold(0.0, |sum, f| sum + f);
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(DataError::FractionSum { sum });
    }
    Ok(())
}

/// `take` evenly spaced items of `list`, and the others.
///
/// Item `j` is taken when `floor((j + 1) take / n + 1/2)` exceeds `floor(j take / n + 1/2)`, Bresenham's
/// line: any run of `c` neighbours, a class in particular, holds `c take / n` taken items, rounded up or
/// down. Integers, so that exactly `take` are taken.
fn take_evenly(list: &[usize], take: usize) -> (Vec<usize>, Vec<usize>) {
    let n = list.len() as u128;
    let taken_before = |j: usize| (j as u128 * take as u128 + n / 2) / n;
    let (mut taken, mut rest) = (Vec::with_capacity(take), Vec::with_capacity(list.len() - take));
    for (j, &item) in list.iter().enumerate() {
        let side = if taken_before(j + 1) > taken_before(j) { &mut taken } else { &mut rest };
        side.push(item);
    }
    (taken, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::Tensor;
    use proptest::prelude::*;

    fn with_labels(labels: Vec<u32>) -> Dataset {
        let n = labels.len();
        Dataset::new(Tensor::from_fn([n, 1], |i| i as f32), Tensor::new([n], labels), 5).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn a_split_is_a_stratified_partition(
            labels in prop::collection::vec(0u32..5, 30..200),
            first in 0.1f64..0.8,
            seed: u64,
        ) {
            let data = with_labels(labels);
            let parts = data.split_indices([first, 1.0 - first], seed).unwrap();
            prop_assert_eq!(parts[0].len(), (data.len() as f64 * first).round() as usize);
            prop_assert!(parts.iter().all(|part| part.is_sorted()));
            let mut all = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            for (class, &count) in data.class_counts().iter().enumerate() {
                let label = |index: &&usize| data.labels().data()[**index] as usize == class;
                let given = parts[0].iter().filter(label).count() as f64;
                // One from rounding within the class, a half from rounding the size of the part.
                let error = (given - count as f64 * first).abs();
                prop_assert!(error < 1.5, "class {class}: {given} of {count} for {first}");
            }
        }

        #[test]
        fn three_parts_share_every_class(labels in prop::collection::vec(0u32..5, 30..200), seed: u64) {
            let data = with_labels(labels);
            let fractions = [0.7, 0.2, 0.1];
            let parts = data.split(fractions, seed).unwrap();
            for (part, fraction) in parts.iter().zip(fractions) {
                for (given, count) in part.class_counts().iter().zip(data.class_counts()) {
                    // Two rounds of sharing, each off by less than 1.5 as above.
                    prop_assert!((*given as f64 - count as f64 * fraction).abs() < 3.0);
                }
            }
            prop_assert_eq!(parts.iter().map(Dataset::len).sum::<usize>(), data.len());
        }
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let data = with_labels((0..100).map(|i| i % 5).collect());
        let split = |seed| data.split_indices([0.5, 0.5], seed).unwrap();
        assert_eq!(split(3), split(3));
        assert_ne!(split(3), split(4));
    }

    #[test]
    fn parts_hold_the_rows_of_their_indices() {
        let data = with_labels((0..20).map(|i| i % 5).collect());
        let indices = data.split_indices([0.25, 0.75], 9).unwrap();
        for (part, indices) in data.split([0.25, 0.75], 9).unwrap().iter().zip(&indices) {
            assert!(part.examples().data().iter().zip(indices).all(|(&x, &i)| x == i as f32));
        }
        let [whole] = data.split([1.0], 9).unwrap();
        assert_eq!(whole, data);
    }

    #[test]
    fn unfit_fractions_are_refused() {
        let data = with_labels(vec![0, 1, 2, 3]);
        let refusal = |fractions: [f64; 2]| data.split(fractions, 0).unwrap_err().to_string();
        let range = "a fraction lies above 0 and at most at 1";
        assert_eq!(refusal([1.5, -0.5]), format!("fraction 1.5 at position 0: {range}"));
        assert_eq!(refusal([1.0, 0.0]), format!("fraction 0 at position 1: {range}"));
        assert_eq!(refusal([0.5, f64::NAN]), format!("fraction NaN at position 1: {range}"));
        assert_eq!(refusal([0.5, 0.25]), "the fractions add up to 0.75, not to 1");
        assert_eq!(refusal([0.99, 0.01]), "part 1, a fraction of 0.01, gets none of 4 examples");
        assert_eq!(data.split([], 0).unwrap_err().to_string(), "the fractions add up to 0, not to 1");
    }
}
