//! Fused pointwise groups: a small linear program run over tiles that stay in the first-level cache.
//!
//! A [`TileProgram`] computes one or more outputs from its operands, element by element over one shape.
//! It is run tile after tile (the idea is numexpr's): each instruction is one vectorised loop over at most
//! a thousand elements, and what passes between instructions lives in registers, each a tile long, that
//! together stay in the first-level cache. Operands are
//!
//! - *dense*: of the program's shape, read where they lie;
//! - *scalar*: one element, read once and repeated;
//! - *strided*: any view of a buffer (broadcast, permuted, sliced, reversed), gathered into a register;
//! - *numbers* of the program itself;
//! - *draws* of a random stream, whose element `i` is a pure function of `i`.
//!
//! Large programs are split over threads by ranges of fixed length, so results do not depend on how many
//! threads there are; nor do they depend on the tile length, since every element is computed by itself.

use crate::kernel::philox::Stream;
use crate::kernel::simd::{self, Kernel};
use crate::ops::pointwise::{self, Binary, Unary, VisitBinary, VisitUnary};
use crate::ops::random::{Distribution, Draw};
use crate::real::Real;
use crate::shape::{MAX_RANK, Shape};
use std::cell::RefCell;
use std::ops::Range;

/// Elements of scratch that a program's registers share: 32 KiB of `f32`, two thirds of a common
/// first-level cache; operands and outputs stream through the rest.
const SCRATCH: usize = 8192;

/// The largest number of registers, at the shortest tile.
pub const MAX_REGISTERS: usize = SCRATCH / SHORTEST_TILE;
const SHORTEST_TILE: usize = 128;
const LONGEST_TILE: usize = 1024;

/// Elements that one thread takes at a time. Fixed, so that nothing depends on the number of threads.
const CHUNK: usize = 16 * 1024;

/// Where an instruction reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A register.
    Register(u16),
    /// A dense operand.
    Dense(u16),
    /// The first element of an operand, repeated.
    Scalar(u16),
    /// A number of the program, repeated.
    Number(u16),
}

/// A source that an action does not take.
pub const UNUSED: Source = Source::Number(u16::MAX);

/// Where an instruction writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A register.
    Register(u16),
    /// An output, directly.
    Output(u16),
}

/// What an instruction does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    /// A function of the first source.
    Unary(Unary),
    /// A function of the first two sources.
    Binary(Binary),
    /// First source ≠ 0 ? second : third.
    Select,
    /// The first source.
    Copy,
    /// The elements of a strided operand.
    Load(u16),
    /// The draws of a stream.
    Random(u16),
}

/// One vectorised loop.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    /// What it does.
    pub action: Action,
    /// Where it reads; as many as the action takes, the rest [`UNUSED`].
    pub sources: [Source; 3],
    /// Where it writes: never one of its own sources.
    pub target: Target,
}

/// A view of a buffer: the element at multi-index `i` of the program's shape lies at
/// `offset + Σ i[axis] · stride[axis]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// The shape that is walked.
    pub shape: Shape,
    /// Position of the first element.
    pub offset: isize,
    /// Distances between neighbours.
    pub strides: [isize; MAX_RANK],
}

impl View {
    /// The view of a whole row-major buffer.
    pub fn dense(shape: Shape) -> View {
        View { shape, offset: 0, strides: shape.strides().map(|stride| stride as isize) }
    }

    /// Whether the view walks a row-major buffer from its start, in order.
    pub fn is_dense(&self) -> bool {
        let strides = self.shape.strides();
        self.offset == 0
            && (0..self.shape.rank())
                .all(|axis| self.shape[axis] <= 1 || self.strides[axis] == strides[axis] as isize)
    }

    /// Whether every index reads the same element.
    pub fn is_scalar(&self) -> bool {
        (0..self.shape.rank()).all(|axis| self.shape[axis] <= 1 || self.strides[axis] == 0)
    }

    /// The lowest and one more than the highest position that is read; `None` if nothing is.
    pub fn reach(&self) -> Option<Range<isize>> {
        if self.shape.is_empty() {
            return None;
        }
        let (mut low, mut high) = (self.offset, self.offset);
        for axis in 0..self.shape.rank() {
            let span = (self.shape[axis] as isize - 1) * self.strides[axis];
            low += span.min(0);
            high += span.max(0);
        }
        Some(low..high + 1)
    }

    /// The same walk with as few axes as possible: axes of length one dropped, neighbours that continue
    /// each other merged. Lengths and strides, outermost first.
    fn collapsed(&self) -> Collapsed {
        let mut collapsed = Collapsed { rank: 0, lengths: [1; MAX_RANK], strides: [0; MAX_RANK] };
        for axis in (0..self.shape.rank()).filter(|&axis| self.shape[axis] != 1) {
            let (length, stride) = (self.shape[axis], self.strides[axis]);
            let last = collapsed.rank.wrapping_sub(1);
            if collapsed.rank > 0 && collapsed.strides[last] == stride * length as isize {
                collapsed.lengths[last] *= length;
                collapsed.strides[last] = stride;
            } else {
                collapsed.lengths[collapsed.rank] = length;
                collapsed.strides[collapsed.rank] = stride;
                collapsed.rank += 1;
            }
        }
        collapsed.rank = collapsed.rank.max(1);
        collapsed
    }
}

#[derive(Clone, Copy, Debug)]
struct Collapsed {
    rank: usize,
    lengths: [usize; MAX_RANK],
    strides: [isize; MAX_RANK],
}

/// A strided operand of a program.
#[derive(Clone, Debug)]
pub struct StridedOperand {
    operand: u16,
    view: View,
    collapsed: Collapsed,
}

/// A pointwise program. Built by [`TileProgram::new`], which checks it once; running it checks only the
/// lengths of what it is given.
#[derive(Clone, Debug)]
pub struct TileProgram<T> {
    shape: Shape,
    instructions: Vec<Instruction>,
    /// Registers that are written to outputs after the last instruction of each tile: those that must not
    /// be written earlier, because an operand in the same place is still to be read.
    stores: Vec<(u16, u16)>,
    numbers: Vec<T>,
    strided: Vec<StridedOperand>,
    streams: Vec<(Distribution, u64)>,
    /// The least length of each operand, given how it is read.
    required: Vec<usize>,
    outputs: usize,
    tile: usize,
}

/// The parts of a program; see [`TileProgram`].
#[derive(Clone, Debug, Default)]
pub struct Parts<T> {
    /// The loops, in order.
    pub instructions: Vec<Instruction>,
    /// (register, output): written after the last instruction of each tile.
    pub stores: Vec<(u16, u16)>,
    /// The numbers that instructions refer to.
    pub numbers: Vec<T>,
    /// (operand, view) for each strided operand that instructions load.
    pub strided: Vec<(u16, View)>,
    /// The distribution of each random stream, and the stream.
    pub streams: Vec<(Distribution, u64)>,
    /// How many operands there are.
    pub operands: usize,
    /// How many outputs there are.
    pub outputs: usize,
    /// How many registers are used.
    pub registers: usize,
}

impl<T: Real> TileProgram<T> {
    /// A program over `shape`.
    ///
    /// # Panics
    /// If an instruction refers to what is not there, reads a register that no earlier instruction wrote,
    /// writes one of its own sources, or if there are too many registers.
    pub fn new(shape: Shape, parts: Parts<T>) -> TileProgram<T> {
        let Parts { instructions, stores, numbers, strided, streams, operands, outputs, registers } = parts;
        assert!(registers <= MAX_REGISTERS, "{registers} registers, at most {MAX_REGISTERS}");
        let mut written = vec![false; registers];
        let mut stored = vec![false; outputs];
        for instruction in &instructions {
            let used = match instruction.action {
                Action::Unary(_) | Action::Copy => 1,
                Action::Binary(_) => 2,
                Action::Select => 3,
                Action::Load(index) => {
                    assert!((index as usize) < strided.len(), "no strided operand {index}");
                    0
                }
                Action::Random(index) => {
                    assert!((index as usize) < streams.len(), "no stream {index}");
                    0
                }
            };
            for source in &instruction.sources[..used] {
                match *source {
                    Source::Register(r) => {
                        assert!(written[r as usize], "register {r} is read before it is written");
                        assert!(instruction.target != Target::Register(r), "register {r} read and written");
                    }
                    Source::Dense(i) | Source::Scalar(i) => assert!((i as usize) < operands),
                    Source::Number(i) => assert!((i as usize) < numbers.len()),
                }
            }
            match instruction.target {
                Target::Register(r) => written[r as usize] = true,
                Target::Output(o) => stored[o as usize] = true,
            }
        }
        for &(register, output) in &stores {
            assert!(written[register as usize], "register {register} is stored but never written");
            stored[output as usize] = true;
        }
        assert!(stored.iter().all(|&stored| stored), "an output is never written");
        let strided: Vec<_> = (strided.into_iter())
            .map(|(operand, view)| {
                assert!((operand as usize) < operands && view.shape == shape);
                StridedOperand { operand, view, collapsed: view.collapsed() }
            })
            .collect();
        let numel = shape.numel();
        let mut required = vec![0; operands];
        for source in instructions.iter().flat_map(|instruction| instruction.sources) {
            match source {
                Source::Dense(i) => required[i as usize] = numel,
                // Nothing is read where nothing is computed.
                Source::Scalar(i) => required[i as usize] = required[i as usize].max(numel.min(1)),
                Source::Register(_) | Source::Number(_) => {}
            }
        }
        for (operand, reach) in strided.iter().filter_map(|s| Some((s.operand, s.view.reach()?))) {
            assert!(reach.start >= 0, "a view begins before its buffer");
            required[operand as usize] = required[operand as usize].max(reach.end as usize);
        }
        // As long as the registers allow; a multiple of every vector length.
        let tile = (SCRATCH / registers.max(1)).clamp(SHORTEST_TILE, LONGEST_TILE) & !63;
        TileProgram { shape, instructions, stores, numbers, strided, streams, required, outputs, tile }
    }

    /// The shape over which the program runs.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The loops, in order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The number of operands.
    pub fn operands(&self) -> usize {
        self.required.len()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Elements of one tile.
    pub fn tile(&self) -> usize {
        self.tile
    }

    /// Whether running it is worth more than one thread: at least two chunks.
    pub fn is_parallel(&self) -> bool {
        self.shape.numel() >= 2 * CHUNK
    }

    /// Whether output `output` may lie where operand `operand` lies: the operand is read densely only, and
    /// not after an instruction that writes the output directly.
    pub(super) fn may_overwrite(&self, operand: usize, output: usize) -> bool {
        let reads = |instruction: &Instruction, kind: fn(u16) -> Source| {
            instruction.sources.contains(&kind(operand as u16))
        };
        let loaded = self.strided.iter().any(|strided| strided.operand as usize == operand);
        let scalar = self.instructions.iter().any(|i| reads(i, Source::Scalar)) && self.shape.numel() > 1;
        let first_write = self.instructions.iter().position(|i| i.target == Target::Output(output as u16));
        // The writing instruction itself must not read it either: its loop takes the two as apart.
        let read_late = first_write.is_some_and(|at| {
            self.instructions[at..].iter().any(|i| reads(i, Source::Dense) || reads(i, Source::Scalar))
        });
        !loaded && !scalar && !read_late
    }

    /// Runs over all elements.
    ///
    /// # Safety
    /// Each operand points to as many initialised elements as its length says, not written by anyone else
    /// meanwhile; each output to `shape().numel()` initialised elements, not touched by anyone else. Outputs
    /// do not overlap each other, and overlap an operand only if they begin at the same address and
    /// [`TileProgram::may_overwrite`] says so.
    pub(super) unsafe fn run(&self, operands: &[(*const T, usize)], outputs: &[(*mut T, usize)], draw: Draw) {
        assert_eq!((operands.len(), outputs.len()), (self.required.len(), self.outputs));
        let numel = self.shape.numel();
        for (index, ((_, length), &required)) in operands.iter().zip(&self.required).enumerate() {
            assert!(*length >= required, "operand {index} has {length} elements of {required}");
        }
        outputs.iter().for_each(|(_, length)| assert!(*length >= numel));
        let job = Job { program: self, operands, outputs, draw };
        split(0..numel, &|range| {
            T::with_scratch(|scratch| simd::dispatch(TileRun { job: &job, range, scratch }));
        });
    }
}

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

/// One run of a program.
struct Job<'a, T> {
    program: &'a TileProgram<T>,
    operands: &'a [(*const T, usize)],
    outputs: &'a [(*mut T, usize)],
    draw: Draw,
}

// SAFETY: a job only reads through `operands`, which nobody writes during the run, and threads write
// through `outputs` to disjoint ranges of elements (`split`), reading only their own range of an operand
// that shares its place with an output.
unsafe impl<T: Sync> Sync for Job<'_, T> {}

/// The part of a job that one thread does, compiled for each instruction set.
struct TileRun<'a, T> {
    job: &'a Job<'a, T>,
    range: Range<usize>,
    scratch: &'a mut [T],
}

impl<T: Real> Kernel for TileRun<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let TileRun { job, range, scratch } = self;
        let tile = job.program.tile;
        let mut start = range.start;
        while start < range.end {
            let length = tile.min(range.end - start);
            let mut at = Tile { job, start, length, registers: scratch.as_mut_ptr() };
            for instruction in &job.program.instructions {
                at.execute(instruction);
            }
            for &(register, output) in &job.program.stores {
                at.target(Target::Output(output)).copy_from_slice(at.register(register));
            }
            start += length;
        }
    }
}

/// One tile: elements `start..start + length`.
struct Tile<'a, T> {
    job: &'a Job<'a, T>,
    start: usize,
    length: usize,
    registers: *mut T,
}

/// What a loop reads: a slice or one number repeated.
#[derive(Clone, Copy)]
enum Lane<'a, T> {
    Slice(&'a [T]),
    Number(T),
}

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
            // SAFETY: `run` has checked that the output has all elements of the shape.
            Target::Output(index) => unsafe { self.job.outputs[index as usize].0.add(self.start) },
        };
        // SAFETY: `length` elements from there belong to this tile alone; no source of the instruction
        // overlaps them, by `TileProgram::new` for registers and by the contract of `run` for outputs.
        unsafe { std::slice::from_raw_parts_mut(first, self.length) }
    }

    #[inline(always)]
    fn lane(&self, source: Source) -> Lane<'a, T> {
        match source {
            Source::Register(index) => Lane::Slice(self.register(index)),
            Source::Dense(index) => {
                let (first, _) = self.job.operands[index as usize];
                // SAFETY: `run` has checked that a dense operand has all elements of the shape.
                Lane::Slice(unsafe { std::slice::from_raw_parts(first.add(self.start), self.length) })
            }
            // SAFETY: `run` has checked that the operand has an element.
            Source::Scalar(index) => Lane::Number(unsafe { *self.job.operands[index as usize].0 }),
            Source::Number(index) => Lane::Number(self.job.program.numbers[index as usize]),
        }
    }

    #[inline(always)]
    fn execute(&mut self, instruction: &Instruction) {
        let out = self.target(instruction.target);
        let [a, b, c] = instruction.sources;
        match instruction.action {
            Action::Unary(unary) => unary.apply(MapUnary { out, a: self.lane(a) }),
            Action::Binary(binary) => binary.apply(MapBinary { out, a: self.lane(a), b: self.lane(b) }),
            Action::Select => select(out, self.lane(a), self.lane(b), self.lane(c)),
            Action::Copy => match self.lane(a) {
                Lane::Slice(a) => out.copy_from_slice(a),
                Lane::Number(a) => out.fill(a),
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
        // SAFETY: `run` takes operands with their lengths; indexing is checked.
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
        },
    }
}

/// Scratch memory of a thread for tile registers: made once, then kept.
pub trait Scratch: Sized {
    /// Calls `work` with as many elements as a program has registers for, of any value.
    fn with_scratch<R>(work: impl FnOnce(&mut [Self]) -> R) -> R;
}

macro_rules! scratch {
    ($type:ident) => {
        impl Scratch for $type {
            fn with_scratch<R>(work: impl FnOnce(&mut [Self]) -> R) -> R {
                thread_local! {
                    static REGISTERS: RefCell<Vec<$type>> = RefCell::new(vec![0.0; SCRATCH]);
                }
                REGISTERS.with_borrow_mut(|registers| work(registers))
            }
        }
    };
}
scratch!(f32);
scratch!(f64);
