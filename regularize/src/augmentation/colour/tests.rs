use super::*;
use crate::testing::{check, numbers, value};
use proptest::prelude::*;

/// An operation on images with a number for each.
type Tone<'t> = &'t dyn for<'g> Fn(Var<'g, f64>, Var<'g, f64>) -> Var<'g, f64>;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn each_is_what_its_formula_says(
        (n, h, w) in (1usize..4, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let x = numbers([n, 3, h, w], 0.0, 1.0, seed);
        let p = numbers([n], -1.0, 2.0, seed ^ 1);
        let of = |f: Tone<'_>| {
            value(&[x.clone(), p.clone()], |v| f(v[0], v[1])).into_data()
        };
        let (bright, contrasted) = (of(&|x, p| brightness(x, p)), of(&|x, p| contrast(x, p)));
        let saturated = of(&|x, p| saturation(x, p));
        let (plane, image) = (h * w, 3 * h * w);
        for i in 0..n * image {
            let (example, factor, at) = (i / image, p.data()[i / image], x.data()[i]);
            let own = &x.data()[example * image..][..image];
            prop_assert_eq!(bright[i], at + factor);
            let mean = own.iter().sum::<f64>() / image as f64;
            // Sums of at most 27 numbers below 1, in another order.
            prop_assert!((contrasted[i] - ((1.0 - factor) * mean + factor * at)).abs() < 1e-14);
            let colour = |channel: usize| own[channel * plane + i % plane];
            let grey = 0.299 * colour(0) + 0.587 * colour(1) + 0.114 * colour(2);
            prop_assert!((saturated[i] - ((1.0 - factor) * grey + factor * at)).abs() < 1e-14);
        }
    }
}

#[test]
fn derivatives_in_image_and_parameter_are_right() {
    let values = [numbers([2, 3, 2, 2], 0.0, 1.0, 1), numbers([2], 0.5, 1.5, 2)];
    check("brightness", &values, |x| brightness(x[0], x[1]).powi(2).sum());
    check("contrast", &values, |x| contrast(x[0], x[1]).powi(2).sum());
    check("saturation", &values, |x| saturation(x[0], x[1]).powi(2).sum());
}

#[test]
fn no_contrast_is_the_mean_and_no_saturation_is_grey() {
    let x = numbers([1, 3, 2, 2], 0.0, 1.0, 1);
    let flat = value(std::slice::from_ref(&x), |x| contrast(x[0], x[0].graph().fill([1], 0.0)));
    assert!(flat.data().iter().all(|&value| value == flat.data()[0]));
    let grey = value(std::slice::from_ref(&x), |x| saturation(x[0], x[0].graph().fill([1], 0.0)));
    assert_eq!(grey.data()[..4], grey.data()[8..]);
}

#[test]
fn strengths_are_checked() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(
            Brightness::new(bad).is_err() && Contrast::new(bad).is_err() && Saturation::new(bad).is_err()
        );
    }
    assert!(Contrast::new(0.5).is_err() && Saturation::new(1.5).is_err());
    let error = Contrast::new(0.5).unwrap_err().to_string();
    assert_eq!(error, "the largest contrast is 0.5, it must be finite and at least 1");
}

#[test]
#[should_panic(expected = "saturation: images have red, green and blue, not 1 channels")]
fn grey_images_have_no_saturation() {
    let graph = autograd::Graph::<f64>::new();
    saturation(graph.input("x", [2, 1, 2, 2]), graph.fill([2], 0.5));
}
