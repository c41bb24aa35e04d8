//! What every attack is: examples in, moved examples out, with the evidence.
//!
//! An [`Attack`] moves each example by itself, within a budget in a norm, and looks at the network only
//! through a [`Victim`]. It says of each example whether gradients vanished or were not finite on the way:
//! zeros everywhere mean that gradients are masked, not that the network is robust (Carlini et al., arXiv
//! 1902.06705), and an example with a NaN is given back as it was.
//!
//! Attacks combine: [`Restarts`] runs one several times from other draws, [`WorstOf`] runs several; both keep,
//! for each example by itself, the point with the largest margin.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Sequential, initialise};
//! use regularize::adversarial::{Attack, AttackEvaluator, Goal, Pgd, Restarts, Square, Threat, WorstOf};
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&[0, 1, 2, 3])?;
//! let model = Sequential::<f32>::mlp(&[64, 16, 10], Activation::Relu);
//! let threat = Threat::infinity(0.1)?.within(0.0, 1.0)?;
//! let restarted = Restarts::new(Pgd::new(threat, 5)?.from_random(), 2)?;
//! let attacks: Vec<Box<dyn Attack<f32>>> = vec![Box::new(restarted), Box::new(Square::new(threat, 20)?)];
//! let mut evaluator = AttackEvaluator::new(&model, WorstOf::new(attacks)?, 4).goal(Goal::Shift(1));
//! let found = evaluator.attack(&data, &initialise(&model, 1))?;
//! assert_eq!(found.success.len(), 4);
//! # Ok(())
//! # }
//! ```

use super::evaluator::difference;
use super::loss::AttackLoss;
use super::norm::Norm;
use super::threat::Threat;
use super::victim::{Slope, Targets, Victim};
use crate::error::{RegularizeError, at_least_one};
use crate::host::rows;
use autograd::kernel::philox::{Stream, stream_of_name};
use autograd::{Real, Tensor};
use std::fmt::Debug;

/// A way of moving examples to where a network errs.
///
/// One of one's own has a name, a threat and a way: it asks the victim, and hands back points and what it saw.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{Attack, AttackLoss, Moved, Targets, Threat, Victim};
/// use regularize::{AttackEvaluator, RegularizeError};
///
/// /// All of the budget on the margin's gradient, entry by entry.
/// #[derive(Debug)]
/// struct OneStep(Threat);
///
/// impl Attack<f64> for OneStep {
///     fn name(&self) -> String {
///         "one step".into()
///     }
///     fn threat(&self) -> Threat {
///         self.0
///     }
///     fn run(
///         &self,
///         victim: &mut Victim<'_, f64>,
///         targets: &Targets<'_, f64>,
///         epsilon: f64,
///     ) -> Result<Moved<f64>, RegularizeError> {
///         let slope = victim.slope(AttackLoss::Margin, targets.x, targets)?;
///         let (x, g) = (targets.x.data(), slope.gradient.data());
///         let step = |i: usize| if g[i] == 0.0 { x[i] } else { x[i] + epsilon * g[i].signum() };
///         let points = Tensor::from_fn(targets.x.shape(), step);
///         let trace = vec![slope.losses.iter().sum::<f64>() / slope.losses.len() as f64];
///         Ok(Moved { points, zero_gradient: slope.zero, non_finite: slope.non_finite, trace })
///     }
/// }
///
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// let attack = OneStep(Threat::infinity(0.25)?.within(0.0, 1.0)?);
/// let found = AttackEvaluator::new(&model, attack, 1).attack(&data, &Parameters::new())?;
/// assert_eq!((found.clipped.data(), &found.success[..]), (&[0.375, 0.625][..], &[true][..]));
/// assert_eq!(found.robustness.trace, [-0.25]); // the margin that it saw
/// # Ok::<(), RegularizeError>(())
/// ```
pub trait Attack<T: Real>: Debug {
    /// Its name in tables.
    fn name(&self) -> String;

    /// Norm, box, and the budget unless another is asked for.
    fn threat(&self) -> Threat;

    /// Whether it looks for the smallest perturbation instead of the worst within a budget. It is then run
    /// once, and what it found is shortened to each budget.
    fn is_minimal(&self) -> bool {
        false
    }

    /// Moves examples within the budget `epsilon`, which is above 0.
    ///
    /// # Errors
    /// If network and examples do not fit, or the attack cannot be made on them.
    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError>;
}

impl<T: Real, A: Attack<T> + ?Sized> Attack<T> for Box<A> {
    fn name(&self) -> String {
        (**self).name()
    }
    fn threat(&self) -> Threat {
        (**self).threat()
    }
    fn is_minimal(&self) -> bool {
        (**self).is_minimal()
    }
    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        (**self).run(victim, targets, epsilon)
    }
}

/// Where an attack moved its examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved<T: Real> {
    /// The moved examples, of the examples' shape.
    pub points: Tensor<T>,
    /// Which examples had a gradient of 0 everywhere whenever the attack looked.
    pub zero_gradient: Vec<bool>,
    /// Which had a NaN or an infinity; they were not moved.
    pub non_finite: Vec<bool>,
    /// The mean loss over all examples with a finite one, each time the attack looked.
    pub trace: Vec<f64>,
}

/// What is gathered while an attack looks at gradients.
pub(super) struct Evidence {
    zero_gradient: Vec<bool>,
    non_finite: Vec<bool>,
    trace: Vec<f64>,
}

impl Evidence {
    pub fn new(examples: usize) -> Evidence {
        Evidence { zero_gradient: vec![true; examples], non_finite: vec![false; examples], trace: Vec::new() }
    }

    /// Takes in a look.
    pub fn add<T: Real>(&mut self, slope: &Slope<T>) {
        self.zero_gradient.iter_mut().zip(&slope.zero).for_each(|(all, now)| *all &= *now);
        self.non_finite.iter_mut().zip(&slope.non_finite).for_each(|(any, now)| *any |= *now);
        self.trace_of(&slope.losses);
    }

    /// Takes in a look at one example.
    pub fn look(&mut self, example: usize, zero: bool, non_finite: bool) {
        self.zero_gradient[example] &= zero;
        self.non_finite[example] |= non_finite;
    }

    /// Takes in a look without gradients.
    pub fn add_losses(&mut self, losses: &[f64]) {
        self.non_finite.iter_mut().zip(losses).for_each(|(any, loss)| *any |= loss.is_nan());
        self.trace_of(losses);
    }

    /// Takes in losses alone.
    pub fn trace_of(&mut self, losses: &[f64]) {
        let finite: Vec<f64> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
        self.trace.push(finite.iter().sum::<f64>() / finite.len().max(1) as f64);
    }

    /// The result; examples that met a NaN are back where they were. If no `gradients` were looked at, none
    /// was 0.
    pub fn moved<T: Real>(mut self, x: &Tensor<T>, mut points: Tensor<T>, gradients: bool) -> Moved<T> {
        let width = rows(x.shape())[1].max(1);
        let pairs = points.data_mut().chunks_mut(width).zip(x.data().chunks(width));
        for ((point, x), bad) in pairs.zip(&mut self.non_finite) {
            *bad |= point.iter().any(|v| !v.is_finite());
            if *bad {
                point.copy_from_slice(x);
            }
        }
        let Evidence { mut zero_gradient, non_finite, trace } = self;
        zero_gradient.iter_mut().zip(&non_finite).for_each(|(zero, bad)| *zero &= gradients && !bad);
        Moved { points, zero_gradient, non_finite, trace }
    }
}

/// The best points seen so far, each example by itself.
pub(super) struct Best<T: Real> {
    pub points: Tensor<T>,
    pub values: Vec<f64>,
}

impl<T: Real> Best<T> {
    /// Nothing seen yet; `x` is what remains if nothing ever is.
    pub fn new(x: &Tensor<T>) -> Best<T> {
        Best { points: x.clone(), values: vec![f64::NEG_INFINITY; x.shape()[0]] }
    }

    /// Keeps the points that are better. A NaN never is.
    pub fn see(&mut self, points: &Tensor<T>, values: &[f64]) {
        let width = rows(points.shape())[1].max(1);
        let best = self.points.data_mut().chunks_mut(width).zip(points.data().chunks(width));
        for ((best, point), (old, new)) in best.zip(self.values.iter_mut().zip(values)) {
            if new > old {
                best.copy_from_slice(point);
                *old = *new;
            }
        }
    }
}

impl<T: Real> Targets<'_, T> {
    /// Uniform draws for all examples, `per_example` of each: a function of seed, stream and the example's
    /// number in the data set.
    pub(super) fn uniform(&self, stream: &str, per_example: usize) -> Vec<T> {
        self.draw(per_example, stream, |stream, out| stream.fill_uniform(0, out))
    }

    /// Normal draws, likewise.
    pub(super) fn normal(&self, stream: &str, per_example: usize) -> Vec<T> {
        self.draw(per_example, stream, |stream, out| stream.fill_normal(0, out))
    }

    fn draw(&self, per_example: usize, stream: &str, fill: impl Fn(Stream, &mut [T])) -> Vec<T> {
        let examples = self.x.shape()[0];
        let mut all = vec![T::ZERO; examples * per_example];
        for (example, out) in all.chunks_mut(per_example.max(1)).enumerate() {
            let run = (self.first + example) as u64;
            fill(Stream::new(self.seed, stream_of_name(stream), run), out);
        }
        all
    }
}

/// An attack run several times from other draws, the best point of each example kept: that of the largest margin,
/// and of smallest perturbations the nearest one that succeeds.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// use nn::{Sequential, data::Dataset};
/// use regularize::adversarial::{AttackEvaluator, Pgd, Restarts, Threat};
/// let model = Sequential::<f64>::new(); // the logits are the inputs
/// let data = Dataset::new(Tensor::new([1, 2], vec![0.625, 0.375]), Tensor::new([1], vec![0]), 2)?;
/// // A step so short that the place of the start decides.
/// let short = Pgd::new(Threat::two(0.25)?, 1)?.step_size(0.01)?.from_random();
/// let once = AttackEvaluator::new(&model, short, 1).attack(&data, &Parameters::new())?.robustness;
/// let often = Restarts::new(short, 20)?;
/// let best = AttackEvaluator::new(&model, often, 1).attack(&data, &Parameters::new())?.robustness;
/// assert!(best.loss > once.loss);
/// assert!(Restarts::new(short, 0).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Restarts<A> {
    attack: A,
    count: usize,
}

impl<A> Restarts<A> {
    /// `count` runs of `attack`, the first of them with its own draws.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(attack: A, count: usize) -> Result<Restarts<A>, RegularizeError> {
        at_least_one("attack's number of restarts", count)?;
        Ok(Restarts { attack, count })
    }
}

impl<T: Real, A: Attack<T>> Attack<T> for Restarts<A> {
    fn name(&self) -> String {
        format!("{} x{}", self.attack.name(), self.count)
    }
    fn threat(&self) -> Threat {
        self.attack.threat()
    }
    fn is_minimal(&self) -> bool {
        self.attack.is_minimal()
    }
    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let run = |victim: &mut Victim<'_, T>, number: usize| {
            // An odd factor: other seeds for other numbers, and the first is the seed itself.
            let seed = targets.seed.wrapping_add((number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            self.attack.run(victim, &Targets { seed, ..*targets }, epsilon)
        };
        let nearest = self.attack.is_minimal().then(|| self.attack.threat().norm());
        best_of(victim, targets, self.count, nearest, run)
    }
}

/// Several attacks, the best point of each example kept: the worst case.
///
/// ```
/// use regularize::FastGradient;
/// use regularize::adversarial::{Attack, Norm, Square, Threat, WorstOf};
/// let threat = Threat::infinity(0.25)?.within(0.0, 1.0)?;
/// let fast = FastGradient::of(threat);
/// let worst = WorstOf::<f32>::new(vec![Box::new(fast), Box::new(Square::new(threat, 20)?)])?;
/// assert_eq!((worst.name().as_str(), worst.threat()), ("worst of FGSM, Square-20", threat));
/// // Budgets in two norms have no common worst case.
/// let two_norms: Vec<Box<dyn Attack<f32>>> = vec![Box::new(fast), Box::new(fast.in_norm(Norm::Two))];
/// assert!(WorstOf::new(two_norms).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug)]
pub struct WorstOf<T: Real> {
    attacks: Vec<Box<dyn Attack<T>>>,
    threat: Threat,
}

impl<T: Real> WorstOf<T> {
    /// The worst case over attacks of one norm and box. The budget is that of the first.
    ///
    /// # Errors
    /// If there is none, one of them looks for a smallest perturbation, or their norms or boxes differ.
    pub fn new(attacks: Vec<Box<dyn Attack<T>>>) -> Result<WorstOf<T>, RegularizeError> {
        at_least_one("number of attacks", attacks.len())?;
        let threat = attacks[0].threat();
        for attack in &attacks {
            let other = attack.threat();
            let comparable = other.norm() == threat.norm() && other.bounds() == threat.bounds();
            if attack.is_minimal() || !comparable {
                let (attack, first) = (attack.name(), attacks[0].name());
                return Err(RegularizeError::NotComparable { attack, first });
            }
        }
        Ok(WorstOf { attacks, threat })
    }
}

impl<T: Real> Attack<T> for WorstOf<T> {
    fn name(&self) -> String {
        let names: Vec<_> = self.attacks.iter().map(|attack| attack.name()).collect();
        format!("worst of {}", names.join(", "))
    }
    fn threat(&self) -> Threat {
        self.threat
    }
    fn run(
        &self,
        victim: &mut Victim<'_, T>,
        targets: &Targets<'_, T>,
        epsilon: f64,
    ) -> Result<Moved<T>, RegularizeError> {
        let run =
            |victim: &mut Victim<'_, T>, number: usize| self.attacks[number].run(victim, targets, epsilon);
        best_of(victim, targets, self.attacks.len(), None, run)
    }
}

/// Of several runs, each example's point of the largest margin, or, in a norm, the nearest whose margin is above 0. A
/// gradient counts as 0 if it was in all runs, as not finite if it was in any.
fn best_of<T: Real>(
    victim: &mut Victim<'_, T>,
    targets: &Targets<'_, T>,
    count: usize,
    nearest: Option<Norm>,
    mut run: impl FnMut(&mut Victim<'_, T>, usize) -> Result<Moved<T>, RegularizeError>,
) -> Result<Moved<T>, RegularizeError> {
    let (mut best, width) = (Best::new(targets.x), rows(targets.x.shape())[1].max(1));
    let mut all: Option<Moved<T>> = None;
    for number in 0..count {
        let moved = run(victim, number)?;
        let mut values = victim.losses(AttackLoss::Margin, &moved.points, targets)?;
        if let Some(norm) = nearest {
            let pairs = moved.points.data().chunks(width).zip(targets.x.data().chunks(width));
            for (value, (point, x)) in values.iter_mut().zip(pairs).filter(|(margin, _)| **margin > 0.0) {
                // Above 0, as every success, and the larger the nearer.
                *value = 1.0 / (1.0 + norm.of(&difference(point, x)));
            }
        }
        best.see(&moved.points, &values);
        match &mut all {
            None => all = Some(moved),
            Some(all) => {
                all.zero_gradient.iter_mut().zip(&moved.zero_gradient).for_each(|(a, b)| *a &= *b);
                all.non_finite.iter_mut().zip(&moved.non_finite).for_each(|(a, b)| *a |= *b);
                all.trace.extend(moved.trace);
            }
        }
    }
    let all = all.expect("at least one run");
    Ok(Moved { points: best.points, ..all })
}

#[cfg(test)]
mod tests;
