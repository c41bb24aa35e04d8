//! From a scheduled group to the tile program that runs it.
//!
//! Each node of the group becomes one instruction, or two additions, subtractions or multiplications become
//! one together ([`Chain`]); its operands are registers of the same group, numbers,
//! or buffers that are read densely, as one repeated element, or through a view that is first loaded into
//! a register. A register is free again after its last reader.

use super::memory::Layout;
use super::program::Program;
use super::schedule::{Kind, Schedule};
use crate::graph::NodeId;
use crate::kernel::memory::Place;
use crate::kernel::philox::stream_of_name;
use crate::kernel::tile::{Action, Chain, Instruction, Parts, Source, Target, TileProgram, UNUSED, View};
use crate::ops::Op;
use crate::real::Real;
use crate::shape::Shape;
use std::collections::{HashMap, HashSet};

/// A group, ready to run.
#[derive(Debug)]
pub(super) struct CompiledGroup<T> {
    /// What is computed.
    pub program: TileProgram<T>,
    /// The places of its operands.
    pub reads: Vec<Place>,
    /// The places of its outputs.
    pub writes: Vec<Place>,
}

/// Compiles the group of `nodes` over `shape`.
pub(super) fn compile_group<T: Real>(
    program: &Program<T>,
    schedule: &Schedule,
    layout: &Layout,
    nodes: &[NodeId],
    shape: Shape,
) -> CompiledGroup<T> {
    let mut generator = Generator {
        program,
        schedule,
        layout,
        shape,
        parts: Parts::default(),
        reads: Vec::new(),
        writes: Vec::new(),
        registers: HashMap::new(),
        loaded: HashMap::new(),
        last_use: HashMap::new(),
        chained: HashMap::new(),
        free: Vec::new(),
        outputs: Vec::new(),
    };
    generator.find_chains(nodes);
    let inner: HashSet<NodeId> = generator.chained.values().map(|chained| chained.inner).collect();
    let nodes: Vec<NodeId> = nodes.iter().copied().filter(|id| !inner.contains(id)).collect();
    generator.find_last_uses(&nodes);
    for (position, &id) in nodes.iter().enumerate() {
        generator.emit(id, position);
    }
    generator.finish()
}

/// A value that sits in a register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Held {
    /// A node of the group.
    Node(NodeId),
    /// A view of a buffer.
    Loaded(NodeId, View),
}

struct Generator<'a, T: Real> {
    program: &'a Program<T>,
    schedule: &'a Schedule,
    layout: &'a Layout,
    shape: Shape,
    parts: Parts<T>,
    reads: Vec<Place>,
    writes: Vec<Place>,
    registers: HashMap<NodeId, u16>,
    loaded: HashMap<(NodeId, View), u16>,
    /// The position of the last node that uses a register's value.
    last_use: HashMap<Held, usize>,
    /// The nodes that are computed together with one of their operands.
    chained: HashMap<NodeId, Chained>,
    free: Vec<u16>,
    /// (instruction, output) of each output.
    outputs: Vec<(usize, u16)>,
}

/// How a node is computed together with one of its operands, which nothing else reads.
#[derive(Clone, Copy)]
struct Chained {
    /// That operand.
    inner: NodeId,
    chain: Chain,
    /// What the two read.
    operands: [Operand; 3],
}

impl<T: Real> Generator<'_, T> {
    /// Finds pairs of nodes for one instruction each, from the last node back: the second of a pair has one
    /// partner, and the first is not the second of another.
    fn find_chains(&mut self, nodes: &[NodeId]) {
        let mut uses: HashMap<NodeId, usize> = HashMap::new();
        for operand in nodes.iter().flat_map(|&id| self.operands(id)) {
            if let Operand::Node(input) = operand {
                *uses.entry(input).or_default() += 1;
            }
        }
        let mut inner = HashSet::new();
        for &id in nodes.iter().rev() {
            if inner.contains(&id) {
                continue;
            }
            let found = (0..2).find_map(|position| {
                let chained = self.chained_with(id, position)?;
                let kept = self.layout.places[chained.inner.index()].is_some();
                (!kept && uses[&chained.inner] == 1).then_some(chained)
            });
            if let Some(chained) = found {
                inner.insert(chained.inner);
                self.chained.insert(id, chained);
            }
        }
    }

    /// `id` together with its operand at `position`, if the two are a chain.
    fn chained_with(&self, id: NodeId, position: usize) -> Option<Chained> {
        let binary = |id: NodeId| match self.program.nodes[id.index()].op {
            Op::Binary(binary) if self.schedule.kinds[id.index()] == Kind::Pointwise => Some(binary),
            _ => None,
        };
        let second = binary(id)?;
        let operands = self.operands(id);
        let Operand::Node(inner) = operands[position] else { return None };
        let first = binary(inner)?;
        let [mut a, mut b] = <[Operand; 2]>::try_from(self.operands(inner)).ok()?;
        let exchange = a.is_number();
        if exchange {
            (a, b) = (b, a);
        }
        let chain = Chain::of(first, exchange, second, position == 1)?;
        (!a.is_number()).then_some(Chained { inner, chain, operands: [a, b, operands[1 - position]] })
    }

    /// What the instruction of a node reads.
    fn instruction_operands(&self, id: NodeId) -> Vec<Operand> {
        match self.chained.get(&id) {
            Some(chained) => chained.operands.to_vec(),
            None => self.operands(id),
        }
    }

    /// What a node of the group reads: (root, view), or a node of the same group.
    fn operands(&self, id: NodeId) -> Vec<Operand> {
        let step = self.schedule.step_of[id.index()];
        match self.schedule.kinds[id.index()] {
            Kind::Copy => {
                let (root, view) = self.schedule.views[id.index()];
                if root == id { vec![Operand::Number(id)] } else { vec![self.buffer(root, view)] }
            }
            _ => (self.program.nodes[id.index()].inputs.iter())
                .map(|&input| {
                    let root = self.schedule.root(input);
                    if self.schedule.kinds[root.index()] == Kind::Number {
                        Operand::Number(root)
                    } else if self.schedule.is_direct(self.program, input, id)
                        && self.schedule.step_of[input.index()] == step
                    {
                        Operand::Node(input)
                    } else {
                        self.buffer(root, self.schedule.view(input))
                    }
                })
                .collect(),
        }
    }

    fn buffer(&self, root: NodeId, view: View) -> Operand {
        // A copy of another shape walks its source; everything else has the group's shape already.
        debug_assert_eq!(view.shape, self.shape);
        if view.is_dense() {
            Operand::Dense(root)
        } else if view.is_scalar() && view.offset == 0 {
            Operand::Scalar(root)
        } else {
            Operand::Strided(root, view)
        }
    }

    fn find_last_uses(&mut self, nodes: &[NodeId]) {
        for (position, &id) in nodes.iter().enumerate() {
            for operand in self.instruction_operands(id) {
                let held = match operand {
                    Operand::Node(input) => Held::Node(input),
                    Operand::Strided(root, view) => Held::Loaded(root, view),
                    Operand::Number(_) | Operand::Dense(_) | Operand::Scalar(_) => continue,
                };
                self.last_use.insert(held, position);
            }
        }
    }

    fn take_register(&mut self) -> u16 {
        self.free.pop().unwrap_or_else(|| {
            self.parts.registers += 1;
            (self.parts.registers - 1) as u16
        })
    }

    fn operand_index(&mut self, root: NodeId) -> u16 {
        let place = self.layout.places[root.index()].clone().expect("what is read has a place");
        let found = self.reads.iter().position(|read| *read == place);
        found.unwrap_or_else(|| {
            self.reads.push(place);
            self.reads.len() - 1
        }) as u16
    }

    fn number(&mut self, id: NodeId) -> Source {
        let Op::Fill(value) = &self.program.nodes[id.index()].op else {
            // A view of a number, kept because constants were not folded.
            return self.number(self.program.nodes[id.index()].inputs[0]);
        };
        let known = self.parts.numbers.iter().position(|x| x.bits() == value.0.bits());
        Source::Number(known.unwrap_or_else(|| {
            self.parts.numbers.push(value.0);
            self.parts.numbers.len() - 1
        }) as u16)
    }

    fn source(&mut self, operand: Operand) -> Source {
        match operand {
            Operand::Node(id) => Source::Register(self.registers[&id]),
            Operand::Number(id) => self.number(id),
            Operand::Dense(root) => Source::Dense(self.operand_index(root)),
            Operand::Scalar(root) => Source::Scalar(self.operand_index(root)),
            Operand::Strided(root, view) => {
                if let Some(&register) = self.loaded.get(&(root, view)) {
                    return Source::Register(register);
                }
                let index = self.operand_index(root);
                let register = self.take_register();
                self.parts.strided.push((index, view));
                let load = Action::Load(self.parts.strided.len() as u16 - 1);
                self.parts.instructions.push(Instruction {
                    action: load,
                    sources: [UNUSED; 3],
                    target: Target::Register(register),
                });
                self.loaded.insert((root, view), register);
                Source::Register(register)
            }
        }
    }

    fn emit(&mut self, id: NodeId, position: usize) {
        let operands = self.instruction_operands(id);
        let mut sources = [UNUSED; 3];
        for (source, &operand) in sources.iter_mut().zip(&operands) {
            *source = self.source(operand);
        }
        let action = match &self.program.nodes[id.index()].op {
            _ if self.chained.contains_key(&id) => Action::Chain(self.chained[&id].chain),
            _ if self.schedule.kinds[id.index()] == Kind::Copy => Action::Copy,
            Op::Unary(unary) => Action::Unary(*unary),
            Op::Binary(binary) => Action::Binary(*binary),
            Op::Select => Action::Select,
            Op::Random(distribution, stream) => {
                self.parts.streams.push((*distribution, stream_of_name(stream)));
                Action::Random(self.parts.streams.len() as u16 - 1)
            }
            other => unreachable!("{other:?} is not in a group"),
        };
        // The target is taken before the sources are given back: it is never one of them.
        let register = self.take_register();
        self.registers.insert(id, register);
        self.parts.instructions.push(Instruction { action, sources, target: Target::Register(register) });
        for &operand in &operands {
            self.release(operand, position);
        }
        if let Some(place) = self.layout.places[id.index()].clone() {
            self.outputs.push((self.parts.instructions.len() - 1, self.writes.len() as u16));
            self.writes.push(place);
            // The register is never freed: perhaps it has to keep the value until the end of the tile.
            self.last_use.insert(Held::Node(id), usize::MAX);
        } else {
            debug_assert!(self.last_use.contains_key(&Held::Node(id)), "{id} is computed for nobody");
        }
    }

    /// Frees the register of an operand that is used for the last time.
    fn release(&mut self, operand: Operand, position: usize) {
        let (held, register) = match operand {
            Operand::Node(id) => (Held::Node(id), self.registers[&id]),
            Operand::Strided(root, view) => match self.loaded.get(&(root, view)) {
                Some(&register) => (Held::Loaded(root, view), register),
                // Given twice to one node, and already freed.
                None => return,
            },
            Operand::Number(_) | Operand::Dense(_) | Operand::Scalar(_) => return,
        };
        if self.last_use.get(&held) == Some(&position) && !self.free.contains(&register) {
            self.free.push(register);
            if let Held::Loaded(root, view) = held {
                self.loaded.remove(&(root, view));
            }
        }
    }

    fn finish(mut self) -> CompiledGroup<T> {
        self.parts.operands = self.reads.len();
        self.parts.outputs = self.writes.len();
        for (at, output) in std::mem::take(&mut self.outputs) {
            self.place_output(at, output);
        }
        CompiledGroup {
            program: TileProgram::new(self.shape, self.parts),
            reads: self.reads,
            writes: self.writes,
        }
    }

    /// Lets instruction `at` write its value to an output: directly, unless that lies over an operand that is
    /// still to be read; then at the end of the tile.
    fn place_output(&mut self, at: usize, output: u16) {
        let Parts { instructions, stores, strided, .. } = &mut self.parts;
        let Target::Register(register) = instructions[at].target else { unreachable!("not placed yet") };
        let place = &self.writes[output as usize];
        if let Some(operand) = self.reads.iter().position(|read| read == place).map(|found| found as u16) {
            let is_operand =
                |source: &Source| matches!(source, Source::Dense(i) | Source::Scalar(i) if *i == operand);
            let is_read = |i: &Instruction| {
                let loaded = matches!(i.action, Action::Load(index) if strided[index as usize].0 == operand);
                loaded || i.sources.iter().any(is_operand)
            };
            let own = &mut instructions[at];
            let last_only = matches!(own.action, Action::Chain(_))
                && own.sources[2] == Source::Dense(operand)
                && !own.sources[..2].iter().any(is_operand);
            let is_read_later = instructions[at + 1..].iter().any(is_read);
            if is_read_later || (is_read(&instructions[at]) && !last_only) {
                stores.push((register, output));
                return;
            }
            if last_only {
                instructions[at].sources[2] = Source::Target;
            }
        }
        instructions[at].target = Target::Output(output);
        let later = instructions[at + 1..].iter_mut().flat_map(|instruction| &mut instruction.sources);
        later.filter(|source| **source == Source::Register(register)).for_each(|source| {
            *source = Source::Output(output);
        });
    }
}

/// What an instruction reads.
#[derive(Clone, Copy, Debug)]
enum Operand {
    /// A node of the same group.
    Node(NodeId),
    /// A repeated number.
    Number(NodeId),
    /// A buffer, element by element.
    Dense(NodeId),
    /// The first element of a buffer.
    Scalar(NodeId),
    /// A view of a buffer.
    Strided(NodeId, View),
}

impl Operand {
    /// Whether every element is the same.
    fn is_number(&self) -> bool {
        matches!(self, Operand::Number(_) | Operand::Scalar(_))
    }
}
