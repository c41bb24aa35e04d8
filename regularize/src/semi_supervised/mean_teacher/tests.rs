use super::*;
use crate::dropout::Dropout;
use crate::testing::{assert_close, numbers, run};
use autograd::{Draw, Feed, Plan, grad_or_zero};
use nn::{BatchNorm, LEARNING_RATE, Optimiser, Sequential, initialise};
use proptest::prelude::*;

fn teacher(decay: f64) -> MeanTeacher {
    MeanTeacher::new(decay).unwrap()
}

/// The numbers of student and teacher, weights and biases, after each of `steps` steps of a linear layer.
fn train(decay: f64, steps: u64, [inputs, outputs]: [usize; 2], seed: u64) -> [Vec<Vec<f64>>; 2] {
    let model = Sequential::<f64>::new().linear(inputs, outputs);
    let (specs, graph, teacher) = (model.parameters(), Graph::new(), teacher(decay));
    let x = graph.input("x", [3, inputs]);
    let loss = (model.forward(x, Mode::Train) - 0.5).powi(2).mean();
    let step = teacher.following(&specs, Optimiser::sgd(0.1).minimise(loss, &specs), &graph);
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    let mut parameters = initialise(&model, seed);
    teacher.start(&specs, &mut parameters);
    let mut seen = [Vec::new(), Vec::new()];
    for t in 0..steps {
        let x = numbers([3, inputs], -1.0, 1.0, seed ^ t);
        plan.run(&mut parameters, &[("x", Feed::from(&x)), (LEARNING_RATE, Feed::from(0.1))]).unwrap();
        for (seen, suffix) in seen.iter_mut().zip(["", "/teacher"]) {
            let values = specs.iter().flat_map(|spec| parameters[&*format!("{}{suffix}", spec.name)].data());
            seen.push(values.copied().collect());
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn the_teacher_is_the_closed_form_of_its_students(
        decay in prop_oneof![Just(0.0), Just(0.999), 0.0..1.0],
        (steps, inputs, outputs) in (1u64..12, 1usize..4, 1usize..4),
        seed: u64,
    ) {
        let [student, taught] = train(decay, steps, [inputs, outputs], seed);
        for (t, taught) in taught.iter().enumerate() {
            prop_assert_eq!(taught.len(), (inputs + 1) * outputs);
            for (k, found) in taught.iter().enumerate() {
                // Σᵢ (1 - aᵢ) Πⱼ₌ᵢ₊₁ aⱼ θᵢ, a sum over students instead of a recursion.
                let a = |t: usize| teacher(decay).decay_at(t as u64 + 1);
                let weight = |i: usize| (1.0 - a(i)) * (i + 1..=t).map(a).product::<f64>();
                let expected: f64 = (0..=t).map(|i| weight(i) * student[i][k]).sum();
                // A dozen averages of numbers of order one.
                assert_close(*found, expected, 1e-14);
            }
        }
    }
}

/// While `1 - 1/t` is below the decay: the mean of all students. With decay 0: the student itself.
#[test]
fn the_ramp_up_is_the_plain_mean() {
    let [student, taught] = train(0.999, 10, [2, 3], 1);
    for (t, taught) in taught.iter().enumerate() {
        for (k, found) in taught.iter().enumerate() {
            let sum: f64 = student[..=t].iter().map(|student| student[k]).sum();
            assert_close(*found, sum / (t + 1) as f64, 1e-14);
        }
    }
    let [student, taught] = train(0.0, 5, [2, 3], 1);
    assert_eq!(student, taught);
}

#[test]
fn the_teacher_sees_its_own_weights_and_masks_and_no_gradient() {
    let model = Sequential::<f64>::new().then(Dropout::new(0.5).unwrap()).linear(8, 2);
    let (specs, graph, teacher) = (model.parameters(), Graph::new(), teacher(0.9));
    let x = graph.constant(numbers([3, 8], 0.5, 1.0, 1));
    let student = model.forward(x, Mode::Train);
    let taught = teacher.forward(&model, x, Mode::Train);
    let mut parameters = initialise(&model, 1);
    teacher.start(&specs, &mut parameters);
    let draw = Draw { seed: 3, run: 0 };
    // The same weights so far, but another mask.
    assert_ne!(run(student, &parameters, draw), run(taught, &parameters, draw));
    let before = run(taught, &parameters, draw);
    parameters.get_mut("linear1.weight").unwrap().data_mut().fill(7.0);
    assert_eq!(run(taught, &parameters, draw), before);
    let weight = specs[0].declare(&graph);
    let slope = grad_or_zero(taught.sum(), &[weight])[0];
    assert!(run(slope, &parameters, draw).data().iter().all(|&g| g == 0.0));
    // In evaluation, with one's own values, teacher and student say the same.
    let (a, b) = (model.forward(x, Mode::Evaluate), teacher.forward(&model, x, Mode::Evaluate));
    let own = teacher.parameters_of(&specs, &parameters).unwrap();
    assert_eq!(run(a, &own, draw), run(b, &parameters, draw));
}

#[test]
fn running_statistics_are_averaged_and_proposed_once() {
    let model = Sequential::<f64>::new().then(BatchNorm::new("norm", 2)).linear(2, 2);
    let (specs, graph, teacher) = (model.parameters(), Graph::new(), teacher(0.9));
    let x = graph.constant(numbers([6, 2], 2.0, 3.0, 1));
    let student = model.forward(x, Mode::Train);
    let proposed = graph.proposed_updates().len();
    let loss = (student - teacher.forward(&model, x, Mode::Train)).powi(2).mean() + student.mean();
    assert_eq!(graph.proposed_updates().len(), proposed);
    let step = teacher.following(&specs, Optimiser::sgd(0.1).minimise(loss, &specs), &graph);
    let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
    let mut parameters = initialise(&model, 1);
    teacher.start(&specs, &mut parameters);
    plan.run(&mut parameters, &[(LEARNING_RATE, Feed::from(0.1))]).unwrap();
    assert_eq!(parameters["norm.running_mean/teacher"], parameters["norm.running_mean"]);
    assert!(parameters["norm.running_mean"].data().iter().all(|&mean| mean > 0.1));
}

#[test]
fn the_decay_is_checked_and_a_missing_teacher_is_named() {
    for bad in [-0.1, 1.0, f64::NAN] {
        assert!(MeanTeacher::new(bad).is_err());
    }
    let model = Sequential::<f64>::new().linear(1, 1);
    let error = teacher(0.5).parameters_of(&model.parameters(), &initialise(&model, 1)).unwrap_err();
    assert!(error.to_string().starts_with("there is no parameter `linear1.weight/teacher`"), "{error}");
}
