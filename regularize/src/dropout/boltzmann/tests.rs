use super::*;
use crate::testing::{assert_close, numbers, run};
use autograd::check::Checker;
use autograd::{Draw, Feed, Parameters, Plan, Tensor};
use nn::{LEARNING_RATE, Optimiser};
use proptest::prelude::*;

const SIDE: usize = 4;

fn machine(p: f64) -> DropoutMachine {
    DropoutMachine::new(BoltzmannMachine::new("m", SIDE, SIDE), p).unwrap()
}

fn parameters(seed: u64) -> Parameters<f64> {
    [
        ("m.weight", numbers([SIDE, SIDE], -1.5, 1.5, seed)),
        ("m.visible_bias", numbers([SIDE], -1.0, 1.0, seed ^ 1)),
        ("m.hidden_bias", numbers([SIDE], -1.0, 1.0, seed ^ 2)),
    ]
    .into_iter()
    .collect()
}

/// All states of a layer, `[16, 4]`.
fn states() -> Tensor<f64> {
    Tensor::from_fn([1 << SIDE, SIDE], |i| ((i / SIDE) >> (i % SIDE) & 1) as f64)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10) })]

    /// Every state of a machine of 4 by 4 units is added up, with the energy written out: hidden units whose
    /// mask is 0 are off, and what is left is the conditional and the free energy of the smaller machine.
    #[test]
    fn given_a_mask_it_is_the_machine_without_the_dropped_units(seed: u64, mask in 0usize..16) {
        let parameters = parameters(seed);
        let (w, a, b) = (&parameters["m.weight"], &parameters["m.visible_bias"], &parameters["m.hidden_bias"]);
        let all = states();
        let r: Vec<f64> = (0..SIDE).map(|j| all[[mask, j]]).collect();
        let graph = Graph::new();
        let v = graph.constant(all.clone());
        let of_mask = graph.constant(Tensor::new([1, SIDE], r.clone()));
        let layer = machine(0.5);
        let mean = run(layer.hidden_mean(v, of_mask), &parameters, Draw::default());
        let energy = run(layer.free_energy(v, of_mask), &parameters, Draw::default());
        for row in 0..16 {
            let weight = |h: usize| {
                let mut energy = 0.0;
                for i in 0..SIDE {
                    energy -= a[[i]] * all[[row, i]];
                    for j in 0..SIDE {
                        energy -= all[[row, i]] * w[[i, j]] * all[[h, j]];
                    }
                }
                (0..SIDE).for_each(|j| energy -= b[[j]] * all[[h, j]]);
                (-energy).exp()
            };
            let allowed: Vec<usize> = (0..16).filter(|&h| (0..SIDE).all(|j| all[[h, j]] <= r[j])).collect();
            let total: f64 = allowed.iter().map(|&h| weight(h)).sum();
            // Sums of 16 terms.
            assert_close(energy.data()[row], -total.ln(), 1e-13);
            for j in 0..SIDE {
                let on: f64 = allowed.iter().filter(|&&h| all[[h, j]] == 1.0).map(|&h| weight(h)).sum();
                assert_close(mean[[row, j]], on / total, 1e-13);
            }
        }
    }

    /// The mean over all masks of a hidden unit is its feature.
    #[test]
    fn features_are_the_mean_over_masks(seed: u64, p in 0.0..0.9) {
        let (layer, parameters) = (machine(p), parameters(seed));
        let graph = Graph::new();
        let v = graph.constant(states());
        let features = run(layer.features(v), &parameters, Draw::default());
        let mut mean = vec![0.0; 64];
        for (probability, mask) in crate::Dropout::new(p).unwrap().masks::<f64>(SIDE).unwrap() {
            let mask = graph.constant(mask.reshape([1, SIDE]));
            let drawn = run(layer.hidden_mean(v, mask), &parameters, Draw::default());
            (0..64).for_each(|k| mean[k] += probability * drawn.data()[k]);
        }
        (0..64).for_each(|k| assert_close(features.data()[k], mean[k], 1e-14));
    }
}

#[test]
fn derivatives_of_the_free_energy_are_right() {
    let (graph, layer) = (Graph::<f64>::new(), machine(0.5));
    let (v, r) = (graph.input("v", [3, SIDE]), graph.input("r", [3, SIDE]));
    let energy = layer.free_energy(v, r).powi(2).sum();
    let mut targets: Vec<_> = graph.parameters().into_iter().map(|(_, var)| var).collect();
    targets.extend([v, r]);
    let values = [numbers([3, SIDE], 0.0, 1.0, 1), numbers([3, SIDE], 0.0, 1.0, 2)];
    let feeds = [("v", Feed::from(&values[0])), ("r", Feed::from(&values[1]))];
    let checker = Checker::new("free energy").entries();
    let report = checker.graph(energy, &targets, &feeds, Some(&parameters(1))).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0, "{report}");
}

/// With every unit kept, energies, means and chains are the machine's; a dropped unit learns nothing.
#[test]
fn limits_are_the_whole_machine_and_none_of_it() {
    let (graph, parameters) = (Graph::<f64>::new(), parameters(3));
    let (layer, v) = (machine(0.5), graph.constant(states()));
    let whole = layer.machine();
    let ones = graph.fill([16, SIDE], 1.0);
    let at = |y| run(y, &parameters, Draw { seed: 1, run: 1 });
    assert_eq!(at(layer.free_energy(v, ones)), at(whole.free_energy(v)));
    assert_eq!(at(layer.hidden_mean(v, ones)), at(whole.hidden_mean(v)));
    assert_eq!(at(machine(0.0).features(v)), at(whole.hidden_mean(v)));
    assert_eq!(at(machine(0.0).sample(&graph, 16)), at(ones));
    let one_off = graph.constant(Tensor::new([1, SIDE], vec![1.0, 0.0, 1.0, 1.0]));
    let loss = layer.contrastive_divergence(v, one_off, 1);
    let slope = at(autograd::grad(loss, &[graph.parameter("m.weight", [SIDE, SIDE])])[0]);
    assert!((0..SIDE).all(|i| slope[[i, 1]] == 0.0 && slope[[i, 0]] != 0.0));
}

/// Trained on two patterns, the whole machine finds them likelier than it did, and likelier than a third.
#[test]
fn contrastive_divergence_trains_it() {
    let layer = machine(0.3);
    let (graph, specs) = (Graph::<f64>::new(), layer.machine().parameters());
    let v = graph.input("v", [20, SIDE]);
    let loss = layer.contrastive_divergence(v, layer.sample(&graph, 20), 1);
    let optimiser = Optimiser::sgd(0.1);
    let step = optimiser.minimise(loss, &specs);
    let mut plan = step.add_to(Plan::builder(&graph)).compile();
    let mut parameters = nn::initialise_parameters::<f64>(&specs, 1);
    let patterns = Tensor::from_fn([20, SIDE], |i| f64::from((i % SIDE < 2) == (i / SIDE).is_multiple_of(2)));
    let likelihood = |parameters: &Parameters<f64>, pattern: [f64; SIDE]| {
        let graph = Graph::new();
        let v = graph.constant(Tensor::new([1, SIDE], pattern.to_vec()));
        run(layer.machine().log_likelihood(v), parameters, Draw::default()).data()[0]
    };
    let before = likelihood(&parameters, [1.0, 1.0, 0.0, 0.0]);
    for _ in 0..1000 {
        plan.run(&mut parameters, &[("v", Feed::from(&patterns)), (LEARNING_RATE, Feed::from(0.1))]).unwrap();
    }
    let [first, second, other] = [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]]
        .map(|p| likelihood(&parameters, p));
    assert!(first > before + 1.0 && second > before + 1.0, "{before} to {first}, {second}");
    assert!(other < first - 2.0, "{first} {other}");
}

#[test]
fn bad_input_is_refused() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(DropoutMachine::new(BoltzmannMachine::new("m", 2, 2), p).is_err());
    }
}

#[test]
#[should_panic(expected = "a mask of shape [3] for hidden units of shape [2, 4]")]
fn masks_are_of_the_hidden_units() {
    let graph = Graph::<f64>::new();
    machine(0.5).hidden_mean(graph.input("v", [2, SIDE]), graph.input("r", [3]));
}
