//! Averages of weights, and the statistics that belong to them. The averages themselves are links of a chain.

use super::{Case, function, technique};
use autograd::{Var, substitute};
use nn::layers::BatchNorm;
use nn::{Layer, Mode};
use regularize::averaging::statistics::at_rest;

/// A case of what a batch says of running statistics.
pub fn cases() -> Vec<Case> {
    const CHANNELS: usize = 2;
    let norm = BatchNorm::new("norm", CHANNELS);
    vec![function(
        technique("statistics at rest", "c/(1 - r) of the proposal r s + c"),
        &[&[2, CHANNELS, 3, 3], &[CHANNELS], &[CHANNELS]],
        (-1.0, 1.0),
        move |x, _| {
            let graph = x[0].graph();
            norm.forward(x[0], Mode::Train);
            let (states, proposals): (Vec<_>, Vec<_>) = graph.proposed_updates().into_iter().unzip();
            let rest: Vec<_> =
                states.iter().zip(proposals).map(|(&state, new)| at_rest(state, new)).collect();
            let inputs: Vec<_> = states.into_iter().zip(x[1..].iter().copied()).collect();
            Var::concat(&substitute(&rest, &inputs), 0)
        },
    )]
}
