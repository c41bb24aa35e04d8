//! Shared parameters.

use super::network::Members;
use super::{Kind, Recipe};
use nn::Sequential;
use regularize::SoftSharing;
use regularize::ensemble::Average;

/// Parameter sharing: section 7.9 of the book. Its hard form, one parameter in many places, is what convolution and
/// recurrence are made of.
pub static KINDS: &[Kind] = &[Kind {
    name: "soft sharing",
    symbol: "β",
    chosen: 0.001,
    candidates: &[0.0001, 0.0003, 0.001, 0.01, 0.03, 0.1],
    description: "Two perceptrons predict by the mean of their logits and are trained as one; β/2 times the squared \
                  distance of their weights is added to the loss.",
    recipe: |beta| {
        let sharing = SoftSharing::new(beta)?
            .between("linear1", "member2.linear1")
            .between("linear2", "member2.linear2");
        let network =
            Recipe::of(|sizes| Sequential::new().then(Members::new(sizes, 2, Average::Geometric))).network;
        let objective =
            Recipe::minimising(move |batch| sharing.added_to(batch.cross_entropy(), batch.parameters));
        Ok(Recipe { network, ..objective })
    },
}];
