//! The checker's own random directions: SplitMix64, so that a seed names a check for ever.

/// A 64-bit counter-like generator (Steele, Lea, Flood, *Fast splittable pseudorandom number
/// generators*, 2014). Good enough to draw signs and indices, and it has no version that could change.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator whose draws depend on `seed` and on `stream` only.
    pub(crate) fn new(seed: u64, stream: u64) -> SplitMix64 {
        let mut generator = SplitMix64 { state: seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93) };
        generator.next();
        generator
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// +1 or -1: no entry of such a direction is small by accident, so none can hide an error.
    pub(crate) fn sign(&mut self) -> f64 {
        if self.next() >> 63 == 0 { 1.0 } else { -1.0 }
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 2f64.powi(-53)
    }

    /// Uniform below `n`. The bias of the remainder is below n / 2^64.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A cotangent: random sign, size in [1/2, 3/2), so never near zero and never all equal. Equal
    /// weights would make a softmax unobservable, since its outputs always add up to one.
    pub(crate) fn cotangent(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.sign() * (0.5 + self.uniform())).collect()
    }
}
