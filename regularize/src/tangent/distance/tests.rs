use super::*;
use crate::testing::{assert_close, numbers};
use nn::data::digits;
use proptest::prelude::*;

fn vectors(count: usize, length: usize, seed: u64) -> Vec<Vec<f64>> {
    (0..count).map(|i| numbers([length], -1.0, 1.0, seed ^ (i as u64 + 1)).into_data()).collect()
}

fn plane(length: usize, tangents: usize, seed: u64) -> TangentPlane {
    let point = numbers([length], -1.0, 1.0, seed).into_data();
    TangentPlane::new(&point, &vectors(tangents, length, seed ^ 100)).unwrap()
}

/// `min ‖d + A a‖` by Householder's reflections, which do not square the condition: what is left of `d` below the
/// triangle.
fn least_squares(d: &[f64], a: &[Vec<f64>]) -> f64 {
    let (mut columns, mut rest) = (a.to_vec(), d.to_vec());
    for k in 0..columns.len() {
        let mut v = columns[k].clone();
        v[..k].fill(0.0);
        let length = dot(&v, &v).sqrt();
        v[k] += length.copysign(v[k]);
        let square = dot(&v, &v);
        for u in columns.iter_mut().chain([&mut rest]) {
            let factor = 2.0 * dot(&v, u) / square;
            u.iter_mut().zip(&v).for_each(|(u, v)| *u -= factor * v);
        }
    }
    dot(&rest[a.len()..], &rest[a.len()..]).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_distance_is_the_residual_of_least_squares(a in 0usize..3, b in 0usize..3, seed: u64) {
        let (x, y) = (plane(8, a, seed), plane(8, b, seed ^ 7));
        let d: Vec<f64> = x.point().iter().zip(y.point()).map(|(x, y)| x - y).collect();
        let (first, second) = (vectors(a, 8, seed ^ 100), vectors(b, 8, seed ^ 7 ^ 100));
        let both = [first.clone(), second].concat();
        for (sides, tangents) in [(Sides::Neither, vec![]), (Sides::First, first), (Sides::Both, both)] {
            let (found, expected) = (tangent_distance(&x, &y, sides).unwrap(), least_squares(&d, &tangents));
            prop_assume!(expected > 1e-3);
            // Relative: rounding times the condition of up to four random vectors.
            prop_assert!((found / expected - 1.0).abs() < 1e-10, "{:?}: {} for {}", sides, found, expected);
        }
    }

    #[test]
    fn it_is_symmetric_and_at_most_euclids(a in 0usize..4, b in 0usize..4, seed: u64) {
        let (x, y) = (plane(6, a, seed), plane(6, b, seed ^ 7));
        let at = |sides| tangent_distance(&x, &y, sides).unwrap();
        assert_close(at(Sides::Both), tangent_distance(&y, &x, Sides::Both).unwrap(), 1e-13);
        prop_assert!(at(Sides::Both) <= at(Sides::First) + 1e-14);
        prop_assert!(at(Sides::First) <= at(Sides::Neither) + 1e-14);
    }

    #[test]
    fn along_the_tangents_it_is_zero(k in 1usize..4, seed: u64) {
        let x = plane(6, k, seed);
        let steps = numbers([k], -3.0, 3.0, seed ^ 5);
        let mut moved = x.point().to_vec();
        for (step, tangent) in steps.data().iter().zip(vectors(k, 6, seed ^ 100)) {
            moved.iter_mut().zip(tangent).for_each(|(m, t)| *m += step * t);
        }
        let y = TangentPlane::new(&moved, &[]).unwrap();
        prop_assert!(tangent_distance(&x, &y, Sides::First).unwrap() < 1e-13);
        prop_assert!(tangent_distance(&y, &x, Sides::Both).unwrap() < 1e-13);
    }
}

/// Doubled tangents and zero tangents change nothing; no tangents is Euclid, exactly.
#[test]
fn dependent_tangents_add_nothing() {
    let (x, y) = (plane(5, 2, 1), plane(5, 0, 2));
    let tangents = vectors(2, 5, 1 ^ 100);
    let doubled =
        [tangents.clone(), vec![vec![0.0; 5], tangents[0].iter().map(|t| 2.0 * t).collect()]].concat();
    let again = TangentPlane::new(x.point(), &doubled).unwrap();
    assert_eq!(again.basis().len(), 2);
    assert_eq!(
        tangent_distance(&x, &y, Sides::First).unwrap(),
        tangent_distance(&again, &y, Sides::First).unwrap()
    );
    assert_eq!(
        tangent_distance(&y, &x, Sides::First).unwrap(),
        tangent_distance(&y, &x, Sides::Neither).unwrap()
    );
}

/// On held-out digits: the tangents halve the errors of Euclid's nearest neighbour, or nearly.
#[test]
fn on_the_digits_it_beats_euclid() {
    let data = digits::load().unwrap().flattened();
    let moves = Transformations::new(8, 8, 0.7).unwrap();
    let planes = moves.planes(data.examples()).unwrap();
    let labels = data.labels().data();
    let (train, test) = (0..100, 400..600);
    let classifier = TangentNeighbour::new(planes[train.clone()].to_vec(), &labels[train]).unwrap();
    let errors = |sides| {
        test.clone().filter(|&i| classifier.classify(&planes[i], sides).unwrap() != labels[i]).count()
    };
    let [neither, first, both] = [Sides::Neither, Sides::First, Sides::Both].map(errors);
    println!("{neither} {first} {both} of 200");
    assert!(first < neither && both < neither);
}

#[test]
fn what_is_no_number_is_refused() {
    for bad in [f64::NAN, f64::INFINITY] {
        let error = |point: &[f64], tangents: &[Vec<f64>]| {
            TangentPlane::new(point, tangents).unwrap_err().to_string()
        };
        assert_eq!(error(&[bad], &[]), format!("element 0 of the numbers of a point is {bad}"));
        let expected = format!("element 1 of the numbers of a tangent is {bad}");
        assert_eq!(error(&[0.0, 1.0], &[vec![0.0, bad]]), expected);
    }
}

#[test]
fn numbers_that_do_not_match_are_refused() {
    let error = TangentPlane::new(&[0.0, 1.0], &[vec![1.0]]).unwrap_err();
    assert_eq!(error.to_string(), "the numbers of a tangent have shape [1], not [2]");
    let (a, b) = (plane(2, 1, 1), plane(3, 1, 2));
    let error = tangent_distance(&a, &b, Sides::Both).unwrap_err();
    assert_eq!(error.to_string(), "the numbers of the second point have shape [3], not [2]");
    let error = |planes: &[&TangentPlane], labels: &[u32]| {
        let planes = planes.iter().map(|&plane| plane.clone()).collect();
        TangentNeighbour::new(planes, labels).unwrap_err().to_string()
    };
    assert_eq!(error(&[], &[]), "there are no examples to be near to");
    assert_eq!(error(&[&a], &[]), "1 examples but 0 labels; each example needs exactly one label");
    assert_eq!(error(&[&a, &b], &[0, 1]), "the numbers of a point have shape [3], not [2]");
    let seen = TangentNeighbour::new(vec![a], &[0]).unwrap();
    assert!(seen.nearest(&b, Sides::First).is_err() && seen.classify(&b, Sides::First).is_err());
}

#[test]
fn of_equal_distances_the_first_counts() {
    let planes = vec![plane(5, 1, 3), plane(5, 2, 4), plane(5, 2, 4)];
    let neighbours = TangentNeighbour::new(planes, &[1, 3, 7]).unwrap();
    for sides in [Sides::Neither, Sides::First, Sides::Both] {
        assert_eq!(neighbours.nearest(&plane(5, 2, 4), sides).unwrap().0, 1);
        assert_eq!(neighbours.classify(&plane(5, 2, 4), sides).unwrap(), 3);
    }
}
