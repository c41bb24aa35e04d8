use super::*;
use crate::penalty::L1;
use crate::testing::{Quadratic, assert_close, check, descend, descend_from, numbers, value};
use autograd::{Graph, Parameters, Shape, Tensor};
use nn::initialise::{Initialiser, initial_value};
use nn::{Optimiser, ParameterSpec, Role, Selection};
use proptest::prelude::*;

fn projected(set: &dyn Projection<f64>, v: &Tensor<f64>) -> Tensor<f64> {
    value(std::slice::from_ref(v), |x| set.project(x[0]))
}

/// The sets for matrices, with their names.
fn sets() -> [(&'static str, Box<dyn Projection<f64>>); 7] {
    [
        ("L2 ball", Box::new(L2Ball::new(1.2).unwrap())),
        ("L1 ball", Box::new(L1Ball::new(1.7).unwrap())),
        ("max norm", Box::new(MaxNorm::new(0.8).unwrap())),
        ("max norm of rows", Box::new(MaxNorm::new(0.8).unwrap().along(0))),
        ("interval", Box::new(Interval::new(-0.3, 0.9).unwrap())),
        ("simplex", Box::new(Simplex::new(1.3).unwrap())),
        ("spectral ball", Box::new(SpectralBall::new(0.9).unwrap())),
    ]
}

fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

fn minus(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    Tensor::new(a.shape(), a.data().iter().zip(b.data()).map(|(a, b)| a - b).collect())
}

/// How far outside: the constraint as the table has it, written without the graph.
fn excess(name: &str, w: &Tensor<f64>) -> f64 {
    let columns = w.shape().last();
    let (w, rows) = (w.data(), w.data().len() / columns.max(1));
    let at = |i: usize, j: usize| w[i * columns + j];
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let largest = |x: &mut dyn Iterator<Item = f64>| x.fold(f64::NEG_INFINITY, f64::max);
    match name {
        "L2 ball" => norm(&mut w.iter().copied()) - 1.2,
        "L1 ball" => w.iter().map(|w| w.abs()).sum::<f64>() - 1.7,
        "max norm" => largest(&mut (0..columns).map(|j| norm(&mut (0..rows).map(|i| at(i, j))))) - 0.8,
        "max norm of rows" => {
            largest(&mut (0..rows).map(|i| norm(&mut (0..columns).map(|j| at(i, j))))) - 0.8
        }
        "interval" => largest(&mut w.iter().map(|w| (-0.3 - w).max(w - 0.9))),
        "simplex" => largest(&mut (0..rows).map(|i| {
            let row = &w[i * columns..(i + 1) * columns];
            (row.iter().sum::<f64>() - 1.3).abs().max(-row.iter().copied().fold(f64::INFINITY, f64::min))
        })),
        // By power iteration on many directions at once: a lower bound that 200 steps make tight.
        "spectral ball" => {
            largest(&mut (0..columns).map(|start| {
                let mut v: Vec<f64> = (0..columns).map(|j| if j == start { 1.0 } else { 0.1 }).collect();
                let mut sigma = 0.0;
                for _ in 0..200 {
                    let u: Vec<f64> =
                        (0..rows).map(|i| (0..columns).map(|j| at(i, j) * v[j]).sum()).collect();
                    let back: Vec<f64> =
                        (0..columns).map(|j| (0..rows).map(|i| at(i, j) * u[i]).sum()).collect();
                    sigma = norm(&mut u.iter().copied()) / norm(&mut v.iter().copied());
                    let length = norm(&mut back.iter().copied()).max(1e-300);
                    v = back.iter().map(|x| x / length).collect();
                }
                sigma
            })) - 0.9
        }
        other => unreachable!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// The four properties that make a map the projection onto a closed convex set.
    #[test]
    fn projections_are_feasible_idempotent_nonexpansive_and_nearest(
        rows in 1usize..5, columns in 1usize..5, size in 0.1..4.0f64, seed: u64,
    ) {
        let shape = [rows, columns];
        let (v, other) = (numbers(shape, -size, size, seed), numbers(shape, -size, size, seed ^ 7));
        for (name, set) in sets() {
            let (p, q) = (projected(&*set, &v), projected(&*set, &other));
            // A few roundings of sums of up to sixteen numbers below 4.
            prop_assert!(excess(name, &p) < 1e-14, "{name}: outside by {}", excess(name, &p));
            let again = minus(&projected(&*set, &p), &p);
            prop_assert!(dot(&again, &again).sqrt() < 1e-14, "{name} moves its own points");
            let (apart, before) = (minus(&p, &q), minus(&v, &other));
            prop_assert!(dot(&apart, &apart) <= dot(&before, &before) * (1.0 + 1e-14) + 1e-28, "{name} expands");
            // The angle at P(v) between v and any point of the set is not acute: no point of it is nearer.
            prop_assert!(dot(&minus(&v, &p), &minus(&q, &p)) < 1e-13, "{name}: {q:?} is nearer");
        }
    }

    #[test]
    fn points_of_the_set_come_back_bit_for_bit(rows in 1usize..4, columns in 1usize..4, seed: u64) {
        // Small enough for every set but the simplex, which has no inside.
        let v = numbers([rows, columns], -0.09, 0.09, seed);
        for (name, set) in sets().into_iter().filter(|(name, _)| *name != "simplex") {
            prop_assert_eq!(projected(&*set, &v), v.clone(), "{}", name);
        }
    }

    /// Bisection for the threshold, which the projection finds by sorting.
    #[test]
    fn the_thresholds_are_those_of_bisection(
        v in prop::collection::vec(-3.0..3.0f64, 1..12), total in 0.01..5.0f64, ties: bool,
    ) {
        // Equal entries are the case that sorting could get wrong.
        let v: Vec<f64> = if ties { v.iter().map(|v| v.round()).collect() } else { v };
        let bisect = |sum: &dyn Fn(f64) -> f64, mut low: f64, mut high: f64| {
            for _ in 0..200 {
                let middle = (low + high) / 2.0;
                if sum(middle) > total { low = middle } else { high = middle }
            }
            high
        };
        let row = Tensor::new([v.len()], v.clone());
        let tau = bisect(&|tau| v.iter().map(|v| (v - tau).max(0.0)).sum(), -9.0, 9.0);
        let found = value(&[row.clone(), Tensor::scalar(total)], |x| project_onto_simplex(x[0], x[1]));
        for (w, v) in found.data().iter().zip(&v) {
            // Sums of a dozen numbers of order one.
            assert_close(*w, (v - tau).max(0.0), 1e-14);
        }
        let found = value(&[row, Tensor::scalar(total)], |x| project_onto_l1_ball(x[0], x[1]));
        let tau = bisect(&|tau| v.iter().map(|v| (v.abs() - tau).max(0.0)).sum(), 0.0, 9.0);
        for (w, v) in found.data().iter().zip(&v) {
            assert_close(*w, v.signum() * (v.abs() - tau).max(0.0), 1e-14);
        }
    }

    /// A matrix made of known singular values loses what is above the bound.
    #[test]
    fn singular_values_are_cut(
        rows in 1usize..6, columns in 1usize..6, bound in 0.2..2.0f64,
        values in prop::array::uniform5(0.0..3.0f64), seed in 0u64..1000,
    ) {
        let orthogonal = |name, n| initial_value::<f64>(Initialiser::Orthogonal { gain: 1.0 }, seed, name, [n, n].into());
        let (left, right) = (orthogonal("u", rows), orthogonal("v", columns));
        let made = |cut: f64| Tensor::from_fn([rows, columns], |at| {
            let (i, j) = (at / columns, at % columns);
            (0..rows.min(columns))
                .map(|k| left.data()[i * rows + k] * values[k].min(cut) * right.data()[j * columns + k])
                .sum::<f64>()
        });
        let found = value(&[made(f64::INFINITY)], |x| project_onto_spectral_ball(x[0], bound));
        for (a, b) in found.data().iter().zip(made(bound).data()) {
            // The orthogonal matrices are orthogonal to some 1e-15.
            assert_close(*a, *b, 1e-13);
        }
    }
}

#[test]
fn empty_and_single_parameters_have_projections() {
    for (name, set) in sets() {
        for shape in [[0, 3], [3, 0], [0, 0]] {
            let v = Tensor::zeros(shape);
            assert_eq!(projected(&*set, &v).shape(), Shape::from(shape), "{name}");
        }
        let one = projected(&*set, &Tensor::new([1, 1], vec![5.0]));
        assert!(excess(name, &one).abs() < 1e-15, "{name}: {one:?}");
    }
    // A large number beside a small total: the mask is never empty.
    let found = value(&[Tensor::new([2], vec![1e20, 0.0]), Tensor::scalar(1.0)], |x| {
        project_onto_simplex(x[0], x[1])
    });
    assert!(found.data().iter().all(|w| w.is_finite()), "{found:?}");
}

#[test]
fn rows_are_projected_each_by_itself() {
    let v = numbers([5, 4], -2.0, 2.0, 3);
    let set = Simplex::new(1.0).unwrap();
    let whole = projected(&set, &v);
    for row in 0..5 {
        assert_eq!(projected(&set, &v.rows(&[row])), whole.rows(&[row]));
    }
    // A kernel is a matrix with a column for each map.
    let kernel = numbers([2, 2, 3], -2.0, 2.0, 4);
    for set in [&MaxNorm::new(0.5).unwrap() as &dyn Projection<f64>, &SpectralBall::new(0.5).unwrap()] {
        let flat = projected(set, &kernel.clone().reshape([4, 3]));
        assert_eq!(projected(set, &kernel).reshape([4, 3]), flat);
    }
}

#[test]
fn derivatives_in_point_and_radius_are_right() {
    // Outside, with some numbers cut off.
    let values = [numbers([3, 4], -2.0, 2.0, 1), Tensor::scalar(1.5)];
    check("L2 ball", &values, |x| project_onto_l2_ball(x[0], x[1], &[0, 1]).powi(3).sum());
    check("L2 ball of rows", &values, |x| project_onto_l2_ball(x[0], x[1], &[-1]).powi(3).sum());
    check("L1 ball", &values, |x| project_onto_l1_ball(x[0], x[1]).powi(3).sum());
    check("simplex", &values, |x| project_onto_simplex(x[0], x[1]).powi(3).sum());
    // The same and inside.
    for size in [2.0, 0.1] {
        let v = [numbers([3, 4], -size, size, 2)];
        for (name, set) in sets() {
            check(name, &v, |x| set.project(x[0]).powi(3).sum());
        }
    }
    // At the centre of a ball it is the identity.
    let slope = value(&[Tensor::zeros([3])], |x| {
        autograd::grad(L2Ball::new(1.0).unwrap().project(x[0]).sum(), &[x[0]])[0]
    });
    assert_eq!(slope.data(), [1.0; 3]);
}

#[test]
fn no_bound_records_nothing() {
    let graph = Graph::<f64>::new();
    let v = graph.input("v", [2, 2]);
    let infinity = f64::INFINITY;
    let sets: [&dyn Projection<f64>; 4] = [
        &L2Ball::new(infinity).unwrap(),
        &L1Ball::new(infinity).unwrap(),
        &MaxNorm::new(infinity).unwrap(),
        &SpectralBall::new(infinity).unwrap(),
    ];
    for set in sets {
        assert!(set.is_everything());
        assert_eq!(set.project(v).id(), v.id());
    }
    assert_eq!(graph.len(), 1);
    let plain = descend::<f64>(&[3.0], 3, &Optimiser::adam(0.1), |w| w.powi(2).sum());
    let free = Projected::new(Selection::all(), MaxNorm::new(infinity).unwrap());
    assert_eq!(descend::<f64>(&[3.0], 3, &Optimiser::adam(0.1).then(free), |w| w.powi(2).sum()), plain);
    let biases = Projected::new(Selection::biases(), L2Ball::new(0.1).unwrap());
    assert_eq!(descend::<f64>(&[3.0], 3, &Optimiser::adam(0.1).then(biases), |w| w.powi(2).sum()), plain);
}

#[test]
fn bounds_are_checked() {
    let refused = |found: Result<(), RegularizeError>, text: &str| {
        assert_eq!(found.unwrap_err().to_string(), text);
    };
    for bad in [0.0, -1.0, f64::NAN] {
        let text = |name: &str| format!("the {name} is {bad}, it must be above 0");
        refused(L2Ball::new(bad).map(drop), &text("radius of the L2 ball"));
        refused(L1Ball::new(bad).map(drop), &text("radius of the L1 ball"));
        refused(MaxNorm::new(bad).map(drop), &text("largest norm"));
        refused(Simplex::new(bad).map(drop), &text("total of the simplex"));
        refused(SpectralBall::new(bad).map(drop), &text("largest singular value"));
    }
    assert!(Simplex::new(f64::INFINITY).is_err());
    for (low, high) in [(1.0, 1.0), (1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::NAN), (0.0, f64::INFINITY)] {
        assert!(matches!(Interval::new(low, high), Err(RegularizeError::Bounds { .. })));
    }
    assert!(Interval::at_least(f64::NAN).is_err());
}

/// In a compiled step, behind Adam: the weights end on the set, however far one step goes.
#[test]
fn every_step_ends_on_the_set() {
    for (name, set) in [("max norm", 0.8), ("L2 ball", 1.2)] {
        for steps in [1, 7] {
            let start = numbers([3, 2], -5.0, 5.0, 1);
            let optimiser = Optimiser::adam(10.0);
            let optimiser = match name {
                "max norm" => optimiser.then(Projected::new(Selection::all(), MaxNorm::new(set).unwrap())),
                _ => optimiser.then(Projected::new(Selection::all(), L2Ball::new(set).unwrap())),
            };
            let w = descend_from(&start, steps, &optimiser, |w| -w.sum());
            // One rounding more than the projection's own: of start values below 5.
            assert!(excess(name, &w).abs() < 4e-15, "{name}: {}", excess(name, &w));
        }
    }
    // What the projection makes 0 is 0.
    let sparse = Projected::new(Selection::all(), L1Ball::new(0.5).unwrap());
    let w = descend(&[0.3, -0.1, 0.2], 1, &Optimiser::sgd(1.0).then(sparse), |w| {
        (w * w.graph().constant(Tensor::new([3], vec![-1.0, 0.1, 0.0]))).sum()
    });
    assert_eq!(w[1..], [0.0, 0.0]);
}

fn weight(length: usize) -> ParameterSpec {
    crate::testing::weight(length)
}

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
