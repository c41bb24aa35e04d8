//! A request to stop that comes from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that trainings look at between two steps. Clones share it.
///
/// A training that finds it set stops there and keeps what it has: the curve so far, and the parameters after
/// the last step. Nothing here listens to signals: a program that wants to stop on ctrl-C sets the flag in a
/// handler of its own.
///
/// ```
/// use nn::train::{Interrupt, Trainer};
/// use nn::{Activation, Optimiser, Sequential, data::digits, initialise};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = digits::load()?.flattened();
/// let model = Sequential::<f32>::mlp(&[64, 10], Activation::Relu);
/// let interrupt = Interrupt::new();
/// let handler = interrupt.clone();
/// handler.request(); // in a signal handler, in another thread
/// let mut trainer = Trainer::new(&model, Optimiser::sgd(0.1)).interrupt(interrupt);
/// let curve = trainer.fit(&data, None, &mut initialise(&model, 1))?;
/// assert!(curve.stopped && curve.epochs.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that is not set.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }

    /// Asks to stop. May be called from any thread, any number of times.
    pub fn request(&self) {
        // No other memory is handed over with the flag.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether anyone has asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
