//! Bagging: members trained on bootstraps of one training set, averaged (Breiman, *Bagging Predictors*,
//! Machine Learning 24, 1996; *Deep Learning*, section 7.11).
//!
//! A [`Bagging`] knows nothing of networks. Its learner is any function from a [`Member`] (its number, its
//! bootstrap, a seed of its own) to a model: a [`Trainer`](nn::Trainer) and what it made, a tree, a mean.
//! Members are trained side by side; each is a pure function of the seed and its number, and they are
//! gathered in the order of their numbers, so that the number of threads changes nothing.
//!
//! Each member can be tested on the examples that its bootstrap left out. An [`OutOfBag`] prediction of an
//! example is the mean over those members only: an estimate of the ensemble's error without a test set.
//!
//! ```
//! use autograd::Tensor;
//! use regularize::RegularizeError;
//! use regularize::ensemble::Bagging;
//! // The learner: the mean of the targets it sees.
//! let targets = Tensor::new([4], vec![1.0, 2.0, 3.0, 6.0]);
//! let means = Bagging::new(50)?.seed(7).fit(4, |member| {
//!     let drawn = member.bootstrap.indices();
//!     Ok::<f64, RegularizeError>(drawn.iter().map(|&i| targets.data()[i]).sum::<f64>() / drawn.len() as f64)
//! })?;
//! let predict = |mean: &f64, rows: &[usize]| Ok::<_, RegularizeError>(Tensor::full([rows.len(), 1], *mean));
//! let left_out = means.out_of_bag(predict)?;
//! assert!(left_out.covered() == 4 && left_out.squared_error(&targets)?.unwrap() > 3.5); // the variance
//! # Ok::<(), RegularizeError>(())
//! ```

use crate::ensemble::Bootstrap;
use crate::error::{RegularizeError, at_least_one};
use crate::host::first_largest;
use autograd::kernel::philox;
use autograd::{Shape, Tensor};
use rayon::prelude::*;

/// How many members are trained, and on what. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bagging {
    members: usize,
    seed: u64,
    resampled: bool,
}

/// What one member is trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number, counted from 0.
    pub number: usize,
    /// A seed for whatever else is random in its training: no other member's.
    pub seed: u64,
    /// Its examples.
    pub bootstrap: Bootstrap,
}

impl Bagging {
    /// This many members on bootstraps, from seed 0.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(members: usize) -> Result<Bagging, RegularizeError> {
        at_least_one("number of members", members)?;
        Ok(Bagging { members, seed: 0, resampled: true })
    }

    /// The same from another seed.
    pub fn seed(self, seed: u64) -> Bagging {
        Bagging { seed, ..self }
    }

    /// The same with every member trained on every example once. What is left to make them differ is what the
    /// learner does with [`Member::seed`]: initial weights, order of examples. There is nothing out of bag.
    pub fn on_all_examples(self) -> Bagging {
        Bagging { resampled: false, ..self }
    }

    /// What the member of this number is trained on, of `examples` examples.
    ///
    /// ```
    /// use regularize::ensemble::Bagging;
    /// let bagging = Bagging::new(10)?.seed(7);
    /// let (first, second) = (bagging.member(100, 0), bagging.member(100, 1));
    /// assert_eq!(first, bagging.member(100, 0));
    /// assert!(first.seed != second.seed && first.bootstrap != second.bootstrap);
    /// let whole = bagging.on_all_examples().member(100, 1);
    /// assert_eq!(whole.seed, second.seed);
    /// assert_eq!(whole.bootstrap.indices(), Vec::from_iter(0..100));
    /// assert!(whole.bootstrap.out_of_bag().is_empty());
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn member(&self, examples: usize, number: usize) -> Member {
        let half = |word: u64| [word as u32, (word >> 32) as u32];
        let ([a, b], key) = (half(number as u64), half(self.seed));
        // The counter of no bootstrap: those are numbered by a stream's name in the last two words.
        let [low, high, ..] = philox::block([a, b, 0, 0], key);
        let bootstrap = match self.resampled {
            true => Bootstrap::draw(examples, self.seed, number as u64),
            false => Bootstrap::everything(examples),
        };
        Member { number, seed: u64::from(low) | u64::from(high) << 32, bootstrap }
    }

    /// Trains all members, as many at once as there are threads.
    ///
    /// # Errors
    /// That of the first member, in order of their numbers, whose learner failed.
    pub fn fit<M: Send, E: Send>(
        &self,
        examples: usize,
        learner: impl Fn(&Member) -> Result<M, E> + Sync,
    ) -> Result<Ensemble<M>, E> {
        let one = |number| {
            let member = self.member(examples, number);
            learner(&member).map(|model| (model, member.bootstrap))
        };
        // Collected first: which of several errors comes first in time must not matter.
        let fitted: Vec<Result<_, E>> = (0..self.members).into_par_iter().map(one).collect();
        let fitted: Vec<_> = fitted.into_iter().collect::<Result<_, E>>()?;
        let (members, bootstraps) = fitted.into_iter().unzip();
        Ok(Ensemble { examples, members, bootstraps })
    }
}

/// Trained members, each with the bootstrap it was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble<M> {
    /// How many examples the bootstraps were drawn from.
    examples: usize,
    /// The members, in order of their numbers.
    pub members: Vec<M>,
    /// Their bootstraps, in the same order.
    pub bootstraps: Vec<Bootstrap>,
}

impl<M: Sync> Ensemble<M> {
    /// The predictions of every member, in order, made side by side.
    ///
    /// # Errors
    /// That of the first member whose prediction failed.
    ///
    /// ```
    /// use regularize::RegularizeError;
    /// use regularize::ensemble::Bagging;
    /// // The learner remembers its number; it predicts the square.
    /// let numbers = Bagging::new(4)?.fit(10, |member| Ok::<_, RegularizeError>(member.number))?;
    /// assert_eq!(numbers.predictions(|number| Ok::<_, RegularizeError>(number * number))?, [0, 1, 4, 9]);
    /// # Ok::<(), RegularizeError>(())
    /// ```
    pub fn predictions<P: Send, E: Send>(
        &self,
        predict: impl Fn(&M) -> Result<P, E> + Sync,
    ) -> Result<Vec<P>, E> {
        let all: Vec<_> = self.members.par_iter().map(&predict).collect();
        all.into_iter().collect()
    }

    /// For each example, the mean prediction of the members that have not seen it. `predict` is given a member
    /// and the examples it is asked about, and answers with a row for each: probabilities of classes, a one
    /// at the class it votes for, or values.
    ///
    /// # Errors
    /// That of the first member whose prediction failed.
    ///
    /// # Panics
    /// If an answer is no matrix with a row for each example, or two answers differ in width.
    pub fn out_of_bag<E: Send>(
        &self,
        predict: impl Fn(&M, &[usize]) -> Result<Tensor<f64>, E> + Sync,
    ) -> Result<OutOfBag, E> {
        let asked: Vec<_> = self.members.iter().zip(&self.bootstraps).collect();
        let answers: Vec<_> = asked
            .into_par_iter()
            .filter(|(_, bag)| !bag.out_of_bag().is_empty())
            .map(|(member, bag)| predict(member, bag.out_of_bag()).map(|rows| (bag.out_of_bag(), rows)))
            .collect();
        let mut sums: Option<Tensor<f64>> = None;
        let mut counts = vec![0; self.examples];
        for answer in answers {
            let (examples, rows) = answer?;
            let shape = rows.shape();
            let fits = shape.rank() == 2 && shape[0] == examples.len();
            assert!(fits, "out_of_bag: predictions of shape {shape} for {} examples", examples.len());
            let width = shape[1];
            let sums = sums.get_or_insert_with(|| Tensor::zeros([self.examples, width]));
            assert!(
                sums.shape()[1] == width,
                "out_of_bag: rows of {width} after rows of {}",
                sums.shape()[1]
            );
            for (row, &example) in examples.iter().enumerate() {
                counts[example] += 1;
                let sum = &mut sums.data_mut()[example * width..][..width];
                sum.iter_mut().zip(&rows.data()[row * width..]).for_each(|(sum, &value)| *sum += value);
            }
        }
        let mut means = sums.unwrap_or_else(|| Tensor::zeros([self.examples, 0]));
        let width = means.shape()[1];
        for (row, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            means.data_mut()[row * width..][..width].iter_mut().for_each(|mean| *mean /= f64::from(count));
        }
        Ok(OutOfBag { means, counts })
    }
}

/// Predictions of each example by the members that were trained without it.
///
/// ```
/// use autograd::Tensor;
/// use regularize::ensemble::OutOfBag;
/// // Two votes on the first example, one on the second, none on the third.
/// let means = Tensor::new([3, 2], vec![0.5, 0.5, 0.0, 1.0, 0.0, 0.0]);
/// let found = OutOfBag { means, counts: vec![2, 1, 0] };
/// assert_eq!(found.covered(), 2);
/// assert_eq!(found.error(&Tensor::new([3], vec![0, 0, 0]))?, Some(0.5)); // of a tie the first class
/// let single = OutOfBag { means: Tensor::new([2, 1], vec![1.0, 4.0]), counts: vec![1, 1] };
/// assert_eq!(single.squared_error(&Tensor::new([2], vec![2.0, 2.0]))?, Some((1.0 + 4.0) / 2.0));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfBag {
    /// The mean prediction of each example, `[examples, outputs]`; a row of zeros where there is none.
    pub means: Tensor<f64>,
    /// How many members left each example out.
    pub counts: Vec<u32>,
}

impl OutOfBag {
    /// How many examples at least one member left out: about all of them from ten members on.
    pub fn covered(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// The share of covered examples whose largest mean is not at their label, the first of equals counting.
    /// `None` if none is covered.
    ///
    /// # Errors
    /// If there is not a label for each example.
    pub fn error(&self, labels: &Tensor<u32>) -> Result<Option<f64>, RegularizeError> {
        self.mean_over_covered("labels", labels, |row, &label| {
            f64::from(first_largest(row) != label as usize)
        })
    }

    /// The mean squared difference of the covered examples' single means from their targets. `None` if none
    /// is covered.
    ///
    /// # Errors
    /// If there is not a target for each example, or predictions have several outputs.
    pub fn squared_error(&self, targets: &Tensor<f64>) -> Result<Option<f64>, RegularizeError> {
        let single = Shape::from([self.counts.len(), 1]);
        if self.covered() > 0 && self.means.shape() != single {
            let (expected, found) = (single, self.means.shape());
            return Err(RegularizeError::Shape { what: "out-of-bag means", expected, found });
        }
        self.mean_over_covered("targets", targets, |row, target| (row[0] - target).powi(2))
    }

    fn mean_over_covered<E>(
        &self,
        what: &'static str,
        truth: &Tensor<E>,
        loss: impl Fn(&[f64], &E) -> f64,
    ) -> Result<Option<f64>, RegularizeError> {
        let expected = Shape::from([self.counts.len()]);
        if truth.shape() != expected {
            return Err(RegularizeError::Shape { what, expected, found: truth.shape() });
        }
        let (width, covered) = (self.means.shape()[1], self.covered());
        let of = |(i, truth)| loss(&self.means.data()[i * width..][..width], truth);
        let losses = truth.data().iter().enumerate().filter(|&(i, _)| self.counts[i] > 0).map(of);
        let sum: f64 = losses.sum();
        Ok((covered > 0).then(|| sum / covered as f64))
    }
}

#[cfg(test)]
mod tests;
