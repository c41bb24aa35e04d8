//! Two layers that read a sequence from both ends.

use super::cell::Cell;
use super::layer::{Recurrent, Unrolled};
use crate::layer::{Layer, LayerShapeError, Mode};
use crate::parameter::{ParameterSpec, merge_parameters};
use autograd::{IndexVar, Real, Shape, Var};

/// One cell that reads from the beginning and one that reads from the end, their outputs side by side: every
/// step then knows the whole sequence (Schuster and Paliwal, *IEEE Transactions on Signal Processing* 45,
/// 1997; *Deep Learning*, section 10.3).
///
/// The result is `[n, time, h₁ + h₂]`, or of the two last states `[n, h₁ + h₂]`: the one after the last step
/// and the one after step 0.
///
/// ```
/// use autograd::Graph;
/// use nn::recurrent::{Bidirectional, Lstm};
/// use nn::{Layer, Mode};
/// let both = Bidirectional::new(Lstm::new("ahead", 8, 16), Lstm::new("back", 8, 16));
/// let graph = Graph::<f32>::new();
/// let y = both.forward(graph.input("x", [5, 12, 8]), Mode::Train);
/// assert_eq!(y.shape().lengths(), [5, 12, 32]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bidirectional<C> {
    ahead: Recurrent<C>,
    back: Recurrent<C>,
    last: bool,
}

impl<C> Bidirectional<C> {
    /// A cell for each direction. Cells of one name share their weights.
    pub fn new(ahead: C, back: C) -> Bidirectional<C> {
        Bidirectional { ahead: Recurrent::new(ahead), back: Recurrent::new(back).backward(), last: false }
    }

    /// The same with the two last states alone as its result: `[n, h₁ + h₂]`.
    pub fn last(self) -> Self {
        Bidirectional { ahead: self.ahead.last(), back: self.back.last(), last: true }
    }

    /// The same with first states that are learned; see [`Recurrent::with_learned_start`].
    pub fn with_learned_start(self) -> Self {
        Bidirectional {
            ahead: self.ahead.with_learned_start(),
            back: self.back.with_learned_start(),
            last: self.last,
        }
    }

    /// Records both directions for sequences of the given `lengths` (all of them whole if `None`); the one
    /// that reads backward begins at each sequence's true end.
    ///
    /// # Panics
    /// As [`Recurrent::unroll_from`].
    #[track_caller]
    pub fn unroll<'g, T: Real>(&self, x: Var<'g, T>, lengths: Option<IndexVar<'g, T>>) -> Unrolled<'g, T>
    where
        C: Cell<T>,
    {
        let (ahead, back) = (self.ahead.unroll_from(x, &[], lengths), self.back.unroll_from(x, &[], lengths));
        let sequence = Var::concat(&[ahead.sequence, back.sequence], -1);
        let last = ahead.last.iter().zip(&back.last).map(|(&a, &b)| Var::concat(&[a, b], -1)).collect();
        Unrolled { sequence, last }
    }
}

impl<T: Real, C: Cell<T>> Layer<T> for Bidirectional<C> {
    fn forward<'g>(&self, x: Var<'g, T>, _: Mode) -> Var<'g, T> {
        let unrolled = self.unroll(x, None);
        if self.last { unrolled.last[0] } else { unrolled.sequence }
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters([Layer::<T>::parameters(&self.ahead), Layer::<T>::parameters(&self.back)])
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        let ahead = Layer::<T>::output_shape(&self.ahead, input)?;
        let back = Layer::<T>::output_shape(&self.back, input)?;
        let last = ahead.rank() - 1;
        Ok(ahead.with_axis(last, ahead[last] + back[last]))
    }
}
