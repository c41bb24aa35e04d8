//! Probabilistic models against sums over all states, integrals and closed forms.

use super::*;
use crate::layer::Mode;
use crate::layers::Linear;
use autograd::ops::random::Draw;
use autograd::{Feed, Graph, Interpreter, Parameters, Plan, Shape, Tensor, Var, grad, interpret};

/// Values that look random and are of size 1.
fn values(shape: impl Into<Shape>, seed: usize) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| ((i * 7919 + seed * 104_729) % 1013) as f64 / 506.0 - 1.0)
}

const VISIBLE: usize = 4;
const HIDDEN: usize = 4;

fn machine() -> BoltzmannMachine {
    BoltzmannMachine::new("m", VISIBLE, HIDDEN)
}

fn machine_parameters() -> Parameters<f64> {
    let specs = machine().parameters();
    specs.iter().enumerate().map(|(i, spec)| (&*spec.name, values(spec.shape, i + 1))).collect()
}

fn bits(state: usize, count: usize) -> Vec<f64> {
    (0..count).map(|i| (state >> i & 1) as f64).collect()
}

/// `-E(v, h)` of binary units, number by number.
fn negative_energy(p: &Parameters<f64>, v: &[f64], h: &[f64]) -> f64 {
    let visible: f64 = (0..VISIBLE).map(|i| p["m.visible_bias"][[i]] * v[i]).sum();
    let hidden: f64 = (0..HIDDEN).map(|j| p["m.hidden_bias"][[j]] * h[j]).sum();
    let pairs = (0..VISIBLE).flat_map(|i| (0..HIDDEN).map(move |j| (i, j)));
    visible + hidden + pairs.map(|(i, j)| v[i] * p["m.weight"][[i, j]] * h[j]).sum::<f64>()
}

/// The means of `v hᵀ`, `v` and `h` under the model, all 256 states added up, and ln Z.
fn model_means(p: &Parameters<f64>) -> ([Vec<f64>; 3], f64) {
    let mut means = [vec![0.0; VISIBLE * HIDDEN], vec![0.0; VISIBLE], vec![0.0; HIDDEN]];
    let mut partition = 0.0;
    for (v, h) in (0..16).flat_map(|v| (0..16).map(move |h| (bits(v, VISIBLE), bits(h, HIDDEN)))) {
        let weight = negative_energy(p, &v, &h).exp();
        partition += weight;
        for i in 0..VISIBLE {
            means[1][i] += weight * v[i];
            (0..HIDDEN).for_each(|j| means[0][i * HIDDEN + j] += weight * v[i] * h[j]);
        }
        (0..HIDDEN).for_each(|j| means[2][j] += weight * h[j]);
    }
    means.iter_mut().flatten().for_each(|mean| *mean /= partition);
    (means, partition.ln())
}

/// Sums of up to 256 positive terms, of size 1 when normalised, and a few functions of them.
const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }
}

/// Three different patterns.
fn data() -> Tensor<f64> {
    Tensor::new([3, VISIBLE], [bits(5, 4), bits(9, 4), bits(7, 4)].concat())
}

fn targets<'g>(graph: &'g Graph<f64>) -> Vec<Var<'g, f64>> {
    machine().parameters().iter().map(|spec| spec.declare(graph)).collect()
}

#[test]
fn energies_and_likelihoods_are_sums_over_states() {
    let p = machine_parameters();
    let graph = Graph::<f64>::new();
    let (v, h) = (graph.input("v", [3, VISIBLE]), graph.input("h", [3, HIDDEN]));
    let asked = [
        machine().energy(v, h),
        machine().free_energy(v),
        machine().log_partition(&graph),
        machine().log_likelihood(v),
    ];
    let (fed_v, fed_h) = (data(), Tensor::new([3, HIDDEN], [bits(3, 4), bits(0, 4), bits(14, 4)].concat()));
    let found = interpret(&asked, &[("v", Feed::from(&fed_v)), ("h", Feed::from(&fed_h))], Some(&p)).unwrap();
    let (_, log_partition) = model_means(&p);
    assert_close(found[2].data(), &[log_partition], TOLERANCE);
    for example in 0..3 {
        let (v, h) = (fed_v.rows(&[example]), fed_h.rows(&[example]));
        assert_close(
            &found[0].data()[example..=example],
            &[-negative_energy(&p, v.data(), h.data())],
            TOLERANCE,
        );
        let sum: f64 = (0..16).map(|h| negative_energy(&p, v.data(), &bits(h, HIDDEN)).exp()).sum();
        assert_close(&found[1].data()[example..=example], &[-sum.ln()], TOLERANCE);
        assert_close(&found[3].data()[example..=example], &[sum.ln() - log_partition], TOLERANCE);
    }
}

/// The gradient of the negative log-likelihood is `⟨v hᵀ⟩` of the model minus that of the data, and so is that of
/// the free-energy form with the model's mean taken over all states.
#[test]
fn the_likelihood_gradient_is_model_minus_data() {
    let p = machine_parameters();
    let graph = Graph::<f64>::new();
    let v = graph.input("v", [3, VISIBLE]);
    let exact = grad(-machine().log_likelihood(v).mean(), &targets(&graph));
    let all = graph.constant(Tensor::new([16, VISIBLE], (0..16).flat_map(|v| bits(v, VISIBLE)).collect()));
    let energies = machine().free_energy(all);
    let probabilities = (-energies).softmax().detach();
    let contrast = machine().free_energy(v).mean() - (probabilities * energies).sum();
    let by_free_energy = grad(contrast, &targets(&graph));
    let asked = [exact, by_free_energy, vec![machine().hidden_mean(v)]].concat();
    let data = data();
    let found = interpret(&asked, &[("v", Feed::from(&data))], Some(&p)).unwrap();
    let hidden = &found[6];
    let (model, _) = model_means(&p);
    let over_data = |f: &dyn Fn(usize) -> f64| (0..3).map(f).sum::<f64>() / 3.0;
    let pairs = (0..VISIBLE).flat_map(|i| (0..HIDDEN).map(move |j| (i, j)));
    let expected = [
        pairs
            .map(|(i, j)| model[0][i * HIDDEN + j] - over_data(&|k| data[[k, i]] * hidden[[k, j]]))
            .collect::<Vec<_>>(),
        (0..VISIBLE).map(|i| model[1][i] - over_data(&|k| data[[k, i]])).collect(),
        (0..HIDDEN).map(|j| model[2][j] - over_data(&|k| hidden[[k, j]])).collect(),
    ];
    for (parameter, expected) in expected.iter().enumerate() {
        assert_close(found[parameter].data(), expected, TOLERANCE);
        assert_close(found[3 + parameter].data(), expected, TOLERANCE);
    }
}

/// Independent chains, long enough to have forgotten where they began, give the likelihood gradient up to
/// the error of a mean of that many.
#[test]
fn long_chains_approximate_the_likelihood_gradient() {
    const CHAINS: usize = 20_000;
    let p = machine_parameters();
    let graph = Graph::<f64>::new();
    let v = graph.input("v", [3, VISIBLE]);
    let chains = graph.fill([CHAINS, VISIBLE], 0.0);
    let (loss, _) = machine().persistent_divergence(v, chains, 60);
    let sampled = grad(loss, &targets(&graph));
    let exact = grad(-machine().log_likelihood(v).mean(), &targets(&graph));
    let found = interpret(&[sampled, exact].concat(), &[("v", Feed::from(&data()))], Some(&p)).unwrap();
    // A negative term is a mean of independent numbers in [0, 1], of deviation 1/2 at most. Five deviations
    // of that mean: exceeded by one of 24 entries with probability 24 · 6e-7.
    let bound = 5.0 * 0.5 / (CHAINS as f64).sqrt();
    let mut largest = 0f64;
    for parameter in 0..3 {
        assert_close(found[parameter].data(), found[3 + parameter].data(), bound);
        let gaps = found[parameter].data().iter().zip(found[3 + parameter].data());
        largest = gaps.map(|(a, b)| (a - b).abs()).fold(largest, f64::max);
    }
    // Not the enumeration in disguise: a sampled mean is off by something.
    assert!(largest > 1e-4, "{largest}");
}

/// CD-k is `⟨v hᵀ⟩` of the samples minus that of the data; the samples have no derivative of their own.
#[test]
fn contrastive_divergence_is_a_difference_of_means() {
    for units in [VisibleUnits::Binary, VisibleUnits::Gaussian] {
        let machine = machine().with_visible_units(units);
        let p = machine_parameters();
        let graph = Graph::<f64>::new();
        let v = graph.input("v", [3, VISIBLE]);
        let loss = machine.contrastive_divergence(v, 2);
        let weight = graph.find_parameter("m.weight").unwrap();
        let sample = machine.gibbs(v, 2, "contrast");
        let slope = grad(loss, &[weight])[0];
        let asked = [slope, sample, machine.hidden_mean(v), machine.hidden_mean(sample)];
        let data = data();
        let found = interpret(&asked, &[("v", Feed::from(&data))], Some(&p)).unwrap();
        let mean =
            |v: &Tensor<f64>, h: &Tensor<f64>, i, j| (0..3).map(|k| v[[k, i]] * h[[k, j]]).sum::<f64>() / 3.0;
        let pairs = (0..VISIBLE).flat_map(|i| (0..HIDDEN).map(move |j| (i, j)));
        let expected: Vec<f64> =
            pairs.map(|(i, j)| mean(&found[1], &found[3], i, j) - mean(&data, &found[2], i, j)).collect();
        assert_close(found[0].data(), &expected, TOLERANCE);
        let binary = found[1].data().iter().all(|&v| v == 0.0 || v == 1.0);
        assert_eq!(binary, units == VisibleUnits::Binary);
    }
}

/// The Gaussian machine's marginal density is a mixture of normals, one for each hidden state: its integral is
/// one, and its free energy the logarithm of the mixture.
#[test]
fn gaussian_densities_integrate_to_one() {
    let machine = BoltzmannMachine::new("m", 1, 3).with_visible_units(VisibleUnits::Gaussian);
    let specs = machine.parameters();
    let p: Parameters<f64> =
        specs.iter().enumerate().map(|(i, spec)| (&*spec.name, values(spec.shape, i + 2))).collect();
    // The trapezoidal rule is exact to rounding for a sum of normals on a step well below their deviation.
    let (step, count) = (1.0 / 32.0, 1025);
    let grid = Tensor::from_fn([count, 1], |i| (i as f64 - 512.0) * step);
    let graph = Graph::<f64>::new();
    let v = graph.constant(grid.clone());
    let found = interpret(&[machine.log_likelihood(v)], &[], Some(&p)).unwrap().remove(0);
    let total: f64 = found.data().iter().map(|l| l.exp() * step).sum();
    assert_close(&[total], &[1.0], TOLERANCE);

    let (weight, a, b) = (&p["m.weight"], p["m.visible_bias"][[0]], &p["m.hidden_bias"]);
    let x = grid[[600, 0]];
    let unnormalised = |v: f64| -> f64 {
        let state = |h: usize| -> f64 {
            let on = |j: usize| (h >> j & 1) as f64;
            (-0.5 * (v - a) * (v - a) + (0..3).map(|j| on(j) * (b[[j]] + v * weight[[0, j]])).sum::<f64>())
                .exp()
        };
        (0..8).map(state).sum()
    };
    let partition: f64 = grid.data().iter().map(|&v| unnormalised(v) * step).sum();
    assert_close(&[found.data()[600]], &[(unnormalised(x) / partition).ln()], TOLERANCE);
}

#[test]
fn persistent_chains_go_on_where_they_were() {
    let machine = machine();
    let chains = machine.chains(8);
    let graph = Graph::<f64>::new();
    let declared = chains.declare(&graph);
    let v = graph.input("v", [3, VISIBLE]);
    let (loss, moved) = machine.persistent_divergence(v, declared, 1);
    let mut plan = Plan::builder(&graph).output("loss", loss).update(declared, moved).compile();
    plan.set_seed(3);
    let mut p = machine_parameters();
    p.insert(&chains.name, Tensor::zeros(chains.shape));
    let data = data();
    let mut seen = vec![p[&chains.name].clone()];
    for _ in 0..3 {
        plan.run(&mut p, &[("v", Feed::from(&data))]).unwrap();
        seen.push(p[&chains.name].clone());
    }
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "draws differ from run to run");
    // The third step again by the interpreter, from where the second ended.
    let mut start = machine_parameters();
    start.insert(&chains.name, seen[2].clone());
    let interpreter = Interpreter { parameters: &start, draw: Draw { seed: 3, run: 2 } };
    let again = interpreter.run(&graph, &[moved.id()], &[("v", Feed::from(&data))]).unwrap();
    assert_eq!(again.get(moved), &seen[3]);
}

/// `KL(N(μ, σ²) ‖ N(0, 1))` by the trapezoidal rule.
fn divergence_by_quadrature(mean: f64, log_variance: f64) -> f64 {
    let deviation = (0.5 * log_variance).exp();
    let step = deviation / 16.0;
    let log_density =
        |z: f64, m: f64, s: f64| -0.5 * ((z - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
    let term = |i: i32| {
        let z = mean + f64::from(i) * step;
        let q = log_density(z, mean, deviation);
        q.exp() * (q - log_density(z, 0.0, 1.0)) * step
    };
    // Twelve deviations on each side: the density beyond is below 1e-31.
    (-192..=192).map(term).sum()
}

#[test]
fn the_divergence_is_its_integral() {
    let graph = Graph::<f64>::new();
    let (mean, log_variance) = (graph.input("mean", [5, 3]), graph.input("log_variance", [5, 3]));
    let divergence = DiagonalNormal { mean, log_variance }.divergence();
    let (m, l) = (values([5, 3], 1), values([5, 3], 2));
    let feeds = [("mean", Feed::from(&m)), ("log_variance", Feed::from(&l))];
    let found = interpret(&[divergence], &feeds, None).unwrap().remove(0);
    let expected: Vec<f64> =
        (0..5).map(|k| (0..3).map(|i| divergence_by_quadrature(m[[k, i]], l[[k, i]])).sum()).collect();
    assert_close(found.data(), &expected, TOLERANCE);
    assert!(found.data().iter().all(|&d| d > 0.0));
}

/// A linear decoder with normal noise has a likelihood in closed form, `x ~ N(b, w wᵀ + s² I)`, and a posterior
/// that a linear encoder can hit exactly. Then the bound is tight. For one code it is a quadratic function
/// of the draw, whose mean over the normal distribution is that over the two draws -1 and 1.
#[test]
fn the_bound_is_tight_for_the_true_posterior() {
    let deviation = 0.7;
    let decoder = Linear::new("decoder", 1, 3);
    let model = VariationalAutoencoder::<f64>::new(
        "model",
        Linear::new("encoder", 3, 2),
        decoder,
        1,
        Likelihood::Normal { deviation },
    );
    let (w, b) = (values([1, 3], 1), values([3], 2));
    let variance = deviation * deviation;
    let precision = w.data().iter().map(|w| w * w).sum::<f64>() + variance;
    // Mean wᵀ(x - b) / (|w|² + s²), variance s² / (|w|² + s²).
    let gain: Vec<f64> = w.data().iter().map(|w| w / precision).collect();
    let offset = -gain.iter().zip(b.data()).map(|(g, b)| g * b).sum::<f64>();
    let mut p = Parameters::new();
    p.insert("decoder.weight", w.clone());
    p.insert("decoder.bias", b.clone());
    p.insert("encoder.weight", Tensor::from_fn([3, 2], |i| if i % 2 == 0 { gain[i / 2] } else { 0.0 }));
    p.insert("encoder.bias", Tensor::new([2], vec![offset, (variance / precision).ln()]));

    let graph = Graph::<f64>::new();
    let (x, noise) = (graph.input("x", [4, 3]), graph.input("noise", [4, 1]));
    let bound = model.lower_bound_at(x, noise, Mode::Train).value();
    let fed = values([4, 3], 5);
    let at = |draw: f64, p: &Parameters<f64>| {
        let draw = Tensor::full([4, 1], draw);
        let feeds = [("x", Feed::from(&fed)), ("noise", Feed::from(&draw))];
        interpret(&[bound], &feeds, Some(p)).unwrap().remove(0)
    };
    let mean = |p: &Parameters<f64>| -> Vec<f64> {
        at(-1.0, p).data().iter().zip(at(1.0, p).data()).map(|(a, b)| 0.5 * (a + b)).collect()
    };
    // (w wᵀ + s² I)⁻¹ = (I - w wᵀ / (|w|² + s²)) / s², and the determinant is s⁴ (|w|² + s²).
    let exact: Vec<f64> = (0..4)
        .map(|k| {
            let r: Vec<f64> = (0..3).map(|i| fed[[k, i]] - b[[i]]).collect();
            let along: f64 = r.iter().zip(w.data()).map(|(r, w)| r * w).sum();
            let square = (r.iter().map(|r| r * r).sum::<f64>() - along * along / precision) / variance;
            let log_determinant = 2.0 * variance.ln() + precision.ln();
            -0.5 * (square + log_determinant + 3.0 * std::f64::consts::TAU.ln())
        })
        .collect();
    assert_close(&mean(&p), &exact, TOLERANCE);
    // Any other encoder gives less.
    p.get_mut("encoder.bias").unwrap().data_mut()[0] += 0.1;
    assert!(mean(&p).iter().zip(&exact).all(|(bound, exact)| *bound < exact - 1e-3));
}

#[test]
fn bernoulli_likelihoods_are_products_of_probabilities() {
    let graph = Graph::<f64>::new();
    let (y, x) = (graph.input("y", [2, 1, 2]), graph.input("x", [2, 1, 2]));
    let found = Likelihood::Bernoulli.log_likelihood(y, x);
    let (logits, bits) = (values([2, 1, 2], 1), Tensor::new([2, 1, 2], vec![0.0, 1.0, 1.0, 1.0]));
    let feeds = [("y", Feed::from(&logits)), ("x", Feed::from(&bits))];
    let found = interpret(&[found], &feeds, None).unwrap().remove(0);
    let probability = |i: usize| {
        let on = 1.0 / (1.0 + (-logits.data()[i]).exp());
        if bits.data()[i] == 1.0 { on } else { 1.0 - on }
    };
    let expected = [(probability(0) * probability(1)).ln(), (probability(2) * probability(3)).ln()];
    assert_close(found.data(), &expected, TOLERANCE);
}

fn panic_text(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *std::panic::catch_unwind(work).expect_err("it is refused").downcast::<String>().expect("a text")
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(
        panic_text(|| _ = machine().free_energy(Graph::<f32>::new().input("v", [2, 5]))),
        "the Boltzmann machine `m` has visible units [n, 4], not [2, 5]"
    );
    assert_eq!(
        panic_text(|| _ = machine().visible_mean(Graph::<f32>::new().input("h", [4]))),
        "the Boltzmann machine `m` has hidden units [n, 4], not [4]"
    );
    assert_eq!(
        panic_text(|| _ = BoltzmannMachine::new("m", 2, 17).log_partition(&Graph::<f32>::new())),
        "the Boltzmann machine `m` has 2^17 states of hidden units, too many to add up"
    );
    let model = |outputs, pixels| {
        let (encoder, decoder) = (Linear::new("encoder", 6, outputs), Linear::new("decoder", 2, pixels));
        VariationalAutoencoder::<f32>::new("model", encoder, decoder, 2, Likelihood::Bernoulli)
    };
    let bound = |model: VariationalAutoencoder<f32>| {
        panic_text(std::panic::AssertUnwindSafe(|| {
            let graph = Graph::new();
            model.lower_bound(graph.input("x", [3, 6]), Mode::Train);
        }))
    };
    assert_eq!(
        bound(model(3, 6)),
        "the encoder of `model` gives [3, 3], not [n, 4]: 2 means and 2 log-variances"
    );
    assert_eq!(
        bound(model(4, 5)),
        "the likelihood of data of shape [3, 6] from a decoder's output of shape [3, 5]"
    );
}
