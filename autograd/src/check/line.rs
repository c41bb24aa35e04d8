//! Samples of a function along a line, kept so that many questions cost the evaluations of one.

use std::collections::BTreeMap;

/// A function under test.
pub(crate) type Function<'a> = dyn Fn(&[f64]) -> Sample + 'a;

/// A vector-Jacobian or Jacobian-vector product: (point, cotangent or tangent).
pub(crate) type Product<'a> = dyn Fn(&[f64], &[f64]) -> Vec<f64> + 'a;

/// The largest step along a direction that certainly crosses no kink.
pub(crate) type Reach<'a> = dyn Fn(&[f64]) -> f64 + 'a;

/// One evaluation of the function under test.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its outputs, flattened.
    pub outputs: Vec<f64>,
    /// Identifies the branches taken inside (which side of each kink); equal for all points where nothing
    /// is known of branches.
    pub signature: u64,
}

impl Sample {
    /// A sample of a function of unknown insides.
    pub fn plain(outputs: Vec<f64>) -> Sample {
        Sample { outputs, signature: 0 }
    }

    fn is_finite(&self) -> bool {
        self.outputs.iter().all(|x| x.is_finite())
    }
}

/// The samples at `x + h v` and `x - h v`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub plus: Sample,
    pub minus: Sample,
    /// The distance to `plus` that was really travelled, after rounding `x + h v`.
    pub forward: f64,
    /// The distance to `minus` that was really travelled.
    pub backward: f64,
}

impl Pair {
    pub(crate) fn is_finite(&self) -> bool {
        self.plus.is_finite() && self.minus.is_finite() && self.forward > 0.0 && self.backward > 0.0
    }

    pub(crate) fn same_branch(&self, center: &Sample) -> bool {
        self.plus.signature == center.signature && self.minus.signature == center.signature
    }

    pub(crate) fn lengths(&self) -> [usize; 2] {
        [self.plus.outputs.len(), self.minus.outputs.len()]
    }
}

/// The line `t -> x + t v` through a point, with every sample taken on it so far.
pub struct Line<'a> {
    function: &'a dyn Fn(&[f64]) -> Sample,
    point: &'a [f64],
    direction: Vec<f64>,
    center: &'a Sample,
    /// The only coordinate that moves, if there is only one: then the realised step is known exactly.
    coordinate: Option<usize>,
    pairs: BTreeMap<u64, Pair>,
}

impl<'a> Line<'a> {
    /// The line through `point` along `direction`; `center` is the sample at the point itself.
    pub fn new(
        function: &'a dyn Fn(&[f64]) -> Sample,
        point: &'a [f64],
        direction: Vec<f64>,
        center: &'a Sample,
    ) -> Line<'a> {
        let mut moving = direction.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(i, _)| i);
        let coordinate = match (moving.next(), moving.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        Line { function, point, direction, center, coordinate, pairs: BTreeMap::new() }
    }

    /// The sample at the point itself.
    pub fn center(&self) -> &'a Sample {
        self.center
    }

    /// Whether some point sampled so far took another branch than the center; `None` without samples.
    pub fn same_branch(&self) -> bool {
        self.pairs.values().all(|pair| pair.same_branch(self.center))
    }

    /// How often the function was evaluated.
    pub fn evaluations(&self) -> usize {
        2 * self.pairs.len()
    }

    /// The sample at `x + t v`, not kept.
    pub(crate) fn sample(&self, t: f64) -> Sample {
        (self.function)(&self.at(t))
    }

    pub(crate) fn pair(&mut self, step: f64) -> Pair {
        if let Some(pair) = self.pairs.get(&step.to_bits()) {
            return pair.clone();
        }
        let (above, below) = (self.at(step), self.at(-step));
        // A step of 2^-20 from a point with a full mantissa is rounded by up to 1e-10 of itself, enough to
        // spoil a check to nine digits: divide by the distance travelled, not by the one asked for.
        let (forward, backward) = match self.coordinate {
            Some(i) => {
                let unit = self.direction[i];
                ((above[i] - self.point[i]) / unit, (self.point[i] - below[i]) / unit)
            }
            None => (step, step),
        };
        let pair = Pair { plus: (self.function)(&above), minus: (self.function)(&below), forward, backward };
        self.pairs.insert(step.to_bits(), pair.clone());
        pair
    }

    fn at(&self, t: f64) -> Vec<f64> {
        self.point.iter().zip(&self.direction).map(|(x, v)| x + t * v).collect()
    }
}
