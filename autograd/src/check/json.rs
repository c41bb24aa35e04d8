//! The report as JSON, for other programs.
//!
//! Written by hand, since a handful of numbers and names is no reason for a dependency. A number that JSON
//! cannot hold (NaN, an infinity) becomes `null`.

use super::report::Report;
use super::verdict::{Place, Record};

impl Report {
    /// One JSON object with everything in the report.
    ///
    /// ```
    /// use autograd::check::check_gradient;
    /// let report = check_gradient(|x| x[0] * x[0], |x| vec![2.0 * x[0]], &[3.0]);
    /// assert!(report.to_json().starts_with(r#"{"name":"gradient","verdict":"Pass","success":true"#));
    /// ```
    pub fn to_json(&self) -> String {
        let records: Vec<String> = self.records.iter().map(record).collect();
        let hints: Vec<String> = self.hints.iter().map(|hint| text(hint)).collect();
        format!(
            "{{\"name\":{},\"verdict\":{},\"success\":{},\"checked_fraction\":{},\"threshold\":{},\
             \"smallest_detectable\":{},\"entries\":{},\"evaluations\":{},\"seed\":{},\"hints\":[{}],\
             \"records\":[{}]}}",
            text(&self.name),
            text(self.verdict().name()),
            self.is_success(),
            number(self.checked_fraction()),
            number(self.threshold),
            self.smallest_detectable().map_or("null".to_string(), number),
            self.entries,
            self.evaluations,
            self.seed,
            hints.join(","),
            records.join(","),
        )
    }
}

fn record(record: &Record) -> String {
    let (argument, flat) = match &record.place {
        Place::Entry { argument, flat, .. } => (text(argument), flat.to_string()),
        Place::Direction { .. } | Place::Whole => ("null".to_string(), "null".to_string()),
    };
    format!(
        "{{\"test\":{},\"place\":{},\"argument\":{argument},\"flat\":{flat},\"verdict\":{},\
         \"expected\":{},\"got\":{},\"bar\":{},\"tolerance\":{},\"step\":{},\"order\":{},\
         \"same_branch\":{}}}",
        text(&record.test.to_string()),
        text(&record.place.to_string()),
        text(&record.verdict.to_string()),
        number(record.expected),
        number(record.got),
        number(record.bar),
        number(record.tolerance),
        record.step.map_or("null".to_string(), number),
        record.order.map_or("null".to_string(), number),
        record.same_branch.map_or("null".to_string(), |same| same.to_string()),
    )
}

fn number(x: f64) -> String {
    if x.is_finite() { format!("{x:e}") } else { "null".to_string() }
}

fn text(s: &str) -> String {
    let mut quoted = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if (c as u32) < 0x20 => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_numbers_are_json() {
        assert_eq!(text("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
        assert_eq!((number(f64::NAN), number(1.5)), ("null".to_string(), "1.5e0".to_string()));
    }
}
