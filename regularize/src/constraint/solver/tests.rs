use super::*;
use crate::constraint::{Interval, L1Ball, L2Ball, Simplex, SpectralBall};
use crate::penalty::L1;
use crate::testing::{Quadratic, assert_close, descend, weight};
use nn::{Optimiser, Role};

fn solve(quadratic: &Quadratic, set: &dyn Projection<f64>, start: [f64; 2]) -> (Vec<f64>, SolverReport<f64>) {
    let (graph, spec) = (Graph::new(), weight(2));
    let loss = quadratic.loss(spec.declare(&graph));
    let mut values: Parameters<f64> = [("w", Tensor::new([2], start.to_vec()))].into_iter().collect();
    let solver = ProjectedGradient { tolerance: 1e-13, ..ProjectedGradient::default() };
    let report = solver.minimise(loss, &[spec], &[(Selection::all(), set)], &mut values, &[]).unwrap();
    (values["w"].data().to_vec(), report)
}

/// Section 7.2: the minimum on the ball of radius `‖w(α)‖` is `w(α)`, its multiplier `α`, and nothing is left
/// of the Karush-Kuhn-Tucker conditions; a larger `α` is a smaller ball.
#[test]
fn a_penalty_is_a_constraint_with_its_coefficient_as_multiplier() {
    for (angle, eigenvalues) in [(0.4, [3.0, 0.1]), (1.1, [1.0, 1.0]), (2.5, [0.5, 4.0])] {
        let quadratic = Quadratic { angle, eigenvalues, minimum: [1.5, -0.8] };
        let whole = quadratic.along_eigenvectors(&quadratic.minimum);
        let mut before = f64::INFINITY;
        for alpha in [0.02, 0.3, 2.0, 20.0] {
            let kept = [0, 1].map(|i| eigenvalues[i] / (eigenvalues[i] + alpha) * whole[i]);
            let radius = kept[0].hypot(kept[1]);
            let (w, report) = solve(&quadratic, &L2Ball::new(radius).unwrap(), [-3.0, 0.1]);
            let found = quadratic.along_eigenvectors(&w);
            let multiplier = report.constraints[0].multiplier.item();
            // A residual of 1e-13 over the smallest eigenvalue of the Hessian with multiplier, 0.12.
            (0..2).for_each(|i| assert_close(found[i], kept[i], 1e-11));
            assert!((multiplier / alpha - 1.0).abs() < 1e-10, "{multiplier} for {alpha}");
            assert!(report.residual() < 1e-11, "{report:?}");
            assert!(radius < before, "k(α) falls");
            before = radius;
        }
    }
}

/// The same for L1: the penalised minimum by equation 7.23, the ball by its norm.
#[test]
fn l1_is_a_constraint_too() {
    let quadratic = Quadratic { angle: 0.0, eigenvalues: [2.0, 0.5], minimum: [1.0, -0.9] };
    for alpha in [0.05, 0.3, 0.6] {
        let kept = [0, 1].map(|i: usize| {
            let m: f64 = quadratic.minimum[i];
            m.signum() * (m.abs() - alpha / quadratic.eigenvalues[i]).max(0.0)
        });
        let radius = kept[0].abs() + kept[1].abs();
        let (w, report) = solve(&quadratic, &L1Ball::new(radius).unwrap(), [0.0, 0.0]);
        (0..2).for_each(|i| assert_close(w[i], kept[i], 1e-11));
        assert_eq!(w[1] == 0.0, kept[1] == 0.0);
        assert_close(report.constraints[0].multiplier.item(), alpha, 1e-11);
        assert!(report.residual() < 1e-11, "{report:?}");
        let penalised = descend(
            &[0.0; 2],
            400,
            &{
                let lasso = L1::new(alpha).unwrap();
                Optimiser::sgd(0.4).then(crate::ProximalStep::new(Selection::all(), lasso))
            },
            |w| quadratic.loss(w),
        );
        (0..2).for_each(|i| assert_close(penalised[i], w[i], 1e-11));
    }
}

#[test]
fn a_constraint_that_is_not_met_has_no_multiplier() {
    let quadratic = Quadratic { angle: 0.4, eigenvalues: [3.0, 0.5], minimum: [0.3, 0.2] };
    let sets: [&dyn Projection<f64>; 3] =
        [&L2Ball::new(5.0).unwrap(), &L1Ball::new(5.0).unwrap(), &Interval::new(-4.0, 4.0).unwrap()];
    for set in sets {
        let (w, report) = solve(&quadratic, set, [1.0, 1.0]);
        (0..2).for_each(|i| assert_close(w[i], quadratic.minimum[i], 1e-11));
        let kkt = &report.constraints[0];
        assert!(kkt.multiplier.data().iter().all(|l| l.abs() < 1e-11), "{kkt:?}");
        assert!(kkt.slack.data().iter().all(|&s| s > 3.0) && report.residual() < 1e-10, "{kkt:?}");
    }
}

/// On a box with a diagonal Hessian each number is cut by itself, and pulls with `h (w* - bound)`.
#[test]
fn bounds_and_shares_have_their_multipliers() {
    let quadratic = Quadratic { angle: 0.0, eigenvalues: [2.0, 0.5], minimum: [1.5, -0.8] };
    let (w, report) = solve(&quadratic, &Interval::new(-0.3, 1.0).unwrap(), [0.5, 0.5]);
    assert_eq!(w, [1.0, -0.3]);
    let multipliers = report.constraints[0].multiplier.data();
    assert_close(multipliers[0], 2.0 * 0.5, 1e-15);
    assert_close(multipliers[1], 0.5 * 0.5, 1e-15);
    // Shares: by hand, w = w* - λ/h where positive. 1.5 - λ/2 + (-0.8) - 2 λ = 1 gives λ = -0.12 and a share below
    // 0: so all is the first one's, 1 = 1.5 - λ/2.
    let (w, report) = solve(&quadratic, &Simplex::new(1.0).unwrap(), [0.5, 0.5]);
    assert_eq!(w, [1.0, 0.0]);
    assert_close(report.constraints[0].multiplier.item(), 1.0, 1e-15);
}

#[test]
fn a_matrix_is_pulled_by_its_largest_singular_values() {
    let (graph, spec) = (Graph::new(), ParameterSpec { shape: [2, 2].into(), ..weight(0) });
    let target = graph.constant(Tensor::new([2, 2], vec![3.0, 0.0, 0.0, 0.5]));
    let loss = (spec.declare(&graph) - target).norm_squared() * 0.5;
    let mut values: Parameters<f64> = [("w", Tensor::zeros([2, 2]))].into_iter().collect();
    let ball = SpectralBall::new(1.0).unwrap();
    let report = ProjectedGradient::default()
        .minimise(loss, &[spec], &[(Selection::all(), &ball)], &mut values, &[])
        .unwrap();
    assert_eq!(values["w"].data(), [1.0, 0.0, 0.0, 0.5]);
    assert_close(report.constraints[0].multiplier.item(), 2.0, 1e-15);
    assert!(report.residual() < 1e-14, "{report:?}");
}

/// Two parameters, one of them free, and a loss that is fed.
#[test]
fn other_parameters_are_free_and_data_are_fed() {
    let graph = Graph::new();
    let bias = ParameterSpec { name: "b".into(), role: Role::Bias, ..weight(2) };
    let specs = [weight(2), bias];
    let (w, b) = (specs[0].declare(&graph), specs[1].declare(&graph));
    let data = graph.input("data", [2]);
    let loss = ((w + b - data).norm_squared() + (b - 1.0).norm_squared()) * 0.5;
    let mut values: Parameters<f64> =
        [("w", Tensor::zeros([2])), ("b", Tensor::zeros([2]))].into_iter().collect();
    let fed = Tensor::new([2], vec![4.0, 5.0]);
    let ball = L2Ball::new(1.0).unwrap();
    let report = ProjectedGradient::default()
        .minimise(loss, &specs, &[(Selection::weights(), &ball)], &mut values, &[("data", (&fed).into())])
        .unwrap();
    assert_eq!(report.outcome, SolverOutcome::Converged);
    // At given b, w is the direction of data - b; at given w, b = (data - w + 1)/2. Both hold.
    let (w, b) = (values["w"].data(), values["b"].data());
    let rest = [4.0 - b[0], 5.0 - b[1]];
    for i in 0..2 {
        assert_close(w[i], rest[i] / rest[0].hypot(rest[1]), 1e-9);
        assert_close(b[i], (fed.data()[i] - w[i] + 1.0) / 2.0, 1e-9);
    }
    assert_eq!(report.constraints.len(), 1);
    assert_eq!(report.constraints[0].parameter, "w");
}

#[test]
fn a_problem_that_makes_no_sense_is_refused() {
    let (graph, spec) = (Graph::new(), weight(2));
    let loss = spec.declare(&graph).norm_squared();
    let ball = L2Ball::new(1.0).unwrap();
    let mut values: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
    let mut with = |solver: ProjectedGradient, selection: Selection| {
        let found =
            solver.minimise(loss, std::slice::from_ref(&spec), &[(selection, &ball)], &mut values, &[]);
        found.unwrap_err().to_string()
    };
    let good = ProjectedGradient::default();
    for rate in [0.0, f64::NAN, f64::INFINITY] {
        let text = with(ProjectedGradient { rate, ..good }, Selection::all());
        assert_eq!(text, format!("the step length is {rate}, it must be finite and above 0"));
    }
    let text = with(ProjectedGradient { tolerance: f64::NAN, ..good }, Selection::all());
    assert_eq!(text, "the tolerance is NaN, it must be at least 0");
    let text = with(good, Selection::biases());
    assert_eq!(text, "the selection `biases` chooses none of the parameters: w");
}

#[test]
fn limits_of_steps_and_of_the_loss_are_said() {
    let (graph, spec) = (Graph::new(), weight(2));
    let w = spec.declare(&graph);
    let run = |loss: Var<'_, f64>, steps: usize| {
        let mut values: Parameters<f64> = [("w", Tensor::full([2], 0.1))].into_iter().collect();
        let solver = ProjectedGradient { steps, rate: 1e-3, ..ProjectedGradient::default() };
        let ball = L2Ball::new(1.0).unwrap();
        let all = [(Selection::all(), &ball as &dyn Projection<f64>)];
        solver.minimise(loss, std::slice::from_ref(&spec), &all, &mut values, &[]).unwrap()
    };
    let slow = run(w.norm_squared(), 3);
    assert_eq!((slow.outcome, slow.steps), (SolverOutcome::OutOfSteps, 3));
    let undefined = run((w - 1.0).sum().ln(), 10);
    assert_eq!((undefined.outcome, undefined.steps), (SolverOutcome::Stalled, 0));
}

/// On a parabola of curvature 1.5 a step of length 1 promises more than it keeps; the next shorter one, a half, is
/// below one over the curvature.
#[test]
fn the_step_length_is_halved_until_the_loss_falls_as_promised() {
    let (graph, spec) = (Graph::new(), weight(2));
    let loss = spec.declare(&graph).norm_squared() * 0.75;
    let mut values: Parameters<f64> = [("w", Tensor::full([2], 0.4))].into_iter().collect();
    let ball = L2Ball::new(1.0).unwrap();
    let all = [(Selection::all(), &ball as &dyn Projection<f64>)];
    let solver = ProjectedGradient::default();
    let report = solver.minimise(loss, std::slice::from_ref(&spec), &all, &mut values, &[]).unwrap();
    assert_eq!((report.rate, report.outcome), (0.5, SolverOutcome::Converged));
}

/// Away from a minimum a multiplier may be negative: what is left of complementarity is its size.
#[test]
fn what_is_left_of_complementarity_has_no_sign() {
    let (graph, spec) = (Graph::new(), weight(2));
    let loss = spec.declare(&graph).norm_squared();
    let mut values: Parameters<f64> = [("w", Tensor::new([2], vec![0.3, 0.4]))].into_iter().collect();
    let ball = L2Ball::new(1.0).unwrap();
    let all = [(Selection::all(), &ball as &dyn Projection<f64>)];
    let solver = ProjectedGradient { steps: 0, ..ProjectedGradient::default() };
    let report = solver.minimise(loss, std::slice::from_ref(&spec), &all, &mut values, &[]).unwrap();
    // λ = -2, and ½ - ½ · 0.25 is left to the surface.
    let kkt = &report.constraints[0];
    assert_close(kkt.multiplier.item(), -2.0, 1e-15);
    assert_close(kkt.complementarity, 2.0 * 0.375, 1e-15);
}
