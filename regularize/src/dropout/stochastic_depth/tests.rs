use super::*;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::{Draw, Parameters, Tensor};
use nn::{Activation, Linear, Sequential, initialise};
use proptest::prelude::*;

fn body() -> Linear {
    Linear::new("body", 3, 3)
}

fn block(survival: f64) -> StochasticDepth<f64> {
    StochasticDepth::new(body(), survival).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn each_example_skips_the_body_or_goes_through_it(n in 0usize..5, q in 0.1..0.9, seed: u64) {
        for (block, scale, gates) in [
            (block(q), 1.0 / q, n),
            (block(q).classic(), 1.0, n),
            (block(q).per_batch(), 1.0 / q, 1),
        ] {
            let graph = Graph::new();
            let input = graph.constant(numbers([n, 3], -1.0, 1.0, seed));
            let (y, gate) = (block.forward(input, Mode::Train), block.sample(&graph, [n, 3].into()));
            let through = body().forward(input, Mode::Train);
            let parameters = initialise(&body(), seed);
            let draw = Draw { seed, run: 1 };
            let [x, y, gate, through] = [input, y, gate, through].map(|v| run(v, &parameters, draw));
            prop_assert_eq!(gate.data().len(), gates);
            for (k, y) in y.data().iter().enumerate() {
                let open = gate.data()[if gates == 1 { 0 } else { k / 3 }];
                assert_close(*y, x.data()[k] + open * scale * through.data()[k], 1e-14);
            }
        }
    }

    /// Linear blocks `x + g A x`, `2³` gates: the mean is `Π (I + q A)`, and in prediction the network says so.
    #[test]
    fn the_mean_of_a_linear_network_is_its_prediction(q in 0.2..1.0, seed: u64) {
        let x = numbers([2, 3], -1.0, 1.0, seed);
        let matrices: Vec<_> = (0..3).map(|l| numbers([3, 3], -0.5, 0.5, seed ^ (l + 1))).collect();
        for classic in [true, false] {
            let of = |l: usize| {
                let q = linear_survival(l + 1, 3, q).unwrap();
                let block = block(q);
                if classic { block.classic() } else { block }
            };
            let mut mean = [0.0; 6];
            for gates in 0..8u32 {
                let mut inputs = vec![x.clone()];
                inputs.extend(matrices.iter().cloned());
                let mut probability = 1.0;
                for l in 0..3 {
                    let open = gates >> l & 1 == 1;
                    let survival = of(l).survival();
                    probability *= if open { survival } else { 1.0 - survival };
                    inputs.push(Tensor::full([1, 1], f64::from(open)));
                }
                let y = value(&inputs, |v| (0..3).fold(v[0], |h, l| of(l).apply(h, h.matmul(v[1 + l]), v[4 + l])));
                (0..6).for_each(|k| mean[k] += probability * y.data()[k]);
            }
            let inputs: Vec<_> = [x.clone()].into_iter().chain(matrices.iter().cloned()).collect();
            let product = value(&inputs, |v| {
                (0..3).fold(v[0], |h, l| {
                    let q = if classic { of(l).survival() } else { 1.0 };
                    h + h.matmul(v[1 + l]) * q
                })
            });
            (0..6).for_each(|k| assert_close(mean[k], product.data()[k], 1e-13));
        }
    }
}

#[test]
fn survival_falls_linearly_to_the_last() {
    let all: Vec<f64> = (1..=4).map(|l| linear_survival(l, 4, 0.5).unwrap()).collect();
    assert_eq!(all, [0.875, 0.75, 0.625, 0.5]);
    assert!(linear_survival(0, 4, 0.5).is_err() && linear_survival(5, 4, 0.5).is_err());
    assert!(linear_survival(1, 4, 0.0).is_err() && linear_survival(1, 4, f64::NAN).is_err());
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([2, 3], -2.0, 2.0, 1), numbers([2, 3], -2.0, 2.0, 2), numbers([2, 1], 0.0, 1.0, 3)];
    check("inverted", &values, |v| block(0.4).apply(v[0], v[1], v[2]).powi(3).sum());
    check("classic", &values, |v| block(0.4).classic().apply(v[0], v[1], v[2]).powi(3).sum());
}

#[test]
fn a_block_that_always_survives_is_a_residual_block() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([2, 3], -1.0, 1.0, 1));
    let residual = nn::Residual::new(body()).forward(x, Mode::Train);
    let parameters = initialise(&body(), 1);
    let expected = run(residual, &parameters, Draw::default());
    for mode in [Mode::Train, Mode::Evaluate] {
        assert_eq!(run(block(1.0).forward(x, mode), &parameters, Draw::default()), expected);
    }
    assert_eq!(run(block(0.5).forward(x, Mode::Evaluate), &parameters, Draw::default()), expected);
    let classic = block(0.5).classic().forward(x, Mode::Evaluate);
    assert_ne!(run(classic, &parameters, Draw::default()), expected);
}

#[test]
fn blocks_of_different_names_draw_apart_and_replay() {
    let model = |name: &str| {
        let first = block(0.5).named(name);
        Sequential::<f64>::new().then(first).then(Activation::Relu)
    };
    let graph = Graph::<f64>::new();
    let x = graph.fill([64, 3], 1.0);
    let parameters: Parameters<f64> = initialise(&body(), 1);
    let at = |name: &str, number| {
        run(model(name).forward(x, Mode::Sample), &parameters, Draw { seed: 1, run: number })
    };
    assert_eq!(at("a", 1), at("a", 1));
    assert_ne!(at("a", 1), at("a", 2));
    assert_ne!(at("a", 1), at("b", 1));
}

#[test]
fn bad_input_is_refused() {
    for q in [0.0, 1.1, -0.5, f64::NAN] {
        let error = StochasticDepth::<f64>::new(body(), q).unwrap_err().to_string();
        assert_eq!(error, format!("the survival probability is {q}, it must be in (0, 1]"));
    }
    let narrow = StochasticDepth::<f64>::new(Linear::new("l", 3, 2), 0.5).unwrap();
    let error = narrow.output_shape([4, 3].into()).unwrap_err().to_string();
    let text = "the residual block `stochastic_depth` takes what its body gives back in the same shape, and not as \
                [4, 2], not [4, 3]";
    assert_eq!(error, text);
}
