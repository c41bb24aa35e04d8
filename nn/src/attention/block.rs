//! One block of a transformer.

use super::multi_head::MultiHeadAttention;
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, merge_parameters};
use autograd::{Real, Shape, Var};

/// Where a block normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormPlace {
    /// `h = x + attention(norm₁ x)`, `y = h + network(norm₂ h)`: the shortcut is free from one end of a stack
    /// to the other, so that deep ones train without warming up (Xiong et al., ICML 2020).
    Pre,
    /// `h = norm₁(x + attention(x))`, `y = norm₂(h + network(h))`: the form of the original paper.
    Post,
}

/// Attention between the steps, then a network on each step, both beside a shortcut (Vaswani et al., NIPS
/// 2017, section 3.1).
///
/// The normalisations are any layers that keep the shape, usually [`LayerNorm`](crate::LayerNorm); without
/// them the block is its two parts beside their shortcuts.
///
/// ```
/// use autograd::Graph;
/// use nn::attention::{MultiHeadAttention, NormPlace, TransformerBlock};
/// use nn::{Activation, Layer, LayerNorm, Mode, Sequential};
/// let network = Sequential::<f32>::new().linear(16, 64).then(Activation::Gelu).linear(64, 16);
/// let norm = |name| LayerNorm::new(name, 16);
/// let block = TransformerBlock::new(MultiHeadAttention::new("attention", 16, 4), network)
///     .normalised(NormPlace::Pre, norm("first"), norm("second"));
/// let graph = Graph::new();
/// let y = block.forward(graph.input("x", [5, 12, 16]), Mode::Train);
/// assert_eq!(y.shape().lengths(), [5, 12, 16]);
/// ```
#[derive(Debug)]
pub struct TransformerBlock<T: Real> {
    attention: MultiHeadAttention,
    network: Box<dyn Layer<T>>,
    norms: Option<Norms<T>>,
}

/// Two normalisations, the first at the attention, the second at the network.
#[derive(Debug)]
struct Norms<T: Real> {
    place: NormPlace,
    layers: [Box<dyn Layer<T>>; 2],
}

impl<T: Real> TransformerBlock<T> {
    /// A block without normalisation. The network takes and gives `[n, time, width]`.
    pub fn new(attention: MultiHeadAttention, network: impl Layer<T> + 'static) -> TransformerBlock<T> {
        TransformerBlock { attention, network: Box::new(network), norms: None }
    }

    /// The same with two normalisations, the first at the attention, the second at the network.
    pub fn normalised(
        self,
        place: NormPlace,
        first: impl Layer<T> + 'static,
        second: impl Layer<T> + 'static,
    ) -> TransformerBlock<T> {
        let norms = Norms { place, layers: [Box::new(first), Box::new(second)] };
        TransformerBlock { norms: Some(norms), ..self }
    }

    /// The attention.
    pub fn attention(&self) -> &MultiHeadAttention {
        &self.attention
    }

    /// The attention's input for an input of the block: what [`MultiHeadAttention::attend`] takes to show
    /// what the block looks at.
    pub fn attention_input<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.norm(NormPlace::Pre, 0, x, mode)
    }

    /// The normalisation of a number, if it stands at `place`.
    fn norm<'g>(&self, place: NormPlace, number: usize, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        match &self.norms {
            Some(norms) if norms.place == place => norms.layers[number].forward(x, mode),
            _ => x,
        }
    }

    /// A part of the block beside its shortcut.
    fn beside_shortcut<'g>(
        &self,
        number: usize,
        part: &dyn Layer<T>,
        x: Var<'g, T>,
        mode: Mode,
    ) -> Var<'g, T> {
        let y = x + part.forward(self.norm(NormPlace::Pre, number, x, mode), mode);
        self.norm(NormPlace::Post, number, y, mode)
    }
}

impl<T: Real> Layer<T> for TransformerBlock<T> {
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        let h = self.beside_shortcut(0, &self.attention, x, mode);
        self.beside_shortcut(1, &self.network, h, mode)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let parts = [Layer::<T>::parameters(&self.attention), self.network.parameters()];
        let norms = self.norms.iter().flat_map(|norms| norms.layers.iter().map(|norm| norm.parameters()));
        merge_parameters(parts.into_iter().chain(norms))
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        Layer::<T>::output_shape(&self.attention, input)?;
        let output = self.network.output_shape(input)?;
        if output == input {
            return Ok(output);
        }
        Err(LayerShapeError {
            layer: "the shortcut of a transformer block".into(),
            expected: format!("a network that gives {input}"),
            given: output,
        })
    }
}
