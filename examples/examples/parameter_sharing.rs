//! Sharing: a convolution is a dense layer with tied weights, and soft sharing becomes tying.
//!
//! `cargo run --release -p examples --example parameter_sharing`
//!
//! *Deep Learning*, sections 7.9 and 9.4. The first part prints the dense matrix that a kernel is: a letter
//! for each of the kernel's entries, a dot for a zero. The layer with this matrix and the convolution are the
//! same function, and the gradient of a letter is the sum of the gradients of all its places.
//!
//! In the second part two classifiers learn the digits, each from few examples, the second's with faint ink
//! on grey paper: related tasks, with labels in common. The penalty `β/2 ‖w_A - w_B‖²` draws their weights
//! together; at `β = 0` they are strangers, and as `β → ∞` they become the one tied network. That is also
//! trained: [`Tied`] puts the first's parameters in the place of the second's. It can leave the second its
//! own biases, since its paper is grey: no help here.

use autograd::{Feed, Graph, Parameters, Tensor, Var, Window, grad, interpret};
use nn::data::{Dataset, digits};
use nn::loss::{Reduction, cross_entropy};
use nn::parameter::merge_parameters;
use nn::train::Evaluator;
use nn::{Convolution, Layer, Lbfgs, Linear, Mode, Selection, initialise_parameters};
use regularize::sharing::{tie, tied_dense};
use regularize::{L2, Penalties, RegularizeError, SoftSharing, Tied};

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 8;

fn as_a_matrix() -> Result<(), RegularizeError> {
    let (window, image) = (Window::new([2, 2]), [3, 4]);
    let graph = Graph::<f64>::new();
    let letters = graph.constant(Tensor::from_fn([1, 2, 2, 1], |i| i as f64 + 1.0));
    let matrix = interpret(&[tied_dense(letters, window, image)], &[], None)?.remove(0);
    println!("The kernel  a b  on an image of 3 by 4 pixels: 12 inputs (rows), 6 results.");
    println!("            c d\n");
    for row in matrix.data().chunks(matrix.shape().last()) {
        let marks: Vec<&str> = row.iter().map(|&e| [".", "a", "b", "c", "d"][e as usize]).collect();
        println!("      {}", marks.join(" "));
    }

    // On real images, with more of everything.
    let window = Window { padding: [1, 1], stride: [2, 2], ..Window::new([3, 3]) };
    let graph = Graph::<f64>::new();
    let layer = Convolution::new("c", 1, 4, window).without_bias();
    let specs = Layer::<f64>::parameters(&layer);
    let images =
        digits::load()?.subset(&[0, 1, 2, 3, 4, 5, 6, 7])?.examples().cast::<f64>().reshape([8, 1, 8, 8]);
    let (x, kernel) = (graph.input("x", images.shape()), specs[0].declare(&graph));
    let convolved = layer.forward(x, Mode::Train);
    let dense = tied_dense(kernel, window, [8, 8]);
    let product = x.flatten(1).matmul(dense).reshape(convolved.shape());
    let slopes = [convolved, product].map(|y| grad(y.tanh().sum(), &[kernel])[0]);
    let parameters = initialise_parameters(&specs, 1);
    let wanted = [convolved, product, slopes[0], slopes[1]];
    let found = interpret(&wanted, &[("x", Feed::from(&images))], Some(&parameters))?;
    let apart = |a: &Tensor<f64>, b: &Tensor<f64>| {
        a.data().iter().zip(b.data()).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()))
    };
    println!("\nEight digits, a 3 by 3 kernel with stride 2, four maps, against its matrix:");
    println!("  numbers learned      {:>6} for {} entries", kernel.shape().numel(), dense.shape().numel());
    println!("  results apart by     {:.1e}", apart(&found[0], &found[1]));
    println!("  gradients apart by   {:.1e}\n", apart(&found[2], &found[3]));
    Ok(())
}

/// Digits, and others with fainter ink on grey paper: `x -> 0.6 x + 0.1`.
fn tasks(seed: u64) -> Result<[[Dataset<f64>; 2]; 2], RegularizeError> {
    let digits = digits::load()?.flattened().cast::<f64>();
    let [a, b, test, _] = digits.split([0.03, 0.03, 0.5, 0.44], seed)?;
    let dimmed = |data: &Dataset<f64>| {
        let examples = data.examples();
        let half = Tensor::from_fn(examples.shape(), |i| 0.6 * examples.data()[i] + 0.1);
        Dataset::new(half, data.labels().clone(), 10)
    };
    Ok([[a, test.clone()], [dimmed(&b)?, dimmed(&test)?]])
}

/// The sum of both tasks' losses.
fn loss<'g>(
    graph: &'g Graph<f64>,
    layers: &[Box<dyn Layer<f64>>; 2],
    tasks: &[[Dataset<f64>; 2]; 2],
) -> Var<'g, f64> {
    let [first, second] = [0, 1].map(|i: usize| {
        let data = &tasks[i][0];
        let logits = layers[i].forward(graph.constant(data.examples().clone()), Mode::Train);
        cross_entropy(logits, graph.index_constant(data.labels().clone()), Reduction::Mean)
    });
    first + second
}

/// Where two copies are equal, the gradient of the one that is tied is the sum of theirs.
fn gradients_add_up() -> Result<(), RegularizeError> {
    let layers = ["a", "b"].map(|name| -> Box<dyn Layer<f64>> { Box::new(Linear::new(name, 64, 10)) });
    let (graph, specs) = (Graph::new(), merge_parameters(layers.each_ref().map(|layer| layer.parameters())));
    let untied = loss(&graph, &layers, &tasks(1)?);
    let [a, b] = ["a.weight", "b.weight"]
        .map(|name| specs.iter().find(|spec| spec.name == name).expect("a layer's weight").declare(&graph));
    let tied = tie(&[untied], &[a, b])[0];
    let (copies, one) = (grad(untied, &[a, b]), grad(tied, &[a])[0]);
    let mut parameters: Parameters<f64> = initialise_parameters(&specs, 1);
    parameters.insert("b.weight", parameters["a.weight"].clone());
    let found = interpret(&[copies[0] + copies[1], one], &[], Some(&parameters))?;
    let apart = found[0].data().iter().zip(found[1].data()).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    println!("\nThe gradient of tied weights and the sum of the copies' are apart by {apart:.0e}.");
    Ok(())
}

/// What the two classifiers have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sharing {
    /// The penalty of this coefficient.
    Soft(f64),
    /// The weights; each has a bias of its own.
    TiedWeights,
    /// All.
    Tied,
}

/// Errors on the two tests in per cent and the distance of the weights, at the minimum.
///
/// Some L2 makes that minimum unique, and L-BFGS in double precision finds it however stiff the penalty is.
fn train(sharing: Sharing, seed: u64) -> Result<[f64; 3], RegularizeError> {
    let tasks = tasks(seed)?;
    let second = Linear::new("b", 64, 10);
    let (weight, bias) = (("b.weight", "a.weight"), ("b.bias", "a.bias"));
    let second: Box<dyn Layer<f64>> = match sharing {
        Sharing::Soft(_) => Box::new(second),
        Sharing::TiedWeights => Box::new(Tied::new::<f64>(second, &[weight])?),
        Sharing::Tied => Box::new(Tied::new::<f64>(second, &[weight, bias])?),
    };
    let layers: [Box<dyn Layer<f64>>; 2] = [Box::new(Linear::new("a", 64, 10)), second];
    // A tied parameter is declared by both, and is one.
    let specs = merge_parameters(layers.each_ref().map(|layer| layer.parameters()));
    let graph = Graph::new();
    let mut objective = loss(&graph, &layers, &tasks);
    // A tied weight is the weight of both, and is penalised for both.
    let decay = if let Sharing::Soft(_) = sharing { 1e-3 } else { 2e-3 };
    objective = Penalties::new().with(Selection::weights(), L2::new(decay)?).added_to(objective, &specs);
    if let Sharing::Soft(beta) = sharing {
        objective = SoftSharing::new(beta)?.between("a.", "b.").added_to(objective, &specs);
    }
    let mut parameters: Parameters<f64> = initialise_parameters(&specs, seed);
    let lbfgs = Lbfgs { gradient_norm: 1e-9, iterations: 5000, ..Lbfgs::default() };
    lbfgs.minimise(objective, &specs, &mut parameters, &[])?;
    let mut found = [0.0; 3];
    for (i, (layer, [_, test])) in layers.iter().zip(&tasks).enumerate() {
        found[i] = 100.0 * Evaluator::new(&**layer, 256).evaluate(test, &parameters)?.error;
    }
    let [a, b] = layers.each_ref().map(|layer| parameters[layer.parameters()[0].name.as_str()].data());
    found[2] = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    Ok(found)
}

fn main() -> Result<(), RegularizeError> {
    as_a_matrix()?;
    println!("Two classifiers of digits, few examples each, the second's faint: test error in");
    println!("%, mean of {SEEDS} seeds ± standard error, and how much less than for β = 0, mean of");
    println!("both.\n");
    println!("          shared         first       second   ‖w_A - w_B‖  times β        less");
    let betas = [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0].map(Sharing::Soft);
    let mut strangers = Vec::new();
    for sharing in betas.into_iter().chain([Sharing::TiedWeights, Sharing::Tied]) {
        let found = (1..=SEEDS).map(|seed| train(sharing, seed)).collect::<Result<Vec<_>, _>>()?;
        let [first, second, apart] = [0, 1, 2].map(|i: usize| Mean::of(found.iter().map(|found| found[i])));
        let together: Vec<f64> = found.iter().map(|found| (found[0] + found[1]) / 2.0).collect();
        let (name, times) = match sharing {
            Sharing::Soft(beta) => (format!("β = {beta}"), format!("{:.4}", beta * apart.mean)),
            Sharing::TiedWeights => ("tied, own biases".into(), String::new()),
            Sharing::Tied => ("tied".into(), String::new()),
        };
        let less = match sharing {
            Sharing::Soft(0.0) => String::new(),
            _ => format!("{:+.1}", Mean::of(together.iter().zip(&strangers).map(|(new, old)| old - new))),
        };
        println!("{name:>16} {first:>13.1}{second:>13.1}{:14.5}{times:>9}{less:>12}", apart.mean);
        if sharing == Sharing::Soft(0.0) {
            strangers = together;
        }
    }
    println!("\nFor large β the distance falls as 1/β: tying is the limit.");
    gradients_add_up()
}
