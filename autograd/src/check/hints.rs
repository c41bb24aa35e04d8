//! Guesses at the cause of a wrong gradient, from the pattern of its errors.
//!
//! A wrong derivative is rarely random: a factor was forgotten, a sign, a transpose, a sum over a
//! broadcast axis. Each guess is a transformation of the expected gradient that gives the wrong one, and is
//! only made when it explains *every* entry.

use super::sum;
use crate::shape::Shape;

/// How well a guess must explain an entry, relative to the largest entry. Far looser than the check: a
/// guess need not be exact to be helpful, and noisy differences must not hide it.
const LIKENESS: f64 = 1e-6;

/// Guesses for one argument: `expected` by differences, `got` from the rule under test, at `point`.
/// `wrong[i]` says that entry `i` was found wrong. Empty if nothing is.
pub(crate) fn guess(
    argument: &str,
    shape: Shape,
    point: &[f64],
    expected: &[f64],
    got: &[f64],
    wrong: &[bool],
) -> Vec<String> {
    let count = wrong.iter().filter(|wrong| **wrong).count();
    if count == 0 {
        return Vec::new();
    }
    let mut hints = Vec::new();
    let bad: Vec<usize> = (0..got.len()).filter(|&i| !got[i].is_finite()).collect();
    if let Some(first) = bad.first() {
        hints.push(format!("{} of {} entries are not finite, the first at {first}", bad.len(), got.len()));
        return hints.into_iter().map(|hint| format!("{argument}: {hint}")).collect();
    }
    if got.iter().all(|g| *g == 0.0) {
        hints.push("the gradient is zero everywhere: it was never propagated, or it was detached".into());
    } else if let Some(hint) = constant_ratio(shape, expected, got) {
        hints.push(hint);
    } else if let Some(hint) = transposed(shape, expected, got) {
        hints.push(hint);
    } else if let Some(hint) = shifted(expected, got) {
        hints.push(hint);
    } else if let Some(hint) = additive(point, expected, got) {
        hints.push(hint);
    }
    hints.extend(location(shape, wrong, count));
    hints.into_iter().map(|hint| format!("{argument}: {hint}")).collect()
}

fn alike(a: &[f64], b: &[f64]) -> bool {
    let size = a.iter().chain(b).fold(0.0f64, |m, x| m.max(x.abs()));
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= LIKENESS * size)
}

/// `got = r x expected`, with `r` by least squares.
fn constant_ratio(shape: Shape, expected: &[f64], got: &[f64]) -> Option<String> {
    let size = sum::dot(expected, expected);
    if size == 0.0 {
        return None;
    }
    let ratio = sum::dot(expected, got) / size;
    let scaled: Vec<f64> = expected.iter().map(|e| ratio * e).collect();
    // A ratio of one explains nothing: the error is elsewhere.
    if (ratio - 1.0).abs() < 1e-12 || !alike(&scaled, got) {
        return None;
    }
    let close_to = |value: f64| (ratio - value).abs() <= LIKENESS * value.abs();
    let lengths = shape.lengths().iter().copied().chain([shape.numel()]).filter(|&n| n > 2);
    let axis = lengths.clone().find(|&n| close_to(n as f64) || close_to(1.0 / n as f64));
    let guess = if close_to(-1.0) {
        "a sign is wrong".to_string()
    } else if let Some(n) = axis {
        format!("{n} is the length of an axis, so a sum may stand for a mean or the reverse")
    } else if close_to(2.0) {
        "a factor 2 too many, or it was accumulated twice".to_string()
    } else if close_to(0.5) {
        "a factor 2 is missing, or one of two uses was not accumulated".to_string()
    } else {
        "a factor is wrong".to_string()
    };
    Some(format!("got = {} x expected in every entry: {guess}", plain(ratio)))
}

/// The last two axes exchanged, in value or in memory order.
fn transposed(shape: Shape, expected: &[f64], got: &[f64]) -> Option<String> {
    if shape.rank() < 2 {
        return None;
    }
    let (rows, columns) = (shape[shape.rank() - 2], shape[shape.rank() - 1]);
    let mut turned = Vec::with_capacity(expected.len());
    for block in expected.chunks(rows * columns) {
        turned.extend((0..columns).flat_map(|c| (0..rows).map(move |r| block[r * columns + c])));
    }
    alike(&turned, got).then(|| "got is expected with its last two axes exchanged".to_string())
}

/// Every entry in the place of its neighbour.
fn shifted(expected: &[f64], got: &[f64]) -> Option<String> {
    let n = expected.len();
    // Cyclic shifts by up to 8, and a reversal: beyond that a match would be no explanation.
    for by in (1..n.min(9)).flat_map(|k| [k, n - k]) {
        let moved: Vec<f64> = (0..n).map(|i| expected[(i + n - by) % n]).collect();
        if alike(&moved, got) {
            let signed = if by <= n / 2 { by as i64 } else { by as i64 - n as i64 };
            return Some(format!("got is expected shifted by {signed} places"));
        }
    }
    let reversed: Vec<f64> = expected.iter().rev().copied().collect();
    (n > 1 && alike(&reversed, got)).then(|| "got is expected in reverse order".to_string())
}

/// The error is a constant, or proportional to the argument itself (a weight decay).
fn additive(point: &[f64], expected: &[f64], got: &[f64]) -> Option<String> {
    let error: Vec<f64> = got.iter().zip(expected).map(|(g, e)| g - e).collect();
    // An error of the size of the bars would make any pattern fit.
    let likeness = |model: &[f64]| {
        let size = error.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        error.iter().zip(model).all(|(e, m)| (e - m).abs() <= 1e-3 * size)
    };
    if error.len() < 3 {
        return None;
    }
    let mean = error.iter().sum::<f64>() / error.len() as f64;
    if likeness(&vec![mean; error.len()]) {
        return Some(format!("got - expected = {} in every entry: a constant was added", plain(mean)));
    }
    let factor = sum::dot(point, &error) / sum::dot(point, point);
    let model: Vec<f64> = point.iter().map(|x| factor * x).collect();
    let text =
        format!("got - expected = {} x the argument: a weight decay too many or missing", plain(factor));
    (factor.is_finite() && likeness(&model)).then_some(text)
}

/// Where the wrong entries are, if that is not everywhere.
fn location(shape: Shape, wrong: &[bool], count: usize) -> Option<String> {
    let n = wrong.len();
    if count == n {
        return None;
    }
    let first = wrong.iter().position(|wrong| *wrong)?;
    let last = wrong.iter().rposition(|wrong| *wrong)?;
    if count == 1 {
        return Some(format!("a single entry is wrong, number {first} of {n}"));
    }
    for axis in 0..shape.rank() {
        let stride = shape.strides()[axis];
        let position = |i: usize| (i / stride) % shape[axis];
        let slice = position(first);
        let inside = (0..n).filter(|&i| wrong[i]).all(|i| position(i) == slice);
        if shape[axis] > 1 && count < n && inside {
            return Some(format!("the wrong entries all lie at index {slice} of axis {axis}"));
        }
    }
    if last == n - 1 && n - first == count {
        return Some(format!("only the last {count} of {n} entries are wrong: the last tile or remainder"));
    }
    if first == 0 && last + 1 == count {
        return Some(format!("only the first {count} of {n} entries are wrong"));
    }
    Some(format!("{count} of {n} entries are wrong, the first at {first}, the last at {last}"))
}

/// A ratio without the digits that are noise.
fn plain(x: f64) -> String {
    let text = format!("{x:.6}");
    if x.abs() < 1e-3 || x.abs() > 1e6 {
        return format!("{x:.3e}");
    }
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: [f64; 6] = [1.0, -2.0, 0.5, 3.0, -1.5, 0.25];
    const EXPECTED: [f64; 6] = [0.7, -1.3, 2.9, 0.1, -0.4, 5.3];

    fn hint(shape: [usize; 2], change: impl Fn(usize) -> f64) -> String {
        let got: Vec<f64> = (0..6).map(change).collect();
        let wrong: Vec<bool> =
            got.iter().zip(EXPECTED).map(|(g, e)| g.is_nan() || (g - e).abs() > 1e-9).collect();
        guess("w", shape.into(), &POINT, &EXPECTED, &got, &wrong).join("; ")
    }

    #[test]
    fn each_pattern_is_named() {
        let cases: [(&str, &dyn Fn(usize) -> f64); 12] = [
            ("a sign is wrong", &|i| -EXPECTED[i]),
            ("got = 2 x expected", &|i| 2.0 * EXPECTED[i]),
            ("got = 0.5 x expected", &|i| 0.5 * EXPECTED[i]),
            ("3 is the length of an axis", &|i| 3.0 * EXPECTED[i]),
            ("got = 1.25 x expected", &|i| 1.25 * EXPECTED[i]),
            ("zero everywhere", &|_| 0.0),
            ("last two axes exchanged", &|i| EXPECTED[(i % 2) * 3 + i / 2]),
            ("shifted by 1 places", &|i| EXPECTED[(i + 5) % 6]),
            ("shifted by -2 places", &|i| EXPECTED[(i + 2) % 6]),
            ("reverse order", &|i| EXPECTED[5 - i]),
            ("got - expected = 0.1 x the argument", &|i| EXPECTED[i] + 0.1 * POINT[i]),
            ("got - expected = 0.1 in every entry", &|i| EXPECTED[i] + 0.1),
        ];
        for (text, change) in cases {
            assert!(hint([2, 3], change).contains(text), "{text}: {}", hint([2, 3], change));
        }
    }

    #[test]
    fn places_are_named() {
        let spoil = |bad: fn(usize) -> bool| {
            hint([2, 3], move |i| if bad(i) { EXPECTED[i] + (1 + i * i) as f64 } else { EXPECTED[i] })
        };
        assert_eq!(spoil(|i| i == 4), "w: a single entry is wrong, number 4 of 6");
        assert_eq!(spoil(|i| i % 3 == 1), "w: the wrong entries all lie at index 1 of axis 1");
        assert_eq!(spoil(|i| i >= 3), "w: the wrong entries all lie at index 1 of axis 0");
        assert_eq!(
            spoil(|i| i >= 2),
            "w: only the last 4 of 6 entries are wrong: the last tile or remainder"
        );
        assert_eq!(spoil(|i| i < 4), "w: only the first 4 of 6 entries are wrong");
        assert_eq!(spoil(|i| i % 5 == 0), "w: 2 of 6 entries are wrong, the first at 0, the last at 5");
        assert_eq!(
            hint([2, 3], |i| if i == 2 { f64::NAN } else { EXPECTED[i] }),
            "w: 1 of 6 entries are not finite, the first at 2"
        );
        assert_eq!(hint([2, 3], |i| EXPECTED[i]), "");
    }
}
