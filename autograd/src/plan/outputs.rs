//! What a run hands out.

use super::{OutputPlace, Plan};
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The results of one run. They borrow the plan: the next run cannot change them behind one's back.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'p, T: Real> {
    pub(super) plan: &'p Plan<T>,
}

impl<'p, T: Real> Outputs<'p, T> {
    #[track_caller]
    fn place(&self, name: &str) -> &'p OutputPlace {
        match self.plan.outputs.iter().find(|(known, _)| **known == *name) {
            Some((_, place)) => place,
            None => panic!("the plan has no output `{name}`"),
        }
    }

    /// The elements of a real output.
    ///
    /// # Panics
    /// If there is no such output, or it holds integers.
    #[track_caller]
    pub fn values(&self, name: &str) -> &'p [T] {
        match self.place(name) {
            OutputPlace::Real(place, _) => self.plan.state.memory.read(place),
            OutputPlace::Index(..) => panic!("the output `{name}` holds integers"),
        }
    }

    /// The elements of an integer output.
    ///
    /// # Panics
    /// If there is no such output, or it holds real numbers.
    #[track_caller]
    pub fn indices(&self, name: &str) -> &'p [u32] {
        match self.place(name) {
            OutputPlace::Index(buffer, _) => &self.plan.state.indices[*buffer],
            OutputPlace::Real(..) => panic!("the output `{name}` holds real numbers"),
        }
    }

    /// The only element of a real output.
    ///
    /// # Panics
    /// If there is no such output, or it has more than one element.
    #[track_caller]
    pub fn scalar(&self, name: &str) -> T {
        let values = self.values(name);
        assert!(values.len() == 1, "the output `{name}` has {} elements", values.len());
        values[0]
    }

    /// The shape of an output.
    ///
    /// # Panics
    /// If there is no such output.
    #[track_caller]
    pub fn shape(&self, name: &str) -> Shape {
        match self.place(name) {
            OutputPlace::Real(_, shape) | OutputPlace::Index(_, shape) => *shape,
        }
    }

    /// A copy of a real output.
    ///
    /// # Panics
    /// As [`Outputs::values`].
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Tensor<T> {
        Tensor::new(self.shape(name), self.values(name).to_vec())
    }
}
