//! Links of an optimiser's chain: one step as an expression of parameter, gradient, learning rate and memory.

use super::{COLUMNS, Case, ROWS, function, technique};
use autograd::{Graph, Shape, Var, substitute};
use nn::optimise::Transform;
use nn::{Initialiser, Optimiser, OptimiserStep, ParameterSpec, Role, Selection};
use regularize::noise::GradientNoise;
use regularize::semi_supervised::MeanTeacher;
use regularize::{
    DecoupledDecay, ElasticNet, ExponentialAverage, L1, Langevin, MaxNorm, Projected, ProximalStep,
    RegularizeError, WeightAverage,
};

/// A case for each link, behind (or before) plain gradient descent.
pub fn cases() -> Vec<Case> {
    built().expect("numbers in their ranges")
}

fn built() -> Result<Vec<Case>, RegularizeError> {
    let teacher = MeanTeacher::new(0.35)?;
    let weights = Selection::weights;
    let descent = || Optimiser::sgd(0.1);
    let noisy = descent().first(GradientNoise::new(0.3)?);
    Ok(vec![
        behind("decoupled decay", "w - ε g - ε α w", DecoupledDecay::new(0.3, weights())?),
        behind("proximal step, L1", "S(w - ε g, ε α)", ProximalStep::new(weights(), L1::new(0.3)?)),
        behind(
            "proximal step, elastic",
            "S(w - ε g, ε α) / (1 + ε β)",
            ProximalStep::new(weights(), ElasticNet::new(0.3, 0.7)?),
        ),
        behind("projected step", "P(w - ε g)", Projected::new(weights(), MaxNorm::new(0.5)?)),
        case(
            "gradient noise",
            "w - ε (g + √(η/(1 + t)^γ) ν)",
            noisy.memory(&[weight()]),
            move |graph, g| noisy.apply(graph, &[weight()], &[g]),
        ),
        behind("Langevin step", "w - ε g + √(2 ε τ) ν", Langevin::new(0.3)?),
        behind("exponential average", "b a + (1 - b) (w - ε g)", ExponentialAverage::new(0.7)?),
        behind("weight average", "m + (w - ε g - m) / (n + 1)", WeightAverage::new(1, 1)?),
        case(
            "mean teacher",
            "a w' + (1 - a) (w - ε g), a = min(1 - 1/t, b)",
            teacher.parameters(&[weight()]),
            move |graph, g| teacher.following(&[weight()], descent().apply(graph, &[weight()], &[g]), graph),
        ),
    ])
}

/// The parameter that a step moves.
fn weight() -> ParameterSpec {
    let (name, shape) = ("w".to_string(), [ROWS, COLUMNS].into());
    ParameterSpec { name, shape, role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// A case of gradient descent with one more link behind it.
fn behind(name: &'static str, equation: &'static str, link: impl Transform<f64> + 'static) -> Case {
    let optimiser = Optimiser::sgd(0.1).then(link);
    case(name, equation, optimiser.memory(&[weight()]), move |graph, gradient| {
        optimiser.apply(graph, &[weight()], &[gradient])
    })
}

/// A case of a step: with respect to the parameter, its gradient, the learning rate and all that is remembered
/// (counts too: they are numbers to the expression), what becomes of the parameter and of each memory, one after
/// the other. Draws are frozen.
fn case(
    name: &'static str,
    equation: &'static str,
    memory: Vec<ParameterSpec>,
    record: impl for<'g> Fn(&'g Graph<f64>, Var<'g, f64>) -> OptimiserStep<'g, f64> + Send + Sync + 'static,
) -> Case {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let remembered: Vec<Shape> = memory.iter().map(|spec| spec.shape).collect();
    let mut shapes: Vec<&[usize]> = vec![matrix, matrix, &[]];
    shapes.extend(remembered.iter().map(Shape::lengths));
    // Above 0: a learning rate is, and so is a number of steps.
    function(technique(name, equation), &shapes, (0.2, 1.0), move |x, _| {
        let graph = x[0].graph();
        let step = record(graph, x[1]);
        let mut inputs = vec![(weight().declare(graph), x[0])];
        inputs.extend(step.learning_rate.map(|rate| (rate, x[2])));
        inputs.extend(memory.iter().map(|spec| spec.declare(graph)).zip(x[3..].iter().copied()));
        let new: Vec<_> = step.updates.iter().map(|(_, new)| new.reshape([new.shape().numel()])).collect();
        Var::concat(&substitute(&new, &inputs), 0)
    })
}
