//! Projecting conflicting gradients (Yu et al., *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020).
//!
//! Two tasks conflict where their gradients on the shared parameters point apart, `gᵢ · gⱼ < 0`: a step for
//! one undoes the other. Each task's gradient is therefore freed from what it has against the others, one
//! after another, and the results are added (algorithm 1):
//!
//! ```text
//! for each task i:    g'ᵢ := gᵢ
//!     for the others j, in some order:    if g'ᵢ · gⱼ < 0:  g'ᵢ := g'ᵢ - (g'ᵢ · gⱼ / ‖gⱼ‖²) gⱼ
//! the step is along Σ g'ᵢ
//! ```
//!
//! The order matters with three tasks or more. The paper draws it anew for each task and step
//! ([`Order::Drawn`]); [`Order::Fixed`] takes the others by their numbers. Both are a matrix of priorities to
//! [`project_conflicts`], which is a pure function of the gradients and that matrix.
//!
//! All that happens in the span of the gradients. So it is recorded on their matrix of dot products: `g'ᵢ` is
//! a row of coefficients, and the gradients themselves are combined once, at the end. Without conflicts the
//! coefficients are exactly 1, and the step is that along `Σ gᵢ`, bit for bit.
//!
//! ```
//! use autograd::{Graph, Plan};
//! use nn::loss::{Reduction, squared_error};
//! use nn::{Activation, Heads, Linear, Mode, Optimiser, Selection, Sequential};
//! use regularize::multi_task::{Order, PcGrad};
//! let trunk = Sequential::<f32>::with_prefix("trunk").linear(3, 8).then(Activation::Tanh);
//! let model = Heads::new(trunk).head("a", Linear::new("a", 8, 1)).head("b", Linear::new("b", 8, 1));
//! let graph = Graph::new();
//! let (x, y) = (graph.input("x", [16, 3]), graph.input("y", [16, 1]));
//! let losses: Vec<_> = (model.forward(x, Mode::Train).iter())
//!     .map(|(_, result)| squared_error(*result, y, Reduction::Mean))
//!     .collect();
//! let specs = model.parameters();
//! let gradients = PcGrad::new(Order::Drawn).gradients(&losses, &specs, &Selection::named("trunk."));
//! let step = Optimiser::adam(0.01).apply(&graph, &specs, &gradients);
//! assert_eq!(gradients.len(), specs.len());
//! let plan = step.add_to(Plan::builder(&graph)).compile();
//! # let _ = plan;
//! ```

use super::{check_losses, sum};
use autograd::{Graph, Real, Shape, Tensor, Var, grad, grad_or_zero};
use nn::{ParameterSpec, Selection};

/// In which order a task's gradient is freed from its conflicts with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Drawn for each task and step, from the stream `NAME.order`: the paper's.
    #[default]
    Drawn,
    /// By the numbers of the tasks, always.
    Fixed,
}

/// Gradients without conflicts. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcGrad {
    name: String,
    order: Order,
}

impl PcGrad {
    /// With this order, named `pc_grad`.
    pub fn new(order: Order) -> PcGrad {
        PcGrad { name: "pc_grad".into(), order }
    }

    /// The same under another name, which is that of its stream of draws.
    pub fn named(&self, name: &str) -> PcGrad {
        PcGrad { name: name.into(), ..self.clone() }
    }

    /// What [`Optimiser::apply`](nn::Optimiser::apply) steps along: a gradient for each of `parameters` that
    /// is learned, in order. For those of `shared` they are projected, all of them together as one vector for
    /// each task; the others have the gradient of `Σ Jᵢ`. One task alone has its own gradient.
    ///
    /// # Panics
    /// If there are no losses, or one is no scalar; if a parameter has nothing to do with any loss; if nothing
    /// is shared.
    #[track_caller]
    pub fn gradients<'g, T: Real>(
        &self,
        losses: &[Var<'g, T>],
        parameters: &[ParameterSpec],
        shared: &Selection,
    ) -> Vec<Var<'g, T>> {
        assert!(!losses.is_empty(), "PCGrad: there are no tasks");
        check_losses("PCGrad", losses, losses.len());
        let graph = losses[0].graph();
        let variables = Selection::all().variables(graph, parameters);
        let learned = parameters.iter().filter(|spec| Selection::all().contains(spec));
        let is_shared: Vec<bool> = learned.map(|spec| shared.contains(spec)).collect();
        assert!(is_shared.contains(&true), "PCGrad: the selection `{shared}` shares none of the parameters");
        // Also finds a parameter that nothing depends on.
        let mut gradients = grad(sum(losses), &variables);
        if losses.len() == 1 {
            return gradients;
        }
        let common: Vec<_> =
            variables.iter().zip(&is_shared).filter(|&(_, &is)| is).map(|(&v, _)| v).collect();
        let of_tasks: Vec<_> = losses.iter().map(|&loss| grad_or_zero(loss, &common)).collect();
        let mut projected = project_conflicts(&of_tasks, self.priorities(graph, losses.len())).into_iter();
        for (gradient, _) in gradients.iter_mut().zip(&is_shared).filter(|&(_, &is)| is) {
            *gradient = projected.next().expect("one for each shared parameter");
        }
        gradients
    }

    /// The matrix of priorities, `[tasks, tasks]`, that [`project_conflicts`] takes.
    #[track_caller]
    pub fn priorities<'g, T: Real>(&self, graph: &'g Graph<T>, tasks: usize) -> Var<'g, T> {
        match self.order {
            Order::Drawn => graph.uniform(&format!("{}.order", self.name), [tasks, tasks]),
            Order::Fixed => {
                graph.constant(Tensor::from_fn([tasks, tasks], |i| T::from_f64((i % tasks) as f64)))
            }
        }
    }
}

/// `Σ g'ᵢ` of the module's algorithm, one variable for each parameter. `gradients` holds, for each task, the
/// gradient in parts, one for each parameter. Task `i` takes the others in increasing order of row `i` of
/// `priorities`, `[tasks, tasks]`; of equals, the first comes first. Differentiable in the gradients, with
/// the comparisons held as they are.
///
/// # Panics
/// If there are no tasks, or shapes do not fit.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::multi_task::{Order, PcGrad, project_conflicts};
/// let graph = Graph::<f64>::new();
/// let vector = |v: [f64; 2]| vec![graph.constant(Tensor::new([2], v.to_vec()))];
/// let order = PcGrad::new(Order::Fixed).priorities(&graph, 2);
/// // They conflict: g₁·g₂ = -2. The first loses what it has along the second, (0, -2), and the second
/// // what it has along the first.
/// let freed = project_conflicts(&[vector([1.0, -1.0]), vector([0.0, 2.0])], order);
/// // At right angles nothing is done.
/// let sum = project_conflicts(&[vector([1.0, 0.0]), vector([0.0, 2.0])], order);
/// let found = interpret(&[freed[0], sum[0]], &[], None)?;
/// assert_eq!(found[0].data(), [1.0 + 1.0, 0.0 + 1.0]);
/// assert_eq!(found[1].data(), [1.0, 2.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn project_conflicts<'g, T: Real>(
    gradients: &[Vec<Var<'g, T>>],
    priorities: Var<'g, T>,
) -> Vec<Var<'g, T>> {
    let tasks = gradients.len();
    assert!(tasks > 0, "PCGrad: there are no tasks");
    for parts in gradients {
        let fits = parts.len() == gradients[0].len()
            && parts.iter().zip(&gradients[0]).all(|(a, b)| a.shape() == b.shape());
        assert!(fits, "PCGrad: the gradients of two tasks differ in their shapes");
    }
    let (shape, square) = (priorities.shape(), Shape::from([tasks, tasks]));
    assert!(shape == square, "PCGrad: priorities of shape {shape} for {tasks} tasks");
    if tasks == 1 || gradients[0].is_empty() {
        return gradients[0].clone();
    }
    let coefficients = coefficients(dot_products(gradients), positions(priorities));
    (0..gradients[0].len())
        .map(|part| {
            let scaled = |task: usize| {
                gradients[task][part] * coefficients.slice(0, task, task + 1).reshape(Shape::from([]))
            };
            sum(&(0..tasks).map(scaled).collect::<Vec<_>>())
        })
        .collect()
}

/// `gᵢ · gⱼ` of all tasks, `[tasks, tasks]`.
fn dot_products<'g, T: Real>(gradients: &[Vec<Var<'g, T>>]) -> Var<'g, T> {
    let tasks = gradients.len();
    let dot = |i: usize, j: usize| {
        // The smaller number first: the plan then knows that the matrix is symmetric.
        let (a, b) = (&gradients[i.min(j)], &gradients[i.max(j)]);
        sum(&a.iter().zip(b).map(|(&a, &b)| (a * b).sum()).collect::<Vec<_>>())
    };
    let all: Vec<_> = (0..tasks * tasks).map(|at| dot(at / tasks, at % tasks)).collect();
    Var::stack(&all).reshape([tasks, tasks])
}

/// When task `i` meets task `j`: how many tasks come before it in row `i`, `[tasks, tasks]`.
fn positions<'g, T: Real>(priorities: Var<'g, T>) -> Var<'g, T> {
    let tasks = priorities.shape()[0];
    let (own, others) = (priorities.reshape([tasks, tasks, 1]), priorities.reshape([tasks, 1, tasks]));
    let earlier = |at: usize| (at % tasks < at / tasks % tasks) as u8 as f64;
    let earlier = Tensor::from_fn([tasks, tasks, tasks], |at| T::from_f64(earlier(at)));
    let ties = others.equal(own) * priorities.graph().constant(earlier);
    (others.less(own) + ties).sum_over(&[2])
}

/// `Σᵢ cᵢⱼ` with `g'ᵢ = Σⱼ cᵢⱼ gⱼ`, `[tasks]`: all tasks `i` at once, one other after another.
fn coefficients<'g, T: Real>(dots: Var<'g, T>, positions: Var<'g, T>) -> Var<'g, T> {
    let tasks = dots.shape()[0];
    let identity = |at: usize| if at / tasks == at % tasks { T::ONE } else { T::ZERO };
    let identity = dots.graph().constant(Tensor::from_fn([tasks, tasks], identity));
    // ‖gⱼ‖², where it is not needed 1: a task without a gradient conflicts with none.
    let squares = (dots * identity).sum_keep(&[0]);
    let squares = squares.greater(0.0).select(squares, squares.like(1.0));
    let mut c = identity;
    for position in 0..tasks {
        // Row i has its one at the task that i meets now, and none when it meets itself.
        let met = positions.equal(position as f64) * (1.0 - identity);
        let dot = (c.matmul(dots) * met).sum_keep(&[1]);
        c = c - met * (dot.minimum(0.0) / squares);
    }
    c.sum_over(&[0])
}

#[cfg(test)]
mod tests;
