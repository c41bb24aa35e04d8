use super::*;
use crate::testing::{Quadratic, assert_close, numbers, weight};
use autograd::{Graph, Tensor, hessian, interpret};
use nn::{Activation, Layer, Mode, Sequential, initialise};

#[test]
fn a_quadratic_has_its_largest_eigenvalue_and_eigenvector() {
    // The largest in absolute value: -5, not 2.
    for (eigenvalues, largest) in [([3.0, 0.4], 3.0), ([2.0, -5.0], -5.0)] {
        let quadratic = Quadratic { angle: 0.7, eigenvalues, minimum: [1.5, -0.8] };
        let (graph, specs) = (Graph::new(), [weight(2)]);
        let loss = quadratic.loss(specs[0].declare(&graph));
        let parameters: Parameters<f64> = [("w", numbers([2], -1.0, 1.0, 1))].into_iter().collect();
        let found = largest_curvature(loss, &specs, &parameters, &[], 60, 3).unwrap();
        // (2/5)^60 = 1e-24 is left.
        assert_close(found.eigenvalue, largest, 1e-14);
        assert!(found.residual < 1e-14);
        let along = quadratic.along_eigenvectors(found.direction["w"].data());
        let expected = if largest > 0.0 { [1.0, 0.0] } else { [0.0, 1.0] };
        for i in 0..2 {
            assert_close(along[i].abs(), expected[i], 1e-14);
        }
    }
}

/// So many iterations are so many looks: each but the first is at `H v` of the one before.
#[test]
fn each_iteration_is_one_product() {
    let quadratic = Quadratic { angle: 0.7, eigenvalues: [3.0, 0.4], minimum: [1.5, -0.8] };
    let direction = |iterations| {
        let (graph, specs) = (Graph::new(), [weight(2)]);
        let loss = quadratic.loss(specs[0].declare(&graph));
        let parameters: Parameters<f64> = [("w", numbers([2], -1.0, 1.0, 1))].into_iter().collect();
        let found = largest_curvature(loss, &specs, &parameters, &[], iterations, 3).unwrap();
        quadratic.along_eigenvectors(found.direction["w"].data())
    };
    for iterations in 1..4 {
        let (v, next) = (direction(iterations), direction(iterations + 1));
        let product = [3.0 * v[0], 0.4 * v[1]];
        let norm = product[0].hypot(product[1]);
        (0..2).for_each(|i| assert_close(next[i], product[i] / norm, 1e-14));
    }
}

/// Some eigenvalue of the Hessian, written out entry by entry, is the one that was found: `H - λ` is
/// singular in the direction `v`.
#[test]
fn a_network_has_the_eigenvalue_of_its_whole_hessian() {
    let model = Sequential::<f64>::mlp(&[3, 2, 2], Activation::Tanh);
    let (graph, specs) = (Graph::new(), model.parameters());
    let x = graph.input("x", [4, 3]);
    let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 1, 0]));
    let loss = model.forward(x, Mode::Evaluate).cross_entropy(labels);
    let (parameters, fed) = (initialise(&model, 3), numbers([4, 3], -1.0, 1.0, 1));
    let feeds = [("x", Feed::from(&fed))];
    let found = largest_curvature(loss, &specs, &parameters, &feeds, 300, 1).unwrap();
    assert!(found.residual < 1e-9, "{found:?}");
    // The block of the first weights, against the direction: (H v)ᵢ needs all blocks, so the quotient of the
    // block alone is at most λ.
    let w = specs[0].declare(&graph);
    let block = interpret(&[hessian(loss, w)], &feeds, Some(&parameters)).unwrap().remove(0);
    for seed in 0..50 {
        let v = numbers([6], -1.0, 1.0, seed);
        let square: f64 = v.data().iter().map(|v| v * v).sum();
        let mut quotient = 0.0;
        for i in 0..6 {
            for j in 0..6 {
                quotient += v.data()[i] * block.data()[i * 6 + j] * v.data()[j] / square;
            }
        }
        assert!(quotient.abs() <= found.eigenvalue.abs() + 1e-12);
    }
    // The same again from another start.
    let again = largest_curvature(loss, &specs, &parameters, &feeds, 300, 2).unwrap();
    assert_close(again.eigenvalue, found.eigenvalue, 1e-12);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (graph, specs) = (Graph::new(), [weight(2)]);
    let loss = specs[0].declare(&graph).powi(3).sum();
    assert!(largest_curvature(loss, &specs, &Parameters::<f64>::new(), &[], 3, 1).is_err());
    let error = largest_curvature(loss, &specs, &Parameters::<f64>::new(), &[], 0, 1).unwrap_err();
    assert_eq!(error.to_string(), "the number of iterations is 0, it must be at least 1");
}
