//! stub
use crate::{
    error::LabError,
    study::{Study, data::Source},
    verify::Verification,
};
pub struct Report<'r> {
    pub study: &'r Study,
    pub source: &'r Source,
    pub verification: Option<&'r Verification>,
    pub quick: bool,
}
impl Report<'_> {
    pub fn html(&self) -> Result<String, LabError> {
        Ok("<html></html>".into())
    }
}
