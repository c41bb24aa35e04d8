//! Scaled dot-product attention and its masks.

use autograd::{Graph, Real, Tensor, Var};

/// What attention finds.
#[derive(Debug, Clone, Copy)]
pub struct Attended<'g, T: Real> {
    /// The weighted means of the values, `[.., queries, d]`.
    pub output: Var<'g, T>,
    /// The weights: how much each query takes from each value, `[.., queries, keys]`. Rows sum to 1, or to 0
    /// where a query may see nothing.
    pub weights: Var<'g, T>,
}

/// `softmax(Q Kᵀ / √d) V` (Vaswani et al., NIPS 2017, equation 1): query `[.., queries, d]`, key
/// `[.., keys, d]`, value `[.., keys, dᵥ]`.
///
/// A `mask` that broadcasts to `[.., queries, keys]` is 1 where a query may see a key, else 0. What is masked
/// has a weight of exactly 0 and no influence on any derivative. A query that may see nothing gets zeros:
/// the softmax of nothing has no value, so its row is computed of equal logits and left out afterwards.
///
/// The factor `1 / √d` keeps the logits of independent queries and keys at variance 1.
///
/// # Panics
/// If the shapes do not fit.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use nn::attention::{causal_mask, scaled_dot_product};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([2, 1], vec![0.0, 3.0]));
/// let seen = scaled_dot_product(x, x.like(0.0), x, Some(causal_mask(&graph, 2)));
/// let values = interpret(&[seen.output, seen.weights], &[], None)?;
/// assert_eq!(values[0].data(), [0.0, 1.5]); // the first sees itself, the second both alike
/// assert_eq!(values[1].data(), [1.0, 0.0, 0.5, 0.5]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn scaled_dot_product<'g, T: Real>(
    query: Var<'g, T>,
    key: Var<'g, T>,
    value: Var<'g, T>,
    mask: Option<Var<'g, T>>,
) -> Attended<'g, T> {
    let scale = (query.shape().last() as f64).sqrt().recip();
    // The query is scaled and not the logits, of which there are more in a long sequence.
    let logits = (query * scale).matmul_transposed(key, false, true);
    let Some(mask) = mask else {
        let weights = logits.softmax();
        return Attended { output: weights.matmul(value), weights };
    };
    assert!(
        logits.shape().broadcast_with(&mask.shape()) == Some(logits.shape()),
        "scaled_dot_product: a mask of shape {} for weights of shape {}",
        mask.shape(),
        logits.shape()
    );
    // Finite, so that a row with nothing to see has no ∞ - ∞, and so low that `e^(x - max)` underflows to 0
    // beside any logit of a sensible size.
    let hidden = logits.like(-1e30);
    let weights = mask.select(mask.select(logits, hidden).softmax(), logits.like(0.0));
    Attended { output: weights.matmul(value), weights }
}

/// The mask with which step `t` sees the steps up to `t`: ones on and below the diagonal, `[time, time]`.
///
/// ```
/// use autograd::{Graph, interpret};
/// let graph = Graph::<f32>::new();
/// let mask = interpret(&[nn::attention::causal_mask(&graph, 2)], &[], None)?;
/// assert_eq!(mask[0].data(), [1.0, 0.0, 1.0, 1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn causal_mask<T: Real>(graph: &Graph<T>, time: usize) -> Var<'_, T> {
    let entry = |i: usize| if i % time <= i / time { T::ONE } else { T::ZERO };
    graph.constant(Tensor::from_fn([time, time], entry))
}
