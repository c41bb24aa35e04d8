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

mod chain;
mod run;
mod view;

pub use chain::Chain;
pub(in crate::kernel) use run::Job;
pub use view::View;

use crate::ops::pointwise::{Binary, Unary};
use crate::ops::random::Distribution;
use crate::real::Real;
use crate::shape::Shape;
use view::Collapsed;

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
    /// An output that an earlier instruction has written.
    Output(u16),
    /// What the instruction overwrites, element by element: only the last source of a chain that writes an
    /// output, where this lies over an operand.
    Target,
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
    /// Two functions of three sources, of which the first is no number.
    Chain(Chain),
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
                Action::Chain(_) => {
                    let first = instruction.sources[0];
                    let is_slice =
                        matches!(first, Source::Register(_) | Source::Dense(_) | Source::Output(_));
                    assert!(is_slice, "the first source of a chain is a number");
                    3
                }
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
                    Source::Output(o) => {
                        assert!(stored[o as usize], "output {o} is read before it is written");
                        assert!(instruction.target != Target::Output(o), "output {o} read and written");
                    }
                    Source::Target => {
                        let in_place = matches!(instruction.action, Action::Chain(_))
                            && matches!(instruction.target, Target::Output(_))
                            && instruction.sources[..2].iter().all(|&other| other != Source::Target);
                        assert!(in_place, "only the last source of a chain is overwritten");
                    }
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
                Source::Register(_) | Source::Number(_) | Source::Output(_) | Source::Target => {}
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
        let scattered = !self.reads_densely(operand) && self.shape.numel() > 1;
        let first_write = self.instructions.iter().position(|i| i.target == Target::Output(output as u16));
        // The writing instruction itself must not read it either: its loop takes the two as apart.
        let read_late = first_write.is_some_and(|at| {
            self.instructions[at..].iter().any(|i| reads(i, Source::Dense) || reads(i, Source::Scalar))
        });
        !scattered && !read_late
    }

    /// Whether operand `operand` is read densely only: element `i` when element `i` is computed.
    pub(super) fn reads_densely(&self, operand: usize) -> bool {
        let loaded = self.strided.iter().any(|strided| strided.operand as usize == operand);
        let repeated = |i: &Instruction| i.sources.contains(&Source::Scalar(operand as u16));
        !loaded && !self.instructions.iter().any(repeated)
    }
}
