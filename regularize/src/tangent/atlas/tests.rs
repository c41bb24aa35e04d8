use super::*;
use crate::testing::{assert_close, numbers, value};
use autograd::Feed;
use autograd::check::Checker;
use nn::data::Dataset;
use nn::train::Evaluator;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};
use proptest::prelude::*;

/// Points on the circle of radius 1 in the plane `x₀, x₁` of three dimensions.
fn circle(n: usize) -> Tensor<f64> {
    Tensor::from_fn([n, 3], |i| {
        let angle = 2.0 * std::f64::consts::PI * (i / 3) as f64 / n as f64;
        [angle.cos(), angle.sin(), 0.0][i % 3]
    })
}

/// The chart at a point of a circle is along the circle: exactly, as the neighbours lie as many on either side.
#[test]
fn a_circle_has_its_tangents() {
    let points = circle(40);
    let atlas = Atlas::local(&points, 4, 1).unwrap();
    for i in 0..40 {
        let (x, t) = (&points.data()[3 * i..3 * i + 3], &atlas.tangents().data()[3 * i..3 * i + 3]);
        let along = [-x[1], x[0], 0.0];
        assert_close(dot(t, &along).abs(), 1.0, 1e-14);
    }
    // With two dimensions the second is across, and with a flat neighbourhood there is no third.
    let atlas = Atlas::local(&points, 4, 3).unwrap();
    assert_eq!(&atlas.tangents().data()[6..9], [0.0; 3]);
}

/// Principal directions of a neighbourhood that is everything: eigenvectors of the covariance.
#[test]
fn directions_are_those_of_largest_variance() {
    let points = numbers([9, 4], -1.0, 1.0, 3);
    let atlas = Atlas::local(&points, 8, 2).unwrap();
    let mean: Vec<f64> = (0..4).map(|k| (0..9).map(|i| points[[i, k]]).sum::<f64>() / 9.0).collect();
    let spread = |v: &[f64]| {
        (0..9).map(|i| (0..4).map(|k| (points[[i, k]] - mean[k]) * v[k]).sum::<f64>().powi(2)).sum::<f64>()
    };
    let first = &atlas.tangents().data()[..4];
    for seed in 0..200 {
        let v = numbers([4], -1.0, 1.0, seed).into_data();
        let length = dot(&v, &v).sqrt();
        assert!(spread(&v) / (length * length) <= spread(first) + 1e-12);
    }
}

/// For a linear encoder the Jacobian is its matrix everywhere.
#[test]
fn an_encoder_has_the_singular_vectors_of_its_jacobian() {
    let encoder = Sequential::<f64>::new().linear(4, 3);
    let parameters = initialise(&encoder, 1);
    let examples = numbers([2, 4], -1.0, 1.0, 1);
    let atlas = Atlas::of_encoder(&encoder, &parameters, &examples, 2).unwrap();
    let w = &parameters["linear1.weight"];
    let rows = (0..3).map(|j| (0..4).map(|k| w[[k, j]]).collect()).collect();
    let expected = singular_directions(rows, 2);
    for i in 0..2 {
        for (k, expected) in expected.iter().enumerate() {
            let found = &atlas.tangents().data()[(i * 2 + k) * 4..][..4];
            assert_close(dot(found, expected).abs(), 1.0, 1e-13);
        }
    }
    assert!(Atlas::of_encoder(&encoder, &Parameters::new(), &examples, 2).is_err());
    assert!(Atlas::of_encoder(&encoder, &parameters, &examples, 0).is_err());
}

/// At a centre its own chart, near it too; a batch of one is a row of a batch.
#[test]
fn the_chart_is_the_nearest() {
    let (centres, tangents) = (numbers([5, 3], -1.0, 1.0, 1), numbers([5, 2, 3], -1.0, 1.0, 2));
    let atlas = Atlas::new(centres.clone(), tangents.clone()).unwrap();
    let at = |x: Tensor<f64>| value(&[x], |x| Var::stack(&atlas.tangents_at(x[0])));
    let nudge = numbers([5, 3], -1e-3, 1e-3, 3);
    let near = Tensor::from_fn([5, 3], |i| centres.data()[i] + nudge.data()[i]);
    for points in [centres, near] {
        let found = at(points.clone());
        for i in 0..5 {
            for k in 0..2 {
                for j in 0..3 {
                    assert_eq!(found[[k, i, j]], tangents[[i, k, j]]);
                }
            }
        }
        let one = at(Tensor::new([1, 3], points.data()[3..6].to_vec()));
        assert_eq!(one[[1, 0, 2]], found[[1, 1, 2]]);
    }
    // Everywhere the nearest by its definition.
    let points = numbers([20, 3], -2.0, 2.0, 8);
    let found = at(points.clone());
    for i in 0..20 {
        let distance =
            |c: usize| (0..3).map(|j| (points[[i, j]] - atlas.centres[[c, j]]).powi(2)).sum::<f64>();
        let nearest = (0..5).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap();
        assert_eq!(found[[0, i, 0]], tangents[[nearest, 0, 0]]);
    }
}

/// Two circles, one inside the other, of a few labelled points each: the classifier that keeps still along the
/// circles finds the rest of them.
#[test]
fn along_the_manifold_the_class_stays() {
    let (n, shown) = (60, 6);
    let rings = |n: usize| {
        let ring = |radius: f64| circle(n).data().iter().map(|x| (radius * x) as f32).collect::<Vec<_>>();
        let examples = [ring(1.0), ring(1.6)].concat();
        let labels = (0..2 * n as u32).map(|i| i / n as u32).collect();
        Dataset::new(Tensor::new([2 * n, 3], examples), Tensor::new([2 * n], labels), 2).unwrap()
    };
    let (all, few) = (rings(n), rings(shown));
    // The tangents are learned from all points, without their labels.
    let atlas = Atlas::local(all.examples(), 2, 1).unwrap();
    let error = |strength: f64| {
        let mut sum = 0.0;
        for seed in 0..3 {
            let manifold = ManifoldTangents::new(atlas.clone(), TangentPropagation::new(strength).unwrap());
            let model = Sequential::<f32>::mlp(&[3, 24, 2], Activation::Tanh);
            let mut parameters = initialise(&model, seed);
            let mut trainer = Trainer::new(&model, Optimiser::adam(0.02))
                .epochs(400)
                .objective(move |batch| manifold.objective(batch));
            trainer.fit(&few, None, &mut parameters).unwrap();
            sum += Evaluator::new(&model, 256).evaluate(&all, &parameters).unwrap().loss / 3.0;
        }
        sum
    };
    let (plain, tangent) = (error(0.0), error(1.0));
    assert!(tangent < plain);
}

#[test]
fn bad_requests_are_refused() {
    let points = circle(5);
    let error =
        |neighbours, dimensions| Atlas::local(&points, neighbours, dimensions).unwrap_err().to_string();
    assert_eq!(
        error(5, 1),
        "the number of neighbours is 5, it must be at least 1 and below the number of examples"
    );
    assert!(error(0, 1).starts_with("the number of neighbours is 0"));
    assert!(error(2, 3).starts_with("the dimension of the manifold is 3"));
    assert!(error(2, 0).starts_with("the dimension of the manifold is 0"));
    let bad = Tensor::full([3, 2], f64::NAN);
    assert_eq!(Atlas::local(&bad, 1, 1).unwrap_err().to_string(), "element 0 of the examples is NaN");
    assert!(Atlas::new(Tensor::zeros([3, 2]), Tensor::full([3, 1, 2], f64::INFINITY)).is_err());
}

#[test]
fn charts_that_do_not_match_are_refused() {
    let error = |centres: &[usize], tangents: &[usize]| {
        let zeros = |lengths| Tensor::<f64>::zeros(Shape::new(lengths));
        Atlas::new(zeros(centres), zeros(tangents)).unwrap_err().to_string()
    };
    let tangents = "the tangents of an atlas have shape";
    assert_eq!(error(&[3, 2], &[3, 1, 4]), format!("{tangents} [3, 1, 4], not [3, 1, 2]"));
    assert_eq!(error(&[3, 2], &[2, 5, 2]), format!("{tangents} [2, 5, 2], not [3, 5, 2]"));
    assert_eq!(error(&[3, 2], &[3, 2]), format!("{tangents} [3, 2], not [3, 1, 2]"));
    assert_eq!(error(&[3, 2, 2], &[3, 1, 4]), "the centres of an atlas have shape [3, 2, 2], not [3, 4]");
    assert_eq!(error(&[0, 2], &[0, 1, 2]), "there are no charts in the atlas");
}

#[test]
#[should_panic(expected = "Atlas: examples of 2 numbers, not [3, 4]")]
fn examples_are_as_long_as_the_centres() {
    let atlas = Atlas::<f64>::new(Tensor::zeros([3, 2]), Tensor::zeros([3, 1, 2])).unwrap();
    atlas.tangents_at(Graph::new().input("x", [3, 4]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn tangents_are_those_of_the_nearest_chart(
        (charts, k, d, n) in (1usize..6, 1usize..3, 1usize..5, 1usize..6), seed: u64,
    ) {
        let centres = numbers([charts, d], -1.0, 1.0, seed);
        let tangents = numbers([charts, k, d], -1.0, 1.0, !seed);
        let atlas = Atlas::new(centres.clone(), tangents.clone()).unwrap();
        let points = numbers([n, d], -2.0, 2.0, seed ^ 9);
        let found = value(std::slice::from_ref(&points), |x| Var::stack(&atlas.tangents_at(x[0])));
        for i in 0..n {
            let distance =
                |c: usize| (0..d).map(|j| (points[[i, j]] - centres[[c, j]]).powi(2)).sum::<f64>();
            let nearest = (0..charts).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap();
            for (t, j) in (0..k).flat_map(|t| (0..d).map(move |j| (t, j))) {
                assert_eq!(found[[t, i, j]], tangents[[nearest, t, j]]);
            }
        }
    }
}

#[test]
fn derivatives_are_right_and_without_strength_it_is_the_loss() {
    let model = Sequential::<f64>::mlp(&[3, 4, 2], Activation::Tanh);
    let (specs, parameters, graph) = (model.parameters(), initialise(&model, 1), Graph::new());
    let labels = graph.index_constant(Tensor::new([3], vec![0, 1, 1]));
    let batch = Batch::new(graph.input("x", [3, 3]), labels, &model, &specs, Mode::Train);
    let atlas = Atlas::new(numbers([5, 3], -1.0, 1.0, 2), numbers([5, 2, 3], -1.0, 1.0, 3)).unwrap();
    let manifold =
        |strength| ManifoldTangents::new(atlas.clone(), TangentPropagation::new(strength).unwrap());
    let objective = manifold(0.7).objective(&batch);
    let weights: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    let x = numbers([3, 3], -1.0, 1.0, 1);
    let checker = Checker::new("manifold tangents").entries().order(1);
    checker.graph(objective, &weights, &[("x", Feed::from(&x))], Some(&parameters)).unwrap().assert();
    let recorded = |record: &dyn Fn()| {
        let before = graph.len();
        record();
        graph.len() - before
    };
    let plain = recorded(&|| {
        batch.on(batch.inputs).cross_entropy();
    });
    let without = recorded(&|| {
        manifold(0.0).objective(&batch.on(batch.inputs));
    });
    assert_eq!(without, plain);
}
