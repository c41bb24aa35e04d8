//! The notation of all formulas in this workspace, that of Goodfellow, Bengio, Courville, *Deep Learning*
//! (2016), where it has one.
//!
//! | symbol | meaning |
//! |---|---|
//! | `x`, `w`, `h`, `y` | input, weight, hidden value, output |
//! | `J` | loss: the scalar that is minimised |
//! | `x̄` | cotangent of `x`: `∂J/∂x`, what the reverse sweep carries |
//! | `ẋ` | tangent of `x`: its rate of change, what the forward sweep carries |
//! | `ε` | learning rate, or the size of a perturbation |
//! | `α` | coefficient of a penalty |
//! | `[c]` | one where the condition `c` holds, zero elsewhere |
//! | `A B`, `Aᵀ`, `a b` | matrix product, transpose, product element by element |
//! | `⟨u, v⟩` | `Σ uᵢ vᵢ` |
//! | `[m, n]` | a shape: m rows of n elements, the last axis contiguous |
//!
//! Words: *VJP*, vector-Jacobian product, `x̄ = ȳᵀ ∂y/∂x`; *JVP*, Jacobian-vector product,
//! `ẏ = ∂y/∂x ẋ`; *kink*, a point where a function is continuous but not differentiable; *jump*, where it
//! is not continuous; *ulp*, unit in the last place.
