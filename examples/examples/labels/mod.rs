//! Wrong labels: what a network can learn by heart and should not.

use nn::data::{DataError, Dataset};

/// The data with every `every`th label moved on by one to nine classes, all alike. Which examples
/// a split takes is random, and so are these.
pub fn with_wrong_labels(data: Dataset, every: usize) -> Result<Dataset, DataError> {
    let (examples, mut labels, classes) = data.into_parts();
    let others = classes as u32 - 1;
    for (number, label) in labels.data_mut().iter_mut().step_by(every).enumerate() {
        *label = (*label + 1 + number as u32 % others) % classes as u32;
    }
    Dataset::new(examples, labels, classes)
}
