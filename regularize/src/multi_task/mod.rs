//! Multi-task learning: tasks that share a trunk, and how their losses become one step (*Deep Learning*,
//! section 7.7; Caruana, *Multitask Learning*, Machine Learning 28, 1997).
//!
//! The network is [`nn::Heads`]: a trunk and a head for each task. The trunk's gradient is the sum over all
//! tasks; if the tasks have something in common, more examples of it determine the trunk. That it is what the
//! tasks have in common, and not more noise, is shown by the shuffle control: with the extra targets permuted
//! among the examples the benefit is gone (example `multi_task`).
//!
//! | combination | what is minimised or stepped along | remembers |
//! |---|---|---|
//! | [`FixedWeights`] | `Σ wᵢ Jᵢ` | nothing |
//! | [`UncertaintyWeights`] | `Σ aᵢ Jᵢ e^(-sᵢ) + ½ sᵢ`, `sᵢ` learned with the network | the parameter `NAME.log_variances` |
//! | [`GradNorm`] | `Σ wᵢ Jᵢ`, with `wᵢ` that make the tasks' gradients on the trunk equally long | the states `NAME.weights`, `NAME.initial_losses` |
//! | [`PcGrad`] | the sum of gradients, each without what conflicts with another's | nothing |
//!
//! The first three give a scalar for [`Optimiser::minimise`](nn::Optimiser::minimise); the last gives
//! gradients for [`Optimiser::apply`](nn::Optimiser::apply). What they learn or remember is among the
//! parameters given to the optimiser, so that one plan makes the whole step:
//!
//! ```
//! use autograd::{Feed, Graph, Plan, Tensor};
//! use nn::loss::{Reduction, squared_error};
//! use nn::{Activation, Heads, LEARNING_RATE, Linear, Mode, Optimiser, Sequential, initialise_parameters};
//! use regularize::multi_task::UncertaintyWeights;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let trunk = Sequential::<f32>::with_prefix("trunk").linear(3, 8).then(Activation::Tanh);
//! let model = Heads::new(trunk).head("sum", Linear::new("sum", 8, 1)).head("noise", Linear::new("noise", 8, 1));
//! let weights = UncertaintyWeights::for_regression("tasks", 2)?;
//! let specs = [model.parameters(), weights.parameters()].concat();
//!
//! let graph = Graph::new();
//! let (x, targets) = (graph.input("x", [4, 3]), graph.input("targets", [4, 2]));
//! let results = model.forward(x, Mode::Train);
//! let losses: Vec<_> = (results.iter().enumerate())
//!     .map(|(i, (_, y))| squared_error(*y, targets.slice(1, i, i + 1), Reduction::Mean))
//!     .collect();
//! let step = Optimiser::sgd(0.1).minimise(weights.objective(&losses), &specs);
//! let mut plan = step.add_to(Plan::builder(&graph)).compile();
//!
//! let mut parameters = initialise_parameters(&specs, 1);
//! let x = Tensor::from_fn([4, 3], |i| (i % 5) as f32 - 2.0);
//! // The first target is learned exactly; the second contradicts itself (rows 0 and 3 could not differ more).
//! let y = Tensor::new([4, 2], vec![-3.0, 9.0, 1.0, -9.0, -1.0, 9.0, 0.0, -9.0]);
//! for _ in 0..50 {
//!     let feeds = [("x", Feed::from(&x)), ("targets", Feed::from(&y)), (LEARNING_RATE, Feed::from(0.01))];
//!     plan.run(&mut parameters, &feeds)?;
//! }
//! let s = parameters["tasks.log_variances"].data();
//! assert!(s[0] < s[1], "the noisy task is trusted less");
//! # Ok(())
//! # }
//! ```

pub mod fixed_weights;
pub mod grad_norm;
pub mod pc_grad;
pub mod uncertainty;

pub use fixed_weights::FixedWeights;
pub use grad_norm::GradNorm;
pub use pc_grad::{Order, PcGrad, project_conflicts};
pub use uncertainty::{Likelihood, UncertaintyWeights};

use autograd::{Real, Var};

/// Scalars, one for each task, of a number that is known.
#[track_caller]
fn check_losses<T: Real>(technique: &str, losses: &[Var<'_, T>], tasks: usize) {
    assert!(losses.len() == tasks, "{technique}: {} losses for {tasks} tasks", losses.len());
    for loss in losses {
        let shape = loss.shape();
        assert!(shape.rank() == 0, "{technique}: a task's loss is a scalar, not {shape}");
    }
}

/// `1 x + 1 y + ...` in order. There is at least one.
#[track_caller]
fn sum<'g, T: Real>(terms: &[Var<'g, T>]) -> Var<'g, T> {
    let mut sum = terms[0];
    for &term in &terms[1..] {
        sum = sum + term;
    }
    sum
}
