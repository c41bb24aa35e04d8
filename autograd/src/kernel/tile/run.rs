//! Running a tile program: tile after tile, instruction after instruction.

use super::view::Collapsed;
use super::{Action, CHUNK, Instruction, SCRATCH, Source, StridedOperand, Target, TileProgram};
use crate::kernel::gemm::Block;
use crate::kernel::philox::Stream;
use crate::kernel::scratch::Purpose;
use crate::kernel::simd::{self, Kernel};
use crate::ops::pointwise::{self, VisitBinary, VisitUnary};
use crate::ops::random::{Distribution, Draw};
use crate::real::Real;
use crate::shape::MAX_RANK;
use smallvec::SmallVec;
use std::ops::Range;

/// Calls `work` for `range` in pieces of at most [`CHUNK`], in parallel where there are several.
fn split(range: Range<usize>, work: &(impl Fn(Range<usize>) + Sync)) {
    if range.len() <= CHUNK {
        if !range.is_empty() {
            work(range);
        }
        return;
    }
    let middle = range.start + range.len().div_ceil(CHUNK).div_ceil(2) * CHUNK;
    rayon::join(|| split(range.start..middle, work), || split(middle..range.end, work));
}

/// One run of a program: what it reads and writes.
pub(in crate::kernel) struct Job<'a, T> {
    program: &'a TileProgram<T>,
    operands: &'a [(*const T, usize)],
    outputs: &'a [(*mut T, usize)],
    draw: Draw,
}

// SAFETY: a job only reads through `operands`, which nobody writes during the run, and threads write
// through `outputs` to disjoint elements (`split`, or the blocks of `run_block`), reading only their own
// elements of an operand that shares its place with an output.
unsafe impl<T: Sync> Sync for Job<'_, T> {}

impl<'a, T: Real> Job<'a, T> {
    /// A run from `operands` to `outputs`, pointers with numbers of elements.
    ///
    /// # Panics
    /// If one of them is too short.
    pub fn new(
        program: &'a TileProgram<T>,
        operands: &'a [(*const T, usize)],
        outputs: &'a [(*mut T, usize)],
        draw: Draw,
    ) -> Job<'a, T> {
        assert_eq!((operands.len(), outputs.len()), (program.required.len(), program.outputs));
        for (index, ((_, length), &required)) in operands.iter().zip(&program.required).enumerate() {
            assert!(*length >= required, "operand {index} has {length} elements of {required}");
        }
        outputs.iter().for_each(|(_, length)| assert!(*length >= program.shape.numel()));
        Job { program, operands, outputs, draw }
    }

    /// Runs over all elements.
    ///
    /// # Safety
    /// Each operand points to as many initialised elements as its length says, not written by anyone else
    /// meanwhile; each output to as many, not touched by anyone else. Outputs do not overlap each other, and
    /// overlap an operand only if they begin at the same address and [`TileProgram::may_overwrite`] says so.
    pub unsafe fn run(&self) {
        split(0..self.program.shape.numel(), &|range| {
            let block = Block { start: range.start, rows: 1, cols: range.len(), row_stride: 0 };
            T::with_scratch(Purpose::Registers, SCRATCH, |scratch| {
                simd::dispatch(TileRun { job: self, block, replaced: None, scratch });
            });
        });
    }

    /// Runs over the elements of `block`, with its values of one operand in `values`, row after row; what the
    /// job says of that operand is not used.
    ///
    /// # Safety
    /// As [`Job::run`], but for that operand; no two threads run blocks that share an element.
    pub unsafe fn run_block(&self, block: Block, operand: usize, values: &[T]) {
        assert!(self.program.reads_densely(operand) && values.len() == block.rows * block.cols);
        assert!(block.rows == 0 || block.cols == 0 || block.last() < self.program.shape.numel());
        // Rows without gaps are one long row.
        let block = if block.cols == block.row_stride {
            Block { rows: 1, cols: values.len(), ..block }
        } else {
            block
        };
        let replaced = Some((operand, values.as_ptr()));
        T::with_scratch(Purpose::Registers, SCRATCH, |scratch| {
            simd::dispatch(TileRun { job: self, block, replaced, scratch })
        });
    }
}

/// The part of a job that one thread does, compiled for each instruction set.
struct TileRun<'a, T> {
    job: &'a Job<'a, T>,
    block: Block,
    /// An operand whose values for the block lie elsewhere, without gaps.
    replaced: Option<(usize, *const T)>,
    scratch: &'a mut [T],
}

impl<T: Real> Kernel for TileRun<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let TileRun { job, block, replaced, scratch } = self;
        let mut operands: SmallVec<[*const T; 8]> = job.operands.iter().map(|(first, _)| *first).collect();
        let registers = scratch.as_mut_ptr();
        for row in 0..block.rows {
            let mut start = block.start + row * block.row_stride;
            let end = start + block.cols;
            if let Some((operand, values)) = replaced {
                // Where element 0 of the operand would lie: only those of this row are read.
                operands[operand] = values.wrapping_add(row * block.cols).wrapping_sub(start);
            }
            // A short tile first, so that the others begin where the first output has a line of the cache.
            let mut length = match job.outputs[0].0.wrapping_add(start).align_offset(LINE) {
                lead if lead > 0 && end - start >= 4 * job.program.tile => lead,
                _ => job.program.tile,
            };
            while start < end {
                length = length.min(end - start);
                let mut at = Tile { job, operands: &operands, start, length, registers };
                for instruction in &job.program.instructions {
                    at.execute(instruction);
                }
                for &(register, output) in &job.program.stores {
                    at.target(Target::Output(output)).copy_from_slice(at.register(register));
                }
                start += length;
                length = job.program.tile;
            }
        }
    }
}

/// Bytes in a line of the cache.
const LINE: usize = 64;

/// One tile: elements `start..start + length`.
struct Tile<'a, T> {
    job: &'a Job<'a, T>,
    /// Where element 0 of each operand lies, or would lie.
    operands: &'a [*const T],
    start: usize,
    length: usize,
    registers: *mut T,
}

/// What a loop reads: a slice or one number repeated.
#[derive(Clone, Copy)]
pub(super) enum Lane<'a, T> {
    Slice(&'a [T]),
    Number(T),
    /// What is overwritten: chains only.
    Target,
}

const IN_PLACE: &str = "only a chain reads what it overwrites";

impl<'a, T: Real> Tile<'a, T> {
    #[inline(always)]
    fn register(&self, index: u16) -> &'a [T] {
        let at = index as usize * self.job.program.tile;
        // SAFETY: `TileProgram::new` admits as many registers of this tile length as the scratch holds
        // (`with_scratch` gives SCRATCH elements), and no mutable slice of this register is alive: an
        // instruction's target is none of its sources.
        unsafe { std::slice::from_raw_parts(self.registers.add(at), self.length) }
    }

    #[inline(always)]
    fn target(&mut self, target: Target) -> &'a mut [T] {
        let first = match target {
            // SAFETY: as in `register`.
            Target::Register(index) => unsafe { self.registers.add(index as usize * self.job.program.tile) },
            // SAFETY: `Job::new` has checked that the output has all elements of the shape.
            Target::Output(index) => unsafe { self.job.outputs[index as usize].0.add(self.start) },
        };
        // SAFETY: `length` elements from there belong to this tile alone; no source of the instruction
        // overlaps them, by `TileProgram::new` for registers and by the contract of `Job::run` for outputs.
        unsafe { std::slice::from_raw_parts_mut(first, self.length) }
    }

    #[inline(always)]
    fn lane(&self, source: Source) -> Lane<'a, T> {
        match source {
            Source::Register(index) => Lane::Slice(self.register(index)),
            Source::Dense(index) => {
                let first = self.operands[index as usize].wrapping_add(self.start);
                // SAFETY: `Job::new` has checked that a dense operand has all elements of the shape, and
                // `run_block` that the values given for a block are all of its elements.
                Lane::Slice(unsafe { std::slice::from_raw_parts(first, self.length) })
            }
            // SAFETY: `Job::new` has checked that the operand has an element.
            Source::Scalar(index) => Lane::Number(unsafe { *self.operands[index as usize] }),
            Source::Number(index) => Lane::Number(self.job.program.numbers[index as usize]),
            Source::Output(index) => {
                // SAFETY: as in `target`; the instruction writes another output or a register.
                let first = unsafe { self.job.outputs[index as usize].0.add(self.start) };
                // SAFETY: as in `target`.
                Lane::Slice(unsafe { std::slice::from_raw_parts(first.cast_const(), self.length) })
            }
            Source::Target => Lane::Target,
        }
    }

    #[inline(always)]
    fn execute(&mut self, instruction: &Instruction) {
        let out = self.target(instruction.target);
        let [a, b, c] = instruction.sources;
        match instruction.action {
            Action::Unary(unary) => unary.apply(MapUnary { out, a: self.lane(a) }),
            Action::Binary(binary) => binary.apply(MapBinary { out, a: self.lane(a), b: self.lane(b) }),
            Action::Chain(chain) => chain.run(out, [a, b, c].map(|source| self.lane(source))),
            Action::Select => select(out, self.lane(a), self.lane(b), self.lane(c)),
            Action::Copy => match self.lane(a) {
                Lane::Slice(a) => out.copy_from_slice(a),
                Lane::Number(a) => out.fill(a),
                Lane::Target => unreachable!("{IN_PLACE}"),
            },
            Action::Load(index) => {
                let strided = &self.job.program.strided[index as usize];
                self.gather(strided, out);
            }
            Action::Random(index) => {
                let (distribution, stream) = self.job.program.streams[index as usize];
                let stream = Stream::new(self.job.draw.seed, stream, self.job.draw.run);
                match distribution {
                    Distribution::Uniform => stream.fill_uniform(self.start as u64, out),
                    Distribution::Normal => stream.fill_normal(self.start as u64, out),
                }
            }
        }
    }

    /// Copies the elements of a view that belong to this tile, run by run along its innermost axis.
    #[inline(always)]
    fn gather(&self, strided: &StridedOperand, out: &mut [T]) {
        let Collapsed { rank, lengths, strides } = strided.collapsed;
        let (first, length) = self.job.operands[strided.operand as usize];
        // SAFETY: a job takes operands with their lengths; indexing is checked.
        let operand = unsafe { std::slice::from_raw_parts(first, length) };
        let mut index = [0; MAX_RANK];
        let mut rest = self.start;
        let mut at = strided.view.offset;
        for axis in (0..rank).rev() {
            index[axis] = rest % lengths[axis];
            rest /= lengths[axis];
            at += index[axis] as isize * strides[axis];
        }
        let inner = rank - 1;
        let mut done = 0;
        while done < out.len() {
            let run = (lengths[inner] - index[inner]).min(out.len() - done);
            let piece = &mut out[done..done + run];
            match strides[inner] {
                1 => piece.copy_from_slice(&operand[at as usize..at as usize + run]),
                0 => piece.fill(operand[at as usize]),
                stride => {
                    for (i, x) in piece.iter_mut().enumerate() {
                        *x = operand[(at + i as isize * stride) as usize];
                    }
                }
            }
            done += run;
            index[inner] += run;
            at += run as isize * strides[inner];
            // Carry into the outer axes.
            let mut axis = inner;
            while index[axis] == lengths[axis] && axis > 0 {
                at += strides[axis - 1] - lengths[axis] as isize * strides[axis];
                index[axis] = 0;
                axis -= 1;
                index[axis] += 1;
            }
        }
    }
}

struct MapUnary<'a, T> {
    out: &'a mut [T],
    a: Lane<'a, T>,
}

impl<T: Real> VisitUnary<T> for MapUnary<'_, T> {
    type Output = ();
    #[inline(always)]
    fn visit(self, function: impl Fn(T) -> T + Copy) {
        match self.a {
            Lane::Slice(a) => self.out.iter_mut().zip(a).for_each(|(y, &a)| *y = function(a)),
            Lane::Number(a) => self.out.fill(function(a)),
            Lane::Target => unreachable!("{IN_PLACE}"),
        }
    }
}

struct MapBinary<'a, T> {
    out: &'a mut [T],
    a: Lane<'a, T>,
    b: Lane<'a, T>,
}

impl<T: Real> VisitBinary<T> for MapBinary<'_, T> {
    type Output = ();
    #[inline(always)]
    fn visit(self, function: impl Fn(T, T) -> T + Copy) {
        let out = self.out;
        match (self.a, self.b) {
            (Lane::Slice(a), Lane::Slice(b)) => {
                out.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = function(a, b));
            }
            (Lane::Slice(a), Lane::Number(b)) => {
                out.iter_mut().zip(a).for_each(|(y, &a)| *y = function(a, b));
            }
            (Lane::Number(a), Lane::Slice(b)) => {
                out.iter_mut().zip(b).for_each(|(y, &b)| *y = function(a, b));
            }
            (Lane::Number(a), Lane::Number(b)) => out.fill(function(a, b)),
            (Lane::Target, _) | (_, Lane::Target) => unreachable!("{IN_PLACE}"),
        }
    }
}

#[inline(always)]
fn select<T: Real>(out: &mut [T], mask: Lane<'_, T>, a: Lane<'_, T>, b: Lane<'_, T>) {
    let choose = pointwise::select::<T>;
    match (mask, a, b) {
        (Lane::Slice(mask), Lane::Slice(a), Lane::Slice(b)) => {
            out.iter_mut().zip(mask).zip(a).zip(b).for_each(|(((y, &m), &a), &b)| *y = choose(m, a, b));
        }
        (Lane::Slice(mask), Lane::Slice(a), Lane::Number(b)) => {
            out.iter_mut().zip(mask).zip(a).for_each(|((y, &m), &a)| *y = choose(m, a, b));
        }
        (Lane::Slice(mask), Lane::Number(a), Lane::Slice(b)) => {
            out.iter_mut().zip(mask).zip(b).for_each(|((y, &m), &b)| *y = choose(m, a, b));
        }
        (Lane::Slice(mask), Lane::Number(a), Lane::Number(b)) => {
            out.iter_mut().zip(mask).for_each(|(y, &m)| *y = choose(m, a, b));
        }
        (Lane::Number(m), a, b) => match if m != T::ZERO { a } else { b } {
            Lane::Slice(taken) => out.copy_from_slice(taken),
            Lane::Number(taken) => out.fill(taken),
            Lane::Target => unreachable!("{IN_PLACE}"),
        },
        _ => unreachable!("{IN_PLACE}"),
    }
}
