//! The restricted Boltzmann machine.

use crate::initialise::Initialiser;
use crate::parameter::{ParameterSpec, Role};
use autograd::{Graph, Real, Tensor, Var};

/// What the visible units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VisibleUnits {
    /// 0 or 1.
    Binary,
    /// Real, normal with variance 1 around a mean that the hidden units set. Data are standardised first.
    Gaussian,
}

/// The largest layer whose states [`BoltzmannMachine::log_partition`] enumerates: 2¹⁶ of them.
const LARGEST_ENUMERATED: usize = 16;

/// Visible units `v`, binary hidden units `h` and an energy that couples each of the one with each of the other,
/// `p(v, h) = e^(-E(v, h)) / Z` (*Deep Learning*, section 20.2):
///
/// ```text
/// binary:    E(v, h) = -a·v - b·h - v W h            F(v) = -a·v - Σⱼ ζ(bⱼ + (v W)ⱼ)
/// Gaussian:  E(v, h) = ½|v - a|² - b·h - v W h       F(v) = ½|v - a|² - Σⱼ ζ(bⱼ + (v W)ⱼ)
/// ```
///
/// with `ζ(x) = ln(1 + eˣ)`. Given one layer the units of the other are independent: `p(hⱼ = 1 | v) =
/// σ(bⱼ + (v W)ⱼ)`, and the visible units have mean `σ(a + W h)`, or `a + W h`.
///
/// The free energy `F(v) = -ln Σₕ e^(-E(v, h))` is a graph expression, and all learning is its gradient:
/// `-∇ ln p(v) = ∇F(v) - ⟨∇F⟩`, the mean taken over the model. [`log_likelihood`](Self::log_likelihood) has
/// that mean exactly, by enumeration; [`contrastive_divergence`](Self::contrastive_divergence) and
/// [`persistent_divergence`](Self::persistent_divergence) put samples in its place.
///
/// The parameters are `NAME.weight [visible, hidden]`, normal with deviation 0.01 at first (Hinton, *A
/// Practical Guide to Training Restricted Boltzmann Machines*, 2012, section 8), `NAME.visible_bias` and
/// `NAME.hidden_bias`, at zero.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, interpret};
/// use nn::initialise_parameters;
/// use nn::probabilistic::BoltzmannMachine;
/// let machine = BoltzmannMachine::new("m", 3, 2);
/// let graph = Graph::<f64>::new();
/// let v = graph.input("v", [1, 3]);
/// let all_off = Tensor::<f64>::zeros([1, 3]);
/// let p = initialise_parameters(&machine.parameters(), 1);
/// let values = interpret(&[machine.free_energy(v)], &[("v", Feed::from(&all_off))], Some(&p))?;
/// assert_eq!(values[0].data(), [-2.0 * 2f64.ln()]); // two hidden units, free to be 0 or 1
/// # Ok::<(), autograd::RunError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BoltzmannMachine {
    name: String,
    visible: usize,
    hidden: usize,
    units: VisibleUnits,
}

impl BoltzmannMachine {
    /// A machine with binary units.
    pub fn new(name: &str, visible: usize, hidden: usize) -> BoltzmannMachine {
        BoltzmannMachine { name: name.into(), visible, hidden, units: VisibleUnits::Binary }
    }

    /// The same with other visible units.
    pub fn with_visible_units(self, units: VisibleUnits) -> BoltzmannMachine {
        BoltzmannMachine { units, ..self }
    }

    /// The name that its parameters' and streams' names begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the visible units are.
    pub fn units(&self) -> VisibleUnits {
        self.units
    }

    /// Weight, visible and hidden bias.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        self.specs().into()
    }

    fn specs(&self) -> [ParameterSpec; 3] {
        let spec = |what: &str, shape: &[usize], role, initialiser| ParameterSpec {
            name: format!("{}.{what}", self.name),
            shape: shape.into(),
            role,
            initialiser,
        };
        let small = Initialiser::Normal { mean: 0.0, deviation: 0.01 };
        [
            spec("weight", &[self.visible, self.hidden], Role::Weight, small),
            spec("visible_bias", &[self.visible], Role::Bias, Initialiser::Zeros),
            spec("hidden_bias", &[self.hidden], Role::Bias, Initialiser::Zeros),
        ]
    }

    /// `W`, `a` and `b` on a graph.
    fn declare<'g, T: Real>(&self, graph: &'g Graph<T>) -> [Var<'g, T>; 3] {
        self.specs().map(|spec| spec.declare(graph))
    }

    /// `bⱼ + (v W)ⱼ`, `[n, hidden]`: the log-odds of the hidden units given the visible ones.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    #[track_caller]
    pub fn hidden_logits<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        self.check("visible", v, self.visible);
        let [weight, _, hidden_bias] = self.declare(v.graph());
        v.matmul(weight) + hidden_bias
    }

    /// `a + W h`, `[n, visible]`.
    #[track_caller]
    fn visible_logits<'g, T: Real>(&self, h: Var<'g, T>) -> Var<'g, T> {
        self.check("hidden", h, self.hidden);
        let [weight, visible_bias, _] = self.declare(h.graph());
        h.matmul_transposed(weight, false, true) + visible_bias
    }

    #[track_caller]
    fn check<T: Real>(&self, layer: &str, units: Var<'_, T>, count: usize) {
        let shape = units.shape();
        assert!(
            shape.rank() == 2 && shape[1] == count,
            "the Boltzmann machine `{}` has {layer} units [n, {count}], not {shape}",
            self.name
        );
    }

    /// The part of the energy that only the visible units have: `-a·v` or `½|v - a|²`, `[n]`.
    pub fn visible_energy<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        let [_, visible_bias, _] = self.declare(v.graph());
        match self.units {
            VisibleUnits::Binary => -(v * visible_bias).sum_over(&[-1]),
            VisibleUnits::Gaussian => (v - visible_bias).powi(2).sum_over(&[-1]) * 0.5,
        }
    }

    /// `E(v, h)` of each pair of rows, `[n]`.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]` or `h` not `[n, hidden]`.
    #[track_caller]
    pub fn energy<'g, T: Real>(&self, v: Var<'g, T>, h: Var<'g, T>) -> Var<'g, T> {
        self.check("hidden", h, self.hidden);
        self.visible_energy(v) - (self.hidden_logits(v) * h).sum_over(&[-1])
    }

    /// `F(v)` of each row, `[n]`.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    #[track_caller]
    pub fn free_energy<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        let hidden = self.hidden_logits(v).softplus();
        self.visible_energy(v) - hidden.sum_over(&[-1])
    }

    /// `p(hⱼ = 1 | v)`, `[n, hidden]`: the features of `v`.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    #[track_caller]
    pub fn hidden_mean<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        self.hidden_logits(v).sigmoid()
    }

    /// The mean of the visible units given the hidden ones, `[n, visible]`.
    ///
    /// # Panics
    /// If `h` is not `[n, hidden]`.
    #[track_caller]
    pub fn visible_mean<'g, T: Real>(&self, h: Var<'g, T>) -> Var<'g, T> {
        match self.units {
            VisibleUnits::Binary => self.visible_logits(h).sigmoid(),
            VisibleUnits::Gaussian => self.visible_logits(h),
        }
    }

    /// `steps` rounds of block Gibbs sampling from `v`: all hidden units given the visible ones, then all
    /// visible units given the hidden ones (*Deep Learning*, section 20.2.1). The result has no derivative.
    ///
    /// Round `k` draws from the streams `NAME.CHAIN.hidden.k` and `NAME.CHAIN.visible.k`: chains of different
    /// names on one graph are independent.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    #[track_caller]
    pub fn gibbs<'g, T: Real>(&self, v: Var<'g, T>, steps: usize, chain: &str) -> Var<'g, T> {
        let graph = v.graph();
        let mut sample = v.detach();
        // A loop: a closure would not pass the caller's line on.
        for step in 0..steps {
            let stream = |layer: &str| format!("{}.{chain}.{layer}.{step}", self.name);
            let mean = self.hidden_mean(sample);
            let hidden = graph.uniform(&stream("hidden"), mean.shape()).less(mean);
            let mean = self.visible_mean(hidden);
            sample = match self.units {
                VisibleUnits::Binary => graph.uniform(&stream("visible"), mean.shape()).less(mean),
                VisibleUnits::Gaussian => mean + graph.normal(&stream("visible"), mean.shape()),
            }
            .detach();
        }
        sample
    }

    /// CD-k: `mean F(v) - mean F(v⁻)`, where `v⁻` is `v` after `steps` rounds of Gibbs sampling, without a
    /// derivative of its own (Hinton, *Neural Computation* 14, 2002; *Deep Learning*, algorithm 18.2). A
    /// scalar whose gradient is the step's direction; its value says little.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`.
    #[track_caller]
    pub fn contrastive_divergence<'g, T: Real>(&self, v: Var<'g, T>, steps: usize) -> Var<'g, T> {
        self.free_energy(v).mean() - self.free_energy(self.gibbs(v, steps, "contrast")).mean()
    }

    /// The chains of [`persistent_divergence`](Self::persistent_divergence) as a parameter of
    /// [`Role::State`], `NAME.chains [count, visible]`, at zero before training.
    pub fn chains(&self, count: usize) -> ParameterSpec {
        ParameterSpec {
            name: format!("{}.chains", self.name),
            shape: [count, self.visible].into(),
            role: Role::State,
            initialiser: Initialiser::Zeros,
        }
    }

    /// Persistent contrastive divergence: as CD-k, but the negative samples are `chains` of their own, which
    /// go on from step to step and so come closer to the model than a few rounds from the data (Tieleman, ICML
    /// 2008; *Deep Learning*, algorithm 18.3). Gives the loss and the new chains, for the plan to keep.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]` or `chains` not `[count, visible]`.
    ///
    /// ```
    /// use autograd::{Graph, Plan};
    /// use nn::Optimiser;
    /// use nn::probabilistic::BoltzmannMachine;
    /// let machine = BoltzmannMachine::new("m", 64, 32);
    /// let graph = Graph::<f32>::new();
    /// let chains = machine.chains(100).declare(&graph);
    /// let (loss, moved) = machine.persistent_divergence(graph.input("v", [20, 64]), chains, 1);
    /// let step = Optimiser::sgd(0.01).minimise(loss, &machine.parameters());
    /// let plan = step.add_to(Plan::builder(&graph).update(chains, moved)).compile();
    /// # let _ = plan;
    /// ```
    #[track_caller]
    pub fn persistent_divergence<'g, T: Real>(
        &self,
        v: Var<'g, T>,
        chains: Var<'g, T>,
        steps: usize,
    ) -> (Var<'g, T>, Var<'g, T>) {
        let moved = self.gibbs(chains, steps, "chains");
        (self.free_energy(v).mean() - self.free_energy(moved).mean(), moved)
    }

    /// `ln Z`, a scalar, by a sum over all states of the hidden layer: exact, for small machines.
    ///
    /// ```text
    /// binary:    Z = Σₕ e^(b·h) Πᵢ (1 + e^((a + W h)ᵢ))
    /// Gaussian:  Z = Σₕ e^(b·h) (2π)^(visible / 2) e^(a·W h + ½|W h|²)
    /// ```
    ///
    /// # Panics
    /// If there are more than 16 hidden units.
    #[track_caller]
    pub fn log_partition<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        assert!(
            self.hidden <= LARGEST_ENUMERATED,
            "the Boltzmann machine `{}` has 2^{} states of hidden units, too many to add up",
            self.name,
            self.hidden
        );
        let bit = |i: usize| if ((i / self.hidden) >> (i % self.hidden)) & 1 == 1 { T::ONE } else { T::ZERO };
        let h = graph.constant(Tensor::from_fn([1 << self.hidden, self.hidden], bit));
        let [_, visible_bias, hidden_bias] = self.declare(graph);
        let logits = self.visible_logits(h);
        let visible = match self.units {
            VisibleUnits::Binary => logits.softplus().sum_over(&[-1]),
            // a·Wh + ½|Wh|² = ½|a + Wh|² - ½|a|²
            VisibleUnits::Gaussian => {
                let half_tau = 0.5 * std::f64::consts::TAU.ln() * self.visible as f64;
                (logits.powi(2).sum_over(&[-1]) - visible_bias.norm_squared()) * 0.5 + half_tau
            }
        };
        ((h * hidden_bias).sum_over(&[-1]) + visible).logsumexp(&[0])
    }

    /// `ln p(v) = -F(v) - ln Z` of each row, `[n]`: exact, for small machines. For Gaussian units, a density.
    ///
    /// # Panics
    /// If `v` is not `[n, visible]`, or there are more than 16 hidden units.
    #[track_caller]
    pub fn log_likelihood<'g, T: Real>(&self, v: Var<'g, T>) -> Var<'g, T> {
        -self.free_energy(v) - self.log_partition(v.graph())
    }
}
