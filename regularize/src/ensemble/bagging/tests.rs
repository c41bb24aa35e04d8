use super::*;
use crate::testing::{assert_close, numbers};
use nn::data::digits;
use nn::train::TrainError;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

fn targets(n: usize) -> Tensor<f64> {
    numbers([n], -2.0, 2.0, 3)
}

/// The mean of the targets that a bootstrap drew.
fn mean(targets: &Tensor<f64>, bag: &Bootstrap) -> f64 {
    bag.indices().iter().map(|&i| targets.data()[i]).sum::<f64>() / bag.indices().len() as f64
}

fn means(bagging: Bagging, targets: &Tensor<f64>) -> Ensemble<f64> {
    let learner = |member: &Member| Ok::<_, ()>(mean(targets, &member.bootstrap));
    bagging.fit(targets.data().len(), learner).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Held to a double loop over examples and members.
    #[test]
    fn out_of_bag_means_are_over_members_that_did_not_see_the_example(
        n in 1usize..12, k in 1usize..8, width in 0usize..4, seed: u64,
    ) {
        let bagging = Bagging::new(k).unwrap().seed(seed);
        let ensemble = bagging.fit(n, |member| Ok::<_, ()>(member.number)).unwrap();
        // What member m says of output c of example i.
        let answer = |m: usize, i: usize, c: usize| (m * 100 + i * 10 + c) as f64;
        let found = ensemble.out_of_bag(|&m, rows| {
            let at = |p: usize| answer(m, rows[p / width], p % width);
            Ok::<_, ()>(Tensor::from_fn([rows.len(), width], at))
        }).unwrap();
        for i in 0..n {
            let unseen: Vec<usize> = (0..k)
                .filter(|&m| !Bootstrap::draw(n, seed, m as u64).indices().contains(&i))
                .collect();
            prop_assert_eq!(found.counts[i] as usize, unseen.len());
            if unseen.is_empty() {
                continue;
            }
            for c in 0..width {
                let expected = unseen.iter().map(|&m| answer(m, i, c)).sum::<f64>() / unseen.len() as f64;
                prop_assert_eq!(found.means.data()[i * width + c], expected);
            }
        }
    }
}

#[test]
fn errors_count_covered_examples_only() {
    let means = Tensor::new([3, 2], vec![0.2, 0.8, 0.5, 0.5, 0.0, 0.0]);
    let found = OutOfBag { means, counts: vec![2, 1, 0] };
    assert_eq!(found.covered(), 2);
    // The second is a tie, which goes to class 0; the third is not covered.
    let error = |labels: [u32; 3]| found.error(&Tensor::new([3], labels.to_vec())).unwrap();
    assert_eq!(error([1, 0, 1]), Some(0.0));
    assert_eq!(error([1, 1, 0]), Some(0.5));
    let values = OutOfBag { means: Tensor::new([2, 1], vec![1.0, 0.0]), counts: vec![1, 0] };
    assert_eq!(values.squared_error(&Tensor::new([2], vec![3.0, 9.0])).unwrap(), Some(4.0));
    let none = OutOfBag { means: Tensor::zeros([2, 0]), counts: vec![0, 0] };
    assert_eq!(none.error(&Tensor::new([2], vec![0, 1])).unwrap(), None);
    assert_eq!(none.squared_error(&Tensor::zeros([2])).unwrap(), None);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let found = OutOfBag { means: Tensor::zeros([3, 2]), counts: vec![1; 3] };
    let error = found.error(&Tensor::new([2], vec![0, 0])).unwrap_err();
    assert_eq!(error.to_string(), "the labels have shape [2], not [3]");
    let error = found.squared_error(&Tensor::zeros([3])).unwrap_err();
    assert_eq!(error.to_string(), "the out-of-bag means have shape [3, 2], not [3, 1]");
    let error = Bagging::new(0).unwrap_err();
    assert_eq!(error.to_string(), "the number of members is 0, it must be at least 1");
}

#[test]
#[should_panic(expected = "out_of_bag: predictions of shape [1, 2] for")]
fn an_answer_has_a_row_for_each_example() {
    let ensemble = Bagging::new(3).unwrap().fit(20, |_| Ok::<_, ()>(())).unwrap();
    let _ = ensemble.out_of_bag(|(), _| Ok::<_, ()>(Tensor::zeros([1, 2])));
}

/// Networks trained by nested parallel kernels, in one thread and in four: the same bits.
#[test]
fn the_number_of_threads_changes_nothing() {
    let data = digits::load().unwrap().flattened().subset(&(0..200).collect::<Vec<_>>()).unwrap();
    let model = Sequential::<f32>::mlp(&[64, 8, 10], Activation::Relu);
    let train = || {
        let bagging = Bagging::new(5).unwrap().seed(3);
        let bagged = bagging.fit(data.len(), |member| {
            let mut parameters = initialise(&model, member.seed);
            let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(2).seed(member.seed);
            trainer.fit(&data.subset(member.bootstrap.indices())?, None, &mut parameters)?;
            Ok::<_, TrainError>(parameters)
        });
        let bits = |values: &autograd::Parameters<f32>| -> Vec<u32> {
            values.iter().flat_map(|(_, value)| value.data().iter().map(|w| w.to_bits())).collect()
        };
        bagged.unwrap().members.iter().map(bits).collect::<Vec<_>>()
    };
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let alone = pool(1).install(train);
    assert_eq!(pool(4).install(train), alone);
    assert_ne!(alone[0], alone[1]);
}

#[test]
fn the_first_error_by_number_is_the_one() {
    let learner = |member: &Member| if member.number >= 3 { Err(member.number) } else { Ok(()) };
    for _ in 0..20 {
        assert_eq!(Bagging::new(16).unwrap().fit(5, learner).unwrap_err(), 3);
    }
    let ensemble = Bagging::new(16).unwrap().fit(5, |member| Ok::<_, usize>(member.number)).unwrap();
    let predict = |&number: &usize| if number % 5 == 4 { Err(number) } else { Ok(()) };
    assert_eq!(ensemble.predictions(predict).unwrap_err(), 4);
    assert_eq!(ensemble.out_of_bag(|&number, _| Err(number)).unwrap_err(), 0);
}

#[test]
fn members_differ_and_can_be_made_again() {
    let bagging = Bagging::new(9).unwrap().seed(5);
    let ensemble = means(bagging, &targets(30));
    for number in 0..9 {
        let member = bagging.member(30, number);
        assert_eq!(member.bootstrap, ensemble.bootstraps[number]);
        assert_eq!(mean(&targets(30), &member.bootstrap), ensemble.members[number]);
        for other in 0..number {
            assert_ne!(bagging.member(30, other).seed, member.seed);
        }
    }
    // A member more changes none before it.
    assert_eq!(means(Bagging::new(10).unwrap().seed(5), &targets(30)).members[..9], ensemble.members);
    assert_ne!(means(bagging.seed(6), &targets(30)).members, ensemble.members);
}

#[test]
fn one_member_on_all_examples_is_the_learner_alone() {
    let targets = targets(7);
    let ensemble = means(Bagging::new(1).unwrap().on_all_examples(), &targets);
    assert_eq!(ensemble.members, [targets.data().iter().sum::<f64>() / 7.0]);
    assert_eq!(ensemble.out_of_bag(|_, _| Err(())).unwrap().covered(), 0);
}

/// For the mean of `n` numbers the out-of-bag error has an expectation that enumeration gives: over the
/// bootstraps that leave an example out, which are all of the other `n - 1` examples.
#[test]
fn a_single_members_out_of_bag_error_is_that_of_bootstraps_of_the_others() {
    let (n, targets) = (4, targets(4));
    let (mut left_out, mut count) = (0.0, 0.0);
    for bag in Bootstrap::all(n).unwrap() {
        for &i in bag.out_of_bag() {
            left_out += (mean(&targets, &bag) - targets.data()[i]).powi(2);
            count += 1.0;
        }
    }
    // A bootstrap of n from the n - 1 others: their mean, with their variance / n around it.
    let mut expected = 0.0;
    for i in 0..n {
        let others: Vec<f64> = (0..n).filter(|&j| j != i).map(|j| targets.data()[j]).collect();
        let mean = others.iter().sum::<f64>() / 3.0;
        let variance = others.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 3.0;
        expected += ((mean - targets.data()[i]).powi(2) + variance / n as f64) / n as f64;
    }
    // 324 terms.
    assert_close(left_out / count, expected, 1e-13);
}
