//! Running statistics estimated anew, for weights that were not trained with them.
//!
//! Batch normalisation keeps running statistics of what it saw while training. For averaged weights, pruned
//! ones, or those of another training they are wrong, and evaluation with them may be useless. One pass over
//! the data puts them right: a statistic becomes its mean over the batches, each counted by its size.
//!
//! Nothing here knows of batch normalisation. A layer [proposes](autograd::Graph::propose_update) what its
//! state should become, `s := r s + c(batch)`. Were the batch seen for ever, `s` would come to `c/(1 - r)`:
//! that is what the batch says of the statistic. `r` is the derivative of the proposal in `s`, and `c` the
//! proposal [at](autograd::substitute()) `s = 0`.
//!
//! ```
//! use nn::data::digits;
//! use nn::{BatchNorm, Sequential, initialise};
//! use regularize::estimate_statistics;
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let data = digits::load()?.flattened().subset(&[0, 1, 2, 3])?;
//! let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 64)).linear(64, 10);
//! let mut parameters = initialise(&model, 1);
//! estimate_statistics(&model, &data.cast(), &mut parameters, 4)?;
//! let mean: f64 = (0..4).map(|i| f64::from(data.example(i)[20])).sum::<f64>() / 4.0;
//! assert!((parameters["norm.running_mean"].data()[20] - mean).abs() < 1e-15);
//! # Ok(())
//! # }
//! ```

use crate::error::{RegularizeError, listed};
use autograd::{Feed, Graph, Parameters, Plan, Real, Shape, Var, grad_or_zero, substitute};
use nn::data::{Batches, Dataset};
use nn::{Layer, Mode, Role};

/// Sets each state of `model` that a pass in [`Mode::Train`] proposes to update to its mean over the batches
/// of one pass over `data`, in order. Other parameters stay as they are; so does a state that no batch says
/// anything of (an update rate of 0; batches of one example). Stochastic layers draw as in training, from
/// seed 0.
///
/// ```
/// use autograd::Tensor;
/// use nn::{BatchNorm, Sequential, data::Dataset, initialise};
/// use regularize::estimate_statistics;
/// let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 2));
/// let x = Tensor::new([4, 2], vec![1.0, 0.0, 3.0, 0.0, 5.0, 8.0, 7.0, 8.0]);
/// let data = Dataset::new(x, Tensor::new([4], vec![0, 0, 1, 1]), 2)?;
/// let mut parameters = initialise(&model, 1);
/// estimate_statistics(&model, &data, &mut parameters, 2)?;
/// // Batches of two have the means (2, 0) and (6, 8).
/// assert!(parameters["norm.running_mean"].data().iter().all(|mean| (mean - 4.0).abs() < 1e-14));
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Errors
/// If model, data and parameters do not fit, or `batch_size` is 0. The parameters are as they were then.
pub fn estimate_statistics<T: Real>(
    model: &dyn Layer<T>,
    data: &Dataset<T>,
    parameters: &mut Parameters<T>,
    batch_size: usize,
) -> Result<(), RegularizeError> {
    let specs = model.parameters();
    if let Some(spec) = specs.iter().find(|spec| parameters.get(&spec.name).is_none()) {
        let known = listed(parameters.iter().map(|(name, _)| name));
        return Err(RegularizeError::MissingParameter { name: spec.name.clone(), known });
    }
    let inputs = data.examples().shape();
    if let Err(error) = model.output_shape(inputs) {
        let example = data.example_shape();
        return Err(nn::TrainError::ExampleShape { example, error }.into());
    }
    let mut batches = Batches::in_order(data.len(), batch_size)?;
    let mut means: Vec<(String, Vec<f64>, f64)> = Vec::new();
    let mut plan: Option<(Shape, Vec<String>, Plan<T>)> = None;
    for (number, indices) in batches.epoch(0).enumerate() {
        let shape = inputs.with_axis(0, indices.len());
        let (examples, _) = data.gather(indices)?;
        // Two shapes at most: that of the last batch may be another.
        let (_, names, compiled) = match plan.take() {
            Some(known) if known.0 == shape => plan.insert(known),
            _ => {
                let (names, compiled) = record(model, shape);
                plan.insert((shape, names, compiled))
            }
        };
        if names.is_empty() {
            continue;
        }
        compiled.set_run(number as u64);
        let outputs = compiled.evaluate(parameters, &[("inputs", Feed::from(&examples))])?;
        let weight = indices.len() as f64;
        for name in names.iter() {
            let values = outputs.values(name).iter().map(|value| value.to_f64());
            match means.iter_mut().find(|(known, ..)| known == name) {
                Some((_, mean, total)) => {
                    *total += weight;
                    mean.iter_mut()
                        .zip(values)
                        .for_each(|(mean, value)| *mean += (value - *mean) * weight / *total);
                }
                None => means.push((name.clone(), values.collect(), weight)),
            }
        }
    }
    for (name, mean, _) in means {
        let place = parameters.get_mut(&name).expect("it was read above").data_mut();
        place.iter_mut().zip(mean).for_each(|(place, mean)| *place = T::from_f64(mean));
    }
    Ok(())
}

/// What a batch says of each state, `c/(1 - r)`, as outputs named like the states.
fn record<T: Real>(model: &dyn Layer<T>, shape: Shape) -> (Vec<String>, Plan<T>) {
    let graph = Graph::new();
    model.forward(graph.input("inputs", shape), Mode::Train);
    let (mut names, mut plan) = (Vec::new(), Plan::builder(&graph));
    for spec in model.parameters().iter().filter(|spec| spec.role == Role::State) {
        let proposals = graph.proposed_updates();
        let state = graph.find_parameter(&spec.name);
        let proposal = state.and_then(|state| proposals.iter().find(|(known, _)| known.id() == state.id()));
        if let Some(&(state, new)) = proposal {
            plan = plan.output(&spec.name, at_rest(state, new));
            names.push(spec.name.clone());
        }
    }
    (names, plan.compile())
}

/// The value at which the proposal `new`, affine in each element of `state` by itself, changes nothing; the
/// state where every value does.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use regularize::averaging::statistics::at_rest;
/// let graph = Graph::<f64>::new();
/// let s = graph.input("s", [2]);
/// let rest = at_rest(s, s * 0.75 + graph.constant(Tensor::new([2], vec![1.0, -2.0])));
/// let start = Tensor::full([2], 100.0);
/// assert_eq!(interpret(&[rest], &[("s", Feed::from(&start))], None)?[0].data(), [4.0, -8.0]);
/// # Ok::<(), autograd::RunError>(())
/// ```
#[track_caller]
pub fn at_rest<'g, T: Real>(state: Var<'g, T>, new: Var<'g, T>) -> Var<'g, T> {
    let kept = grad_or_zero(new.sum(), &[state])[0];
    let given = substitute(&[new], &[(state, state.like(0.0))])[0];
    let moves = 1.0 - kept;
    let still = moves.equal(0.0);
    still.select(state, given / still.select(moves.like(1.0), moves))
}

#[cfg(test)]
mod tests;
