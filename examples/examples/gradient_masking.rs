//! A defence that hides its gradients, and how it is found out.
//!
//! ```text
//! cargo run --release -p examples --example gradient_masking
//! ```
//!
//! One network, four faces: as it is; behind inputs rounded to eight levels; with logits a thousand times as
//! large; behind random noise. The first two masks blind attacks by gradient, which then look as if nothing
//! could be found; an attack without gradients breaks the network as often as before behind large logits, and
//! for eight digits in ten behind rounded inputs. Noise blinds that attack instead, and the network
//! withstands gradients a little better, with nearly four times the errors on clean images. The diagnosis
//! flags all masks, and not the honest network, in each of six trainings.

use autograd::{Shape, Var};
use nn::data::digits;
use nn::{
    Activation, Layer, LayerShapeError, Mode, Optimiser, ParameterSpec, Sequential, Trainer, initialise,
};
use regularize::adversarial::{Diagnosis, Diagnostics, Pgd, Square, diagnose};
use regularize::{AttackEvaluator, FastGradient, RegularizeError, Threat};

#[path = "../src/mean.rs"]
mod mean;

use mean::Mean;

const SEEDS: u64 = 6;
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

const MASKS: [Mask; 4] = [Mask::None, Mask::Rounded, Mask::Saturated, Mask::Noisy];

/// What one network came to behind one mask.
struct Outcome {
    /// Errors in per cent: clean, by one step, by many, without gradients.
    errors: [f64; 4],
    diagnosis: Diagnosis,
}

fn outcomes(seed: u64) -> Result<Vec<Outcome>, RegularizeError> {
    let [train, test] = digits::load()?.flattened().split([0.8, 0.2], seed)?;
    let network = Sequential::<f32>::mlp(&[64, 64, 10], Activation::Relu);
    let mut parameters = initialise(&network, seed);
    Trainer::new(&network, Optimiser::adam(0.003)).epochs(20).seed(seed).fit(
        &train,
        None,
        &mut parameters,
    )?;
    let threat = Threat::infinity(EPSILON)?.within(0.0, 1.0)?;
    let one = |mask| {
        let model = Masked { network: &network, mask };
        let error = |attack: Box<dyn regularize::Attack<f32>>| -> Result<f64, RegularizeError> {
            let mut evaluator = AttackEvaluator::new(&model, attack, 128).seed(seed);
            Ok(100.0 * evaluator.attack(&test, &parameters)?.robustness.error)
        };
        let errors = [
            error(Box::new(FastGradient::of(threat.with_epsilon(0.0)?)))?,
            error(Box::new(FastGradient::of(threat)))?,
            error(Box::new(Pgd::new(threat, 40)?))?,
            error(Box::new(Square::new(threat, 300)?))?,
        ];
        let diagnostics = Diagnostics { seed, ..Diagnostics::new(threat)? };
        Ok(Outcome { errors, diagnosis: diagnose(&model, &parameters, &test, &diagnostics)? })
    };
    MASKS.into_iter().map(one).collect()
}

fn main() -> Result<(), RegularizeError> {
    let all = (1..=SEEDS).map(outcomes).collect::<Result<Vec<_>, _>>()?;
    println!("Wrong test digits in %, budget {EPSILON} in each pixel; {SEEDS} seeds, ± standard error\n");
    println!(
        "{:<11}{:>12}{:>13}{:>13}{:>15}{:>15}",
        "mask", "clean", "FGSM", "PGD", "no gradients", "flagged"
    );
    let name = |mask: Mask| format!("{mask:?}").to_lowercase();
    for (at, mask) in MASKS.into_iter().enumerate() {
        let [clean, fast, many, black] =
            [0, 1, 2, 3].map(|column: usize| Mean::of(all.iter().map(|found| found[at].errors[column])));
        let flagged = all.iter().filter(|found| found[at].diagnosis.is_suspicious()).count();
        let flagged = format!("{flagged} of {SEEDS}");
        println!("{:<11}{clean:>12.1}{fast:>13.1}{many:>13.1}{black:>15.1}{flagged:>15}", name(mask));
    }
    println!("\nThe diagnoses of the first seed:");
    for (mask, outcome) in MASKS.into_iter().zip(&all[0]) {
        print!("\nmask: {}\n{}", name(mask), outcome.diagnosis);
    }
    Ok(())
}
