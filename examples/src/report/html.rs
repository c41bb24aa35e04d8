//! The page of a report.

use super::Report;
use super::gallery::{Attacked, Prediction, Shown, Weights};
use super::pictures::Picture;
use super::plots;
use crate::study::{EPSILON, Row, Study, counted, how_to_read, introduction, robustness as certain};
use crate::table::{HEADINGS, ROBUSTNESS_HEADINGS, percent, robustness_cells, study_cells};
use crate::verify::Verification;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The page of a report.
pub fn page(report: &Report<'_>, shown: &[Shown], weights: &[Weights]) -> Markup {
    let study = report.study;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Regularization at work" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { "Regularization at work" }
                    p.lead { (introduction(&study.settings, report.source)) }
                }
                main {
                    (results(study))
                    (learning_curves(study))
                    (robustness(study, shown))
                    @if !weights.is_empty() { (first_layer(study, weights)) }
                    @if let Some(verification) = report.verification { (verified(verification)) }
                    (how_to_repeat(report))
                }
            }
        }
    }
}

fn results(study: &Study) -> Markup {
    let (cells, groups) = (study_cells(study), study.groups());
    html! {
        section {
            h2 { "What came of it" }
            p { (findings(study)) }
            div.scroll { table.results {
                thead { tr { @for (heading, meaning) in HEADINGS { th title=(meaning) { (heading) } } } }
                tbody { @for (title, rows) in &groups {
                    @if groups.len() > 1 { tr { th.group colspan=(HEADINGS.len()) { (title) } } }
                    @for &row in rows { tr {
                        @for (position, cell) in cells[row].iter().enumerate() {
                            td { @if position == 0 { (swatch(study, row)) } (cell) }
                        }
                    } }
                } }
            } }
            p.note { (how_to_read(study).replace('`', "")) }
            dl { @for (position, row) in study.rows.iter().enumerate() {
                dt { (swatch(study, position)) (row.technique) }
                dd { (row.technique.description()) }
            } }
        }
    }
}

/// The sentences that the table boils down to.
fn findings(study: &Study) -> String {
    let Some(plain) = study.rows.first() else { return String::new() };
    let others: Vec<&Row> = study.rows.iter().filter(|row| !row.technique.is_baseline()).collect();
    let least = |of: fn(&Row) -> f64| others.iter().copied().min_by(|a, b| of(a).total_cmp(&of(b)));
    let network = match plain.technique.name() {
        "plain" => "The plain network".to_string(),
        name => format!("The network of the row {name}"),
    };
    let mut text = format!(
        "{network} has a test error of {} %, and {} % of its own training part wrong, whose wrong labels it takes \
         for right ones.",
        percent(plain.summary.test_error.mean),
        percent(plain.summary.train_error.mean),
    );
    let best = least(|row| row.summary.test_error.mean);
    let firmest = least(|row| row.summary.attacked_error.mean);
    let sparsest = least(|row| -row.summary.zero_weights.mean);
    if let (Some(best), Some(firmest), Some(sparsest)) = (best, firmest, sparsest) {
        text += &format!(
            " Fewest test errors: {} with {} %. Fewest under attack: {} with {} %, where that network has {} %. \
             Most weights that are exactly 0: {} with {} %.",
            best.technique,
            percent(best.summary.test_error.mean),
            firmest.technique,
            percent(firmest.summary.attacked_error.mean),
            percent(plain.summary.attacked_error.mean),
            sparsest.technique,
            percent(sparsest.summary.zero_weights.mean),
        );
    }
    text
}

fn learning_curves(study: &Study) -> Markup {
    html! {
        section {
            h2 { "Learning curves" }
            p {
                "The error on pictures that no network is trained on, epoch by epoch: means over the seeds. A \
                 network that overfits gets better first and then worse again. A dot ends a line where \
                 early stopping stopped its first seed."
            }
            @for rows in plots::comparisons(study) { figure {
                (legend(study, &rows))
                (figure(&plots::validation_errors(study, &rows), "Validation error over epochs"))
            } }
            p {
                "Mean cross-entropy on the training part (wrong labels included) and on the validation part: a \
                 thin line for each seed, a thick one for their mean. The gap between the two is what \
                 regularization is for. Dots are the weights that early stopping kept."
            }
            div.legend {
                span { (line(&plots::css(plots::TRAINING))) "training" }
                span { (line(&plots::css(plots::VALIDATION))) "validation" }
            }
            div.small-multiples { @for (position, row) in study.rows.iter().enumerate() {
                figure {
                    figcaption { (swatch(study, position)) (row.technique) }
                    (figure(&plots::losses(study, row), &format!("Losses over epochs, {}", row.technique)))
                }
            } }
        }
    }
}

fn robustness(study: &Study, shown: &[Shown]) -> Markup {
    html! {
        section {
            h2 { "Under attack" }
            p {
                "Test error after every pixel moved by up to ε, each in the direction that raises the \
                 network's own loss (fast gradient sign method), and was clipped to the range of pixels. Bars \
                 are one standard error."
            }
            @for rows in plots::comparisons(study) { figure {
                (legend(study, &rows))
                (figure(&plots::robustness(study, &rows), "Test error over the budget of the attack"))
            } }
            @if !study.robustness.is_empty() {
                h3 { "Other attacks, and what is certain" }
                div.scroll { table.results {
                    thead { tr {
                        @for (heading, meaning) in ROBUSTNESS_HEADINGS { th title=(meaning) { (heading) } }
                    } }
                    tbody { @for cells in robustness_cells(study) { tr { @for cell in cells { td { (cell) } } } } }
                } }
                p.note { (certain::how_to_read(study.test_examples)) }
            }
            @if !shown.is_empty() {
                p {
                    "Test examples that the plain network of the first seed gets right, and wrong at ε = "
                    (EPSILON) ". The perturbation is red where ink was added, blue where it was taken away; each \
                     network is attacked with its own gradient."
                }
                div.scroll { table.examples {
                    thead {
                        tr {
                            th { } th colspan="3" { (swatch_of(study, "plain")) "plain network" }
                            th colspan="3" { (swatch_of(study, "adversarial")) "adversarially trained network" }
                        }
                        tr {
                            th { "original" }
                            @for _ in 0..2 { th { "perturbation" } th { "adversarial" } th { "it says" } }
                        }
                    }
                    tbody { @for example in shown { (example_row(example)) } }
                } }
            }
        }
    }
}

fn example_row(example: &Shown) -> Markup {
    let picture_of = |attacked: &Attacked| {
        html! {
            td { (picture(&attacked.perturbation, "perturbation")) }
            td { (picture(&attacked.adversarial, "adversarial example")) }
            td.says {
                (said(attacked.before, example.label)) br;
                "→ " (said(attacked.after, example.label))
            }
        }
    };
    html! {
        tr {
            td { (picture(&example.original, "original")) div.label { "a " (example.label) } }
            (picture_of(&example.attacked[0])) (picture_of(&example.attacked[1]))
        }
    }
}

/// A prediction, marked as right or wrong.
fn said(prediction: Prediction, label: u32) -> Markup {
    let (class, mark) = if prediction.class == label { ("right", "✓") } else { ("wrong", "✗") };
    html! {
        span class=(class) { (prediction.class) " " (mark) }
        " (" (format!("{:.0}", 100.0 * prediction.probability)) " %)"
    }
}

fn first_layer(study: &Study, weights: &[Weights]) -> Markup {
    html! {
        section {
            h2 { "Weights of the first layer" }
            p {
                "A tile for each of the same hidden units of networks that started alike (first seed; the units \
                 whose weights are largest in the plain one): positive weights red, negative ones blue, 0 white, \
                 in one scale of colours. "
                @if weights.len() == 3 { "L2 makes all of them smaller, L1 makes most of them exactly 0. " }
                "Pixels that are blank in all training pictures have no gradient: only a penalty moves their \
                 weights from where they started."
            }
            @for shown in weights {
                figure {
                    figcaption {
                        (swatch(study, shown.row)) (study.rows[shown.row].technique) ": " (percent(shown.zeros))
                        " % of all weights are 0"
                    }
                    (picture(&shown.picture, &format!("first-layer weights, {}", study.rows[shown.row].technique)))
                }
            }
            p.note { (study.settings.hidden) " hidden units in all." }
        }
    }
}

fn verified(verification: &Verification) -> Markup {
    html! {
        section {
            h2 { "Are the gradients right?" }
            p { (verification.summary()) }
            p.note {
                "Each derivative is compared with differences whose own error is estimated entry by entry, and \
                 the backward with the forward sweep; what could not be checked is not counted as verified. "
                code { "lab verify" } " prints a line for each case."
            }
        }
    }
}

fn how_to_repeat(report: &Report<'_>) -> Markup {
    let settings = &report.study.settings;
    let first_seed = report.study.rows.first().map_or(0, |row| row.members[0].seed);
    html! {
        section {
            h2 { "How to repeat this" }
            pre { code { (report.command) } }
            p {
                "Version " (env!("CARGO_PKG_VERSION")) ", seed " (settings.seed) ". The same seed gives the same \
                 figures, times excepted, for any number of threads."
            }
            p {
                "Stochastic gradient descent with momentum 0.9, learning rate 0.05, batches of 32, "
                (counted(settings.epochs, "epoch")) "; " (counted(settings.seeds as u64, "training"))
                " with each technique, seeds from " (first_seed) " on. The test part is fixed and plays no role but that of being \
                 measured. The strength of each technique was chosen once, on the embedded digits, by the mean \
                 validation error over 20 other seeds (for adversarial training: under attack; what is trained on the \
                 validation part has the strength of early stopping); "
                code { "lab study --sweep" } " repeats that choice."
            }
        }
    }
}

/// A figure's SVG with a name for those who do not see it.
fn figure(svg: &str, name: &str) -> Markup {
    html! { div role="img" aria-label=(name) { (PreEscaped(svg)) } }
}

fn picture(picture: &Picture, name: &str) -> Markup {
    html! { img src=(picture.data_uri()) width=(picture.width) height=(picture.height) alt=(name); }
}

fn legend(study: &Study, rows: &[usize]) -> Markup {
    html! {
        div.legend { @for &row in rows {
            span { (line(&plots::css(plots::colour(study, row)))) (study.rows[row].technique) }
        } }
    }
}

/// A piece of a line of a figure.
fn line(colour: &str) -> Markup {
    html! { i.line style=(format!("background:{colour}")) { } }
}

/// A square in the colour of a row.
fn swatch(study: &Study, row: usize) -> Markup {
    html! { i.swatch style=(format!("background:{}", plots::css(plots::colour(study, row)))) { } }
}

/// The square of the technique of this name.
fn swatch_of(study: &Study, name: &str) -> Markup {
    let row = study.rows.iter().position(|row| row.technique.name() == name);
    html! { @if let Some(row) = row { (swatch(study, row)) } }
}
