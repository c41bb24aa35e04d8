//! A line search by the strong Wolfe conditions.
//!
//! Along `φ(α) = J(x + α d)` from `φ(0)`, with `φ'(0) < 0`, a step `α` is accepted if
//!
//! ```text
//! φ(α) ≤ φ(0) + c₁ α φ'(0)        it decreases the loss enough
//! |φ'(α)| ≤ c₂ |φ'(0)|            it flattens the slope enough
//! ```
//!
//! First steps grow until an interval is known that holds such a step, then the interval shrinks (Nocedal
//! and Wright, *Numerical Optimization*, algorithms 3.5 and 3.6).

/// A step along the line, and the loss and its derivative along the line there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub step: f64,
    pub loss: f64,
    pub slope: f64,
}

/// A line to be searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Step 0, whose slope is negative.
    pub start: Point,
    /// `c₁`
    pub decrease: f64,
    /// `c₂`
    pub curvature: f64,
}

/// After so many evaluations there is no such step to be found: the interval has shrunk by a factor of at
/// least `0.9^50`, typically by `2^50`.
const EVALUATIONS: usize = 50;

impl Line {
    /// An acceptable step, the first tried being `first`; none if there seems to be none. The step that is
    /// returned is the last that was evaluated.
    pub fn search<E>(
        &self,
        first: f64,
        mut evaluate: impl FnMut(f64) -> Result<Point, E>,
    ) -> Result<Option<Point>, E> {
        let (mut low, mut step) = (self.start, first);
        // The best end of the interval, and the other one once there is one.
        let mut high: Option<Point> = None;
        for _ in 0..EVALUATIONS {
            let point = evaluate(step)?;
            if self.accepts(point) {
                return Ok(Some(point));
            }
            if !self.decreases(point) || point.loss >= low.loss {
                // Too far: also if the loss is not finite there.
                high = Some(point);
            } else {
                // Better than `low`. If the loss rises from here towards the other end, the interval is what
                // lies on this side.
                let towards = high.map_or(1.0, |high| high.step - low.step);
                if point.slope * towards >= 0.0 {
                    high = Some(low);
                }
                low = point;
            }
            step = match high {
                None => 2.0 * step,
                Some(high) => between(low, high),
            };
            if step == low.step || !step.is_finite() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The strong Wolfe conditions, or near the minimum, where the difference of two losses is rounding, what
    /// they come to for a parabola: `φ'(α) ≤ (2 c₁ - 1) φ'(0)` in place of the first (Hager and Zhang, *SIAM
    /// Journal on Optimization* 16, 2005, equation 4.1).
    fn accepts(&self, point: Point) -> bool {
        let start = self.start;
        // Two roundings of each loss.
        let rounding = 4.0 * f64::EPSILON * start.loss.abs();
        let parabola = (point.loss - start.loss).abs() <= rounding
            && point.slope <= (2.0 * self.decrease - 1.0) * start.slope;
        let flat = point.slope.abs() <= -self.curvature * start.slope;
        flat && (self.decreases(point) || parabola)
    }

    /// The first condition. Not by a loss of -∞ or NaN, nor by a slope that is no number.
    fn decreases(&self, point: Point) -> bool {
        let Point { loss, slope, .. } = self.start;
        let finite = point.loss.is_finite() && point.slope.is_finite();
        finite && point.loss <= loss + self.decrease * point.step * slope
    }
}

/// A step between two: where the cubic through both losses and slopes is smallest, if that is well inside,
/// else in the middle.
fn between(a: Point, b: Point) -> f64 {
    let width = b.step - a.step;
    let middle = a.step + 0.5 * width;
    // Nocedal and Wright, equation 3.59.
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.step - b.step);
    let d2 = width.signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    let smallest = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    // NaN, of a loss that is not finite or a cubic without minimum, is not inside either.
    let inside = ((smallest - a.step) / width - 0.5).abs() <= 0.4;
    if inside { smallest } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_of_a_cubic_is_found_at_once() {
        // x³ - x has its minimum at 1/√3.
        let at = |x: f64| Point { step: x, loss: x * x * x - x, slope: 3.0 * x * x - 1.0 };
        let minimum = (1.0f64 / 3.0).sqrt();
        for (a, b) in [(0.0, 1.0), (1.0, 0.0), (0.25, 2.0)] {
            // Some ten roundings of numbers of order one.
            assert!((between(at(a), at(b)) - minimum).abs() < 1e-14, "{}", between(at(a), at(b)));
        }
        // Too near an end, or none: the middle.
        assert_eq!(between(at(0.5), at(2.5)), 1.5);
        assert_eq!(between(at(0.0), Point { step: 1.0, loss: f64::NAN, slope: f64::NAN }), 0.5);
    }
}
