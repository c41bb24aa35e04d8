//! Tangents of an image under smooth transformations, by differentiating the transformation itself.
//!
//! Pixels are samples; to move an image a little it must be a function of the plane. Each pixel is a Gaussian
//! bump of width `σ` at its place,
//!
//! ```text
//! I(u, v) = Σ xᵢⱼ g(u - j) g(v - i),        g(d) = e^(-d²/2σ²) / (σ √2π)
//! ```
//!
//! and the transformed image has at each pixel what the smoothed one has at the place it came from. That is
//! smooth in the parameters `α` of the transformation, so its tangent at `α = 0` is a [`jvp`] like any other
//! (Simard et al. 1992; Simard, LeCun, Denker, Victorri, *Transformation invariance*, 1998, section 3). In
//! coordinates with the origin in the image's middle:
//!
//! | transformation | moves `(u, v)` along | tangent |
//! |---|---|---|
//! | [`TranslateX`](Transformation::TranslateX) | `(1, 0)` | `-∂I/∂u` |
//! | [`TranslateY`](Transformation::TranslateY) | `(0, 1)` | `-∂I/∂v` |
//! | [`Rotate`](Transformation::Rotate) | `(-v, u)` | `v ∂I/∂u - u ∂I/∂v` |
//! | [`Scale`](Transformation::Scale) | `(u, v)` | `-u ∂I/∂u - v ∂I/∂v` |
//! | [`StretchAxes`](Transformation::StretchAxes) | `(u, -v)` | `-u ∂I/∂u + v ∂I/∂v` |
//! | [`StretchDiagonals`](Transformation::StretchDiagonals) | `(v, u)` | `-v ∂I/∂u - u ∂I/∂v` |
//!
//! Rotation, scale and the two stretches are in units of half the image's larger side, so that all of them
//! move the edge of the image by about a pixel for `α = 1`.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::tangent::{Transformation, Transformations};
//! let graph = Graph::<f64>::new();
//! // A spot right of the middle: moved to the right it grows on its right.
//! let image = graph.constant(Tensor::from_fn([1, 5, 5], |i| if i == 13 { 1.0 } else { 0.0 }));
//! let moves = Transformations::new(5, 5, 1.0)?.only(&[Transformation::TranslateX]);
//! let tangent = interpret(&[moves.tangents(image)[0]], &[], None)?.remove(0);
//! assert!(tangent[[0, 2, 2]] < 0.0 && tangent[[0, 2, 4]] > 0.0 && tangent[[0, 2, 3]].abs() < 1e-15);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, above_zero, at_least_one};
use autograd::{Real, Tensor, Var, jvp};

/// One parameter of a smooth transformation of the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transformation {
    /// To the right.
    TranslateX,
    /// Downwards.
    TranslateY,
    /// Clockwise, as rows go down.
    Rotate,
    /// Larger.
    Scale,
    /// Wider and lower.
    StretchAxes,
    /// Longer along the falling diagonal, shorter across.
    StretchDiagonals,
}

impl Transformation {
    /// All of them.
    pub const ALL: [Transformation; 6] = [
        Transformation::TranslateX,
        Transformation::TranslateY,
        Transformation::Rotate,
        Transformation::Scale,
        Transformation::StretchAxes,
        Transformation::StretchDiagonals,
    ];

    /// Where a point moves, in units in which the image's edge is at ±1.
    fn field(self, [u, v]: [f64; 2]) -> [f64; 2] {
        match self {
            Transformation::TranslateX => [1.0, 0.0],
            Transformation::TranslateY => [0.0, 1.0],
            Transformation::Rotate => [-v, u],
            Transformation::Scale => [u, v],
            Transformation::StretchAxes => [u, -v],
            Transformation::StretchDiagonals => [v, u],
        }
    }
}

/// Some transformations of images of one size, smoothed by one width. See the [module documentation](self).
///
/// ```
/// use regularize::tangent::{Transformation, Transformations};
/// let moves = Transformations::new(8, 8, 0.9)?;
/// assert_eq!(moves.chosen(), Transformation::ALL);
/// let two = moves.only(&[Transformation::Rotate, Transformation::Scale]);
/// assert_eq!(two.chosen().len(), 2);
/// assert!(Transformations::new(8, 8, 0.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Transformations {
    height: usize,
    width: usize,
    sigma: f64,
    chosen: Vec<Transformation>,
}

impl Transformations {
    /// All transformations of images of `height` by `width` pixels, smoothed with `sigma` pixels. Below half a
    /// pixel the bumps do not overlap, and the derivative says little; the authors take about 0.9.
    ///
    /// # Errors
    /// If `sigma` is not finite and above 0, or the image has no pixels.
    pub fn new(height: usize, width: usize, sigma: f64) -> Result<Transformations, RegularizeError> {
        above_zero("width of the smoothing", sigma)?;
        for (name, side) in [("image's height", height), ("image's width", width)] {
            at_least_one(name, side)?;
        }
        Ok(Transformations { height, width, sigma, chosen: Transformation::ALL.to_vec() })
    }

    /// Only these, in this order.
    pub fn only(self, chosen: &[Transformation]) -> Transformations {
        Transformations { chosen: chosen.to_vec(), ..self }
    }

    /// Those that are chosen.
    pub fn chosen(&self) -> &[Transformation] {
        &self.chosen
    }

    /// The images, smoothed and moved by `alpha`, `[number chosen]`: the same for each of them.
    ///
    /// `images` are `[n, height, width]`, or `[n, height · width]` as a flat network takes them; the result is
    /// of the same shape. To first order in `alpha` the transformations act together; `alpha = 0` smooths.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::tangent::{Transformation, Transformations};
    /// let graph = Graph::<f64>::new();
    /// let image = graph.constant(Tensor::new([1, 1, 5], vec![0.0, 1.0, 3.0, 0.0, 0.0]));
    /// let moves = Transformations::new(1, 5, 0.8)?.only(&[Transformation::TranslateX]);
    /// let [still, moved] = [0.0, 1.0].map(|alpha| moves.apply(image, graph.fill([1], alpha)));
    /// let found = interpret(&[still, moved], &[], None)?;
    /// // By one pixel to the right: each has what its neighbour had.
    /// assert!((0..4).all(|k| (found[1].data()[k + 1] - found[0].data()[k]).abs() < 1e-15));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If a shape is another.
    #[track_caller]
    pub fn apply<'g, T: Real>(&self, images: Var<'g, T>, alpha: Var<'g, T>) -> Var<'g, T> {
        let (shape, graph) = (images.shape(), images.graph());
        let (height, width) = (self.height, self.width);
        let is_image = matches!(shape.lengths(), &[_, h, w] if h == height && w == width)
            || matches!(shape.lengths(), &[_, pixels] if pixels == height * width);
        assert!(is_image, "Transformations: images of {height} by {width} pixels, not {shape}");
        let (count, given) = (self.chosen.len(), alpha.shape());
        assert!(given.lengths() == [count], "Transformations: {count} parameters, not {given}");
        let (n, pixels) = (shape[0], height * width);
        let [u, v] = [0, 1].map(|axis| {
            let constant = |columns: usize, value: &dyn Fn(usize) -> f64| {
                graph.constant(Tensor::from_fn([pixels, columns], |i| T::from_f64(value(i))))
            };
            // What is at a pixel came from where the field points away from.
            let place = constant(1, &|pixel| self.place(pixel)[axis]);
            if count == 0 {
                return place;
            }
            let field = constant(count, &|i| self.field(i / count, self.chosen[i % count])[axis]);
            place - field.matmul(alpha.reshape([count, 1]))
        });
        // [pixels, width] and [pixels, height]: the bumps of all columns and rows at each place.
        let bumps = |place: Var<'g, T>, length: usize| {
            let middle = (length as f64 - 1.0) / 2.0;
            let centres = graph.constant(Tensor::from_fn([1, length], |i| T::from_f64(i as f64 - middle)));
            let height = 1.0 / (self.sigma * (2.0 * std::f64::consts::PI).sqrt());
            ((place - centres).powi(2) * (-0.5 / (self.sigma * self.sigma))).exp() * height
        };
        let across = images.reshape([n * height, width]).matmul_transposed(bumps(u, width), false, true);
        let moved = across.reshape([n, height, pixels]) * bumps(v, height).transpose();
        moved.sum_over(&[1]).reshape(shape)
    }

    /// The tangent of the images along each chosen transformation, each of the images' shape.
    ///
    /// ```
    /// use autograd::{Graph, Tensor, interpret};
    /// use regularize::tangent::{Transformation, Transformations};
    /// let graph = Graph::<f64>::new();
    /// // A spot in the middle is round: turning it does nothing, making it larger does.
    /// let spot = graph.constant(Tensor::from_fn([1, 5, 5], |i| if i == 12 { 1.0 } else { 0.0 }));
    /// let moves = Transformations::new(5, 5, 1.0)?.only(&[Transformation::Rotate, Transformation::Scale]);
    /// let found = interpret(&moves.tangents(spot), &[], None)?;
    /// assert!(found[0].data().iter().all(|t| t.abs() < 1e-15));
    /// // -u ∂I/∂u beside it, in units of half the image's side.
    /// let beside = (-0.5f64).exp() / (2.0 * std::f64::consts::PI) / 2.5;
    /// assert!((found[1][[0, 2, 3]] - beside).abs() < 1e-15);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Panics
    /// If the images' shape is another.
    #[track_caller]
    pub fn tangents<'g, T: Real>(&self, images: Var<'g, T>) -> Vec<Var<'g, T>> {
        let (graph, count) = (images.graph(), self.chosen.len());
        let alpha = graph.fill([count], 0.0);
        let moved = self.apply(images, alpha);
        let mut tangents = Vec::new();
        for k in 0..count {
            let axis = Tensor::from_fn([count], |i| if i == k { T::ONE } else { T::ZERO });
            tangents.push(jvp(moved, &[alpha], &[graph.constant(axis)]));
        }
        tangents
    }

    /// Column and row of a pixel, from the middle.
    fn place(&self, pixel: usize) -> [f64; 2] {
        let from_middle = |at: usize, length: usize| at as f64 - (length as f64 - 1.0) / 2.0;
        [from_middle(pixel % self.width, self.width), from_middle(pixel / self.width, self.height)]
    }

    /// Where a transformation moves a pixel, for `α = 1`.
    fn field(&self, pixel: usize, transformation: Transformation) -> [f64; 2] {
        let half = self.height.max(self.width) as f64 / 2.0;
        transformation.field(self.place(pixel).map(|x| x / half))
    }
}

#[cfg(test)]
mod tests;
