use super::statistics::normal_cdf;
use super::*;
use crate::testing::assert_close;
use nn::{Sequential, initialise};
use proptest::prelude::*;

fn smoothing(sigma: f64) -> Smoothing {
    Smoothing::new(sigma).unwrap()
}

/// Two classes on either side of a line.
fn linear(w: [f64; 2], b: f64) -> (Sequential<f64>, Parameters<f64>) {
    let model = Sequential::new().linear(2, 2);
    let mut parameters = initialise(&model, 1);
    parameters.insert("linear1.weight", Tensor::new([2, 2], vec![0.0, w[0], 0.0, w[1]]));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, b]));
    (model, parameters)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// The score of a noisy copy is normal with mean `wᵀx + b` and deviation `σ ‖w‖`.
    #[test]
    fn the_exact_radius_of_a_linear_classifier_is_its_distance(
        w in prop::array::uniform2(-3.0f64..3.0), b in -1.0f64..1.0, x in prop::array::uniform2(-1.0f64..1.0),
        sigma in 0.3f64..2.0,
    ) {
        let length = w[0].hypot(w[1]);
        let margin = w[0] * x[0] + w[1] * x[1] + b;
        let distance = margin.abs() / length;
        // Further away than 6σ the probability differs from 1 in the last digits only.
        prop_assume!(length > 0.1 && distance > 1e-6 && distance < 4.0 * sigma);
        let probability = normal_cdf(margin.abs() / (sigma * length));
        // dΦ⁻¹/dp at 4σ is 7e3, times the rounding of p.
        assert_close(smoothing(sigma).radius(probability).unwrap(), distance, 1e-11);
    }
}

/// With counts in the place of the probability, the radius is below the distance, and close to it.
#[test]
fn the_counted_radius_of_a_linear_classifier_is_below_its_distance() {
    let (model, parameters) = linear([0.6, -0.8], 0.1);
    for (number, x) in [[0.3, 0.2], [-0.5, 0.4], [0.9, -0.2], [0.0, 0.5]].into_iter().enumerate() {
        let distance: f64 = 0.6 * x[0] - 0.8 * x[1] + 0.1;
        for sigma in [0.25, 0.5, 1.0] {
            let settings = smoothing(sigma).samples(50, 2000).unwrap();
            let mut smoothed = SmoothedClassifier::new(&model, settings, 3);
            let example = Tensor::new([2], x.to_vec());
            match smoothed.certify(&example, &parameters, number as u32).unwrap() {
                Some(found) => {
                    assert_eq!(found.class == 1, distance > 0.0);
                    assert!(found.radius <= distance.abs(), "{found:?} {distance}");
                    // Where all 2000 agree the limit ends at Φ⁻¹(0.001^(1/2000)) = 2.70 deviations.
                    let provable = distance.abs().min(2.7 * sigma);
                    assert!(found.radius > provable - 0.35 * sigma, "{found:?} {distance}");
                }
                // So close to the line that 50 copies choose the wrong class, or 2000 do not tell.
                None => assert!(distance.abs() < 0.3 * sigma, "{distance} {sigma}"),
            }
            // Prediction abstains less often than certification.
            let predicted = smoothed.predict(&example, &parameters, number as u32).unwrap();
            assert!(predicted.is_none_or(|class| (class == 1) == (distance > 0.0)));
        }
    }
}

#[test]
fn copies_are_all_counted_and_replayed() {
    let (model, parameters) = linear([1.0, 0.0], 0.0);
    let mut smoothed = SmoothedClassifier::new(&model, smoothing(1.0), 5);
    let x = Tensor::new([2], vec![0.2, 0.0]);
    for copies in [0, 1, 127, 128, 129, 1000] {
        let counts = smoothed.counts(&x, &parameters, copies, 3).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), copies);
        assert_eq!(smoothed.counts(&x, &parameters, copies, 3).unwrap(), counts);
    }
    let [a, b] = [3, 4].map(|round| smoothed.counts(&x, &parameters, 1000, round).unwrap());
    assert_ne!(a, b);
    // P = Φ(0.2) = 0.579; five deviations of the count are 78.
    assert!((a[1] as f64 - 579.3).abs() < 78.0, "{a:?}");
}

/// The class is chosen on noise of its own: counted is a second round, and none is another example's.
#[test]
fn choosing_and_counting_have_rounds_of_their_own() {
    let (model, parameters) = linear([1.0, 0.0], 0.0);
    let settings = smoothing(1.0).samples(100, 400).unwrap();
    let mut smoothed = SmoothedClassifier::new(&model, settings, 5);
    let x = Tensor::new([2], vec![0.8, 0.0]);
    let mut seen = Vec::new();
    for number in 0..4 {
        let found = smoothed.certify(&x, &parameters, number).unwrap().unwrap();
        let counts = smoothed.counts(&x, &parameters, 400, 2 * u64::from(number) + 1).unwrap();
        assert_eq!(Some(found), settings.certificate(1, counts[1]).unwrap());
        let chosen = smoothed.counts(&x, &parameters, 400, 2 * u64::from(number)).unwrap();
        seen.extend([chosen[1], counts[1]]);
    }
    // Eight rounds of other noise: as many of 400 successes twice in all of them has no chance.
    seen.dedup();
    assert!(seen.len() > 4, "{seen:?}");
}

#[test]
fn on_the_boundary_it_abstains() {
    let (model, parameters) = linear([1.0, 1.0], 0.0);
    let mut smoothed = SmoothedClassifier::new(&model, smoothing(0.5), 1);
    let x = Tensor::new([2], vec![0.5, -0.5]);
    assert_eq!(smoothed.certify(&x, &parameters, 0).unwrap(), None);
    assert_eq!(smoothed.predict(&x, &parameters, 0).unwrap(), None);
    assert_eq!(smoothing(0.5).radius(0.5), None);
    assert_eq!(smoothing(0.5).radius(f64::NAN), None);
}

#[test]
fn accuracy_falls_with_the_radius_and_mistakes_count_for_nothing() {
    let at = |class, radius| Some(Certified { class, radius, probability: 0.9 });
    let found = [at(0, 0.5), at(1, 1.5), at(1, 9.0), None];
    let shares = certified_accuracy(&found, &[0, 1, 0, 0], &[0.0, 0.5, 1.0, 2.0]).unwrap();
    assert_eq!(shares, [0.5, 0.5, 0.25, 0.0]);
    assert!(certified_accuracy(&found, &[0; 4], &[f64::NAN]).is_err());
    assert!(certified_accuracy(&found, &[0; 3], &[0.0]).is_err());
}

#[test]
fn numbers_are_checked() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Smoothing::new(bad).is_err());
    }
    for bad in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(smoothing(1.0).level(bad).is_err());
    }
    assert!(smoothing(1.0).samples(0, 1).is_err() && smoothing(1.0).samples(1, 0).is_err());
}

#[test]
fn examples_that_the_network_does_not_take_are_an_error() {
    let model = Sequential::<f64>::new().linear(3, 2);
    let mut smoothed = SmoothedClassifier::new(&model, smoothing(0.5), 1);
    let error = smoothed.counts(&Tensor::zeros([4]), &initialise(&model, 1), 10, 0).unwrap_err().to_string();
    assert!(error.starts_with("the model does not take examples of shape [4]"), "{error}");
}
