//! Sequences of different lengths in one batch.
//!
//! A batch of sequences is `[n, time, features]`: the short ones are padded at their end, and an index `[n]`
//! says how long each really is. What stands in the padding does not matter, not even if it is NaN: recurrent
//! layers and attention leave it out by [`select`](Var::select), which lets neither values nor derivatives
//! through from the side not taken.

use autograd::{IndexVar, Real, Tensor, Var};

/// 1 where `t < length`, else 0: `[n, time]` from lengths `[n]`, each at most `time`.
///
/// A row of a fixed table for each length, so a length that is fed too large is refused before the run, as
/// any index out of range is.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// let graph = Graph::<f64>::new();
/// let mask = nn::sequence::length_mask(graph.indices("lengths", [3]), 2);
/// let feed = |lengths: Vec<u32>| interpret(&[mask], &[("lengths", (&Tensor::new([3], lengths)).into())], None);
/// assert_eq!(feed(vec![0, 1, 2])?[0].data(), [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
/// assert!(feed(vec![0, 1, 3]).is_err());
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn length_mask<'g, T: Real>(lengths: IndexVar<'g, T>, time: usize) -> Var<'g, T> {
    let entry = |i: usize| if i % time < i / time { T::ONE } else { T::ZERO };
    let table = Tensor::from_fn([time + 1, time], entry);
    lengths.graph().constant(table).gather(lengths)
}

/// The mask of [`length_mask`] for sequences `x` of shape `[n, time, ..]`.
///
/// # Panics
/// If there is not one length for each sequence.
#[track_caller]
pub(crate) fn padding_mask<'g, T: Real>(x: Var<'g, T>, lengths: IndexVar<'g, T>) -> Var<'g, T> {
    let shape = x.shape();
    assert!(
        *lengths.shape().lengths() == shape.lengths()[..1],
        "sequences of shape {shape} need lengths of shape [{}], not {}",
        shape[0],
        lengths.shape()
    );
    length_mask(lengths, shape[1])
}
