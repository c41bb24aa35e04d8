//! Small numbers that depend on a seed and a place, for what needs no generator with a state.

/// A 64-bit hash of two numbers: the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), once
/// over the seed and once over both.
pub fn mixed(seed: u64, index: u64) -> u64 {
    const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let finish = |z: u64| {
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    finish(finish(seed.wrapping_add(GOLDEN_RATIO)).wrapping_add(index.wrapping_mul(GOLDEN_RATIO)))
}

/// A number in [0, 1) from the upper 53 bits.
pub fn uniform(seed: u64, index: u64) -> f64 {
    (mixed(seed, index) >> 11) as f64 / (1u64 << 53) as f64
}
