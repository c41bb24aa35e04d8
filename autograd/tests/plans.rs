//! Random graphs: a compiled plan gives the interpreter's bits, fused or not, simplified or not, for any
//! number of threads, and at the second run as at the first.

mod common;

use autograd::{
    Draw, Feed, Graph, Interpreter, Parameters, Plan, Real, Shape, Simplify, Tensor, Value, grad,
};
use common::{Choice, Feeds, parameters, record, same_bits};
use proptest::prelude::*;

/// Runs the graph of `choices` twice by a plan and by the interpreter; `Err` says what differs.
fn compare<T: Real>(
    rows: usize,
    columns: usize,
    choices: &[Choice],
    simplify: Simplify,
    fusion: bool,
) -> Result<(), String> {
    let graph = Graph::<T>::new();
    let recorded = record(&graph, rows, columns, choices);
    let feeds = Feeds::<T>::new(rows, columns);
    let mut builder = Plan::builder(&graph).simplify(simplify).fusion(fusion);
    for (position, &output) in recorded.outputs.iter().enumerate() {
        builder = builder.output(&position.to_string(), output);
    }
    builder = builder.index_output("argmax", recorded.index_output);
    for &(parameter, expression) in &recorded.updates {
        builder = builder.update(parameter, expression);
    }
    let mut plan = builder.compile();
    plan.set_seed(17);
    let mut planned = parameters::<T>(columns);
    let mut interpreted = planned.clone();
    for run in 0..2 {
        let mut ids: Vec<_> = recorded.outputs.iter().map(|output| output.id()).collect();
        ids.push(recorded.index_output.id());
        ids.extend(recorded.updates.iter().map(|(_, expression)| expression.id()));
        let interpreter = Interpreter { parameters: &interpreted, draw: Draw { seed: 17, run } };
        let expected = interpreter.run(&graph, &ids, &feeds.list()).map_err(|e| e.to_string())?;
        let outputs = plan.run(&mut planned, &feeds.list()).map_err(|e| e.to_string())?;
        let describe = |what: String| format!("run {run}: {what} differs\n{graph}");
        for (position, &output) in recorded.outputs.iter().enumerate() {
            let got = outputs.values(&position.to_string());
            if !same_bits(expected.get(output).data(), got) {
                let expected = expected.get(output);
                return Err(describe(format!("{output:?}: {expected:?}, plan {got:?}")));
            }
        }
        let Some(Value::Index(indices)) = expected.value(recorded.index_output.id()) else { unreachable!() };
        if indices.data() != outputs.indices("argmax") {
            return Err(describe("argmax".into()));
        }
        for &(parameter, expression) in &recorded.updates {
            let name = graph.name_of(parameter.id()).unwrap();
            let new = expected.get(expression).clone();
            if !same_bits(new.data(), planned[&name].data()) {
                return Err(describe(format!("update of {name}: {new:?}, plan {:?}", planned[&name])));
            }
        }
        for &(parameter, expression) in &recorded.updates {
            let name = graph.name_of(parameter.id()).unwrap();
            interpreted.insert(&name, expected.get(expression).clone());
        }
    }
    Ok(())
}

const ALL: Simplify = Simplify { identities: true, constants: true, common: true };
const NONE: Simplify = Simplify { identities: false, constants: false, common: false };

/// Lengths with zero, one and more elements than one tile has.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1usize), 2usize..6, Just(17), Just(40)]
}

fn rows() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0usize), Just(1), 2usize..6, Just(33)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(160) })]

    #[test]
    fn a_plan_gives_the_interpreters_bits(
        rows in rows(),
        columns in length(),
        choices in prop::collection::vec(any::<Choice>(), 1..24),
        simplify in prop_oneof![Just(ALL), Just(NONE)],
        fusion in any::<bool>(),
    ) {
        compare::<f64>(rows, columns, &choices, simplify, fusion).map_err(TestCaseError::fail)?;
        compare::<f32>(rows, columns, &choices, simplify, fusion).map_err(TestCaseError::fail)?;
    }
}

/// A step of a network with momentum, whose products all go straight into groups: bias and rectifier, its
/// derivative, the updates of the weights, which overwrite them.
#[test]
fn products_go_straight_into_the_groups_that_consume_them() {
    let run = |fusion: bool, threads: usize| {
        let graph = Graph::<f32>::new();
        let (x, rate) = (graph.input("x", [70, 600]), graph.scalar("rate"));
        let (w, v) = (graph.parameter("w", [600, 1030]), graph.parameter("v", [600, 1030]));
        let (u, b) = (graph.parameter("u", [1030, 600]), graph.parameter("b", [1030]));
        let hidden = (x.matmul(w) + b).relu();
        let loss = (hidden.matmul(u) - x).powi(2).mean();
        let gradients = grad(loss, &[w, u]);
        let velocity = v * 0.9 + gradients[0];
        let mut plan = Plan::builder(&graph)
            .output("loss", loss)
            .update(v, velocity)
            .update(w, w - velocity * rate)
            .update(u, u - gradients[1] * rate)
            .fusion(fusion)
            .compile();
        let explained = plan.explain();
        if fusion {
            assert!(explained.contains("(5 of them into a group)"), "{explained}");
            assert!(explained.contains("3 of 3 updates in place"), "{explained}");
        }
        let wave = |shape: &[usize]| {
            Tensor::from_fn(Shape::new(shape), |i| ((i * 7919 % 1013) as f32 - 506.0) * 2e-3)
        };
        let mut values = Parameters::new();
        for (name, shape) in [("w", [600, 1030]), ("v", [600, 1030]), ("u", [1030, 600])] {
            values.insert(name, wave(&shape));
        }
        values.insert("b", wave(&[1030]));
        let input = wave(&[70, 600]);
        let feeds = [("x", Feed::from(&input)), ("rate", Feed::from(1e-3))];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (0..3).for_each(|_| _ = plan.run(&mut values, &feeds).unwrap()));
        values
    };
    let apart = run(false, 1);
    for threads in 1..=3 {
        assert!(run(true, threads) == apart, "{threads} threads");
    }
}

/// Random graphs, large enough that groups, products and reductions are split over threads.
#[test]
fn one_thread_and_two_give_the_same_bits() {
    for seed in 0..5u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as u16
        };
        // A product and a reduction in each, then whatever comes.
        let mut choices: Vec<Choice> = vec![(18, 1, 0, 0), (26, 3, 0, 0)];
        choices.extend((0..10).map(|_| (next() as u8, next(), next(), next())));
        compare_threads(&choices);
    }
}

fn compare_threads(choices: &[Choice]) {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let graph = Graph::<f32>::new();
            let recorded = record(&graph, 300, 257, choices);
            let mut builder = Plan::builder(&graph);
            for (position, &output) in recorded.outputs.iter().enumerate() {
                builder = builder.output(&position.to_string(), output);
            }
            for &(parameter, expression) in &recorded.updates {
                builder = builder.update(parameter, expression);
            }
            let mut plan = builder.compile();
            let feeds = Feeds::new(300, 257);
            let mut values = parameters::<f32>(257);
            for _ in 0..3 {
                plan.run(&mut values, &feeds.list()).unwrap();
            }
            let outputs = plan.run(&mut values, &feeds.list()).unwrap();
            let results: Vec<Vec<u32>> = (0..recorded.outputs.len())
                .map(|i| outputs.values(&i.to_string()).iter().map(|x| x.to_bits()).collect())
                .collect();
            (results, values)
        })
    };
    let one = run(1);
    for threads in [2, 3] {
        let more = run(threads);
        assert_eq!(one.0, more.0, "{threads} threads");
        assert!(one.1 == more.1, "{threads} threads");
    }
}
