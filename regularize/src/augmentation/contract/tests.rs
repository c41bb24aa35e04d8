use super::*;
use crate::augmentation::{Affine, Augmentation, Crop, Flip, Mirror, Pipeline, RandAugment};
use std::sync::Arc;

fn refusal(changes: &[(Kind, f64)]) -> String {
    let changes: Vec<_> = changes.iter().map(|&(kind, extent)| Change::new(kind, extent)).collect();
    LabelContract::digits().check(&changes).unwrap_err().to_string()
}

#[test]
fn refusals_name_the_classes() {
    assert_eq!(
        refusal(&[(Kind::Rotation, 180.0)]),
        "rotation by up to 180 degrees changes labels of handwritten digits: it confuses 6/9; \
         labels are declared invariant up to 45 degrees"
    );
    assert_eq!(
        refusal(&[(Kind::Blur, 0.0), (Kind::MirrorTopBottom, 1.0)]),
        "mirroring top and bottom changes labels of handwritten digits: it confuses 2/5, 6/9; \
         labels are not declared invariant to it"
    );
    assert_eq!(
        refusal(&[(Kind::Noise, 0.75)]),
        "noise by up to 0.75 changes labels of handwritten digits; labels are declared invariant up to 0.5"
    );
    let error = LabelContract::digits().check(&[Change::new(Kind::MirrorLeftRight, 1.0)]).unwrap_err();
    assert!(matches!(error, RegularizeError::LabelChanging { ref classes, .. } if classes == &[(2, 5)]));
}

#[test]
fn what_is_not_declared_is_refused_and_no_change_is_allowed() {
    let nothing = LabelContract::new("a set");
    for kind in [Kind::Rotation, Kind::Hue, Kind::Occlusion, Kind::Elastic] {
        assert!(nothing.check(&[Change::new(kind, 1e-9)]).is_err());
        assert!(nothing.check(&[Change::new(kind, 0.0)]).is_ok());
        assert!(nothing.clone().invariant(kind, 1.0).unwrap().check(&[Change::new(kind, 1.0)]).is_ok());
    }
    // NaN is within no limit.
    assert!(LabelContract::digits().check(&[Change::new(Kind::Rotation, f64::NAN)]).is_err());
}

#[test]
fn changes_of_a_pipeline_add_up() {
    let turn = |degrees| Affine::new().rotate(degrees).unwrap();
    let digits = LabelContract::digits();
    let build = || Pipeline::<f32>::new([1, 8, 8]).then(turn(30.0));
    assert!(build().for_labels(&digits).is_ok());
    assert!(build().then(turn(15.0)).for_labels(&digits).is_ok());
    assert!(build().then(turn(16.0)).for_labels(&digits).is_err());
    // Two pixels of eight are a quarter of the side, of 28 less.
    assert!(Pipeline::<f32>::new([1, 8, 8]).then(Crop::new(2)).for_labels(&digits).is_ok());
    assert!(Pipeline::<f32>::new([1, 8, 8]).then(Crop::new(3)).for_labels(&digits).is_err());
    assert!(Pipeline::<f32>::new([1, 28, 28]).then(Crop::new(3)).for_labels(&digits).is_ok());
}

/// Left and right, then top and bottom, is a half turn: who allows both mirrors must allow that as well.
#[test]
fn both_mirrors_are_a_half_turn() {
    let both = || {
        let left_right = Flip::new(Mirror::LeftRight, 0.5).unwrap();
        Pipeline::<f32>::new([3, 8, 8]).then(left_right).then(Flip::new(Mirror::TopBottom, 0.5).unwrap())
    };
    let mirrors = LabelContract::new("leaves")
        .invariant(Kind::MirrorLeftRight, 1.0)
        .and_then(|contract| contract.invariant(Kind::MirrorTopBottom, 1.0))
        .unwrap();
    let refusal = both().for_labels(&mirrors).unwrap_err().to_string();
    assert!(refusal.starts_with("rotation by up to 180 degrees changes labels of leaves"), "{refusal}");
    assert!(both().for_labels(&mirrors.invariant(Kind::Rotation, 180.0).unwrap()).is_ok());
    let turn = Flip::new(Mirror::Both, 0.5).unwrap();
    assert_eq!(Augmentation::<f32>::changes(&turn, [1, 8, 8]), [Change::new(Kind::Rotation, 180.0)]);
}

#[test]
fn limits_are_numbers_of_at_least_0() {
    let limit = |extent: f64| LabelContract::new("a set").invariant(Kind::Rotation, extent);
    for bad in [f64::NAN, -1.0] {
        let expected = format!("the extent of a label contract is {bad}, it must be at least 0");
        assert_eq!(limit(bad).unwrap_err().to_string(), expected);
    }
    for good in [0.0, 20.0, f64::INFINITY] {
        assert_eq!(limit(good).unwrap().limit(Kind::Rotation), good);
    }
}

/// One of several: the largest of each kind, whichever comes first.
#[test]
fn of_alternatives_the_largest_counts() {
    let change = |kind, extent| Change::new(kind, extent);
    let all = [
        change(Kind::Rotation, 10.0),
        change(Kind::Shear, 0.3),
        change(Kind::Rotation, 30.0),
        change(Kind::Shear, 0.1),
    ];
    let largest = [change(Kind::Rotation, 30.0), change(Kind::Shear, 0.3)];
    assert_eq!(Change::largest(all), largest);
    assert_eq!(Change::largest([]), []);
}

#[test]
fn neither_nan_nor_a_sign_gets_past_a_contract() {
    let turn = |extent| Change::new(Kind::Rotation, extent);
    for all in [[turn(f64::NAN), turn(1.0)], [turn(1.0), turn(f64::NAN)]] {
        assert!(LabelContract::digits().check(&Change::largest(all)).is_err());
        assert!(LabelContract::digits().check(&Change::sum(all)).is_err());
    }
    assert!(LabelContract::digits().check(&[turn(-60.0)]).is_err());
    assert_eq!(Change::sum([turn(-60.0), turn(60.0)]), [turn(120.0)]);
}

/// What is declared may happen twice: it is no more than once. Factors multiply.
#[test]
fn changes_go_together_as_their_kinds_do() {
    let contract = |kind, extent| LabelContract::new("a set").invariant(kind, extent).unwrap();
    let flip = || Flip::new(Mirror::LeftRight, 0.5).unwrap();
    let colour = || Pipeline::<f32>::new([3, 8, 8]);
    let mirrors = contract(Kind::MirrorLeftRight, 1.0);
    assert!(colour().then(flip()).then(flip()).for_labels(&mirrors).is_ok());
    let twice = RandAugment::of(2, vec![Arc::new(flip())]);
    assert!(colour().then(twice).for_labels(&mirrors).is_ok());
    let turns = contract(Kind::Rotation, 180.0);
    let half = || Flip::new(Mirror::Both, 0.5).unwrap();
    let turn = || Affine::new().rotate(10.0).unwrap();
    assert!(colour().then(half()).then(turn()).for_labels(&turns).is_ok());
    assert!(colour().then(half()).then(turn()).for_labels(&contract(Kind::Rotation, 179.0)).is_err());
    assert_eq!(Change::sum([0.3, 0.4].map(|hue| Change::new(Kind::Hue, hue))), [Change::new(Kind::Hue, 0.5)]);
    assert_eq!(Change::sum([Change::new(Kind::Rotation, 720.0)]), [Change::new(Kind::Rotation, 180.0)]);

    // 1.3 · 1.3 = 1.69.
    let scaling = || Affine::new().scale(1.3).unwrap();
    let limited =
        |extent| colour().then(scaling()).then(scaling()).for_labels(&contract(Kind::Scale, extent));
    assert!(limited(0.6).is_err() && limited(0.69 - 1e-9).is_err());
    assert!(limited(0.69 + 1e-9).is_ok());
    let thrice = RandAugment::<f32>::of(3, vec![Arc::new(scaling())]);
    let extent = thrice.changes([1, 8, 8])[0].extent;
    assert!((extent - (1.3f64.powi(3) - 1.0)).abs() < 1e-12, "{extent}");
    assert_eq!(RandAugment::<f32>::of(0, vec![Arc::new(scaling())]).changes([1, 8, 8]), []);
}

/// What is for coloured images is refused for grey ones before anything is recorded, within a list as well.
#[test]
fn grey_images_have_no_hue() {
    use crate::augmentation::{AugMix, Hue, Saturation};
    let contract = LabelContract::digits();
    let (hue, saturation) = (|| Hue::new(0.1).unwrap(), || Saturation::new(0.5).unwrap());
    let on = |channels| Pipeline::<f32>::new([channels, 8, 8]);
    let list = || vec![Arc::new(hue()) as Arc<dyn Augmentation<f32>>];
    let of = |channels| {
        [
            on(channels).then(hue()),
            on(channels).then(saturation()),
            on(channels).then(RandAugment::of(1, list())),
            on(channels).then(AugMix::of(1, 1, list()).unwrap()),
        ]
    };
    for pipeline in of(1) {
        let error = pipeline.for_labels(&contract).unwrap_err().to_string();
        assert_eq!(error, "the coloured images have shape [1, 8, 8], not [3, 8, 8]");
    }
    assert!(of(3).into_iter().all(|pipeline| pipeline.for_labels(&contract).is_ok()));
}
