//! Stage three: memory. Where every value lies.
//!
//! All real values that steps compute or inputs are fed share one arena. A value occupies its range from
//! the step that writes it to the last step that reads it; a free range that fits best is reused, and a
//! group writes an output over an operand that dies there, if it only reads it densely. An update that is
//! computed by a group is written straight over its parameter when nobody reads the old value later.

use super::program::Program;
use super::readers::Readers;
use super::schedule::{Kind, Schedule, Step};
use crate::graph::{Element, NodeId};
use crate::kernel::memory::Place;
use crate::ops::Op;
use crate::real::Real;

/// Ranges begin at multiples of this many elements: a cache line of `f32`, two of `f64`.
const ALIGNMENT: usize = 16;

/// Where values lie.
#[derive(Debug)]
pub(super) struct Layout {
    /// The place of each node that has a buffer of real numbers.
    pub places: Vec<Option<Place>>,
    /// The buffer of each node that has a buffer of integers.
    pub index_buffers: Vec<Option<usize>>,
    /// Elements of the arena.
    pub arena: usize,
    /// Elements that the arena would have if nothing were reused.
    pub without_reuse: usize,
    /// Names of the parameters, in the order of [`Place::Parameter`].
    pub parameters: Vec<NodeId>,
    /// The nodes of the constants, in the order of [`Place::Constant`].
    pub constants: Vec<NodeId>,
    /// For each index buffer, its node.
    pub indices: Vec<NodeId>,
    /// Updates to copy at the end of a run: (node, parameter slot).
    pub copied_updates: Vec<(NodeId, usize)>,
    /// For each step, the arena ranges that hold nothing afterwards.
    pub dead_after: Vec<Vec<Place>>,
}

/// The values that have a buffer: written by a step and read by another, or fed, or a result.
fn materialised<T: Real>(program: &Program<T>, schedule: &Schedule) -> Vec<bool> {
    let mut found = vec![false; program.nodes.len()];
    for (index, node) in program.nodes.iter().enumerate() {
        let id = NodeId(index as u32);
        match schedule.kinds[index] {
            Kind::Source | Kind::Kernel | Kind::Copy => found[index] = true,
            Kind::Number | Kind::View | Kind::Pointwise => {}
        }
        if matches!(schedule.kinds[index], Kind::View | Kind::Number) || node.element == Element::Index {
            continue;
        }
        for input in schedule.reads(program, id) {
            let in_register = schedule.is_direct(program, input, id)
                && schedule.step_of[input.index()] == schedule.step_of[index];
            if !in_register {
                found[schedule.root(input).index()] = true;
            }
        }
    }
    // An index kernel (argmax) reads real values too.
    for node in program.nodes.iter().filter(|node| node.element == Element::Index) {
        node.inputs.iter().for_each(|input| found[schedule.root(*input).index()] = true);
    }
    program.results().for_each(|id| found[schedule.root(id).index()] = true);
    for (index, kind) in schedule.kinds.iter().enumerate() {
        found[index] &= !matches!(kind, Kind::Number | Kind::View);
    }
    found
}

impl Layout {
    /// Lays out the values of a scheduled program.
    pub fn new<T: Real>(program: &Program<T>, schedule: &Schedule) -> Layout {
        let count = program.nodes.len();
        let mut layout = Layout {
            places: vec![None; count],
            index_buffers: vec![None; count],
            arena: 0,
            without_reuse: 0,
            parameters: Vec::new(),
            constants: Vec::new(),
            indices: Vec::new(),
            copied_updates: Vec::new(),
            dead_after: vec![Vec::new(); schedule.steps.len()],
        };
        let materialised = materialised(program, schedule);
        layout.place_sources(program, &materialised);
        for step in &schedule.steps {
            if let Step::Product { product, .. } = step {
                layout.places[product.index()] = Some(Place::Product);
            }
        }
        let readers = Readers::new(program, schedule);
        layout.place_updates(program, schedule, &readers);
        layout.place_in_arena(program, schedule, &materialised, &readers);
        layout
    }

    fn place_sources<T: Real>(&mut self, program: &Program<T>, materialised: &[bool]) {
        for (index, node) in program.nodes.iter().enumerate() {
            let id = NodeId(index as u32);
            if node.element == Element::Index {
                self.index_buffers[index] = Some(self.indices.len());
                self.indices.push(id);
                continue;
            }
            match &node.op {
                Op::Parameter(_) => {
                    self.places[index] = Some(Place::Parameter(self.parameters.len()));
                    self.parameters.push(id);
                }
                Op::Constant(_) if materialised[index] => {
                    self.places[index] = Some(Place::Constant(self.constants.len()));
                    self.constants.push(id);
                }
                _ => {}
            }
        }
    }

    fn place_updates<T: Real>(&mut self, program: &Program<T>, schedule: &Schedule, readers: &Readers) {
        for &(parameter, expression) in &program.updates {
            let slot = self.parameters.iter().position(|&id| id == parameter);
            let slot = slot.expect("the program keeps every updated parameter");
            let root = schedule.root(expression);
            let step = schedule.step_of[root.index()];
            // Over the old value, if a group computes the new one, nobody but that group reads the old one
            // then or later, and the group reads it only where it writes.
            let in_place = schedule.is_grouped(root)
                && self.places[root.index()].is_none()
                && program.outputs.iter().all(|(_, output)| schedule.root(*output) != root)
                && readers.of(root).iter().all(|reader| reader.step == step)
                && readers.of(parameter).iter().all(|reader| {
                    reader.step < step || (reader.step == step && reader.dense && reader.grouped)
                })
                && program.nodes[root.index()].shape.numel()
                    == program.nodes[parameter.index()].shape.numel();
            if in_place {
                self.places[root.index()] = Some(Place::Parameter(slot));
            } else {
                self.copied_updates.push((root, slot));
            }
        }
    }

    fn place_in_arena<T: Real>(
        &mut self,
        program: &Program<T>,
        schedule: &Schedule,
        materialised: &[bool],
        readers: &Readers,
    ) {
        let count = program.nodes.len();
        let steps = schedule.steps.len();
        let length = |index: usize| program.nodes[index].shape.numel();
        // The last step that reads each value; results are read after the run.
        let mut last = vec![0usize; count];
        let mut in_arena = vec![false; count];
        for index in 0..count {
            let id = NodeId(index as u32);
            in_arena[index] =
                materialised[index] && self.places[index].is_none() && self.index_buffers[index].is_none();
            let written = schedule.step_of[index];
            let written = if written == usize::MAX { 0 } else { written };
            last[index] = readers.of(id).iter().map(|reader| reader.step).fold(written, usize::max);
        }
        let copied = self.copied_updates.iter().map(|(id, _)| *id);
        for id in program.outputs.iter().map(|(_, id)| schedule.root(*id)).chain(copied) {
            last[id.index()] = steps;
        }
        let mut dying: Vec<Vec<NodeId>> = vec![Vec::new(); steps + 1];
        for index in (0..count).filter(|&index| in_arena[index]) {
            dying[last[index].min(steps)].push(NodeId(index as u32));
        }
        let mut arena = Arena::default();
        // What is fed is there before the first step.
        for index in (0..count).filter(|&index| in_arena[index] && schedule.kinds[index] == Kind::Source) {
            self.places[index] = Some(arena.take(length(index)));
            self.without_reuse += length(index);
        }
        for (number, step) in schedule.steps.iter().enumerate() {
            let mut overwritten: Vec<NodeId> = Vec::new();
            for id in step.nodes().filter(|id| in_arena[id.index()]) {
                let victim = (dying[number].iter().copied()).find(|&dead| {
                    !matches!(step, Step::Kernel(_))
                        && schedule.step_of[dead.index()] != number
                        && !overwritten.contains(&dead)
                        && length(dead.index()) == length(id.index())
                        && readers.of(dead).iter().all(|r| r.step < number || (r.dense && r.grouped))
                });
                self.places[id.index()] = Some(match victim {
                    Some(victim) => {
                        overwritten.push(victim);
                        self.places[victim.index()].clone().expect("a dying value has a place")
                    }
                    None => arena.take(length(id.index())),
                });
                self.without_reuse += length(id.index());
            }
            for &id in dying[number].iter().filter(|id| !overwritten.contains(id)) {
                let place = self.places[id.index()].clone().expect("a dying value has a place");
                if let Place::Arena(range) = &place {
                    arena.give_back(range.clone());
                }
                self.dead_after[number].push(place);
            }
        }
        self.arena = arena.length;
    }
}

/// Ranges of a growing arena; the free range that fits best is taken.
#[derive(Default)]
struct Arena {
    /// Free ranges, in order, never touching.
    free: Vec<(usize, usize)>,
    length: usize,
}

impl Arena {
    fn take(&mut self, elements: usize) -> Place {
        let room = elements.next_multiple_of(ALIGNMENT);
        if elements == 0 {
            return Place::Arena(0..0);
        }
        let best = (self.free.iter().enumerate())
            .filter(|(_, (start, end))| end - start >= room)
            .min_by_key(|(_, (start, end))| end - start)
            .map(|(position, _)| position);
        let start = match best {
            Some(position) => {
                let (start, end) = &mut self.free[position];
                let taken = *start;
                *start += room;
                if start == end {
                    self.free.remove(position);
                }
                taken
            }
            None => {
                // Grow, beginning with a free range at the end if there is one.
                let start = match self.free.last() {
                    Some(&(start, end)) if end == self.length => {
                        self.free.pop();
                        start
                    }
                    _ => self.length,
                };
                self.length = start + room;
                start
            }
        };
        Place::Arena(start..start + elements)
    }

    fn give_back(&mut self, range: std::ops::Range<usize>) {
        let (mut start, mut end) = (range.start, range.start + range.len().next_multiple_of(ALIGNMENT));
        if start == end {
            return;
        }
        let at = self.free.partition_point(|&(s, _)| s < start);
        if at < self.free.len() && self.free[at].0 == end {
            end = self.free.remove(at).1;
        }
        if at > 0 && self.free[at - 1].1 == start {
            start = self.free.remove(at - 1).0;
        }
        let at = self.free.partition_point(|&(s, _)| s < start);
        self.free.insert(at, (start, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arena_reuses_merges_and_grows() {
        let mut arena = Arena::default();
        let range = |place: &Place| match place {
            Place::Arena(range) => range.clone(),
            other => panic!("{other:?}"),
        };
        let places: Vec<_> = [100, 16, 32, 10].iter().map(|&n| arena.take(n)).collect();
        assert_eq!(arena.length, 112 + 16 + 32 + 16);
        arena.give_back(range(&places[1]));
        arena.give_back(range(&places[3]));
        // The best fit is the smaller hole, not the first large enough.
        assert_eq!(range(&arena.take(16)), 112..128);
        arena.give_back(112..128);
        arena.give_back(range(&places[2]));
        assert_eq!(arena.free, [(112, 176)]);
        assert_eq!(range(&arena.take(100)), 112..212);
        assert_eq!(arena.length, 224);
        assert_eq!(range(&arena.take(0)), 0..0);
    }
}
