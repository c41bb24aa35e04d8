//! What is composed against its parts, and tied parameters against the sum over their uses.

use super::*;
use crate::layers::tests::{integers, run};
use crate::layers::{Activation, Embedding, Linear, Sequential};
use crate::{Optimiser, initialise};
use autograd::{Feed, Graph, Parameters, Tensor, grad, interpret};

/// Parameters of small integers: sums are exact in any order.
fn parameters(specs: &[ParameterSpec]) -> Parameters<f64> {
    let mut parameters = Parameters::new();
    for spec in specs {
        parameters.insert(&spec.name, integers(spec.shape, spec.name.len()));
    }
    parameters
}

/// Element by element.
fn plus(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    Tensor::from_fn(a.shape(), |i| a.data()[i] + b.data()[i])
}

#[test]
fn residual_and_parallel_are_made_of_their_parts() {
    let (f, g) = (Linear::new("f", 3, 3), Linear::new("g", 3, 3));
    let x = integers([4, 3].into(), 1);
    let parameters = parameters(&merge_parameters([&f, &g].map(Layer::<f64>::parameters)));
    let (fx, gx) = (run(&f, &x, &parameters), run(&g, &x, &parameters));
    let (f, g) = (|| f.clone(), || g.clone());
    assert_eq!(run(&Residual::new(f()), &x, &parameters), plus(&x, &fx));
    assert_eq!(run(&Residual::new(f()).with_projection(g()), &x, &parameters), plus(&gx, &fx));
    assert_eq!(run(&Parallel::summed().branch(f()).branch(g()), &x, &parameters), plus(&fx, &gx));
    let beside = run(&Parallel::concatenated(1).branch(f()).branch(g()), &x, &parameters);
    for row in 0..4 {
        for column in 0..3 {
            assert_eq!(beside[[row, column]], fx[[row, column]]);
            assert_eq!(beside[[row, 3 + column]], gx[[row, column]]);
        }
    }
    let below = run(&Parallel::concatenated(0).branch(f()).branch(g()), &x, &parameters);
    assert_eq!(below.data(), [fx.data(), gx.data()].concat());
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let refusal = |layer: &dyn Layer<f32>| layer.output_shape([4, 3].into()).unwrap_err().to_string();
    assert_eq!(
        refusal(&Residual::new(Linear::new("f", 3, 1))),
        "the residual block takes what both ways give one shape, and not [4, 3] past the body and [4, 1] through \
         it, not [4, 3]"
    );
    assert_eq!(
        refusal(&Parallel::summed()),
        "the parallel layer takes nothing, as long as it has no branches, not [4, 3]"
    );
    let branches = |join: Parallel<f32>| {
        join.branch(Linear::new("f", 3, 3)).branch(Activation::Relu).branch(Linear::new("g", 3, 2))
    };
    assert_eq!(
        refusal(&branches(Parallel::summed())),
        "the parallel layer takes what all branches give one shape, not [4, 3]"
    );
    assert_eq!(
        refusal(&branches(Parallel::concatenated(0))),
        "the parallel layer takes what all branches give one shape but for axis 0, not [4, 3]"
    );
    assert_eq!(
        Layer::<f32>::output_shape(&branches(Parallel::concatenated(1)), [4, 3].into()),
        Ok([4, 8].into())
    );
    // A branch's own refusal is what is said.
    assert_eq!(
        refusal(&Parallel::summed().branch(Linear::new("f", 5, 3))),
        "the linear layer `f` takes [.., 5], not [4, 3]"
    );
}

fn two_heads() -> Heads<f64> {
    let trunk = Sequential::with_prefix("trunk").linear(3, 2);
    Heads::new(trunk).head("a", Linear::new("a", 2, 2)).head("b", Linear::new("b", 2, 1))
}

/// The trunk is recorded once, and its gradient is that of both tasks.
#[test]
fn heads_share_their_trunk() {
    let heads = two_heads();
    let (graph, apart) = (Graph::new(), Graph::new());
    let x = graph.input("x", [4, 3]);
    let together = heads.forward(x, Mode::Train);
    assert_eq!(together.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a", "b"]);
    let loss = together.iter().map(|(_, y)| y.powi(2).sum()).reduce(|a, b| a + b).unwrap();
    let trunk = |graph: &Graph<f64>| graph.find_parameter("trunk.linear1.weight").unwrap().id();
    let gradient = grad(loss, &[graph.var(trunk(&graph))])[0];

    let x = apart.input("x", [4, 3]);
    let tasks = ["a", "b"].map(|name| heads.only(name).forward(x, Mode::Train).powi(2).sum());
    let each = tasks.map(|task| grad(task, &[apart.var(trunk(&apart))])[0]);

    let (x, values) = (integers([4, 3].into(), 1), parameters(&heads.parameters()));
    let feeds = [("x", Feed::from(&x))];
    let found = interpret(&[gradient], &feeds, Some(&values)).unwrap();
    let parts = interpret(&each, &feeds, Some(&values)).unwrap();
    assert_eq!(found[0], plus(&parts[0], &parts[1]));
    let products = graph.nodes().iter().filter(|node| node.op.name() == "matmul").count();
    assert_eq!(products, 3, "one of the trunk, one of each head");
    let names = |specs: Vec<ParameterSpec>| specs.into_iter().map(|spec| spec.name).collect::<Vec<_>>();
    assert_eq!(
        names(heads.only("b").parameters()),
        ["trunk.linear1.weight", "trunk.linear1.bias", "b.weight", "b.bias"]
    );
    assert_eq!(names(heads.parameters()).len(), 6);
    assert_eq!(heads.only("b").output_shape([7, 3].into()), Ok([7, 1].into()));
}

#[test]
#[should_panic(expected = "there are two heads `a`")]
fn two_heads_of_one_name_are_refused() {
    let _ = two_heads().head("a", Activation::Relu);
}

#[test]
#[should_panic(expected = "there is no head `c`")]
fn a_missing_head_is_refused() {
    let _ = two_heads().only("c");
}

/// The gradient of `f(w, w)` is the sum of those of `f(v, w)` in `v` and in `w`, at `v = w`.
#[test]
fn the_gradient_of_a_tied_parameter_is_the_sum_over_its_uses() {
    let x = integers([4, 3].into(), 1);
    let mut values = Parameters::new();
    for name in ["tied", "v", "w"] {
        values.insert(&format!("{name}.weight"), integers([3, 3].into(), 2));
        values.insert(&format!("{name}.bias"), integers([3].into(), 3));
    }
    let slopes = |first: &str, second: &str, of: &[&str]| {
        let graph = Graph::new();
        let network = Sequential::new().then(Linear::new(first, 3, 3)).then(Linear::new(second, 3, 3));
        let loss = network.forward(graph.input("x", [4, 3]), Mode::Train).powi(2).sum();
        let targets: Vec<_> = of.iter().map(|name| graph.find_parameter(name).unwrap()).collect();
        let declared = graph.parameters().len();
        let found = interpret(&grad(loss, &targets), &[("x", Feed::from(&x))], Some(&values)).unwrap();
        (found, declared, network.parameters().len())
    };
    let (tied, declared, listed) = slopes("tied", "tied", &["tied.weight"]);
    assert_eq!((declared, listed), (2, 2), "one node, and one entry in the list");
    let (apart, declared, listed) = slopes("v", "w", &["v.weight", "w.weight"]);
    assert_eq!((declared, listed), (4, 4));
    assert_eq!(tied[0], plus(&apart[0], &apart[1]));
}

/// An autoencoder with one weight: `x W` and then `h Wᵀ`, against two weights that are each other's transpose.
#[test]
fn a_tied_decoder_uses_the_transposed_weight() {
    let encoder = Linear::new("encoder", 3, 2);
    let model = Sequential::new().then(encoder.clone()).then(encoder.transposed("decoder"));
    let specs = model.parameters();
    let values = parameters(&specs);
    let x = integers([4, 3].into(), 1);
    let mut untied = values.clone();
    let w = &values["encoder.weight"];
    untied.insert("decoder.weight", Tensor::from_fn([2, 3], |i| w[[i % 3, i / 3]]));
    let free = Sequential::new().then(encoder).then(Linear::new("decoder", 2, 3));
    assert_eq!(run(&model, &x, &values), run(&free, &x, &untied));

    let slopes = |network: &Sequential<f64>, names: &[&str], values: &Parameters<f64>| {
        let graph = Graph::new();
        let x_var = graph.input("x", [4, 3]);
        let loss = (network.forward(x_var, Mode::Train) - x_var).powi(2).sum();
        let targets: Vec<_> = names.iter().map(|name| graph.find_parameter(name).unwrap()).collect();
        interpret(&grad(loss, &targets), &[("x", Feed::from(&x))], Some(values)).unwrap()
    };
    let tied = slopes(&model, &["encoder.weight"], &values);
    let apart = slopes(&free, &["encoder.weight", "decoder.weight"], &untied);
    let expected = Tensor::from_fn([3, 2], |i| apart[0].data()[i] + apart[1][[i % 2, i / 2]]);
    assert_eq!(tied[0], expected);

    // One update for the shared weight.
    let graph = Graph::new();
    let loss = model.forward(graph.input("x", [4, 3]), Mode::Train).powi(2).sum();
    assert_eq!(Optimiser::sgd(0.1).minimise(loss, &specs).updates.len(), 3);
}

#[test]
fn words_are_scored_by_the_vectors_that_they_are_read_with() {
    let embedding = Embedding::new("words", 5, 3);
    let scores = Layer::<f64>::output_shape(&embedding.transposed("scores"), [2, 7, 3].into());
    assert_eq!(scores, Ok([2, 7, 5].into()));
    let refusal = Layer::<f64>::output_shape(&embedding.transposed("scores"), [2, 5].into()).unwrap_err();
    assert_eq!(refusal.to_string(), "the transposed linear layer `scores` takes [.., 3], not [2, 5]");
    let names = Layer::<f64>::parameters(&embedding.transposed("scores").without_bias());
    assert_eq!(names[0].name, "words.weight");
    assert_eq!(initialise::<f64>(&embedding.transposed("scores"), 1).len(), 2);
}
