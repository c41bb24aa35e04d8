//! Shuffled minibatches as a pure function of seed and epoch.
//!
//! Stochastic gradient descent visits every example once an epoch, in a fresh order each time (Goodfellow,
//! Bengio, Courville, *Deep Learning*, section 8.1.3). The order of epoch `e` is a uniform permutation
//! keyed by `(seed, e)`: it does not depend on the epochs drawn before, so a run that resumes at epoch 7
//! sees what the uninterrupted run saw.
//!
//! ```
//! use nn::data::{Batches, LastBatch};
//! # fn main() -> Result<(), nn::data::DataError> {
//! let mut batches = Batches::new(10, 4, 1)?;
//! let sizes: Vec<usize> = batches.epoch(0).map(|indices| indices.len()).collect();
//! assert_eq!(sizes, [4, 4, 2]);
//! assert_eq!(batches.with_last(LastBatch::Drop)?.batches_per_epoch(), 2);
//! # Ok(())
//! # }
//! ```

use super::DataError;
use super::order::{Purpose, generator};
use rand::seq::SliceRandom;
use std::slice::Chunks;

/// What to do with the last batch of an epoch when the batch size does not divide the number of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastBatch {
    /// It comes, smaller than the others; every example is seen in every epoch.
    #[default]
    Keep,
    /// It is left out; every batch has the same shape, and other examples are left out each epoch.
    Drop,
}

/// The minibatches of each epoch, as slices of indices.
#[derive(Debug, Clone)]
pub struct Batches {
    /// A permutation of `0..len`, kept so that no epoch allocates.
    order: Vec<usize>,
    batch_size: usize,
    /// Without a seed the order is `0..len`.
    seed: Option<u64>,
    last: LastBatch,
}

impl Batches {
    /// Minibatches of `batch_size` out of `len` examples, in an order drawn from `seed` and the epoch.
    /// The last, smaller one is kept unless [`with_last`](Batches::with_last) says otherwise.
    ///
    /// # Errors
    /// [`NothingToBatch`](DataError::NothingToBatch) if `len` is 0,
    /// [`ZeroBatchSize`](DataError::ZeroBatchSize).
    pub fn new(len: usize, batch_size: usize, seed: u64) -> Result<Batches, DataError> {
        let in_order = Batches::in_order(len, batch_size)?;
        Ok(Batches { seed: Some(seed), ..in_order })
    }

    /// Minibatches in the order of the data set, the same in every epoch: for evaluation.
    ///
    /// # Errors
    /// As for [`Batches::new`].
    pub fn in_order(len: usize, batch_size: usize) -> Result<Batches, DataError> {
        match (len, batch_size) {
            (0, _) => Err(DataError::NothingToBatch),
            (_, 0) => Err(DataError::ZeroBatchSize),
            _ => Ok(Batches { order: (0..len).collect(), batch_size, seed: None, last: LastBatch::Keep }),
        }
    }

    /// The same minibatches with another policy for the last one.
    ///
    /// # Errors
    /// [`NoFullBatch`](DataError::NoFullBatch) if dropping the last batch would leave none.
    pub fn with_last(self, last: LastBatch) -> Result<Batches, DataError> {
        if last == LastBatch::Drop && self.order.len() < self.batch_size {
            return Err(DataError::NoFullBatch { batch_size: self.batch_size, len: self.order.len() });
        }
        Ok(Batches { last, ..self })
    }

    /// The number of minibatches in an epoch, at least 1.
    pub fn batches_per_epoch(&self) -> usize {
        self.visited().div_ceil(self.batch_size)
    }

    /// The minibatches of one epoch, as indices into the data set.
    ///
    /// Within an epoch no index comes twice, and with [`LastBatch::Keep`] each comes once. The result is
    /// the same however often and in whatever order epochs are drawn.
    pub fn epoch(&mut self, epoch: u64) -> Chunks<'_, usize> {
        if let Some(seed) = self.seed {
            // The shuffle starts from 0..len, not from the last epoch's order: the result must be a
            // function of the epoch alone.
            for (position, index) in self.order.iter_mut().enumerate() {
                *index = position;
            }
            self.order.shuffle(&mut generator(Purpose::Minibatches, seed, epoch));
        }
        self.order[..self.visited()].chunks(self.batch_size)
    }

    /// Where an example comes in an epoch: the step of the training, counted from 0 over all epochs, and its row in
    /// that step's batch. `None` if the epoch leaves it out, or there is no such example. As draws are functions of
    /// seed, step and row, this finds the draws that an example had.
    ///
    /// ```
    /// use nn::data::Batches;
    /// let mut batches = Batches::in_order(10, 4)?;
    /// assert_eq!(batches.find(0, 6), Some((1, 2)));
    /// assert_eq!(batches.find(2, 6), Some((2 * 3 + 1, 2)));
    /// assert_eq!(batches.find(0, 10), None);
    /// # Ok::<(), nn::data::DataError>(())
    /// ```
    pub fn find(&mut self, epoch: u64, example: usize) -> Option<(u64, usize)> {
        let (before, size) = (epoch * self.batches_per_epoch() as u64, self.batch_size);
        let place = self.epoch(epoch).flatten().position(|&index| index == example)?;
        Some((before + (place / size) as u64, place % size))
    }

    /// How many examples an epoch visits.
    fn visited(&self) -> usize {
        match self.last {
            LastBatch::Keep => self.order.len(),
            LastBatch::Drop => self.order.len() / self.batch_size * self.batch_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn epoch(len: usize, batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
        Batches::new(len, batch_size, seed).unwrap().epoch(epoch).map(<[usize]>::to_vec).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn an_epoch_is_a_permutation_in_batches(
            len in 1usize..300,
            batch_size in 1usize..70,
            seed: u64,
            at: u64,
        ) {
            let batches = epoch(len, batch_size, seed, at);
            prop_assert_eq!(batches.len(), Batches::new(len, batch_size, seed).unwrap().batches_per_epoch());
            let (last, full) = batches.split_last().unwrap();
            prop_assert!(full.iter().all(|batch| batch.len() == batch_size));
            prop_assert!((1..=batch_size).contains(&last.len()));
            let mut indices = batches.concat();
            indices.sort_unstable();
            prop_assert_eq!(indices, (0..len).collect::<Vec<_>>());
        }

        #[test]
        fn an_example_is_found_where_it_comes(
            len in 1usize..60, batch_size in 1usize..20, seed: u64, at in 0u64..5, drop: bool,
        ) {
            let mut batches = Batches::new(len, batch_size, seed).unwrap();
            if drop && batch_size <= len {
                batches = batches.with_last(LastBatch::Drop).unwrap();
            }
            let rows: Vec<Vec<usize>> = batches.epoch(at).map(<[usize]>::to_vec).collect();
            let mut visited = 0;
            for example in 0..len {
                if let Some((step, row)) = batches.find(at, example) {
                    prop_assert_eq!(rows[(step - at * rows.len() as u64) as usize][row], example);
                    visited += 1;
                }
            }
            prop_assert_eq!(visited, rows.concat().len());
            prop_assert_eq!(batches.find(at, len), None);
        }

        #[test]
        fn an_epoch_depends_on_seed_and_number_alone(seed: u64, other: u64, at: u64, history: Vec<u64>) {
            // 64 examples: two independent orders agree with probability 1/64!, that is never.
            let drawn = epoch(64, 10, seed, at);
            let mut used = Batches::new(64, 10, seed).unwrap();
            for before in history {
                let _ = used.epoch(before);
            }
            prop_assert_eq!(&drawn, &used.epoch(at).map(<[usize]>::to_vec).collect::<Vec<_>>());
            prop_assert_ne!(&drawn, &epoch(64, 10, seed, at.wrapping_add(1)));
            prop_assume!(other != seed);
            prop_assert_ne!(&drawn, &epoch(64, 10, other, at));
        }

        #[test]
        fn dropping_the_last_batch_leaves_the_full_ones(
            len in 1usize..300,
            batch_size in 1usize..70,
            seed: u64,
        ) {
            let dropping = Batches::new(len, batch_size, seed).unwrap().with_last(LastBatch::Drop);
            if batch_size > len {
                prop_assert_eq!(
                    dropping.unwrap_err().to_string(),
                    format!("batch size {batch_size} with {len} examples: dropping the incomplete batch leaves none")
                );
            } else {
                let mut dropping = dropping.unwrap();
                prop_assert_eq!(dropping.batches_per_epoch(), len / batch_size);
                let full = epoch(len, batch_size, seed, 3).into_iter().filter(|b| b.len() == batch_size);
                prop_assert!(dropping.epoch(3).eq(full));
            }
        }
    }

    #[test]
    fn unfit_sizes_are_refused() {
        assert_eq!(Batches::new(0, 4, 1).unwrap_err().to_string(), "no examples to draw minibatches from");
        assert_eq!(
            Batches::new(4, 0, 1).unwrap_err().to_string(),
            "batch size 0: a minibatch needs at least one example"
        );
        assert!(matches!(Batches::in_order(0, 0).unwrap_err(), DataError::NothingToBatch));
    }

    #[test]
    fn one_batch_of_everything_is_a_full_batch() {
        let mut batches = Batches::new(8, 8, 1).unwrap().with_last(LastBatch::Drop).unwrap();
        assert_eq!(batches.epoch(0).map(<[usize]>::len).collect::<Vec<_>>(), [8]);
        assert!(Batches::new(8, 9, 1).unwrap().with_last(LastBatch::Drop).is_err());
    }

    #[test]
    fn in_order_means_in_order() {
        let mut batches = Batches::in_order(5, 2).unwrap();
        for epoch in [0, 1] {
            assert!(batches.epoch(epoch).eq([&[0, 1][..], &[2, 3], &[4]]));
        }
    }

    /// Each example comes first equally often: a chi-squared statistic of 9 degrees of freedom stays
    /// below 27.9 with probability 0.999, and the seed is fixed.
    #[test]
    fn first_places_are_uniform() {
        let mut batches = Batches::new(10, 1, 42).unwrap();
        let mut counts = [0u32; 10];
        let epochs = 5_000;
        for at in 0..epochs {
            counts[batches.epoch(at).next().unwrap()[0]] += 1;
        }
        let expected = epochs as f64 / 10.0;
        let statistic: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
        assert!(statistic < 27.9, "{statistic} from {counts:?}");
    }
}
