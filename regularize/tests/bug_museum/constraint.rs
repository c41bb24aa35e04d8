//! Constraints.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | the "projection" onto the L1 ball divides by the norm | Foolbox L1 PGD | [`a_projection_is_the_nearest_point`] |
//! | the whole matrix is divided by its spectral norm, and called a projection | Lipschitz recipes | [`a_spectral_projection_is_the_nearest_matrix`] |
//! | norms of rows instead of units, or of the whole matrix | Keras `max_norm(axis)` left at its default for other layouts | [`max_norm_is_of_each_unit`] |
//! | a gradient step onto the set, and then momentum off it again | projections put before the end of the chain | [`a_step_ends_on_the_set`] |

use crate::{value, vector};
use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var};
use nn::optimise::{Momentum, ScaleByLearningRate};
use nn::{Initialiser, LEARNING_RATE, Optimiser, ParameterSpec, Role, Selection};
use regularize::{L1Ball, L2Ball, MaxNorm, Projected, Projection, SpectralBall};

/// Points to points of the set.
type Map<'m> = &'m dyn for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>;

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn a_projection_is_the_nearest_point() {
    // No point on the boundary, as found by going round it, is nearer.
    let holds = |map: Map<'_>| {
        [[2.0, 0.5], [1.5, -1.0], [-0.2, 3.0], [0.3, -0.4]].iter().all(|v| {
            let found = value(&vector(v), map);
            let nearest = (-1000..=1000)
                .flat_map(|i| {
                    let x = f64::from(i) / 1000.0;
                    [[x, 1.0 - x.abs()], [x, x.abs() - 1.0]]
                })
                .map(|point| distance(&point, v))
                .fold(f64::INFINITY, f64::min);
            let inside = found.iter().map(|w| w.abs()).sum::<f64>() <= 1.0 + 1e-12;
            let is_inside = v[0].abs() + v[1].abs() <= 1.0;
            inside && if is_inside { found == v.to_vec() } else { distance(&found, v) <= nearest + 1e-12 }
        })
    };
    let ball = L1Ball::new(1.0).unwrap();
    assert!(holds(&|v| ball.project(v)));
    assert!(!holds(&|v| v / v.abs().sum().maximum(1.0)));
}

#[test]
fn a_spectral_projection_is_the_nearest_matrix() {
    let v = Tensor::new([2, 2], vec![3.0, 0.0, 0.0, 0.5]);
    // diag(1, 0.5) is in the ball: whatever is farther away than that is not nearest.
    let holds = |map: Map<'_>| distance(&value(&v, map), v.data()) <= 2.0 + 1e-12;
    let ball = SpectralBall::new(1.0).unwrap();
    assert!(holds(&|v| ball.project(v)));
    assert!(!holds(&|v| v / 3.0));
}

#[test]
fn max_norm_is_of_each_unit() {
    // Two units of three weights: one too long, the other short.
    let v = Tensor::new([3, 2], vec![3.0, 0.1, 4.0, 0.2, 0.0, 0.2]);
    let holds = |map: Map<'_>| {
        let w = value(&v, map);
        let norm = |unit: usize| (0..3).map(|i| w[2 * i + unit].powi(2)).sum::<f64>().sqrt();
        (norm(0) - 1.0).abs() < 1e-12 && (norm(1) - 0.3).abs() < 1e-12
    };
    let bound = MaxNorm::new(1.0).unwrap();
    assert!(holds(&|v| bound.project(v)));
    assert!(!holds(&|v| bound.along(0).project(v)));
    let whole = L2Ball::new(1.0).unwrap();
    assert!(!holds(&|v| whole.project(v)));
}

#[test]
fn a_step_ends_on_the_set() {
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [2].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    let holds = |optimiser: Optimiser<f64>| {
        let graph = Graph::new();
        let step = optimiser.minimise(-spec.declare(&graph).sum(), std::slice::from_ref(&spec));
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        let mut parameters: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
        step.initialise_state(&mut parameters);
        (0..10).all(|_| {
            plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.5))]).unwrap();
            distance(parameters["w"].data(), &[0.0; 2]) <= 1.0 + 1e-12
        })
    };
    let ball = || Projected::new(Selection::weights(), L2Ball::new(1.0).unwrap());
    let momentum = || Momentum { momentum: 0.9, nesterov: false };
    assert!(holds(Optimiser::new(0.5).then(momentum()).then(ScaleByLearningRate).then(ball())));
    assert!(!holds(Optimiser::new(0.5).then(ScaleByLearningRate).then(ball()).then(momentum())));
}
