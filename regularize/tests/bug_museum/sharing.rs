//! Tying and sharing.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | "tied" weights are copies: each gets its own gradient and they drift apart | assigning a tensor instead of a parameter | [`tied_weights_stay_one`] |
//! | the tied gradient is that of one use | a detached copy | [`a_tied_gradient_counts_every_use`] |

use autograd::{Feed, Graph, Parameters, Plan, Tensor, Var, grad, interpret};
use nn::{Activation, LEARNING_RATE, Layer, Linear, Mode, Optimiser, Sequential, initialise};
use regularize::Tied;
use regularize::sharing::tie;

#[test]
fn tied_weights_stay_one() {
    // The weights that two layers use after some steps, begun from equal values.
    let holds = |second: Box<dyn Layer<f64>>, name: &str| {
        let model = Sequential::<f64>::new().then(Linear::new("a", 3, 3)).then(Activation::Tanh).then(second);
        let graph = Graph::new();
        let x = graph.constant(Tensor::from_fn([4, 3], |i| (i as f64).sin()));
        let loss = (model.forward(x, Mode::Train) - 0.5).powi(2).mean();
        let step = Optimiser::sgd(0.1).minimise(loss, &model.parameters());
        let mut plan = step.add_to(Plan::builder(&graph)).compile();
        let mut parameters: Parameters<f64> = initialise(&model, 1);
        let begun = parameters["a.weight"].clone();
        parameters.insert(name, begun.clone());
        for _ in 0..3 {
            plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
        }
        parameters["a.weight"] != begun && parameters["a.weight"] == parameters[name]
    };
    let tied = Tied::new::<f64>(Linear::new("b", 3, 3), &[("b.weight", "a.weight")]).unwrap();
    assert!(holds(Box::new(tied), "a.weight"));
    assert!(!holds(Box::new(Linear::new("b", 3, 3)), "b.weight"));
}

/// A loss of two copies to the loss of one.
type Tying<'t> = &'t dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn a_tied_gradient_counts_every_use() {
    // a² b at a = b = 2 has the derivatives 8 and 4.
    let holds = |tying: Tying<'_>| {
        let graph = Graph::<f64>::new();
        let (a, b) = (graph.scalar("a"), graph.scalar("b"));
        let slope = grad(tying(a * a * b, a, b), &[a])[0];
        let feeds = [("a", Feed::Scalar(2.0)), ("b", Feed::Scalar(2.0))];
        interpret(&[slope], &feeds, None).unwrap()[0].item() == 12.0
    };
    assert!(holds(&|loss, a, b| tie(&[loss], &[a, b])[0]));
    assert!(!holds(&|loss, a, b| tie(&[loss], &[a.detach(), b])[0]));
    assert!(!holds(&|loss, _, _| loss));
}
