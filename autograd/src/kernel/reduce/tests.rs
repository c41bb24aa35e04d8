//! Against plain loops, at every level, for several numbers of threads; and the documented order, spelt out.

use super::*;
use crate::kernel::philox::Stream;
use proptest::prelude::*;

fn random<T: Real>(count: usize) -> Vec<T> {
    let mut values = vec![T::ZERO; count];
    Stream::new(5, 6, 7).fill_normal(0, &mut values);
    values
}

fn run<T: Real, R: Reduction>(level: Level, x: &[T], shape: [usize; 3]) -> Vec<T> {
    let mut out = vec![T::NAN; shape[0] * shape[2]];
    reduce::<T, R>(level, x, shape, &mut out);
    out
}

/// The elements that are reduced into output (o, i).
fn line<T: Real>(x: &[T], [_, reduced, inner]: [usize; 3], o: usize, i: usize) -> Vec<T> {
    (0..reduced).map(|r| x[(o * reduced + r) * inner + i]).collect()
}

/// The order of the module's documentation.
fn documented_sum<T: Real>(x: &[T], inner: usize) -> T {
    let size = if inner == 1 { 1024 } else { 64 };
    let chunk = |x: &[T]| {
        if inner > 1 {
            return x.iter().fold(T::ZERO, |sum, &x| sum + x);
        }
        let mut lanes = [T::ZERO; 32];
        for (r, &x) in x.iter().enumerate() {
            lanes[r % 32] += x;
        }
        for half in [16, 8, 4, 2, 1] {
            for l in 0..half {
                let high = lanes[l + half];
                lanes[l] += high;
            }
        }
        lanes[0]
    };
    fn tree<T: Real>(sums: &[T]) -> T {
        match sums {
            [] => T::ZERO,
            [sum] => *sum,
            _ => {
                let cut = (0..).map(|p| 1 << p).take_while(|&power| power < sums.len()).last().unwrap();
                tree(&sums[..cut]) + tree(&sums[cut..])
            }
        }
    }
    tree(&x.chunks(size).map(chunk).collect::<Vec<T>>())
}

fn check<T: Real>(shape: [usize; 3]) {
    let [outer, _, inner] = shape;
    let x: Vec<T> = random(shape.iter().product());
    for level in Level::available() {
        let sums = run::<T, Sum>(level, &x, shape);
        let maxima = run::<T, Max>(level, &x, shape);
        let logs = run::<T, LogSumExp>(level, &x, shape);
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            let (line, at) = (line(&x, shape, o, i), o * inner + i);
            let want = documented_sum(&line, inner);
            assert_eq!(sums[at].bits(), want.bits(), "sum {shape:?} ({o}, {i}) {}", level.name());
            let want = line.iter().fold(f64::NEG_INFINITY, |m, x| m.max(x.to_f64()));
            assert_eq!(maxima[at].to_f64(), want, "max {shape:?} ({o}, {i}) {}", level.name());
            let want = line.iter().map(|x| x.to_f64().exp()).sum::<f64>().ln();
            let error = (logs[at].to_f64() - want).abs();
            // Terms within 2 u, their sum within 50 u, the logarithm within u and one addition; values of
            // a few units.
            assert!(
                logs[at].to_f64() == want || error < 100.0 * T::EPSILON.to_f64() * want.abs().max(1.0),
                "logsumexp {shape:?} ({o}, {i}) {}: {} instead of {want}",
                level.name(),
                logs[at]
            );
        }
    }
}

fn length() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]
    #[test]
    fn reductions_agree_with_loops(outer in 0usize..4, reduced in length(), inner in length()) {
        check::<f32>([outer, reduced, inner]);
        check::<f64>([outer, reduced, inner]);
    }
}

/// Rows up to a little more than the lanes: those of a length that is known to the compiler, and their neighbours.
#[test]
fn short_rows() {
    for width in 0..=40 {
        check::<f32>([5, width, 1]);
        check::<f64>([5, width, 1]);
    }
    check::<f32>([50_000, 3, 1]);
}

/// Several chunks, several leaves, and the parallel paths of both layouts.
#[test]
fn long_axes() {
    for shape in [
        [3, 1023, 1],
        [2, 1025, 1],
        [2, 7 * 1024 + 5, 1],
        [2, 37 * 1024 + 1, 1],
        [1, 200_000, 1],
        [100, 700, 1],
        [70_000, 1, 1],
        [1, 65, 3],
        [2, 64 * 7 + 1, 130],
        [1, 64 * 37 + 3, 40],
        [1, 100, 900],
        [50, 20, 70],
    ] {
        check::<f32>(shape);
    }
    check::<f64>([1, 70_000, 1]);
    check::<f64>([1, 1500, 50]);
}

#[test]
fn threads_do_not_change_bits() {
    for shape in [[1, 300_000, 1], [300, 300, 1], [1, 5000, 40], [1, 128, 1024], [40, 60, 50]] {
        let x: Vec<f32> = random(shape.iter().product());
        let all = || {
            let level = Level::detect();
            let results = [
                run::<f32, Sum>(level, &x, shape),
                run::<f32, Max>(level, &x, shape),
                run::<f32, LogSumExp>(level, &x, shape),
            ];
            results.concat().into_iter().map(f32::to_bits).collect::<Vec<u32>>()
        };
        let alone = all();
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(all) == alone, "{threads} threads, {shape:?}");
        }
    }
}

/// Levels agree bit for bit, exponentials included.
#[test]
fn levels_do_not_change_bits() {
    for shape in [[5, 1000, 1], [3, 100, 37]] {
        let x: Vec<f64> = random(shape.iter().product());
        let bits =
            |level| run::<f64, LogSumExp>(level, &x, shape).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        for level in Level::available() {
            assert_eq!(bits(level), bits(Level::Portable));
        }
    }
}

fn special_values<T: Real>() {
    let inf = T::INFINITY;
    for inner in [1, 3] {
        let reduce = |values: &[f64]| {
            let x: Vec<T> = values.iter().flat_map(|&x| vec![T::from_f64(x); inner]).collect();
            let shape = [1, values.len(), inner];
            let level = Level::detect();
            let [sum, max, log] = [run::<T, Sum>, run::<T, Max>, run::<T, LogSumExp>]
                .map(|run| run(level, &x, shape)[inner - 1]);
            (sum, max, log)
        };
        assert_eq!(reduce(&[]), (T::ZERO, -inf, -inf));
        assert_eq!(reduce(&[f64::NEG_INFINITY; 5]), (-inf, -inf, -inf));
        assert_eq!(reduce(&[1.0, f64::INFINITY, f64::NEG_INFINITY]).1, inf);
        assert_eq!(reduce(&[1.0, f64::INFINITY, 2.0]), (inf, inf, inf));
        assert_eq!(reduce(&[f64::INFINITY; 40]), (inf, inf, inf));
        // One of two equal terms each: ln 2 is lost beside 10^4 only in part.
        for x in [1e4, -1e4] {
            let (want, got) = (T::from_f64(x) + T::from_f64(std::f64::consts::LN_2), reduce(&[x, x]).2);
            assert!((got - want).abs() <= T::EPSILON * want.abs());
        }
        assert_eq!(reduce(&[1e4, -1e4]).2, T::from_f64(1e4));
        assert_eq!(reduce(&[1e4, f64::NEG_INFINITY]).2, T::from_f64(1e4));
        for position in [0, 1, 39, 70] {
            for other in [1.0, f64::INFINITY, f64::NEG_INFINITY] {
                let mut values = vec![other; 71];
                values[position] = f64::NAN;
                let (sum, max, log) = reduce(&values);
                assert!(sum.is_nan() && max.is_nan() && log.is_nan(), "{position} {other}");
            }
        }
    }
}

#[test]
fn special_values_of_both_precisions() {
    special_values::<f32>();
    special_values::<f64>();
}

#[test]
fn argmax_is_the_first_largest() {
    let cases: [(&[f32], u32); 7] = [
        (&[3.0], 0),
        (&[1.0, 3.0, 2.0, 3.0], 1),
        (&[-0.0, 0.0], 0),
        (&[1.0, f32::NAN, f32::INFINITY, f32::NAN], 1),
        (&[f32::NEG_INFINITY; 3], 0),
        (&[f32::NEG_INFINITY, -5.0], 1),
        (&[2.0, f32::INFINITY, f32::INFINITY], 1),
    ];
    for level in Level::available() {
        for (row, want) in cases {
            let mut out = [9; 2];
            argmax_at(level, &[row, row].concat(), row.len(), &mut out);
            assert_eq!(out, [want; 2], "{row:?} {}", level.name());
        }
        for (rows, width) in [(3, 100), (2, 3000), (500, 200), (0, 4), (0, 0)] {
            let x: Vec<f32> = random(rows * width);
            let mut out = vec![u32::MAX; rows];
            argmax_at(level, &x, width, &mut out);
            for (row, &at) in x.chunks(width.max(1)).zip(&out) {
                let want =
                    row.iter().enumerate().fold(0, |best, (i, x)| if *x > row[best] { i } else { best });
                assert_eq!(at as usize, want);
            }
        }
    }
}

#[test]
#[should_panic(expected = "rows without elements")]
fn argmax_of_nothing_is_refused() {
    argmax::<f32>(&[], 2, 0, &mut [0; 2]);
}

#[test]
#[should_panic(expected = "reduction of 2 x 3 x 1: 5 elements into 2")]
fn lengths_must_fit() {
    sum(&[0.0f32; 5], 2, 3, 1, &mut [0.0; 2]);
}
