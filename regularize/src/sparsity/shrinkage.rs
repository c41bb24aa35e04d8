//! Sparse codes by iterated shrinkage: `h(x) = argmin ½‖x - h D‖² + α ‖h‖₁` (Daubechies, Defrise, De Mol 2004;
//! Beck and Teboulle, *SIAM J. Imaging Sciences* 2, 2009).
//!
//! A step down the gradient of the first term, then the proximal step of the second, which sets what is small
//! to 0. Any step size `ε` up to `1/L` converges, with `L` the largest eigenvalue of `D Dᵀ`
//! ([`Dictionary::curvature`]):
//!
//! ```text
//! ISTA    h := S(h - ε (h D - x) Dᵀ, ε α)             S(v, t) = sign(v) max(abs(v) - t, 0)      error O(1/t)
//! FISTA   the same from h + (t' - 1)/t (h - h_before)  t := (1 + √(1 + 4 t'²))/2               error O(1/t²)
//! ```
//!
//! [`ista`] and [`fista`] record a number of steps from `h = 0` as a graph, differentiable in examples, atoms, `α`
//! and `ε`: an encoder that can be trained (Gregor and LeCun, *Learning Fast Approximations of Sparse Coding*,
//! ICML 2010). [`SparseCoder`] is the protocol: it runs a plan of one step until the *duality gap* proves how
//! near the minimum is. For `r = x - h D` and `θ = r min(1, α/max abs(D r))` the objective is above its minimum by
//! at most
//!
//! ```text
//! gap = ½‖r‖² + α‖h‖₁ - ½‖x‖² + ½‖x - θ‖²
//! ```
//!
//! With orthonormal atoms `L = 1`, and one step of size 1 is the minimum: `S(x Dᵀ, α)`.
//!
//! ```
//! use autograd::Tensor;
//! use regularize::sparsity::{Dictionary, SparseCoder};
//! let atoms = Tensor::new([3, 2], vec![1.0f64, 0.0, 0.0, 1.0, 0.6, 0.8]);
//! let coder = SparseCoder::new(0.1)?.tolerance(1e-9)?;
//! let found = coder.encode(&Dictionary::new(atoms)?, &Tensor::new([1, 2], vec![1.2, 1.6]))?;
//! assert!(found.converged && found.gap <= 1e-9 * 2.0);
//! // Along the third atom alone, shortened by α.
//! assert!(found.codes.data()[..2] == [0.0, 0.0] && (found.codes.data()[2] - 1.9).abs() < 1e-4);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::{RegularizeError, above_zero};
use crate::penalty::soft_threshold;
use crate::sparsity::Dictionary;
use crate::sparsity::dictionary::extents;
use autograd::{Feed, Graph, Parameters, Plan, Real, Tensor, Var};
use nn::optimise::HyperparameterError;

/// So many steps of ISTA from 0: codes `[examples, atoms]` of examples `[examples, features]` by atoms
/// `[atoms, features]`; `alpha` and `step` are scalars. See the [module documentation](self).
///
/// # Panics
/// If shapes do not fit.
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::sparsity::ista;
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 3], vec![3.0, -0.5, -2.0]));
/// let axes = graph.constant(Tensor::from_fn([3, 3], |i| if i % 4 == 0 { 1.0 } else { 0.0 }));
/// // Orthonormal atoms: one step of size 1 is the minimum, and more stay there.
/// let codes = [1, 5].map(|steps| ista(x, axes, graph.fill([], 1.0), graph.fill([], 1.0), steps));
/// let found = interpret(&codes, &[], None)?;
/// assert_eq!((found[0].data(), found[1].data()), (&[2.0, 0.0, -1.0][..], &[2.0, 0.0, -1.0][..]));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn ista<'g, T: Real>(
    x: Var<'g, T>,
    dictionary: Var<'g, T>,
    alpha: Var<'g, T>,
    step: Var<'g, T>,
    iterations: usize,
) -> Var<'g, T> {
    unrolled("ista", x, dictionary, [alpha, step], iterations, |_| 0.0)
}

/// So many steps of FISTA from 0; everything else as for [`ista`].
///
/// # Panics
/// If shapes do not fit.
///
/// Of two atoms that are alike, after equally many steps, it is nearer to the minimum:
///
/// ```
/// use autograd::{Graph, Tensor, interpret};
/// use regularize::sparsity::{fista, ista};
/// let graph = Graph::<f64>::new();
/// let x = graph.constant(Tensor::new([1, 2], vec![1.0, 0.0]));
/// let atoms = graph.constant(Tensor::new([2, 2], vec![1.0, 0.0, 0.96, 0.28]));
/// let (alpha, step) = (graph.fill([], 0.1), graph.fill([], 0.5));
/// let codes = [ista(x, atoms, alpha, step, 40), fista(x, atoms, alpha, step, 40)];
/// let found = interpret(&codes, &[], None)?;
/// // The minimum is the first atom alone, shortened by α: (0.9, 0).
/// let error = |at: usize| (found[at].data()[0] - 0.9).abs();
/// assert!(error(1) < error(0));
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn fista<'g, T: Real>(
    x: Var<'g, T>,
    dictionary: Var<'g, T>,
    alpha: Var<'g, T>,
    step: Var<'g, T>,
    iterations: usize,
) -> Var<'g, T> {
    let mut momentum = Momentum::default();
    unrolled("fista", x, dictionary, [alpha, step], iterations, |_| momentum.next())
}

#[track_caller]
fn unrolled<'g, T: Real>(
    name: &str,
    x: Var<'g, T>,
    dictionary: Var<'g, T>,
    [alpha, step]: [Var<'g, T>; 2],
    iterations: usize,
    mut momentum: impl FnMut(usize) -> f64,
) -> Var<'g, T> {
    let [examples, atoms, _] = extents(name, x, dictionary);
    for (what, shape) in [("coefficient", alpha.shape()), ("step", step.shape())] {
        assert!(shape.rank() == 0, "{name}: the {what} is a scalar, not {shape}");
    }
    if iterations == 0 {
        return x.graph().fill([examples, atoms], 0.0);
    }
    let threshold = alpha * step;
    // From 0 what is left of x is x.
    let mut h = soft_threshold(x.matmul_transposed(dictionary, false, true) * step, threshold);
    let (mut before, mut factor) = (None, momentum(0));
    for iteration in 1..iterations {
        let start = match before {
            Some(before) if factor != 0.0 => h + (h - before) * factor,
            // From 0 to h and on.
            None if factor != 0.0 => h + h * factor,
            _ => h,
        };
        before = Some(h);
        h = shrinkage_step(x, dictionary, start, step, threshold);
        factor = momentum(iteration);
    }
    h
}

/// `S(h - ε (h D - x) Dᵀ, ε α)`.
fn shrinkage_step<'g, T: Real>(
    x: Var<'g, T>,
    dictionary: Var<'g, T>,
    h: Var<'g, T>,
    step: Var<'g, T>,
    threshold: Var<'g, T>,
) -> Var<'g, T> {
    let left = h.matmul(dictionary) - x;
    soft_threshold(h - left.matmul_transposed(dictionary, false, true) * step, threshold)
}

/// The factors of FISTA's extrapolation: `(t - 1)/t'`, `t' = (1 + √(1 + 4 t²))/2`, from `t = 1`.
#[derive(Debug, Clone, Copy)]
struct Momentum {
    t: f64,
}

impl Default for Momentum {
    fn default() -> Self {
        Momentum { t: 1.0 }
    }
}

impl Momentum {
    fn next(&mut self) -> f64 {
        let t = self.t;
        self.t = (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0;
        (t - 1.0) / self.t
    }
}

/// Codes of data by FISTA, with a proof of how good they are. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseCoder {
    alpha: f64,
    tolerance: f64,
    iterations: usize,
}

/// What a [`SparseCoder`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes<T: Real> {
    /// The codes, `[examples, atoms]`.
    pub codes: Tensor<T>,
    /// The largest duality gap of an example: its objective is at most so much above the minimum.
    pub gap: f64,
    /// How many steps were made.
    pub iterations: usize,
    /// Whether every gap came below the tolerance.
    pub converged: bool,
}

impl SparseCoder {
    /// How many steps are made between two looks at the gap, which costs as much as a step.
    const BETWEEN: usize = 10;

    /// Codes with the coefficient `alpha`, to a relative gap of 1e-4 or in 1000 steps.
    ///
    /// # Errors
    /// If `alpha` is not above 0 or not finite: without a penalty there is no gap.
    pub fn new(alpha: f64) -> Result<SparseCoder, RegularizeError> {
        above_zero("coefficient of sparse codes", alpha)?;
        Ok(SparseCoder { alpha, tolerance: 1e-4, iterations: 1000 })
    }

    /// The same until every example's gap is at most `tolerance` times its `½‖x‖²`.
    ///
    /// # Errors
    /// If it is negative or NaN.
    pub fn tolerance(self, tolerance: f64) -> Result<SparseCoder, RegularizeError> {
        HyperparameterError::unless(tolerance >= 0.0, "tolerance of the gap", tolerance, "at least 0")?;
        Ok(SparseCoder { tolerance, ..self })
    }

    /// The same with at most so many steps.
    ///
    /// ```
    /// use autograd::Tensor;
    /// use regularize::sparsity::{Dictionary, SparseCoder};
    /// let (axes, x) = (Dictionary::new(Tensor::new([1, 1], vec![1.0f64]))?, Tensor::new([1, 1], vec![3.0]));
    /// // The code 0 has the objective ½ 3². The minimum is at 2: ½ 1² + 1 · 2.
    /// let none = SparseCoder::new(1.0)?.iterations(0).encode(&axes, &x)?;
    /// assert_eq!((none.codes.item(), none.iterations, none.converged), (0.0, 0, false));
    /// assert!(none.gap >= 4.5 - 2.5);
    /// let some = SparseCoder::new(1.0)?.iterations(50).encode(&axes, &x)?;
    /// assert!(some.converged && (some.codes.item() - 2.0).abs() < 0.03); // ½ 0.03² is the tolerated gap
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn iterations(self, iterations: usize) -> SparseCoder {
        SparseCoder { iterations, ..self }
    }

    /// The codes of examples `[examples, features]`.
    ///
    /// # Errors
    /// If the examples are no matrix with a column for each feature, or a number is not finite.
    pub fn encode<T: Real>(
        &self,
        dictionary: &Dictionary<T>,
        x: &Tensor<T>,
    ) -> Result<Codes<T>, RegularizeError> {
        dictionary.check_examples(x)?;
        let shape = [x.shape()[0], dictionary.atoms().shape()[0]];
        let mut parameters: Parameters<T> =
            ["codes", "start"].map(|name| (name, Tensor::zeros(shape))).into_iter().collect();
        let (mut step, mut gap) = self.plans(dictionary, x, shape);
        let (mut momentum, mut done) = (Momentum::default(), 0);
        loop {
            let outputs = gap.evaluate(&parameters, &[("x", Feed::from(x))])?;
            let (largest, excess) = (outputs.scalar("gap").to_f64(), outputs.scalar("excess").to_f64());
            let converged = shape[0] == 0 || excess <= 0.0;
            if converged || done >= self.iterations {
                let codes = parameters["codes"].clone();
                return Ok(Codes { codes, gap: largest.max(0.0), iterations: done, converged });
            }
            for _ in 0..SparseCoder::BETWEEN.min(self.iterations - done) {
                let feeds = [("x", Feed::from(x)), ("momentum", Feed::from(momentum.next()))];
                step.run(&mut parameters, &feeds)?;
                done += 1;
            }
        }
    }

    /// The plans of one step and of the gap.
    fn plans<T: Real>(
        &self,
        dictionary: &Dictionary<T>,
        x: &Tensor<T>,
        shape: [usize; 2],
    ) -> (Plan<T>, Plan<T>) {
        let graph = Graph::new();
        let (x, d) = (graph.input("x", x.shape()), dictionary.constant(&graph));
        let [codes, start] = ["codes", "start"].map(|name| graph.parameter(name, shape));
        let step = 1.0 / dictionary.curvature();
        let [step, threshold] = [step, step * self.alpha].map(|number| graph.fill([], number));
        let next = shrinkage_step(x, d, start, step, threshold);
        let ahead = next + (next - codes) * graph.scalar("momentum");
        let steps = Plan::builder(&graph).update(codes, next).update(start, ahead).compile();
        let gaps = duality_gap(x, d, codes, self.alpha);
        let excess = gaps - x.powi(2).sum_over(&[1]) * (0.5 * self.tolerance);
        let gap = Plan::builder(&graph).output("gap", gaps.max()).output("excess", excess.max());
        (steps, gap.compile())
    }
}

/// The duality gap of each example's code, `[examples]`.
fn duality_gap<'g, T: Real>(x: Var<'g, T>, d: Var<'g, T>, codes: Var<'g, T>, alpha: f64) -> Var<'g, T> {
    let left = x - codes.matmul(d);
    let steepest = left.matmul_transposed(d, false, true).abs().max_keep(&[1]);
    // α / max(α, steepest): 1 where the dual point is feasible as it is.
    let dual = left * (steepest.like(alpha) / steepest.maximum(alpha));
    let squares = |v: Var<'g, T>| v.powi(2).sum_over(&[1]);
    (squares(left) - squares(x) + squares(x - dual)) * 0.5 + codes.abs().sum_over(&[1]) * alpha
}

#[cfg(test)]
mod tests;
