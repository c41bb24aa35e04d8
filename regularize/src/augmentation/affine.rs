//! Affine warps: translate, rotate, scale, shear, and all of them in one look at the image.
//!
//! A warp is made backwards: for each pixel of the result it says where in the image to look. So the matrices
//! here, `[n, 3, 3]` with one for each image, take `(row, column, 1)` *of the result* to that *of the image*,
//! counted in pixels from the middle. The names say what happens to what is seen:
//!
//! | function | parameter | what is seen | where it looks |
//! |---|---|---|---|
//! | [`translation`] | `[n, 2]`, pixels | moves down and right | `r - t₁, c - t₂` |
//! | [`rotation`] | `[n]`, radians | turns anticlockwise by `θ` | `r cos θ + c sin θ, c cos θ - r sin θ` |
//! | [`scaling`] | `[n, 2]`, factors | grows in height and width | `r / s₁, c / s₂` |
//! | [`shear`] | `[n]`, a slope | each line moves right by `k` times its row | `r, c - k r` |
//!
//! A product of matrices is a warp too, and one [`warp`] by a product blurs less than two warps: in
//! `A.matmul(B)` what is seen goes through `A` first. Sampling is [`bilinear`], with its convention at integer
//! places.
//!
//! [`Affine`] draws all of them at random. Simard, Steinkraus and Platt (ICDAR 2003) halved the error of
//! convolutional networks on MNIST by affine and [elastic](super::elastic) distortions.
//!
//! ```
//! use autograd::{Graph, Tensor, interpret};
//! use regularize::augmentation::{Border, affine};
//! let graph = Graph::<f64>::new();
//! let image = graph.constant(Tensor::new([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]));
//! let quarter = graph.fill([1], std::f64::consts::FRAC_PI_2);
//! let turned = affine::warp(image, affine::rotation(quarter), Border::Edge);
//! let found = interpret(&[turned], &[], None)?;
//! assert!(found[0].data().iter().zip([2.0, 4.0, 1.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12));
//! # Ok::<(), autograd::RunError>(())
//! ```

use super::contract::{Change, Kind};
use super::sampling::{Border, bilinear, check_parameter, dimensions};
use super::{Augmentation, between, drawn};
use crate::error::{RegularizeError, at_least_zero};
use autograd::{Graph, Real, Tensor, Var};
use nn::optimise::HyperparameterError;

/// Three by three variables, or numbers that are the same for each image.
enum Entry<'g, T: Real> {
    Number(f64),
    Each(Var<'g, T>),
}
use Entry::{Each, Number};

/// Matrices `[n, 3, 3]` of entries in order.
fn matrices<'g, T: Real>(graph: &'g Graph<T>, n: usize, entries: [Entry<'g, T>; 9]) -> Var<'g, T> {
    let columns = entries.map(|entry| match entry {
        Number(value) => graph.fill([n, 1], value),
        Each(value) => value.reshape([n, 1]),
    });
    Var::concat(&columns, 1).reshape([n, 3, 3])
}

/// Moves down by `t₁` and to the right by `t₂` pixels, for shifts `[n, 2]`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::affine::translation;
/// let graph = Graph::<f64>::new();
/// let shift = graph.constant(Tensor::new([1, 2], vec![1.0, 2.0]));
/// let matrix = interpret(&[translation(shift)], &[], None)?.remove(0);
/// // What is seen moves by (1, 2), so one looks at (-1, -2).
/// assert_eq!(matrix.data(), [1.0, 0.0, -1.0, 0.0, 1.0, -2.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shape is another.
#[track_caller]
pub fn translation<'g, T: Real>(shift: Var<'g, T>) -> Var<'g, T> {
    let n = pairs("translation", "shift", shift);
    let [down, right] = [0, 1].map(|axis| Each(-shift.slice(1, axis, axis + 1)));
    let one = [Number(1.0), Number(0.0), down, Number(0.0), Number(1.0), right];
    matrices(shift.graph(), n, with_last_row(one))
}

/// Turns anticlockwise by angles `[n]` in radians.
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::affine::rotation;
/// let graph = Graph::<f64>::new();
/// let sixth = std::f64::consts::FRAC_PI_3;
/// let [on, back] = [sixth, -2.0 * sixth].map(|angle| rotation(graph.fill([1], angle)));
/// // Two turns by a sixth and one back by a third are none.
/// let none = on.matmul(on).matmul(back);
/// let found = interpret(&[none], &[], None)?.remove(0);
/// let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
/// assert!(found.data().iter().zip(identity).all(|(a, b)| (a - b).abs() < 1e-15));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shape is another.
#[track_caller]
pub fn rotation<'g, T: Real>(angle: Var<'g, T>) -> Var<'g, T> {
    let n = numbers("rotation", "angle", angle);
    let (sin, cos) = (angle.sin(), angle.cos());
    let turn = [Each(cos), Each(sin), Number(0.0), Each(-sin), Each(cos), Number(0.0)];
    matrices(angle.graph(), n, with_last_row(turn))
}

/// Grows to `s₁` times the height and `s₂` times the width, for factors `[n, 2]`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::affine::scaling;
/// let graph = Graph::<f64>::new();
/// let factors = graph.constant(Tensor::new([1, 2], vec![2.0, 4.0]));
/// let matrix = interpret(&[scaling(factors)], &[], None)?.remove(0);
/// assert_eq!(matrix.data(), [0.5, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shape is another.
#[track_caller]
pub fn scaling<'g, T: Real>(factors: Var<'g, T>) -> Var<'g, T> {
    let n = pairs("scaling", "factors", factors);
    let [height, width] = [0, 1].map(|axis| Each(1.0 / factors.slice(1, axis, axis + 1)));
    let grown = [height, Number(0.0), Number(0.0), Number(0.0), width, Number(0.0)];
    matrices(factors.graph(), n, with_last_row(grown))
}

/// Moves each line to the right by `k` times its row counted from the middle, for slopes `[n]`: an upright
/// stroke leans to the left for `k > 0`.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, affine};
/// let graph = Graph::<f64>::new();
/// // An upright stroke; with slope 1 the line above the middle moves left, that below it right.
/// let stroke = Tensor::new([1, 1, 3, 3], vec![0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
/// let leaning = affine::warp(graph.constant(stroke), affine::shear(graph.fill([1], 1.0)), Border::Edge);
/// let found = interpret(&[leaning], &[], None)?.remove(0);
/// assert_eq!(found.data(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shape is another.
#[track_caller]
pub fn shear<'g, T: Real>(slope: Var<'g, T>) -> Var<'g, T> {
    let n = numbers("shear", "slope", slope);
    let leaning = [Number(1.0), Number(0.0), Number(0.0), Each(-slope), Number(1.0), Number(0.0)];
    matrices(slope.graph(), n, with_last_row(leaning))
}

fn with_last_row<'g, T: Real>(rows: [Entry<'g, T>; 6]) -> [Entry<'g, T>; 9] {
    let [a, b, c, d, e, f] = rows;
    [a, b, c, d, e, f, Number(0.0), Number(0.0), Number(1.0)]
}

#[track_caller]
fn numbers<T: Real>(operation: &str, name: &str, parameter: Var<'_, T>) -> usize {
    let shape = parameter.shape();
    assert!(shape.rank() == 1, "{operation}: the {name} has shape {shape}, not [n]: one for each image");
    shape[0]
}

#[track_caller]
fn pairs<T: Real>(operation: &str, name: &str, parameter: Var<'_, T>) -> usize {
    let shape = parameter.shape();
    let fits = shape.rank() == 2 && shape[1] == 2;
    assert!(fits, "{operation}: the {name} has shape {shape}, not [n, 2]: two for each image");
    shape[0]
}

/// Images `[n, channels, height, width]` seen through matrices `[n, 3, 3]`, the last row of which is taken to
/// be `0, 0, 1`. Differentiable in both.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, affine};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 4], vec![1.0, 2.0, 3.0, 4.0]));
/// let right = affine::translation(graph.constant(Tensor::new([1, 2], vec![0.0, 1.0])));
/// // One look by a product of two shifts.
/// let moved = affine::warp(image, right.matmul(right), Border::Fill(9.0));
/// assert_eq!(interpret(&[moved], &[], None)?[0].data(), [9.0, 9.0, 1.0, 2.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes are not these.
#[track_caller]
pub fn warp<'g, T: Real>(images: Var<'g, T>, matrix: Var<'g, T>, border: Border) -> Var<'g, T> {
    let [n, _, height, width] = dimensions("warp", images);
    check_parameter("warp", "matrix", matrix, &[n, 3, 3]);
    let middle = [height, width].map(|length| (length as f64 - 1.0) / 2.0);
    let grid = Tensor::from_fn([3, height * width], |i| {
        let (axis, at) = (i / (height * width).max(1), i % (height * width).max(1));
        T::from_f64(match axis {
            0 => (at / width) as f64 - middle[0],
            1 => (at % width) as f64 - middle[1],
            _ => 1.0,
        })
    });
    let looked = matrix.matmul(images.graph().constant(grid));
    let along = |axis: usize| looked.slice(1, axis, axis + 1).reshape([n, height, width]) + middle[axis];
    bilinear(images, along(0), along(1), border)
}

/// Images moved down and to the right by shifts `[n, 2]` in pixels: [`warp`] by [`translation`].
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, affine};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 3], vec![1.0, 2.0, 3.0]));
/// let half = graph.constant(Tensor::new([1, 2], vec![0.0, 0.5]));
/// let moved = affine::translate(image, half, Border::Edge);
/// assert_eq!(interpret(&[moved], &[], None)?[0].data(), [1.0, 1.5, 2.5]);
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn translate<'g, T: Real>(images: Var<'g, T>, shift: Var<'g, T>, border: Border) -> Var<'g, T> {
    warp(images, translation(shift), border)
}

/// Images turned anticlockwise by angles `[n]` in radians: [`warp`] by [`rotation`].
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::augmentation::{Border, affine};
/// let graph = Graph::<f64>::new();
/// let image = graph.constant(Tensor::new([1, 1, 1, 3], vec![1.0, 2.0, 3.0]));
/// let half = affine::rotate(image, graph.fill([1], std::f64::consts::PI), Border::Edge);
/// let found = interpret(&[half], &[], None)?.remove(0);
/// assert!(found.data().iter().zip([3.0, 2.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-14));
/// # Ok::<(), autograd::RunError>(())
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn rotate<'g, T: Real>(images: Var<'g, T>, angle: Var<'g, T>, border: Border) -> Var<'g, T> {
    warp(images, rotation(angle), border)
}

/// Random affine warps, uniform in each parameter: turned, sheared, scaled, then moved, in one look.
///
/// | stream | what is drawn for each image |
/// |---|---|
/// | `STREAM.angle` | `θ` in `±` [`Affine::rotate`] |
/// | `STREAM.shear` | `k` in `±` [`Affine::shear`] |
/// | `STREAM.scale` | `s = eᵘ` for each axis, `u` in `±` the logarithm of [`Affine::scale`] |
/// | `STREAM.shift` | `t` for each axis in `±` [`Affine::translate`] |
///
/// ```
/// use autograd::{Graph, interpret};
/// use regularize::augmentation::{Affine, Augmentation, Border};
/// let graph = Graph::<f64>::new();
/// let images = graph.fill([2, 1, 8, 8], 0.5);
/// let warp = Affine::new().rotate(15.0)?.scale(1.15)?.shear(0.1)?.translate(1.5)?;
/// // What goes on beyond its border is constant, and stays so; zeros come in from outside.
/// let warped = [warp.border(Border::Edge), warp].map(|warp| warp.apply(images, "warp"));
/// let found = interpret(&warped, &[], None)?;
/// assert!(found[0].data().iter().all(|v| (v - 0.5).abs() < 1e-15));
/// assert!(found[1].data().iter().any(|v| *v < 0.4));
/// assert_eq!(Affine::new().apply(images, "warp").id(), images.id());
/// assert!(warp.scale(0.0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Affine {
    degrees: f64,
    shear: f64,
    /// The logarithm of the largest factor.
    scale: f64,
    shift: f64,
    border: Border,
}

impl Affine {
    /// The identity.
    pub fn new() -> Affine {
        Affine::default()
    }

    /// The same with angles of up to so many degrees, to either side.
    ///
    /// # Errors
    /// If `degrees` is not in [0, 180].
    pub fn rotate(self, degrees: f64) -> Result<Affine, RegularizeError> {
        HyperparameterError::unless((0.0..=180.0).contains(&degrees), "rotation", degrees, "in [0, 180]")?;
        Ok(Affine { degrees, ..self })
    }

    /// The same with slopes of up to `slope`, to either side.
    ///
    /// # Errors
    /// If `slope` is negative or not finite.
    pub fn shear(self, slope: f64) -> Result<Affine, RegularizeError> {
        Ok(Affine { shear: at_least_zero("shear", slope)?, ..self })
    }

    /// The same with factors from `1 / factor` to `factor`, of height and of width each.
    ///
    /// # Errors
    /// If `factor` is below 1 or not finite.
    pub fn scale(self, factor: f64) -> Result<Affine, RegularizeError> {
        let fits = factor.is_finite() && factor >= 1.0;
        HyperparameterError::unless(fits, "largest scale", factor, "finite and at least 1")?;
        Ok(Affine { scale: factor.ln(), ..self })
    }

    /// The same with shifts of up to `pixels` along each axis, to either side.
    ///
    /// # Errors
    /// If `pixels` is negative or not finite.
    pub fn translate(self, pixels: f64) -> Result<Affine, RegularizeError> {
        Ok(Affine { shift: at_least_zero("translation", pixels)?, ..self })
    }

    /// The same with something else beyond the border than zeros.
    pub fn border(self, border: Border) -> Affine {
        Affine { border, ..self }
    }

    /// The matrices of this batch, `[n, 3, 3]`; `None` if every strength is 0.
    fn matrix<'g, T: Real>(&self, graph: &'g Graph<T>, n: usize, stream: &str) -> Option<Var<'g, T>> {
        let limits = [self.degrees.to_radians(), self.shear, self.scale, self.shift];
        random_matrix(graph, n, stream, |part, draws| {
            let limit = limits[part as usize];
            (limit > 0.0).then(|| between(draws(), -limit, limit))
        })
    }
}

/// A part of a random warp; the order is that in which what is seen goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Radians.
    Angle,
    /// A slope.
    Shear,
    /// The logarithm of the factor, for each axis.
    Scale,
    /// Pixels, for each axis.
    Shift,
}

/// The product of the matrices `[n, 3, 3]` of each [`Part`] for which `parameter` makes something of the uniform
/// draws of its stream; `None` if there is none. What is not asked for is not drawn.
pub(crate) fn random_matrix<'g, T: Real>(
    graph: &'g Graph<T>,
    n: usize,
    stream: &str,
    parameter: impl Fn(Part, &dyn Fn() -> Var<'g, T>) -> Option<Var<'g, T>>,
) -> Option<Var<'g, T>> {
    let of = |part, what: &str, shape: &[usize]| parameter(part, &|| drawn(graph, stream, what, shape));
    let parts = [
        of(Part::Angle, "angle", &[n]).map(rotation),
        of(Part::Shear, "shear", &[n]).map(shear),
        of(Part::Scale, "scale", &[n, 2]).map(|u| scaling(u.exp())),
        of(Part::Shift, "shift", &[n, 2]).map(translation),
    ];
    parts.into_iter().flatten().reduce(Var::matmul)
}

impl<T: Real> Augmentation<T> for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn changes(&self, [_, height, width]: [usize; 3]) -> Vec<Change> {
        let all = [
            Change::new(Kind::Rotation, self.degrees),
            Change::new(Kind::Shear, self.shear),
            Change::new(Kind::Scale, self.scale.exp() - 1.0),
            Change::new(Kind::Translation, self.shift / height.min(width).max(1) as f64),
        ];
        all.into_iter().filter(|change| change.extent > 0.0).collect()
    }

    fn apply<'g>(&self, images: Var<'g, T>, stream: &str) -> Var<'g, T> {
        let [n, ..] = dimensions("affine", images);
        match self.matrix(images.graph(), n, stream) {
            Some(matrix) => warp(images, matrix, self.border),
            None => images,
        }
    }
}

#[cfg(test)]
mod tests;
