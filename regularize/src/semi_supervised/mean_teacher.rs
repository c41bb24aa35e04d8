//! Mean teacher: agree with the network that one's own last few hundred selves make together.
//!
//! The teacher has the student's form and weights that follow the student's (Tarvainen and Valpola,
//! *Mean teachers are better role models*, NIPS 2017):
//!
//! ```text
//! θ'ₜ = aₜ θ'ₜ₋₁ + (1 - aₜ) θₜ,      aₜ = min(1 - 1/t, a)      t = 1, 2, ..
//! ```
//!
//! Its predictions on unlabelled examples are the targets of a [`Consistency`](super::Consistency) term. With
//! the ramp-up of `aₜ` the average is the plain mean of all weights so far, until `1 - 1/t` reaches `a`: the
//! first bad weights are forgotten as fast as possible, and no start value remains.
//!
//! Teacher and step count are parameters of role [`State`](nn::Role::State) beside the student's,
//! `NAME/teacher` and `mean_teacher/steps`, and their new values are expressions of the step: student and
//! teacher move in one plan, and a checkpoint has both. Running statistics of the network are averaged
//! likewise.
//!
//! ```
//! use autograd::{Feed, Graph, Plan, Tensor};
//! use nn::{LEARNING_RATE, Layer, Linear, Mode, Optimiser, initialise};
//! use regularize::semi_supervised::{Consistency, MeanTeacher};
//! let (model, teacher) = (Linear::new("l", 3, 2), MeanTeacher::new(0.99)?);
//! let specs = Layer::<f64>::parameters(&model);
//! let graph = Graph::<f64>::new();
//! let x = graph.input("x", [8, 3]);
//! let target = teacher.forward(&model, x, Mode::Train);
//! let loss = Consistency::default().loss(model.forward(x * 1.5, Mode::Train), target);
//!
//! let step = teacher.following(&specs, Optimiser::sgd(0.1).minimise(loss, &specs), &graph);
//! let mut plan = step.add_to(Plan::builder(&graph).output("loss", loss)).compile();
//! let mut parameters = initialise(&model, 1);
//! teacher.start(&specs, &mut parameters);
//! let x = Tensor::full([8, 3], 1.0);
//! plan.run(&mut parameters, &[("x", Feed::from(&x)), (LEARNING_RATE, Feed::from(0.1))])?;
//! assert_eq!(parameters["l.weight/teacher"], parameters["l.weight"]); // after one step
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use super::consistency::renamed_draws;
use crate::error::RegularizeError;
use autograd::{Graph, Parameters, Real, Shape, Tensor, Var, substitute};
use nn::optimise::HyperparameterError;
use nn::{Initialiser, Layer, Mode, OptimiserStep, ParameterSpec, Role};

/// The name of the number of steps that the teacher has seen.
const STEPS: &str = "mean_teacher/steps";

/// The exponential average of a network's weights as a teacher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanTeacher {
    decay: f64,
}

impl MeanTeacher {
    /// A teacher that keeps the share `decay` of itself in each step; 0 is the student after its last step.
    ///
    /// # Errors
    /// If `decay` is not in [0, 1).
    pub fn new(decay: f64) -> Result<MeanTeacher, RegularizeError> {
        HyperparameterError::unless((0.0..1.0).contains(&decay), "decay of the teacher", decay, "in [0, 1)")?;
        Ok(MeanTeacher { decay })
    }

    /// The share `aₜ` that the teacher keeps in step `t`, counted from 1.
    ///
    /// ```
    /// use regularize::semi_supervised::MeanTeacher;
    /// let teacher = MeanTeacher::new(0.9)?;
    /// // The plain mean of the first weights: 0, 1/2, 2/3, ...
    /// assert_eq!((teacher.decay_at(1), teacher.decay_at(2), teacher.decay_at(4)), (0.0, 0.5, 0.75));
    /// assert_eq!(teacher.decay_at(1000), 0.9);
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn decay_at(&self, t: u64) -> f64 {
        (1.0 - 1.0 / t.max(1) as f64).min(self.decay)
    }

    /// The teacher's parameters, one for each of the student's, and the number of steps.
    pub fn parameters(&self, student: &[ParameterSpec]) -> Vec<ParameterSpec> {
        let of = |spec: &ParameterSpec| ParameterSpec {
            name: teachers(&spec.name),
            role: Role::State,
            ..spec.clone()
        };
        student.iter().map(of).chain([steps()]).collect()
    }

    /// Gives the teacher the student's values, where `parameters` has none of its own yet.
    pub fn start<T: Real>(&self, student: &[ParameterSpec], parameters: &mut Parameters<T>) {
        for spec in student {
            let name = teachers(&spec.name);
            if parameters.get(&name).is_none()
                && let Some(value) = parameters.get(&spec.name).cloned()
            {
                parameters.insert(&name, value);
            }
        }
        if parameters.get(STEPS).is_none() {
            parameters.insert(STEPS, Tensor::zeros([]));
        }
    }

    /// What the teacher says of `x`, a constant to differentiation, with random draws of its own. The student
    /// should be recorded before it, if the network [proposes](Graph::propose_update) running statistics.
    ///
    /// # Panics
    /// As [`Layer::forward`].
    pub fn forward<'g, T: Real>(&self, model: &dyn Layer<T>, x: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        let graph = x.graph();
        let before = graph.len();
        let student = model.forward(x, mode);
        let mut replaced = renamed_draws(student, before, "teacher");
        for spec in model.parameters() {
            let teacher = ParameterSpec { name: teachers(&spec.name), ..spec.clone() };
            replaced.push((spec.declare(graph), teacher.declare(graph)));
        }
        substitute(&[student], &replaced)[0].detach()
    }

    /// The student's step with the teacher's behind it: the average takes in what the student *becomes*.
    ///
    /// # Panics
    /// If a name is taken by a parameter of another shape.
    #[track_caller]
    pub fn following<'g, T: Real>(
        &self,
        student: &[ParameterSpec],
        mut step: OptimiserStep<'g, T>,
        graph: &'g Graph<T>,
    ) -> OptimiserStep<'g, T> {
        let seen = steps().declare(graph);
        let now = seen + 1.0;
        let keep = (1.0 - now.powi(-1)).minimum(self.decay);
        for spec in student {
            let (own, old) =
                (spec.declare(graph), ParameterSpec { name: teachers(&spec.name), ..spec.clone() });
            let old = old.declare(graph);
            let updated = step.updates.iter().find(|(parameter, _)| parameter.id() == own.id());
            let new = updated.map_or(own, |(_, new)| *new);
            step.updates.push((old, old * keep + new * (1.0 - keep)));
        }
        step.updates.push((seen, now));
        step
    }

    /// The teacher under the student's names: what an [`Evaluator`](nn::train::Evaluator) takes.
    ///
    /// # Errors
    /// [`RegularizeError::MissingParameter`] if there is no teacher yet.
    ///
    /// ```
    /// use nn::{Layer, Linear, Sequential, initialise};
    /// use regularize::semi_supervised::MeanTeacher;
    /// let model = Sequential::<f64>::new().then(Linear::new("l", 3, 2));
    /// let teacher = MeanTeacher::new(0.99)?;
    /// let mut parameters = initialise(&model, 1);
    /// assert!(teacher.parameters_of(&model.parameters(), &parameters).is_err()); // there is none yet
    /// teacher.start(&model.parameters(), &mut parameters);
    /// let own = teacher.parameters_of(&model.parameters(), &parameters)?;
    /// assert_eq!(own, initialise(&model, 1)); // it begins as the student
    /// # Ok::<(), regularize::RegularizeError>(())
    /// ```
    pub fn parameters_of<T: Real>(
        &self,
        student: &[ParameterSpec],
        parameters: &Parameters<T>,
    ) -> Result<Parameters<T>, RegularizeError> {
        let mut own = Parameters::new();
        for spec in student {
            let name = teachers(&spec.name);
            let Some(value) = parameters.get(&name) else {
                let known = crate::error::listed(parameters.iter().map(|(name, _)| name));
                return Err(RegularizeError::MissingParameter { name, known });
            };
            own.insert(&spec.name, value.clone());
        }
        Ok(own)
    }
}

fn teachers(name: &str) -> String {
    format!("{name}/teacher")
}

fn steps() -> ParameterSpec {
    ParameterSpec {
        name: STEPS.into(),
        shape: Shape::new(&[]),
        role: Role::State,
        initialiser: Initialiser::Zeros,
    }
}

#[cfg(test)]
mod tests;
