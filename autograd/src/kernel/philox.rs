//! Counter-based random numbers: Philox4x32-10.
//!
//! J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*,
//! SC 2011. A block of four random words is a fixed scrambling of a counter of four words under a key of
//! two; there is no state. Element `i` of a draw is therefore a pure function of (seed, stream, run, i):
//! any part can be computed again, in any order, by any thread, and a gradient check sees the same mask at
//! every step.
//!
//! # Layout
//!
//! | word | holds |
//! |---|---|
//! | key 0, 1 | seed, low and high |
//! | counter 0 | block, low 32 bits |
//! | counter 1 | run, low 32 bits |
//! | counter 2, 3 | stream, exclusive-or a mixture of the high halves of block and run, which is 0 if they are |
//!
//! For a fixed key the scrambling is a bijection of the counter, so while run < 2^32 and i < 2^34 no two
//! of (seed, stream, run, block) share a key and a counter: by construction, not by chance.
//!
//! Blocks come in sixteens, one per vector lane. Of sixteen blocks of four words, `f32` makes 64 elements:
//! element i is made of word (i / 16) % 4 of block 16 (i / 64) + i % 16. `f64` takes two words and makes
//! 32: words 0 and 1 for the first sixteen, 2 and 3 for the others. Neighbours come from neighbouring
//! lanes, so that nothing is shuffled. A normal needs a pair of uniforms and gives a pair: the element and
//! its twin sixteen further.
//!
//! ```
//! use autograd::kernel::philox::{Stream, stream_of_name};
//! let stream = Stream::new(7, stream_of_name("dropout"), 0);
//! let mut whole = [0.0f32; 100];
//! stream.fill_uniform(0, &mut whole);
//! let mut part = [0.0f32; 3];
//! stream.fill_uniform(71, &mut part);
//! assert_eq!(part, whole[71..74]);
//! ```

use super::math::trigonometric::{sin_cos_turns_double, sin_cos_turns_single};
use super::math::{Native, log};
use super::simd::{Kernel, Level, dispatch_at};
use crate::real::Real;

/// Blocks that are made together: one vector of AVX-512, two of AVX2.
const LANES: usize = 16;
/// The most elements that [`LANES`] blocks make.
const LARGEST_GROUP: usize = 4 * LANES;

/// Rounds; the authors find no statistical failure from 7 on and recommend 10.
const ROUNDS: usize = 10;
/// The multipliers of the two halves (paper, table 2).
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What is added to the key after each round: the golden ratio, and sqrt(3) - 1.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// One block: Philox4x32-10 of `counter` under `key`.
#[inline(always)]
pub fn block(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        let first = MULTIPLIERS[0] as u64 * c0 as u64;
        let second = MULTIPLIERS[1] as u64 * c2 as u64;
        c0 = (second >> 32) as u32 ^ c1 ^ k0;
        c1 = second as u32;
        c2 = (first >> 32) as u32 ^ c3 ^ k1;
        c3 = first as u32;
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// The stream that belongs to a name: its FNV-1a hash of 64 bits, the same on every machine and in every
/// version.
pub const fn stream_of_name(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// An endless sequence of random numbers, addressed by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream {
    seed: u64,
    stream: u64,
    run: u64,
}

impl Stream {
    /// The sequence of one random node (`stream`, see [`stream_of_name`]) in one run of a plan (`run`)
    /// under a `seed`.
    pub const fn new(seed: u64, stream: u64, run: u64) -> Stream {
        Stream { seed, stream, run }
    }

    /// Element `first_index + i` of the uniform distribution on [0, 1) into `out[i]`: a multiple of 2^-24
    /// (`f32`) or 2^-53 (`f64`).
    pub fn fill_uniform<T: Real>(&self, first_index: u64, out: &mut [T]) {
        self.fill_at::<T, Uniform>(Level::detect(), first_index, out);
    }

    /// Element `first_index + i` of the standard normal distribution into `out[i]`, by Box and Muller:
    /// sqrt(-2 ln u) times cos(2 pi v) for one and sin(2 pi v) for its twin. The largest magnitude is 6.7
    /// (`f32`) or 8.6 (`f64`).
    pub fn fill_normal<T: Real>(&self, first_index: u64, out: &mut [T]) {
        self.fill_at::<T, Normal>(Level::detect(), first_index, out);
    }

    fn fill_at<T: Real, D: Distribution>(&self, level: Level, first_index: u64, out: &mut [T]) {
        dispatch_at(level, Fill { stream: self, first_index, out, distribution: D::default() });
    }

    /// All elements of the blocks `LANES group ..`: value p of lane l at `LANES p + l`.
    #[inline(always)]
    fn fill_group<T: Native, D: Distribution>(&self, group: u64, out: &mut [T]) {
        let first = group * LANES as u64;
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let high = mix((self.run & 0xffff_ffff_0000_0000) | (first >> 32));
        let (low, run, stream) = (first as u32, self.run as u32, self.stream ^ high);
        let out = &mut out[..LANES * T::PER_BLOCK];
        // One block per lane and everything about it inside: a body too large to unroll, so that the loop
        // over lanes is the one that vectorises.
        for lane in 0..LANES {
            let words = block([low | lane as u32, run, stream as u32, (stream >> 32) as u32], key);
            let values = D::values::<T>(words);
            for p in 0..T::PER_BLOCK {
                out[LANES * p + lane] = values[p];
            }
        }
        D::finish(out);
    }
}

/// A bijection of 64 bits that scatters them and leaves 0 as it is (the finaliser of SplitMix64).
const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What differs between `f32` and `f64` in making numbers of words.
pub trait Draw: Sized {
    /// How many numbers a block makes: the first so many of the four below.
    const PER_BLOCK: usize;
    /// Uniform on [0, 1).
    fn uniform(words: [u32; 4]) -> [Self; 4];
    /// Pairs of a uniform on (0, 1], whose logarithm is finite, and one on [0, 1).
    fn uniform_pairs(words: [u32; 4]) -> [Self; 4];
    /// Two independent normals of a pair of uniforms: sqrt(-2 ln u) times cos(2 pi v), sin(2 pi v).
    fn box_muller(u: Self, v: Self) -> (Self, Self);
}

impl Draw for f32 {
    const PER_BLOCK: usize = 4;

    #[inline(always)]
    fn uniform(words: [u32; 4]) -> [f32; 4] {
        words.map(unit_f32)
    }

    #[inline(always)]
    fn uniform_pairs([a, b, c, d]: [u32; 4]) -> [f32; 4] {
        // All 32 bits, for more of the tail.
        let positive = |word: u32| (word as f32).mul_add(1.0 / 4_294_967_296.0, 0.5 / 4_294_967_296.0);
        [positive(a), unit_f32(b), positive(c), unit_f32(d)]
    }

    #[inline(always)]
    fn box_muller(u: f32, v: f32) -> (f32, f32) {
        let radius = (-2.0 * log::single(u)).sqrt();
        let (sin, cos) = sin_cos_turns_single(v);
        (radius * cos, radius * sin)
    }
}

impl Draw for f64 {
    const PER_BLOCK: usize = 2;

    #[inline(always)]
    fn uniform([a, b, c, d]: [u32; 4]) -> [f64; 4] {
        [unit_f64(a, b), unit_f64(c, d), 0.0, 0.0]
    }

    #[inline(always)]
    fn uniform_pairs([a, b, c, d]: [u32; 4]) -> [f64; 4] {
        [1.0 - unit_f64(a, b), unit_f64(c, d), 0.0, 0.0]
    }

    #[inline(always)]
    fn box_muller(u: f64, v: f64) -> (f64, f64) {
        let radius = (-2.0 * log::double(u)).sqrt();
        let (sin, cos) = sin_cos_turns_double(v);
        (radius * cos, radius * sin)
    }
}

/// 24 bits of a word as a multiple of 2^-24 in [0, 1). Converted as a signed integer, which every machine
/// can do in vectors.
#[inline(always)]
fn unit_f32(word: u32) -> f32 {
    (word >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

/// 27 bits of one word and 26 of another as a multiple of 2^-53 in [0, 1), each part converted as a signed
/// integer.
#[inline(always)]
fn unit_f64(high: u32, low: u32) -> f64 {
    let high = (high >> 5) as i32 as f64;
    let low = (low >> 6) as i32 as f64;
    high.mul_add(67_108_864.0, low) * (1.0 / 9_007_199_254_740_992.0)
}

/// How words become numbers: first those of a block, then what a group of them becomes.
trait Distribution: Default {
    fn values<T: Native>(words: [u32; 4]) -> [T; 4];
    fn finish<T: Native>(group: &mut [T]);
}

#[derive(Default)]
struct Uniform;
impl Distribution for Uniform {
    #[inline(always)]
    fn values<T: Native>(words: [u32; 4]) -> [T; 4] {
        T::uniform(words)
    }
    #[inline(always)]
    fn finish<T: Native>(_group: &mut [T]) {}
}

#[derive(Default)]
struct Normal;
impl Distribution for Normal {
    #[inline(always)]
    fn values<T: Native>(words: [u32; 4]) -> [T; 4] {
        T::uniform_pairs(words)
    }
    // A pass of its own: together with ten rounds it would need more registers than there are.
    #[inline(always)]
    fn finish<T: Native>(group: &mut [T]) {
        for pairs in group.chunks_exact_mut(2 * LANES) {
            let (first, second) = pairs.split_at_mut(LANES);
            for (x, y) in first.iter_mut().zip(second) {
                (*x, *y) = T::box_muller(*x, *y);
            }
        }
    }
}

struct Fill<'a, T, D> {
    stream: &'a Stream,
    first_index: u64,
    out: &'a mut [T],
    #[allow(dead_code)]
    distribution: D,
}

impl<T: Real, D: Distribution> Kernel for Fill<'_, T, D> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Fill { stream, first_index, mut out, .. } = self;
        let size = LANES * T::PER_BLOCK;
        let mut group = first_index / size as u64;
        let mut skip = (first_index % size as u64) as usize;
        let mut scratch = [T::ZERO; LARGEST_GROUP];
        while !out.is_empty() {
            let count = (size - skip).min(out.len());
            let (now, later) = out.split_at_mut(count);
            // A part of a group is cut out of the whole: the same computation, hence the same bits.
            let target = if count == size { &mut *now } else { &mut scratch[..size] };
            stream.fill_group::<T, D>(group, target);
            if count < size {
                now.copy_from_slice(&scratch[skip..skip + count]);
            }
            out = later;
            group += 1;
            skip = 0;
        }
    }
}

#[cfg(test)]
mod tests;
