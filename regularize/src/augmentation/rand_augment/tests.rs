use super::*;
use crate::augmentation::{Brightness, Contrast, Kind, LabelContract, Pipeline};
use crate::testing::{check, numbers, value};
use autograd::Tensor;

/// Adds a number that tells the choices apart.
fn marks(count: usize) -> Vec<Arc<dyn Augmentation<f64>>> {
    #[derive(Debug)]
    struct Mark(f64);
    impl Augmentation<f64> for Mark {
        fn name(&self) -> &'static str {
            "mark"
        }
        fn changes(&self, _: [usize; 3]) -> Vec<Change> {
            vec![Change::new(Kind::Brightness, self.0)]
        }
        fn apply<'g>(&self, images: Var<'g, f64>, _: &str) -> Var<'g, f64> {
            images + self.0
        }
    }
    (0..count).map(|k| Arc::new(Mark(10f64.powi(k as i32))) as Arc<dyn Augmentation<f64>>).collect()
}

/// Each image gets one of the list or nothing in each layer, all equally often up to chance.
#[test]
fn one_of_the_list_is_chosen_for_each_image() {
    let n = 8000;
    let found = value(&[Tensor::zeros([n, 1, 1, 1])], |x| RandAugment::of(1, marks(3)).apply(x[0], "s"));
    let mut square = 0.0;
    for mark in [0.0, 1.0, 10.0, 100.0] {
        let count = found.data().iter().filter(|&&x| x == mark).count() as f64;
        square += (count - 2000.0).powi(2) / 2000.0;
    }
    // Chi-squared with three degrees of freedom passes 30.7 once in a million.
    assert!(square < 30.7, "{square}");
    assert!(found.data().iter().all(|x| [0.0, 1.0, 10.0, 100.0].contains(x)));
}

#[test]
fn layers_choose_apart() {
    let found = value(&[Tensor::zeros([2000, 1, 1, 1])], |x| RandAugment::of(2, marks(2)).apply(x[0], "s"));
    let sums = [0.0, 1.0, 10.0, 2.0, 11.0, 20.0];
    for sum in sums {
        assert!(found.data().contains(&sum), "{sum} never came");
    }
    assert!(found.data().iter().all(|x| sums.contains(x)));
}

/// The chosen one's values are its own, bit for bit: nothing is averaged.
#[test]
fn the_chosen_one_is_exact() {
    let x = numbers([6, 1, 4, 4], 0.0, 1.0, 1);
    let some = RandAugment::<f64>::new(1, 1.0, [1, 4, 4]).unwrap();
    let chosen = value(std::slice::from_ref(&x), |x| some.apply(x[0], "s"));
    let mut candidates = vec![x.clone()];
    for (k, choice) in some.choices().iter().enumerate() {
        let stream = format!("s.layer0.{k}.{}", choice.name());
        candidates.push(value(std::slice::from_ref(&x), |x| choice.apply(x[0], &stream)));
    }
    for i in 0..6 {
        let row = |from: &Tensor<f64>| from.data()[16 * i..][..16].to_vec();
        assert!(candidates.iter().any(|candidate| row(candidate) == row(&chosen)), "image {i}");
    }
}

#[test]
fn the_contract_sees_the_worst_that_layers_can_do() {
    let digits = LabelContract::digits();
    let layers =
        |n: usize| Pipeline::<f64>::new([1, 8, 8]).then(RandAugment::new(n, 1.0, [1, 8, 8]).unwrap());
    assert!(layers(1).for_labels(&digits).is_ok());
    let refusal = layers(2).for_labels(&digits).unwrap_err().to_string();
    assert!(refusal.starts_with("rotation by up to 60 degrees") && refusal.contains("6/9"), "{refusal}");
}

#[test]
fn strengths_are_checked() {
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = RandAugment::<f64>::new(2, bad, [1, 8, 8]).unwrap_err().to_string();
        assert_eq!(error, format!("the strength is {bad}, it must be in [0, 1]"));
    }
}

#[test]
fn an_extent_that_is_no_number_is_refused() {
    #[derive(Debug)]
    struct Broken;
    impl Augmentation<f64> for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn changes(&self, _: [usize; 3]) -> Vec<Change> {
            vec![Change::new(Kind::Rotation, f64::NAN)]
        }
        fn apply<'g>(&self, images: Var<'g, f64>, _: &str) -> Var<'g, f64> {
            images
        }
    }
    let list: Vec<Arc<dyn Augmentation<f64>>> = vec![Arc::new(Broken)];
    let pipeline = Pipeline::<f64>::new([1, 8, 8]).then(RandAugment::of(1, list));
    assert!(pipeline.for_labels(&LabelContract::digits()).is_err());
}

#[test]
fn derivatives_in_the_images_are_right() {
    let tones: Vec<Arc<dyn Augmentation<f64>>> =
        vec![Arc::new(Brightness::new(0.4).unwrap()), Arc::new(Contrast::new(2.0).unwrap())];
    let some = RandAugment::of(2, tones);
    check("rand_augment", &[numbers([3, 1, 2, 2], 0.1, 0.9, 1)], |x| some.apply(x[0], "s").powi(2));
}
