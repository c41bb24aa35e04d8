//! Different chains for different parameters.

use super::{HyperparameterError, Memory, Optimiser, Schedule, Transform, Update};
use crate::parameter::Selection;
use autograd::{Real, Var};

impl<T: Real> Optimiser<T> {
    /// An optimiser for each group of parameters. Each goes its own chain, with a memory of its own; the
    /// learning rate of a group's optimiser is a *factor* on the common schedule.
    ///
    /// Every parameter must be in exactly one group. What the groups have in common, like clipping by the
    /// global norm, goes [`first`](Optimiser::first) or [`then`](Optimiser::then) on the whole.
    ///
    /// ```
    /// use nn::optimise::ClipGlobalNorm;
    /// use nn::{Optimiser, Schedule, Selection};
    /// let schedule = Schedule::Cosine { initial: 1e-3, last: 0.0, steps: 10_000 };
    /// let optimiser = Optimiser::<f32>::groups(
    ///     schedule,
    ///     [
    ///         (Selection::weights(), Optimiser::adamw(1.0, 0.01)),
    ///         (Selection::biases(), Optimiser::adam(2.0)), // twice the rate
    ///     ],
    /// )
    /// .first(ClipGlobalNorm(1.0));
    /// assert!(optimiser.check().is_ok());
    /// ```
    ///
    /// # Panics
    /// If the rate of a group is a schedule and not a number. Recording the step panics if a parameter is in
    /// no group or in two, and says which one.
    #[track_caller]
    pub fn groups(
        learning_rate: impl Into<Schedule>,
        groups: impl IntoIterator<Item = (Selection, Optimiser<T>)>,
    ) -> Optimiser<T> {
        let groups: Vec<_> = groups.into_iter().collect();
        for (selection, optimiser) in &groups {
            assert!(
                matches!(optimiser.schedule, Schedule::Constant(_)),
                "the learning rate of the group `{selection}` is a factor on the common schedule: it must be a \
                 number, not {:?}",
                optimiser.schedule
            );
        }
        Optimiser::new(learning_rate).then(Groups(groups))
    }
}

/// The chains of several optimisers side by side.
#[derive(Debug)]
struct Groups<T: Real>(Vec<(Selection, Optimiser<T>)>);

impl<T: Real> Groups<T> {
    /// The position of the one group that has this parameter.
    fn group_of(&self, update: &Update<'_, '_, T>) -> usize {
        let name = &update.spec.name;
        let mut chosen =
            self.0.iter().enumerate().filter(|(_, (selection, _))| selection.contains(update.spec));
        let Some((position, (first, _))) = chosen.next() else {
            let all: Vec<_> = self.0.iter().map(|(selection, _)| format!("`{selection}`")).collect();
            panic!("the parameter `{name}` is in no group of the optimiser: there are {}", all.join(", "));
        };
        if let Some((_, (second, _))) = chosen.next() {
            panic!("the parameter `{name}` is in two groups of the optimiser: `{first}` and `{second}`");
        }
        position
    }
}

impl<T: Real> Transform<T> for Groups<T> {
    fn transform<'g>(&self, updates: &[Update<'g, '_, T>], memory: &mut Memory<'g, T>) -> Vec<Var<'g, T>> {
        let groups: Vec<usize> = updates.iter().map(|update| self.group_of(update)).collect();
        let mut values: Vec<_> = updates.iter().map(|update| update.value).collect();
        for (position, (_, optimiser)) in self.0.iter().enumerate() {
            let members: Vec<usize> = (0..updates.len()).filter(|&i| groups[i] == position).collect();
            let mut chosen: Vec<_> = members.iter().map(|&i| updates[i]).collect();
            let outer = memory.rate_factor;
            memory.rate_factor *= optimiser.schedule.at(0);
            optimiser.run_chain(&mut chosen, memory);
            memory.rate_factor = outer;
            members.iter().zip(chosen).for_each(|(&i, update)| values[i] = update.value);
        }
        values
    }

    fn check(&self) -> Result<(), HyperparameterError> {
        self.0.iter().try_for_each(|(_, optimiser)| optimiser.check())
    }
}
