//! The report of a study: one HTML file with everything in it, that needs no network to be looked at.
//!
//! | part | module |
//! |---|---|
//! | page, text, tables | [`html`](mod@html) |
//! | figures | [`plots`] |
//! | which examples and weights are shown | [`gallery`] |
//! | pictures | [`pictures`] |

mod gallery;
mod html;
mod pictures;
mod plots;

use crate::error::LabError;
use crate::study::Study;
use crate::study::data::Source;
use crate::verify::Verification;

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The study.
    pub study: &'r Study,
    /// Its examples.
    pub source: &'r Source,
    /// What was verified before it, if anything was.
    pub verification: Option<&'r Verification>,
    /// The command that was given.
    pub command: &'r str,
}

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    /// If a network that is shown cannot be run.
    pub fn html(&self) -> Result<String, LabError> {
        let shown = gallery::adversarial_examples(self.study, self.source)?;
        let weights = gallery::first_layer_weights(self.study, self.source);
        Ok(html::page(self, &shown, &weights).into_string())
    }
}
