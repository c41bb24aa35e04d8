//! Several attentions side by side.

use super::dot_product::{Attended, causal_mask, scaled_dot_product};
use crate::initialise::Initialiser;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, Role};
use crate::sequence::padding_mask;
use autograd::{IndexVar, Real, Shape, Var};

/// Self-attention with several heads: every step of `[n, time, width]` asks all steps, in `heads` ways.
///
/// ```text
/// [Q K V] = x W + b,  each [n, time, width], cut into heads of d = width / heads
/// y = concat over heads of (softmax(Qᵢ Kᵢᵀ / √d) Vᵢ)  Wₒ + bₒ
/// ```
///
/// (Vaswani et al., NIPS 2017, section 3.2.2.) The parameters are `NAME.input_weight [width, 3 width]` and
/// `NAME.input_bias`, one product for queries, keys and values, and `NAME.output_weight [width, width]` and
/// `NAME.output_bias`.
///
/// ```
/// use autograd::Graph;
/// use nn::attention::MultiHeadAttention;
/// let graph = Graph::<f32>::new();
/// let (x, lengths) = (graph.input("x", [5, 12, 16]), graph.indices("lengths", [5]));
/// let seen = MultiHeadAttention::new("a", 16, 4).causal().attend(x, Some(lengths));
/// assert_eq!(seen.output.shape().lengths(), [5, 12, 16]);
/// assert_eq!(seen.weights.shape().lengths(), [5, 4, 12, 12]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MultiHeadAttention {
    name: String,
    width: usize,
    heads: usize,
    causal: bool,
}

impl MultiHeadAttention {
    /// Attention over steps of `width` numbers.
    ///
    /// # Panics
    /// If the heads do not divide the width.
    #[track_caller]
    pub fn new(name: &str, width: usize, heads: usize) -> MultiHeadAttention {
        assert!(
            heads > 0 && width.is_multiple_of(heads),
            "the attention `{name}`: {heads} heads do not divide a width of {width}"
        );
        MultiHeadAttention { name: name.into(), width, heads, causal: false }
    }

    /// The same where a step sees no later one.
    pub fn causal(self) -> MultiHeadAttention {
        MultiHeadAttention { causal: true, ..self }
    }

    /// The length of a step's vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The output `[n, time, width]` and the weights `[n, heads, time, time]`. With `lengths [n]` no step sees
    /// the padding behind a sequence; what comes out there is of no use.
    ///
    /// # Panics
    /// If `x` is not `[n, time, width]`, or there is not one length for each sequence.
    #[track_caller]
    pub fn attend<'g, T: Real>(&self, x: Var<'g, T>, lengths: Option<IndexVar<'g, T>>) -> Attended<'g, T> {
        if let Err(error) = self.check(x.shape()) {
            panic!("{error}");
        }
        let graph = x.graph();
        let (n, time) = (x.shape()[0], x.shape()[1]);
        let padding = lengths.map(|lengths| padding_mask(x, lengths));
        // A value of NaN would be NaN in its product with a weight of zero, too.
        let x = padding.map_or(x, |mask| mask.reshape([n, time, 1]).select(x, x.like(0.0)));
        let padding = padding.map(|mask| mask.reshape([n, 1, 1, time]));
        let causal = self.causal.then(|| causal_mask(graph, time));
        let mask = match (padding, causal) {
            (Some(padding), Some(causal)) => Some(padding * causal),
            (padding, causal) => padding.or(causal),
        };

        let [weight, bias, output_weight, output_bias] = self.specs().map(|spec| spec.declare(graph));
        let d = self.width / self.heads;
        let projected = (x.matmul(weight) + bias).reshape([n, time, 3, self.heads, d]);
        // [n, time, heads, d] with the heads before the steps.
        let part = |number| {
            let all = projected.slice(2, number, number + 1).reshape([n, time, self.heads, d]);
            all.permute(&[0, 2, 1, 3])
        };
        let seen = scaled_dot_product(part(0), part(1), part(2), mask);
        let together = seen.output.permute(&[0, 2, 1, 3]).reshape([n, time, self.width]);
        let output = together.matmul(output_weight) + output_bias;
        Attended { output: output.named(&self.name), weights: seen.weights }
    }

    fn specs(&self) -> [ParameterSpec; 4] {
        let width = self.width;
        // Of the fans only the one in counts: queries, keys and values do not share an output.
        let weight = (Role::Weight, Initialiser::KaimingUniform { gain: 1.0 });
        let bias = (Role::Bias, Initialiser::Zeros);
        let spec = |what: &str, shape: &[usize], (role, initialiser)| ParameterSpec {
            name: format!("{}.{what}", self.name),
            shape: shape.into(),
            role,
            initialiser,
        };
        [
            spec("input_weight", &[width, 3 * width], weight),
            spec("input_bias", &[3 * width], bias),
            spec("output_weight", &[width, width], weight),
            spec("output_bias", &[width], bias),
        ]
    }

    fn check(&self, input: Shape) -> Result<(), LayerShapeError> {
        match input.lengths() {
            [_, _, last] if *last == self.width => Ok(()),
            _ => Err(LayerShapeError {
                layer: format!("the attention `{}`", self.name),
                expected: format!("[n, time, {}]", self.width),
                given: input,
            }),
        }
    }
}

impl<T: Real> Layer<T> for MultiHeadAttention {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        self.attend(x, None).output
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.specs().into()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.check(input).map(|()| input)
    }
}
