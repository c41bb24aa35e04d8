//! The bootstrap: as many examples as there are, drawn from them with replacement (Efron 1979; Breiman,
//! *Bagging Predictors*, Machine Learning 24, 1996).
//!
//! An example is left out of a bootstrap with probability `(1 - 1/n)ⁿ`, which tends to `1/e`: about 37 % of
//! the examples are *out of bag* and can serve as a test set of the member that never saw them.
//!
//! ```
//! use regularize::ensemble::Bootstrap;
//! let bag = Bootstrap::draw(1000, 7, 0);
//! assert_eq!(bag.indices().len(), 1000);
//! assert!((300..440).contains(&bag.out_of_bag().len()));
//! assert_eq!(bag, Bootstrap::draw(1000, 7, 0));
//! ```

use crate::error::RegularizeError;
use autograd::kernel::philox::{Stream, stream_of_name};
use nn::data::DataError;
use nn::optimise::HyperparameterError;

/// The name of the stream that bootstraps are drawn from.
const STREAM: u64 = stream_of_name("bootstrap");

/// A sample with replacement, and the examples that are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bootstrap {
    indices: Vec<usize>,
    out_of_bag: Vec<usize>,
}

impl Bootstrap {
    /// The bootstrap of `examples` examples for the member of this number. A pure function of its arguments:
    /// members can be drawn in any order, on any thread.
    pub fn draw(examples: usize, seed: u64, member: u64) -> Bootstrap {
        let mut uniform = vec![0.0f64; examples];
        Stream::new(seed, STREAM, member).fill_uniform(0, &mut uniform);
        let indices = uniform.iter().map(|&u| Bootstrap::index(u, examples)).collect();
        Bootstrap::within(indices, examples)
    }

    /// The example of a uniform draw `u` in [0, 1): `⌊u n⌋`. Each of the 2⁵³ values of `u` is as probable as
    /// another, so that two examples differ in probability by at most 2⁻⁵³.
    pub(crate) fn index(u: f64, examples: usize) -> usize {
        ((u * examples as f64) as usize).min(examples - 1)
    }

    /// Every example once, none left out: members that differ in something else.
    pub fn everything(examples: usize) -> Bootstrap {
        Bootstrap { indices: (0..examples).collect(), out_of_bag: Vec::new() }
    }

    /// A sample with these indices into `examples` examples.
    ///
    /// # Errors
    /// [`DataError::IndexOutOfRange`] with the first that is no example's.
    pub fn of(indices: Vec<usize>, examples: usize) -> Result<Bootstrap, RegularizeError> {
        match indices.iter().position(|&index| index >= examples) {
            None => Ok(Bootstrap::within(indices, examples)),
            Some(position) => {
                let (index, len) = (indices[position], examples);
                Err(DataError::IndexOutOfRange { position, index, len }.into())
            }
        }
    }

    /// A sample whose indices are all below `examples`.
    fn within(indices: Vec<usize>, examples: usize) -> Bootstrap {
        let mut drawn = vec![false; examples];
        indices.iter().for_each(|&index| drawn[index] = true);
        let out_of_bag = (0..examples).filter(|&i| !drawn[i]).collect();
        Bootstrap { indices, out_of_bag }
    }

    /// All `nⁿ` bootstraps of `n` examples, each as probable as another: for proofs by enumeration.
    ///
    /// # Errors
    /// If `examples` is 0 or above 8: `9⁹` are 387 million.
    pub fn all(examples: usize) -> Result<impl Iterator<Item = Bootstrap>, RegularizeError> {
        let fits = (1..=8).contains(&examples);
        HyperparameterError::unless(fits, "number of examples", examples as f64, "from 1 to 8")?;
        Ok((0..examples.pow(examples as u32)).map(move |number| {
            let digit = |place: usize| number / examples.pow(place as u32) % examples;
            Bootstrap::within((0..examples).map(digit).collect(), examples)
        }))
    }

    /// The examples drawn, one as often as it was drawn.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The examples that were not drawn, in order.
    pub fn out_of_bag(&self) -> &[usize] {
        &self.out_of_bag
    }
}

#[cfg(test)]
mod tests;
