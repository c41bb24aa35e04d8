//! The tables in the terminal, at most 80 columns wide.

use crate::mean::Mean;
use crate::study::Study;
use comfy_table::{CellAlignment, Table, presets};

/// A table without frame: headings, a line, rows; the first column to the left, the others to the right.
fn plain_table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings);
    table.force_no_tty();
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if position == 0 { 0 } else { 2 }, 0));
        if position > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table's text, without the blanks that pad its lines.
fn text(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// A share as a percentage with one digit.
pub fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// A mean share with its standard error, in per cent.
pub fn percent_with_error(mean: Mean) -> String {
    match mean.standard_error {
        Some(error) => format!("{:.1} ± {:.1}", 100.0 * mean.mean, 100.0 * error),
        None => percent(mean.mean),
    }
}

/// A difference of shares with its standard error, in percentage points, always with its sign.
pub fn signed_with_error(mean: Mean) -> String {
    let sign = if mean.mean < 0.0 { "−" } else { "+" };
    format!("{sign}{}", percent_with_error(Mean { mean: mean.mean.abs(), ..mean }))
}

/// The headings of the table of a study, with what each column holds.
pub const HEADINGS: [(&str, &str); 8] = [
    ("technique", "with its strength"),
    ("train", "error on the training part, in per cent"),
    ("test", "error on the test part, in per cent, ± one standard error over the seeds"),
    ("vs plain", "test error minus that of the plain network, seed by seed, ± one standard error"),
    ("gap", "test error minus training error"),
    ("FGSM", "test error under attack, in per cent"),
    ("zeros", "weights that are exactly 0, in per cent"),
    ("s", "seconds that one training took"),
];

/// One line for each technique, the cells of [`HEADINGS`].
pub fn study_cells(study: &Study) -> Vec<[String; 8]> {
    let cells = study.rows.iter().map(|row| {
        let summary = &row.summary;
        [
            row.technique.to_string(),
            percent(summary.train_error.mean),
            percent_with_error(summary.test_error),
            if row.technique.is_baseline() { String::new() } else { signed_with_error(summary.versus_plain) },
            format!("{:+.1}", 100.0 * summary.gap.mean).replace('-', "−"),
            percent(summary.attacked_error.mean),
            percent(summary.zero_weights.mean),
            format!("{:.2}", summary.seconds.mean),
        ]
    });
    cells.collect()
}

/// The table of a study, with a line above each group of techniques if there are several.
pub fn study_table(study: &Study) -> String {
    let mut table = plain_table(&HEADINGS.map(|(heading, _)| heading));
    for cells in study_cells(study) {
        table.add_row(cells);
    }
    let groups = study.groups();
    let mut lines: Vec<String> = text(&table).lines().map(String::from).collect();
    if groups.len() > 1 {
        // From the end, so that positions stay what they are; the first line is that of the headings.
        for (title, rows) in groups.iter().rev() {
            lines.splice(1 + rows[0]..1 + rows[0], [String::new(), title.to_string()]);
        }
    }
    lines.join("\n")
}

/// The headings of the table of attacks and certificates, with what each column holds.
pub const ROBUSTNESS_HEADINGS: [(&str, &str); 9] = [
    ("technique", "with its strength"),
    ("clean", "error without attack, in per cent"),
    ("FGSM", "error under one gradient step, in per cent"),
    ("PGD", "error under projected gradient ascent, in per cent"),
    ("APGD", "error under steps that choose their own size, in per cent"),
    ("Square", "error under an attack without gradients, in per cent"),
    ("DeepFool", "median Euclidean distance to a wrong answer"),
    ("smooth", "error that smoothing cannot exclude, in per cent"),
    ("bounds", "error that interval bounds cannot exclude, in per cent"),
];

/// One line for each network, the cells of [`ROBUSTNESS_HEADINGS`].
pub fn robustness_cells(study: &Study) -> Vec<[String; 9]> {
    let cells = study.robustness.iter().map(|robust| {
        [
            robust.technique.to_string(),
            percent(robust.clean_error),
            percent(robust.fgsm_error),
            percent(robust.pgd_error),
            percent(robust.apgd_error),
            percent(robust.square_error),
            robust.deep_fool_distance.map_or("none".into(), |distance| format!("{distance:.2}")),
            percent(robust.smoothing_error),
            percent(robust.interval_error),
        ]
    });
    cells.collect()
}

/// The table of attacks and certificates.
pub fn robustness_table(study: &Study) -> String {
    let mut table = plain_table(&ROBUSTNESS_HEADINGS.map(|(heading, _)| heading));
    for cells in robustness_cells(study) {
        table.add_row(cells);
    }
    text(&table)
}

/// The table of a sweep: validation errors, the chosen strength of each technique marked.
pub fn sweep_table(study: &Study) -> String {
    let mut table =
        plain_table(&["technique", "train", "validation", "vs plain", "FGSM", "loss", "epoch", ""]);
    for row in &study.rows {
        let summary = &row.summary;
        table.add_row([
            row.technique.to_string(),
            percent(summary.train_error.mean),
            percent_with_error(summary.test_error),
            signed_with_error(summary.versus_plain),
            percent_with_error(summary.attacked_error),
            format!("{:.3}", summary.test_loss.mean),
            format!("{:.0}", summary.kept_epoch.mean),
            if row.technique.is_chosen() { "built in".into() } else { String::new() },
        ]);
    }
    text(&table)
}

/// Lines of at most `width` columns, broken between words.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_printed_in_per_cent() {
        let mean = Mean { mean: 0.1234, standard_error: Some(0.0056) };
        assert_eq!(percent_with_error(mean), "12.3 ± 0.6");
        assert_eq!(signed_with_error(Mean { mean: -0.01, standard_error: None }), "−1.0");
        assert_eq!(signed_with_error(mean), "+12.3 ± 0.6");
    }

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two  three\nfour", 9), "one two\nthree\nfour");
    }
}
