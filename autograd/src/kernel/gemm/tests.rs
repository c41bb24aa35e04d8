//! Every backend and level against the definition in `f64`.
//!
//! The bound is the one that holds for any order of summation, with or without fused steps (N. J. Higham,
//! *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.5): componentwise,
//! `|fl(C) - C| <= gamma_k |A| |B|`, `gamma_k = k u / (1 - k u)`; alpha, beta and the last addition are
//! three more roundings.

use super::*;
use crate::kernel::philox::Stream;
use proptest::prelude::*;

const BACKENDS: [Backend; 3] = [Backend::Blocked, Backend::MatrixMultiply, Backend::Reference];

/// The axes of a matrix in memory.
#[derive(Debug, Clone, Copy)]
enum Order {
    RowMajor,
    ColumnMajor,
    /// Both strides above one.
    Spaced,
    /// All rows are one (only for what is read).
    RowsRepeat,
    /// All columns are one (only for what is read).
    ColsRepeat,
}

impl Order {
    fn layout(self, rows: usize, cols: usize) -> Layout {
        let layout = |row_stride, col_stride| Layout { rows, cols, row_stride, col_stride };
        match self {
            Order::RowMajor => layout(cols, 1),
            Order::ColumnMajor => layout(1, rows),
            Order::Spaced => layout(2 * cols + 1, 2),
            Order::RowsRepeat => layout(0, 1),
            Order::ColsRepeat => layout(1, 0),
        }
    }
}

/// One product with everything that can vary.
#[derive(Debug, Clone)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    batch: usize,
    a: Order,
    b: Order,
    c: Order,
    repeat_a: bool,
    alpha: f64,
    beta: f64,
}

impl Case {
    fn plain(m: usize, n: usize, k: usize) -> Case {
        let row_major = Order::RowMajor;
        Case {
            m,
            n,
            k,
            batch: 1,
            a: row_major,
            b: row_major,
            c: row_major,
            repeat_a: false,
            alpha: 1.0,
            beta: 0.0,
        }
    }
}

/// Elements before the first and after the last matrix, and between matrices.
const MARGIN: usize = 3;

/// A slice for `batch` matrices of `layout` with a margin, and the distance of matrices.
fn storage(layout: Layout, batch: usize) -> (usize, usize) {
    let one = (layout.rows * layout.row_stride + layout.cols * layout.col_stride).max(1) + MARGIN;
    (MARGIN + one * batch.max(1), one)
}

fn random<T: Real>(count: usize, name: u64) -> Vec<T> {
    let mut values = vec![T::ZERO; count];
    Stream::new(11, name, 0).fill_normal(0, &mut values);
    values
}

/// Runs `case` and holds each element to the bound, what lies between the elements of C to being untouched.
fn check<T: Real>(case: &Case, backend: Backend, level: Level) {
    let &Case { m, n, k, batch, alpha, beta, .. } = case;
    let (layout_a, layout_b, layout_c) = (case.a.layout(m, k), case.b.layout(k, n), case.c.layout(m, n));
    let ((size_a, stride_a), (size_b, stride_b), (size_c, stride_c)) =
        (storage(layout_a, batch), storage(layout_b, batch), storage(layout_c, batch));
    let stride_a = if case.repeat_a { 0 } else { stride_a };
    let (a, b) = (random::<T>(size_a, 1), random::<T>(size_b, 2));
    let before: Vec<T> = if beta == 0.0 { vec![T::NAN; size_c] } else { random::<T>(size_c, 3) };
    let mut after = before.clone();
    gemm_with(
        backend,
        level,
        T::from_f64(alpha),
        MatrixRef::batch(&a[MARGIN..], layout_a, batch, stride_a),
        MatrixRef::batch(&b[MARGIN..], layout_b, batch, stride_b),
        T::from_f64(beta),
        MatrixMut::batch(&mut after[MARGIN..], layout_c, batch, stride_c),
    );
    let unit = T::EPSILON.to_f64() / 2.0;
    let gamma = |k: usize| k as f64 * unit / (1.0 - k as f64 * unit);
    let mut written = vec![false; size_c];
    for matrix in 0..batch {
        for i in 0..m {
            for j in 0..n {
                let (mut sum, mut magnitude) = (0.0, 0.0);
                for p in 0..k {
                    let at_a = MARGIN + matrix * stride_a + i * layout_a.row_stride + p * layout_a.col_stride;
                    let at_b = MARGIN + matrix * stride_b + p * layout_b.row_stride + j * layout_b.col_stride;
                    let product = a[at_a].to_f64() * b[at_b].to_f64();
                    sum += product;
                    magnitude += product.abs();
                }
                let at = MARGIN + matrix * stride_c + i * layout_c.row_stride + j * layout_c.col_stride;
                written[at] = true;
                let old = if beta == 0.0 { 0.0 } else { beta * before[at].to_f64() };
                let want = alpha * sum + old;
                // Alpha and beta are themselves rounded to T: one more each. The reference in f64 has the
                // same bound when T is f64: twice.
                let bound = 2.0 * gamma(k + 5) * (alpha.abs() * magnitude + old.abs());
                let error = (after[at].to_f64() - want).abs();
                assert!(error <= bound, "({matrix}, {i}, {j}): {} instead of {want} in {case:?}", after[at]);
            }
        }
    }
    for (at, written) in written.iter().enumerate() {
        assert!(*written || after[at].bits() == before[at].bits(), "{at} was written in {case:?}");
    }
}

fn check_everywhere(case: &Case) {
    for backend in BACKENDS {
        for level in Level::available() {
            check::<f32>(case, backend, level);
            check::<f64>(case, backend, level);
        }
    }
}

/// Zero, one, primes, and one less and more than the sizes of register tiles.
fn size() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![
        0, 1, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 27, 28, 29, 31, 32, 33, 47, 64, 65,
    ])
}

fn order() -> impl Strategy<Value = Order> {
    use Order::{ColsRepeat, ColumnMajor, RowMajor, RowsRepeat, Spaced};
    prop::sample::select(vec![RowMajor, RowMajor, ColumnMajor, ColumnMajor, Spaced, RowsRepeat, ColsRepeat])
}

fn case() -> impl Strategy<Value = Case> {
    let orders =
        (order(), order(), prop::sample::select(vec![Order::RowMajor, Order::ColumnMajor, Order::Spaced]));
    let factors = (
        prop::sample::select(vec![1.0, 1.0, 0.7, -2.0, 0.0]),
        prop::sample::select(vec![0.0, 0.0, 1.0, 1.0, 1.3, -0.5]),
    );
    let batch = (prop::sample::select(vec![0, 1, 1, 1, 2, 3]), any::<bool>());
    ((size(), size(), size()), batch, orders, factors).prop_map(|((m, n, k), batch, orders, factors)| Case {
        m,
        n,
        k,
        batch: batch.0,
        repeat_a: batch.1,
        a: orders.0,
        b: orders.1,
        c: orders.2,
        alpha: factors.0,
        beta: factors.1,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]
    #[test]
    fn every_backend_is_within_the_bound(case in case()) {
        check_everywhere(&case);
    }
}

/// Shapes of a layer: more than one block of every loop, and the parallel path.
#[test]
fn large_shapes_are_within_the_bound() {
    for (m, n, k) in
        [(130, 515, 33), (65, 70, 1030), (515, 130, 20), (1, 700, 900), (700, 1, 300), (3, 2000, 2)]
    {
        for (a, b, c) in [
            (Order::RowMajor, Order::RowMajor, Order::RowMajor),
            (Order::ColumnMajor, Order::RowMajor, Order::RowMajor),
            (Order::RowMajor, Order::ColumnMajor, Order::ColumnMajor),
        ] {
            let case = Case { a, b, c, beta: 1.0, ..Case::plain(m, n, k) };
            for level in Level::available() {
                check::<f32>(&case, BACKENDS[0], level);
            }
        }
    }
}

/// Small integers are exact in any order of summation, so the result has no tolerance.
#[test]
fn integers_are_exact() {
    for (m, n, k) in [(17, 33, 9), (64, 64, 64), (130, 40, 260)] {
        let a: Vec<f32> = (0..m * k).map(|i| (i % 17) as f32 - 8.0).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i % 13) as f32 - 6.0).collect();
        let mut want = vec![0.0f32; m * n];
        for (i, j, p) in (0..m * n * k).map(|x| (x / (n * k), x / k % n, x % k)) {
            want[i * n + j] += a[i * k + p] * b[p * n + j];
        }
        for backend in BACKENDS {
            for level in Level::available() {
                let mut c = vec![f32::NAN; m * n];
                let c_view = MatrixMut::new(&mut c, Layout::row_major(m, n));
                let (a, b) = (
                    MatrixRef::new(&a, Layout::row_major(m, k)),
                    MatrixRef::new(&b, Layout::row_major(k, n)),
                );
                gemm_with(backend, level, 1.0, a, b, 0.0, c_view);
                assert_eq!(c, want, "{backend:?} {}", level.name());
            }
        }
    }
}

/// 0 NaN = NaN and 0 inf = NaN: zeros are not skipped. Only the row of A and column of B that hold the
/// value are touched.
#[test]
fn not_a_number_propagates() {
    let (m, n, k) = (20, 37, 19);
    for bad in [f32::NAN, f32::INFINITY] {
        for backend in BACKENDS {
            for level in Level::available() {
                let (mut a, mut b) = (vec![0.0f32; m * k], vec![0.0f32; k * n]);
                a[7 * k + 5] = bad;
                b[3 * n + 30] = bad;
                let mut c = vec![0.0f32; m * n];
                let c_view = MatrixMut::new(&mut c, Layout::row_major(m, n));
                let (a, b) = (
                    MatrixRef::new(&a, Layout::row_major(m, k)),
                    MatrixRef::new(&b, Layout::row_major(k, n)),
                );
                gemm_with(backend, level, 1.0, a, b, 0.0, c_view);
                for (i, j) in (0..m * n).map(|x| (x / n, x % n)) {
                    assert_eq!(
                        c[i * n + j].is_nan(),
                        i == 7 || j == 30,
                        "({i}, {j}) {backend:?} {}",
                        level.name()
                    );
                }
            }
        }
    }
}

/// One, two and three threads, and none: the same bits.
#[test]
fn threads_do_not_change_bits() {
    let (m, n, k) = (300, 530, 70);
    let (a, b) = (random::<f32>(m * k, 1), random::<f32>(k * n, 2));
    for backend in BACKENDS {
        for level in Level::available() {
            let run = || {
                let mut c = random::<f32>(m * n, 3);
                let c_view = MatrixMut::new(&mut c, Layout::row_major(m, n));
                let (a, b) = (
                    MatrixRef::new(&a, Layout::row_major(m, k)),
                    MatrixRef::new(&b, Layout::row_major(k, n)),
                );
                gemm_with(backend, level, 1.0, a, b, 1.0, c_view);
                c
            };
            assert!(Panels::of(m, n, k, 1).parallel && Panels::of(m, n, k, 1).count() > 3);
            let alone = run();
            for threads in 1..=3 {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let together = pool.install(run);
                assert!(
                    alone.iter().zip(&together).all(|(x, y)| x.to_bits() == y.to_bits()),
                    "{threads} threads"
                );
            }
        }
    }
}

#[test]
fn panels_tile_every_matrix() {
    for (m, n, k, batch) in [(1, 1, 1, 1), (300, 530, 70, 2), (256, 257, 1000, 1), (5, 3000, 300, 3)] {
        for panels in [Panels::of(m, n, k, batch), Panels::consumed(m, n, k, batch)] {
            let mut seen = vec![0; m * n * batch];
            for panel in (0..panels.count()).map(|index| panels.get(index)) {
                for (i, j) in (0..panel.rows).flat_map(|i| (0..panel.cols).map(move |j| (i, j))) {
                    seen[(panel.batch * m + panel.row + i) * n + panel.col + j] += 1;
                }
            }
            assert!(seen.iter().all(|&times| times == 1));
        }
    }
}

/// Consumed block by block, a product has the bits that it has as a whole, whatever is fetched ahead.
#[test]
fn consumed_blocks_are_the_product() {
    let shapes = [(1, 1, 1, 1), (7, 33, 0, 2), (20, 1025, 5, 3), (300, 530, 70, 2), (785, 1100, 300, 1)];
    for (m, n, k, batch) in shapes {
        let (a, b) = (random::<f32>(batch * m * k, 1), random::<f32>(batch * k * n, 2));
        let a = MatrixRef::batch(&a, Layout::row_major(m, k), batch, m * k);
        // Transposed, as in the product that gives the gradient of an input.
        let b = MatrixRef::batch(&b, Layout::row_major(n, k), batch, n * k).transposed();
        let mut whole = vec![f32::NAN; batch * m * n];
        gemm(1.0, a, b, 0.0, MatrixMut::for_product(&mut whole, a, b));
        let ahead = random::<f32>(batch * m * n, 3);
        let blocks = std::sync::Mutex::new(Vec::new());
        gemm_panels(a, b, &[ahead.as_ptr(); 5], &|block, values| {
            blocks.lock().unwrap().push((block, values.to_vec()));
        });
        let mut joined = vec![f32::NAN; batch * m * n];
        for (Block { start, rows, cols, row_stride }, values) in blocks.into_inner().unwrap() {
            for row in 0..rows {
                let target = &mut joined[start + row * row_stride..][..cols];
                assert!(target.iter().all(|x| x.is_nan()), "an element came twice");
                target.copy_from_slice(&values[row * cols..][..cols]);
            }
        }
        assert_eq!(joined, whole, "{batch} of {m} x {k} x {n}");
    }
}

#[test]
#[should_panic(expected = "sizes do not fit")]
fn sizes_must_fit() {
    let data = [0.0f32; 6];
    let a = MatrixRef::new(&data, Layout::row_major(2, 3));
    gemm(1.0, a, a, 0.0, MatrixMut::new(&mut [0.0; 4], Layout::row_major(2, 2)));
}

#[test]
#[should_panic(expected = "in a slice of 5")]
fn elements_must_lie_within_the_slice() {
    MatrixRef::new(&[0.0f32; 5], Layout::row_major(2, 3));
}

#[test]
#[should_panic(expected = "in a slice of 4")]
fn sizes_that_overflow_are_caught() {
    let layout = Layout { rows: usize::MAX, cols: 2, row_stride: usize::MAX, col_stride: 1 };
    MatrixRef::new(&[0.0f32; 4], layout);
}

#[test]
#[should_panic(expected = "coincide")]
fn elements_to_write_must_be_distinct() {
    MatrixMut::new(&mut [0.0f32; 6], Layout { rows: 2, cols: 3, row_stride: 1, col_stride: 1 });
}
