//! Tangent distance: how near two examples come when they may move along their tangents (Simard, LeCun, Denker,
//! NIPS 1992; *Deep Learning*, section 7.14).
//!
//! The distance between the manifolds of all slightly moved versions of two examples would be the right one,
//! and is hard to find. Instead each manifold becomes the plane that touches it, and the distance between
//! planes is a least-squares problem:
//!
//! | [`Sides`] | distance of `x` and `y` |
//! |---|---|
//! | [`Neither`](Sides::Neither) | `‖x - y‖` |
//! | [`First`](Sides::First) | `min ‖x + X a - y‖` over `a` |
//! | [`Both`](Sides::Both) | `min ‖x + X a - y - Y b‖` over `a` and `b` |
//!
//! With an orthonormal basis of the tangents the minimum is what is left of `x - y` when its components along
//! them are taken away. So the distance is 0 between points that differ by a tangent, never above Euclid's,
//! and symmetric with both sides; the triangle inequality does not hold.
//!
//! All of it is on the host, in `f64`: it is a distance between given examples and trains nothing.
//!
//! ```
//! use regularize::tangent::{Sides, TangentPlane, tangent_distance};
//! let a = TangentPlane::new(&[0.0, 0.0, 0.0], &[vec![1.0, 1.0, 0.0]])?;
//! let b = TangentPlane::new(&[5.0, 5.0, 2.0], &[vec![0.0, 0.0, 3.0]])?;
//! assert!((tangent_distance(&a, &b, Sides::First)? - 2.0).abs() < 1e-14);
//! assert!(tangent_distance(&a, &b, Sides::Both)? < 1e-14);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::orthogonal::{extend, project_out};
use super::transforms::Transformations;
use crate::error::RegularizeError;
use crate::host::dot;
use autograd::{Graph, Real, Shape, Tensor, interpret};
use nn::data::DataError;

/// Whose tangents count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sides {
    /// Nobody's: Euclid's distance.
    Neither,
    /// Those of the first example.
    First,
    /// Those of both.
    Both,
}

/// A point and an orthonormal basis of the tangents there.
///
/// ```
/// use regularize::tangent::TangentPlane;
/// // The second tangent says nothing new, the third is none.
/// let tangents = [vec![0.0, 2.0], vec![0.0, -3.0], vec![0.0, 0.0]];
/// let plane = TangentPlane::new(&[5.0, 7.0], &tangents)?;
/// assert_eq!((plane.point(), plane.basis()), (&[5.0, 7.0][..], &[vec![0.0, 1.0]][..]));
/// assert!(TangentPlane::new(&[f64::NAN], &[]).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TangentPlane {
    point: Vec<f64>,
    basis: Vec<Vec<f64>>,
}

impl TangentPlane {
    /// The plane through `point` along the tangents. They need not be independent: one that the others give
    /// already, or that is 0, adds nothing.
    ///
    /// # Errors
    /// [`RegularizeError::Shape`] if a tangent has another length than the point, [`RegularizeError::NonFinite`] if
    /// a number is not finite.
    pub fn new(point: &[f64], tangents: &[Vec<f64>]) -> Result<TangentPlane, RegularizeError> {
        RegularizeError::unless_finite("numbers of a point", point)?;
        for tangent in tangents {
            unless_as_long("numbers of a tangent", point, tangent)?;
            RegularizeError::unless_finite("numbers of a tangent", tangent)?;
        }
        let mut basis = Vec::new();
        extend(&mut basis, tangents);
        Ok(TangentPlane { point: point.to_vec(), basis })
    }

    /// The point.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// The basis: at most as many vectors as there were tangents.
    pub fn basis(&self) -> &[Vec<f64>] {
        &self.basis
    }
}

/// An error, unless `numbers` are as many as those of `point`.
fn unless_as_long(what: &'static str, point: &[f64], numbers: &[f64]) -> Result<(), RegularizeError> {
    if point.len() == numbers.len() {
        return Ok(());
    }
    let (expected, found) = (Shape::from([point.len()]), Shape::from([numbers.len()]));
    Err(RegularizeError::Shape { what, expected, found })
}

/// The distance between two examples with their tangents.
///
/// ```
/// use regularize::tangent::{Sides, TangentPlane, tangent_distance};
/// let a = TangentPlane::new(&[0.0, 0.0, 0.0], &[vec![1.0, 0.0, 0.0]])?;
/// let b = TangentPlane::new(&[3.0, 4.0, 12.0], &[vec![0.0, 2.0, 0.0]])?;
/// let distance = |sides| tangent_distance(&a, &b, sides);
/// assert_eq!(distance(Sides::Neither)?, 13.0);
/// assert_eq!(distance(Sides::First)?, 160f64.sqrt()); // 4 and 12 are left
/// assert_eq!(distance(Sides::Both)?, 12.0);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// [`RegularizeError::Shape`] if the points are of different lengths.
pub fn tangent_distance(
    first: &TangentPlane,
    second: &TangentPlane,
    sides: Sides,
) -> Result<f64, RegularizeError> {
    unless_as_long("numbers of the second point", &first.point, &second.point)?;
    let mut rest: Vec<f64> = first.point.iter().zip(&second.point).map(|(x, y)| x - y).collect();
    match sides {
        Sides::Neither => {}
        Sides::First => project_out(&mut rest, &first.basis),
        Sides::Both => {
            let mut basis = first.basis.clone();
            extend(&mut basis, &second.basis);
            project_out(&mut rest, &basis);
        }
    }
    Ok(dot(&rest, &rest).sqrt())
}

/// A nearest-neighbour classifier by tangent distance.
///
/// ```
/// use regularize::tangent::{Sides, TangentNeighbour, TangentPlane};
/// let plane = |point: [f64; 2]| TangentPlane::new(&point, &[vec![1.0, 0.0]]);
/// let seen = TangentNeighbour::new(vec![plane([0.0, 0.0])?, plane([4.0, 1.0])?], &[3, 8])?;
/// let example = plane([5.0, 0.2])?;
/// assert_eq!(seen.classify(&example, Sides::Neither)?, 8);
/// assert_eq!(seen.classify(&example, Sides::Both)?, 3); // along the tangent nothing counts
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TangentNeighbour {
    planes: Vec<TangentPlane>,
    labels: Vec<u32>,
}

impl TangentNeighbour {
    /// Remembers examples and their labels.
    ///
    /// # Errors
    /// If there are none, not as many labels as planes, or points of different lengths.
    pub fn new(planes: Vec<TangentPlane>, labels: &[u32]) -> Result<TangentNeighbour, RegularizeError> {
        let Some(first) = planes.first() else {
            return Err(RegularizeError::Nothing { what: "examples to be near to" });
        };
        let (examples, labels) = (planes.len(), labels.to_vec());
        if examples != labels.len() {
            return Err(DataError::CountMismatch { examples, labels: labels.len() }.into());
        }
        for plane in &planes {
            unless_as_long("numbers of a point", &first.point, &plane.point)?;
        }
        Ok(TangentNeighbour { planes, labels })
    }

    /// The position of the nearest example, the first of equals, and its distance. With [`Sides::First`] the
    /// tangents of `example` count.
    ///
    /// ```
    /// use regularize::tangent::{Sides, TangentNeighbour, TangentPlane};
    /// let plane = |point: [f64; 2]| TangentPlane::new(&point, &[vec![1.0, 0.0]]);
    /// let seen = TangentNeighbour::new(vec![plane([0.0, 0.0])?, plane([4.0, 1.0])?], &[3, 8])?;
    /// let example = plane([4.0, 0.25])?;
    /// assert_eq!(seen.nearest(&example, Sides::Neither)?, (1, 0.75));
    /// assert_eq!(seen.nearest(&example, Sides::First)?, (0, 0.25));
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`tangent_distance`].
    pub fn nearest(&self, example: &TangentPlane, sides: Sides) -> Result<(usize, f64), RegularizeError> {
        let mut best = (0, f64::INFINITY);
        for (position, plane) in self.planes.iter().enumerate() {
            let distance = tangent_distance(example, plane, sides)?;
            if distance < best.1 {
                best = (position, distance);
            }
        }
        Ok(best)
    }

    /// The label of the nearest example.
    ///
    /// # Errors
    /// As [`tangent_distance`].
    pub fn classify(&self, example: &TangentPlane, sides: Sides) -> Result<u32, RegularizeError> {
        Ok(self.labels[self.nearest(example, sides)?.0])
    }
}

impl Transformations {
    /// The planes that touch the manifolds of all moved versions of some images, each at the smoothed image
    /// itself: what [`tangent_distance`] takes. Images are as for [`Transformations::apply`].
    ///
    /// ```
    /// use autograd::Tensor;
    /// use regularize::tangent::{Sides, Transformation, Transformations, tangent_distance};
    /// let shifts = [Transformation::TranslateX, Transformation::TranslateY];
    /// let moves = Transformations::new(7, 7, 1.0)?.only(&shifts);
    /// // A spot, and the same spot one pixel further to the right.
    /// let spots = Tensor::<f64>::from_fn([2, 7, 7], |i| if i == 24 || i == 49 + 25 { 1.0 } else { 0.0 });
    /// let planes = moves.planes(&spots)?;
    /// assert_eq!((planes.len(), planes[0].basis().len()), (2, 2));
    /// let distance = |sides| tangent_distance(&planes[0], &planes[1], sides);
    /// assert!(distance(Sides::Both)? < 0.3 * distance(Sides::Neither)?);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegularizeError::NonFinite`] if a number is not finite.
    ///
    /// # Panics
    /// If the shape is another.
    #[track_caller]
    pub fn planes<T: Real>(&self, images: &Tensor<T>) -> Result<Vec<TangentPlane>, RegularizeError> {
        let graph = Graph::<f64>::new();
        let images = graph.constant(images.cast());
        let mut outputs = vec![self.apply(images, graph.fill([self.chosen().len()], 0.0))];
        outputs.extend(self.tangents(images));
        let values = interpret(&outputs, &[], None)?;
        let pixels = values[0].shape().numel().checked_div(values[0].shape()[0]).unwrap_or(0);
        let row = |k: usize, i: usize| values[k].data()[i * pixels..][..pixels].to_vec();
        let plane = |i: usize| {
            let tangents: Vec<_> = (1..values.len()).map(|k| row(k, i)).collect();
            TangentPlane::new(&row(0, i), &tangents)
        };
        (0..values[0].shape()[0]).map(plane).collect()
    }
}

#[cfg(test)]
mod tests;
