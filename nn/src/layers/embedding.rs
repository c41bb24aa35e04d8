//! From numbers of things to vectors.

use super::TransposedLinear;
use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{IndexVar, Real, Tensor, Var};

/// `y[i.., :] = W[index[i..], :]`, the rows of a table: `index` is `[..]` of integers below `count`, `W` is
/// `[count, width]`, `y` is `[.., width]` (Bengio et al., *A Neural Probabilistic Language Model*, JMLR 3, 2003;
/// Goodfellow, Bengio, Courville, *Deep Learning*, section 12.4.2).
///
/// It is the product of `W` with one-hot rows, without the product: the gradient of `W` adds up, row by row, those
/// of the places where a row was used. It takes integers and so is no [`Layer`](crate::Layer);
/// [`Embedding::forward`] is its method. The parameter is `NAME.weight`; unless told otherwise it starts standard
/// normal.
///
/// With a [padding index](Embedding::with_padding), that row counts as zeros, whatever the table holds, and
/// gets no gradient: what fills sequences up to a common length.
///
/// ```
/// use autograd::Graph;
/// use nn::Embedding;
/// let graph = Graph::<f32>::new();
/// let words = graph.indices("words", [32, 10]);
/// let vectors = Embedding::new("words", 5000, 64).with_padding(0).forward(words);
/// assert_eq!(vectors.shape().lengths(), [32, 10, 64]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    name: String,
    count: usize,
    width: usize,
    padding: Option<usize>,
    initialiser: Initialiser,
}

impl Embedding {
    /// A table of `count` vectors of `width` numbers.
    pub fn new(name: &str, count: usize, width: usize) -> Embedding {
        let initialiser = Initialiser::Normal { mean: 0.0, deviation: 1.0 };
        Embedding { name: name.into(), count, width, padding: None, initialiser }
    }

    /// The same with zeros, not learned, for the index `padding`.
    ///
    /// # Panics
    /// If the table has no such row.
    #[track_caller]
    pub fn with_padding(self, padding: usize) -> Embedding {
        let Embedding { name, count, .. } = &self;
        assert!(padding < *count, "the embedding `{name}` has {count} rows: none to pad with at {padding}");
        Embedding { padding: Some(padding), ..self }
    }

    /// The same with another initial distribution of the table.
    pub fn with_initialiser(self, initialiser: Initialiser) -> Embedding {
        Embedding { initialiser, ..self }
    }

    /// Records the look-up on the graph of `index`. That no index is too large is checked at each run, when it
    /// is fed.
    ///
    /// # Panics
    /// If the result would have too many axes.
    pub fn forward<'g, T: Real>(&self, index: IndexVar<'g, T>) -> Var<'g, T> {
        let graph = index.graph();
        let mut table = self.weight().declare(graph);
        if let Some(padding) = self.padding {
            let is_word = |row| if row == padding { T::ZERO } else { T::ONE };
            let mask = graph.constant(Tensor::from_fn([self.count, 1], is_word));
            // Selected, not multiplied: the row may hold anything, an infinity too.
            table = mask.select(table, table.like(0.0));
        }
        table.gather(index).named(&self.name)
    }

    /// Scores of all `count` things for a vector each: `y Wᵀ + c`, with the same table. See [`TransposedLinear`].
    /// A padding index has no part in it.
    pub fn transposed(&self, name: &str) -> TransposedLinear {
        TransposedLinear::of(name, self.weight())
    }

    fn weight(&self) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.weight", self.name),
            shape: [self.count, self.width].into(),
            role: Role::Weight,
            initialiser: self.initialiser,
        }
    }

    /// The parameter that [`forward`](Embedding::forward) declares.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        vec![self.weight()]
    }
}
