//! A defence that hides its gradients, and how it is found out.
//!
//! ```text
//! cargo run --release -p examples --example gradient_masking
//! ```
//!
//! One network, four faces: as it is; behind inputs rounded to eight levels; with logits a thousand times as
//! large; behind random noise. The first two masks blind attacks by gradient, which then look as if nothing could be
//! found; an attack without gradients breaks the network nearly as often as before. Noise blinds that attack
//! instead, and the network withstands gradients a little better, with five times the errors on clean images. The
//! diagnosis flags all masks, and not the honest network.

use autograd::{Shape, Var};
use nn::data::digits;
use nn::{
    Activation, Layer, LayerShapeError, Mode, Optimiser, ParameterSpec, Sequential, Trainer, initialise,
};
use regularize::adversarial::{Diagnostics, Pgd, Square, diagnose};
use regularize::{AttackEvaluator, FastGradient, RegularizeError, Threat};

const SEED: u64 = 1;
const EPSILON: f64 = 0.15;

/// What stands between the attack and the network.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mask {
    None,
    Rounded,
    Saturated,
    Noisy,
}

#[derive(Debug)]
struct Masked<'n> {
    network: &'n Sequential<f32>,
    mask: Mask,
}

impl Layer<f32> for Masked<'_> {
    fn forward<'g>(&self, x: Var<'g, f32>, mode: Mode) -> Var<'g, f32> {
        match self.mask {
            Mask::None => self.network.forward(x, mode),
            Mask::Rounded => {
                // Steps have the derivative 0; x * 0 keeps the result a function of x.
                let steps = (1..8).map(|k| x.greater((f64::from(k) - 0.5) / 8.0)).reduce(|a, b| a + b);
                self.network.forward(steps.expect("seven steps") * 0.125 + x * 0.0, mode)
            }
            Mask::Saturated => self.network.forward(x, mode) * 1000.0,
            Mask::Noisy => self.network.forward(x + x.graph().normal("noise", x.shape()) * 0.2, mode),
        }
    }
    fn parameters(&self) -> Vec<ParameterSpec> {
        self.network.parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, LayerShapeError> {
        self.network.output_shape(input)
    }
}

fn main() -> Result<(), RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], SEED)?;
    let network = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&network, SEED);
    Trainer::new(&network, Optimiser::adam(0.003)).epochs(20).seed(SEED).fit(
        &train,
        None,
        &mut parameters,
    )?;

    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    println!("Wrong test digits in %, budget {EPSILON} in each pixel\n");
    println!("{:<12}{:>8}{:>8}{:>8}{:>14}{:>18}", "mask", "clean", "FGSM", "PGD", "no gradients", "flagged");
    let mut reports = Vec::new();
    for mask in [Mask::None, Mask::Rounded, Mask::Saturated, Mask::Noisy] {
        let model = Masked { network: &network, mask };
        let error = |attack: Box<dyn regularize::Attack<f32>>| -> Result<f64, RegularizeError> {
            let mut evaluator = AttackEvaluator::new(&model, attack, 128).seed(SEED);
            Ok(100.0 * evaluator.attack(&test, &parameters)?.robustness.error)
        };
        let clean = error(Box::new(FastGradient::of(threat.with_epsilon(0.0)?)))?;
        let fast = error(Box::new(FastGradient::of(threat)))?;
        let many = error(Box::new(Pgd::new(threat, 40)?))?;
        let black = error(Box::new(Square::new(threat, 300)?))?;
        let found = diagnose(&model, &parameters, &test, &Diagnostics::new(threat)?)?;
        let flagged = match found.failed().len() {
            0 => "no".to_string(),
            count => format!("by {count} of {} checks", found.findings.len()),
        };
        let name = format!("{mask:?}").to_lowercase();
        println!("{name:<12}{clean:>8.1}{fast:>8.1}{many:>8.1}{black:>14.1}{flagged:>18}");
        reports.push((name, found));
    }
    for (name, found) in reports {
        println!("\nmask: {name}\n{found}");
    }
    Ok(())
}
