//! The dropout family, with frozen draws.

use super::{COLUMNS, Case, Group, ROWS, function, layer, technique};
use autograd::Var;
use nn::probabilistic::BoltzmannMachine;
use nn::recurrent::{Gru, Lstm, Recurrent};
use nn::{Linear, Selection};
use regularize::Dropout;
use regularize::dropout::shake_drop::Shake;
use regularize::dropout::{
    AlphaDropout, DropBlock, DropConnect, DropoutMachine, GaussianDropout, ShakeDrop, SpatialDropout,
    StochasticDepth, VariationalDropout, Zoneout, scale_units, scale_weights,
};

/// A case for each member of the family.
pub fn cases() -> Vec<Case> {
    built().expect("probabilities in their ranges")
}

fn built() -> Result<Vec<Case>, regularize::RegularizeError> {
    let matrix: &[usize] = &[ROWS, COLUMNS];
    let (image, sequence) = ([2, 2, 3, 3], [2, 3, COLUMNS]);
    let body = || Linear::new("body", COLUMNS, COLUMNS);
    let of = |case: Case| case.of(Group::Technique);
    let (half, shake) = (Dropout::new(0.5)?.classic(), ShakeDrop::<f64>::new(body(), 0.5)?);
    let scaled = |name, equation, rewrite: Rewrite| {
        let half = half.clone();
        function(technique(name, equation), &[matrix, &[COLUMNS, 2]], (-2.0, 2.0), move |x, _| {
            rewrite(half.apply(x[0], half.sample(x[0].graph(), x[0].shape())).matmul(x[1]))
        })
    };
    let machine = DropoutMachine::new(BoltzmannMachine::new("machine", COLUMNS, 5), 0.5)?;
    Ok(vec![
        of(layer("dropout", "x μ / (1 - p), the draw μ frozen", Dropout::new(0.4)?, matrix)),
        scaled("unit scaling", "(h μ) W rewritten as (q h) W", |y| scale_units(&[y])[0]),
        scaled("weight scaling", "(h μ) W rewritten as h (q W)", |y| scale_weights(&[y])[0]),
        of(layer("Gaussian dropout", "x (1 + σ ν)", GaussianDropout::new(0.4)?, matrix)),
        of(layer("alpha dropout", "a (x μ + α' (1 - μ)) + b", AlphaDropout::new(0.2)?, matrix)),
        of(layer("spatial dropout", "a draw for each channel", SpatialDropout::new(0.4)?, &image)),
        of(layer("DropBlock", "squares of maps, rescaled", DropBlock::new(0.3, 2)?, &image)),
        of(layer(
            "DropConnect",
            "f(x; W μ / (1 - p))",
            DropConnect::new(body(), Selection::weights(), 0.4)?,
            matrix,
        )),
        of(layer("stochastic depth", "x + g f(x) / q", StochasticDepth::new(body(), 0.6)?, matrix)),
        function(
            technique("ShakeDrop", "x + (g + a - g a) f, b = a"),
            &[matrix, matrix, &[ROWS, 1], &[ROWS, 1]],
            (0.1, 0.9),
            move |x, _| shake.apply(x[0], x[1], Shake { gate: x[2], forward: x[3], backward: x[3] }),
        ),
        of(layer(
            "variational dropout",
            "f(h μₕ, x μₓ), one mask a sequence",
            VariationalDropout::new(Recurrent::new(Gru::new("gru", COLUMNS, 3)), 0.3, 0.3)?,
            &sequence,
        )),
        of(layer(
            "zoneout",
            "μ h' + (1 - μ) h",
            Zoneout::new(Recurrent::new(Lstm::new("lstm", COLUMNS, 3)), 0.3, 0.3)?,
            &sequence,
        )),
        function(
            technique("Boltzmann dropout", "F(v; r)"),
            &[matrix, &[ROWS, 5], &[COLUMNS, 5], &[COLUMNS], &[5]],
            (0.1, 0.9),
            move |x, _| {
                let graph = x[0].graph();
                let energy = machine.free_energy(x[0], x[1]);
                let specs = machine.machine().parameters();
                let own: Vec<_> =
                    specs.iter().zip(&x[2..]).map(|(spec, x)| (spec.declare(graph), *x)).collect();
                autograd::substitute(&[energy], &own)[0]
            },
        ),
    ])
}

/// An expression without its masks.
type Rewrite = for<'g> fn(Var<'g, f64>) -> Var<'g, f64>;
