//! Between schedule and memory: matrix products whose elements go straight into a group.
//!
//! A product that one group alone reads, element by element, need not be kept: the group runs on each block
//! of it while the block lies in the cache (see [`gemm_panels`](crate::kernel::gemm::gemm_panels)). The
//! bias and the activation of a layer are then done when its product is, and the update of a weight runs on
//! the blocks of its gradient, which is never stored as a whole.
//!
//! The two steps become one, as early as the group may run: after everything else that it reads, and after
//! everything that reads a parameter of which it computes the new value, so that this can be written in
//! place. Values are then there no later than before, so no other step has to move. Early is better than
//! late: the factors of the product are free again sooner.

use super::program::Program;
use super::readers::Readers;
use super::schedule::{Kind, Schedule, Step};
use crate::graph::NodeId;
use crate::ops::Op;
use crate::real::Real;
use std::collections::HashMap;

/// A product and the group that consumes it, by their steps.
struct Pair {
    product: usize,
    group: usize,
    /// The step after which the two run as one.
    after: usize,
}

impl Schedule {
    /// Joins products to the groups that consume them.
    pub(super) fn join_products<T: Real>(&mut self, program: &Program<T>) {
        let readers = Readers::new(program, self);
        let mut pairs: Vec<Pair> = (0..self.steps.len())
            .filter_map(|group| {
                let product = self.consumed_product(program, &readers, group)?;
                Some(Pair { product, group, after: 0 })
            })
            .collect();
        if pairs.is_empty() {
            return;
        }
        let group_of: HashMap<usize, usize> = pairs.iter().map(|pair| (pair.product, pair.group)).collect();
        for pair in &mut pairs {
            pair.after = self.earliest(program, pair).max(pair.product);
        }
        // What reads a parameter may be a product that has itself been joined to a later group.
        for pair in &mut pairs {
            let updates = self.updated_parameters(program, pair.group);
            let last = (updates.flat_map(|parameter| readers.of(parameter)))
                .map(|reader| *group_of.get(&reader.step).unwrap_or(&reader.step))
                .filter(|&reader| reader != pair.group)
                .max();
            pair.after = pair.after.max(last.unwrap_or(0)).min(pair.group);
        }
        self.reorder(pairs);
    }

    /// The step of the product that the group in step `group` may consume: the last, if there are several.
    fn consumed_product<T: Real>(
        &self,
        program: &Program<T>,
        readers: &Readers,
        group: usize,
    ) -> Option<usize> {
        let Step::Group { nodes, shape } = &self.steps[group] else { return None };
        let is_consumed = |id: &NodeId| {
            let node = &program.nodes[id.index()];
            matches!(node.op, Op::MatMul { .. })
                && self.kinds[id.index()] == Kind::Kernel
                && node.shape.numel() == shape.numel()
                && !shape.is_empty()
                && readers.of(*id).iter().all(|reader| reader.step == group && reader.dense)
                && program.results().all(|result| self.root(result) != *id)
        };
        let read = nodes.iter().flat_map(|&id| self.reads(program, id)).map(|input| self.root(input));
        read.filter(is_consumed).map(|id| self.step_of[id.index()]).max()
    }

    /// The last step that computes something else that the group of `pair` reads.
    fn earliest<T: Real>(&self, program: &Program<T>, pair: &Pair) -> usize {
        let Step::Group { nodes, .. } = &self.steps[pair.group] else { unreachable!("pairs end in groups") };
        (nodes.iter())
            .flat_map(|&id| self.reads(program, id))
            .map(|input| self.step_of[self.root(input).index()])
            .filter(|&step| step != usize::MAX && step != pair.group)
            .max()
            .unwrap_or(0)
    }

    /// The parameters whose new values the group in step `group` computes.
    fn updated_parameters<'a, T: Real>(
        &'a self,
        program: &'a Program<T>,
        group: usize,
    ) -> impl Iterator<Item = NodeId> + 'a {
        (program.updates.iter())
            .filter(move |(_, expression)| self.step_of[self.root(*expression).index()] == group)
            .map(|(parameter, _)| *parameter)
    }

    /// Lists the steps anew, each pair as one step after its `after`.
    fn reorder(&mut self, mut pairs: Vec<Pair>) {
        pairs.sort_unstable_by_key(|pair| (pair.after, pair.group));
        let mut old: Vec<Option<Step>> = std::mem::take(&mut self.steps).into_iter().map(Some).collect();
        let mut joined = Vec::with_capacity(pairs.len());
        for pair in &pairs {
            let (Some(Step::Kernel(product)), Some(Step::Group { nodes, shape })) =
                (old[pair.product].take(), old[pair.group].take())
            else {
                unreachable!("a product is consumed by one group")
            };
            joined.push((pair.after, Step::Product { product, nodes, shape }));
        }
        let mut joined = joined.into_iter().peekable();
        for (number, step) in old.into_iter().enumerate() {
            self.steps.extend(step);
            while let Some((_, step)) = joined.next_if(|(after, _)| *after == number) {
                self.steps.push(step);
            }
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.nodes().for_each(|id| self.step_of[id.index()] = number);
        }
    }
}
