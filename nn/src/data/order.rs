//! Random orders that are a pure function of their key.
//!
//! The generator is ChaCha8 with the 256-bit key (seed, counter, purpose): two purposes, two seeds or
//! two counters never share a stream, and no order depends on what was drawn before it. The same binary
//! draws the same orders on every machine and for any number of threads; another version of the
//! generator's crate may draw others.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// What an order is for; part of the key.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Minibatches,
    Split,
    Folds,
}

/// The generator for one purpose, seed and counter.
pub(super) fn generator(purpose: Purpose, seed: u64, counter: u64) -> ChaCha8Rng {
    let purpose: &[u8; 16] = match purpose {
        Purpose::Minibatches => b"minibatch order.",
        Purpose::Split => b"stratified split",
        Purpose::Folds => b"fold assignments",
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&counter.to_le_bytes());
    key[16..].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn every_part_of_the_key_matters() {
        let draw = |purpose, seed, counter| generator(purpose, seed, counter).next_u64();
        let first = draw(Purpose::Minibatches, 1, 2);
        assert_eq!(first, draw(Purpose::Minibatches, 1, 2));
        assert_ne!(first, draw(Purpose::Split, 1, 2));
        assert_ne!(draw(Purpose::Split, 1, 2), draw(Purpose::Folds, 1, 2));
        assert_ne!(first, draw(Purpose::Minibatches, 2, 2));
        assert_ne!(first, draw(Purpose::Minibatches, 1, 3));
        assert_ne!(first, draw(Purpose::Minibatches, 2, 1));
    }
}
