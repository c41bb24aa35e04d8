//! Penalties on derivatives in the input.

use super::recipe::Training;
use super::{Kind, Recipe};
use regularize::tangent::{Atlas, GradientNorm, ManifoldTangents, Transformations};
use regularize::{DoubleBackpropagation, InputGradientPenalty, JacobianNorm, TangentPropagation};

/// Tangent propagation and double backpropagation: section 7.14 of the book; and their relatives.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "tangent prop.",
        symbol: "λ",
        chosen: 1.0,
        candidates: &[0.03, 0.1, 0.3, 1.0, 3.0],
        description: "Adds λ times the squared change of the probabilities along the tangents of small shifts, \
                      turns, scalings and stretches of each image.",
        recipe: |lambda| {
            let propagation = TangentPropagation::new(lambda)?;
            Ok(Recipe::minimising(move |batch| {
                let shape = batch.inputs.shape();
                let side = (shape.numel() / shape[0]).isqrt();
                let moves = Transformations::new(side, side, 0.7).expect("images have pixels");
                let (probabilities, tangents) = (batch.logits().softmax(), moves.tangents(batch.inputs));
                propagation.added_to(batch.cross_entropy(), probabilities, batch.inputs, &tangents)
            }))
        },
    },
    Kind {
        name: "manifold tangents",
        symbol: "λ",
        chosen: 1.0,
        candidates: &[0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
        description: "Adds λ times the squared change of the probabilities along the three main directions in \
                      which the ten nearest training images differ.",
        recipe: |lambda| {
            let propagation = TangentPropagation::new(lambda)?;
            Ok(Recipe::by(move |training, observer| {
                let examples = training.parts.train.examples();
                // A small training part has fewer neighbours.
                let neighbours = 10.min(training.parts.train.len() - 1);
                let atlas = Atlas::local(examples, neighbours, 3.min(neighbours))?;
                let manifold = ManifoldTangents::new(atlas, propagation);
                Training { objective: &move |batch| manifold.objective(batch), ..training }.fit(observer)
            }))
        },
    },
    Kind {
        name: "double backprop.",
        symbol: "λ",
        chosen: 0.3,
        candidates: &[0.1, 0.3, 1.0, 3.0],
        description: "Adds λ/2 times the squared norm of the loss's gradient in the image.",
        recipe: |lambda| {
            let penalty = DoubleBackpropagation::new(lambda)?;
            Ok(Recipe::minimising(move |batch| penalty.objective(batch)))
        },
    },
    Kind {
        name: "input gradient",
        symbol: "λ",
        chosen: 0.1,
        candidates: &[0.03, 0.1, 0.2, 0.3],
        description: "Adds λ times the sum of absolute values of the loss's gradient in the image: a fast gradient \
                      attack of budget λ, to first order.",
        recipe: |lambda| {
            let penalty = InputGradientPenalty::new(lambda, GradientNorm::One)?;
            Ok(Recipe::minimising(move |batch| {
                let each = batch.logits().cross_entropy_each(batch.labels);
                penalty.added_to(batch.cross_entropy(), each, batch.inputs)
            }))
        },
    },
    Kind {
        name: "Jacobian norm",
        symbol: "λ",
        chosen: 0.03,
        candidates: &[0.001, 0.003, 0.01, 0.03, 0.1],
        description: "Adds λ/2 times the squared norm of the logits' Jacobian in the image, estimated along one \
                      random direction.",
        recipe: |lambda| {
            let penalty = JacobianNorm::new(lambda, 1)?;
            Ok(Recipe::minimising(move |batch| {
                penalty.added_to(batch.cross_entropy(), batch.logits(), batch.inputs)
            }))
        },
    },
];
