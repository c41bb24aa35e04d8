//! ShakeDrop: the bodies of residual blocks are scaled by noise, by another in the backward pass (Yamada et al.,
//! *IEEE Access* 7, 2019, equation 6).
//!
//! ```text
//! forward     y = x + (g + a - g a) f(x)
//! backward    the cotangent of f(x) is (g + b - g b) ȳ
//! prediction  y = x + q f(x)
//! ```
//!
//! with a gate `g`, 1 with probability `q`; `a` uniform on [-1, 1], and `b` uniform on [0, 1]. So a block is left
//! alone where the gate is 1, and is disturbed where it is 0: the factor is then `a`. Its mean is `q`, since `a`
//! has mean 0.
//!
//! The backward pass is deliberately not the derivative of the forward one. As a graph that is one expression:
//! `f b' + detach(f (a' - b'))` has the value `f a'` and the derivative `b'`.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Activation, Layer, Mode, Sequential};
//! use regularize::dropout::ShakeDrop;
//! let body = Sequential::<f32>::with_prefix("block").linear(32, 32).then(Activation::Relu);
//! let block = ShakeDrop::new(body, 0.5)?.named("shake");
//! let graph = Graph::new();
//! let y = block.forward(graph.input("x", [8, 32]), Mode::Train);
//! assert_eq!(y.shape().lengths(), [8, 32]);
//! let draws = block.sample(&graph, y.shape());
//! assert_eq!(draws.gate.shape().lengths(), [8, 1]); // an example has draws of its own
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use autograd::{Graph, Real, Shape, Var};
use nn::optimise::HyperparameterError;
use nn::{Layer, LayerShapeError, Mode, ParameterSpec};

/// A residual block with a noisy body. See the [module documentation](self).
#[derive(Debug)]
pub struct ShakeDrop<T: Real> {
    name: String,
    body: Box<dyn Layer<T>>,
    survival: f64,
}

/// The draws of one pass, each `[n, 1, ..]`.
#[derive(Debug, Clone, Copy)]
pub struct Shake<'g, T: Real> {
    /// `g`: 1 where the block is left alone.
    pub gate: Var<'g, T>,
    /// `a`, for the forward pass.
    pub forward: Var<'g, T>,
    /// `b`, for the backward pass.
    pub backward: Var<'g, T>,
}

impl<T: Real> ShakeDrop<T> {
    /// A block that is left alone with probability `survival`, for each example by itself, named `shake_drop`.
    ///
    /// # Errors
    /// If the probability is not in [0, 1].
    pub fn new(body: impl Layer<T> + 'static, survival: f64) -> Result<ShakeDrop<T>, RegularizeError> {
        let fits = (0.0..=1.0).contains(&survival);
        HyperparameterError::unless(fits, "survival probability", survival, "in [0, 1]")?;
        Ok(ShakeDrop { name: "shake_drop".into(), body: Box::new(body), survival })
    }

    /// The same under another name, which its streams' names begin with.
    pub fn named(self, name: &str) -> ShakeDrop<T> {
        ShakeDrop { name: name.into(), ..self }
    }

    /// Draws for values of `shape`, from the streams `NAME.gate`, `NAME.forward` and `NAME.backward`.
    #[track_caller]
    pub fn sample<'g>(&self, graph: &'g Graph<T>, shape: Shape) -> Shake<'g, T> {
        let each = (1..shape.rank()).fold(shape, |shape, axis| shape.with_axis(axis, 1));
        let stream = |what: &str| format!("{}.{what}", self.name);
        Shake {
            gate: graph.bernoulli(&stream("gate"), self.survival, each),
            forward: graph.uniform(&stream("forward"), each) * 2.0 - 1.0,
            backward: graph.uniform(&stream("backward"), each),
        }
    }

    /// `x + (g + a - g a) f(x)`, with the factor of `b` in the place of that of `a` in derivatives.
    ///
    /// # Panics
    /// If `x` and `f(x)` are not of one shape to which the draws broadcast.
    ///
    /// ```
    /// use autograd::{Graph, grad, interpret};
    /// use nn::Linear;
    /// use regularize::dropout::ShakeDrop;
    /// use regularize::dropout::shake_drop::Shake;
    /// let block = ShakeDrop::<f64>::new(Linear::new("body", 1, 1), 0.5)?;
    /// let graph = Graph::new();
    /// let [x, body] = [1.0, 8.0].map(|value| graph.fill([1, 1], value));
    /// let of = |gate| {
    ///     let [gate, forward, backward] = [gate, -0.5, 0.25].map(|draw| graph.fill([1, 1], draw));
    ///     let y = block.apply(x, body, Shake { gate, forward, backward });
    ///     [y, grad(y.sum(), &[body])[0]]
    /// };
    /// let found = interpret(&[of(1.0), of(0.0)].concat(), &[], None)?;
    /// assert_eq!((found[0].item(), found[1].item()), (1.0 + 8.0, 1.0)); // left alone
    /// assert_eq!((found[2].item(), found[3].item()), (1.0 - 0.5 * 8.0, 0.25)); // a forward, b backward
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g>(&self, x: Var<'g, T>, body: Var<'g, T>, draws: Shake<'g, T>) -> Var<'g, T> {
        let Shake { gate, forward, backward } = draws;
        let (shape, of_body) = (x.shape(), body.shape());
        for of_draw in [gate, forward, backward].map(|draw| draw.shape()) {
            assert!(
                shape == of_body && shape.broadcast_with(&of_draw) == Some(shape),
                "ShakeDrop: a body of shape {of_body} and draws of shape {of_draw} for values of shape {shape}"
            );
        }
        let factor = |noise: Var<'g, T>| gate + noise - gate * noise;
        let (forward, backward) = (factor(forward), factor(backward));
        x + body * backward + (body * (forward - backward)).detach()
    }
}

impl<T: Real> Layer<T> for ShakeDrop<T> {
    /// For `q = 1` the residual block, and nothing else.
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if let Err(error) = self.output_shape(x.shape()) {
            panic!("{error}");
        }
        let body = self.body.forward(x, mode);
        match (self.survival == 1.0, mode.is_stochastic()) {
            (true, _) => x + body,
            (false, true) => self.apply(x, body, self.sample(x.graph(), x.shape())).named(&self.name),
            (false, false) => x + body * self.survival,
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
