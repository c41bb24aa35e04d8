//! Recurrent layers against code that goes through them number by number.

use super::*;
use crate::initialise::initialise_parameters;
use crate::layer::{Layer, Mode};
use crate::layers::{Activation, Sequential};
use crate::parameter::{ParameterSpec, Role};
use autograd::{Feed, Graph, IndexVar, Parameters, Plan, Shape, Tensor, Var, grad, grad_or_zero, interpret};
use proptest::prelude::*;

const FEATURES: usize = 3;
const HIDDEN: usize = 4;

/// Values that look random and are of size 1.
fn values(shape: impl Into<Shape>, seed: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.0 - 1.0)
}

/// Parameters none of which is zero: a bias left out would else not be seen.
fn parameters(specs: &[ParameterSpec]) -> Parameters<f64> {
    specs.iter().enumerate().map(|(i, spec)| (&*spec.name, values(spec.shape, i + 1))).collect()
}

/// The results compared differ by the order of sums of a dozen terms of size 1, over a few steps, each of which
/// may double what the last one had.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(found: &Tensor<f64>, expected: &[f64]) {
    assert_eq!(found.data().len(), expected.len());
    for (found, expected) in found.data().iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{found}, expected {expected}");
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One step of one sequence, number by number: the new state from an input and the state.
type Step = fn(&Parameters<f64>, &[f64], &[Vec<f64>]) -> Vec<Vec<f64>>;

/// `(x W)ⱼ`, `(h U)ⱼ` and `bⱼ` of unit `j` of a gate.
fn sums(p: &Parameters<f64>, x: &[f64], h: &[f64], gate: usize, j: usize) -> (f64, f64, f64) {
    let at = gate * HIDDEN + j;
    let product = |name: &str, v: &[f64]| (0..v.len()).map(|i| v[i] * p[name][[i, at]]).sum::<f64>();
    (product("c.input_weight", x), product("c.recurrent_weight", h), p["c.bias"][[at]])
}

fn elman(p: &Parameters<f64>, x: &[f64], state: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |j| {
        let (a, b, c) = sums(p, x, &state[0], 0, j);
        (a + b + c).tanh()
    };
    vec![(0..HIDDEN).map(unit).collect()]
}

fn rectified(p: &Parameters<f64>, x: &[f64], state: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |j| {
        let (a, b, c) = sums(p, x, &state[0], 0, j);
        (a + b + c).max(0.0)
    };
    vec![(0..HIDDEN).map(unit).collect()]
}

fn gru(p: &Parameters<f64>, x: &[f64], state: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |j| {
        let [(r0, r1, r2), (z0, z1, z2), (n0, n1, n2)] = [0, 1, 2].map(|gate| sums(p, x, &state[0], gate, j));
        let (r, z) = (sigmoid(r0 + r1 + r2), sigmoid(z0 + z1 + z2));
        let n = (n0 + n2 + r * (n1 + p["c.candidate_bias"][[j]])).tanh();
        (1.0 - z) * n + z * state[0][j]
    };
    vec![(0..HIDDEN).map(unit).collect()]
}

fn lstm(p: &Parameters<f64>, x: &[f64], state: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |j| {
        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| {
            let (a, b, c) = sums(p, x, &state[0], gate, j);
            a + b + c
        });
        let memory = sigmoid(f + 1.0) * state[1][j] + sigmoid(i) * g.tanh();
        (sigmoid(o) * memory.tanh(), memory)
    };
    let (h, c) = (0..HIDDEN).map(unit).unzip();
    vec![h, c]
}

/// Outputs and last state of one sequence of inputs, from zeros or from `start`.
fn by_hand(
    step: Step,
    p: &Parameters<f64>,
    inputs: &[Vec<f64>],
    start: &[Vec<f64>],
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut state = start.to_vec();
    let mut outputs = Vec::new();
    for x in inputs {
        state = step(p, x, &state);
        outputs.push(state[0].clone());
    }
    (outputs, state)
}

/// The inputs of one sequence of a batch.
fn sequence(x: &Tensor<f64>, example: usize, length: usize) -> Vec<Vec<f64>> {
    (0..length).map(|t| (0..x.shape()[2]).map(|i| x[[example, t, i]]).collect()).collect()
}

/// Records a layer on sequences and their lengths.
type Unroll<'a> = dyn for<'g> Fn(Var<'g, f64>, Option<IndexVar<'g, f64>>) -> Unrolled<'g, f64> + 'a;

/// Everything a layer gives, with parts of the state as further entries.
fn run(
    unroll: &Unroll<'_>,
    p: &Parameters<f64>,
    x: &Tensor<f64>,
    lengths: Option<&Tensor<u32>>,
) -> Vec<Tensor<f64>> {
    let graph = Graph::new();
    let input = graph.input("x", x.shape());
    let index = lengths.map(|lengths| graph.indices("lengths", lengths.shape()));
    let unrolled = unroll(input, index);
    let asked: Vec<_> = std::iter::once(unrolled.sequence).chain(unrolled.last).collect();
    let mut feeds = vec![("x", Feed::from(x))];
    feeds.extend(lengths.map(|lengths| ("lengths", Feed::from(lengths))));
    interpret(&asked, &feeds, Some(p)).unwrap()
}

/// Every cell with its scalar twin, as the closures differ in type.
fn for_each_cell(mut visit: impl FnMut(&dyn Fn() -> Box<dyn Cell<f64>>, Step)) {
    visit(&|| Box::new(Elman::new("c", FEATURES, HIDDEN)), elman);
    visit(&|| Box::new(Elman::new("c", FEATURES, HIDDEN).with_activation(Activation::Relu)), rectified);
    visit(&|| Box::new(Gru::new("c", FEATURES, HIDDEN)), gru);
    visit(&|| Box::new(Lstm::new("c", FEATURES, HIDDEN)), lstm);
}

/// A batch of sequences of the given lengths, NaN in the padding, against each of them alone, number by number.
fn compare_by_hand(lengths: &[usize], time: usize, masked: bool, backward: bool) {
    let n = lengths.len();
    let x = Tensor::from_fn([n, time, FEATURES], |i| {
        let (example, t) = (i / FEATURES / time, i / FEATURES % time);
        if t < lengths[example] { values([n, time, FEATURES], 5).data()[i] } else { f64::NAN }
    });
    let index = Tensor::new([n], lengths.iter().map(|&length| length as u32).collect());
    for_each_cell(|cell, step| {
        let layer = Recurrent::new(cell());
        let layer = if backward { layer.backward() } else { layer };
        let p = parameters(&cell().parameters());
        let given = masked.then_some(&index);
        let found = run(&|x, lengths| layer.unroll_from(x, &[], lengths), &p, &x, given);
        for (example, &length) in lengths.iter().enumerate() {
            let mut inputs = sequence(&x, example, length);
            if backward {
                inputs.reverse();
            }
            let zeros = vec![vec![0.0; HIDDEN]; cell().states().len()];
            let (mut outputs, last) = by_hand(step, &p, &inputs, &zeros);
            if backward {
                outputs.reverse();
            }
            outputs.resize(time, vec![0.0; HIDDEN]);
            assert_close(&found[0].rows(&[example]), &outputs.concat());
            for (found, last) in found[1..].iter().zip(&last) {
                assert_close(&found.rows(&[example]), last);
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn every_cell_is_its_scalar_code(n in 0usize..4, time in 0usize..6, backward: bool) {
        compare_by_hand(&vec![time; n], time, false, backward);
    }

    #[test]
    fn padding_changes_nothing(lengths in prop::collection::vec(0usize..6, 1..5), backward: bool) {
        compare_by_hand(&lengths, 6, true, backward);
    }

    #[test]
    fn both_directions_are_two_passes(lengths in prop::collection::vec(0u32..5, 1..4)) {
        let (a, b) = (Gru::new("a", FEATURES, 2), Gru::new("b", FEATURES, 5));
        let both = Bidirectional::new(a.clone(), b.clone()).with_learned_start();
        let p = parameters(&Layer::<f64>::parameters(&both));
        let x = values([lengths.len(), 5, FEATURES], 2);
        let index = Tensor::new([lengths.len()], lengths);
        let (ahead, back) = (Recurrent::new(a).with_learned_start(), Recurrent::new(b).with_learned_start().backward());
        for lengths in [None, Some(&index)] {
            let together = run(&|x, lengths| both.unroll(x, lengths), &p, &x, lengths);
            let ahead = run(&|x, lengths| ahead.unroll_from(x, &[], lengths), &p, &x, lengths);
            let back = run(&|x, lengths| back.unroll_from(x, &[], lengths), &p, &x, lengths);
            for (together, (ahead, back)) in together.iter().zip(ahead.iter().zip(&back)) {
                let rows = ahead.data().chunks(2).zip(back.data().chunks(5));
                let side_by_side: Vec<f64> = rows.flat_map(|(a, b)| [a, b].concat()).collect();
                prop_assert_eq!(together.data(), &side_by_side[..]);
            }
        }
    }
}

/// NaN in the padding is outside the derivatives too.
#[test]
fn derivatives_do_not_see_the_padding() {
    let layer = Recurrent::new(Lstm::new("c", FEATURES, HIDDEN));
    let p = parameters(&Layer::<f64>::parameters(&layer));
    let graph = Graph::<f64>::new();
    let (x, lengths) = (graph.input("x", [2, 3, FEATURES]), graph.indices("lengths", [2]));
    let unrolled = layer.unroll_from(x, &[], Some(lengths));
    let loss = unrolled.sequence.powi(2).sum() + unrolled.last[0].sum();
    let mut targets = vec![x];
    targets.extend(Layer::<f64>::parameters(&layer).iter().map(|spec| spec.declare(&graph)));
    let gradients = grad(loss, &targets);
    let with = |padding: f64| {
        let mut fed = values([2, 3, FEATURES], 1);
        fed.data_mut()[FEATURES..3 * FEATURES].fill(padding);
        let lengths = Tensor::new([2], vec![1, 3]);
        interpret(&gradients, &[("x", Feed::from(&fed)), ("lengths", Feed::from(&lengths))], Some(&p))
            .unwrap()
    };
    let (nan, zero) = (with(f64::NAN), with(0.0));
    assert_eq!(nan, zero);
    assert!(zero[0].data()[FEATURES..3 * FEATURES].iter().all(|&g| g == 0.0));
    assert!(zero[0].data()[..FEATURES].iter().all(|&g| g != 0.0));
}

#[test]
fn a_stack_is_one_layer_after_the_other() {
    let stack = Sequential::<f64>::new()
        .then(Recurrent::new(Gru::new("low", FEATURES, 5)))
        .then(Recurrent::new(Lstm::new("high", 5, 2)).last());
    let p = parameters(&stack.parameters());
    let x = values([3, 4, FEATURES], 1);
    let graph = Graph::new();
    let input = graph.input("x", x.shape());
    let y = stack.forward(input, Mode::Train);
    let low = Recurrent::new(Gru::new("low", FEATURES, 5)).unroll(input);
    let high = Recurrent::new(Lstm::new("high", 5, 2)).unroll(low.sequence);
    let found = interpret(&[y, high.last[0]], &[("x", Feed::from(&x))], Some(&p)).unwrap();
    assert_eq!(found[0], found[1]);
    assert_eq!(stack.output_shape([3, 4, FEATURES].into()), Ok([3, 2].into()));
}

#[test]
fn the_first_state_is_zero_learned_or_given() {
    let plain = Recurrent::new(Lstm::new("c", FEATURES, HIDDEN));
    let learned = plain.clone().with_learned_start();
    let specs = Layer::<f64>::parameters(&learned);
    let names: Vec<_> = specs.iter().map(|spec| &*spec.name).collect();
    assert_eq!(
        names,
        ["c.input_weight", "c.recurrent_weight", "c.bias", "c.initial_hidden", "c.initial_memory"]
    );
    assert!(initialise_parameters::<f64>(&specs, 1)["c.initial_hidden"].data().iter().all(|&h| h == 0.0));
    let p = parameters(&specs);
    let x = values([2, 3, FEATURES], 4);
    let given: Vec<_> = ["c.initial_hidden", "c.initial_memory"].map(|name| p[name].data().to_vec()).into();
    let found = run(&|x, _| learned.unroll(x), &p, &x, None);
    let same = run(
        &|x, _| {
            let part = |i: usize| {
                let rows = Tensor::new([2, HIDDEN], given[i].repeat(2));
                x.graph().constant(rows)
            };
            plain.unroll_from(x, &[part(0), part(1)], None)
        },
        &p,
        &x,
        None,
    );
    assert_eq!(found, same);
    for example in 0..2 {
        let (outputs, _) = by_hand(lstm, &p, &sequence(&x, example, 3), &given);
        assert_close(&found[0].rows(&[example]), &outputs.concat());
    }
}

/// The gradient of the last output's sum by the recurrent weight.
fn gradient(layer: &Recurrent<Gru>, p: &Parameters<f64>, x: &Tensor<f64>) -> Tensor<f64> {
    let graph = Graph::new();
    let loss = layer.unroll(graph.input("x", x.shape())).last[0].sum();
    let weight = graph.find_parameter("c.recurrent_weight").unwrap();
    interpret(&[grad(loss, &[weight])[0]], &[("x", Feed::from(x))], Some(p)).unwrap().remove(0)
}

#[test]
fn truncation_leaves_out_the_far_terms_only() {
    let full = Recurrent::new(Gru::new("c", FEATURES, HIDDEN));
    let p = parameters(&Layer::<f64>::parameters(&full));
    let x = values([2, 7, FEATURES], 6);
    let whole = gradient(&full, &p, &x);
    for window in [7, 8, 100] {
        assert_eq!(gradient(&full.clone().truncated(window), &p, &x), whole, "no boundary inside");
    }
    // Boundaries before steps 3 and 6: what is left of the gradient is that of step 6 alone, from the state
    // that the first six steps lead to, taken as a number.
    let before = Tensor::from_fn([2, 6, FEATURES], |i| {
        let (example, rest) = (i / (6 * FEATURES), i % (6 * FEATURES));
        x[[example, rest / FEATURES, rest % FEATURES]]
    });
    let state = run(&|x, _| full.unroll(x), &p, &before, None).remove(1);
    let graph = Graph::new();
    let step = graph.input("x", [2, 7, FEATURES]).slice(1, 6, 7);
    let loss = full.unroll_from(step, &[graph.constant(state)], None).last[0].sum();
    let weight = graph.find_parameter("c.recurrent_weight").unwrap();
    let near = interpret(&[grad(loss, &[weight])[0]], &[("x", Feed::from(&x))], Some(&p)).unwrap().remove(0);
    let truncated = gradient(&full.truncated(3), &p, &x);
    assert_close(&truncated, near.data());
    let gap = truncated.data().iter().zip(whole.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap > 1e-2, "the far terms are there: {gap}");
}

/// Windows fed one after another, the state carried in parameters, give what one long sequence gives: the same
/// values, and the same gradients as truncation at the windows' boundaries.
#[test]
fn windows_carry_their_state_on() {
    let layer = Recurrent::new(Lstm::new("c", FEATURES, HIDDEN));
    let carried = layer.carried_state::<f64>(2);
    assert!(carried.iter().all(|spec| spec.role == Role::State));
    let cell = Layer::<f64>::parameters(&layer);
    let long = values([2, 6, FEATURES], 8);

    let graph = Graph::new();
    let x = graph.input("x", [2, 3, FEATURES]);
    let start: Vec<_> = carried.iter().map(|spec| spec.declare(&graph)).collect();
    let window = layer.unroll_from(x, &start, None);
    let loss = window.sequence.powi(2).sum();
    let weight = graph.find_parameter("c.recurrent_weight").unwrap();
    let mut plan = Plan::builder(&graph).output("gradient", grad(loss, &[weight])[0]);
    for (&state, &last) in start.iter().zip(&window.last) {
        plan = plan.update(state, last);
    }
    let mut plan = plan.compile();
    let mut p = parameters(&cell);
    for spec in &carried {
        p.insert(&spec.name, Tensor::zeros(spec.shape));
    }
    let mut sum = vec![0.0; weight.shape().numel()];
    for first in [0, 3] {
        let part = Tensor::from_fn([2, 3, FEATURES], |i| {
            long[[i / (3 * FEATURES), first + i / FEATURES % 3, i % FEATURES]]
        });
        let outputs = plan.run(&mut p, &[("x", Feed::from(&part))]).unwrap();
        sum.iter_mut().zip(outputs.values("gradient")).for_each(|(sum, g)| *sum += g);
    }

    let p_cell = parameters(&cell);
    let graph = Graph::new();
    let x = graph.input("x", long.shape());
    let truncated = layer.clone().truncated(3).unroll(x);
    let loss = truncated.sequence.powi(2).sum();
    let weight = graph.find_parameter("c.recurrent_weight").unwrap();
    let asked = [grad(loss, &[weight])[0], truncated.last[0], truncated.last[1]];
    let found = interpret(&asked, &[("x", Feed::from(&long))], Some(&p_cell)).unwrap();
    assert_close(&found[0], &sum);
    assert_close(&found[1], p["c.carried_hidden"].data());
    assert_close(&found[2], p["c.carried_memory"].data());
}

#[test]
fn recurrent_weights_start_orthogonal_gate_by_gate() {
    let cell = Gru::new("c", FEATURES, HIDDEN);
    let p = initialise_parameters::<f64>(&Cell::<f64>::parameters(&cell), 3);
    let weight = &p["c.recurrent_weight"];
    for gate in 0..3 {
        for (i, j) in (0..HIDDEN).flat_map(|i| (0..HIDDEN).map(move |j| (i, j))) {
            let column = |j: usize, row: usize| weight[[row, gate * HIDDEN + j]];
            let dot: f64 = (0..HIDDEN).map(|row| column(i, row) * column(j, row)).sum();
            // A dozen roundings of numbers below 1.
            assert!((dot - f64::from(i == j)).abs() < 1e-14, "gate {gate}: columns {i} and {j}");
        }
    }
    assert_ne!(weight[[0, 0]], weight[[0, HIDDEN]], "gates differ");
}

#[test]
fn a_step_does_not_see_the_future() {
    let layer = Recurrent::new(Gru::new("c", FEATURES, HIDDEN));
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [1, 5, FEATURES]);
    let y = layer.unroll(x).sequence.slice(1, 2, 3).sum();
    let p = parameters(&Layer::<f64>::parameters(&layer));
    let fed = values([1, 5, FEATURES], 1);
    let slope =
        interpret(&[grad_or_zero(y, &[x])[0]], &[("x", Feed::from(&fed))], Some(&p)).unwrap().remove(0);
    assert!(slope.data()[..3 * FEATURES].iter().all(|&g| g != 0.0));
    assert!(slope.data()[3 * FEATURES..].iter().all(|&g| g == 0.0));
}

fn panic_text(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let cause = std::panic::catch_unwind(work).expect_err("it is refused");
    cause
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| cause.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer = || Recurrent::new(Lstm::new("c", FEATURES, HIDDEN));
    let text = "the recurrent layer `c` takes [n, time, 3], not [2, 5]";
    assert_eq!(Layer::<f32>::output_shape(&layer(), [2, 5].into()).unwrap_err().to_string(), text);
    let graph = || Box::leak(Box::new(Graph::<f32>::new()));
    let x = |graph: &'static Graph<f32>| graph.input("x", [2, 5, FEATURES]);
    assert_eq!(panic_text(|| _ = layer().unroll(graph().input("x", [2, 5]))), text);
    assert_eq!(
        panic_text(|| {
            let graph = graph();
            _ = layer().unroll_from(x(graph), &[graph.fill([2, HIDDEN], 0.0)], None);
        }),
        "the recurrent layer `c` starts from hidden and memory, each [2, 4], not from [2, 4]"
    );
    assert_eq!(
        panic_text(|| {
            let graph = graph();
            _ = layer().unroll_from(x(graph), &[], Some(graph.indices("lengths", [5])));
        }),
        "sequences of shape [2, 5, 3] need lengths of shape [2], not [5]"
    );
    assert_eq!(
        panic_text(|| _ = layer().truncated(0)),
        "truncated back-propagation needs a window of at least one step"
    );
}

/// The recurrent product can see something else than the state, and a layer can be unrolled by another step:
/// with the cell's own, both are what they always are; with nothing seen, the product is gone.
#[test]
fn a_step_can_be_made_to_see_another_state() {
    let x = values([2, 4, FEATURES], 1);
    for_each_cell(|cell, _| {
        let (layer, cell) = (Recurrent::new(cell()), cell());
        let p = parameters(&cell.parameters());
        let plain = run(&|x, lengths| layer.unroll_from(x, &[], lengths), &p, &x, None);
        let by_step = |seen: f64| {
            run(
                &|x, lengths| {
                    layer.unroll_by(x, &[], lengths, |_, projected, state| {
                        cell.step_seeing(projected, state[0] * seen, state)
                    })
                },
                &p,
                &x,
                None,
            )
        };
        assert_eq!(by_step(1.0), plain);
        let mut without = p.clone();
        without.get_mut("c.recurrent_weight").unwrap().data_mut().fill(0.0);
        let expected = run(&|x, lengths| layer.unroll_from(x, &[], lengths), &without, &x, None);
        assert_eq!(by_step(0.0), expected);
        assert_ne!(expected, plain);
    });
}

#[test]
fn a_step_is_told_its_number_in_the_order_of_reading() {
    for backward in [false, true] {
        let layer = Recurrent::new(Elman::new("e", 2, 2));
        let layer = if backward { layer.backward() } else { layer };
        let graph = Graph::<f64>::new();
        let mut numbers = Vec::new();
        layer.unroll_by(graph.input("x", [1, 3, 2]), &[], None, |t, projected, state| {
            numbers.push(t);
            layer.cell().step(projected, state)
        });
        assert_eq!(numbers, if backward { [2, 1, 0] } else { [0, 1, 2] });
    }
}
