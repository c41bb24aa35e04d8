//! Consistency: predictions hold still when the network or its input is disturbed. The Π-model.
//!
//! Two passes over the same unlabelled examples, each with its own dropout masks and noise, should say the
//! same (Laine and Aila, *Temporal Ensembling*, ICLR 2017, the Π-model; Sajjadi et al., NIPS 2016):
//!
//! ```text
//! w(t) · 1/(n K) Σᵢ ‖p(xᵢ; ξ) - p(xᵢ; ξ')‖²        w(t) = w e^(-5 (1 - t/T)²) up to step T, then w
//! ```
//!
//! The weight starts near 0, or a network that knows nothing yet would settle on saying one thing always.
//!
//! A random draw is a node, and the same stream is the same draw, so two recordings of one network have *one*
//! mask. [`independent_pass`] records a network with streams of its own.
//!
//! ```
//! use autograd::{Draw, Graph, Interpreter, Parameters};
//! use nn::{Mode, Sequential};
//! use regularize::Dropout;
//! use regularize::semi_supervised::{Consistency, Disagreement, two_passes};
//! let model = Sequential::<f64>::new().then(Dropout::new(0.5)?);
//! let graph = Graph::new();
//! let x = graph.fill([4, 8], 1.0);
//! let [first, second] = two_passes(&model, x, Mode::Train);
//! let loss = Consistency::new(Disagreement::SquaredError).loss(first, second);
//! let run = Interpreter { parameters: &Parameters::new(), draw: Draw { seed: 1, run: 0 } };
//! assert!(run.run(&graph, &[loss.id()], &[])?.get(loss).item() > 0.0);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, at_least_zero};
use autograd::ops::random::Distribution;
use autograd::{NodeId, Op, Real, Var, substitute};
use nn::loss::{Reduction, kl_divergence_of_logs};
use nn::{Layer, Mode};

/// How two predictions are compared.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::semi_supervised::{Consistency, Disagreement};
/// let graph = Graph::<f64>::new();
/// let even = graph.constant(Tensor::new([1, 2], vec![0.0, 0.0])); // ½, ½
/// let sure = graph.constant(Tensor::new([1, 2], vec![3f64.ln(), 0.0])); // ¾, ¼
/// let squared = Consistency::new(Disagreement::SquaredError).loss(even, sure);
/// let divergence = Consistency::new(Disagreement::KullbackLeibler).loss(even, sure);
/// let found = interpret(&[squared, divergence], &[], None)?;
/// assert!((found[0].item() - 2.0 * 0.0625 / 2.0).abs() < 1e-15);
/// assert!((found[1].item() - (0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln())).abs() < 1e-15);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Disagreement {
    /// `1/(n K) Σᵢ ‖p(xᵢ) - q(xᵢ)‖²`, symmetric and bounded.
    #[default]
    SquaredError,
    /// `1/n Σᵢ D(q(xᵢ)‖p(xᵢ))` with the second of the two as target.
    KullbackLeibler,
}

/// A term that is 0 where two predictions are the same.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Consistency {
    disagreement: Disagreement,
}

impl Consistency {
    /// The term for a measure of disagreement.
    pub fn new(disagreement: Disagreement) -> Consistency {
        Consistency { disagreement }
    }

    /// The disagreement of two predictions, logits `[n, classes]`; a scalar. Gradients go into both: detach
    /// the one that is a teacher.
    ///
    /// # Panics
    /// If the shapes differ or there is no axis.
    #[track_caller]
    pub fn loss<'g, T: Real>(&self, logits: Var<'g, T>, target: Var<'g, T>) -> Var<'g, T> {
        let (a, b) = (logits.shape(), target.shape());
        assert!(a == b, "consistency: logits of shapes {a} and {b}");
        match self.disagreement {
            Disagreement::SquaredError => (logits.softmax() - target.softmax()).powi(2).mean(),
            Disagreement::KullbackLeibler => {
                kl_divergence_of_logs(logits.log_softmax(), target.log_softmax(), Reduction::Mean)
            }
        }
    }
}

/// The result of `model` on `x` with random draws of its own: every stream that the model draws from has
/// `pass` appended to its name. Draws that `x` was made with stay as they are.
///
/// # Panics
/// As [`Layer::forward`].
///
/// ```
/// use autograd::{Graph, interpret};
/// use nn::{Layer, Mode};
/// use regularize::Dropout;
/// use regularize::semi_supervised::independent_pass;
/// let half = Dropout::new(0.5)?;
/// let graph = Graph::<f64>::new();
/// let x = graph.fill([64], 1.0);
/// let again = half.forward(x, Mode::Train); // the same stream: the same mask
/// let passes = ["a", "b"].map(|pass| independent_pass(&half, x, Mode::Train, pass));
/// let found = interpret(&[half.forward(x, Mode::Train), again, passes[0], passes[1]], &[], None)?;
/// assert_eq!(found[0], found[1]);
/// assert!(found[0] != found[2] && found[0] != found[3] && found[2] != found[3]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn independent_pass<'g, T: Real>(
    model: &dyn Layer<T>,
    x: Var<'g, T>,
    mode: Mode,
    pass: &str,
) -> Var<'g, T> {
    let before = x.graph().len();
    let result = model.forward(x, mode);
    let renamed = renamed_draws(result, before, pass);
    substitute(&[result], &renamed)[0]
}

/// Two passes with independent draws: what the Π-model compares. The first has the model's own streams.
///
/// # Panics
/// As [`Layer::forward`].
///
/// ```
/// use autograd::{Graph, interpret};
/// use nn::{Layer, Mode};
/// use regularize::Dropout;
/// use regularize::semi_supervised::two_passes;
/// let half = Dropout::new(0.5)?;
/// let graph = Graph::<f64>::new();
/// let x = graph.fill([64], 1.0);
/// let [first, second] = two_passes(&half, x, Mode::Train);
/// let found = interpret(&[half.forward(x, Mode::Train), first, second], &[], None)?;
/// assert!(found[0] == found[1] && found[1] != found[2]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn two_passes<'g, T: Real>(model: &dyn Layer<T>, x: Var<'g, T>, mode: Mode) -> [Var<'g, T>; 2] {
    [model.forward(x, mode), independent_pass(model, x, mode, "second pass")]
}

/// The random nodes recorded since the graph had `before` nodes, each with a draw of another stream.
pub(crate) fn renamed_draws<'g, T: Real>(
    of: Var<'g, T>,
    before: usize,
    pass: &str,
) -> Vec<(Var<'g, T>, Var<'g, T>)> {
    let graph = of.graph();
    let mut draws: Vec<(NodeId, Distribution, String)> = Vec::new();
    for id in graph.ids().skip(before) {
        if let Op::Random(distribution, stream) = &graph.node(id).op {
            draws.push((id, *distribution, format!("{stream}/{pass}")));
        }
    }
    let mut renamed = Vec::with_capacity(draws.len());
    for (id, distribution, stream) in draws {
        let old = graph.var(id);
        let new = match distribution {
            Distribution::Uniform => graph.uniform(&stream, old.shape()),
            Distribution::Normal => graph.normal(&stream, old.shape()),
        };
        renamed.push((old, new));
    }
    renamed
}

/// `w(t) = w e^(-5 (1 - t/T)²)` up to step `T`, then `w` (Laine and Aila 2017).
///
/// ```
/// use regularize::semi_supervised::RampUp;
/// let ramp = RampUp::new(3.0, 100)?;
/// assert!(ramp.at(0) < 0.03 && ramp.at(50) < ramp.at(60));
/// assert_eq!((ramp.at(100), ramp.at(1000)), (3.0, 3.0));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RampUp {
    weight: f64,
    steps: u64,
}

impl RampUp {
    /// A rise to `weight` over `steps` steps; 0 steps is the full weight at once.
    ///
    /// # Errors
    /// If the weight is negative or not finite.
    pub fn new(weight: f64, steps: u64) -> Result<RampUp, RegularizeError> {
        Ok(RampUp { weight: at_least_zero("weight of the ramp-up", weight)?, steps })
    }

    /// Whether no step has a weight.
    pub(super) fn is_zero(&self) -> bool {
        self.weight == 0.0
    }

    /// The weight of a step, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        if step >= self.steps {
            return self.weight;
        }
        let left = 1.0 - step as f64 / self.steps as f64;
        self.weight * (-5.0 * left * left).exp()
    }
}

impl Default for RampUp {
    /// Weight 1 at once.
    fn default() -> RampUp {
        RampUp { weight: 1.0, steps: 0 }
    }
}

#[cfg(test)]
mod tests;
