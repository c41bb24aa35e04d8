//! Several layers together.

use crate::check::{check, point};
use autograd::check::{Build, Checker};
use autograd::{Graph, Real, Tensor, Var};
use nn::loss::{Reduction, cross_entropy};
use nn::{Activation, Flatten, Layer, Linear, Mode, Sequential};

/// A whole network with tied layers, as one function of its input and all its parameters.
#[test]
fn a_network_with_tied_layers() {
    struct Tied;
    impl Build for Tied {
        fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
            let tied = || Linear::new("tied", 3, 3);
            let network = Sequential::<T>::new()
                .then(Flatten)
                .then(tied())
                .then(Activation::Gelu)
                .then(tied())
                .then(Activation::Elu { alpha: 1.0 })
                .linear(3, 2);
            let x = graph.parameter("x", [4, 3, 1]);
            let labels = graph.index_constant(Tensor::new([4], vec![0, 1, 1, 0]));
            cross_entropy(network.forward(x, Mode::Train), labels, Reduction::Mean)
        }
    }
    let values: Vec<f64> = (0..61).map(|i| (i as f64 * 0.7).sin() * 1.3).collect();
    check(&Tied, &values);
    let graph = Graph::new();
    let loss = Tied.build(&graph);
    let targets: Vec<_> = graph.parameters().iter().map(|(_, var)| *var).collect();
    let point = point(&Tied, &values);
    let report = Checker::new("network").graph(loss, &targets, &[], Some(&point)).unwrap().assert();
    assert_eq!(report.checked_fraction(), 1.0);
}
