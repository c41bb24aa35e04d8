//! Regularization for deep learning: each technique an operation on a graph, its gradient included.
//!
//! A technique takes variables of an [`autograd`] graph and gives variables back, or drives the plans that
//! run one. So every one of them can be printed, differentiated again, checked against finite differences,
//! replayed from a seed, and fused into one training step with everything else. The book is Goodfellow,
//! Bengio, Courville, *Deep Learning*, chapter 7.
//!
//! | technique | graph shape | source | what is verified | example |
//! |---|---|---|---|---|
//! | [`L2`] | penalty `w -> α/2 ‖w‖²`; proximal step | book 7.1.1 | one step is `(1 - ε α) w - ε g` bit for bit; minimum scaled by `λ/(λ + α)` along Hessian eigenvectors | `weight_decay` |
//! | [`L1`] | penalty `w -> α ‖w‖₁`; proximal step | book 7.1.2 | soft-thresholded minimum of a diagonal quadratic, zeros exact; `sign(0) = 0` | `sparse_weights` |
//! | [`ElasticNet`] | penalty, the sum of both; proximal step | Zou and Hastie 2005 | closed-form minimum of a diagonal quadratic | `elastic_net`; `lab study --only elastic` |
//! | [`GroupLasso`] | penalty `w -> α Σ ‖w_g‖` over rows, columns, channels; proximal step | Yuan and Lin 2006 | minimum `(1 - α/(h ‖w*‖))₊ w*` for Hessian `h I`, whole groups exactly 0 | `sparse_weights` |
//! | [`Orthogonality`] | penalty `W -> α ‖WᵀW - I‖²` and five variants | Bansal et al. 2018 | gradient `4 α W (WᵀW - I)`; descent makes every singular value 1 | `orthogonality`; `lab study --only orthogonal` |
//! | [`DecoupledDecay`] | update transform `u -> u + ε α w` | book 7.1.1; Loshchilov and Hutter 2019 | under gradient descent all orders are one step; AdamW under zero gradient is `(1 - ε α) w`; before batch normalisation only the step's length changes | `decoupled_decay`; `lab study --only decoupled` |
//! | [`L2Ball`], [`L1Ball`], [`MaxNorm`], [`Interval`], [`Simplex`], [`SpectralBall`] | projection `v -> w`; [`Projected`], an update transform | book 7.2 | feasible, idempotent, nonexpansive, nearest; thresholds against bisection, singular values against known ones; derivatives, also of the spectral one with equal singular values | `norm_constraint`, `projections`; `lab study --only ball,interval` |
//! | [`ProjectedGradient`] | protocol: solves a constrained problem | book 7.2 | the minimum on the ball of radius `‖w(α)‖` is `w(α)` with multiplier `α`; KKT residual 0 | `norm_constraint`, `projections` |
//! | [`WeightNorm`] | layer with weights `g v/‖v‖` | Salimans and Kingma 2016 | closed-form gradients, orthogonal to `v` | `reparameterisation` |
//! | [`SpectralNorm`] | layer with weights `W/σ`, `σ` by power iteration | Miyato et al. 2018 | `σ` of matrices with known singular values; gradient `G/σ - ⟨G, W⟩/σ² u vᵀ`; no state moves in evaluation | `reparameterisation` |
//! | [`SoftSharing`] | penalty `β/2 ‖w_A - w_B‖²` | book 7.9 | closed-form minimum of two quadratics; becomes tying as `1/β` | `parameter_sharing` |
//! | [`Tied`], [`sharing::tie`] | expression or layer with one parameter for several | book 7.9 | gradient is the sum of the copies' gradients; trains bit for bit as layers of one name | `parameter_sharing` |
//! | [`sharing::tied_dense`] | kernel to the dense matrix that it is | book 7.9, 9.4 | convolution equals it in value and both gradients, for any stride, padding, dilation | `parameter_sharing` |
//! | [`Affine`](augmentation::Affine), [`Perspective`](augmentation::Perspective), [`Elastic`](augmentation::Elastic), [`Crop`](augmentation::Crop), [`Flip`](augmentation::Flip) | input transform `(images, matrices, corners, displacements or offsets) -> images`, by bilinear sampling | book 7.4; Simard et al. 2003 | both derivatives to the second order; central differences at whole pixels; a small warp is a tangent penalty to second order; whole shifts exact | `augmentations` |
//! | [`Brightness`](augmentation::Brightness), [`Contrast`](augmentation::Contrast), [`Saturation`](augmentation::Saturation), [`Hue`](augmentation::Hue), [`Blur`](augmentation::Blur) | input transform `(images, one number for each) -> images` | book 7.4, 12.2; Smith 1978 | hue by the six cases of HSV, modulo 1; the kink at grey; blur of width 0 | `augmentations` |
//! | [`GaussianNoise`](augmentation::GaussianNoise), [`SaltAndPepper`](augmentation::SaltAndPepper), [`Cutout`](augmentation::Cutout) | input transform `(images, draw) -> images` | book 7.5; DeVries and Taylor 2017 | boxes enumerated, their middle uniform; share of replaced pixels | `augmentations` |
//! | [`Mixup`](augmentation::Mixup), [`CutMix`](augmentation::CutMix) | input transform `(batch, order, shares) -> batch, targets` | Zhang et al. 2018; Yun et al. 2019 | `H(λt + (1-λ)t') = λH(t) + (1-λ)H(t')`; shares against Beta (Kolmogorov-Smirnov) and its closed forms; all orders equally likely; odd batches; share of the actual box | `mixup` |
//! | [`RandAugment`](augmentation::RandAugment), [`AugMix`](augmentation::AugMix), [`jensen_shannon`](augmentation::jensen_shannon) | input transform; objective `J(x) + λ JS(x, x̃₁, x̃₂)` | Cubuk et al. 2020; Hendrycks et al. 2020 | the chosen one exact, all equally likely; Dirichlet weights of any concentration by their Beta shares; divergence by entropies, in `[0, ln k]` | `augmented_training` |
//! | [`LabelContract`](augmentation::LabelContract) | none: looked at before anything is recorded | book 7.4 | half turns and mirrors of digits refused by class, alone and added up; forced, the error on 6 and 9 grows (eight seeds, paired) | `six_and_nine` |
//! | [`multi_task`]: [`FixedWeights`](multi_task::FixedWeights), [`UncertaintyWeights`](multi_task::UncertaintyWeights) | scalar of task losses | book 7.7; Caruana 1997; Kendall et al. 2018 | `eˢ = 2aJ` at the minimum; shuffled extra tasks do not help | `multi_task` |
//! | [`GradNorm`](multi_task::GradNorm), [`PcGrad`](multi_task::PcGrad) | gradients -> weights, or gradients | Chen et al. 2018; Yu et al. 2020 | equal lengths where losses are linear, to within its own step; the algorithm on plain vectors, all orders of three tasks | `multi_task` |
//! | [`sparsity`]: [`ActivationL1`](sparsity::ActivationL1), [`StudentT`](sparsity::StudentT), [`TargetRate`](sparsity::TargetRate) | penalty of activations | book 7.10; Glorot et al. 2011; Olshausen and Field 1996 | definitions; minimum at the target; `ν -> ∞` is L2 | `hidden_sparsity`; `lab study --only Student,target` |
//! | [`KWinners`](sparsity::KWinners) | activation transform `x -> x m(x)` | Makhzani and Frey 2014 | exactly `k` stay, ties included; gradients of the winners only | `hidden_sparsity` |
//! | [`matching_pursuit`](sparsity::matching_pursuit()), [`ista`](sparsity::ista), [`fista`](sparsity::fista), [`SparseCoder`](sparsity::SparseCoder) | `(x, D) -> h`; a protocol | book 7.10; Pati et al. 1993; Beck and Teboulle 2009 | orthonormal atoms: the `k` largest, the soft threshold; normal equations; the duality gap bounds the error | `sparse_codes` |
//! | [`ensemble`]: [`Bagging`](ensemble::Bagging), [`Snapshots`](ensemble::Snapshots), [`Average`](ensemble::Average) | protocols; logits -> distribution | book 7.11; Breiman 1996; Huang et al. 2017 | `v/k + (k - 1)c/k` and the ambiguity identity; all `nⁿ` bootstraps; the same bits for any number of threads | `bagging`, `snapshots`; `lab study --only bagging,snapshots` |
//! | [`Dropout`] | activation transform `(x, mask) -> x`, and a layer that draws the mask | book 7.12; Srivastava et al. 2014 | all `2ⁿ` masks: arithmetic mean (linear), geometric mean (softmax), ridge (least squares); one mask for both passes; replay | `dropout_family` |
//! | [`scale_units`](dropout::scale_units), [`scale_weights`](dropout::scale_weights) | rewrite of a graph: each mask becomes its mean | book 7.12; Hinton et al. 2012 | the training expression becomes the predicting one, bit for bit, of the inverted form the plain network; on weights no unit is scaled, and it is the same up to rounding | `dropout_enumeration` |
//! | [`SubNetworks`] | protocol: every subnetwork, one by one | Warde-Farley et al. 2014 | softmax regression and deep linear networks: rule = geometric mean to 1e-12; against masks set by hand | `dropout_enumeration` |
//! | [`MonteCarlo`] | protocol over [`Mode::Sample`](nn::Mode) | Gal and Ghahramani 2016 | moments of the samples; many samples come to the mean of all subnetworks | `monte_carlo_dropout` |
//! | [`GaussianDropout`](dropout::GaussianDropout) | activation transform `x (1 + σ ν)` | Srivastava et al. 2014, section 10 | mean and variance are those of inverted dropout | `dropout_family` |
//! | [`AlphaDropout`](dropout::AlphaDropout) | activation transform | Klambauer et al. 2017 | mean 0 and variance 1 stay, over masks and two-point inputs | `dropout_family` |
//! | [`SpatialDropout`](dropout::SpatialDropout) | activation transform, a draw for each channel | Tompson et al. 2015 | a channel stays or goes as a whole; without places it is dropout | `dropout_family` |
//! | [`DropBlock`](dropout::DropBlock) | activation transform, squares of a map | Ghiasi et al. 2018 | squares painted by hand; coverage by enumeration; blocks of 1 and of all are the two above | `dropout_family` |
//! | [`DropConnect`](dropout::DropConnect) | a layer at masked weights | Wan et al. 2013 | mean and variance of `v W` over all masks; gradient 0 exactly where a weight is dropped | `dropout_family` |
//! | [`StochasticDepth`](dropout::StochasticDepth) | residual block `x + g f(x)` | Huang et al. 2016 | linear blocks: mean over gates is `Π (I + q A)` | `dropout_family` |
//! | [`ShakeDrop`](dropout::ShakeDrop) | residual block, other noise backward | Yamada et al. 2019 | the factor in both passes, over gates and noise; mean factor `q` | `dropout_family` |
//! | [`VariationalDropout`](dropout::VariationalDropout) | recurrence `f(h μₕ, x μₓ)` | Gal and Ghahramani 2016 | the recurrence by hand; two masks for a sequence in all cells; what is carried over is not masked | `recurrent_dropout` |
//! | [`Zoneout`](dropout::Zoneout) | recurrence `μ h' + (1 - μ) h` | Krueger et al. 2017 | the recurrence by hand; mean over masks is the prediction | `recurrent_dropout` |
//! | [`DropoutMachine`](dropout::DropoutMachine) | energy `F(v; r)` of a smaller Boltzmann machine | Srivastava et al. 2014, section 8 | all states of a 4 by 4 machine, for every mask | `boltzmann_dropout` |
//! | [`GaussianNoise`] | activation transform `x + σ ν` | book 7.5; Bishop 1995 | on inputs of least squares it is weight decay, over all signs, value and gradient | `noise` |
//! | [`WeightNoise`](noise::WeightNoise) | a layer at noisy weights | book 7.5 | linear: a constant; nonlinear: `σ² ‖∇_W y‖²`, rest of order `σ⁴` | `noise` |
//! | [`GradientNoise`](noise::GradientNoise) | update transform | Neelakantan et al. 2015 | steps by hand from the same draws | `noise` |
//! | [`Langevin`] | update transform, noise `√(2 ε τ)` | Welling and Teh 2011 | steps by hand; variance `τ / (λ (1 - ελ/2))` on a quadratic | `langevin` |
//! | [`LabelSmoothing`] | loss, both conventions | book 7.5.1; Szegedy et al. 2016 | gap of the logits at the optimum, `ln((1-ε)(K-1)/ε)` and `ln(((1-ε)K+ε)/ε)` | `label_smoothing` |
//! | [`ConfidencePenalty`] | loss term `-β H(p)` | Pereyra et al. 2017 | gradient `β p (ln p + H)`; its minimum is the uniform distribution | `label_smoothing` |
//! | [`EarlyStopping`] | protocol: sees each epoch | book 7.8, algorithm 7.1 | spectral filter `1 - (1 - ε λ)^τ`; equals L2, exactly for one eigenvalue, with `α ≈ 1/(ε τ)` for small ones; NaN, ties, patience | `early_stopping` |
//! | [`Criterion`] | when to stop: patience, `GL`, `PQ`, `UP` | Prechelt 1998 | against the printed definitions on random curves | `early_stopping` |
//! | [`early_stopping::refit`] | protocol: training on all data | book 7.8, algorithms 7.2 and 7.3 | bit for bit the direct training of as many steps or epochs; target and limit | `early_stopping` |
//! | [`fgsm`], [`FastGradient`] | input transform `(x, ∇ₓ J) -> x` for any norm and a box | book 7.13; Goodfellow et al. 2015 | dual norm attained for any `p`; identity at `ε = 0`; gradients through the perturbation and without | `adversarial_attacks` |
//! | [`Threat`] | projection `(x, v) -> v` onto ball and box together | Duchi et al. 2008 | nearest point, idempotent, nonexpansive; multiplier against bisection, its derivative by differences | `adversarial_attacks` |
//! | [`Pgd`] | input transform, steps unrolled, any loss | Madry et al. 2018; Dong et al. 2018 | best point of ball and box on linear losses; a plain loop step by step; plan equals interpreter | `adversarial_attacks` |
//! | [`Apgd`](adversarial::Apgd), [`Square`](adversarial::Square) | protocol | Croce and Hein 2020, 2021 (sparse, in the one norm, from larger balls if asked); Andriushchenko et al. 2020 | invariants of every attack; checkpoints and shares as printed; the sparse steps against a plain loop; Euclidean windows against the printed formula; masked gradients do not hinder the second | `adversarial_attacks` |
//! | [`DeepFool`](adversarial::DeepFool), [`CarliniWagner`](adversarial::CarliniWagner) | protocol: smallest perturbation | Moosavi-Dezfooli et al. 2016; Carlini and Wagner 2017 | distance to the boundary of an affine network, the first exactly in one step | `adversarial_attacks` |
//! | [`adversarial::diagnose()`] | protocol | Athalye et al. 2018; Carlini et al. 2019 | rounded inputs, saturated logits and noise flagged, an honest network not | `gradient_masking` |
//! | [`adversarial::linearity`], [`adversarial::boundary`] | protocol | Goodfellow et al. 2015 | growth exponents 1 and ½; piecewise linear for rectifiers; straight boundary of a linear network | `linearity` |
//! | [`AdversarialTraining`] | objective `α J(x) + (1 - α) J(x̃)` | Goodfellow et al. 2015, section 6 | on logistic regression `ζ(ε ‖w‖₁ - y (wᵀx + b))`, value and gradient | `adversarial_training` |
//! | [`AttackEvaluator`] | protocol: a data set under any attack | Carlini et al. 2019 | every figure found again by a second look; zero and non-finite gradients counted; worst case monotone; averages over draws | `adversarial_attacks`, `attack_options` |
//! | [`AdversarialTraining`] by [`Pgd`] | objective, attack unrolled | Madry et al. 2018; Wong et al. 2020 (random start) | on linear scores all attacks end in one corner: the closed form; statistics only of what is trained on | `adversarial_training` |
//! | [`OverfittingMonitor`](adversarial::OverfittingMonitor) | protocol: sees each epoch | Wong et al. 2020; Andriushchenko and Flammarion 2020 | collapse caught, bad epochs not; best parameters a copy; accuracies of a linear network exact | `catastrophic_overfitting` |
//! | [`Trades`](adversarial::Trades) | objective `J(x) + β D(p(x)‖p(x'))` | Zhang et al. 2019 | point, value and gradient in closed form for a linear softmax; no label in the inner problem | `adversarial_training` |
//! | [`SmoothedClassifier`](adversarial::SmoothedClassifier) | protocol: noisy copies | Cohen et al. 2019; Clopper and Pearson 1934 | radius of a linear classifier is its distance, for any `σ`; coverage of the limit summed exactly | `certificates` |
//! | [`interval_bounds`](adversarial::interval_bounds), [`margin_bounds`](adversarial::margin_bounds), [`IntervalTraining`](adversarial::IntervalTraining) | expression -> its bounds, or those of its margins; objective | Gowal et al. 2018 | exact for one affine layer; sound and monotone for ten kinds of network; merged margins never looser, exact for affine networks | `certificates` |
//! | [`EntropyMinimisation`](semi_supervised::EntropyMinimisation) | penalty of predictions | Grandvalet and Bengio 2004 | gradient `-p (ln p + H)` | `semi_supervised` |
//! | [`PseudoLabels`](semi_supervised::PseudoLabels) | loss against predicted labels | Lee 2013; Sohn et al. 2020 | gradient `[max p ≥ τ] (p - [ŷ])`; used share counted | `semi_supervised` |
//! | [`Consistency`](semi_supervised::Consistency), [`two_passes`](semi_supervised::two_passes) | two passes with draws of their own | Laine and Aila 2017 | value, both gradients; masks independent, also in the plan | `semi_supervised` |
//! | [`MeanTeacher`](semi_supervised::MeanTeacher) | averaged weights as a state of the plan | Tarvainen and Valpola 2017 | teacher is the closed sum over its students; ramp-up is their mean | `semi_supervised` |
//! | [`VirtualAdversarial`](semi_supervised::VirtualAdversarial) | divergence at the worst small step, by power iteration | Miyato et al. 2016, 2018 | Hessian `W (diag p - p pᵀ) Wᵀ`; the iteration ends at its top eigenvector | `semi_supervised` |
//! | [`propagate_labels`](semi_supervised::propagate_labels) | unrolled iteration on a similarity graph | Zhou et al. 2003 | equals the linear solve | `semi_supervised` |
//! | [`SemiSupervisedTrainer`](semi_supervised::SemiSupervisedTrainer) | protocol: labelled and unlabelled batches | book 7.6 | without unlabelled terms a plain training; reproducible; one plan | `semi_supervised` |
//! | [`unroll`](hyper_gradient::unroll()), [`HyperTuner`] | protocol: `k` steps as one expression, the derivative of the validation loss through them | Maclaurin et al. 2015; Franceschi et al. 2017 | unrolled steps are single ones bit for bit; differences through seven optimisers; carried = one long window | `hyper_gradients` |
//! | [`implicit_hyper_gradient`](hyper_gradient::implicit_hyper_gradient) | derivative at a minimum, conjugate gradients on Hessian products | Bengio 2000; Pedregosa 2016 | ridge regression's closed form to 1e-10; the unrolled form converges to it like `(a k + b) ρᵏ` | `ridge_hyper_gradient` |
//! | [`TunedAffine`](hyper_gradient::TunedAffine), [`TunedBrightness`](hyper_gradient::TunedBrightness), [`TunedContrast`](hyper_gradient::TunedContrast) | input transform of images whose extents are hyper-parameters | book 7.4, 11.4.5 | at equal numbers [`augmentation`]'s own; differences through unrolled steps; labels are asked at the bounds | `tuned_strengths` |
//! | [`TunedSmoothL1`](hyper_gradient::TunedSmoothL1), [`smooth_l1_penalty`] | penalty `α Σ (√(w² + s²) - s)` | pseudo-Huber: Charbonnier et al. 1997 | its formula, between L1 and L1 less `α s` for each weight; differences through steps in which weights pass 0 | `tuned_strengths` |
//! | [`ConcreteDropout`] | activation transform with a relaxed mask | Gal et al. 2017 | cold, it is dropout draw for draw; its mean derivative goes to that of the exact mean | `hyper_gradients` |
//! | [`SharpnessAware`] | rule of gradients `∇J(w + e)`, in front of an optimiser's chain; SAM and ASAM | Foret et al. 2021; Kwon et al. 2021 | closed form on a quadratic; two passes apart give the same; ASAM blind to the scale of layers; statistics of batch normalisation updated once | `sharpness` |
//! | [`largest_curvature`](flatness::largest_curvature) | protocol: power iteration on Hessian-vector products | Pearlmutter 1994 | eigenvalue and eigenvector of a quadratic; residual | `sharpness` |
//! | [`ExponentialAverage`] | update transform with the average as state | Polyak and Juditsky 1992 | geometric sum; the steps unchanged bit for bit; resumed | `weight_averaging` |
//! | [`WeightAverage`] | update transform with the mean as state (SWA) | Izmailov et al. 2018 | arithmetic mean of the chosen steps | `weight_averaging` |
//! | [`estimate_statistics`] | protocol: running statistics for other weights | Izmailov et al. 2018, section 3.2 | means over batches, whatever the update rate | `weight_averaging` |
//! | [`TangentPropagation`] | penalty `(f, x, t) -> Σ ‖∂f/∂x t‖²`; tangents of smooth transformations by [`Transformations`](tangent::Transformations) | book 7.14; Simard et al. 1992 | Jacobian by hand; slopes of the smoothed image; equals small moves and small turns to second order; fewer errors on 10 to 80 digits | `tangent_propagation` |
//! | [`tangent_distance`](tangent::tangent_distance), [`TangentNeighbour`](tangent::TangentNeighbour) | protocol: distance of two examples, one- and two-sided; nearest neighbour | book 7.14; Simard et al. 1992 | residual of least squares; 0 along tangents, symmetric, at most Euclid's | `tangent_distance` |
//! | [`ManifoldTangents`](tangent::ManifoldTangents) | objective: tangent propagation along an [`Atlas`](tangent::Atlas) of local principal directions, or of an encoder's singular vectors | book 7.14; Rifai et al. 2011 | a circle's tangents; singular vectors; nearest chart by definition; two rings | `manifold_tangent_classifier` |
//! | [`DoubleBackpropagation`] | penalty `½ ‖∂J/∂x‖²` | Drucker and LeCun 1992 | closed form for softmax regression | `input_gradients` |
//! | [`InputGradientPenalty`] | penalty `‖∂J/∂x‖₁` or `‖∂J/∂x‖₂` | Ross and Doshi-Velez 2018 | the loss under a fast gradient attack to second order, in both norms | `input_gradients` |
//! | [`GradientPenalty`](tangent::GradientPenalty), [`R1`](tangent::R1) | penalty on a critic's input gradient | Gulrajani et al. 2017; Mescheder et al. 2018 | closed form for a linear critic | `gradient_penalty` |
//! | [`JacobianNorm`] | penalty `½ ‖∂f/∂x‖²` by random projection | Hoffman et al. 2019 | no bias, by enumeration of two distributions | `input_gradients` |
//!
//! Each value is also held to a naive implementation over random shapes, each gradient to
//! [`autograd::check`], each limit (`α = 0`, `p = 0`, `ε = 0`) to the graph without the technique, and each
//! number that a caller gives to a technique to its range: a bad one is a [`RegularizeError`], and so are data that do
//! not fit a network. What is recorded wrongly, shapes that do not go together or a bad number in a function of
//! variables, panics with the operation's name at the caller's line, as everywhere in [`autograd`]. The *bug museum*,
//! `tests/bug_museum/`, plants defects found in other libraries and shows that these properties kill them.
//!
//! ```
//! use nn::data::digits;
//! use nn::{Activation, Mode, Optimiser, Selection, Sequential, Trainer, initialise};
//! use regularize::{
//!     AdversarialTraining, AttackEvaluator, Dropout, EarlyStopping, FastGradient, L2, Penalties,
//! };
//! # fn main() -> Result<(), regularize::RegularizeError> {
//! let [train, validation] = digits::load()?.flattened().split([0.8, 0.2], 1)?;
//! let some = Dropout::new(0.1)?;
//! let model = Sequential::<f32>::new()
//!     .linear(64, 32)
//!     .then(Activation::Relu)
//!     .then_named("dropout", |name| some.named(name))
//!     .linear(32, 10);
//!
//! let attack = FastGradient::new(0.1)?.within(0.0, 1.0)?;
//! let adversarial = AdversarialTraining::new(attack, 0.5, Mode::Evaluate)?;
//! let decay = Penalties::new().with(Selection::weights(), L2::new(1e-4)?);
//! let mut trainer = Trainer::new(&model, Optimiser::adam(0.01)).epochs(4).objective(move |batch| {
//!     let loss = adversarial.objective(batch, |batch| batch.cross_entropy());
//!     decay.added_to(loss, batch.parameters)
//! });
//!
//! let mut parameters = initialise(&model, 1);
//! let mut stopping = EarlyStopping::new(2);
//! trainer.fit_observed(&train, Some(&validation), &mut parameters, &mut stopping)?;
//! let mut best = stopping.finish()?.parameters;
//! let found = &AttackEvaluator::new(&model, attack, 128).curve(&validation, &best, &[0.1])?[0];
//! println!("error {:.1} %, under attack {:.1} %", 100.0 * found.clean_error, 100.0 * found.error);
//! assert!(found.clean_error <= found.error && found.error < 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! The examples are programs: `cargo run --release -p examples --example weight_decay`; and `cargo run --release --
//! study` compares all techniques that train a classifier. Beyond the rows above,
//! `tests/composition.rs` holds five techniques in one plan to what each does alone.
//!
//! # Limits
//!
//! Square attacks are in the norms of their paper, two and infinity. Hyper-gradients reach augmentations by affine
//! warps, brightness, contrast and noise.

pub mod adversarial;
pub mod augmentation;
pub mod averaging;
pub mod constraint;
pub mod dropout;
pub mod early_stopping;
pub mod ensemble;
mod error;
pub mod flatness;
mod host;
pub mod hyper_gradient;
pub mod multi_task;
pub mod noise;
pub mod penalty;
pub mod reparameterisation;
pub mod semi_supervised;
pub mod sharing;
pub mod sparsity;
pub mod tangent;

pub use adversarial::{
    AdversarialTraining, Attack, AttackEvaluator, Attacked, FastGradient, Norm, Perturbation, Pgd,
    Robustness, Threat, fgsm,
};
pub use averaging::{ExponentialAverage, WeightAverage, estimate_statistics};
pub use constraint::{
    Interval, Kkt, L1Ball, L2Ball, MaxNorm, Projected, ProjectedGradient, Projection, Simplex, SolverOutcome,
    SolverReport, SpectralBall, project_onto_l1_ball, project_onto_l2_ball, project_onto_simplex,
    project_onto_spectral_ball,
};
pub use dropout::{Dropout, Form, MonteCarlo, SubNetworks};
pub use early_stopping::{Criterion, EarlyStopping, Measure, Reason, Stopped};
pub use error::RegularizeError;
pub use flatness::SharpnessAware;
pub use hyper_gradient::{ConcreteDropout, HyperTuner, Hyperparameter, TunedL1, TunedL2, TunedNoise};
pub use noise::{ConfidencePenalty, GaussianNoise, LabelSmoothing, Langevin};
pub use penalty::{
    DecoupledDecay, ElasticNet, Gram, GroupLasso, L1, L2, Orthogonality, Penalties, Penalty, ProximalPenalty,
    ProximalStep, effective_parameters, group_lasso_penalty, group_threshold, l1_penalty, l2_penalty,
    orthogonality_penalty, shrink, smooth_l1_penalty, soft_threshold,
};
pub use reparameterisation::{SpectralNorm, WeightNorm};
pub use sharing::{SoftSharing, Tied};
pub use tangent::{DoubleBackpropagation, InputGradientPenalty, JacobianNorm, TangentPropagation};

#[cfg(test)]
mod testing;

/// The example in the workspace's README compiles and does what it says.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
