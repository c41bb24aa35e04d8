use super::*;
use crate::testing::{assert_close, numbers};
use proptest::prelude::*;

/// As the paper writes it, places counted from 1: `Σ_{k=0}^{M} 1/(n + 1 - k)²`, nothing for `M < 0`.
fn printed(tall: usize, wide: usize, r: usize, s: usize) -> f64 {
    let n = (tall.max(wide) / 2) as i64;
    let from = |place: usize, length: usize| (place as i64 - (length / 2) as i64 - 1).abs();
    let m = n - from(r, tall).max(from(s, wide));
    (0..=m).map(|k| 1.0 / ((n + 1 - k) as f64).powi(2)).sum()
}

#[test]
fn bumps_are_those_of_the_paper() {
    for (tall, wide) in [(1, 1), (1, 2), (2, 1), (3, 3), (2, 5), (5, 2), (4, 9), (7, 3)] {
        for (k, found) in bump([tall, wide]).into_iter().enumerate() {
            assert_close(found, printed(tall, wide, k / wide + 1, k % wide + 1), 1e-15);
            assert!(found > 0.0);
        }
    }
    assert_eq!(bump([3, 3])[..5], [0.25, 0.25, 0.25, 0.25, 1.25]);
}

#[test]
fn two_bumps_of_opposite_sign_share_a_window() {
    for size in [[3, 3], [5, 7], [1, 4], [4, 1], [1, 1]] {
        for draw in [0.0f64, 0.9] {
            let eta = eta(size, draw);
            assert_eq!(eta.len(), size[0] * size[1]);
            assert_close(square_of(&eta), 1.0, 1e-14);
        }
    }
    let (above, beside) = (eta([3, 5], 0.0), eta([5, 3], 0.9));
    for row in 0..3 {
        for column in 0..5 {
            // One is the other transposed; the first row is positive, the others negative.
            assert_eq!(above[row * 5 + column], beside[column * 3 + row]);
            assert_eq!(above[row * 5 + column] > 0.0, row == 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Both are of the whole budget, and a step changes nothing but the two windows, up to a common factor.
    #[test]
    fn a_proposal_spends_the_budget_in_two_windows(
        channels in 1usize..4,
        height in 1usize..12,
        width in 1usize..12,
        share in 0.001f64..0.8,
        unspent: bool,
        seed: u64,
    ) {
        let bumps = Bumps { image: Image { channels, height, width }, epsilon: 1.5 };
        let draws = |count, seed| numbers([count], 0.0, 1.0, seed).data().to_vec();
        let mut change = bumps.start(&draws(Bumps::draws_to_start(bumps.image), seed));
        assert_close(square_of(&change).sqrt(), 1.5, 1e-13);
        if unspent {
            // As the box would: some of it is cut off.
            change.iter_mut().step_by(2).for_each(|d| *d = d.clamp(-0.05, 0.05));
        }
        let before = change.clone();
        let draws = draws(Bumps::draws_to_propose(bumps.image), seed ^ 1);
        bumps.propose(share, &mut change, &draws);
        assert_close(square_of(&change).sqrt(), 1.5, 1e-13);
        let [tall, wide] = bumps.image.window(share);
        let size = [(tall.max(3) | 1).min(height), (wide.max(3) | 1).min(width)];
        let windows = [Window::at(bumps.image, size, &draws), Window::at(bumps.image, size, &draws[2..])];
        let inside: Vec<usize> = (0..channels)
            .flat_map(|channel| windows.map(|w| w.entries(bumps.image, channel).collect::<Vec<_>>()))
            .flatten()
            .collect();
        // In exact arithmetic the step itself spends ε where each channel had something to give.
        let outside = || (0..change.len()).filter(|k| !inside.contains(k) && before[*k] != 0.0);
        let ratio = outside().next().map_or(1.0, |k| change[k] / before[k]);
        for k in outside() {
            assert_close(change[k] / before[k], ratio, 1e-12);
        }
        assert_close(ratio, 1.0, 1e-12);
    }
}
