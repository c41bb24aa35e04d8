//! Stochastic depth: residual blocks are skipped at random (Huang et al., *Deep Networks with Stochastic
//! Depth*, ECCV 2016).
//!
//! ```text
//! classic    y = x + g f(x),      in prediction y = x + q f(x)
//! inverted   y = x + g f(x) / q,  in prediction y = x + f(x)        g = 1 with probability q, else 0
//! ```
//!
//! `q` is the probability that a block *survives*. The authors let it fall linearly with depth,
//! [`linear_survival`]: early blocks find features that all later ones use.
//!
//! Each example has a gate of its own (the form known as drop path), or with
//! [`per_batch`](StochasticDepth::per_batch) all examples of a batch have one, as in the paper. The paper saves
//! the time of skipped blocks. A compiled plan is one sequence of steps for every run and computes them all:
//! here stochastic depth regularizes and does not speed up.
//!
//! ```
//! use nn::{Activation, Layer, Sequential};
//! use regularize::dropout::{StochasticDepth, linear_survival};
//! let mut model = Sequential::<f32>::new().linear(64, 32);
//! for block in 1..=4 {
//!     let body = Sequential::with_prefix(&format!("block{block}")).linear(32, 32).then(Activation::Relu);
//!     let depth = StochasticDepth::new(body, linear_survival(block, 4, 0.5)?)?;
//!     model = model.then_named("depth", |name| depth.named(name));
//! }
//! let model = model.linear(32, 10);
//! assert_eq!(model.output_shape([8, 64].into()).unwrap().lengths(), [8, 10]);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::bernoulli::Form;
use crate::error::RegularizeError;
use autograd::{Graph, Real, Shape, Var};
use nn::optimise::HyperparameterError;
use nn::{Layer, LayerShapeError, Mode, ParameterSpec};

/// A residual block `x + f(x)` whose body is skipped at random. See the [module documentation](self).
#[derive(Debug)]
pub struct StochasticDepth<T: Real> {
    name: String,
    body: Box<dyn Layer<T>>,
    survival: f64,
    form: Form,
    per_batch: bool,
}

/// The survival probability of block `number` of `blocks`, counted from 1: `1 - (number / blocks) (1 - last)`,
/// which ends at `last` (equation 4 of the paper, with its recommendation of `last = 0.5`).
///
/// # Errors
/// If `last` is not in (0, 1], or the number not in 1 to `blocks`.
///
/// ```
/// use regularize::dropout::linear_survival;
/// assert_eq!(linear_survival(1, 4, 0.5)?, 0.875);
/// assert_eq!(linear_survival(4, 4, 0.5)?, 0.5);
/// assert!(linear_survival(5, 4, 0.5).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
pub fn linear_survival(number: usize, blocks: usize, last: f64) -> Result<f64, RegularizeError> {
    check_survival(last)?;
    let fits = (1..=blocks).contains(&number);
    HyperparameterError::unless(fits, "number of a block", number as f64, "from 1 to their number")?;
    Ok(1.0 - number as f64 / blocks as f64 * (1.0 - last))
}

fn check_survival(q: f64) -> Result<(), RegularizeError> {
    HyperparameterError::unless(q > 0.0 && q <= 1.0, "survival probability", q, "in (0, 1]")?;
    Ok(())
}

impl<T: Real> StochasticDepth<T> {
    /// A block whose body survives with probability `survival`, in the inverted form, with a gate for each
    /// example, named `stochastic_depth`.
    ///
    /// # Errors
    /// If the probability is not in (0, 1].
    pub fn new(body: impl Layer<T> + 'static, survival: f64) -> Result<StochasticDepth<T>, RegularizeError> {
        check_survival(survival)?;
        let (body, form) = (Box::new(body), Form::Inverted);
        Ok(StochasticDepth { name: "stochastic_depth".into(), body, survival, form, per_batch: false })
    }

    /// The same in the form of the paper.
    pub fn classic(self) -> StochasticDepth<T> {
        StochasticDepth { form: Form::Classic, ..self }
    }

    /// The same with one gate for all examples of a batch.
    pub fn per_batch(self) -> StochasticDepth<T> {
        StochasticDepth { per_batch: true, ..self }
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(self, name: &str) -> StochasticDepth<T> {
        StochasticDepth { name: name.into(), ..self }
    }

    /// The probability that the body is not skipped.
    pub fn survival(&self) -> f64 {
        self.survival
    }

    /// Gates for values of `shape`, `[n, 1, ..]` or `[1, 1, ..]`, from the stream `NAME.gate`.
    ///
    /// ```
    /// use autograd::Graph;
    /// use nn::Linear;
    /// use regularize::dropout::StochasticDepth;
    /// let depth = || StochasticDepth::<f64>::new(Linear::new("body", 3, 3), 0.5);
    /// let (graph, shape) = (Graph::new(), [8, 3].into());
    /// assert_eq!(depth()?.sample(&graph, shape).shape().lengths(), [8, 1]);
    /// assert_eq!(depth()?.per_batch().sample(&graph, shape).shape().lengths(), [1, 1]);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn sample<'g>(&self, graph: &'g Graph<T>, shape: Shape) -> Var<'g, T> {
        let first = usize::from(!self.per_batch);
        let gates = (first..shape.rank()).fold(shape, |shape, axis| shape.with_axis(axis, 1));
        graph.bernoulli(&format!("{}.gate", self.name), self.survival, gates)
    }

    /// `x + g f(x)`, in the inverted form `x + g f(x) / q`. Differentiable in all three.
    ///
    /// # Panics
    /// If `x` and `f(x)` are not of one shape to which the gate broadcasts.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use nn::Linear;
    /// use regularize::dropout::StochasticDepth;
    /// let depth = |survival| StochasticDepth::<f64>::new(Linear::new("body", 1, 1), survival);
    /// let graph = Graph::new();
    /// let [x, body] = [1.0, 8.0].map(|value| graph.fill([2, 1], value));
    /// let gate = graph.constant(Tensor::new([2, 1], vec![1.0, 0.0])); // the second example skips the block
    /// let both = [depth(0.5)?, depth(0.5)?.classic()];
    /// let [inverted, classic] = both.map(|depth| depth.apply(x, body, gate));
    /// let found = interpret(&[inverted, classic], &[], None)?;
    /// assert_eq!((found[0].data(), found[1].data()), (&[17.0, 1.0][..], &[9.0, 1.0][..]));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g>(&self, x: Var<'g, T>, body: Var<'g, T>, gate: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_body, of_gate) = (x.shape(), body.shape(), gate.shape());
        assert!(
            shape == of_body && shape.broadcast_with(&of_gate) == Some(shape),
            "stochastic depth: a body of shape {of_body} and gates of shape {of_gate} for values of shape {shape}"
        );
        match self.form {
            Form::Classic => x + body * gate,
            Form::Inverted => x + body * (gate * self.survival.recip()),
        }
    }
}

impl<T: Real> Layer<T> for StochasticDepth<T> {
    /// For `q = 1` the residual block, and nothing else.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if let Err(error) = self.output_shape(x.shape()) {
            panic!("{error}");
        }
        let body = self.body.forward(x, mode);
        if self.survival == 1.0 {
            return x + body;
        }
        if mode.is_stochastic() {
            return self.apply(x, body, self.sample(x.graph(), x.shape())).named(&self.name);
        }
        match self.form {
            Form::Classic => x + body * self.survival,
            Form::Inverted => x + body,
        }
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.body.parameters()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let body = self.body.output_shape(input)?;
        if body == input {
            return Ok(input);
        }
        Err(LayerShapeError {
            layer: format!("the residual block `{}`", self.name),
            expected: format!("what its body gives back in the same shape, and not as {body}"),
            given: input,
        })
    }
}

#[cfg(test)]
mod tests;
