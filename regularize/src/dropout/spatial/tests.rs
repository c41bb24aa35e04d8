use super::*;
use crate::testing::{check, numbers, run, value};
use autograd::{Draw, Parameters, Tensor};
use proptest::prelude::*;

fn layer(p: f64) -> SpatialDropout {
    SpatialDropout::new(p).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Of each channel all is kept and scaled, or nothing, for any number of axes of places.
    #[test]
    fn a_channel_is_kept_or_dropped_as_a_whole(
        lengths in prop::collection::vec(0usize..4, 2..5),
        p in 0.1..0.9,
        seed: u64,
    ) {
        let shape = Shape::new(&lengths);
        let graph = Graph::new();
        let x = numbers(shape, 1.0, 2.0, seed);
        let layer = layer(p);
        let (mask, y) = (layer.sample(&graph, shape), layer.forward(graph.constant(x.clone()), Mode::Train));
        let draw = Draw { seed, run: 1 };
        let (mask, y) = (run(mask, &Parameters::new(), draw), run(y, &Parameters::new(), draw));
        prop_assert_eq!(mask.shape().numel(), lengths[0] * lengths[1]);
        let places: usize = lengths[2..].iter().product();
        for (k, (y, x)) in y.data().iter().zip(x.data()).enumerate() {
            let expected = x * (mask.data()[k / places] * (1.0 - p).recip());
            prop_assert_eq!(*y, expected);
        }
    }
}

#[test]
fn derivatives_in_units_and_mask_are_right() {
    let values = [numbers([2, 3, 2, 2], -2.0, 2.0, 1), numbers([2, 3, 1, 1], 0.1, 1.0, 2)];
    check("inverted", &values, |v| layer(0.4).apply(v[0], v[1]).powi(3).sum());
    check("classic", &values, |v| layer(0.4).classic().apply(v[0], v[1]).powi(3).sum());
}

#[test]
fn without_places_it_is_dropout() {
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([6, 5], 1.0, 2.0, 1));
    let spatial = layer(0.5).named("d").forward(x, Mode::Train);
    let plain = Dropout::new(0.5).unwrap().named("d").forward(x, Mode::Train);
    let [a, b] = [spatial, plain].map(|y| run(y, &Parameters::new(), Draw { seed: 1, run: 1 }));
    assert_eq!(a, b);
}

#[test]
fn what_changes_nothing_records_nothing() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [2, 3, 4]);
    assert_eq!(layer(0.0).forward(x, Mode::Train).id(), x.id());
    assert_eq!(layer(0.5).forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(graph.len(), 1);
    // The classic form scales in evaluation.
    assert_ne!(layer(0.5).classic().forward(x, Mode::Evaluate).id(), x.id());
}

#[test]
fn bad_input_is_refused() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(SpatialDropout::new(p).is_err());
    }
    let error = Layer::<f64>::output_shape(&layer(0.5), [3].into()).unwrap_err();
    assert_eq!(error.to_string(), "spatial dropout takes [n, channels, ..], not [3]");
}

#[test]
#[should_panic(expected = "spatial dropout takes [n, channels, ..], not [3]")]
fn a_list_has_no_channels() {
    value(&[Tensor::zeros([3])], |v| layer(0.5).forward(v[0], Mode::Train));
}
