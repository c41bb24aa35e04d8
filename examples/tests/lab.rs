//! The program from outside: what it prints, writes and refuses.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn lab(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab"))
        .current_dir(directory)
        .args(arguments)
        .output()
        .expect("lab starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("lab prints UTF-8")
}

/// Everything but what depends on the clock.
fn without_seconds(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !name.contains("second"));
            Value::Object(kept.map(|(name, value)| (name, without_seconds(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_seconds).collect()),
        other => other,
    }
}

#[test]
fn the_tour_verifies_trains_prints_and_writes() {
    let directory = tempfile::tempdir().unwrap();
    let output = lab(directory.path(), &["--quick", "--seed", "3", "--json", "results.json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("Nothing failed."), "{printed}");
    for technique in ["plain", "L2", "L1", "dropout", "early stop", "adversarial"] {
        assert!(printed.lines().any(|line| line.starts_with(technique)), "no row for {technique}\n{printed}");
    }
    assert!(printed.contains("Under attack, and what is certain"), "{printed}");
    let wide = printed.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "wider than a terminal");

    let report = std::fs::read_to_string(directory.path().join("lab-report.html")).unwrap();
    assert!(report.contains("Other attacks, and what is certain"));
    assert!(report.contains("<svg") && report.contains("data:image/png;base64,"));
    // Self-contained: names of XML vocabularies aside, nothing is fetched.
    for outside in ["src=\"http", "href=\"http", "url(http", "<script src", "@import"] {
        assert!(!report.contains(outside), "the report refers to {outside}");
    }

    let json: Value =
        serde_json::from_slice(&std::fs::read(directory.path().join("results.json")).unwrap()).unwrap();
    assert!(json["verification"].is_object() && json["study"].is_object(), "{json}");
    let robustness = json["study"]["robustness"].as_array().unwrap();
    assert_eq!(robustness.len(), 2, "plain and adversarial: {robustness:?}");
    for found in robustness {
        let share = |name: &str| found[name].as_f64().unwrap();
        assert!(share("clean_error") <= share("fgsm_error"), "{found}");
    }
}

/// A study of these arguments: what it printed, its report and its figures.
fn study(arguments: &[&str]) -> (String, String, Value) {
    let directory = tempfile::tempdir().unwrap();
    let all = [&["study", "--quick", "--json", "results.json"], arguments].concat();
    let output = lab(directory.path(), &all);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = std::fs::read_to_string(directory.path().join("lab-report.html")).unwrap();
    let json = std::fs::read(directory.path().join("results.json")).unwrap();
    (text(&output.stdout), report, serde_json::from_slice(&json).unwrap())
}

#[test]
fn every_technique_trains_and_is_compared_with_a_baseline() {
    let (printed, report, json) = study(&["--seeds", "1", "--epochs", "2", "--train", "60"]);
    assert_eq!(printed.lines().find(|line| line.chars().count() > 80), None, "wider than a terminal");
    assert!(!printed.contains("1 seeds") && !report.contains("1 seeds"), "{printed}");
    let rows = json["study"]["rows"].as_array().unwrap();
    let field = |row: &Value, name: &str| row["technique"][name].as_str().unwrap().to_string();
    let names: Vec<String> = rows.iter().map(|row| field(row, "name")).collect();
    for (position, row) in rows.iter().enumerate() {
        let (name, baseline) = (&names[position], field(row, "baseline"));
        assert!(!names[..position].contains(name), "two rows are named {name}");
        assert!(names[..=position].contains(&baseline), "{name} is compared with {baseline}");
        let difference = row["summary"]["versus_plain"]["mean"].as_f64().unwrap();
        assert!(*name != baseline || difference == 0.0, "{name} differs from itself by {difference}");
        assert!(printed.lines().any(|line| line.starts_with(name.as_str())), "no row for {name}");
    }
    let said = include_str!("../../README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let baselines = rows.iter().filter(|row| field(row, "name") == field(row, "baseline")).count();
    let expected = format!("compares {} techniques with plain training", rows.len() - baselines);
    assert!(said.contains(&expected), "the README does not say: {expected}");
}

#[test]
fn a_study_of_baselines_alone_has_something_to_show() {
    let (printed, report, json) = study(&["--seeds", "1", "--epochs", "1", "--only", "plain conv,plain GRU"]);
    assert_eq!(json["study"]["rows"].as_array().unwrap().len(), 2, "{printed}");
    assert!(printed.contains("A convolutional network"), "{printed}");
    // Neither the table of attacks nor first-layer weights, which are those of perceptrons.
    assert!(!printed.contains("Under attack, and what is certain"), "{printed}");
    assert!(!report.contains("Weights of the first layer"));
}

#[test]
fn the_same_seed_gives_the_same_figures_for_any_number_of_threads() {
    // One or two of each way to train.
    let some =
        "L2,elastic,weight average,early stop,bagging,snapshots,mean teacher,refit,tuned,zoneout,DropBlock";
    let run = |threads| {
        let (_, _, json) =
            study(&["--seed", "5", "--seeds", "2", "--epochs", "8", "--threads", threads, "--only", some]);
        without_seconds(json)
    };
    let one = run("1");
    assert_eq!(one["study"]["rows"].as_array().unwrap().len(), 17);
    assert_eq!(one, run("2"));
    assert_eq!(one, run("1"), "a run does not repeat");
}

#[test]
fn a_trace_shows_both_directions() {
    let directory = tempfile::tempdir().unwrap();
    let output = lab(directory.path(), &["trace"]);
    assert!(output.status.success());
    let printed = text(&output.stdout);
    for part in ["Forward", "matmul", "relu", "∂", "group"] {
        assert!(printed.contains(part), "no {part} in\n{printed}");
    }
}

#[test]
fn what_cannot_work_is_said_in_a_sentence_before_anything_is_computed() {
    let directory = tempfile::tempdir().unwrap();
    let truncated = directory.path().join("truncated");
    std::fs::create_dir(&truncated).unwrap();
    for part in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        // A header that promises 60,000 labels and has none.
        let header = [0, 0, 8, 1, 0, 0, 0xea, 0x60];
        std::fs::write(truncated.join(format!("{part}-ubyte")), header).unwrap();
    }
    let cases: [(&[&str], &str); 7] = [
        (&["study", "--quick", "--data", "nowhere"], "no such directory"),
        (&["study", "--quick", "--data", "."], "none of the files"),
        (&["study", "--quick", "--data", "truncated"], "truncated/train-images-idx3-ubyte"),
        (&["--quick", "--report", "nowhere/report.html"], "cannot be written"),
        (&["study", "--quick", "--train", "5000"], "Ask for fewer"),
        (&["study", "--train", "0"], "0 is not in"),
        (&["study", "--quick", "--only", "dropout,drop in"], "contains `drop in`"),
    ];
    for (arguments, expected) in cases {
        let output = lab(directory.path(), arguments);
        let said = text(&output.stderr);
        // Long lines are folded: a phrase may be broken over two.
        let unfolded = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(unfolded.contains(expected), "{arguments:?} said {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    assert!(!directory.path().join("lab-report.html").exists(), "a refused run left a report");
}

#[test]
fn help_fits_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["study", "--help"], &["verify", "--help"], &["trace", "--help"]] {
        let output = lab(directory.path(), arguments);
        assert!(output.status.success());
        let printed = text(&output.stdout);
        assert_eq!(printed.lines().find(|line| line.chars().count() > 80), None, "{arguments:?}");
    }
}
