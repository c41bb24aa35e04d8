//! The published vectors, purity, and enough statistics to catch a wrong transformation.

use super::*;
use proptest::prelude::*;

/// Known-answer vectors of the authors' library Random123 (`kat_vectors`): counter, key, result.
#[test]
fn published_vectors() {
    let pi = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
    for ((counter, key), want) in [
        (([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        (([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
    ] {
        assert_eq!(block(counter, key), want);
    }
}

/// The layout of the module's documentation, element by element.
#[test]
fn elements_come_from_the_documented_words() {
    let (seed, name, run) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 5);
    let stream = Stream::new(seed, name, run);
    let words = |i: u64| {
        block([i as u32, run as u32, name as u32, (name >> 32) as u32], [seed as u32, (seed >> 32) as u32])
    };
    let mut single = [0.0f32; 200];
    stream.fill_uniform(0, &mut single);
    for (i, &x) in single.iter().enumerate() {
        let word = words((16 * (i / 64) + i % 16) as u64)[i / 16 % 4];
        assert_eq!(x, (word >> 8) as f32 / 16_777_216.0);
    }
    let mut double = [0.0f64; 200];
    stream.fill_uniform(0, &mut double);
    for (i, &x) in double.iter().enumerate() {
        let block = words((16 * (i / 32) + i % 16) as u64);
        let [high, low] = [block[2 * (i / 16 % 2)], block[2 * (i / 16 % 2) + 1]];
        let bits = (u64::from(high >> 5) << 26) | u64::from(low >> 6);
        assert_eq!(x, bits as f64 / 9_007_199_254_740_992.0);
    }
}

#[test]
fn fnv_of_known_strings() {
    // The published test values of the hash.
    assert_eq!(stream_of_name(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(stream_of_name("a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(stream_of_name("foobar"), 0x8594_4171_f739_67e8);
}

fn draw<T: Real, D: Distribution>(stream: &Stream, level: Level, first: u64, count: usize) -> Vec<T> {
    let mut out = vec![T::NAN; count];
    stream.fill_at::<T, D>(level, first, &mut out);
    out
}

/// A draw in one piece at the lowest level, and in pieces at every level.
fn pieces_agree<T: Real, D: Distribution>(stream: &Stream, first: u64, lengths: &[usize]) {
    let whole: Vec<T> = draw::<T, D>(stream, Level::Portable, first, lengths.iter().sum());
    for level in Level::available() {
        let mut start = 0;
        for &length in lengths {
            let part: Vec<T> = draw::<T, D>(stream, level, first + start as u64, length);
            for (i, x) in part.iter().enumerate() {
                assert_eq!(x.bits(), whole[start + i].bits(), "element {} at {}", start + i, level.name());
            }
            start += length;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn elements_are_pure_functions_of_their_index(
        seed: u64,
        name: u64,
        run: u64,
        first in prop_oneof![0u64..200, (1u64 << 36) - 100..(1 << 36) + 100],
        lengths in prop::collection::vec(prop_oneof![Just(0usize), Just(1), 1usize..150], 1..6),
    ) {
        let stream = Stream::new(seed, name, run);
        pieces_agree::<f32, Uniform>(&stream, first, &lengths);
        pieces_agree::<f64, Uniform>(&stream, first, &lengths);
        pieces_agree::<f32, Normal>(&stream, first, &lengths);
        pieces_agree::<f64, Normal>(&stream, first, &lengths);
    }
}

/// Mean, variance, skewness, kurtosis of a sample about `centre`.
fn moments<T: Real>(sample: &[T], centre: f64) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for x in sample {
        let d = x.to_f64() - centre;
        for (power, sum) in sums.iter_mut().enumerate() {
            *sum += d.powi(power as i32 + 1);
        }
    }
    sums.map(|sum| sum / sample.len() as f64)
}

fn moments_are_right<T: Real>() {
    const COUNT: usize = 1 << 18;
    let stream = Stream::new(42, stream_of_name("moments"), 0);
    let uniform: Vec<T> = draw::<T, Uniform>(&stream, Level::detect(), 0, COUNT);
    assert!(uniform.iter().all(|&x| x >= T::ZERO && x < T::ONE));
    // The standard error of the mean of d^k is sqrt(E d^2k - (E d^k)^2) / 512; four of them.
    let [m1, m2, m3, m4] = moments(&uniform, 0.5);
    assert!(m1.abs() < 4.0 * 0.289 / 512.0, "{m1}");
    assert!((m2 - 1.0 / 12.0).abs() < 4.0 * 0.0745 / 512.0, "{m2}");
    assert!(m3.abs() < 4.0 * 0.0472 / 512.0, "{m3}");
    assert!((m4 - 1.0 / 80.0).abs() < 4.0 * 0.0167 / 512.0, "{m4}");
    let normal: Vec<T> = draw::<T, Normal>(&stream, Level::detect(), 0, COUNT);
    assert!(normal.iter().all(|x| x.is_finite()));
    let [m1, m2, m3, m4] = moments(&normal, 0.0);
    assert!(m1.abs() < 4.0 / 512.0, "{m1}");
    assert!((m2 - 1.0).abs() < 4.0 * 1.414 / 512.0, "{m2}");
    assert!(m3.abs() < 4.0 * 3.873 / 512.0, "{m3}");
    assert!((m4 - 3.0).abs() < 4.0 * 9.8 / 512.0, "{m4}");
    // A normal and its twin share a radius: they must not be correlated, nor may neighbours.
    for distance in [1, 16, 32, 64] {
        let products = normal.iter().zip(&normal[distance..]).map(|(x, y)| x.to_f64() * y.to_f64());
        let correlation = products.sum::<f64>() / COUNT as f64;
        assert!(correlation.abs() < 4.0 / 512.0, "distance {distance}: {correlation}");
    }
    // The part beyond two standard deviations: 4.55 %.
    let tail = normal.iter().filter(|x| x.abs() > T::from_f64(2.0)).count() as f64 / COUNT as f64;
    assert!((tail - 0.045_500).abs() < 4.0 * 0.2084 / 512.0, "{tail}");
}

#[test]
fn moments_of_both_precisions() {
    moments_are_right::<f32>();
    moments_are_right::<f64>();
}

/// Changing any one bit of seed, stream or run, or the block, changes the draw: the counters and keys
/// never coincide.
#[test]
fn no_two_streams_are_equal() {
    let bits = || (0..64).map(|bit| 1u64 << bit);
    let mut streams = vec![Stream::new(0, 0, 0)];
    streams.extend(bits().map(|x| Stream::new(x, 0, 0)));
    streams.extend(bits().map(|x| Stream::new(0, x, 0)));
    streams.extend(bits().map(|x| Stream::new(0, 0, x)));
    let mut blocks = std::collections::HashSet::new();
    for stream in &streams {
        for first in [0, 1 << 20, 1 << 36] {
            let draw: Vec<f64> = draw::<f64, Uniform>(stream, Level::detect(), first, 2);
            assert!(blocks.insert(draw[0].to_bits()), "{stream:?} repeats another at {first}");
        }
    }
}
