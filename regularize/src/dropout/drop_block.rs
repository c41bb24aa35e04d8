//! DropBlock: contiguous squares of a feature map are dropped (Ghiasi, Lin, Le, NeurIPS 2018, algorithm 1).
//!
//! Between dropping single places, which their neighbours give away, and [whole
//! channels](super::spatial). With blocks of `b` by `b` on maps of `H` by `W`:
//!
//! ```text
//! seeds   s [n, channels, H - b + 1, W - b + 1], one with probability γ
//! γ       = p / b² · H W / ((H - b + 1)(W - b + 1))
//! mask    m = 0 at every place of a block whose upper left corner is a seed, else 1
//! y       = x m · numel(m) / Σ m        numel and Σ over all places of all channels of one example
//! ```
//!
//! A seed is a corner that leaves room for the block, so all blocks are whole. `γ` is the paper's: were
//! blocks never to overlap, a place would be dropped with probability `p` on average; they do, so it is
//! somewhat less. With `b = 1` this is dropout of single places, with `b = H = W` of whole channels.
//!
//! The paper counts the ones of the whole batch. Here each example is scaled by its own count, so that none
//! depends on another; one of which nothing is left is 0, not 0/0.
//!
//! ```
//! use autograd::Graph;
//! use nn::{Layer, Mode};
//! use regularize::dropout::DropBlock;
//! let layer = DropBlock::new(0.1, 3)?;
//! let graph = Graph::<f32>::new();
//! let y = layer.forward(graph.input("x", [8, 16, 7, 7]), Mode::Train);
//! assert_eq!(y.shape().lengths(), [8, 16, 7, 7]);
//! assert!(DropBlock::new(0.1, 0).is_err());
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::drop_probability;
use crate::error::{RegularizeError, at_least_one};
use autograd::{Graph, Real, Shape, Var};
use nn::{Layer, LayerShapeError, Mode};

/// Dropout of squares of `[n, channels, height, width]`. See the [module documentation](self).
#[derive(Debug, Clone, PartialEq)]
pub struct DropBlock {
    name: String,
    p: f64,
    block: usize,
}

impl DropBlock {
    /// Drops blocks of `block` by `block` places, about a share `p` of all, named `drop_block`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1) or the block has no place.
    pub fn new(p: f64, block: usize) -> Result<DropBlock, RegularizeError> {
        let p = drop_probability("dropout probability", p)?;
        at_least_one("side of a block", block)?;
        Ok(DropBlock { name: "drop_block".into(), p, block })
    }

    /// The same under another name, which is the name of its stream of draws.
    pub fn named(&self, name: &str) -> DropBlock {
        DropBlock { name: name.into(), ..*self }
    }

    /// The same with another probability: the authors raise it linearly from 0 during training.
    ///
    /// # Errors
    /// If `p` is not in [0, 1).
    ///
    /// ```
    /// use regularize::dropout::DropBlock;
    /// let layer = DropBlock::new(0.1, 3)?;
    /// // In step 25 of a rise over 100.
    /// let early = layer.clone().with_probability(0.1 * 25.0 / 100.0)?;
    /// assert!((early.seed_probability(7, 7) / layer.seed_probability(7, 7) - 0.25).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn with_probability(self, p: f64) -> Result<DropBlock, RegularizeError> {
        Ok(DropBlock { p: drop_probability("dropout probability", p)?, ..self })
    }

    /// The probability `γ` of a seed on maps of `height` by `width`, at most 1.
    ///
    /// # Panics
    /// If a block has no room.
    ///
    /// ```
    /// use regularize::dropout::DropBlock;
    /// // A block of 3 by 3 has 5 by 5 corners on a map of 7 by 7.
    /// let gamma = DropBlock::new(0.1, 3)?.seed_probability(7, 7);
    /// assert!((gamma - 0.1 / 9.0 * 49.0 / 25.0).abs() < 1e-15);
    /// // Blocks of one place are dropout of places.
    /// assert_eq!(DropBlock::new(0.1, 1)?.seed_probability(7, 7), 0.1);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn seed_probability(&self, height: usize, width: usize) -> f64 {
        let [rows, columns] = self.corners(Shape::from([1, 1, height, width]));
        let share = (height * width) as f64 / (rows * columns) as f64;
        (self.p / (self.block * self.block) as f64 * share).min(1.0)
    }

    /// How many corners there are along each axis of an image.
    #[track_caller]
    fn corners(&self, shape: Shape) -> [usize; 2] {
        if let Err(error) = self.check(shape) {
            panic!("{error}");
        }
        [shape[2] + 1 - self.block, shape[3] + 1 - self.block]
    }

    /// Seeds for values of `shape`, from the stream `NAME.seeds`.
    ///
    /// # Panics
    /// If the shape is not `[n, channels, height, width]`, with room for a block.
    #[track_caller]
    pub fn sample<'g, T: Real>(&self, graph: &'g Graph<T>, shape: Shape) -> Var<'g, T> {
        let [rows, columns] = self.corners(shape);
        let seeds = [shape[0], shape[1], rows, columns];
        graph.bernoulli(&format!("{}.seeds", self.name), self.seed_probability(shape[2], shape[3]), seeds)
    }

    /// The mask of given seeds, `[n, channels, height, width]`: 0 where a block lies, else 1. The seeds are
    /// `[n, channels, height - b + 1, width - b + 1]`.
    ///
    /// # Panics
    /// If they have not four axes.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::dropout::DropBlock;
    /// let graph = Graph::<f64>::new();
    /// let seeds = graph.constant(Tensor::new([1, 1, 2, 2], vec![0.0, 1.0, 0.0, 0.0]));
    /// let mask = DropBlock::new(0.1, 2)?.mask(seeds);
    /// let painted = [
    ///     1.0, 0.0, 0.0, //
    ///     1.0, 0.0, 0.0, //
    ///     1.0, 1.0, 1.0,
    /// ];
    /// assert_eq!(interpret(&[mask], &[], None)?[0].data(), painted);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn mask<'g, T: Real>(&self, seeds: Var<'g, T>) -> Var<'g, T> {
        let last = self.block - 1;
        // A place is dropped if one of the corners up to b - 1 above and to the left of it is a seed: the sum
        // of shifted copies counts them, first along columns, then along rows.
        let mut covered = seeds;
        for axis in [2, 3] {
            let narrow = covered;
            covered = narrow.pad(axis, 0, last);
            for shift in 1..=last {
                covered = covered + narrow.pad(axis, shift, last - shift);
            }
        }
        // Counts are whole numbers: half a unit is far from rounding.
        covered.less(0.5)
    }

    /// `x m · numel(m) / Σ m`, the last two of each example. Differentiable in `x`.
    ///
    /// # Panics
    /// If the mask is not of `x`'s shape, `[n, channels, height, width]`.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::dropout::DropBlock;
    /// let graph = Graph::<f64>::new();
    /// let x = graph.constant(Tensor::new([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    /// let mask = graph.constant(Tensor::new([1, 1, 2, 2], vec![1.0, 0.0, 1.0, 0.0]));
    /// let y = DropBlock::new(0.1, 1)?.apply(x, mask);
    /// assert_eq!(interpret(&[y], &[], None)?[0].data(), [2.0, 0.0, 6.0, 0.0]); // half is left: twice it
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, x: Var<'g, T>, mask: Var<'g, T>) -> Var<'g, T> {
        let (shape, of_mask) = (x.shape(), mask.shape());
        assert!(
            shape.rank() == 4 && shape == of_mask,
            "DropBlock: a mask of shape {of_mask} for values of shape {shape}"
        );
        let left = mask.sum_keep(&[1, 2, 3]);
        let places = shape[1] * shape[2] * shape[3];
        let scale = places as f64 / left.equal(0.0).select(left.like(1.0), left);
        x * mask * scale
    }

    fn check(&self, input: Shape) -> Result<(), LayerShapeError> {
        let fits = input.rank() == 4 && input[2] >= self.block && input[3] >= self.block;
        if fits {
            return Ok(());
        }
        Err(LayerShapeError {
            layer: format!("DropBlock with blocks of {0} by {0}", self.block),
            expected: format!("[n, channels, at least {0}, at least {0}]", self.block),
            given: input,
        })
    }
}

impl<T: Real> Layer<T> for DropBlock {
    /// Records nothing for `p = 0`, and in [`Mode::Evaluate`].
    fn forward<'g>(&self, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        if self.p == 0.0 || !mode.is_stochastic() {
            return x;
        }
        self.apply(x, self.mask(self.sample(x.graph(), x.shape()))).named(&self.name)
    }

    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.check(input).map(|()| input)
    }
}

#[cfg(test)]
mod tests;
