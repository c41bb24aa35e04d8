//! What the engine promises where other engines surprise: each declared convention at a kink, and each
//! known trap with what happens here.

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var, grad, grad_or_zero, interpret};

/// The first and second derivative of `Σ f(x)` at each of `points`.
fn derivatives(points: &[f64], f: impl for<'g> Fn(Var<'g, f64>) -> Var<'g, f64>) -> (Vec<f64>, Vec<f64>) {
    let g = Graph::new();
    let x = g.input("x", [points.len()]);
    let slope = grad_or_zero(f(x).sum(), &[x])[0];
    let curvature = grad_or_zero(slope.sum(), &[x])[0];
    let value = Tensor::new([points.len()], points.to_vec());
    let found = interpret(&[slope, curvature], &[("x", Feed::from(&value))], None).unwrap();
    (found[0].data().to_vec(), found[1].data().to_vec())
}

#[test]
fn at_a_kink_each_function_has_its_declared_derivative() {
    let points = [-1.0, 0.0, -0.0, 2.0];
    assert_eq!(derivatives(&points, |x| x.relu()).0, [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(derivatives(&points, |x| x.abs()).0, [-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(derivatives(&points, |x| x.sign()).0, [0.0; 4]);
    // A tie gives each side one half: clamped exactly at a bound, half passes.
    assert_eq!(derivatives(&points, |x| x.maximum(0.0)).0, [0.0, 0.5, 0.5, 1.0]);
    assert_eq!(derivatives(&points, |x| x.minimum(0.0)).0, [1.0, 0.5, 0.5, 0.0]);
    // With itself the two halves add up.
    assert_eq!(derivatives(&points, |x| x.maximum(x)).0, [1.0; 4]);
    // No kink, though its usual formula has two: sigmoid and sigmoid (1 - sigmoid), at 0 exactly.
    let (first, second) = derivatives(&points, |x| x.softplus());
    assert_eq!((first[1], second[1]), (0.5, 0.25));
}

#[test]
fn equal_maxima_share_the_cotangent() {
    let of = |values: &[f64]| {
        let g = Graph::new();
        let x = g.input("x", [values.len()]);
        let share = grad(x.max(), &[x])[0];
        let value = Tensor::new([values.len()], values.to_vec());
        interpret(&[share], &[("x", Feed::from(&value))], None).unwrap()[0].data().to_vec()
    };
    assert_eq!(of(&[1.0, 3.0, 3.0, 2.0]), [0.0, 0.5, 0.5, 0.0]);
    assert_eq!(of(&[2.0, 2.0, 2.0, 2.0]), [0.25; 4]);
    assert_eq!(of(&[0.0, -0.0]), [0.5; 2]);
}

#[test]
fn a_branch_not_taken_leaks_nothing() {
    let points = [-2.0, 0.0, 2.0];
    // ln 0 and its derivative are infinite, ln and the root of negative numbers NaN; they are not chosen.
    let (slope, curvature) = derivatives(&points, |x| x.greater(0.0).select(x.ln(), x * 3.0));
    assert_eq!((slope, curvature), (vec![3.0, 3.0, 0.5], vec![0.0, 0.0, -0.25]));
    let (slope, curvature) = derivatives(&points, |x| x.greater(0.0).select((x * 2.0).sqrt(), x * 3.0));
    assert_eq!((slope, curvature), (vec![3.0, 3.0, 0.5], vec![0.0, 0.0, -0.125]));
    let (slope, curvature) = derivatives(&points, |x| x.greater(0.0).select(1.0 / x, x * 3.0));
    assert_eq!((slope, curvature), (vec![3.0, 3.0, -0.25], vec![0.0, 0.0, 0.25]));
    let (slope, curvature) = derivatives(&points, |x| x.greater(0.0).select(x.powi(-1), x * 3.0));
    assert_eq!((slope, curvature), (vec![3.0, 3.0, -0.25], vec![0.0, 0.0, 0.25]));
    let (slope, curvature) = derivatives(&points, |x| x.greater(0.0).select(x.powf(-1.0), x * 3.0));
    assert_eq!((slope, curvature), (vec![3.0, 3.0, -0.25], vec![0.0, 0.0, 0.25]));
    // Where the branch is taken, nothing is hidden.
    assert_eq!(derivatives(&[0.0], |x| x.sqrt()).0, [f64::INFINITY]);
    assert_eq!(derivatives(&[0.0], |x| x.ln()).0, [f64::INFINITY]);
    // A cotangent that happens to be zero is not a branch: (ln x)² has curvature 2 at 1.
    assert_eq!(derivatives(&[1.0], |x| x.ln() * x.ln()).1, [2.0]);
}

#[test]
fn the_norm_of_zero_has_derivative_zero_of_every_order() {
    let g = Graph::<f64>::new();
    let x = g.input("x", [2, 3]);
    let slope = grad(x.norm(&[1]).sum(), &[x])[0];
    let curvature = grad((slope * slope).sum(), &[x])[0];
    let value = Tensor::new([2, 3], vec![0.0, 0.0, 0.0, 3.0, 0.0, 4.0]);
    let found = interpret(&[slope, curvature], &[("x", Feed::from(&value))], None).unwrap();
    assert_eq!(found[0].data()[..3], [0.0; 3]);
    assert!((found[0][[1, 0]] - 0.6).abs() < 1e-15 && (found[0][[1, 2]] - 0.8).abs() < 1e-15);
    assert!(found[1].data().iter().all(|c| c.abs() < 1e-15), "{:?}", found[1]);
}

#[test]
fn powers_at_zero_are_finite_where_the_function_is() {
    assert_eq!(derivatives(&[0.0, 2.0], |x| x.powi(2)).0, [0.0, 4.0]);
    assert_eq!(derivatives(&[0.0, 2.0], |x| x.powi(0)).0, [0.0, 0.0]);
    assert_eq!(derivatives(&[0.0, 2.0], |x| x.powf(0.0)).0, [0.0, 0.0]);
    let g = Graph::<f64>::new();
    let (a, b) = (g.scalar("a"), g.scalar("b"));
    let slopes = grad(a.pow(b), &[a, b]);
    let found = interpret(&slopes, &[("a", Feed::from(0.0)), ("b", Feed::from(2.0))], None).unwrap();
    assert_eq!((found[0].item(), found[1].item()), (0.0, 0.0));
}

#[test]
fn logits_of_any_size_are_safe() {
    let g = Graph::<f32>::new();
    let x = g.input("x", [2, 3]);
    let labels = g.indices("labels", [2]);
    let loss = x.cross_entropy(labels);
    let slope = grad(loss, &[x])[0];
    let value = Tensor::new([2, 3], vec![1e4, -1e4, 0.0, -1e4, -1e4, -1e4]);
    let classes = Tensor::new([2], vec![1u32, 2]);
    let feeds = [("x", Feed::from(&value)), ("labels", Feed::from(&classes))];
    let found = interpret(&[loss, slope], &feeds, None).unwrap();
    // The first row costs 20,000, the second ln 3.
    assert!((found[0].item() - (2e4 + 3f32.ln()) / 2.0).abs() < 1e-3);
    assert!(found[1].data().iter().all(|s| s.is_finite()));
    assert_eq!(found[1].data()[..3], [0.5, -0.5, 0.0]);
}

#[test]
fn detach_cuts_and_a_variable_used_twice_counts_twice() {
    let (slope, _) = derivatives(&[3.0], |x| x * x.detach());
    assert_eq!(slope, [3.0]);
    let (slope, curvature) = derivatives(&[3.0], |x| x * x);
    assert_eq!((slope[0], curvature[0]), (6.0, 2.0));
}

#[test]
fn draws_replay_and_streams_are_apart() {
    let g = Graph::<f32>::new();
    let a = g.uniform("first", [1000]);
    let again = g.uniform("first", [1000]);
    let b = g.uniform("second", [1000]);
    // The gradient of a masked value uses the mask of the forward pass.
    let x = g.input("x", [1000]);
    let masked = x * a.less(0.5);
    let slope = grad(masked.sum(), &[x])[0];
    let mut plan = Plan::builder(&g)
        .output("a", a)
        .output("again", again)
        .output("b", b)
        .output("masked", masked)
        .output("slope", slope)
        .compile();
    let ones = Tensor::full([1000], 1.0);
    let feeds = [("x", Feed::from(&ones))];
    let mut none = Parameters::new();
    let mut draw = |seed, run| {
        plan.set_seed(seed);
        plan.set_run(run);
        let outputs = plan.run(&mut none, &feeds).unwrap();
        assert_eq!(outputs.values("masked"), outputs.values("slope"));
        assert_eq!(outputs.values("a"), outputs.values("again"));
        [outputs.tensor("a"), outputs.tensor("b")]
    };
    let first = draw(1, 0);
    assert!(first[0] != first[1], "two streams draw the same");
    assert!(first == draw(1, 0), "a run does not replay");
    assert!(first != draw(1, 1) && first != draw(2, 0));
    assert!(first[0].data().iter().all(|u| (0.0..1.0).contains(u)));
}

#[test]
fn all_updates_start_from_the_old_values() {
    let g = Graph::<f64>::new();
    let (a, b) = (g.parameter("a", [3]), g.parameter("b", [3]));
    // An exchange, and a result that shows the values before it.
    let mut plan = Plan::builder(&g).update(a, b * 1.0).update(b, a + 0.0).output("a", a).compile();
    let mut p: Parameters<f64> =
        [("a", Tensor::full([3], 1.0)), ("b", Tensor::full([3], 2.0))].into_iter().collect();
    let outputs = plan.run(&mut p, &[]).unwrap();
    assert_eq!(outputs.values("a"), [1.0; 3]);
    assert_eq!((p["a"].data(), p["b"].data()), (&[2.0; 3][..], &[1.0; 3][..]));
}

#[test]
fn a_literal_is_part_of_the_plan_and_a_scalar_is_fed() {
    let g = Graph::<f32>::new();
    let (x, s) = (g.scalar("x"), g.scalar("s"));
    let mut plan = Plan::builder(&g).output("y", x * s + 0.1).compile();
    let mut none = Parameters::new();
    let mut run = |s: f64| plan.run(&mut none, &[("x", 2.0.into()), ("s", s.into())]).unwrap().scalar("y");
    assert_eq!((run(1.0), run(3.0)), (2.1, 6.1));
}

#[test]
fn a_parameter_named_twice_is_one_node_with_the_sum_of_its_gradients() {
    let g = Graph::<f64>::new();
    let first = g.parameter("w", [2]);
    let second = g.parameter("w", [2]);
    assert_eq!(first.id(), second.id());
    let slope = grad((first * 2.0 + second * 3.0).sum(), &[first])[0];
    let p: Parameters<f64> = [("w", Tensor::zeros([2]))].into_iter().collect();
    assert_eq!(interpret(&[slope], &[], Some(&p)).unwrap()[0].data(), [5.0, 5.0]);
}
