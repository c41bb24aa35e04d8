//! Verifying derivatives: a verdict that can be trusted, with an error bar, saying where and why it fails.
//!
//! A gradient check compares derivatives that somebody derived with derivatives that nobody had to: finite
//! differences. Differences are inexact, so most checkers ask for a tolerance, and a tolerance wide enough
//! for the worst entry hides errors in all others. This one measures how inexact each difference is:
//!
//! 1. **The error bar is the tolerance.** Ridders' extrapolation of central differences gives a
//!    slope good to twelve digits *and* a bound on its error, entry by entry ([`differences`]).
//! 2. **What could not be checked is not a pass.** A kink, a wide bar, a function that does not depend on
//!    its argument: each is a verdict of its own ([`Verdict`]), and a [`Report`] always states the fraction
//!    that was checked and the smallest error that would have been seen.
//! 3. **A graph knows more than a function.** Where the function is one of our graphs, the distance to the
//!    next kink chooses the step, forward and reverse sweep must agree to rounding without any step, and the
//!    gradient graph is checked again as a function of its own ([`Checker::graph`]).
//! 4. **The checker is checked.** [`mutation`] plants the bugs that a checker must find, and the tests hold
//!    error bars, kinks and verdicts to their claims.
//!
//! | to check | use |
//! |---|---|
//! | `f` and its gradient, as closures | [`check_gradient`], [`Checker::gradient`] |
//! | `f` with vector-Jacobian (and Jacobian-vector) product | [`Checker::vjp`], [`Checker::vjp_and_jvp`] |
//! | a variable of a graph | [`Checker::graph`] |
//! | a [`Custom`](crate::Custom) operation | [`agrees`], [`Checker::agrees`] |
//! | single precision | [`Checker::precision`] |
//!
//! ```
//! use autograd::check::check_gradient;
//! let f = |x: &[f64]| x[0].exp() * x[1];
//! let gradient = |x: &[f64]| vec![x[0].exp() * x[1], x[0].exp()];
//! let report = check_gradient(f, gradient, &[0.5, 2.0]).assert();
//! println!("{report}");
//!
//! let wrong = |x: &[f64]| vec![x[0].exp() * x[1], 1.000001 * x[0].exp()];
//! assert!(check_gradient(f, wrong, &[0.5, 2.0]).into_result().is_err());
//! ```
//!
//! What it does not do: prove anything between the points looked at; see an error smaller than the one it
//! states; choose points for you. Points at random, points at kinks and points of extreme size are three
//! different checks.

mod agree;
pub mod closure;
mod compare;
pub mod differences;
pub mod graph;
mod hints;
mod json;
mod kinks;
mod line;
mod magnitude;
pub mod mutation;
mod noise;
mod precision;
mod probe;
mod random;
pub mod report;
pub mod rules;
pub mod sum;
mod switching;
mod tableau;
mod taylor;
pub mod verdict;

pub use agree::agrees;
pub use closure::{Checker, check_gradient};
pub use line::{Line, Sample};
pub use precision::Build;
pub use report::{Failure, Report};
pub use tableau::Estimate;
pub use verdict::{Gap, Place, Record, Stage, Test, Trouble, Verdict};
