use super::*;
use crate::error::RegularizeError;
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::{Draw, Feed, Graph, Interpreter, Parameters, Shape, Tensor, Var, Window, grad, interpret};
use nn::{
    Activation, Convolution, Layer, Linear, Mode, Optimiser, ParameterSpec, Role, Sequential, initialise,
};
use proptest::prelude::*;

// --- soft sharing

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn soft_sharing_is_half_the_squared_distance(shape in crate::testing::shapes(), beta in 0.0..4.0, seed: u64) {
        let (a, b) = (numbers(shape, -2.0, 2.0, seed), numbers(shape, -2.0, 2.0, seed ^ 1));
        let naive: f64 = a.data().iter().zip(b.data()).map(|(a, b)| beta / 2.0 * (a - b) * (a - b)).sum();
        let found = value(&[a, b, Tensor::scalar(beta)], |x| soft_sharing_penalty(x[0], x[1], x[2]));
        // At most 27 terms of order ten.
        assert_close(found.item(), naive, 1e-14);
    }

    /// Of two quadratic losses `h/2 (w - m)²` with soft sharing: the closed form of the minimum, for each number.
    #[test]
    fn soft_sharing_draws_two_minima_together(
        h in prop::array::uniform2(0.2..3.0f64), m in prop::array::uniform2(-2.0..2.0f64), beta in 0.01..4.0f64,
    ) {
        let [a, b] = shared_minimum(h, m, beta);
        let inverse = 1.0 / (1.0 / h[0] + 1.0 / h[1] + 1.0 / beta);
        let force = inverse * (m[0] - m[1]);
        assert_close(a, m[0] - force / h[0], 1e-10);
        assert_close(b, m[1] + force / h[1], 1e-10);
    }

    /// A random kernel's convolution is the product with its tied matrix; so are both gradients.
    #[test]
    fn a_convolution_is_a_tied_dense_layer(
        (inputs, outputs) in (1usize..3, 1usize..4), size in prop::array::uniform2(1usize..4),
        stride in prop::array::uniform2(1usize..3), padding in prop::array::uniform2(0usize..2),
        dilation in prop::array::uniform2(1usize..3), extra in prop::array::uniform2(0usize..3), seed: u64,
    ) {
        let window = Window { stride, padding, dilation, ..Window::new(size) };
        // The smallest image in which a window fits, and somewhat more.
        let image: [usize; 2] =
            [0, 1].map(|a| (dilation[a] * (size[a] - 1) + 1).saturating_sub(2 * padding[a]).max(1) + extra[a]);
        let [rows, columns] = window.count(image).unwrap();
        let graph = Graph::<f64>::new();
        let layer = Convolution::new("c", inputs, outputs, window).without_bias();
        let x = graph.input("x", [2, inputs, image[0], image[1]]);
        let kernel = Layer::<f64>::parameters(&layer)[0].declare(&graph);
        let convolved = layer.forward(x, Mode::Train);
        let product = x.flatten(1).matmul(tied_dense(kernel, window, image)).reshape(convolved.shape());
        let direction = graph.constant(numbers(convolved.shape(), -1.0, 1.0, seed ^ 2));
        let mut wanted = Vec::new();
        for y in [convolved, product] {
            wanted.push(y);
            wanted.extend(grad((y.powi(2) * direction).sum(), &[x, kernel]));
        }
        let parameters: Parameters<f64> = [("c.weight", numbers(kernel.shape(), -1.0, 1.0, seed))].into_iter().collect();
        let images = numbers(x.shape(), -1.0, 1.0, seed ^ 1);
        let found = interpret(&wanted, &[("x", Feed::from(&images))], Some(&parameters)).unwrap();
        prop_assert_eq!(convolved.shape(), Shape::from([2, outputs, rows, columns]));
        for (a, b) in found[..3].iter().zip(&found[3..]) {
            // The same products of numbers below 1, added in another order: up to a hundred of order ten.
            a.data().iter().zip(b.data()).for_each(|(a, b)| assert_close(*a, *b, 1e-12));
        }
    }
}

/// Where descent on `h₁/2 (a - m₁)² + h₂/2 (b - m₂)² + β/2 (a - b)²` ends.
fn shared_minimum(h: [f64; 2], m: [f64; 2], beta: f64) -> [f64; 2] {
    let graph = Graph::<f64>::new();
    let specs = ["a.w", "b.w"].map(|name| ParameterSpec { name: name.into(), ..crate::testing::weight(1) });
    let [a, b] = [0, 1].map(|i| specs[i].declare(&graph));
    let loss = ((a - m[0]).powi(2) * h[0] + (b - m[1]).powi(2) * h[1]).sum() * 0.5;
    let loss = SoftSharing::new(beta).unwrap().between("a.", "b.").added_to(loss, &specs);
    let mut parameters: Parameters<f64> = specs.iter().map(|s| (&*s.name, Tensor::zeros([1]))).collect();
    nn::Lbfgs { gradient_norm: 1e-13, ..nn::Lbfgs::default() }
        .minimise(loss, &specs, &mut parameters, &[])
        .unwrap();
    ["a.w", "b.w"].map(|name| parameters[name].data()[0])
}

#[test]
fn derivatives_of_soft_sharing_are_right() {
    let values = [numbers([2, 3], -2.0, 2.0, 1), numbers([2, 3], -2.0, 2.0, 2), Tensor::scalar(0.7)];
    check("soft_sharing_penalty", &values, |x| soft_sharing_penalty(x[0], x[1], x[2]));
}

/// `β → ∞`: the distance falls as `1/β`, and what both go to is the minimum of the tied loss.
#[test]
fn soft_sharing_becomes_tying() {
    let (h, m) = ([2.0, 0.5], [1.0, -0.6]);
    let tied = (h[0] * m[0] + h[1] * m[1]) / (h[0] + h[1]);
    for beta in [1e2, 1e3, 1e4] {
        let [a, b] = shared_minimum(h, m, beta);
        // The force between them at the tied point, over β; the next order is smaller by h/β.
        let force = h[0] * (m[0] - tied);
        assert!(((a - b) * beta / force - 1.0).abs() < 4.0 / beta, "{a} and {b} at β = {beta}");
        assert!((a - tied).abs() < 2.0 * force / beta && (b - tied).abs() < 4.0 * force / beta);
    }
}

fn two_parts() -> Vec<ParameterSpec> {
    let part = |prefix| Sequential::<f64>::with_prefix(prefix).linear(3, 2).parameters();
    [part("a"), part("b")].concat()
}

#[test]
fn soft_sharing_of_zero_leaves_the_graph_as_it_is() {
    let graph = Graph::<f64>::new();
    let objective = graph.scalar("objective");
    let none = SoftSharing::new(0.0).unwrap().between("a.", "b.");
    assert_eq!(none.added_to(objective, &two_parts()).id(), objective.id());
    assert_eq!(SoftSharing::new(1.0).unwrap().added_to(objective, &two_parts()).id(), objective.id());
    assert_eq!(graph.len(), 1);
}

#[test]
fn what_cannot_be_shared_is_refused() {
    for beta in [-1.0, f64::NAN, f64::INFINITY] {
        let error = SoftSharing::new(beta).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the soft sharing coefficient is {beta}, it must be finite and at least 0")
        );
    }
    let mut specs = two_parts();
    let between = |a, b| SoftSharing::new(1.0).unwrap().between(a, b);
    let pairs = between("a.", "b.").pairs(&specs).unwrap().len();
    assert_eq!(pairs, 2);
    let text = between("c.", "b.").pairs(&specs).unwrap_err().to_string();
    assert!(text.starts_with("the selection `named c.` chooses none of the parameters"), "{text}");
    let text = between("a.", "c.").pairs(&specs).unwrap_err().to_string();
    assert!(text.starts_with("there is no parameter `c.linear1.weight`"), "{text}");
    specs[2].shape = [9, 2].into();
    assert_eq!(
        between("a.", "b.").pairs(&specs).unwrap_err().to_string(),
        "`a.linear1.weight` is [3, 2], `b.linear1.weight` is [9, 2]: they cannot be shared"
    );
    specs[2] = ParameterSpec { role: Role::State, ..specs[0].clone() };
    specs[2].name = "b.linear1.weight".into();
    assert!(matches!(between("a.", "b.").pairs(&specs), Err(RegularizeError::MissingParameter { .. })));
}

// --- tying

/// The gradient of the tied loss is the sum of the gradients of the copies, where the copies are equal.
#[test]
fn a_tied_gradient_is_the_sum_over_the_copies() {
    let graph = Graph::<f64>::new();
    let copies = ["a", "b", "c"].map(|name| graph.input(name, [3, 3]));
    let x = graph.constant(numbers([2, 3], -1.0, 1.0, 1));
    let h = x.matmul(copies[0]).tanh().matmul(copies[1]).sigmoid().matmul_transposed(copies[2], false, true);
    let loss = h.powi(2).sum();
    let untied = grad(loss, &copies);
    let tied = tie(&[loss], &copies)[0];
    let slope = grad(tied, &copies[..1])[0];
    assert!(autograd::try_grad(tied, &copies[1..2]).is_err(), "the copies are gone");
    let w = numbers([3, 3], -1.0, 1.0, 2);
    let feeds = ["a", "b", "c"].map(|name| (name, Feed::from(&w)));
    let found = interpret(&[loss, tied, slope, untied[0], untied[1], untied[2]], &feeds, None).unwrap();
    assert_eq!(found[0], found[1]);
    for i in 0..9 {
        let sum: f64 = found[3..].iter().map(|copy| copy.data()[i]).sum();
        // Three terms of order one.
        assert_close(found[2].data()[i], sum, 1e-15);
    }
}

#[test]
fn nothing_tied_is_the_same_variable() {
    let graph = Graph::<f64>::new();
    let (a, b) = (graph.scalar("a"), graph.scalar("b"));
    let y = a * b;
    assert_eq!(tie(&[y], &[])[0].id(), y.id());
    assert_eq!(tie(&[y], &[a])[0].id(), y.id());
}

/// Two layers of three tied: what a network of shared names does, step by step, bit for bit.
#[test]
fn tied_layers_train_as_layers_of_one_name() {
    let model = |second: Box<dyn Layer<f64>>| {
        Sequential::<f64>::new()
            .then(Linear::new("a", 4, 4))
            .then(Activation::Tanh)
            .then(second)
            .then(Linear::new("out", 4, 3))
    };
    let ties = [("b.weight", "a.weight"), ("b.bias", "a.bias")];
    let tied = model(Box::new(Tied::new::<f64>(Linear::new("b", 4, 4), &ties).unwrap()));
    let named = model(Box::new(Linear::new("a", 4, 4)));
    assert_eq!(tied.parameters(), named.parameters());
    let train = |model: &Sequential<f64>| {
        let graph = Graph::new();
        let x = graph.constant(numbers([5, 4], -1.0, 1.0, 3));
        let loss = model.forward(x, Mode::Train).powi(2).mean();
        let step = Optimiser::momentum(0.1, 0.9).minimise(loss, &model.parameters());
        let mut plan = step.add_to(autograd::Plan::builder(&graph)).compile();
        let mut parameters = initialise(model, 1);
        step.initialise_state(&mut parameters);
        for _ in 0..5 {
            plan.run(&mut parameters, &[(nn::LEARNING_RATE, Feed::from(0.1))]).unwrap();
        }
        parameters
    };
    assert_eq!(train(&tied), train(&named));
}

#[test]
fn what_comes_before_a_tied_layer_keeps_its_weights() {
    // The layer before uses the very parameter that the tied layer replaces in itself.
    let graph = Graph::<f64>::new();
    let x = Linear::new("b", 2, 2).forward(graph.constant(Tensor::full([1, 2], 1.0)), Mode::Train);
    let tied = Tied::new::<f64>(Linear::new("b", 2, 2), &[("b.weight", "a.weight")]).unwrap();
    let y: Var<'_, f64> = tied.forward(x, Mode::Train);
    let parameters: Parameters<f64> = [
        ("a.weight", Tensor::full([2, 2], 3.0)),
        ("b.weight", Tensor::full([2, 2], 1.0)),
        ("b.bias", Tensor::zeros([2])),
    ]
    .into_iter()
    .collect();
    // 1·1 + 1·1 = 2 by b, then 2·3 + 2·3 by a.
    assert_eq!(run(y, &parameters, Draw::default()).data(), [12.0, 12.0]);
    let interpreter = Interpreter { parameters: &parameters, draw: Draw::default() };
    assert!(interpreter.run(&graph, &[y.id()], &[]).is_ok());
}

#[test]
fn ties_of_what_is_not_there_are_refused() {
    let error = Tied::<Linear>::new::<f64>(Linear::new("b", 4, 4), &[("c.weight", "a.weight")]).unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter `c.weight`; there are: b.weight, b.bias");
}

// --- convolution

#[test]
fn derivatives_through_the_tied_matrix_are_right() {
    let window = Window { padding: [1, 0], ..Window::new([2, 2]) };
    check("tied_dense", &[numbers([2, 2, 2, 2], -1.0, 1.0, 1)], |x| {
        tied_dense(x[0], window, [3, 3]).powi(3).sum()
    });
}

#[test]
fn a_kernel_of_the_images_size_is_a_dense_layer_without_sharing() {
    let kernel = numbers([2, 3, 3, 4], -1.0, 1.0, 1);
    let found = value(std::slice::from_ref(&kernel), |x| tied_dense(x[0], Window::new([3, 3]), [3, 3]));
    assert_eq!(found, kernel.reshape([18, 4]));
}

#[test]
#[should_panic(expected = "tied_dense: a kernel is [in, kh, kw, out], not [2, 2]")]
fn a_matrix_is_no_kernel() {
    value(&[Tensor::zeros([2, 2])], |x| tied_dense(x[0], Window::new([2, 2]), [3, 3]));
}

#[test]
#[should_panic(expected = "tied_dense: no window fits in [2, 2]")]
fn a_window_must_fit() {
    value(&[Tensor::zeros([1, 3, 3, 1])], |x| tied_dense(x[0], Window::new([3, 3]), [2, 2]));
}
