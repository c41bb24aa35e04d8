//! The nearest perturbation that a budget and a box allow together.
//!
//! What an attack may reach is the ball `‖d‖ ≤ ε` cut with the box of valid inputs, `l ≤ x + d ≤ u`. Projecting
//! onto one and then the other is neither the nearest point nor, in general, within both. The nearest one is
//! known up to a single number, the multiplier of the budget, for each example: with the sizes `w = abs(v)` of
//! the perturbation `v` to project and the room `c` that the box leaves in its direction,
//!
//! | norm | nearest perturbation | multiplier |
//! |---|---|---|
//! | infinity | `sign(v) min(w, ε, c)` | none |
//! | one | `sign(v) min(max(w - θ, 0), c)` | the threshold `θ ≥ 0` with `Σ min(max(w - θ, 0), c) = ε` |
//! | two | `sign(v) min(t w, c)` | the scale `t ≤ 1` with `Σ min(t w, c)² = ε²` |
//!
//! and no multiplier (`θ = 0`, `t = 1`) where the box alone keeps the budget. Both equations are monotone and
//! simple between the points where an entry vanishes or meets the box, so sorting these solves them exactly
//! (for the L1 ball: Duchi et al., ICML 2008). The multiplier is an operation of its own, [`Multiplier`],
//! with its derivative by the implicit function theorem; everything else is pointwise.

use autograd::{Custom, Real, Shape, Var};

/// The multiplier of a budget: from sizes `[n, m]`, room `[n, m]` and a budget `[]`, one number `[n, 1]` for
/// each example. See the [module documentation](self).
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::adversarial::projection::Multiplier;
/// let none = [f64::INFINITY; 2];
/// assert_eq!(Multiplier::Threshold.solve(&[3.0, 2.0], &none, 2.0), 1.5); // 1.5 and 0.5 are left
/// assert_eq!(Multiplier::Scale.solve(&[3.0, 4.0], &none, 2.5), 0.5);
/// // With room for 0.5 in the first entry the others have the rest: 0.875 - 0.375 = 0.5.
/// assert_eq!(Multiplier::Threshold.solve(&[1.0, 0.875], &[0.5, 1.0], 1.0), 0.375);
/// let graph = Graph::<f64>::new();
/// let [sizes, room] = [[3.0, 4.0], none].map(|row| graph.constant(Tensor::new([1, 2], row.to_vec())));
/// let scale = Multiplier::Scale.of(sizes, room, graph.fill([], 2.5));
/// assert_eq!(interpret(&[scale], &[], None)?[0].data(), [0.5]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplier {
    /// The `θ` of the one norm.
    Threshold,
    /// The `t` of the Euclidean norm.
    Scale,
}

impl Multiplier {
    /// Records the multiplier.
    ///
    /// # Panics
    /// If sizes and room are not matrices of one shape or the budget is no scalar.
    #[track_caller]
    pub fn of<'g, T: Real>(self, sizes: Var<'g, T>, room: Var<'g, T>, epsilon: Var<'g, T>) -> Var<'g, T> {
        Var::custom(self, &[sizes, room, epsilon])
    }

    /// The multiplier of one example, in double precision; NaN if a size is.
    pub fn solve(self, sizes: &[f64], room: &[f64], epsilon: f64) -> f64 {
        if sizes.iter().any(|size| size.is_nan()) {
            return f64::NAN;
        }
        match self {
            Multiplier::Threshold => threshold(sizes, room, epsilon),
            Multiplier::Scale => scale(sizes, room, epsilon),
        }
    }

    /// The derivative of an example's multiplier in the input at `position`, of that input's shape or one
    /// that broadcasts to it: `[n, m]` for sizes and room, `[n, 1]` for the budget.
    ///
    /// Where the equation holds, it holds for the free entries (those between 0 and their room) and the
    /// capped ones together; differentiating it gives one linear equation for the multiplier's change.
    fn partial<'g, T: Real>(self, inputs: &[Var<'g, T>], found: Var<'g, T>, position: usize) -> Var<'g, T> {
        let (sizes, room, epsilon) = (inputs[0], inputs[1], inputs[2]);
        let (active, moved) = match self {
            Multiplier::Threshold => (found.greater(0.0), sizes - found),
            Multiplier::Scale => (found.less(1.0), sizes * found),
        };
        let (capped, free) = (moved.greater_equal(room), moved.greater(0.0) * moved.less(room));
        // What the free entries weigh, 1 where there are none.
        let weight = match self {
            Multiplier::Threshold => free.sum_keep(&[1]),
            Multiplier::Scale => (free * sizes.powi(2)).sum_keep(&[1]) * found,
        };
        let none = weight.equal(0.0);
        let active = active * none.equal(0.0) / none.select(weight.like(1.0), weight);
        active
            * match (self, position) {
                (Multiplier::Threshold, 0) => free,
                (Multiplier::Threshold, 1) => capped,
                (Multiplier::Threshold, _) => found.like(-1.0),
                (Multiplier::Scale, 0) => -(free * sizes * found.powi(2)),
                (Multiplier::Scale, 1) => -capped.select(room, room.like(0.0)),
                (Multiplier::Scale, _) => found.like(1.0) * epsilon,
            }
    }
}

impl<T: Real> Custom<T> for Multiplier {
    fn name(&self) -> String {
        match self {
            Multiplier::Threshold => "budget threshold".into(),
            Multiplier::Scale => "budget scale".into(),
        }
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match inputs {
            [sizes, room, epsilon] if sizes.rank() == 2 && sizes == room && epsilon.rank() == 0 => {
                Ok(Shape::from([sizes[0], 1]))
            }
            _ => Err("it takes sizes [n, m], room [n, m] and a budget []".into()),
        }
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let [(sizes, shape), (room, _), (epsilon, _)] = inputs else { unreachable!("shape() checks") };
        let width = shape[1];
        let double = |values: &[T]| values.iter().map(|v| v.to_f64()).collect::<Vec<_>>();
        for (row, found) in output.iter_mut().enumerate() {
            let row = row * width..(row + 1) * width;
            let found_here =
                self.solve(&double(&sizes[row.clone()]), &double(&room[row]), epsilon[0].to_f64());
            *found = T::from_f64(found_here);
        }
    }

    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        position: usize,
        cotangent: Var<'g, T>,
    ) -> Option<Var<'g, T>> {
        let product = cotangent * self.partial(inputs, output, position);
        Some(if position == 2 { product.sum() } else { product })
    }

    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        tangents: &[Option<Var<'g, T>>],
    ) -> Option<Var<'g, T>> {
        let along = |(position, tangent): (usize, &Option<Var<'g, T>>)| {
            let product = self.partial(inputs, output, position) * (*tangent)?;
            Some(if position == 2 { product } else { product.sum_keep(&[1]) })
        };
        tangents.iter().enumerate().filter_map(along).reduce(|sum, term| sum + term)
    }
}

/// The `θ ≥ 0` with `Σ min(max(w - θ, 0), c) = ε`; 0 if the sum is smaller for `θ = 0` already.
fn threshold(sizes: &[f64], room: &[f64], epsilon: f64) -> f64 {
    let unshrunk: f64 = sizes.iter().zip(room).map(|(w, c)| w.min(*c)).sum();
    if unshrunk <= epsilon {
        return 0.0;
    }
    // Walking θ down from above, the sum grows by the number of free entries: one more below each w, one less
    // below each w - c, where an entry meets the box.
    let mut events: Vec<(f64, f64)> = Vec::with_capacity(2 * sizes.len());
    for (&w, &c) in sizes.iter().zip(room) {
        events.push((w, 1.0));
        if w > c {
            events.push((w - c, -1.0));
        }
    }
    events.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut sum, mut free, mut at) = (0.0, 0.0, f64::INFINITY);
    for (next, change) in events {
        if free > 0.0 {
            let reached = sum + free * (at - next);
            if reached >= epsilon {
                break;
            }
            sum = reached;
        }
        (free, at) = (free + change, next);
    }
    // The last stretch ends at 0 if no event ended it.
    if free > 0.0 { (at - (epsilon - sum) / free).max(0.0) } else { at }
}

/// The `t ≤ 1` with `Σ min(t w, c)² = ε²`; 1 if the sum is smaller for `t = 1` already.
fn scale(sizes: &[f64], room: &[f64], epsilon: f64) -> f64 {
    let largest = sizes.iter().fold(0.0f64, |a, b| a.max(*b));
    // Over the largest, so that no square overflows or vanishes.
    let over = |v: f64| if largest > 0.0 { v / largest } else { v };
    let budget = over(epsilon).powi(2);
    let unscaled: f64 = sizes.iter().zip(room).map(|(w, c)| over(w.min(*c)).powi(2)).sum();
    if unscaled <= budget {
        return 1.0;
    }
    // An entry meets the box at t = c/w. Walking t up, those behind are capped, those ahead grow as t w.
    let mut entries: Vec<(f64, f64)> = sizes.iter().zip(room).map(|(w, c)| (over(*w), over(*c))).collect();
    entries.retain(|(w, _)| *w > 0.0);
    entries.sort_by(|(w, c), (v, d)| (c / w).total_cmp(&(d / v)));
    let mut ahead = vec![0.0; entries.len() + 1];
    for (k, (w, _)) in entries.iter().enumerate().rev() {
        ahead[k] = ahead[k + 1] + w * w;
    }
    let mut capped = 0.0;
    for (k, (w, c)) in entries.iter().enumerate() {
        if capped + (c / w).powi(2) * ahead[k] >= budget {
            return ((budget - capped).max(0.0) / ahead[k]).sqrt();
        }
        capped += c * c;
    }
    1.0
}

#[cfg(test)]
mod tests;
