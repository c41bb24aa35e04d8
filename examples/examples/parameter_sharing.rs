//! Sharing: a convolution is a dense layer with tied weights, and soft sharing becomes tying.
//!
//! `cargo run --release -p examples --example parameter_sharing`
//!
//! *Deep Learning*, sections 7.9 and 9.4. The first part prints the dense matrix that a kernel is: a letter for each
//! of the kernel's entries, a dot for a zero. The layer with this matrix and the convolution are the same function,
//! and the gradient of a letter is the sum of the gradients of all its places.
//!
//! In the second part two classifiers learn the digits, each from few examples, the second's with faint ink on grey
//! paper: related tasks, with labels in common. The penalty `β/2 ‖w_A - w_B‖²` draws their weights
//! together; at `β = 0` they are strangers, and as `β → ∞` they become the one tied network.

use autograd::{Feed, Graph, Parameters, Tensor, Window, grad, interpret};
use nn::data::{Dataset, digits};
use nn::loss::{Reduction, cross_entropy};
use nn::train::Evaluator;
use nn::{Convolution, Layer, Lbfgs, Linear, Mode, Selection, initialise_parameters};
use regularize::sharing::{tie, tied_dense};
use regularize::{L2, Penalties, RegularizeError, SoftSharing};

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
fn tasks() -> Result<[[Dataset; 2]; 2], RegularizeError> {
    let [a, b, test, _] = digits::load()?.flattened().split([0.03, 0.03, 0.5, 0.44], 1)?;
    let dimmed = |data: &Dataset| {
        let examples = data.examples();
        let half = Tensor::from_fn(examples.shape(), |i| 0.6 * examples.data()[i] + 0.1);
        Dataset::new(half, data.labels().clone(), 10)
    };
    Ok([[a, test.clone()], [dimmed(&b)?, dimmed(&test)?]])
}

/// Errors on the two tests and the distance of the weights, at the minimum with soft sharing, or tied.
///
/// Some L2 makes that minimum unique, and L-BFGS in double precision finds it however stiff the penalty is.
fn train(beta: Option<f64>) -> Result<([f64; 2], f64), RegularizeError> {
    let tasks = tasks()?;
    let layers = ["a", "b"].map(|name| Linear::new(name, 64, 10));
    let specs: Vec<_> = layers.iter().flat_map(Layer::<f64>::parameters).collect();
    let graph = Graph::<f64>::new();
    let mut losses = Vec::new();
    for (layer, [data, _]) in layers.iter().zip(&tasks) {
        let logits = layer.forward(graph.constant(data.examples().cast()), Mode::Train);
        losses.push(cross_entropy(logits, graph.index_constant(data.labels().clone()), Reduction::Mean));
    }
    let decay = Penalties::new().with(Selection::weights(), L2::new(1e-3)?);
    let loss = decay.added_to(losses[0] + losses[1], &specs);
    let (objective, learned) = match beta {
        Some(beta) => (SoftSharing::new(beta)?.between("a.", "b.").added_to(loss, &specs), &specs[..]),
        None => {
            let pair = |i: usize| [specs[i].declare(&graph), specs[i + 2].declare(&graph)];
            let weights = tie(&[loss], &pair(0));
            (tie(&weights, &pair(1))[0], &specs[..2])
        }
    };
    let mut parameters: Parameters<f64> = initialise_parameters(&specs, 1);
    let lbfgs = Lbfgs { gradient_norm: 1e-9, iterations: 5000, ..Lbfgs::default() };
    lbfgs.minimise(objective, learned, &mut parameters, &[])?;
    if beta.is_none() {
        for kind in ["weight", "bias"] {
            let one = parameters[format!("a.{kind}").as_str()].clone();
            parameters.insert(&format!("b.{kind}"), one);
        }
    }
    let mut errors = [0.0; 2];
    for (i, (layer, [_, test])) in layers.iter().zip(&tasks).enumerate() {
        errors[i] = Evaluator::<f32>::new(layer, 256).evaluate(test, &parameters.cast())?.error;
    }
    let pairs = parameters["a.weight"].data().iter().zip(parameters["b.weight"].data());
    Ok((errors, pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()))
}

fn main() -> Result<(), RegularizeError> {
    as_a_matrix()?;
    println!("Two classifiers of digits, few examples each, the second's faint: test error.\n");
    println!("          β    first   second   ‖w_A - w_B‖   times β");
    for beta in [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0] {
        let ([a, b], apart) = train(Some(beta))?;
        println!("  {beta:9} {:8.1} {:8.1} {apart:13.5} {:9.4}", 100.0 * a, 100.0 * b, beta * apart);
    }
    let ([a, b], apart) = train(None)?;
    println!("  {:>9} {:8.1} {:8.1} {apart:13.5}", "tied", 100.0 * a, 100.0 * b);
    println!("\nFor large β the distance falls as 1/β: tying is the limit.");
    Ok(())
}
