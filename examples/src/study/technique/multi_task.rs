//! A second task beside the first: to give the picture back.

use super::network::widths;
use super::{Kind, Recipe};
use autograd::{Shape, Var};
use nn::loss::{Reduction, cross_entropy, squared_error};
use nn::train::Batch;
use nn::{
    Activation, Heads, Initialiser, Layer, LayerShapeError, Linear, Mode, ParameterSpec, Selection,
    Sequential,
};
use regularize::multi_task::{FixedWeights, GradNorm, Likelihood, Order, PcGrad, UncertaintyWeights};

/// Multi-task learning: section 7.7 of the book.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "second task",
        symbol: "w",
        chosen: 10.0,
        candidates: &[0.1, 1.0, 3.0, 10.0, 30.0, 100.0],
        description: "A second output gives the picture back from the same hidden units; w times its mean squared \
                      error is added to the loss.",
        recipe: |weight| {
            let weights = FixedWeights::new(&[1.0, weight])?;
            Ok(learning(Vec::new(), move |losses, _| weights.objective(losses)))
        },
    },
    Kind {
        name: "uncertainty",
        symbol: "",
        chosen: 0.0,
        candidates: &[0.0],
        description: "The same with weights that are learned as the two tasks' uncertainties.",
        recipe: |_| {
            let tasks = [Likelihood::Softmax, Likelihood::Gaussian];
            let weights = UncertaintyWeights::new("tasks", &tasks)?;
            Ok(learning(weights.parameters(), move |losses, _| weights.objective(losses)))
        },
    },
    Kind {
        name: "GradNorm",
        symbol: "α",
        chosen: 0.0,
        candidates: &[0.0, 0.5, 1.0, 1.5],
        description: "The same with weights that keep the gradients of both tasks on the hidden layer equally long, \
                      or longer by the power α for the task that learns more slowly.",
        recipe: |alpha| {
            let balance = GradNorm::new("tasks", 2, alpha, 0.02)?;
            Ok(learning(balance.parameters(), move |losses, shared| balance.objective(losses, shared)))
        },
    },
    Kind {
        name: "PCGrad",
        symbol: "",
        chosen: 0.0,
        candidates: &[0.0],
        description: "The same without weights: each task's gradient on the hidden layer is freed of what conflicts \
                      with the other's.",
        recipe: |_| {
            let Recipe { network, .. } = learning(Vec::new(), |losses, _| losses[0]);
            let objective = Recipe::minimising(|batch| {
                let [digit, picture] = losses(batch);
                let surgery = PcGrad::new(Order::Drawn);
                let gradients = surgery.gradients(&[digit, picture], batch.parameters, &shared());
                with_gradients(digit + picture, batch, &gradients)
            });
            Ok(Recipe { network, ..objective })
        },
    },
];

/// The hidden layer, whose parameters both tasks have in common.
fn shared() -> Selection {
    Selection::named("linear1.")
}

/// Training of both tasks, by an objective of their losses and of the shared parameters.
fn learning(
    parameters: Vec<ParameterSpec>,
    objective: impl for<'g> Fn(&[Var<'g, f32>], &[Var<'g, f32>]) -> Var<'g, f32> + Send + Sync + 'static,
) -> Recipe {
    let network = Recipe::of(move |sizes| {
        Sequential::new().then(Digit { heads: heads(&sizes.widths()), further: parameters.clone() })
    })
    .network;
    let objective = Recipe::minimising(move |batch| objective(&losses(batch), &batch.variables(&shared())));
    Recipe { network, ..objective }
}

/// The perceptron of these widths with a second output.
fn heads(widths: &[usize]) -> Heads<f32> {
    let &[pixels, hidden, classes] = widths else { panic!("a perceptron of three widths, not {widths:?}") };
    let linear = |name: &str, inputs, outputs, gain| {
        Linear::new(name, inputs, outputs).with_initialiser(Initialiser::Kaiming { gain })
    };
    let rectifiers = Activation::Relu;
    let trunk = Sequential::new().then(linear("linear1", pixels, hidden, rectifiers.gain())).then(rectifiers);
    Heads::new(trunk)
        .head("digit", linear("linear2", hidden, classes, 1.0))
        .head("picture", linear("picture", hidden, pixels, 1.0))
}

/// The losses of both tasks on a batch.
fn losses<'g>(batch: &Batch<'g, '_, f32>) -> [Var<'g, f32>; 2] {
    let heads = heads(&widths(batch.parameters));
    let [(_, digit), (_, picture)] = heads.forward(batch.inputs, batch.mode)[..] else { panic!("two heads") };
    let digit = cross_entropy(digit, batch.labels, Reduction::Mean);
    [digit, squared_error(picture, batch.inputs, Reduction::Mean)]
}

/// A scalar of this value whose derivatives are these, which need not be those of any function.
fn with_gradients<'g>(
    value: Var<'g, f32>,
    batch: &Batch<'g, '_, f32>,
    gradients: &[Var<'g, f32>],
) -> Var<'g, f32> {
    let parameters = batch.variables(&Selection::all());
    let along = |(w, g): (&Var<'g, f32>, &Var<'g, f32>)| (*w * g.detach()).sum();
    let terms = parameters.iter().zip(gradients).map(along);
    terms.fold(value.detach(), |sum, term| sum + (term - term.detach()))
}

/// The network of the first task, with the parameters of everything.
#[derive(Debug)]
struct Digit {
    heads: Heads<f32>,
    further: Vec<ParameterSpec>,
}

impl Layer<f32> for Digit {
    fn forward<'g>(&self, x: Var<'g, f32>, mode: Mode) -> Var<'g, f32> {
        self.heads.only("digit").forward(x, mode)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        [self.heads.parameters(), self.further.clone()].concat()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.heads.only("digit").output_shape(input)
    }
}
