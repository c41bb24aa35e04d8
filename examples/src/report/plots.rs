//! The figures of a report, as SVG: learning curves and robustness.
//!
//! Colours belong to rows of the study, the same in every figure (Okabe and Ito's palette, which the
//! colour-blind tell apart); the legend is the report's, beside each figure. A figure that compares techniques
//! shows their baseline and as many others as there are colours; a study with more of them has several.

use crate::study::{Row, Study};
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

/// That of baselines.
const GREY: RGBColor = RGBColor(64, 64, 64);
/// The others' in turn.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
];

/// The colour of a row of a study: grey for a baseline.
pub fn colour(study: &Study, row: usize) -> RGBColor {
    if study.rows[row].technique.is_baseline() {
        return GREY;
    }
    let groups = study.groups();
    let others = groups.iter().find(|(_, rows)| rows.contains(&row)).map(|(_, rows)| others(study, rows));
    let place = others.and_then(|others| others.iter().position(|&other| other == row));
    PALETTE[place.unwrap_or(0) % PALETTE.len()]
}

/// Those of these rows that are no baselines.
fn others(study: &Study, rows: &[usize]) -> Vec<usize> {
    rows.iter().copied().filter(|&row| !study.rows[row].technique.is_baseline()).collect()
}

/// The rows that each figure of comparison shows: a baseline with each handful of what is compared with it.
pub fn comparisons(study: &Study) -> Vec<Vec<usize>> {
    let mut figures = Vec::new();
    for (_, rows) in study.groups() {
        for handful in others(study, &rows).chunks(PALETTE.len()) {
            figures.push([&[study.baseline_of(handful[0])], handful].concat());
        }
    }
    figures
}

/// The colours of training and validation where a figure is about one technique.
pub const TRAINING: RGBColor = RGBColor(0, 114, 178);
/// See [`TRAINING`].
pub const VALIDATION: RGBColor = RGBColor(213, 94, 0);

/// A colour as CSS writes it.
pub fn css(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

const WIDE: (u32, u32) = (920, 380);
const SMALL: (u32, u32) = (450, 270);
const FONT: &str = "sans-serif";
const GRID: RGBColor = RGBColor(225, 225, 225);
const AXIS: RGBColor = RGBColor(120, 120, 120);

/// Validation error over epochs, one line for each of these rows: the mean over the seeds.
pub fn validation_errors(study: &Study, rows: &[usize]) -> String {
    let last = study.settings.epochs as f64;
    let top = study.rows.iter().flat_map(|row| mean_curve(row, |point| 100.0 * point.validation_error));
    // What comes before the second epoch is much the same for all, and would flatten everything else.
    let top = top.filter(|&(epoch, _)| epoch >= 3.0).map(|(_, error)| error).fold(1.0, f64::max);
    drawn(WIDE, |area| {
        let mut chart = chart(area).build_cartesian_2d(1.0..last.max(2.0), 0.0..(top * 1.1).min(100.0))?;
        axes(&mut chart, "epoch", "validation error, %", &|x| format!("{x:.0}"), &|y| format!("{y:.0}"))?;
        for &position in rows {
            let row = &study.rows[position];
            let colour = colour(study, position);
            let style = colour.stroke_width(2);
            let curve = mean_curve(row, |point| 100.0 * point.validation_error);
            // Where it was stopped.
            if let Some(&end) = curve.last().filter(|&&(epoch, _)| epoch < last) {
                chart.draw_series([Circle::new(end, 5, colour.filled())])?;
            }
            let visible = curve.into_iter().filter(|&(_, error)| error <= (top * 1.1).min(100.0));
            chart.draw_series(LineSeries::new(visible, style))?;
        }
        Ok(())
    })
}

/// Training and validation loss of one technique over epochs: a thin line for each seed, a thick one for
/// their mean, on a logarithmic scale that is the same for all techniques of the study.
pub fn losses(study: &Study, row: &Row) -> String {
    let all = || study.rows.iter().flat_map(|row| &row.members).flat_map(|member| &member.curve);
    let losses = || all().flat_map(|point| [point.train_loss, point.validation_loss]);
    // Four decades show everything worth seeing; a loss that is 0 has no place on a logarithmic scale.
    let low = losses().fold(f64::INFINITY, f64::min).max(1e-3) * 0.8;
    let high = losses().fold(0.1, f64::max) * 1.2;
    drawn(SMALL, |area| {
        let last = study.settings.epochs.max(2) as f64;
        let mut chart = chart(area).build_cartesian_2d(1.0..last, (low..high).log_scale())?;
        axes(&mut chart, "epoch", "loss, nats", &|x| format!("{x:.0}"), &|y| format!("{y}"))?;
        for (of, colour) in [
            ((|point| point.train_loss) as fn(&crate::study::run::Point) -> f64, TRAINING),
            (|point| point.validation_loss, VALIDATION),
        ] {
            for member in &row.members {
                let points = member.curve.iter().map(|point| (point.epoch as f64, of(point).max(low)));
                chart.draw_series(LineSeries::new(points, colour.mix(0.18).stroke_width(1)))?;
            }
            let mean = mean_curve(row, of).into_iter().map(|(epoch, loss)| (epoch, loss.max(low)));
            chart.draw_series(LineSeries::new(mean, colour.stroke_width(2)))?;
        }
        // Whose weights were kept, if it is not the last epoch.
        for member in &row.members {
            let kept = member.curve.iter().find(|point| point.epoch == member.kept_epoch);
            if let (true, Some(point)) = (member.kept_epoch < member.epochs, kept) {
                let at = (point.epoch as f64, point.validation_loss.max(low));
                chart.draw_series([Circle::new(at, 3, VALIDATION.filled())])?;
            }
        }
        Ok(())
    })
}

/// Test error over the budget of the attack, one line for each of these rows: the mean over the seeds, with a bar
/// of one standard error to each side.
pub fn robustness(study: &Study, rows: &[usize]) -> String {
    use crate::mean::Mean;
    let budgets: Vec<f64> = study.rows[0].members[0].attacks.iter().map(|attack| attack.epsilon).collect();
    let last = budgets.iter().copied().fold(0.0, f64::max);
    drawn(WIDE, |area| {
        let mut chart = chart(area).build_cartesian_2d(0.0..last, 0.0..100.0)?;
        let label = "ε, pixel units (0 blank, 1 black)";
        axes(&mut chart, label, "test error, %", &|x| format!("{x:.2}"), &|y| format!("{y:.0}"))?;
        for &position in rows {
            let (row, colour) = (&study.rows[position], colour(study, position));
            let at = |budget: usize| {
                Mean::of(row.members.iter().map(|member| 100.0 * member.attacks[budget].error))
            };
            let means: Vec<Mean> = (0..budgets.len()).map(at).collect();
            let points = budgets.iter().zip(&means).map(|(&epsilon, mean)| (epsilon, mean.mean));
            chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
            chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
            chart.draw_series(budgets.iter().zip(&means).filter_map(|(&epsilon, mean)| {
                let error = mean.standard_error?;
                let bar = vec![(epsilon, mean.mean - error), (epsilon, mean.mean + error)];
                Some(PathElement::new(bar, colour.stroke_width(1)))
            }))?;
        }
        Ok(())
    })
}

/// The mean over a row's members for each epoch that all of them reached.
fn mean_curve(row: &Row, of: impl Fn(&crate::study::run::Point) -> f64) -> Vec<(f64, f64)> {
    let shortest = row.members.iter().map(|member| member.curve.len()).min().unwrap_or(0);
    let mean = |at: usize| {
        let sum: f64 = row.members.iter().map(|member| of(&member.curve[at])).sum();
        (row.members[0].curve[at].epoch as f64, sum / row.members.len() as f64)
    };
    (0..shortest).map(mean).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failure = DrawingAreaErrorKind<std::io::Error>;

/// Draws into text. The only error of the backend is that of writing a file, and there is none.
fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<(), Failure>) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).expect("text takes every figure");
    }
    // Part of an HTML page, where a name space is superfluous, and the page decides on the width.
    let (width, height) = size;
    let head = format!("<svg width=\"{width}\" height=\"{height}\" ");
    text.replacen(&head, "<svg ", 1).replace(" xmlns=\"http://www.w3.org/2000/svg\"", "")
}

fn chart<'a, 'b>(area: &'b Area<'a>) -> ChartBuilder<'b, 'b, SVGBackend<'a>>
where
    'a: 'b,
{
    let mut builder = ChartBuilder::on(area);
    // Room for the largest labels and for half of the last one beyond the axis.
    builder.margin(8).margin_right(20).x_label_area_size(50).y_label_area_size(66);
    builder
}

/// Axes with descriptions and a light grid.
fn axes<X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    x_description: &str,
    y_description: &str,
    x_label: &dyn Fn(&f64) -> String,
    y_label: &dyn Fn(&f64) -> String,
) -> Result<(), Failure>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc(x_description)
        .y_desc(y_description)
        .x_label_formatter(x_label)
        .y_label_formatter(y_label)
        .x_labels(11)
        .y_labels(8)
        .label_style((FONT, 17))
        .axis_desc_style((FONT, 18))
        .axis_style(AXIS)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Settings;
    use crate::study::technique::Technique;

    #[test]
    fn colours_differ_within_a_figure_and_are_written_as_css() {
        let study = Study::untrained(Settings::quick(1), &Technique::all());
        let mut shown = Vec::new();
        for rows in comparisons(&study) {
            let mut colours: Vec<String> = rows.iter().map(|&row| css(colour(&study, row))).collect();
            assert_eq!(colours[0], "#404040");
            colours.sort();
            colours.dedup();
            assert_eq!(colours.len(), rows.len());
            assert!(rows[1..].iter().all(|&row| study.baseline_of(row) == rows[0]));
            shown.extend_from_slice(&rows[1..]);
        }
        let compared = (0..study.rows.len()).filter(|&row| !study.rows[row].technique.is_baseline());
        assert_eq!(shown, compared.collect::<Vec<_>>(), "each once, in order");
    }
}
