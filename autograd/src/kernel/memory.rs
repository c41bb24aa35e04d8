//! The memory of a plan: one arena for everything computed, the parameters' own buffers, constants.
//!
//! A [`Place`] names a range of one of them. Kernels read some places and write others in the same
//! step; which places are apart is known only at run time, so the borrow checker cannot see it. This
//! module checks it instead, at each call, and hands out slices.

use super::tile::TileProgram;
use crate::ops::random::Draw;
use crate::real::Real;
use crate::tensor::Tensor;
use std::ops::Range;
use std::sync::Arc;

/// A range of a plan's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Elements of the arena.
    Arena(Range<usize>),
    /// All elements of a parameter.
    Parameter(usize),
    /// All elements of a constant.
    Constant(usize),
}

impl Place {
    /// Whether the two places share no element.
    fn is_apart(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Arena(a), Place::Arena(b)) => a.end <= b.start || b.end <= a.start || a.is_empty(),
            (a, b) => a != b,
        }
    }
}

/// The buffers behind places.
#[derive(Debug, Default)]
pub struct Memory<T> {
    /// Everything that a run computes.
    pub arena: Vec<T>,
    /// Each parameter's elements, for the length of a run.
    pub parameters: Vec<Vec<T>>,
    /// Constants.
    pub constants: Vec<Arc<Tensor<T>>>,
}

impl<T: Real> Memory<T> {
    /// The elements at a place.
    pub fn read(&self, place: &Place) -> &[T] {
        match place {
            Place::Arena(range) => &self.arena[range.clone()],
            Place::Parameter(slot) => &self.parameters[*slot],
            Place::Constant(slot) => self.constants[*slot].data(),
        }
    }

    /// The elements at a place, to be written.
    ///
    /// # Panics
    /// If the place is a constant.
    pub fn write(&mut self, place: &Place) -> &mut [T] {
        match place {
            Place::Arena(range) => &mut self.arena[range.clone()],
            Place::Parameter(slot) => &mut self.parameters[*slot],
            Place::Constant(_) => panic!("a constant is written"),
        }
    }

    /// One place to write and some to read.
    ///
    /// # Panics
    /// If the written place overlaps one that is read.
    pub fn split<const R: usize>(&mut self, write: &Place, reads: [&Place; R]) -> (&mut [T], [&[T]; R]) {
        for read in reads {
            assert!(write.is_apart(read), "{write:?} is written and {read:?} read");
        }
        let written: *mut [T] = self.write(write);
        // SAFETY: `written` was a unique slice of this memory and nothing below goes through `self` mutably;
        // every slice that is handed out beside it lies apart from it, as just checked.
        let written = unsafe { &mut *written };
        // SAFETY: as above; the reborrow only separates the two lifetimes.
        let shared: &Memory<T> = unsafe { &*std::ptr::from_ref(self) };
        (written, reads.map(|read| shared.read(read)))
    }

    /// [`Memory::split`] for any number of places to read.
    ///
    /// # Panics
    /// As [`Memory::split`].
    pub fn split_many<'m>(
        &'m mut self,
        write: &Place,
        reads: &[Place],
        mut each: impl FnMut(&'m [T]),
    ) -> &'m mut [T] {
        for read in reads {
            assert!(write.is_apart(read), "{write:?} is written and {read:?} read");
        }
        let written: *mut [T] = self.write(write);
        // SAFETY: as in `split`.
        let shared: &'m Memory<T> = unsafe { &*std::ptr::from_ref(self) };
        reads.iter().for_each(|read| each(shared.read(read)));
        // SAFETY: as in `split`.
        unsafe { &mut *written }
    }

    /// Runs a pointwise program from `reads` to `writes`.
    ///
    /// # Panics
    /// If written places overlap each other, or overlap one that is read without being the same place.
    pub fn run_tiles(&mut self, program: &TileProgram<T>, reads: &[Place], writes: &[Place], draw: Draw) {
        for (index, write) in writes.iter().enumerate() {
            assert!(writes[..index].iter().all(|other| write.is_apart(other)), "two outputs overlap");
            for (operand, read) in reads.iter().enumerate() {
                let in_place = write == read && program.may_overwrite(operand, index);
                assert!(in_place || write.is_apart(read), "{write:?} is written and {read:?} read");
            }
        }
        let outputs: smallvec::SmallVec<[(*mut T, usize); 4]> = (writes.iter())
            .map(|place| {
                let slice = self.write(place);
                (slice.as_mut_ptr(), slice.len())
            })
            .collect();
        let operands: smallvec::SmallVec<[(*const T, usize); 8]> = (reads.iter())
            .map(|place| {
                // Where an operand is overwritten, both pointers come from the same mutable borrow.
                match writes.iter().position(|write| write == place) {
                    Some(index) => (outputs[index].0.cast_const(), outputs[index].1),
                    None => {
                        let slice = self.read(place);
                        (slice.as_ptr(), slice.len())
                    }
                }
            })
            .collect();
        // SAFETY: pointers and lengths are those of slices of this memory, which stays borrowed for the
        // call; outputs are apart from each other and from operands, or the same place as an operand that
        // the program may overwrite, as checked above.
        unsafe { program.run(&operands, &outputs, draw) }
    }
}
