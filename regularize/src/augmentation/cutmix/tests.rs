use super::*;
use crate::testing::{check, numbers, value};
use autograd::{Graph, interpret};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// A pixel is in the box if its middle is.
    #[test]
    fn the_mask_is_the_box(
        (height, width) in (1usize..8, 1usize..8),
        (lambda, row, column) in (0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64),
    ) {
        let cutmix = CutMix::new([1, height, width], 1.0).unwrap();
        let draws = [Tensor::new([1], vec![lambda]), Tensor::new([1, 2], vec![row, column])];
        let mask = value(&draws, |x| cutmix.mask(x[0], x[1]));
        let ratio = (1.0 - lambda).sqrt();
        for (i, &found) in mask.data().iter().enumerate() {
            let inside = |at: usize, side: usize, middle: f64| {
                let (low, high) = ((middle - ratio / 2.0) * side as f64, (middle + ratio / 2.0) * side as f64);
                low <= at as f64 + 0.5 && at as f64 + 0.5 < high
            };
            let expected = inside(i / width, height, row) && inside(i % width, width, column);
            prop_assert_eq!(found, if expected { 1.0 } else { 0.0 });
        }
    }
}

/// The share in the targets is that of the pixels in the image, counted here.
#[test]
fn the_share_is_that_of_the_actual_box() {
    let (n, size) = (9, 6);
    let graph = Graph::<f64>::new();
    let x = graph.constant(numbers([n, 2 * size * size], 0.0, 1.0, 1));
    let labels = graph.index_constant(Tensor::from_fn([n], |i| i as u32));
    let cutmix = CutMix::new([2, size, size], 1.0).unwrap();
    let Mixed { inputs, targets, lambda } = cutmix.of(x, labels, n);
    let found = interpret(&[inputs, targets, lambda, x], &[], None).unwrap();
    let [inputs, targets, lambda, x] = found.try_into().unwrap();
    assert_eq!(x, numbers([n, 2 * size * size], 0.0, 1.0, 1), "the input is unchanged");
    let width = 2 * size * size;
    let mut cut = 0;
    for i in 0..n {
        let (new, old) = (&inputs.data()[i * width..][..width], &x.data()[i * width..][..width]);
        let kept = new.iter().zip(old).filter(|(a, b)| a == b).count() as f64 / width as f64;
        let partner = (0..n).find(|&j| {
            let other = &x.data()[j * width..][..width];
            new.iter().zip(old).zip(other).all(|((new, old), other)| new == old || new == other)
        });
        let j = partner.expect("what is not its own is a partner's");
        let own = if i == j { 1.0 } else { targets.data()[i * n + i] };
        assert!(i == j || (lambda.data()[i] - kept).abs() < 1e-15);
        assert!((own - kept).abs() < 1e-15 || kept == 1.0, "{own} and {kept}");
        let sum: f64 = targets.data()[i * n..][..n].iter().sum();
        assert!((sum - 1.0).abs() < 1e-15);
        cut += usize::from(kept < 1.0);
    }
    assert!(cut > n / 2, "{cut} of {n} were cut");
}

#[test]
fn nothing_is_cut_at_alpha_zero() {
    let graph = Graph::<f64>::new();
    let (x, labels) = (graph.input("x", [4, 9]), graph.indices("labels", [4]));
    let cutmix = CutMix::new([1, 3, 3], 0.0).unwrap();
    assert_eq!(cutmix.of(x, labels, 2).inputs.id(), x.id());
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let error = CutMix::new([1, 3, 3], bad).unwrap_err().to_string();
        assert_eq!(error, format!("the cutmix's alpha is {bad}, it must be finite and at least 0"));
    }
}

#[test]
#[should_panic(expected = "augmentation: inputs of shape [4, 8] for images of 1 x 3 x 3")]
fn inputs_must_be_images() {
    let graph = Graph::<f64>::new();
    let (x, labels) = (graph.input("x", [4, 8]), graph.indices("labels", [4]));
    CutMix::new([1, 3, 3], 1.0).unwrap().of(x, labels, 2);
}

#[test]
fn derivatives_in_the_images_are_right() {
    let cutmix = CutMix::new([2, 3, 2], 1.0).unwrap();
    check("cutmix", &[numbers([3, 12], 0.1, 0.9, 1)], |x| {
        let labels = x[0].graph().index_constant(Tensor::new([3], vec![0, 1, 2]));
        cutmix.of(x[0], labels, 3).inputs.powi(2)
    });
}
