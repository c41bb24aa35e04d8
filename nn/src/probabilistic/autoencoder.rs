//! The variational autoencoder.

use crate::layer::{Layer, Mode};
use crate::loss::{Reduction, binary_cross_entropy};
use crate::parameter::{ParameterSpec, merge_parameters};
use autograd::{Real, Var};

/// How the decoder's output `y` is a distribution of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Likelihood {
    /// Each value in [0, 1] is 1 with probability `σ(y)`: `ln p = x ln σ(y) + (1 - x) ln (1 - σ(y))`.
    Bernoulli,
    /// Each value is normal around `y`: `ln p = -(x - y)² / 2s² - ln (s √2π)`.
    Normal {
        /// The standard deviation `s`.
        deviation: f64,
    },
}

impl Likelihood {
    /// `ln p(x)` of each example, `[n]`, for a decoder's output of `x`'s shape `[n, ..]`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn log_likelihood<'g, T: Real>(self, output: Var<'g, T>, x: Var<'g, T>) -> Var<'g, T> {
        assert!(
            output.shape() == x.shape(),
            "the likelihood of data of shape {} from a decoder's output of shape {}",
            x.shape(),
            output.shape()
        );
        let each = match self {
            Likelihood::Bernoulli => -binary_cross_entropy(output, x, Reduction::Each),
            Likelihood::Normal { deviation } => {
                let constant = (deviation * std::f64::consts::TAU.sqrt()).ln();
                (x - output).powi(2) * (-0.5 / (deviation * deviation)) - constant
            }
        };
        each.flatten(1).sum_over(&[-1])
    }

    /// The mean of the data for a decoder's output.
    pub fn mean<'g, T: Real>(self, output: Var<'g, T>) -> Var<'g, T> {
        match self {
            Likelihood::Bernoulli => output.sigmoid(),
            Likelihood::Normal { .. } => output,
        }
    }
}

/// Independent normal variables: what an encoder says of a code.
#[derive(Debug, Clone, Copy)]
pub struct DiagonalNormal<'g, T: Real> {
    /// Their means, `[n, d]`.
    pub mean: Var<'g, T>,
    /// The logarithms of their variances, `[n, d]`: any number is one.
    pub log_variance: Var<'g, T>,
}

impl<'g, T: Real> DiagonalNormal<'g, T> {
    /// `z = μ + σ ε` from a draw `ε` of standard normal numbers: a function of the parameters that can be
    /// differentiated, with all randomness in `ε` (the reparameterisation trick; Kingma and Welling, ICLR
    /// 2014; *Deep Learning*, section 20.9).
    #[track_caller]
    pub fn at(self, noise: Var<'g, T>) -> Var<'g, T> {
        self.mean + (self.log_variance * 0.5).exp() * noise
    }

    /// The Kullback-Leibler divergence from the standard normal distribution, `½ Σ (μ² + σ² - 1 - ln σ²)`
    /// over the last axis: `[n]` (Kingma and Welling, 2014, appendix B).
    #[track_caller]
    pub fn divergence(self) -> Var<'g, T> {
        let each = self.mean.powi(2) + self.log_variance.exp() - 1.0 - self.log_variance;
        each.sum_over(&[-1]) * 0.5
    }
}

/// The two parts of the bound, for each example.
#[derive(Debug, Clone, Copy)]
pub struct LowerBound<'g, T: Real> {
    /// `ln p(x | z)`, `[n]`.
    pub log_likelihood: Var<'g, T>,
    /// `KL(q(z | x) ‖ p(z))`, `[n]`.
    pub divergence: Var<'g, T>,
}

impl<'g, T: Real> LowerBound<'g, T> {
    /// `ln p(x | z) - KL`, `[n]`: in the mean over draws at most `ln p(x)`.
    #[track_caller]
    pub fn value(self) -> Var<'g, T> {
        self.log_likelihood - self.divergence
    }
}

/// A code `z` that is standard normal, a decoder `p(x | z)`, and an encoder `q(z | x)` that approximates the
/// posterior (Kingma and Welling, ICLR 2014; *Deep Learning*, section 20.10.3).
///
/// Trained by raising the evidence lower bound `E_q[ln p(x | z)] - KL(q(z | x) ‖ p(z)) <= ln p(x)`. The
/// expectation is estimated by one draw for each example, from the stream `NAME.noise`; the divergence is
/// exact.
///
/// Encoder and decoder are any layers: the encoder gives `[n, 2 · latent]`, means and then logarithms of
/// variances; the decoder takes `[n, latent]` and gives the data's shape.
///
/// ```
/// use autograd::Graph;
/// use nn::probabilistic::{Likelihood, VariationalAutoencoder};
/// use nn::{Activation, Mode, Optimiser, Sequential};
/// let encoder = Sequential::<f32>::with_prefix("encoder").linear(64, 32).then(Activation::Relu).linear(32, 4);
/// let decoder = Sequential::<f32>::with_prefix("decoder").linear(2, 32).then(Activation::Relu).linear(32, 64);
/// let model = VariationalAutoencoder::new("model", encoder, decoder, 2, Likelihood::Bernoulli);
/// let graph = Graph::new();
/// let loss = -model.lower_bound(graph.input("x", [20, 64]), Mode::Train).value().mean();
/// let step = Optimiser::adam(0.001).minimise(loss, &model.parameters());
/// assert_eq!(model.decode(graph.normal("codes", [5, 2]), Mode::Evaluate).shape().lengths(), [5, 64]);
/// # let _ = step;
/// ```
#[derive(Debug)]
pub struct VariationalAutoencoder<T: Real> {
    name: String,
    encoder: Box<dyn Layer<T>>,
    decoder: Box<dyn Layer<T>>,
    latent: usize,
    likelihood: Likelihood,
}

impl<T: Real> VariationalAutoencoder<T> {
    /// A model with codes of `latent` numbers.
    pub fn new(
        name: &str,
        encoder: impl Layer<T> + 'static,
        decoder: impl Layer<T> + 'static,
        latent: usize,
        likelihood: Likelihood,
    ) -> VariationalAutoencoder<T> {
        let (encoder, decoder) = (Box::new(encoder), Box::new(decoder));
        VariationalAutoencoder { name: name.into(), encoder, decoder, latent, likelihood }
    }

    /// The encoder's and the decoder's parameters.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        merge_parameters([self.encoder.parameters(), self.decoder.parameters()])
    }

    /// What the encoder says of the codes of `x [n, ..]`.
    ///
    /// # Panics
    /// If the encoder does not give `[n, 2 · latent]`.
    #[track_caller]
    pub fn encode<'g>(&self, x: Var<'g, T>, mode: Mode) -> DiagonalNormal<'g, T> {
        let both = self.encoder.forward(x, mode);
        let latent = self.latent;
        assert!(
            both.shape().rank() == 2 && both.shape()[1] == 2 * latent,
            "the encoder of `{}` gives {}, not [n, {}]: {latent} means and {latent} log-variances",
            self.name,
            both.shape(),
            2 * latent
        );
        DiagonalNormal { mean: both.slice(1, 0, latent), log_variance: both.slice(1, latent, 2 * latent) }
    }

    /// The mean of the data that codes `z [n, latent]` stand for. Of standard normal codes, a sample of the
    /// model; of an encoder's means, a reconstruction.
    #[track_caller]
    pub fn decode<'g>(&self, z: Var<'g, T>, mode: Mode) -> Var<'g, T> {
        self.likelihood.mean(self.decoder.forward(z, mode))
    }

    /// The bound for `x [n, ..]`, with the draw of the stream `NAME.noise`, whatever the mode: without a draw
    /// it would be no bound.
    ///
    /// # Panics
    /// If encoder or decoder do not fit.
    #[track_caller]
    pub fn lower_bound<'g>(&self, x: Var<'g, T>, mode: Mode) -> LowerBound<'g, T> {
        let noise = x.graph().normal(&format!("{}.noise", self.name), [x.shape()[0], self.latent]);
        self.lower_bound_at(x, noise, mode)
    }

    /// The bound for a given draw `noise [n, latent]`: a pure function of `x`, draw and parameters.
    ///
    /// # Panics
    /// If encoder or decoder do not fit.
    #[track_caller]
    pub fn lower_bound_at<'g>(&self, x: Var<'g, T>, noise: Var<'g, T>, mode: Mode) -> LowerBound<'g, T> {
        let code = self.encode(x, mode);
        let output = self.decoder.forward(code.at(noise), mode);
        LowerBound {
            log_likelihood: self.likelihood.log_likelihood(output, x),
            divergence: code.divergence(),
        }
    }
}
