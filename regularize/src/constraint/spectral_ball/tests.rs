use super::symmetric::{absolute, root, solve};
use super::*;
use crate::constraint::project_onto_l2_ball;
use crate::testing::{assert_close, check, numbers, value};
use autograd::check::Checker;
use autograd::{Feed, Graph, grad, interpret, jvp};
use nn::initialise::{Initialiser, initial_value};
use proptest::prelude::*;

/// A matrix with these singular values, and 0 for what is missing.
pub(super) fn made(rows: usize, columns: usize, values: &[f64], seed: u64) -> Tensor<f64> {
    let orthogonal = |name, n| {
        initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, seed, name, [n, n].into()).into_data()
    };
    let (left, right) = (orthogonal("u", rows), orthogonal("v", columns));
    Tensor::from_fn([rows, columns], |at| {
        let (i, j) = (at / columns, at % columns);
        let entry = |(k, sigma): (usize, &f64)| left[i * rows + k] * sigma * right[j * columns + k];
        values.iter().take(rows.min(columns)).enumerate().map(entry).sum()
    })
}

/// Singular values apart from the bound, 1: among them equal ones on both sides, and 0.
fn spectra() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![Just(0.0), Just(0.6), Just(1.7), 0.05..0.8f64, 1.25..4.0f64];
    prop::collection::vec(value, 4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// Forward, backward, and both of the gradient, in every entry; the kernels against the expressions.
    #[test]
    fn derivatives_are_right_whatever_the_singular_values(
        rows in 1usize..5, columns in 1usize..5, values in spectra(), seed in 0u64..1000,
    ) {
        let w = made(rows, columns, &values, seed);
        // A single number that is cut moves nothing: the number itself is added, so that there is a slope to check.
        check("spectral ball", std::slice::from_ref(&w), |x| {
            (project_onto_spectral_ball(x[0], 1.0).powi(3) + x[0]).sum()
        });
        // In the ball, and for a single number outside, derivatives are exactly 0, of which no rounding is forgiven.
        prop_assume!(rows * columns > 1 && values[..rows.min(columns)].iter().any(|&sigma| sigma > 1.0));
        Checker::new("kernel").agrees(CutSingularValues(1.0), std::slice::from_ref(&w)).assert();
        let direction = numbers([rows, columns], -1.0, 1.0, seed);
        // Its first derivatives are the second ones of the projection.
        Checker::new("slope").order(1).agrees(Slope(1.0), &[w, direction]).assert();
    }

    /// A single row or column is a vector, and its singular value is its length.
    #[test]
    fn of_a_vector_it_is_the_euclidean_ball(n in 1usize..6, tall: bool, length in 0.1..3.0f64, seed: u64) {
        prop_assume!((length - 1.0).abs() > 1e-3);
        let shape = if tall { [n, 1] } else { [1, n] };
        let v = numbers(shape, -1.0, 1.0, seed);
        let norm = v.data().iter().map(|v| v * v).sum::<f64>().sqrt();
        let v = Tensor::new(shape, v.data().iter().map(|v| v * length / norm).collect());
        let weights = numbers(shape, -1.0, 1.0, seed ^ 1);
        let slopes = |spectral: bool| value(&[v.clone(), weights.clone()], |x| {
            let projected = match spectral {
                true => project_onto_spectral_ball(x[0], 1.0),
                false => project_onto_l2_ball(x[0], x[0].graph().fill([], 1.0), &[0, 1]),
            };
            let slope = grad((projected * x[1]).sum(), &[x[0]])[0];
            // And the second derivative, in the direction of the weights.
            Var::stack(&[slope, grad((slope.powi(2) * x[1]).sum() + x[0].sum(), &[x[0]])[0]])
        });
        for (a, b) in slopes(true).data().iter().zip(slopes(false).data()) {
            // Second derivatives of size 1/r² = 100 at the smallest length.
            assert_close(*a, *b, 1e-12);
        }
    }

    #[test]
    fn functions_of_symmetric_matrices_have_their_derivatives(
        n in 1usize..4, values in spectra(), signs in prop::collection::vec(any::<bool>(), 4), seed in 0u64..1000,
    ) {
        let v = initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, seed, "v", [n, n].into());
        let of = |f: &dyn Fn(usize) -> f64| Tensor::from_fn([n, n], |at| {
            (0..n).map(|k| v.data()[at / n * n + k] * f(k) * v.data()[at % n * n + k]).sum()
        });
        // The roots of 0 and absolute values at 0 have no derivative.
        let size = |k: usize| values[k].max(0.05);
        let signed = of(&|k| if signs[k] { size(k) } else { -size(k) });
        let (positive, d) = (of(&size), numbers([n, n], -1.0, 1.0, seed));
        let close = |found: Tensor<f64>, expected: Tensor<f64>| {
            found.data().iter().zip(expected.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-13));
        };
        close(value(std::slice::from_ref(&signed), |x| absolute(x[0])), positive.clone());
        close(value(std::slice::from_ref(&positive), |x| root(x[0])), of(&|k| size(k).sqrt()));
        let solved = value(&[positive.clone(), d.clone()], |x| {
            let y = solve(x[0], x[1]);
            x[0].matmul(y) + y.matmul(x[0])
        });
        close(solved, d.clone());
        let twice = |values: &[Tensor<f64>], f: fn(Var<'_, f64>) -> Var<'_, f64>| {
            check("function", values, |x| f((x[0] + x[0].transpose()) * 0.5).powi(3).sum());
        };
        twice(std::slice::from_ref(&signed), absolute);
        twice(std::slice::from_ref(&positive), root);
        check("solve", &[positive, d], |x| solve(x[0], x[1]).powi(3).sum());
    }
}

/// Those that a matrix was made of, of a kernel those of its matrix, and none of nothing.
#[test]
fn singular_values_are_those_that_it_was_made_of() {
    for (rows, columns) in [(3, 5), (5, 3), (4, 4), (1, 6)] {
        let values = [4.0, 2.5, 2.5, 0.0];
        let found = singular_values(&made(rows, columns, &values, 3)).unwrap();
        assert_eq!(found.len(), rows.min(columns));
        found.iter().zip(values).for_each(|(a, b)| assert_close(*a, b, 1e-14));
    }
    let kernel = numbers([2, 2, 3], -1.0, 1.0, 1);
    assert_eq!(singular_values(&kernel).unwrap(), singular_values(&kernel.clone().reshape([4, 3])).unwrap());
    assert!(singular_values(&Tensor::<f32>::zeros([0, 3])).unwrap().is_empty());
    let error = |matrix: Tensor<f64>| singular_values(&matrix).unwrap_err().to_string();
    assert_eq!(error(Tensor::zeros([3])), "the entries of a matrix have shape [3], not [3, 1]");
    assert_eq!(error(Tensor::full([2, 2], f64::NAN)), "element 0 of the entries of a matrix is NaN");
}

/// The mean of both sides: ½ where a singular value is the bound, as `minimum` has it.
#[test]
fn at_the_bound_the_derivative_is_the_mean_of_both_sides() {
    let w = Tensor::new([2, 2], vec![1.0, 0.0, 0.0, 0.5]);
    let at = |place: usize| {
        let direction = Tensor::from_fn([2, 2], |i| f64::from(u8::from(i == place)));
        let kernel = value(&[w.clone(), direction.clone()], |x| {
            jvp(project_onto_spectral_ball(x[0], 1.0), &[x[0]], &[x[1]])
        });
        let expression = value(&[w.clone(), direction], |x| jvp(in_graph(x[0], 1.0), &[x[0]], &[x[1]]));
        for (a, b) in kernel.data().iter().zip(expression.data()) {
            assert_close(*a, *b, 1e-15);
        }
        kernel
    };
    assert_eq!(at(0).data(), [0.5, 0.0, 0.0, 0.0]);
    assert_eq!(at(3).data(), [0.0, 0.0, 0.0, 1.0]);
    // Off the diagonal the bound is not passed to first order: σ₁ grows with the square.
    assert_eq!(at(1).data(), [0.0, 1.0, 0.0, 0.0]);
}

/// In the ball the projection is the identity, and its derivative too, bit for bit; where everything is cut, a
/// step along `W` itself is lost and a turn is kept.
#[test]
fn inside_it_is_the_identity_and_outside_turns_are_kept() {
    let (w, direction) = (made(3, 2, &[0.9, 0.2], 1), numbers([3, 2], -1.0, 1.0, 2));
    let along = |w: &Tensor<f64>, direction: &Tensor<f64>| {
        value(&[w.clone(), direction.clone()], |x| {
            jvp(project_onto_spectral_ball(x[0], 1.0), &[x[0]], &[x[1]])
        })
    };
    assert_eq!(along(&w, &direction), direction);
    let w = made(2, 2, &[3.0, 3.0], 4);
    assert!(along(&w, &w).data().iter().all(|x| x.abs() < 1e-15));
    // W = 3 Q turned by W K with K skew: Q K is what is left, cut to the bound.
    let turned = value(std::slice::from_ref(&w), |x| {
        x[0].matmul(x[0].graph().constant(Tensor::new([2, 2], vec![0.0, 1.0, -1.0, 0.0])))
    });
    for (a, b) in along(&w, &turned).data().iter().zip(turned.data()) {
        assert_close(*a, b / 3.0, 1e-15);
    }
}

/// A kernel is the matrix of its maps; single precision has the same derivative up to its rounding.
#[test]
fn kernels_and_single_precision_have_derivatives_too() {
    let kernel = numbers([2, 2, 3], -2.0, 2.0, 4);
    let slope = |w: &Tensor<f64>| {
        value(std::slice::from_ref(w), |x| {
            grad(project_onto_spectral_ball(x[0], 0.5).powi(3).sum(), &[x[0]])[0]
        })
    };
    let double = slope(&kernel);
    assert_eq!(double.clone().reshape([4, 3]), slope(&kernel.clone().reshape([4, 3])));
    let graph = Graph::<f32>::new();
    let x = graph.input("w", [2, 2, 3]);
    let single = grad(project_onto_spectral_ball(x, 0.5).powi(3).sum(), &[x])[0];
    let fed = kernel.cast::<f32>();
    let single = interpret(&[single], &[("w", Feed::from(&fed))], None).unwrap().remove(0);
    for (a, b) in single.data().iter().zip(double.data()) {
        // A few roundings of 6e-8, cubed entries of at most 0.5 made of singular values up to 4.
        assert_close(f64::from(*a), *b, 2e-6);
    }
    // Nothing has nothing.
    for shape in [[0, 3], [3, 0]] {
        let empty = Tensor::<f64>::zeros(shape);
        let found = value(std::slice::from_ref(&empty), |x| {
            let slope = grad(project_onto_spectral_ball(x[0], 0.5).powi(3).sum(), &[x[0]])[0];
            grad(slope.powi(2).sum(), &[x[0]])[0]
        });
        assert_eq!(found.shape(), empty.shape());
    }
}
