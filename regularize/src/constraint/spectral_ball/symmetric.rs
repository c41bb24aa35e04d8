//! Functions of symmetric matrices whose derivatives are functions of this kind again.
//!
//! | | defined by | derivative along `Ḣ` |
//! |---|---|---|
//! | [`absolute`] | `Y² = H²`, `Y ≥ 0` | `Y Ẏ + Ẏ Y = H Ḣ + Ḣ H` |
//! | [`root`] of `H ≥ 0` | `Y² = H`, `Y ≥ 0` | `Y Ẏ + Ẏ Y = Ḣ` |
//! | [`solve`] with `H ≥ 0`, `D` | `H X + X H = D` | `H Ẋ + Ẋ H = Ḋ - Ḣ X - X Ḣ` |
//!
//! Each right column is an equation that [`solve`] solves: derivatives of every order are expressions of the
//! three. Eigenvectors appear only within the kernels, so it does not matter that they jump where eigenvalues
//! meet. Where two eigenvalues of `H` add up to 0 the equation has no solution or many, and that part of it is
//! 0: the derivative of the absolute value at 0.

use super::decomposition::Decomposition;
use autograd::{Custom, Real, Shape, Var};

/// `|H|`: the eigenvalues without their signs.
pub(super) fn absolute<T: Real>(h: Var<'_, T>) -> Var<'_, T> {
    Var::custom(Function::Absolute, &[symmetrised(h)])
}

/// The square root of `H ≥ 0`.
pub(super) fn root<T: Real>(h: Var<'_, T>) -> Var<'_, T> {
    Var::custom(Function::Root, &[symmetrised(h)])
}

/// The `X` of `H X + X H = D`, for `H ≥ 0`.
pub(super) fn solve<'g, T: Real>(h: Var<'g, T>, d: Var<'g, T>) -> Var<'g, T> {
    Var::custom(Lyapunov, &[symmetrised(h), d])
}

/// Rounding, and checkers that move single entries, may make a matrix unsymmetric.
fn symmetrised<T: Real>(h: Var<'_, T>) -> Var<'_, T> {
    (h + h.transpose()) * 0.5
}

fn square(inputs: &[Shape]) -> Result<Shape, String> {
    let fits = inputs.iter().all(|shape| matches!(shape.lengths(), [rows, columns] if rows == columns));
    if fits && inputs.windows(2).all(|pair| pair[0] == pair[1]) {
        Ok(inputs[0])
    } else {
        Err("it takes square matrices of one size".into())
    }
}

/// `V f(Λ) Vᵀ` of a symmetric matrix.
#[derive(Debug, Clone, Copy)]
enum Function {
    Absolute,
    Root,
}

impl Function {
    /// What the derivative solves for, from a tangent; from a solution, the adjoint of that.
    fn around<'g, T: Real>(self, h: Var<'g, T>, x: Var<'g, T>) -> Var<'g, T> {
        match self {
            Function::Absolute => h.matmul(x) + x.matmul(h),
            Function::Root => x,
        }
    }
}

impl<T: Real> Custom<T> for Function {
    fn name(&self) -> String {
        match self {
            Function::Absolute => "absolute value of a matrix".into(),
            Function::Root => "square root of a matrix".into(),
        }
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        square(inputs)
    }

    /// From the singular values: `H = U Σ Vᵀ` has `HᵀH = V Σ² Vᵀ`, so `|H|` is `V Σ Vᵀ`, whatever the signs.
    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let (h, shape) = inputs[0];
        let Some(found) = Decomposition::of(h, shape) else { return output.fill(T::NAN) };
        let values: Vec<f64> = match self {
            Function::Absolute => found.lengths(),
            Function::Root => found.lengths().into_iter().map(f64::sqrt).collect(),
        };
        let n = shape.last();
        for (at, place) in output.iter_mut().enumerate() {
            let (i, j) = (at / n, at % n);
            // In this order the result is symmetric bit for bit.
            *place = T::from_f64(found.right.iter().zip(&values).map(|(v, y)| y * (v[i] * v[j])).sum());
        }
    }

    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        _: usize,
        cotangent: Var<'g, T>,
    ) -> Option<Var<'g, T>> {
        Some(self.around(inputs[0], solve(output, cotangent)))
    }

    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        tangents: &[Option<Var<'g, T>>],
    ) -> Option<Var<'g, T>> {
        tangents[0].map(|tangent| solve(output, self.around(inputs[0], tangent)))
    }
}

/// The solution of Lyapunov's equation: in the eigenvectors of `H` an entry is divided by the sum of its two
/// eigenvalues. Linear in `D`, and its own adjoint.
#[derive(Debug)]
struct Lyapunov;

impl<T: Real> Custom<T> for Lyapunov {
    fn name(&self) -> String {
        "Lyapunov equation".into()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        square(inputs)
    }

    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        let [(h, shape), (d, _)] = inputs else { unreachable!("two inputs are recorded") };
        let Some(found) = Decomposition::of(h, *shape) else { return output.fill(T::NAN) };
        let (n, values, v) = (shape.last(), found.lengths(), found.right);
        // D V by columns, then (Vᵀ D V)ᵢⱼ over the sum.
        let moved = |j: usize| -> Vec<f64> {
            (0..n).map(|row| (0..n).map(|k| d[row * n + k].to_f64() * v[j][k]).sum()).collect()
        };
        let mut rest = vec![vec![0.0; n]; n];
        for j in 0..n {
            let moved = moved(j);
            for i in 0..n {
                let sum = values[i] + values[j];
                let entry: f64 = v[i].iter().zip(&moved).map(|(v, d)| v * d).sum();
                rest[i][j] = if sum == 0.0 { 0.0 } else { entry / sum };
            }
        }
        let half: Vec<Vec<f64>> = (rest.iter())
            .map(|row| (0..n).map(|column| (0..n).map(|j| row[j] * v[j][column]).sum()).collect())
            .collect();
        for (at, place) in output.iter_mut().enumerate() {
            let (row, column) = (at / n, at % n);
            *place = T::from_f64((0..n).map(|i| v[i][row] * half[i][column]).sum());
        }
    }

    fn vjp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        position: usize,
        cotangent: Var<'g, T>,
    ) -> Option<Var<'g, T>> {
        let adjoint = solve(inputs[0], cotangent);
        Some(match position {
            0 => {
                -(adjoint.matmul_transposed(output, false, true)
                    + output.matmul_transposed(adjoint, true, false))
            }
            _ => adjoint,
        })
    }

    fn jvp<'g>(
        &self,
        inputs: &[Var<'g, T>],
        output: Var<'g, T>,
        tangents: &[Option<Var<'g, T>>],
    ) -> Option<Var<'g, T>> {
        let of_matrix = tangents[0].map(|h| -(h.matmul(output) + output.matmul(h)));
        let right = [tangents[1], of_matrix].into_iter().flatten().reduce(|sum, term| sum + term)?;
        Some(solve(inputs[0], right))
    }
}
