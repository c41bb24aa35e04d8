//! The memory of a plan: one arena for everything computed, the parameters' own buffers, constants.
//!
//! A [`Place`] names a range of one of them. Kernels read some places and write others in the same
//! step; which places are apart is known only at run time, so the borrow checker cannot see it. This
//! module checks it instead, at each call, and hands out slices.

use super::aligned::Aligned;
use super::gemm::{self, MatrixRef};
use super::tile::{Job, TileProgram};
use crate::ops::random::Draw;
use crate::real::Real;
use crate::tensor::Tensor;
use smallvec::SmallVec;
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
    /// The product that the same step computes, of which a block at a time lies in a thread's own memory.
    Product,
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

const NOWHERE: &str = "a product that is consumed in blocks lies nowhere as a whole";

/// The buffers behind places.
#[derive(Debug)]
pub struct Memory<T> {
    /// Everything that a run computes.
    pub arena: Aligned<T>,
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
            Place::Product => panic!("{NOWHERE}"),
        }
    }

    /// The elements at a place, to be written.
    ///
    /// # Panics
    /// If the place is a constant or a product.
    pub fn write(&mut self, place: &Place) -> &mut [T] {
        match place {
            Place::Arena(range) => &mut self.arena[range.clone()],
            Place::Parameter(slot) => &mut self.parameters[*slot],
            Place::Constant(_) => panic!("a constant is written"),
            Place::Product => panic!("{NOWHERE}"),
        }
    }

    /// First element and length of a place, without borrowing what lies there: pointers to several places
    /// may be used side by side.
    fn pointer(&mut self, place: &Place) -> (*mut T, usize) {
        match place {
            Place::Arena(range) => {
                assert!(range.start <= range.end && range.end <= self.arena.len(), "{place:?} is outside");
                // SAFETY: the range was just checked to lie within the arena.
                (unsafe { self.arena.as_mut_ptr().add(range.start) }, range.len())
            }
            Place::Parameter(slot) => {
                let parameter = &mut self.parameters[*slot];
                (parameter.as_mut_ptr(), parameter.len())
            }
            Place::Constant(slot) => {
                let constant = self.constants[*slot].data();
                (constant.as_ptr().cast_mut(), constant.len())
            }
            Place::Product => panic!("{NOWHERE}"),
        }
    }

    /// The elements of a place that nobody writes while the result is used.
    fn shared<'m>(&mut self, place: &Place) -> &'m [T] {
        let (first, length) = self.pointer(place);
        // SAFETY: `pointer` gives initialised elements of this memory. The lifetime is shortened to that of
        // the memory's borrow by every caller, and each has checked that what it writes lies apart.
        unsafe { std::slice::from_raw_parts(first, length) }
    }

    /// The elements of a place that nobody else uses while the result is used.
    fn unique<'m>(&mut self, place: &Place) -> &'m mut [T] {
        assert!(!matches!(place, Place::Constant(_)), "a constant is written");
        let (first, length) = self.pointer(place);
        // SAFETY: as in `shared`; every caller hands out one such slice only, apart from all others.
        unsafe { std::slice::from_raw_parts_mut(first, length) }
    }

    /// One place to write and some to read.
    ///
    /// # Panics
    /// If the written place overlaps one that is read, or is a constant.
    pub fn split<const R: usize>(&mut self, write: &Place, reads: [&Place; R]) -> (&mut [T], [&[T]; R]) {
        for read in reads {
            assert!(write.is_apart(read), "{write:?} is written and {read:?} read");
        }
        (self.unique(write), reads.map(|read| self.shared(read)))
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
        reads.iter().for_each(|read| each(self.shared(read)));
        self.unique(write)
    }

    /// Runs a pointwise program from `reads` to `writes`.
    ///
    /// # Panics
    /// If written places overlap each other, or overlap one that is read without being the same place, or
    /// if a constant is written.
    pub fn run_tiles(&mut self, program: &TileProgram<T>, reads: &[Place], writes: &[Place], draw: Draw) {
        check_tiles(program, reads, writes);
        let outputs: Outputs<T> = writes.iter().map(|place| self.pointer(place)).collect();
        let operands: Operands<T> = reads.iter().map(|place| self.operand(place)).collect();
        // SAFETY: pointers and lengths are those of places of this memory, which stays borrowed for the
        // call; outputs are apart from each other and from operands, or the same place as an operand that
        // the program may overwrite, as checked above.
        unsafe { Job::new(program, &operands, &outputs, draw).run() }
    }

    /// Runs a pointwise program as [`Memory::run_tiles`], with the matrix product `A B` as its operand
    /// [`Place::Product`]: block by block, each as soon as it is computed. `matrices` makes A and B of what
    /// lies at the places `factors`.
    ///
    /// # Panics
    /// As [`Memory::run_tiles`]; if a written place overlaps a factor; if the product has not as many elements
    /// as the program's shape, or is not read densely.
    pub fn run_product_tiles<'m>(
        &'m mut self,
        factors: [&Place; 2],
        matrices: impl FnOnce([&'m [T]; 2]) -> [MatrixRef<'m, T>; 2],
        program: &TileProgram<T>,
        reads: &[Place],
        writes: &[Place],
        draw: Draw,
    ) {
        check_tiles(program, reads, writes);
        for (write, factor) in writes.iter().flat_map(|write| factors.map(|factor| (write, factor))) {
            assert!(write.is_apart(factor), "{write:?} is written and {factor:?} read");
        }
        let position = reads.iter().position(|place| *place == Place::Product);
        let position = position.expect("the program reads the product");
        let numel = program.shape().numel();
        let [a, b] = matrices(factors.map(|factor| self.shared(factor)));
        assert_eq!(gemm::product_len(a, b), numel, "the product has not the shape of the program");
        let outputs: Outputs<T> = writes.iter().map(|place| self.pointer(place)).collect();
        let operands: Operands<T> = (reads.iter())
            .map(|place| match place {
                Place::Product => (std::ptr::null(), numel),
                place => self.operand(place),
            })
            .collect();
        let ahead: SmallVec<[*const T; 8]> = (operands.iter())
            .filter(|(first, length)| !first.is_null() && *length == numel)
            .map(|(first, _)| *first)
            .collect();
        let job = Job::new(program, &operands, &outputs, draw);
        gemm::gemm_panels(a, b, &ahead, &|block, values| {
            // SAFETY: as in `run_tiles`; A and B are apart from what is written too, as checked above; no
            // two blocks of a product share an element.
            unsafe { job.run_block(block, position, values) };
        });
    }

    /// First element and length of a place that is only read.
    fn operand(&mut self, place: &Place) -> (*const T, usize) {
        let (first, length) = self.pointer(place);
        (first.cast_const(), length)
    }
}

type Outputs<T> = SmallVec<[(*mut T, usize); 4]>;
type Operands<T> = SmallVec<[(*const T, usize); 8]>;

/// Refuses places that a pointwise program cannot run on.
fn check_tiles<T: Real>(program: &TileProgram<T>, reads: &[Place], writes: &[Place]) {
    for (index, write) in writes.iter().enumerate() {
        assert!(!matches!(write, Place::Constant(_)), "a constant is written");
        assert!(writes[..index].iter().all(|other| write.is_apart(other)), "two outputs overlap");
        for (operand, read) in reads.iter().enumerate() {
            let in_place = write == read && program.may_overwrite(operand, index);
            assert!(in_place || write.is_apart(read), "{write:?} is written and {read:?} read");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory<f64> {
        Memory {
            arena: [1.0, 2.0, 3.0, 4.0].into_iter().collect(),
            parameters: vec![vec![5.0], vec![6.0, 7.0]],
            constants: vec![Arc::new(Tensor::scalar(8.0))],
        }
    }

    #[test]
    fn places_that_lie_apart_are_handed_out_together() {
        let mut memory = memory();
        let reads = [&Place::Arena(0..2), &Place::Constant(0), &Place::Parameter(0)];
        let (written, read) = memory.split(&Place::Arena(2..4), reads);
        written.copy_from_slice(read[0]);
        assert_eq!((read[1], read[2]), (&[8.0][..], &[5.0][..]));
        assert_eq!(memory.arena[..], [1.0, 2.0, 1.0, 2.0]);
        let mut lengths = Vec::new();
        let reads = [Place::Arena(0..4), Place::Arena(1..1)];
        memory.split_many(&Place::Parameter(1), &reads, |x| lengths.push(x.len())).fill(0.0);
        assert_eq!((lengths, &memory.parameters[1]), (vec![4, 0], &vec![0.0, 0.0]));
    }

    #[test]
    fn overlapping_places_and_constants_are_refused() {
        let refused = |work: fn(&mut Memory<f64>)| {
            let work = std::panic::AssertUnwindSafe(|| work(&mut memory()));
            assert!(std::panic::catch_unwind(work).is_err());
        };
        refused(|m| _ = m.split(&Place::Arena(0..2), [&Place::Arena(1..3)]));
        refused(|m| _ = m.split(&Place::Parameter(0), [&Place::Parameter(0)]));
        refused(|m| _ = m.split(&Place::Constant(0), []));
        refused(|m| _ = m.split(&Place::Arena(3..5), []));
        refused(|m| m.write(&Place::Constant(0)).fill(0.0));
    }
}
