use super::*;
use crate::testing::assert_close;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn drawn_and_left_out_are_all_examples(examples in 0usize..60, seed: u64, member: u64) {
        let bag = Bootstrap::draw(examples, seed, member);
        prop_assert_eq!(bag.indices().len(), examples);
        let mut seen: Vec<usize> = bag.indices().iter().chain(bag.out_of_bag()).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen, (0..examples).collect::<Vec<_>>());
        prop_assert!(bag.out_of_bag().iter().all(|i| !bag.indices().contains(i)));
    }
}

/// Over all nⁿ bootstraps: the share that an example is in, and the mean and variance of how often, which are
/// those of the binomial distribution.
#[test]
fn an_example_is_in_with_probability_1_minus_1_minus_1_over_n_to_the_n() {
    for n in 1..=5usize {
        let (mut within, mut times, mut squares, mut all) = (0u32, 0u32, 0u32, 0u32);
        for bag in Bootstrap::all(n).unwrap() {
            let count = bag.indices().iter().filter(|&&i| i == 0).count() as u32;
            within += u32::from(!bag.out_of_bag().contains(&0));
            times += count;
            squares += count * count;
            all += 1;
        }
        assert_eq!(all, (n as u32).pow(n as u32));
        let (share, p) = (f64::from(within) / f64::from(all), 1.0 / n as f64);
        // The formula rounds n times.
        assert_close(share, 1.0 - (1.0 - p).powi(n as i32), 1e-15);
        assert_eq!(times, all);
        assert_close(f64::from(squares) / f64::from(all) - 1.0, n as f64 * p * (1.0 - p), 1e-15);
    }
}

#[test]
fn seeds_and_members_draw_apart() {
    let bag = |seed, member| Bootstrap::draw(50, seed, member);
    assert_eq!(bag(1, 2), bag(1, 2));
    assert_ne!(bag(1, 2), bag(1, 3));
    assert_ne!(bag(1, 2), bag(2, 2));
}

/// 200 bootstraps of 20: each example is drawn 200 times in the mean, with a deviation of √(4000 · 1/20 ·
/// 19/20) = 13.8. Beyond six deviations one such test in 5e8 would fail by chance; twenty are made.
#[test]
fn every_example_is_drawn_as_often_as_another() {
    let mut counts = [0i32; 20];
    for member in 0..200 {
        Bootstrap::draw(20, 3, member).indices().iter().for_each(|&i| counts[i] += 1);
    }
    assert!(counts.iter().all(|count| (count - 200).abs() < 83), "{counts:?}");
}

#[test]
fn the_largest_draw_is_the_last_example() {
    for examples in [1, 2, 3, 5, 7, 1000, 999_983] {
        assert_eq!(Bootstrap::index(1.0 - f64::EPSILON / 2.0, examples), examples - 1);
        assert_eq!(Bootstrap::index(0.0, examples), 0);
    }
}

#[test]
fn an_index_out_of_range_is_refused() {
    assert_eq!(Bootstrap::of(vec![0, 2, 0], 3).unwrap().out_of_bag(), [1]);
    let error = Bootstrap::of(vec![0, 3], 3).unwrap_err();
    let expected = DataError::IndexOutOfRange { position: 1, index: 3, len: 3 };
    assert_eq!(error.to_string(), expected.to_string());
}

#[test]
fn only_few_bootstraps_are_walked_through() {
    for examples in [0, 9] {
        let error = Bootstrap::all(examples).err().expect("refused").to_string();
        assert_eq!(error, format!("the number of examples is {examples}, it must be from 1 to 8"));
    }
}
