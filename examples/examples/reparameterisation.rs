//! Weight and spectral normalisation: how far a network can stretch a difference of its inputs.
//!
//! `cargo run --release -p examples --example reparameterisation`
//!
//! A rectifier network with the matrices `W₁, W₂, W₃` stretches no difference of two inputs by more than `σ₁(W₁)
//! σ₁(W₂) σ₁(W₃)`, the product of the largest singular values (Miyato et al., ICLR 2018). Trained plainly that
//! grows as far as the data let it; with weight normalisation lengths and directions are learned apart, which bounds
//! nothing; with spectral normalisation to `c` it is near `c³`, as far as
//! one round of power iteration per step keeps up with the weights.
//!
//! It trains each on the digits and prints the largest singular values of the matrices that the layers multiply
//! with, their product, the largest stretch that is seen among pairs of validation digits, and the error.

use autograd::{Graph, Parameters, Tensor, interpret};
use nn::data::{Dataset, digits};
use nn::train::Evaluator;
use nn::{Activation, Layer, Linear, Optimiser, Sequential, Trainer, initialise};
use regularize::reparameterisation::power_iteration;
use regularize::{RegularizeError, SpectralNorm, WeightNorm};

const WIDTHS: [usize; 4] = [64, 32, 32, 10];

/// A network whose layers are wrapped.
fn network<L: Layer<f32> + 'static>(wrap: impl Fn(Linear) -> L) -> Sequential<f32> {
    let mut network = Sequential::new();
    for (number, pair) in WIDTHS.windows(2).enumerate() {
        network = network.then(wrap(Linear::new(&format!("linear{}", number + 1), pair[0], pair[1])));
        if number + 2 < WIDTHS.len() {
            network = network.then(Activation::Relu);
        }
    }
    network
}

/// The largest singular value of what a layer multiplies with: of its results for unit vectors, less the bias.
fn largest(
    layer: &dyn Layer<f32>,
    parameters: &Parameters<f32>,
    inputs: usize,
) -> Result<f64, RegularizeError> {
    let graph = Graph::new();
    let unit = Tensor::from_fn([inputs, inputs], |i| f32::from(u8::from(i / inputs == i % inputs)));
    let at = |x: Tensor<f32>| layer.forward(graph.constant(x), nn::Mode::Evaluate);
    let matrix = at(unit) - at(Tensor::zeros([inputs, inputs]));
    let outputs = matrix.shape().last();
    let sigma = power_iteration(matrix, graph.fill([outputs], 1.0), 300).sigma;
    Ok(f64::from(interpret(&[sigma], &[], Some(parameters))?[0].item()))
}

/// The largest ratio of distances after and before the network, among pairs of neighbours in the list.
fn stretch(data: &Dataset, logits: &Tensor<f32>) -> f64 {
    let distance = |t: &Tensor<f32>, a: usize, b: usize| {
        let width = t.shape().last();
        let row = |n: usize| &t.data()[n * width..(n + 1) * width];
        row(a).iter().zip(row(b)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let pairs = (0..data.len()).flat_map(|a| (a + 1..data.len()).map(move |b| (a, b)));
    pairs
        .map(|(a, b)| distance(logits, a, b) / distance(data.examples(), a, b))
        .filter(|ratio| ratio.is_finite())
        .fold(0.0, f64::max)
}

fn report(name: &str, model: &Sequential<f32>) -> Result<(), RegularizeError> {
    let [train, validation] = digits::load()?.flattened().split([0.7, 0.3], 1)?;
    let mut parameters = initialise(model, 1);
    Trainer::new(model, Optimiser::adam(0.005)).epochs(30).seed(1).fit(&train, None, &mut parameters)?;
    let mut evaluator = Evaluator::new(model, 256);
    let error = evaluator.evaluate(&validation, &parameters)?.error;
    let logits = evaluator.logits(&validation, &parameters)?;
    let mut values = Vec::new();
    for (number, pair) in WIDTHS.windows(2).enumerate() {
        // Activations stand between the layers.
        values.push(largest(&model.layers()[2 * number], &parameters, pair[0])?);
    }
    let shown: String = values.iter().map(|sigma| format!("{sigma:8.3}")).collect();
    let bound: f64 = values.iter().product();
    println!("  {name:<18}{shown}{bound:10.2}{:12.2}{:11.1} %", stretch(&validation, &logits), 100.0 * error);
    Ok(())
}

fn main() -> Result<(), RegularizeError> {
    println!("A 64-32-32-10 network on the digits, 30 epochs.\n");
    println!("                    largest singular values    bound  largest seen   error");
    report("plain", &network(|linear| linear))?;
    report("weight norm", &network(WeightNorm::new))?;
    for bound in [3.0, 2.0, 1.0] {
        let wrap = |linear| SpectralNorm::new(linear).bound(bound).expect("a bound above 0");
        report(&format!("spectral norm, {bound}"), &network(wrap))?;
    }
    println!("\nUnder spectral normalisation every layer stretches as far as it may. Somewhat");
    println!("more, in fact: the estimate of one round per step lags behind the last weights.");
    Ok(())
}
