//! Counter-based random numbers (placeholder for merging).
use crate::real::Real;

/// A stream of draws.
pub struct Stream(u64);

/// A stable hash of a name.
pub fn stream_of_name(name: &str) -> u64 {
    name.bytes().fold(0xcbf29ce484222325, |h, b| (h ^ b as u64).wrapping_mul(0x100000001b3))
}

impl Stream {
    /// The stream of a seed, a name and a run.
    pub fn new(seed: u64, stream: u64, run: u64) -> Stream {
        Stream(seed ^ stream.rotate_left(17) ^ run.wrapping_mul(0x9E3779B97F4A7C15))
    }
    fn at(&self, i: u64) -> f64 {
        let mut z = self.0.wrapping_add(i.wrapping_mul(0x9E3779B97F4A7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
        (z ^ (z >> 31)) as u32 as f64 / 4294967296.0
    }
    /// Uniform.
    pub fn fill_uniform<T: Real>(&self, first: u64, out: &mut [T]) {
        out.iter_mut().enumerate().for_each(|(i, o)| *o = T::from_f64(self.at(first + i as u64)));
    }
    /// Normal.
    pub fn fill_normal<T: Real>(&self, first: u64, out: &mut [T]) {
        out.iter_mut().enumerate().for_each(|(i, o)| {
            let i = 2 * (first + i as u64);
            let r = (-2.0 * (1.0 - self.at(i)).ln()).sqrt();
            *o = T::from_f64(r * (std::f64::consts::TAU * self.at(i + 1)).cos())
        });
    }
}
