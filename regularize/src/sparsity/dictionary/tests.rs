use super::*;
use crate::testing::{assert_close, numbers};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Held to power iteration, which approaches the eigenvalue from below.
    #[test]
    fn the_curvature_is_a_close_bound(atoms in 1usize..7, features in 1usize..7, seed: u64) {
        let dictionary = Dictionary::new(numbers([atoms, features], -1.0, 1.0, seed)).unwrap();
        let d = |a: usize, f: usize| dictionary.atoms().data()[a * features + f];
        let mut v: Vec<f64> = numbers([atoms], 0.5, 1.0, !seed).into_data();
        let mut quotient = 0.0;
        for _ in 0..2000 {
            let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            v.iter_mut().for_each(|v| *v /= length);
            let back: Vec<f64> = (0..features).map(|f| (0..atoms).map(|a| v[a] * d(a, f)).sum()).collect();
            quotient = back.iter().map(|x| x * x).sum::<f64>();
            v = (0..atoms).map(|a| (0..features).map(|f| back[f] * d(a, f)).sum()).collect();
        }
        let bound = dictionary.curvature();
        prop_assert!(bound >= quotient, "{} below {}", bound, quotient);
        // n^(1/256) for n = 6 is 1.007; the iteration may be a little short of the eigenvalue.
        prop_assert!(bound <= 1.008 * quotient, "{} far above {}", bound, quotient);
    }

    #[test]
    fn decoding_is_a_product(examples in 0usize..4, seed: u64) {
        let dictionary = Dictionary::new(numbers([5, 3], -1.0, 1.0, seed)).unwrap();
        let codes = numbers([examples, 5], -2.0, 2.0, !seed);
        let found = dictionary.decode(&codes).unwrap();
        for i in 0..examples {
            for f in 0..3 {
                let naive: f64 =
                    (0..5).map(|a| codes.data()[i * 5 + a] * dictionary.atoms().data()[a * 3 + f]).sum();
                assert_close(found.data()[i * 3 + f], naive, 1e-14);
            }
        }
    }
}

#[test]
fn cosines_are_orthonormal() {
    for side in 1..6 {
        let (cosines, n) = (Dictionary::<f64>::cosine(side).unwrap(), side * side);
        let row = |i: usize| &cosines.atoms().data()[i * n..][..n];
        for i in 0..n {
            for j in 0..n {
                let dot: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                assert_close(dot, f64::from(u8::from(i == j)), 1e-14);
            }
        }
        assert_close(cosines.curvature(), 1.0, 0.02);
    }
}

#[test]
fn atoms_have_length_1() {
    let dictionary = Dictionary::new(Tensor::new([2, 2], vec![3.0, 4.0, 0.0, -0.5])).unwrap();
    assert_eq!(dictionary.atoms().data(), [0.6, 0.8, 0.0, -1.0]);
}

#[test]
fn what_is_no_dictionary_is_refused() {
    let of = |shape: &[usize], values: Vec<f64>| {
        Dictionary::new(Tensor::new(Shape::new(shape), values)).unwrap_err().to_string()
    };
    assert_eq!(of(&[2], vec![1.0, 2.0]), "the atoms have shape [2], not [2, 2]");
    assert_eq!(of(&[0, 3], vec![]), "there are no atoms");
    assert_eq!(of(&[1, 2], vec![1.0, f64::NAN]), "element 1 of the atoms is NaN");
    assert_eq!(of(&[1, 2], vec![0.0, 0.0]), "the length of an atom is 0, it must be above 0");
    assert_eq!(of(&[2, 0], vec![]), "the length of an atom is 0, it must be above 0");
    let error = Dictionary::<f64>::cosine(2).unwrap().decode(&Tensor::zeros([3, 5])).unwrap_err();
    assert_eq!(error.to_string(), "the codes have shape [3, 5], not [3, 4]");
}

#[test]
fn an_image_has_pixels() {
    let error = Dictionary::<f64>::cosine(0).unwrap_err().to_string();
    assert_eq!(error, "the side of an image is 0, it must be at least 1");
}
