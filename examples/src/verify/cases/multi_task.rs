//! Combinations of task losses.

use super::{Case, function, technique};
use autograd::{Tensor, Var};
use regularize::multi_task::{FixedWeights, GradNorm, Likelihood, UncertaintyWeights, project_conflicts};

/// A case for each combination.
pub fn cases() -> Vec<Case> {
    let fixed = FixedWeights::new(&[1.0, 0.3]).expect("weights above 0");
    let uncertainty = UncertaintyWeights::new("tasks", &[Likelihood::Gaussian, Likelihood::Softmax]);
    let uncertainty = uncertainty.expect("two tasks");
    let balance = GradNorm::new("balance", 3, 0.5, 0.1).expect("numbers in range");
    vec![
        function(technique("task weights", "Σ wᵢ Jᵢ"), &[&[], &[]], (0.5, 2.0), move |x, _| {
            fixed.objective(&[x[0].powi(2), x[0] * x[1]])
        }),
        function(
            technique("uncertainty weights", "Σ aᵢ e^(-sᵢ) Jᵢ + ½ sᵢ"),
            &[&[], &[], &[2]],
            (0.2, 2.0),
            move |x, _| uncertainty.with(&x[..2], x[2]),
        ),
        function(
            technique("GradNorm", "w - ε ∂/∂w Σ |wᵢ Gᵢ - Ḡ rᵢ^α|, scaled"),
            &[&[3]],
            (0.5, 2.0),
            move |x, _| {
                let row = |values: [f64; 3]| x[0].graph().constant(Tensor::new([3], values.to_vec()));
                balance.new_weights(x[0], row([3.0, 0.5, 0.1]), row([1.0, 2.0, 0.7]), row([2.0, 2.0, 2.0]))
            },
        ),
        function(
            technique("PCGrad", "Σᵢ gᵢ less its projections on what it conflicts with"),
            &[&[3], &[3], &[3]],
            (-1.0, 1.0),
            |x, _| {
                let order = x[0].graph().constant(Tensor::from_fn([3, 3], |i| (i % 3) as f64));
                let parts: Vec<Vec<Var<'_, f64>>> = x.iter().map(|&g| vec![g]).collect();
                project_conflicts(&parts, order)[0]
            },
        ),
    ]
}
