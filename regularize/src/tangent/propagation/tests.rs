use super::*;
use crate::tangent::testing::{jacobian, network, values};
use crate::tangent::{Transformation, Transformations};
use crate::testing::{assert_close, check, numbers, value};
use autograd::{Graph, Tensor};
use nn::data::digits;
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Against the Jacobian written out, entry by entry.
    #[test]
    fn the_penalty_is_the_square_of_the_jacobian_times_the_tangents(
        n in 0usize..4, d in 1usize..4, h in 1usize..4, c in 0usize..4, k in 0usize..3, seed: u64,
    ) {
        let mut given = values(n, d, h, c, seed);
        let tangents: Vec<_> = (0..k).map(|i| numbers([n, d], -1.0, 1.0, seed ^ (9 + i as u64))).collect();
        let mut naive = 0.0;
        for i in 0..n {
            for tangent in &tangents {
                for row in jacobian(&given, i) {
                    let t = &tangent.data()[i * d..][..d];
                    naive += row.iter().zip(t).map(|(j, t)| j * t).sum::<f64>().powi(2) / n as f64;
                }
            }
        }
        given.extend(tangents);
        let found = value(&given, |x| tangent_penalty(network(x), x[0], &x[3..])).item();
        // A few dozen products of numbers below 3.
        assert_close(found, naive, 1e-13);
    }

    /// One example alone, and the batch in another order.
    #[test]
    fn examples_do_not_leak_into_each_other(seed: u64) {
        let given = [values(3, 2, 3, 2, seed), vec![numbers([3, 2], -1.0, 1.0, seed ^ 9)]].concat();
        let at = |rows: &[usize]| {
            let mut given = given.clone();
            for k in [0, 3] {
                let chosen = rows.iter().flat_map(|&i| given[k].data()[2 * i..2 * i + 2].to_vec()).collect();
                given[k] = Tensor::new([rows.len(), 2], chosen);
            }
            value(&given, |x| tangent_penalty(network(x), x[0], &x[3..])).item()
        };
        let whole = at(&[0, 1, 2]);
        assert_close(whole, (at(&[0]) + at(&[1]) + at(&[2])) / 3.0, 1e-14);
        assert_close(whole, at(&[2, 0, 1]), 1e-14);
    }
}

#[test]
fn derivatives_through_the_derivative_are_right() {
    for seed in 0..3 {
        let given = [values(2, 3, 2, 2, seed), vec![numbers([2, 3], -1.0, 1.0, seed ^ 9)]].concat();
        let tangent = given[3].clone();
        check("tangent_penalty", &given[..3], move |x| {
            tangent_penalty(network(x), x[0], &[x[0].graph().constant(tangent.clone())])
        });
    }
}

/// The tangents are directions: what they are made of is not penalised.
#[test]
fn tangents_are_constants() {
    let slope = value(&[numbers([2, 3], -1.0, 1.0, 1)], |x| {
        autograd::grad(tangent_penalty(x[0] * 2.0, x[0], &[x[0]]) + x[0].sum() * 0.0, &[x[0]])[0]
    });
    assert!(slope.data().iter().all(|&s| s == 0.0));
}

/// Training on examples that are moved by `±s` along their tangent, both signs enumerated, changes a squared
/// loss by `s²` times the penalty and the curvature at a fit; the change of the *result* is `s² Ω` with an
/// error of order `s⁴`.
#[test]
fn a_small_move_changes_the_result_by_the_penalty() {
    let given = [values(3, 4, 3, 2, 5), vec![numbers([3, 4], -1.0, 1.0, 11)]].concat();
    let error = |s: f64| {
        let difference = value(&given, |x| {
            let base = network(x);
            let moved = |sign: f64| network(&[x[0] + x[3] * (sign * s), x[1], x[2]]);
            // Half the difference of both signs: the mean squared odd part.
            let odd = (moved(1.0) - moved(-1.0)) * 0.5;
            odd.powi(2).sum() * (1.0 / 3.0) - tangent_penalty(base, x[0], &[x[3]]) * (s * s)
        });
        difference.item().abs()
    };
    let slope = (error(0.04) / error(0.02)).log2();
    assert!((slope - 4.0).abs() < 0.1, "{slope}");
}

/// The same with a transformation of the image in the place of a straight move: the smooth image turned by `α`
/// differs from the tangent in the second order, so the mean squared change is `α² Ω + O(α³)`, and `O(α⁴)`
/// over both signs.
#[test]
fn a_small_transformation_is_a_tangent_penalty_to_second_order() {
    let moves = Transformations::new(4, 4, 0.8).unwrap().only(&[Transformation::Rotate]);
    let given = values(2, 16, 3, 2, 4);
    let error = |alpha: f64| {
        let found = value(&given, |x| {
            let graph = x[0].graph();
            let at = |alpha: f64| network(&[moves.apply(x[0], graph.fill([1], alpha)), x[1], x[2]]);
            let smooth = moves.apply(x[0], graph.fill([1], 0.0));
            let penalty = tangent_penalty(network(&[smooth, x[1], x[2]]), smooth, &moves.tangents(x[0]));
            let odd = (at(alpha) - at(-alpha)) * 0.5;
            let even = (at(alpha) + at(-alpha)) * 0.5 - at(0.0);
            Var::stack(&[odd.powi(2).sum() * 0.5 - penalty * (alpha * alpha), even.powi(2).sum()])
        });
        [found.data()[0].abs(), found.data()[1]]
    };
    let (one, two) = (error(0.1), error(0.05));
    for i in 0..2 {
        let slope = (one[i] / two[i]).log2();
        assert!((slope - 4.0).abs() < 0.1, "{slope}");
    }
}

#[test]
fn without_strength_or_tangents_the_objective_is_itself() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    let (f, loss) = (x.tanh(), x.sum());
    let before = graph.len();
    assert_eq!(TangentPropagation::new(0.0).unwrap().added_to(loss, f, x, &[x]).id(), loss.id());
    assert_eq!(TangentPropagation::new(1.0).unwrap().added_to(loss, f, x, &[]).id(), loss.id());
    assert_eq!(graph.len(), before);
}

#[test]
fn bad_numbers_are_refused() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let expected =
            format!("the strength of tangent propagation is {bad}, it must be finite and at least 0");
        assert_eq!(TangentPropagation::new(bad).unwrap_err().to_string(), expected);
    }
}

#[test]
#[should_panic(expected = "tangent_penalty: inputs [2, 3] and outputs [3] are not of the same examples")]
fn outputs_are_of_the_same_examples() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3]);
    tangent_penalty(x.sum_over(&[0]), x, &[x]);
}

/// The published comparison on a small scale (Simard et al. 1992): few training digits, error on digits never
/// seen, with and without; the mean over draws of the training set.
#[test]
fn on_few_digits_it_beats_plain_training() {
    const DRAWS: usize = 4;
    let data = digits::load().unwrap().flattened();
    let test = data.subset(&(1000..1797).collect::<Vec<_>>()).unwrap();
    let moves = Transformations::new(8, 8, 0.7).unwrap();
    for n in [10, 20, 40, 80] {
        let mut errors = [0.0, 0.0];
        for draw in 0..DRAWS {
            // As many of each class.
            let labels = data.labels().data();
            let of_class = |class| (0..labels.len()).filter(move |&i| labels[i] == class);
            let chosen: Vec<usize> =
                (0..10).flat_map(|class| of_class(class).skip(10 * draw).take(n / 10)).collect();
            let train = data.subset(&chosen).unwrap();
            for (error, strength) in errors.iter_mut().zip([0.0, 3.0]) {
                let propagation = TangentPropagation::new(strength).unwrap();
                let model = Sequential::<f32>::mlp(&[64, 40, 10], Activation::Tanh);
                let mut parameters = initialise(&model, draw as u64);
                let moves = &moves;
                let mut trainer = Trainer::new(&model, Optimiser::adam(0.01))
                    .epochs(200)
                    .batch_size(n)
                    .objective(move |batch| {
                        let probabilities = batch.logits().softmax();
                        let tangents = moves.tangents(batch.inputs);
                        propagation.added_to(batch.cross_entropy(), probabilities, batch.inputs, &tangents)
                    });
                trainer.fit(&train, None, &mut parameters).unwrap();
                *error += Evaluator::new(&model, 256).evaluate(&test, &parameters).unwrap().error;
            }
        }
        let [plain, tangent] = errors.map(|sum| sum / DRAWS as f64);
        assert!(tangent < plain, "{n} digits: {tangent} with the penalty, {plain} without");
    }
}
