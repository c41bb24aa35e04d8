//! The dropout family, with frozen draws.

use super::{COLUMNS, Case, Group, ROWS, layer};
use regularize::Dropout;

/// A case for each member of the family.
pub fn cases() -> Vec<Case> {
    let dropout = Dropout::new(0.4).expect("a probability");
    vec![layer("dropout", "x μ / (1 - p), the draw μ frozen", dropout, &[ROWS, COLUMNS]).of(Group::Technique)]
}
