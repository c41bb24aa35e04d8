use super::*;
use crate::dropout::{Dropout, SpatialDropout};
use crate::testing::{assert_close, check, numbers, run, value};
use autograd::{Draw, Parameters, Tensor};
use proptest::prelude::*;

fn layer(p: f64, block: usize) -> DropBlock {
    DropBlock::new(p, block).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    /// The mask against squares painted one by one.
    #[test]
    fn each_seed_drops_the_square_below_and_right_of_it(
        (n, channels) in (0usize..3, 0usize..3),
        (block, rows, columns) in (1usize..4, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let (height, width) = (rows + block - 1, columns + block - 1);
        let seeds = numbers([n, channels, rows, columns], 0.0, 1.0, seed);
        let seeds = Tensor::from_fn(seeds.shape(), |i| f64::from(seeds.data()[i] < 0.2));
        let found = value(std::slice::from_ref(&seeds), |v| layer(0.1, block).mask(v[0]));
        prop_assert_eq!(found.shape(), Shape::from([n, channels, height, width]));
        let mut painted = vec![1.0; n * channels * height * width];
        for (i, _) in seeds.data().iter().enumerate().filter(|(_, seed)| **seed == 1.0) {
            let (map, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
            for y in row..row + block {
                for x in column..column + block {
                    painted[(map * height + y) * width + x] = 0.0;
                }
            }
        }
        prop_assert_eq!(found.data(), &painted[..]);
    }

    #[test]
    fn what_is_left_of_an_example_is_scaled_to_its_size(seed: u64, block in 1usize..4) {
        let shape = Shape::from([3, 2, 4, 5]);
        let x = numbers(shape, 1.0, 2.0, seed);
        let graph = Graph::new();
        let layer = layer(0.3, block);
        let (mask, y) = (layer.mask(layer.sample(&graph, shape)), layer.forward(graph.constant(x.clone()), Mode::Train));
        let draw = Draw { seed, run: 1 };
        let (mask, y) = (run(mask, &Parameters::new(), draw), run(y, &Parameters::new(), draw));
        for example in 0..3 {
            let places = example * 40..(example + 1) * 40;
            let left: f64 = mask.data()[places.clone()].iter().sum();
            for k in places {
                let expected = if mask.data()[k] == 0.0 { 0.0 } else { x.data()[k] * 40.0 / left };
                assert_close(y.data()[k], expected, 1e-15);
            }
        }
    }
}

/// The probability that a place is dropped, by enumeration of all seeds of a 3 by 4 map with blocks of 2: one
/// less that none of the corners around it is a seed. Were there no overlaps, its mean would be `p`.
#[test]
fn places_are_dropped_as_often_as_seeds_cover_them() {
    let (layer, [rows, columns]) = (layer(0.3, 2), [2, 3]);
    let gamma = layer.seed_probability(3, 4);
    assert_close(gamma, 0.3 / 4.0 * 12.0 / 6.0, 1e-15);
    let mut dropped = [0.0; 12];
    // Seeds are ones with probability γ: masks of a dropout with 1 - γ.
    for (probability, seeds) in Dropout::new(1.0 - gamma).unwrap().masks::<f64>(6).unwrap() {
        let mask = value(&[seeds.reshape([1, 1, rows, columns])], |v| layer.mask(v[0]));
        (0..12).for_each(|k| dropped[k] += probability * (1.0 - mask.data()[k]));
    }
    for (k, dropped) in dropped.iter().enumerate() {
        let corners = |at: usize, count: usize| if at == 0 || at == count { 1 } else { 2 };
        let covering = corners(k / 4, rows) * corners(k % 4, columns);
        assert_close(*dropped, 1.0 - (1.0 - gamma).powi(covering), 1e-14);
    }
    let mean = dropped.iter().sum::<f64>() / 12.0;
    assert!(mean < 0.3 && mean > 0.25, "{mean}");
}

#[test]
fn a_block_of_one_is_dropout_and_a_block_of_all_is_a_channel() {
    assert_close(layer(0.3, 1).seed_probability(4, 5), 0.3, 1e-16);
    assert_close(layer(0.3, 4).seed_probability(4, 4), 0.3, 1e-16);
    let graph = Graph::<f64>::new();
    let shape = Shape::from([3, 5, 4, 4]);
    let one = layer(0.3, 1);
    let all = layer(0.3, 4);
    let [single, whole] = [&one, &all].map(|l| l.mask(l.named("d").sample(&graph, shape)));
    // The seeds are ones where the draw is below p: where dropout's mask of the same draws is 0.
    let dropout = Dropout::new(0.3).unwrap().mask(graph.uniform("d.seeds", shape));
    let channels = SpatialDropout::new(0.3).unwrap();
    let channel_mask = graph.uniform("d.seeds", [3, 5, 1, 1]).greater_equal(channels.probability());
    let values = [single, dropout, whole, channel_mask.broadcast_to(shape)];
    let [a, b, c, d] = values.map(|v| run(v, &Parameters::new(), Draw { seed: 1, run: 1 }));
    assert_eq!(a, b);
    assert_eq!(c, d);
}

#[test]
fn an_example_of_which_nothing_is_left_is_zero() {
    let y = value(&[Tensor::full([2, 1, 2, 2], 3.0)], |v| {
        layer(0.5, 1).apply(v[0], v[0].graph().constant(Tensor::from_fn([2, 1, 2, 2], |i| f64::from(i == 5))))
    });
    assert_eq!(y.data(), [0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0]);
}

#[test]
fn an_example_does_not_depend_on_the_others() {
    let (x, mask) = (numbers([3, 2, 2, 2], -1.0, 1.0, 1), numbers([3, 2, 2, 2], 0.0, 1.0, 2));
    let mask = Tensor::from_fn(mask.shape(), |i| f64::from(mask.data()[i] > 0.4));
    let apply = |x: Tensor<f64>, mask: Tensor<f64>| value(&[x, mask], |v| layer(0.3, 1).apply(v[0], v[1]));
    let batch = apply(x.clone(), mask.clone());
    for row in 0..3 {
        assert_eq!(apply(x.rows(&[row]), mask.rows(&[row])), batch.rows(&[row]));
    }
}

#[test]
fn derivatives_are_right() {
    let values = [numbers([2, 2, 2, 3], -2.0, 2.0, 1), numbers([2, 2, 2, 3], 0.5, 1.0, 2)];
    check("drop block", &values, |v| layer(0.4, 2).apply(v[0], v[1]).powi(3).sum());
}

#[test]
fn what_changes_nothing_records_nothing() {
    let graph = Graph::<f64>::new();
    let x = graph.input("x", [1, 1, 3, 3]);
    assert_eq!(layer(0.0, 2).forward(x, Mode::Train).id(), x.id());
    assert_eq!(layer(0.5, 2).forward(x, Mode::Evaluate).id(), x.id());
    assert_eq!(graph.len(), 1);
}

#[test]
fn bad_input_is_refused() {
    for p in [1.0, -0.1, f64::NAN] {
        assert!(DropBlock::new(p, 2).is_err());
        assert!(layer(0.1, 2).with_probability(p).is_err());
    }
    let error = DropBlock::new(0.1, 0).unwrap_err().to_string();
    assert_eq!(error, "the side of a block is 0, it must be at least 1");
    let error = Layer::<f64>::output_shape(&layer(0.1, 3), [2, 4, 2, 5].into()).unwrap_err();
    let text =
        "DropBlock with blocks of 3 by 3 takes [n, channels, at least 3, at least 3], not [2, 4, 2, 5]";
    assert_eq!(error.to_string(), text);
    assert_eq!(layer(0.9, 3).seed_probability(3, 3), 0.9);
}
