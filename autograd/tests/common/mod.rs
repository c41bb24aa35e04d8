//! Random graphs for the tests that hold one evaluator to another.

use autograd::{Feed, Graph, IndexVar, Real, Tensor, Var, Window, grad_or_zero};

/// One operation of a random graph: a kind and choices, taken modulo what is possible at that point.
pub type Choice = (u8, u16, u16, u16);

/// A graph recorded from choices, with what it takes to run it.
pub struct Recorded<'g, T: Real> {
    /// Real results of every kind of node.
    pub outputs: Vec<Var<'g, T>>,
    /// New values of the parameters `w` and `v`.
    pub updates: Vec<(Var<'g, T>, Var<'g, T>)>,
    /// The integer result.
    pub index_output: IndexVar<'g, T>,
}

/// Values to feed a random graph: `x` of `[rows, columns]`, `labels` of `[rows]`, the scalar `s`.
pub struct Feeds<T: Real> {
    x: Tensor<T>,
    labels: Tensor<u32>,
}

/// A small deterministic number for place `i`: mixed signs, ties, zeros.
fn small(i: usize) -> f64 {
    [0.5, -1.25, 0.0, 2.0, 0.5, -0.75, 1.0, -2.0, 0.25, 1.5, -0.5][i * 7 % 11]
}

impl<T: Real> Feeds<T> {
    pub fn new(rows: usize, columns: usize) -> Feeds<T> {
        Feeds {
            x: Tensor::from_fn([rows, columns], |i| T::from_f64(small(i))),
            labels: Tensor::from_fn([rows], |i| (i * 5 % columns.max(1)) as u32),
        }
    }

    pub fn list(&self) -> [(&str, Feed<'_, T>); 3] {
        [("x", Feed::from(&self.x)), ("labels", Feed::from(&self.labels)), ("s", Feed::from(0.125))]
    }
}

/// Parameters of a random graph: `w` of `[columns, columns]`, `v` of `[columns]`.
pub fn parameters<T: Real>(columns: usize) -> autograd::Parameters<T> {
    let of = |i: usize| T::from_f64(small(i + 3) / 4.0);
    [("w", Tensor::from_fn([columns, columns], of)), ("v", Tensor::from_fn([columns], of))]
        .into_iter()
        .collect()
}

/// Records a graph: the choices' operations on a growing pool of `[rows, columns]` values, then a loss of
/// the last few, its gradient, and updates from it.
pub fn record<'g, T: Real>(
    graph: &'g Graph<T>,
    rows: usize,
    columns: usize,
    choices: &[Choice],
) -> Recorded<'g, T> {
    let x = graph.input("x", [rows, columns]);
    let labels = graph.indices("labels", [rows]);
    let s = graph.scalar("s");
    let w = graph.parameter("w", [columns, columns]);
    let v = graph.parameter("v", [columns]);
    let mut pool = vec![x, x + v, x * s];
    for (position, &(kind, i, j, k)) in choices.iter().enumerate() {
        let pick = |n: u16| pool[n as usize % pool.len()];
        let (a, b, c) = (pick(i), pick(j), pick(k));
        let stream = format!("stream {}", k % 4);
        pool.push(
            match kind % 36 {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => a / (b.abs() + 1.0),
                4 => a.maximum(b),
                5 => a.minimum(b),
                6 => a.greater(b).select(b, c),
                7 => a.tanh(),
                8 => a.sigmoid(),
                9 => a.relu(),
                10 => (a.tanh() * 2.0).exp(),
                11 => a.abs().sqrt(),
                12 => (a.abs() + 0.5).ln(),
                13 => a.sin() * b.cos(),
                14 => a.erf(),
                15 => a.powi(i32::from(k % 4)),
                16 => a * 1.0 + -0.0,
                17 => -(-a),
                18 => a.tanh().matmul(w),
                19 => a.tanh().matmul_transposed(w, false, true),
                20 => a.tanh().transpose().matmul(b.sigmoid()).sum_over(&[0]).broadcast_to([rows, columns]),
                21 => a + v * b,
                22 => a - a.mean_keep(&[1]),
                23 => a * b.mean_keep(&[0]),
                24 => a + b.sum() * 0.01,
                25 => {
                    if columns > 0 {
                        a - b.max_keep(&[1])
                    } else {
                        a
                    }
                }
                26 => {
                    if columns > 0 {
                        a.log_softmax()
                    } else {
                        a
                    }
                }
                27 => a.flip(&[isize::from(k % 2 == 0)]),
                28 => {
                    if rows > 1 {
                        Var::concat(&[a.slice(0, 1, rows), b.slice(0, 0, 1)], 0)
                    } else {
                        a
                    }
                }
                29 => {
                    if columns > 1 {
                        a.slice(1, 1, columns).pad(1, 0, 1)
                    } else {
                        a
                    }
                }
                30 => {
                    if rows > 0 {
                        a.gather(labels_below(labels, rows, columns, graph))
                    } else {
                        a
                    }
                }
                31 => labels.one_hot(columns) * a,
                32 => a * graph.uniform(&stream, [rows, columns]).less(0.5),
                33 => a + graph.normal(&stream, [rows, columns]) * 0.1,
                34 if rows == 0 => a,
                34 => a
                    .reshape([1, 1, rows, columns])
                    .unfold(Window { padding: [1, 1], ..Window::new([3, 3]) })
                    .reshape([9, rows, columns])
                    .sum_over(&[0]),
                _ => a.detach() * b.reshape([columns, rows]).transpose(),
            }
            .named(&format!("choice {position}")),
        );
    }
    let last: Vec<_> = pool.iter().rev().take(3).copied().collect();
    let loss = last.iter().fold(s * 0.0, |loss, y| loss + (y.tanh() * *y).mean());
    let gradients = grad_or_zero(loss, &[x, w, v]);
    let momentum = gradients[1] * 0.9 + w * 0.01;
    let updates = vec![(w, w - s * momentum), (v, (v - s * gradients[2]).tanh() + w.sum() * 0.001)];
    let mut outputs = last;
    outputs.extend([loss, gradients[0], x, v, w * 2.0]);
    Recorded { outputs, updates, index_output: (pool[pool.len() - 1] * 2.0).argmax() }
}

/// The labels as indices of rows: they are below `columns`, so they are reduced where rows are fewer.
fn labels_below<'g, T: Real>(
    labels: IndexVar<'g, T>,
    rows: usize,
    columns: usize,
    graph: &'g Graph<T>,
) -> IndexVar<'g, T> {
    if rows >= columns {
        labels
    } else {
        graph.index_constant(Tensor::from_fn([rows], |i| (rows - 1 - i) as u32))
    }
}

/// Equal bit for bit; any NaN equals any NaN, since the sign of a NaN depends on the order of operands that
/// the compiler chooses.
pub fn same_bits<T: Real>(a: &[T], b: &[T]) -> bool {
    let same = |a: T, b: T| a.bits() == b.bits() || (a.is_nan() && b.is_nan());
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same(a, b))
}
