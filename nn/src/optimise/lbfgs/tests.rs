use super::*;
use crate::initialise::Initialiser;
use crate::parameter::Role;
use autograd::Graph;
use std::convert::Infallible;

fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> Result<f64, Infallible> {
    gradient.fill(0.0);
    let mut loss = 0.0;
    for i in 0..x.len() - 1 {
        let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
        loss += a * a + 100.0 * b * b;
        gradient[i] += -2.0 * a - 400.0 * x[i] * b;
        gradient[i + 1] += 200.0 * b;
    }
    Ok(loss)
}

#[test]
fn rosenbrocks_valley_is_walked_to_its_end() {
    for n in [2, 10, 100] {
        let mut x: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
        let Ok(report) = Lbfgs::default().minimise_function(&mut x, rosenbrock);
        assert_eq!(report.outcome, LbfgsOutcome::Converged, "n = {n}: {report}");
        // The smallest eigenvalue of the Hessian at the minimum is about 0.4: the error is below 1e-8 / 0.4.
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-7), "n = {n}: {x:?}");
        // Gradient descent needs thousands already for two variables.
        assert!(report.iterations < 40 + 5 * n, "n = {n}: {report}");
    }
}

/// Of condition 1000, for which gradient descent at its best rate, shrinking the error by `(1000 - 1)/(1000 +
/// 1)` in each step, needs some 12700 steps from a gradient of 1000 to one of 1e-8.
#[test]
fn a_quadratic_takes_few_steps() {
    let scales = [1.0, 10.0, 100.0, 1000.0];
    let mut x = [1.0; 4];
    let Ok(report) = Lbfgs::default().minimise_function(&mut x, |x, gradient| {
        (0..4).for_each(|i| gradient[i] = scales[i] * x[i]);
        Ok::<f64, Infallible>((0..4).map(|i| 0.5 * scales[i] * x[i] * x[i]).sum())
    });
    assert_eq!(report.outcome, LbfgsOutcome::Converged);
    assert!(report.iterations <= 30, "{report}");
}

/// The matrix of the recursion against BFGS's update formula with dense matrices (Nocedal and Wright,
/// equation 7.16): `H := Vᵀ H V + ρ s sᵀ`, `V = I - ρ y sᵀ`.
#[test]
fn the_two_loops_apply_the_bfgs_matrix() {
    let n = 3;
    let raw = [
        ([0.5, -1.0, 2.0], [1.0, -0.5, 1.0]),
        ([1.0, 0.25, -0.5], [2.0, 1.0, -1.0]),
        ([0.1, 1.0, 0.3], [0.2, 3.0, 0.1]),
    ];
    let mut pairs = VecDeque::new();
    for (s, y) in raw {
        pairs.push_front(Pair { s: s.to_vec(), y: y.to_vec(), rho: 1.0 / dot(&s, &y) });
    }
    let newest = &pairs[0];
    let scale = dot(&newest.s, &newest.y) / dot(&newest.y, &newest.y);
    let mut h: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if i == j { scale } else { 0.0 }).collect()).collect();
    for Pair { s, y, rho } in pairs.iter().rev() {
        let v = |i: usize, j: usize| f64::from(u8::from(i == j)) - rho * y[i] * s[j];
        let product = |i: usize, j: usize| -> f64 {
            let terms = (0..n * n).map(|kl| v(kl / n, i) * h[kl / n][kl % n] * v(kl % n, j));
            terms.sum()
        };
        let new = (0..n).map(|i| (0..n).map(|j| product(i, j) + rho * s[i] * s[j]).collect()).collect();
        h = new;
    }
    let g = [0.3, -0.7, 1.1];
    let found = quasi_newton(&g, &pairs);
    for i in 0..n {
        // Some dozen roundings of numbers of order one.
        assert!((found[i] + dot(&h[i], &g)).abs() < 1e-13, "{found:?}");
    }
}

/// Multinomial regression on labels that no hyperplane separates, with a small penalty: strictly convex.
#[test]
fn softmax_regression_converges_to_a_gradient_of_1e_8() {
    let (examples, features, classes) = (60, 4, 3);
    let spec = |name: &str, shape: &[usize], role| ParameterSpec {
        name: name.into(),
        shape: autograd::Shape::new(shape),
        role,
        initialiser: Initialiser::Zeros,
    };
    let specs = [spec("w", &[features, classes], Role::Weight), spec("b", &[classes], Role::Bias)];
    let graph = Graph::<f64>::new();
    let (x, labels) = (graph.input("x", [examples, features]), graph.indices("labels", [examples]));
    let (w, b) = (specs[0].declare(&graph), specs[1].declare(&graph));
    let loss = (x.matmul(w) + b).cross_entropy(labels) + w.norm_squared() * 1e-3;
    let images = Tensor::from_fn([examples, features], |i| (i as f64 * 12.9898).sin() * 2.0);
    let truth = Tensor::from_fn([examples], |i| (i * i % classes) as u32);
    let feeds = [("x", Feed::from(&images)), ("labels", Feed::from(&truth))];
    let mut values: Parameters<f64> =
        [("w", Tensor::zeros([features, classes])), ("b", Tensor::zeros([classes]))].into_iter().collect();
    let report = Lbfgs::default().minimise(loss, &specs, &mut values, &feeds).unwrap();
    assert_eq!(report.outcome, LbfgsOutcome::Converged, "{report}");
    assert!(report.gradient_norm <= 1e-8);
    // The parameters that were left behind have that loss and that gradient.
    let gradients = grad(loss, &[w, b]);
    let square = gradients[0].norm_squared() + gradients[1].norm_squared();
    let found = autograd::interpret(&[loss, square], &feeds, Some(&values)).unwrap();
    assert_eq!(found[0].item(), report.loss);
    assert!((found[1].item().sqrt() - report.gradient_norm).abs() <= 1e-15);
    assert!(report.loss < 3f64.ln() - 0.005, "{report}");
}

#[test]
fn every_ending_is_told() {
    let run = |lbfgs: Lbfgs, start: f64, f: fn(f64) -> (f64, f64)| {
        let mut x = [start];
        let Ok(report) = lbfgs.minimise_function(&mut x, |x, gradient| {
            let (loss, slope) = f(x[0]);
            gradient[0] = slope;
            Ok::<f64, Infallible>(loss)
        });
        (report.outcome, x[0])
    };
    let lbfgs = Lbfgs::default();
    let bowl = |x: f64| (x.cosh(), x.sinh());
    assert_eq!(run(lbfgs, 0.0, bowl), (LbfgsOutcome::Converged, 0.0));
    assert_eq!(run(Lbfgs { iterations: 1, ..lbfgs }, 3.0, bowl).0, LbfgsOutcome::OutOfSteps);
    assert_eq!(run(lbfgs, f64::NAN, bowl).0, LbfgsOutcome::NotFinite);
    // A gradient of the wrong sign: no step is accepted, and the start is kept.
    assert_eq!(run(lbfgs, 3.0, |x| (x.cosh(), -x.sinh())), (LbfgsOutcome::LineSearchFailed, 3.0));
    // A function without a minimum.
    assert_eq!(run(lbfgs, 3.0, |x| (-x, -1.0)).0, LbfgsOutcome::LineSearchFailed);
    // A wall of NaN beyond x = 2, close to the minimum at 1.9: steps into it are shortened.
    let walled = |x: f64| if x > 2.0 { (f64::NAN, f64::NAN) } else { ((x - 1.9).powi(2), 2.0 * (x - 1.9)) };
    let (outcome, x) = run(lbfgs, -40.0, walled);
    assert_eq!(outcome, LbfgsOutcome::Converged);
    assert!((x - 1.9).abs() < 1e-8);
}

/// The logarithm of a distance falls without bound towards a point that is no minimum.
#[test]
fn a_loss_of_minus_infinity_is_no_decrease() {
    let start = Point { step: 0.0, loss: 0.0, slope: -1.0 };
    let line = Line { start, decrease: 1e-4, curvature: 0.9 };
    let found = line.search(1.0, |step| {
        let (loss, slope) =
            if step < 0.7 { (step * step - step, 2.0 * step - 1.0) } else { (f64::NEG_INFINITY, 0.0) };
        Ok::<_, Infallible>(Point { step, loss, slope })
    });
    assert_eq!(found, Ok(Some(Point { step: 0.5, loss: -0.25, slope: 0.0 })));
}

/// The accepted step satisfies both conditions, on functions that make bracketing and shrinking necessary.
#[test]
fn accepted_steps_satisfy_the_wolfe_conditions() {
    let functions: [fn(f64) -> (f64, f64); 3] = [
        |a| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2)),
        |a| ((a - 1.0).powi(4), 4.0 * (a - 1.0).powi(3)),
        |a| (a * a - 3.0 * a - (5.0 * a).cos(), 2.0 * a - 3.0 + 5.0 * (5.0 * a).sin()),
    ];
    for (which, f) in functions.into_iter().enumerate() {
        for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
            for curvature in [0.9, 0.1] {
                let at = |step: f64| Point { step, loss: f(step).0, slope: f(step).1 };
                let line = Line { start: at(0.0), decrease: 1e-4, curvature };
                let mut last = None;
                let found = line.search(first, |step| {
                    last = Some(at(step));
                    Ok::<_, Infallible>(at(step))
                });
                let Ok(Some(found)) = found else { panic!("function {which} from {first}: {found:?}") };
                assert_eq!(Some(found), last, "the last that was evaluated");
                let (loss, slope) = f(0.0);
                assert!(found.loss <= loss + 1e-4 * found.step * slope, "{found:?}");
                assert!(found.slope.abs() <= curvature * slope.abs(), "{found:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "the curvature is 0.00001, it must be above the decrease and below 1")]
fn senseless_constants_are_refused() {
    let lbfgs = Lbfgs { curvature: 1e-5, ..Lbfgs::default() };
    let Ok(_) = lbfgs.minimise_function(&mut [0.0], |_, _| Ok::<f64, Infallible>(0.0));
}

#[test]
fn a_missing_feed_is_an_error() {
    let graph = Graph::<f64>::new();
    let spec = ParameterSpec {
        name: "w".into(),
        shape: [1].into(),
        role: Role::Weight,
        initialiser: Initialiser::Zeros,
    };
    let loss = (spec.declare(&graph) * graph.scalar("s")).sum();
    let mut values: Parameters<f64> = [("w", Tensor::zeros([1]))].into_iter().collect();
    let error = Lbfgs::default().minimise(loss, &[spec], &mut values, &[]).unwrap_err();
    assert!(error.to_string().starts_with("the input `s` of shape [] is not fed"), "{error}");
}
