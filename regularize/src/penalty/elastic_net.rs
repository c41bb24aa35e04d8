//! The elastic net: `α₁ ‖w‖₁ + α₂/2 ‖w‖²` (Zou and Hastie, *J. R. Stat. Soc. B* 67, 2005).
//!
//! L1 alone picks one of several features that say the same; with some L2 they share. For a quadratic loss
//! with diagonal Hessian `h` the minimum is `sign(w*) max(h |w*| - α₁, 0) / (h + α₂)`.
//!
//! ```
//! use autograd::{Feed, Graph, Tensor, interpret};
//! use regularize::{ElasticNet, Penalty};
//! let graph = Graph::<f64>::new();
//! let w = graph.input("w", [2]);
//! let value = Tensor::new([2], vec![3.0, -4.0]);
//! let omega = ElasticNet::new(1.0, 2.0)?.value(w);
//! assert_eq!(interpret(&[omega], &[("w", Feed::from(&value))], None)?[0].item(), 7.0 + 25.0);
//! # Ok::<(), regularize::RegularizeError>(())
//! ```

use crate::error::RegularizeError;
use crate::penalty::{L1, L2, Penalty, ProximalPenalty};
use autograd::{Real, Var};

/// The penalty `α₁ ‖w‖₁ + α₂/2 ‖w‖²`. See the [module documentation](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ElasticNet {
    l1: L1,
    l2: L2,
}

impl ElasticNet {
    /// The penalty with the coefficients `α₁` and `α₂`.
    ///
    /// # Errors
    /// If one is negative or not finite.
    pub fn new(l1: f64, l2: f64) -> Result<ElasticNet, RegularizeError> {
        Ok(ElasticNet { l1: L1::new(l1)?, l2: L2::new(l2)? })
    }
}

impl<T: Real> Penalty<T> for ElasticNet {
    fn value<'g>(&self, w: Var<'g, T>) -> Var<'g, T> {
        self.l1.value(w) + self.l2.value(w)
    }

    fn is_zero(&self) -> bool {
        Penalty::<T>::is_zero(&self.l1) && Penalty::<T>::is_zero(&self.l2)
    }
}

impl<T: Real> ProximalPenalty<T> for ElasticNet {
    /// The soft threshold at `t α₁`, then divided by `1 + t α₂`: in this order the two steps are the step of
    /// the sum.
    fn proximal<'g>(&self, v: Var<'g, T>, t: Var<'g, T>) -> Var<'g, T> {
        self.l2.proximal(self.l1.proximal(v, t), t)
    }
}
