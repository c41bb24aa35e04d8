//! Boltzmann machines and variational autoencoders.

use crate::check::{check, values};
use autograd::check::Build;
use autograd::{Graph, Real, Var};
use nn::probabilistic::{BoltzmannMachine, DiagonalNormal, Likelihood, VariationalAutoencoder, VisibleUnits};
use nn::{Activation, Mode, Sequential};
use proptest::prelude::*;

/// A function of a machine.
#[derive(Clone, Copy, Debug)]
enum Of {
    Energy,
    FreeEnergy,
    LogLikelihood,
}

/// A machine on `[n, visible, hidden]`.
struct Machine(Of, VisibleUnits, [usize; 3]);

impl Build for Machine {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        let Machine(of, units, [n, visible, hidden]) = *self;
        let machine = BoltzmannMachine::new("m", visible, hidden).with_visible_units(units);
        let v = graph.parameter("v", [n, visible]);
        match of {
            Of::Energy => machine.energy(v, graph.parameter("h", [n, hidden])),
            Of::FreeEnergy => machine.free_energy(v),
            Of::LogLikelihood => machine.log_likelihood(v),
        }
    }
}

/// A divergence of `[n, d]`, or a bound with its draw as one more argument: frozen, and seen by the checker.
enum Code {
    Divergence([usize; 2]),
    Bound(Likelihood, usize),
}

impl Build for Code {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        match self {
            Code::Divergence(shape) => {
                let [mean, log_variance] = ["mean", "variance"].map(|name| graph.parameter(name, *shape));
                DiagonalNormal { mean, log_variance }.divergence()
            }
            Code::Bound(likelihood, n) => {
                let network = |name: &str, inputs, outputs| {
                    let hidden = Sequential::<T>::with_prefix(name).linear(inputs, 2);
                    hidden.then(Activation::Tanh).linear(2, outputs)
                };
                let (encoder, decoder) = (network("encoder", 2, 2), network("decoder", 1, 2));
                let model = VariationalAutoencoder::new("model", encoder, decoder, 1, *likelihood);
                let (x, noise) = (graph.parameter("x", [*n, 2]), graph.parameter("noise", [*n, 1]));
                model.lower_bound_at(x, noise, Mode::Train).value()
            }
        }
    }
}

proptest! {
    // A case costs some thousand evaluations.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn boltzmann_machines(n in 1usize..3, visible in 1usize..4, hidden in 1usize..4, values in values()) {
        for of in [Of::Energy, Of::FreeEnergy, Of::LogLikelihood] {
            for units in [VisibleUnits::Binary, VisibleUnits::Gaussian] {
                check(&Machine(of, units, [n, visible, hidden]), &values);
            }
        }
    }

    #[test]
    fn codes_and_bounds(n in 1usize..3, d in 1usize..4, values in values()) {
        check(&Code::Divergence([n, d]), &values);
        for likelihood in [Likelihood::Bernoulli, Likelihood::Normal { deviation: 0.7 }] {
            check(&Code::Bound(likelihood, n), &values);
        }
    }
}
