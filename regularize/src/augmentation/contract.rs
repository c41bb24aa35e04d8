//! What labels are invariant to: a data set's contract, and the refusal of augmentations that break it.
//!
//! "One must be careful not to apply transformations that would change the correct class. For example, optical
//! character recognition tasks require recognizing the difference between 'b' and 'd' and the difference between
//! '6' and '9'" (*Deep Learning*, section 7.4). A [`LabelContract`] writes that down. What it does not declare is
//! refused; what it knows of the classes that would be confused stands in the error.
//!
//! ```
//! use regularize::augmentation::{Change, Kind, LabelContract};
//! let letters = LabelContract::new("the letters b, d and o")
//!     .invariant(Kind::Rotation, 20.0)?
//!     .confuses(Kind::MirrorLeftRight, &[(0, 1)]);
//! assert!(letters.check(&[Change::new(Kind::Rotation, 15.0)]).is_ok());
//! let refusal = letters.check(&[Change::new(Kind::MirrorLeftRight, 1.0)]).unwrap_err();
//! assert_eq!(
//!     refusal.to_string(),
//!     "mirroring left and right changes labels of the letters b, d and o: it confuses 0/1; \
//!      labels are not declared invariant to it"
//! );
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use nn::optimise::HyperparameterError;
use std::fmt;

/// A kind of change, with the unit in which its extent is measured. Extents of several add up, factors multiply; a
/// second mirror makes no more of the first, nor anything more of half a turn to either side, which is every turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Turned, to either side; degrees.
    Rotation,
    /// Mirrored left and right; 1 if it may be.
    MirrorLeftRight,
    /// Mirrored top and bottom; 1 if it may be.
    MirrorTopBottom,
    /// Sheared; the slope.
    Shear,
    /// Grown or shrunk; the largest factor, less 1.
    Scale,
    /// Moved; shares of the shorter side.
    Translation,
    /// Seen from aside; the share of half a side by which corners move.
    Perspective,
    /// Each pixel displaced; the typical length, in shares of the shorter side.
    Elastic,
    /// Brighter or darker; what is added.
    Brightness,
    /// More or less contrast; the largest factor, less 1.
    Contrast,
    /// More or less colourful; the largest change of the factor.
    Saturation,
    /// Other hues; shares of the circle, to either side.
    Hue,
    /// Blurred; the width, in shares of the shorter side.
    Blur,
    /// Noise; its standard deviation, or the share of pixels replaced.
    Noise,
    /// A part is covered; the share of the image.
    Occlusion,
}

impl Kind {
    /// The kind in words, and its unit.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Rotation => ("rotation", " degrees"),
            Kind::MirrorLeftRight => ("mirroring left and right", ""),
            Kind::MirrorTopBottom => ("mirroring top and bottom", ""),
            Kind::Shear => ("shear", ""),
            Kind::Scale => ("scaling", " more or less"),
            Kind::Translation => ("translation", " of the side"),
            Kind::Perspective => ("perspective", ""),
            Kind::Elastic => ("elastic deformation", " of the side"),
            Kind::Brightness => ("brightness", ""),
            Kind::Contrast => ("contrast", ""),
            Kind::Saturation => ("saturation", ""),
            Kind::Hue => ("a shift of hue", " of the circle"),
            Kind::Blur => ("blur", " of the side"),
            Kind::Noise => ("noise", ""),
            Kind::Occlusion => ("occlusion", " of the image"),
        }
    }

    fn is_mirror(self) -> bool {
        matches!(self, Kind::MirrorLeftRight | Kind::MirrorTopBottom)
    }

    /// The extent beyond which there is nothing further.
    fn most(self) -> f64 {
        match self {
            Kind::MirrorLeftRight | Kind::MirrorTopBottom | Kind::Occlusion => 1.0,
            Kind::Rotation => 180.0,
            Kind::Hue => 0.5,
            _ => f64::INFINITY,
        }
    }

    /// How far two changes of this kind go together, at most.
    fn together(self, a: f64, b: f64) -> f64 {
        let both = match self {
            // (1 + a) (1 + b) - 1, and exactly b for a = 0.
            Kind::Scale | Kind::Contrast | Kind::Saturation => a + b + a * b,
            _ => a + b,
        };
        // A NaN stays one, so that it is refused.
        if both > self.most() { self.most() } else { both }
    }
}

/// A kind of change, and how far it may go.
///
/// ```
/// use regularize::augmentation::{Change, Kind};
/// let turns = [Change::new(Kind::Rotation, 30.0), Change::new(Kind::Rotation, -20.0)];
/// assert_eq!(Change::sum(turns), [Change::new(Kind::Rotation, 50.0)]);
/// assert_eq!(Change::largest(turns), [Change::new(Kind::Rotation, 30.0)]);
/// assert_eq!(Change::some(Kind::Rotation, 0.0), []);
/// assert_eq!(turns[0].to_string(), "rotation by up to 30 degrees");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The kind.
    pub kind: Kind,
    /// The largest extent, in the kind's unit.
    pub extent: f64,
}

impl Change {
    /// A change of a kind, in either direction: the sign of the extent does not count.
    pub fn new(kind: Kind, extent: f64) -> Change {
        Change { kind, extent: extent.abs() }
    }

    /// One change, or none if its extent is 0.
    pub fn some(kind: Kind, extent: f64) -> Vec<Change> {
        if extent == 0.0 { Vec::new() } else { vec![Change { kind, extent }] }
    }

    /// One change of each kind, as far as all of them together may go: two turns by 30 degrees are one by 60, two
    /// scalings by up to 1.3 one by 1.69.
    pub fn sum(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
        let mut sums: Vec<Change> = Vec::new();
        for change in changes.into_iter().filter(|change| change.extent != 0.0) {
            match sums.iter_mut().find(|sum| sum.kind == change.kind) {
                Some(sum) => sum.extent = change.kind.together(sum.extent, change.extent),
                None => sums.push(Change { extent: change.kind.together(0.0, change.extent), ..change }),
            }
        }
        sums
    }

    /// For each kind the largest extent among these: what one of them, chosen at random, may do.
    pub fn largest(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
        let mut largest: Vec<Change> = Vec::new();
        for change in changes {
            match largest.iter_mut().find(|found| found.kind == change.kind) {
                // A NaN stays one, so that it is refused.
                Some(found) if found.extent.is_nan() || found.extent > change.extent => {}
                Some(found) => found.extent = change.extent,
                None => largest.push(change),
            }
        }
        largest
    }
}

/// With its extent in words.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = self.kind.words();
        if self.kind.is_mirror() {
            f.write_str(name)
        } else {
            write!(f, "{name} by up to {}{unit}", self.extent)
        }
    }
}

/// What the labels of a data set are invariant to. See the [module documentation](self).
///
/// ```
/// use regularize::augmentation::{Change, Kind, LabelContract};
/// let arrows = LabelContract::new("arrows")
///     .invariant(Kind::Brightness, f64::INFINITY)?
///     .invariant(Kind::Rotation, 30.0)?
///     .confuses(Kind::Rotation, &[(0, 1), (1, 2)]);
/// assert_eq!((arrows.limit(Kind::Rotation), arrows.limit(Kind::Blur)), (30.0, 0.0));
/// assert!(arrows.check(&[Change::new(Kind::Brightness, 9.0), Change::new(Kind::Rotation, 30.0)]).is_ok());
/// let refusal = arrows.check(&[Change::new(Kind::Rotation, 90.0)]).unwrap_err().to_string();
/// assert!(refusal.contains("it confuses 0/1, 1/2"), "{refusal}");
/// assert!(LabelContract::new("arrows").invariant(Kind::Rotation, f64::NAN).is_err());
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelContract {
    set: String,
    limits: Vec<Change>,
    confusions: Vec<(Kind, Vec<(u32, u32)>)>,
}

impl LabelContract {
    /// A data set whose labels are declared invariant to nothing yet.
    pub fn new(set: &str) -> LabelContract {
        LabelContract { set: set.into(), limits: Vec::new(), confusions: Vec::new() }
    }

    /// The same, with labels that changes of this kind leave as they are up to `extent`. For a mirror that is 1;
    /// infinity is any change.
    ///
    /// # Errors
    /// If `extent` is NaN or negative.
    pub fn invariant(mut self, kind: Kind, extent: f64) -> Result<Self, RegularizeError> {
        HyperparameterError::unless(extent >= 0.0, "extent of a label contract", extent, "at least 0")?;
        self.limits.retain(|limit| limit.kind != kind);
        self.limits.push(Change { kind, extent });
        Ok(self)
    }

    /// The same, knowing the pairs of classes that a larger change of this kind takes for each other.
    pub fn confuses(mut self, kind: Kind, classes: &[(u32, u32)]) -> Self {
        self.confusions.push((kind, classes.to_vec()));
        self
    }

    /// Handwritten digits as light strokes on a dark, empty background: no half turn (6/9), no mirror (2/5, and
    /// 6/9 top and bottom). Small warps and any change of tone are fine; colour does not matter.
    ///
    /// ```
    /// use regularize::augmentation::{Change, Kind, LabelContract};
    /// let digits = LabelContract::digits();
    /// assert_eq!((digits.limit(Kind::Rotation), digits.limit(Kind::MirrorLeftRight)), (45.0, 0.0));
    /// assert!(digits.check(&[Change::new(Kind::Rotation, 30.0)]).is_ok());
    /// // Twice is too far, and the error says for which.
    /// let refusal = digits.check(&[Change::new(Kind::Rotation, 30.0); 2]).unwrap_err().to_string();
    /// assert!(refusal.contains("60 degrees") && refusal.contains("6/9"), "{refusal}");
    /// ```
    pub fn digits() -> LabelContract {
        let declared = [
            (Kind::Rotation, 45.0),
            (Kind::Shear, 0.6),
            (Kind::Scale, 0.6),
            (Kind::Translation, 0.25),
            (Kind::Perspective, 0.5),
            (Kind::Elastic, 0.15),
            (Kind::Brightness, 0.5),
            (Kind::Contrast, 3.0),
            (Kind::Saturation, f64::INFINITY),
            (Kind::Hue, f64::INFINITY),
            (Kind::Blur, 0.15),
            (Kind::Noise, 0.5),
            (Kind::Occlusion, 0.25),
        ];
        let limits = declared.map(|(kind, extent)| Change { kind, extent }).into();
        LabelContract { limits, ..LabelContract::new("handwritten digits") }
            .confuses(Kind::Rotation, &[(6, 9)])
            .confuses(Kind::MirrorLeftRight, &[(2, 5)])
            .confuses(Kind::MirrorTopBottom, &[(2, 5), (6, 9)])
    }

    /// How far a change of this kind may go; 0 if nothing is declared.
    pub fn limit(&self, kind: Kind) -> f64 {
        self.limits.iter().find(|limit| limit.kind == kind).map_or(0.0, |limit| limit.extent)
    }

    /// Whether all of these changes together leave labels as they are.
    ///
    /// # Errors
    /// [`RegularizeError::LabelChanging`] with the first that does not. A NaN is within no limit.
    pub fn check(&self, changes: &[Change]) -> Result<(), RegularizeError> {
        for change in Change::sum(changes.iter().copied()) {
            let limit = self.limit(change.kind);
            if change.extent <= limit {
                continue;
            }
            let pairs = self.confusions.iter().filter(|(kind, _)| *kind == change.kind);
            return Err(RegularizeError::LabelChanging {
                set: self.set.clone(),
                change,
                limit,
                classes: pairs.flat_map(|(_, pairs)| pairs.clone()).collect(),
            });
        }
        Ok(())
    }
}

/// The text of [`RegularizeError::LabelChanging`].
pub(crate) fn refusal(set: &str, change: &Change, limit: f64, classes: &[(u32, u32)]) -> String {
    let unit = change.kind.words().1;
    let pairs: Vec<String> = classes.iter().map(|(a, b)| format!("{a}/{b}")).collect();
    let confused =
        if pairs.is_empty() { String::new() } else { format!(": it confuses {}", pairs.join(", ")) };
    let declared = if limit == 0.0 {
        "labels are not declared invariant to it".to_string()
    } else {
        format!("labels are declared invariant up to {limit}{unit}")
    };
    format!("{change} changes labels of {set}{confused}; {declared}")
}

#[cfg(test)]
mod tests;
