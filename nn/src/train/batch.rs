//! A batch as an objective sees it: variables on a graph.

use crate::layer::{Layer, Mode};
use crate::loss::{Reduction, cross_entropy};
use crate::parameter::{ParameterSpec, Selection};
use autograd::{Graph, IndexVar, Real, Var};
use std::cell::Cell;

/// One minibatch on the graph of a training step: what an objective is made of.
///
/// ```
/// use nn::train::Batch;
/// use nn::Selection;
/// use autograd::{Var, grad};
///
/// /// Cross-entropy with weight decay.
/// fn decayed<'g>(batch: &Batch<'g, '_, f32>) -> Var<'g, f32> {
///     let weights = batch.variables(&Selection::weights());
///     weights.iter().fold(batch.cross_entropy(), |sum, w| sum + w.norm_squared() * 1e-4)
/// }
///
/// /// Cross-entropy on adversarial examples, by the fast gradient sign method.
/// fn adversarial<'g>(batch: &Batch<'g, '_, f32>) -> Var<'g, f32> {
///     let slope = grad(batch.cross_entropy(), &[batch.inputs])[0];
///     batch.on(batch.inputs + slope.sign().detach() * 0.1).cross_entropy()
/// }
/// ```
pub struct Batch<'g, 'm, T: Real> {
    /// The graph of the step.
    pub graph: &'g Graph<T>,
    /// The examples, `[batch, ..example shape]`.
    pub inputs: Var<'g, T>,
    /// Their labels, `[batch]`.
    pub labels: IndexVar<'g, T>,
    /// The network.
    pub model: &'m dyn Layer<T>,
    /// What the network is run for.
    pub mode: Mode,
    /// The network's parameters.
    pub parameters: &'m [ParameterSpec],
    /// The logits, once they are recorded.
    logits: Cell<Option<Var<'g, T>>>,
}

impl<'g, 'm, T: Real> Batch<'g, 'm, T> {
    /// A batch with inputs and labels that are variables already.
    pub fn new(
        inputs: Var<'g, T>,
        labels: IndexVar<'g, T>,
        model: &'m dyn Layer<T>,
        parameters: &'m [ParameterSpec],
        mode: Mode,
    ) -> Batch<'g, 'm, T> {
        Batch { graph: inputs.graph(), inputs, labels, model, mode, parameters, logits: Cell::new(None) }
    }

    /// The same batch with other inputs: augmented, or adversarial.
    pub fn on(&self, inputs: Var<'g, T>) -> Batch<'g, 'm, T> {
        Batch::new(inputs, self.labels, self.model, self.parameters, self.mode)
    }

    /// The model's result for the inputs, `[batch, classes]`; recorded once, however often it is asked for.
    #[track_caller]
    pub fn logits(&self) -> Var<'g, T> {
        if let Some(logits) = self.logits.get() {
            return logits;
        }
        let logits = self.model.forward(self.inputs, self.mode);
        self.logits.set(Some(logits));
        logits
    }

    /// The mean cross-entropy of the batch.
    #[track_caller]
    pub fn cross_entropy(&self) -> Var<'g, T> {
        cross_entropy(self.logits(), self.labels, Reduction::Mean)
    }

    /// The selected parameters of the model.
    #[track_caller]
    pub fn variables(&self, selection: &Selection) -> Vec<Var<'g, T>> {
        selection.variables(self.graph, self.parameters)
    }
}
