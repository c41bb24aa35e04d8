//! Who reads which buffer, and how: what decides whether something may be written over it, or not at all.

use super::program::Program;
use super::schedule::{Kind, Schedule};
use crate::graph::NodeId;
use crate::real::Real;
use std::collections::HashMap;

/// Who reads a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub step: usize,
    /// Element `i` is read when element `i` of the group is computed, and only then.
    pub dense: bool,
    /// By a group, not by a kernel.
    pub grouped: bool,
}

/// The readers of every buffer.
pub(super) struct Readers {
    of: HashMap<NodeId, Vec<Reader>>,
}

impl Readers {
    pub fn new<T: Real>(program: &Program<T>, schedule: &Schedule) -> Readers {
        let mut of: HashMap<NodeId, Vec<Reader>> = HashMap::new();
        for index in 0..program.nodes.len() {
            let id = NodeId(index as u32);
            let step = schedule.step_of[index];
            if step == usize::MAX {
                continue;
            }
            let grouped = schedule.is_grouped(id);
            for input in schedule.reads(program, id) {
                let view = match schedule.kinds[index] {
                    Kind::Copy => schedule.views[index].1,
                    _ => schedule.view(input),
                };
                let reader = Reader { step, dense: view.is_dense(), grouped };
                of.entry(schedule.root(input)).or_default().push(reader);
            }
        }
        Readers { of }
    }

    pub fn of(&self, id: NodeId) -> &[Reader] {
        self.of.get(&id).map_or(&[], Vec::as_slice)
    }
}
