use super::*;
use nn::{Layer, initialise};

const SIZES: Sizes = Sizes { picture: [8, 8], hidden: 8, classes: 10 };

#[test]
fn names_are_told_apart_and_chosen_strengths_are_among_those_tried() {
    let all = Technique::all();
    for (position, technique) in all.iter().enumerate() {
        assert!(all[..position].iter().all(|other| other.name() != technique.name()), "{technique}");
        assert!(technique.kind.candidates.contains(&technique.strength), "{technique}");
    }
    assert_eq!(Technique::of_the_tour().len(), 6);
}

#[test]
fn every_strength_that_a_sweep_tries_makes_sense() {
    for technique in Technique::candidates() {
        assert!(technique.recipe().is_ok(), "{technique}");
    }
}

#[test]
fn every_baseline_stands_before_what_is_compared_with_it() {
    let all = Technique::all();
    for (position, technique) in all.iter().enumerate() {
        let found = all[..=position].iter().find(|other| other.name() == technique.baseline());
        assert!(found.is_some_and(|baseline| baseline.is_baseline()), "{technique}");
    }
}

#[test]
fn every_technique_starts_from_the_weights_of_its_baseline() {
    let first = |technique: Technique| {
        let network = (technique.recipe().unwrap().network)(&SIZES);
        let names = network.parameters().into_iter().map(|spec| spec.name);
        let parameters = initialise(&network, 7);
        names.map(|name| parameters.get(&name).cloned().map(|value| (name, value))).collect::<Vec<_>>()
    };
    for technique in Technique::all() {
        let baseline = first(Technique::new(technique.group, technique.group.baseline));
        let found = first(technique);
        // A technique may add parameters of its own, but not change the network's.
        assert!(baseline.iter().all(|entry| found.contains(entry)), "{technique}");
    }
}

/// Parameters of a network that no picture is square for.
#[test]
fn networks_take_pictures_of_any_size() {
    let sizes = Sizes { picture: [6, 5], ..SIZES };
    for technique in Technique::all() {
        let network = (technique.recipe().unwrap().network)(&sizes);
        assert_eq!(network.output_shape([3, 30].into()).unwrap(), [3, 10].into(), "{technique}");
    }
}
