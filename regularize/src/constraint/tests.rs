use super::*;
use crate::testing::{assert_close, check, descend, descend_from, numbers, value};
use autograd::{Graph, Shape, Tensor};
use nn::initialise::{Initialiser, initial_value};
use nn::{Optimiser, Selection};
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

/// Against the table, written without the graph, for matrices and for kernels.
#[test]
fn slacks_and_multipliers_are_those_of_the_table() {
    for shape in [&[3, 4][..], &[2, 2, 3, 4]] {
        let shape = Shape::new(shape);
        let (w, g) = (numbers(shape, -1.0, 1.0, 1), numbers(shape, -1.0, 1.0, 2));
        let (n, first) = (shape.numel(), shape[0]);
        // Each constraint has its numbers; Ω of them, k, and what the multiplier is divided by.
        type Of<'t> = &'t dyn Fn(&[f64]) -> f64;
        let holds = |name: &str,
                     set: &dyn Projection<f64>,
                     unit: &dyn Fn(usize) -> usize,
                     (k, omega, size): (f64, Of<'_>, Of<'_>)| {
            let values = [w.clone(), g.clone()];
            let slack = value(&values, |x| set.slack(x[0]));
            let multiplier = value(&values, |x| set.multiplier(x[0], x[1]));
            for number in 0..slack.data().len() {
                let own: Vec<usize> = (0..n).filter(|&i| unit(i) == number).collect();
                let numbers: Vec<f64> = own.iter().map(|&i| w.data()[i]).collect();
                let along: f64 = own.iter().map(|&i| w.data()[i] * g.data()[i]).sum();
                let (found, expected) = (slack.data()[number], k - omega(&numbers));
                assert!((found - expected).abs() < 1e-14, "{name}: slack {found} for {expected}");
                let (found, expected) = (multiplier.data()[number], -along / size(&numbers));
                assert!((found - expected).abs() < 1e-13, "{name}: multiplier {found} for {expected}");
            }
            assert_eq!(slack.shape(), multiplier.shape(), "{name}");
        };
        let square = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
        let half = |w: &[f64]| 0.5 * square(w);
        let sizes = |w: &[f64]| w.iter().map(|w| w.abs()).sum::<f64>();
        let total = |w: &[f64]| w.iter().sum::<f64>();
        holds("L2", &L2Ball::new(3.0).unwrap(), &|_| 0, (4.5, &half, &square));
        holds("L1", &L1Ball::new(9.0).unwrap(), &|_| 0, (9.0, &sizes, &sizes));
        holds("columns", &MaxNorm::new(2.0).unwrap(), &|i| i % 4, (2.0, &half, &square));
        let rows = MaxNorm::new(2.0).unwrap().along(0);
        holds("rows", &rows, &|i| i * first / n, (2.0, &half, &square));
        holds("simplex", &Simplex::new(1.5).unwrap(), &|i| i / 4, (1.5, &total, &total));
        // The nearer of two bounds.
        let interval = Interval::new(-2.0, 1.5).unwrap();
        let slack = value(std::slice::from_ref(&w), |x| interval.slack(x[0]));
        for (slack, w) in slack.data().iter().zip(w.data()) {
            assert_close(*slack, (w + 2.0).min(1.5 - w), 1e-15);
        }
    }
}

/// A point on its surface is a point of the L1 ball, and moves along as those inside do.
#[test]
fn the_surface_belongs_to_the_l1_ball() {
    let v = Tensor::new([4], vec![0.5, -0.25, 0.0, 0.25]);
    let weights = numbers([4], -1.0, 1.0, 1);
    assert_eq!(
        value(std::slice::from_ref(&v), |x| project_onto_l1_ball(x[0], x[0].graph().fill([], 1.0))),
        v
    );
    let slope = value(&[v, weights.clone()], |x| {
        autograd::grad((project_onto_l1_ball(x[0], x[0].graph().fill([], 1.0)) * x[1]).sum(), &[x[0]])[0]
    });
    assert_eq!(slope, weights);
}
