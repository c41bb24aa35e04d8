use super::*;
use crate::hyper_gradient::{Hyperparameter, hyper_gradient, unroll};
use crate::l2_penalty;
use crate::testing::{assert_close, numbers, weight};
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Plan, Tensor};
use nn::Optimiser;
use proptest::prelude::*;

/// Ridge regression: `½‖X w - y‖² + α/2 ‖w‖²` in training, `½‖X' w - y'‖²` in validation.
struct Ridge {
    x: Tensor<f64>,
    y: Tensor<f64>,
    vx: Tensor<f64>,
    vy: Tensor<f64>,
    alpha: f64,
}

/// `A v = b` by Gaussian elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            let row = a[k].clone();
            a[i].iter_mut().zip(row).skip(k).for_each(|(below, above)| *below -= factor * above);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

impl Ridge {
    fn new(examples: usize, d: usize, alpha: f64, seed: u64) -> Ridge {
        Ridge {
            x: numbers([examples, d], -1.0, 1.0, seed),
            y: numbers([examples, 1], -2.0, 2.0, seed + 1),
            vx: numbers([examples + 2, d], -1.0, 1.0, seed + 2),
            vy: numbers([examples + 2, 1], -2.0, 2.0, seed + 3),
            alpha,
        }
    }

    fn d(&self) -> usize {
        self.x.shape()[1]
    }

    /// `XᵀX + α`.
    fn system(&self) -> Vec<Vec<f64>> {
        let (rows, d) = (self.x.shape()[0], self.d());
        let entry = |i: usize, j: usize| -> f64 {
            let sum: f64 = (0..rows).map(|r| self.x[[r, i]] * self.x[[r, j]]).sum();
            sum + if i == j { self.alpha } else { 0.0 }
        };
        (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect()
    }

    fn minimum(&self) -> Vec<f64> {
        let rows = self.x.shape()[0];
        let b = (0..self.d()).map(|j| (0..rows).map(|r| self.x[[r, j]] * self.y[[r, 0]]).sum()).collect();
        solve(self.system(), b)
    }

    /// `dV/dα = -∇Vᵀ (XᵀX + α)⁻¹ w*`.
    fn closed_form(&self) -> f64 {
        let w = self.minimum();
        let moved = solve(self.system(), w.clone());
        let rows = self.vx.shape()[0];
        let residual =
            |r: usize| (0..self.d()).map(|j| self.vx[[r, j]] * w[j]).sum::<f64>() - self.vy[[r, 0]];
        let along = |r: usize| (0..self.d()).map(|j| self.vx[[r, j]] * moved[j]).sum::<f64>();
        -(0..rows).map(|r| residual(r) * along(r)).sum::<f64>()
    }

    fn strength(&self) -> Hyperparameter {
        Hyperparameter::positive("alpha", self.alpha).unwrap()
    }

    /// Training and validation loss, and the weights.
    fn losses<'g>(&self, graph: &'g Graph<f64>) -> [Var<'g, f64>; 3] {
        let w = weight(self.d()).declare(graph);
        let loss = |x: &Tensor<f64>, y: &Tensor<f64>| {
            let fitted = graph.constant(x.clone()).matmul(w.reshape([self.d(), 1]));
            (fitted - graph.constant(y.clone())).norm_squared() * 0.5
        };
        let training = loss(&self.x, &self.y) + l2_penalty(w, self.strength().value(graph));
        [training, loss(&self.vx, &self.vy), w]
    }

    fn parameters(&self, w: Vec<f64>) -> Parameters<f64> {
        [("w", Tensor::new([self.d()], w)), ("alpha", self.strength().initial_value())].into_iter().collect()
    }

    /// `dV/d ln α` and the residual, at given weights.
    fn implicit(&self, w: Vec<f64>, solver: ConjugateGradients) -> [f64; 2] {
        let graph = Graph::new();
        let [training, validation, weights] = self.losses(&graph);
        let alpha = self.strength().raw(&graph);
        let found = implicit_hyper_gradient(training, validation, &[weights], &[alpha], solver).unwrap();
        [found.gradient[0], found.residual]
            .map(|v| crate::testing::run(v, &self.parameters(w.clone()), Draw::default()).item())
    }

    /// `dV/d ln α` through so many steps of gradient descent.
    fn unrolled(&self, start: Vec<f64>, rate: f64, steps: usize) -> f64 {
        let graph = Graph::new();
        let [training, validation, _] = self.losses(&graph);
        let step = Optimiser::sgd(rate).minimise(training, &[weight(self.d())]);
        let unrolled = unroll(&step, &[], steps, &["learning_rate"]);
        let slope = hyper_gradient(validation, &unrolled, &[self.strength().raw(&graph)]).unwrap()[0];
        let parameters = self.parameters(start);
        let run = Interpreter { parameters: &parameters, draw: Draw::default() };
        let feeds = [("learning_rate", Feed::Scalar(rate))];
        run.run(&graph, &[slope.id()], &feeds).unwrap().get(slope).item()
    }
}

fn exact(iterations: usize) -> ConjugateGradients {
    ConjugateGradients::new(iterations).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn at_the_minimum_of_a_ridge_regression_it_is_the_closed_form(
        d in 1usize..6,
        examples in 0usize..8,
        alpha in 0.1..5.0,
        seed in 0u64..1000,
    ) {
        let ridge = Ridge::new(examples, d, alpha, seed);
        // A few iterations more than numbers, for what rounding takes of conjugacy.
        let [found, residual] = ridge.implicit(ridge.minimum(), exact(d + 3));
        assert_close(found, alpha * ridge.closed_form(), 1e-10);
        prop_assert!(residual < 1e-10, "residual {residual}");
    }
}

/// From 0, the weights' error after k steps is `ρᵏ` in the slowest direction, that of their derivative
/// `(a k + b) ρᵏ`; from the minimum only `b ρᵏ` is left.
#[test]
fn the_unrolled_derivative_converges_to_the_closed_form_at_the_known_rate() {
    // XᵀX is diagonal, with eigenvalues 4, 1 and 0.25.
    let (alpha, rate) = (0.25, 0.2);
    let ridge = Ridge {
        x: Tensor::from_fn([3, 3], |i| if i % 4 == 0 { [2.0, 1.0, 0.5][i / 4] } else { 0.0 }),
        ..Ridge::new(3, 3, alpha, 8)
    };
    let closed = alpha * ridge.closed_form();
    let rho: f64 = 1.0 - rate * (0.25 + alpha);
    let scaled = |start: Vec<f64>| {
        let error = |steps: usize| ridge.unrolled(start.clone(), rate, steps) - closed;
        [90, 120, 150].map(|steps| error(steps) / rho.powi(steps as i32))
    };
    // What is left of the other directions and of the square is below ρ⁹⁰ = 8e-5.
    let [a, b, c] = scaled(vec![0.0; 3]);
    assert!(((c - b) / (b - a) - 1.0).abs() < 1e-3, "{a}, {b}, {c} do not lie on a line in k");
    assert!((b / a - 1.2).abs() < 0.15, "{a}, {b} do not grow with k");
    let [a, b, c] = scaled(ridge.minimum());
    assert!((b / a - 1.0).abs() < 1e-3 && (c / b - 1.0).abs() < 1e-3, "{a}, {b}, {c} are not constant");
    // Both methods and the closed form in one place: what is left is rounding.
    assert_close(ridge.unrolled(vec![0.0; 3], rate, 400), closed, 1e-13);
    assert_close(ridge.implicit(ridge.minimum(), exact(3))[0], closed, 1e-13);
}

/// Softmax regression has no closed form: differences of the validation loss between two minima.
#[test]
fn at_the_minimum_of_a_softmax_regression_it_is_the_difference_of_minima() {
    let (x, vx) = (numbers([8, 2], -1.0, 1.0, 1), numbers([6, 2], -1.0, 1.0, 2));
    let labels = |n: usize| Tensor::from_fn([n], |i| (i * i % 3) as u32);
    let strength = Hyperparameter::positive("alpha", 0.2).unwrap();
    let minimum = |change: f64| {
        let graph = Graph::new();
        let w = weight(6).declare(&graph);
        let loss = |x: &Tensor<f64>| {
            let n = x.shape()[0];
            graph.constant(x.clone()).matmul(w.reshape([2, 3])).cross_entropy(graph.index_constant(labels(n)))
        };
        let (training, validation) = (loss(&x) + l2_penalty(w, strength.value(&graph)), loss(&vx));
        let step = Optimiser::sgd(1.0).minimise(training, &[weight(6)]);
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        let mut parameters: Parameters<f64> =
            [("w", Tensor::zeros([6])), ("alpha", strength.initial_value())].into_iter().collect();
        parameters.get_mut("alpha").unwrap().data_mut()[0] += change;
        // The curvature is between 0.2 and 0.7: each step leaves at most 0.8 of the distance.
        for _ in 0..300 {
            plan.run(&mut parameters, &[("learning_rate", Feed::Scalar(1.0))]).unwrap();
        }
        let alpha = strength.raw(&graph);
        let found = implicit_hyper_gradient(training, validation, &[w], &[alpha], exact(9)).unwrap();
        [validation, found.gradient[0], found.residual]
            .map(|v| crate::testing::run(v, &parameters, Draw::default()).item())
    };
    let [_, slope, residual] = minimum(0.0);
    // Central differences: 1e-16 / 1e-4 from rounding, 1e-8 times a third derivative from the step.
    let difference = (minimum(1e-4)[0] - minimum(-1e-4)[0]) / 2e-4;
    assert!((slope - difference).abs() < 1e-8, "{slope} and {difference}");
    assert!(residual < 1e-10 && slope.abs() > 1e-3);
}

/// Away from the minimum the formula is still `-∇Vᵀ H⁻¹ ∂g/∂α`: the solution is not differentiated with the rest.
#[test]
fn away_from_the_minimum_it_is_the_formula_at_the_given_weights() {
    let ridge = Ridge::new(5, 3, 0.4, 6);
    let w = vec![0.7, -1.2, 0.3];
    let graph = Graph::new();
    let [_, validation, weights] = ridge.losses(&graph);
    let slope = grad(validation, &[weights])[0];
    let slope = crate::testing::run(slope, &ridge.parameters(w.clone()), Draw::default());
    let v = solve(ridge.system(), slope.into_data());
    let by_hand: f64 = -0.4 * v.iter().zip(&w).map(|(v, w)| v * w).sum::<f64>();
    let [found, _] = ridge.implicit(w, exact(6));
    assert_close(found, by_hand, 1e-12);
}

#[test]
fn damping_is_added_to_the_hessian() {
    let ridge = Ridge::new(5, 3, 0.4, 6);
    let [found, _] = ridge.implicit(ridge.minimum(), exact(6).damped(0.7).unwrap());
    let mut system = ridge.system();
    (0..3).for_each(|i| system[i][i] += 0.7);
    let (w, graph) = (ridge.minimum(), Graph::new());
    let [_, validation, weights] = ridge.losses(&graph);
    let slope = grad(validation, &[weights])[0];
    let slope = crate::testing::run(slope, &ridge.parameters(w.clone()), Draw::default());
    let v = solve(system, slope.into_data());
    let by_hand: f64 = -0.4 * v.iter().zip(&w).map(|(v, w)| v * w).sum::<f64>();
    assert_close(found, by_hand, 1e-12);
    assert_eq!(ridge.implicit(w.clone(), exact(6).damped(0.0).unwrap()), ridge.implicit(w, exact(6)));
}

#[test]
fn without_positive_curvature_the_residual_says_so() {
    let graph = Graph::<f64>::new();
    let (w, alpha) = (weight(2).declare(&graph), graph.parameter("alpha", []));
    let hill = w.norm_squared() * alpha * -1.0;
    let found = implicit_hyper_gradient(hill, (w - 1.0).norm_squared(), &[w], &[alpha], exact(3)).unwrap();
    let parameters = [("w", Tensor::full([2], 0.5)), ("alpha", Tensor::scalar(1.0))].into_iter().collect();
    let value = |v| crate::testing::run(v, &parameters, Draw::default()).item();
    assert_eq!((value(found.residual), value(found.gradient[0])), (1.0, 0.0));
}

/// Curvatures of both signs: the iterations end at the first direction that curves downwards, at the point that they
/// reached before it, however many follow.
#[test]
fn at_a_direction_that_curves_downwards_the_iterations_end() {
    let (curvatures, b) = ([3.0, 2.0, -1.0, 0.5], [1.0, -2.0, 1.5, 0.25]);
    let solved = |iterations: usize| {
        let graph = Graph::<f64>::new();
        let w = weight(4).declare(&graph);
        let loss = (w.powi(2) * graph.constant(Tensor::new([4], curvatures.to_vec()))).sum() * 0.5;
        let right = graph.constant(Tensor::new([4], b.to_vec()));
        let (v, residual) = exact(iterations).solve(&grad(loss, &[w]), &[w], &[right]);
        let parameters = [("w", Tensor::zeros([4]))].into_iter().collect();
        [v[0], residual].map(|v| crate::testing::run(v, &parameters, Draw::default()))
    };
    // By plain loops.
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut v, mut r, mut p) = (vec![0.0; 4], b.to_vec(), b.to_vec());
    let mut ended = None;
    for iteration in 0..4 {
        let curved: Vec<f64> = p.iter().zip(curvatures).map(|(p, h)| p * h).collect();
        let (squared, curvature) = (dot(&r, &r), dot(&p, &curved));
        if curvature <= 0.0 {
            ended = Some(iteration);
            break;
        }
        let step = squared / curvature;
        (0..4).for_each(|i| (v[i], r[i]) = (v[i] + step * p[i], r[i] - step * curved[i]));
        let factor = dot(&r, &r) / squared;
        (0..4).for_each(|i| p[i] = r[i] + factor * p[i]);
    }
    assert!(ended.is_some_and(|ended| ended > 0), "{ended:?}");
    let missing = (dot(&r, &r) / dot(&b, &b)).sqrt();
    for iterations in ended.unwrap()..8 {
        let [found, residual] = solved(iterations.max(1));
        found.data().iter().zip(&v).for_each(|(a, b)| assert_close(*a, *b, 1e-13));
        assert_close(residual.item(), missing, 1e-13);
    }
}

/// A flat validation loss asks nothing of the solver.
#[test]
fn at_the_best_validation_loss_the_derivative_is_zero() {
    let ridge = Ridge::new(4, 2, 0.3, 5);
    let w = ridge.minimum();
    let fitted = |r: usize| (0..2).map(|j| ridge.vx[[r, j]] * w[j]).sum::<f64>();
    let vy = Tensor::from_fn(ridge.vy.shape(), fitted);
    let [found, residual] = Ridge { vy, ..ridge }.implicit(w, exact(4));
    assert!(found.abs() < 1e-15 && residual.is_finite());
}

#[test]
fn bad_input_is_refused() {
    let said = |error: RegularizeError| error.to_string();
    let none = ConjugateGradients::new(0).unwrap_err();
    assert_eq!(said(none), "the number of iterations is 0, it must be at least 1");
    for damping in [-1.0, f64::NAN, f64::INFINITY] {
        let error = exact(1).damped(damping).unwrap_err();
        assert_eq!(said(error), format!("the damping is {damping}, it must be finite and at least 0"));
    }
    let graph = Graph::<f64>::new();
    let w = weight(2).declare(&graph);
    let loss = w.norm_squared();
    let idle = graph.parameter("idle", []);
    let error = implicit_hyper_gradient(loss, loss, &[w], &[idle], exact(1)).unwrap_err();
    assert_eq!(
        said(error),
        "the validation loss does not depend on the hyper-parameter `idle`: no step uses it"
    );
    let error = implicit_hyper_gradient(loss, loss, &[w], &[], exact(1)).unwrap_err();
    assert!(matches!(error, RegularizeError::NoHyperparameters));
}
