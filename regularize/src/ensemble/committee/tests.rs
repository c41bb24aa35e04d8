use super::*;
use crate::testing::{assert_close, numbers};
use autograd::check::Checker;
use autograd::interpret;
use nn::data::digits;
use nn::{Activation, Sequential, initialise};

fn model() -> Sequential<f64> {
    Sequential::mlp(&[64, 5, 10], Activation::Tanh)
}

fn committee(model: &Sequential<f64>, members: u64) -> Committee<'_, f64> {
    Committee::new(model, (0..members).map(|seed| initialise(model, seed)).collect()).unwrap()
}

fn some_digits() -> Dataset<f64> {
    digits::load().unwrap().flattened().subset(&(0..40).collect::<Vec<_>>()).unwrap().cast()
}

#[test]
fn graph_and_evaluator_agree() {
    let (model, data) = (model(), some_digits());
    let committee = committee(&model, 3);
    for average in [Average::Arithmetic, Average::Geometric] {
        let graph = Graph::new();
        let inputs = graph.input("inputs", data.examples().shape());
        let mean = committee.log_probabilities(inputs, Mode::Evaluate, average).exp();
        let found = interpret(&[mean], &[("inputs", Feed::from(data.examples()))], None).unwrap().remove(0);
        let evaluated = committee.probabilities(&data, average).unwrap();
        for (a, b) in found.data().iter().zip(evaluated.data()) {
            // The plan's exponential and logarithm may round otherwise than the interpreter's.
            assert_close(*a, *b, 1e-13);
        }
        let row = |i: usize| &evaluated.data()[i * 10..][..10];
        let largest = |row: &[f64]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let wrong = (0..40).filter(|&i| largest(row(i)) != data.labels().data()[i] as usize).count();
        assert_eq!(committee.error(&data, average).unwrap(), wrong as f64 / 40.0);
    }
    assert_eq!(committee.numel(), 3 * (64 * 5 + 5 + 5 * 10 + 10));
    assert_eq!(committee.members().len(), 3);
}

#[test]
fn one_member_is_the_network() {
    let (model, data) = (model(), some_digits());
    let committee = committee(&model, 1);
    let logits = Evaluator::new(&model, 7).logits(&data, &initialise(&model, 0)).unwrap();
    for average in [Average::Arithmetic, Average::Geometric] {
        let found = committee.probabilities(&data, average).unwrap();
        for (row, logits) in found.data().chunks(10).zip(logits.data().chunks(10)) {
            let sum: f64 = logits.iter().map(|x| x.exp()).sum();
            // Ten exponentials.
            row.iter().zip(logits).for_each(|(p, x)| assert_close(*p, x.exp() / sum, 1e-13));
        }
    }
}

/// What an attack on the ensemble needs.
#[test]
fn its_gradient_in_the_inputs_is_right() {
    let (model, x) = (model(), numbers([2, 64], -1.0, 1.0, 1));
    let committee = committee(&model, 2);
    let graph = Graph::new();
    let inputs = graph.input("inputs", x.shape());
    let output = committee.log_probabilities(inputs, Mode::Evaluate, Average::Arithmetic).powi(2).sum();
    let feeds = [("inputs", Feed::from(&x))];
    Checker::new("committee").directions(3).graph(output, &[inputs], &feeds, None).unwrap().assert();
}

#[test]
fn members_without_parameters_are_refused() {
    let model = model();
    let error = Committee::new(&model, Vec::new()).unwrap_err().to_string();
    assert_eq!(error, "there are no members");
    let error = Committee::new(&model, vec![Parameters::new()]).unwrap_err().to_string();
    assert_eq!(error, "there is no parameter `linear1.weight`; there are: none");
    let mut other = initialise(&model, 1);
    other.insert("linear1.weight", Tensor::zeros([64, 6]));
    let error = Committee::new(&model, vec![other]).unwrap_err().to_string();
    assert_eq!(error, "the values of a parameter have shape [64, 6], not [64, 5]");
}

/// Of equal probabilities the first counts, as everywhere.
#[test]
fn of_equal_classes_the_first_is_said() {
    let (model, data) = (model(), some_digits());
    let mut silent = initialise(&model, 1);
    for spec in Layer::<f64>::parameters(&model) {
        silent.insert(&spec.name, Tensor::zeros(spec.shape));
    }
    let committee = Committee::new(&model, vec![silent.clone(), silent]).unwrap();
    let others = data.labels().data().iter().filter(|&&label| label != 0).count();
    for average in [Average::Arithmetic, Average::Geometric] {
        assert_eq!(committee.error(&data, average).unwrap(), others as f64 / data.len() as f64);
    }
}
