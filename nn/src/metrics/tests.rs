use super::*;
use autograd::{Feed, Graph, Parameters, Plan};
use proptest::prelude::*;

fn tensors(rows: &[&[f64]], labels: &[u32]) -> (Tensor<f64>, Tensor<u32>) {
    let logits = Tensor::new([rows.len(), rows[0].len()], rows.concat());
    (logits, Tensor::new([labels.len()], labels.to_vec()))
}

/// Probabilities (0.7, 0.2, 0.1) in any order, as logits.
fn logits_of(probabilities: [f64; 3]) -> [f64; 3] {
    probabilities.map(f64::ln)
}

#[test]
fn values_worked_out_by_hand() {
    let rows = [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.25, 0.25, 0.5]].map(logits_of);
    let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
    let (logits, labels) = tensors(&rows, &[0, 1, 1, 2]);
    let predictions = Predictions::new(&logits, &labels).unwrap();
    assert_eq!((predictions.examples(), predictions.classes()), (4, 3));
    assert_eq!(predictions.accuracy(), 0.5);
    // The second example's label is second, the third's too.
    assert_eq!([0, 1, 2, 3, 9].map(|k| predictions.top(k)), [0.0, 0.5, 1.0, 1.0, 1.0]);
    let expected = -(0.7f64.ln() + 0.2f64.ln() + 0.4f64.ln() + 0.5f64.ln()) / 4.0;
    // A few roundings of numbers of order one.
    assert!((predictions.log_loss() - expected).abs() < 1e-15);
    // Two bins: up to 0.5 are 0.5 (wrong) and 0.5 (right); above are 0.7 (right) and 0.7 (wrong).
    // 2/4 |1/2 - 1/2| + 2/4 |1/2 - 0.7| = 0.1. In logarithms 0.5 may come back as the next number above, in
    // the other bin; five bins keep away from the edges of 0.5 and 0.7 and give the same.
    assert!((predictions.calibration_error(5) - 0.1).abs() < 1e-15);
}

#[test]
fn calibration_bins_are_open_below_and_closed_above() {
    // Two equal logits, confidence exactly 1/2, right: in the first of two bins. A sure wrong one in the other;
    // in one bin the two would make up for each other.
    let (logits, labels) = tensors(&[&[0.0, 0.0], &[100.0, 0.0]], &[0, 1]);
    let predictions = Predictions::new(&logits, &labels).unwrap();
    // Bins ]0, 1/2] and ]1/2, 1]: |1 - 1/2| / 2 + |0 - 1| / 2.
    assert_eq!(predictions.calibration_error(2), 0.75);
    // Confidences in one bin average before the difference is taken.
    let (logits, labels) = tensors(&[&[100.0, 0.0], &[100.0, 0.0]], &[0, 1]);
    assert_eq!(Predictions::new(&logits, &labels).unwrap().calibration_error(CALIBRATION_BINS), 0.5);
    // Sure and right: nothing to complain about.
    let (logits, labels) = tensors(&[&[100.0, 0.0], &[0.0, 100.0]], &[0, 1]);
    assert!(Predictions::new(&logits, &labels).unwrap().calibration_error(15) < 1e-40);
}

#[test]
fn of_equal_logits_the_first_is_the_larger() {
    let (logits, labels) = tensors(&[&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]], &[0, 1, 2]);
    let predictions = Predictions::new(&logits, &labels).unwrap();
    assert_eq!([1, 2, 3].map(|k| predictions.top(k)), [1.0 / 3.0, 2.0 / 3.0, 1.0]);
    assert_eq!(predictions.confusion().predicted(0), 3);
}

#[test]
fn logits_of_any_size_do_not_overflow() {
    let (logits, labels) = tensors(&[&[1e300, -1e300], &[-1e4, -1e4 + 1.0]], &[0, 0]);
    let predictions = Predictions::new(&logits, &labels).unwrap();
    // ln(1 + e) for the second, 0 for the first; e^-1e4 is 0 by itself.
    assert!((predictions.log_loss() - (1.0 + 1f64.exp()).ln() / 2.0).abs() < 1e-12);
    assert!(predictions.calibration_error(15).is_finite());
}

#[test]
fn what_makes_no_predictions_is_refused() {
    let refusal = |shape: &[usize], labels: Vec<u32>| {
        let (logits, labels) = (Tensor::<f64>::zeros(shape), Tensor::new([labels.len()], labels));
        Predictions::new(&logits, &labels).unwrap_err().to_string()
    };
    let needed = "[n, classes] and [n] are needed, n at least 1, classes at least 2";
    assert_eq!(refusal(&[2], vec![0, 1]), format!("logits of shape [2] and labels of shape [2]: {needed}"));
    for (shape, labels) in
        [(&[2, 3][..], vec![0]), (&[0, 3], vec![]), (&[1, 1], vec![0]), (&[1, 2, 1], vec![0])]
    {
        assert!(refusal(shape, labels).ends_with(needed));
    }
    assert_eq!(refusal(&[2, 3], vec![0, 3]), "label 3 at position 1: there are logits for classes 0 to 2");
    let (mut logits, labels) = tensors(&[&[0.0, 1.0], &[0.0, 1.0]], &[0, 1]);
    logits.data_mut()[3] = f64::NAN;
    let error = Predictions::new(&logits, &labels).unwrap_err();
    assert_eq!(error.to_string(), "the logit of class 1 for example 1 is NaN");
}

/// scikit-learn's example of `precision_recall_fscore_support`, by hand: labels cat dog pig cat dog pig,
/// predictions cat pig dog cat cat dog.
#[test]
fn precision_recall_and_f1_by_hand() {
    let matrix = ConfusionMatrix::of(4, [(0, 0), (1, 2), (2, 1), (0, 0), (1, 0), (2, 1)]);
    assert_eq!(matrix.precision(0), Some(2.0 / 3.0));
    assert_eq!((matrix.recall(0), matrix.f1(0)), (Some(1.0), Some(0.8)));
    assert_eq!((matrix.precision(1), matrix.recall(1), matrix.f1(1)), (Some(0.0), Some(0.0), Some(0.0)));
    assert_eq!((matrix.precision(3), matrix.recall(3), matrix.f1(3)), (None, None, None));
    assert_eq!(matrix.accuracy(), Some(1.0 / 3.0));
    assert_eq!(matrix.macro_f1(), Some(0.8 / 3.0));
    assert_eq!((matrix.labelled(2), matrix.predicted(1)), (2, 2));
    assert_eq!(matrix.confusions(), [(2, 1, 2), (1, 0, 1), (1, 2, 1)]);
    let empty = ConfusionMatrix::of(2, []);
    assert_eq!((empty.accuracy(), empty.macro_f1()), (None, None));
}

#[test]
fn the_table_is_the_matrix_and_each_class() {
    let matrix = ConfusionMatrix::of(3, [(0, 0), (0, 0), (0, 1), (1, 1)]);
    assert_eq!(
        matrix.to_string(),
        "label  predicted  0  1  2
    0             2  1  0
    1             0  1  0
    2             0  0  0

class  examples  precision  recall     F1
    0         3      1.000   0.667  0.800
    1         1      0.500   1.000  0.667
    2         0          -       -      -
"
    );
}

#[test]
fn no_table_is_wider_than_a_terminal() {
    for (classes, count) in [(2, 1_000_000), (9, 10_000), (10, 99_999), (21, 7), (22, 7), (100, 3), (1000, 1)]
    {
        let pairs = (0..count).map(|i| (i % classes, i / 2 % classes));
        let matrix = ConfusionMatrix::of(classes, pairs);
        let table = matrix.to_string();
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{classes} classes: {widest} columns");
    }
    let many = ConfusionMatrix::of(40, [(0, 1), (0, 1), (39, 2), (5, 5)]).to_string();
    assert!(many.starts_with(
        "label  predicted  examples, the most frequent confusions
    0          1         2
   39          2         1

class"
    ));
}

/// The rank of a label found by sorting.
fn sorted_top(row: &[f64], label: usize, k: usize) -> bool {
    let mut order: Vec<usize> = (0..row.len()).collect();
    // A stable sort leaves equal logits in order.
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    order[..k.min(row.len())].contains(&label)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// Few different values, so that ties are common.
    #[test]
    fn top_k_counts_agree_with_sorting(
        classes in 2usize..6,
        values in prop::collection::vec(-2i8..3, 5 * 8),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 8),
        k in 0usize..7,
    ) {
        let n = 8;
        let data: Vec<f64> = values[..n * classes.min(5)].iter().map(|&v| f64::from(v)).collect();
        let classes = classes.min(5);
        let labels: Vec<u32> = picks.iter().map(|pick| pick.index(classes) as u32).collect();
        let expected = (0..n)
            .filter(|&i| sorted_top(&data[i * classes..][..classes], labels[i] as usize, k))
            .count();
        let (logits, labels) = (Tensor::new([n, classes], data), Tensor::new([n], labels));
        let predictions = Predictions::new(&logits, &labels).unwrap();
        prop_assert_eq!(predictions.top(k), expected as f64 / n as f64);
        prop_assert_eq!(predictions.accuracy(), predictions.confusion().accuracy().unwrap());

        let graph = Graph::<f64>::new();
        let count = top_k_count(graph.input("z", [n, classes]), graph.indices("y", [n]), k);
        let mut plan = Plan::builder(&graph).output("count", count).compile();
        let feeds = [("z", Feed::from(&logits)), ("y", Feed::from(&labels))];
        let outputs = plan.run(&mut Parameters::new(), &feeds).unwrap();
        prop_assert_eq!(outputs.scalar("count"), expected as f64);
    }
}

#[test]
#[should_panic(expected = "top_k_count: logits of shape [4, 3] and labels of shape [3]")]
fn labels_of_another_number_are_refused_on_a_graph() {
    let graph = Graph::<f32>::new();
    top_k_count(graph.input("z", [4, 3]), graph.indices("y", [3]), 1);
}
