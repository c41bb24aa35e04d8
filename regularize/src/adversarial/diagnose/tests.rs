use super::*;
use autograd::{Shape, Var};
use nn::data::digits;
use nn::{Activation, Optimiser, Sequential, Trainer, initialise};

/// A network behind a mask.
#[derive(Debug)]
struct Masked {
    inner: Sequential<f32>,
    mask: Mask,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mask {
    /// Inputs rounded to eight levels: a derivative of 0.
    Rounded,
    /// Logits a thousand times as large: cross-entropy rounds to 0, and so does its derivative.
    Saturated,
    /// Noise on the inputs.
    Noisy,
    /// Nothing.
    Honest,
}

impl Layer<f32> for Masked {
    fn forward<'g>(&self, x: Var<'g, f32>, mode: Mode) -> Var<'g, f32> {
        match self.mask {
            Mask::Rounded => {
                let steps = (1..8).map(|k| x.greater(f64::from(k) / 8.0 - 1.0 / 16.0)).reduce(|a, b| a + b);
                self.inner.forward(steps.expect("seven steps") * 0.125 + x * 0.0, mode)
            }
            Mask::Saturated => self.inner.forward(x, mode) * 1000.0,
            Mask::Noisy => self.inner.forward(x + x.graph().normal("noise", x.shape()) * 0.2, mode),
            Mask::Honest => self.inner.forward(x, mode),
        }
    }
    fn parameters(&self) -> Vec<nn::ParameterSpec> {
        self.inner.parameters()
    }
    fn output_shape(&self, input: Shape) -> Result<Shape, nn::LayerShapeError> {
        self.inner.output_shape(input)
    }
}

fn diagnosed(mask: Mask) -> Diagnosis {
    let [train, test] = digits::load().unwrap().flattened().split([0.9, 0.1], 1).unwrap();
    let inner = Sequential::<f32>::mlp(&[64, 32, 10], Activation::Relu);
    let mut parameters = initialise(&inner, 1);
    Trainer::new(&inner, Optimiser::adam(0.005)).epochs(5).fit(&train, None, &mut parameters).unwrap();
    let how = Diagnostics::new(Threat::infinity(0.15).unwrap().within(0.0, 1.0).unwrap()).unwrap();
    let how = Diagnostics { steps: 20, queries: 150, ..how };
    diagnose(&Masked { inner, mask }, &parameters, &test, &how).unwrap()
}

#[test]
fn an_honest_network_is_not_flagged() {
    let found = diagnosed(Mask::Honest);
    assert!(!found.is_suspicious(), "{found}");
    assert_eq!(found.findings.len(), 7);
    // Half of the box, and nine of ten digits are others.
    let large = found.findings.iter().find(|finding| finding.check == Check::LargeBudgetToChance).unwrap();
    assert!(
        large.seen.starts_with("a budget of 0.5 breaks") && large.seen.ends_with("chance is 90.0 %"),
        "{found}"
    );
}

#[test]
fn rounded_inputs_are_flagged() {
    let failed = diagnosed(Mask::Rounded).failed();
    for check in [Check::ZeroGradients, Check::BlackBelowWhite, Check::LargeBudgetToChance] {
        assert!(failed.contains(&check), "{failed:?}");
    }
}

#[test]
fn saturated_logits_are_flagged() {
    let found = diagnosed(Mask::Saturated);
    assert!(found.failed().contains(&Check::ZeroGradients), "{found}");
    assert!(found.failed().contains(&Check::BlackBelowWhite), "{found}");
}

#[test]
fn a_network_that_draws_is_flagged() {
    assert!(diagnosed(Mask::Noisy).failed().contains(&Check::Deterministic));
}

#[test]
fn what_it_needs_is_said() {
    for threat in [
        Threat::two(1.0).unwrap().within(0.0, 1.0).unwrap(),
        Threat::infinity(0.1).unwrap(),
        Threat::infinity(0.0).unwrap().within(0.0, 1.0).unwrap(),
    ] {
        let error = Diagnostics::new(threat).unwrap_err().to_string();
        assert_eq!(error, "a diagnosis needs the infinity norm, a box and a budget above 0");
    }
}
