//! Reparameterisations.
//!
//! | defect | found in | test |
//! |---|---|---|
//! | no gradient through the spectral norm | optirs `spectral_norm` | [`the_gradient_goes_through_the_norm`] |
//! | an evaluation moves the estimate of the singular vector | spectral normalisation with one flag for all modes | [`an_evaluation_moves_no_estimate`] |

use autograd::check::check_gradient;
use autograd::{Feed, Graph, Tensor, Var, grad, interpret};
use nn::{Layer, Linear, Mode};
use regularize::SpectralNorm;
use regularize::reparameterisation::{power_iteration, spectrally_normalised};

/// A matrix and its largest singular value to what the layer multiplies with.
type Normalise<'n> = &'n dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

#[test]
fn the_gradient_goes_through_the_norm() {
    let holds = |normalise: Normalise<'_>| {
        let of = |w: &[f64], slope: bool| {
            let graph = Graph::<f64>::new();
            let w_var = graph.input("w", [2, 2]);
            let sigma = power_iteration(w_var, graph.fill([2], 1.0), 100).sigma;
            let y = normalise(w_var, sigma).powi(3).sum();
            let output = if slope { grad(y, &[w_var])[0] } else { y };
            let w = Tensor::new([2, 2], w.to_vec());
            interpret(&[output], &[("w", Feed::from(&w))], None).unwrap().remove(0).into_data()
        };
        check_gradient(|w| of(w, false)[0], |w| of(w, true), &[1.0, 0.5, -0.2, 0.3]).is_success()
    };
    assert!(holds(&|w, sigma| spectrally_normalised(w, sigma)));
    assert!(!holds(&|w, sigma| spectrally_normalised(w, sigma.detach())));
}

#[test]
fn an_evaluation_moves_no_estimate() {
    let layer = SpectralNorm::new(Linear::new("l", 3, 2));
    // How many updates a pass proposes, in the three modes, if it is taken for another one.
    let holds = |taken_for: &dyn Fn(Mode) -> Mode| {
        let proposals = |mode| {
            let graph = Graph::<f64>::new();
            layer.forward(graph.input("x", [4, 3]), taken_for(mode));
            graph.proposed_updates().len()
        };
        [Mode::Train, Mode::Evaluate, Mode::Sample].map(proposals) == [1, 0, 0]
    };
    assert!(holds(&|mode| mode));
    assert!(!holds(&|_| Mode::Train));
}
