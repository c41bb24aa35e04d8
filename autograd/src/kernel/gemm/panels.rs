//! The cut of C into panels, and products that are consumed panel by panel.

use super::ahead::Ahead;
use super::{Backend, MatrixRef, Operand, Output, Product};
use crate::kernel::scratch::Purpose;
use crate::kernel::simd::Level;
use crate::real::Real;

/// Some rows and columns of a product, within the row-major elements of all its matrices: row `r` of the
/// block is elements `start + r row_stride ..` of them, `cols` long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The first element.
    pub start: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Distance between the first elements of two rows: the columns of the whole matrix.
    pub row_stride: usize,
}

impl Block {
    /// The last element.
    pub(in crate::kernel) fn last(&self) -> usize {
        self.start + (self.rows - 1) * self.row_stride + self.cols - 1
    }
}

/// Multiplications that take as long as consuming one element, roughly.
const CONSUMING: usize = 16;

/// The number of elements of `A B`, of all matrices together.
pub(in crate::kernel) fn product_len<T>(a: MatrixRef<'_, T>, b: MatrixRef<'_, T>) -> usize {
    a.batch * a.layout.rows * b.layout.cols
}

/// `A B`, handed to `consume` in blocks that together are all of it: each with its values, row after row
/// without gaps, while they lie in the second-level cache. The product as a whole is kept nowhere. Blocks
/// come in no fixed order and from several threads, but each comes once.
///
/// `ahead` are arrays as long as the product, of which `consume` will read the block's elements: they are
/// fetched into the cache while the block is computed.
///
/// ```
/// use autograd::kernel::gemm::{Layout, MatrixRef, gemm_panels};
/// use std::sync::Mutex;
/// let a = [1.0, 2.0, 3.0, 4.0];
/// let view = MatrixRef::new(&a, Layout::row_major(2, 2));
/// let sum = Mutex::new(0.0);
/// gemm_panels(view, view, &[], &|_, values| *sum.lock().unwrap() += values.iter().sum::<f64>());
/// assert_eq!(sum.into_inner().unwrap(), 7.0 + 10.0 + 15.0 + 22.0);
/// ```
///
/// # Panics
/// If the sizes do not fit: A is m x k, B is k x n, with the same number of matrices.
#[track_caller]
pub fn gemm_panels<T: Real>(
    a: MatrixRef<'_, T>,
    b: MatrixRef<'_, T>,
    ahead: &[*const T],
    consume: &(impl Fn(Block, &[T]) + Sync),
) {
    let (m, n, k, batch) = (a.layout.rows, b.layout.cols, a.layout.cols, a.batch);
    assert!(
        b.layout.rows == k && b.batch == batch,
        "A ({}) B ({}), {batch} and {} of them: sizes do not fit",
        a.layout,
        b.layout,
        b.batch
    );
    if m == 0 || n == 0 || batch == 0 {
        return;
    }
    let product = Product {
        m,
        n,
        k,
        alpha: T::ONE,
        beta: T::ZERO,
        a: Operand::new(a.data.as_ptr(), a.layout, a.batch_stride),
        b: Operand::new(b.data.as_ptr(), b.layout, b.batch_stride),
        c: Output(Operand {
            pointer: std::ptr::null_mut(),
            row_stride: n,
            col_stride: 1,
            batch_stride: m * n,
        }),
        ahead: Ahead::new(ahead, n),
    };
    let panels = Panels::consumed(m, n, k, batch);
    for_each_panel(0, panels.count(), panels.parallel, &|index| {
        let panel = panels.get(index);
        let block = Block {
            start: product.c.0.offset(panel.batch, panel.row, panel.col),
            rows: panel.rows,
            cols: panel.cols,
            row_stride: n,
        };
        T::with_scratch(Purpose::Panel, block.rows * block.cols, |values| {
            let mut part = product.panel(panel);
            let c = Operand { pointer: values.as_mut_ptr(), row_stride: block.cols, ..product.c.0 };
            part.c = Output(c);
            part.ahead = product.ahead.from(block.start);
            // SAFETY: the views were checked to lie within their slices, `part` is a part of the product,
            // and its C is `values`, which has all elements of the block.
            unsafe { part.compute(Backend::Blocked, Level::detect()) };
            consume(block, values);
        });
    });
}

/// Below this many operations a product is computed by the calling thread alone: about 20 microseconds,
/// what it takes to wake another.
const PARALLEL_OPERATIONS: usize = 2_000_000;
/// Rows and columns of the largest panel of C. Large enough that packing the rows of A and the columns of B
/// again for every panel costs little, small enough that a layer's product is shared by several threads.
const PANEL: (usize, usize) = (256, 256);
/// The largest panel of a tall product that is consumed: its rows are as long as the longest tile of a
/// pointwise program, which then runs a third faster than over rows of 256.
const CONSUMED_PANEL: (usize, usize) = (256, 1024);

/// The cut of C into panels. Depends on the shape and nothing else.
pub(super) struct Panels {
    rows: usize,
    cols: usize,
    m: usize,
    n: usize,
    batch: usize,
    pub parallel: bool,
}

/// Rows `row ..` and columns `col ..` of matrix `batch` of C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panel {
    pub batch: usize,
    pub row: usize,
    pub col: usize,
    pub rows: usize,
    pub cols: usize,
}

impl Panels {
    pub fn of(m: usize, n: usize, k: usize, batch: usize) -> Panels {
        let operations = [m, n, k, batch].iter().fold(2usize, |product, &x| product.saturating_mul(x));
        let parallel = operations >= PARALLEL_OPERATIONS;
        // One panel per matrix if nobody helps.
        let (rows, cols) = if parallel { PANEL } else { (m, n) };
        Panels { rows, cols, m, n, batch, parallel }
    }

    /// The cut of a product that is consumed panel by panel.
    pub fn consumed(m: usize, n: usize, k: usize, batch: usize) -> Panels {
        let panels = Panels::of(m, n, k + CONSUMING, batch);
        let (rows, cols) = CONSUMED_PANEL;
        match panels.parallel {
            false => Panels { rows: rows.min(m), cols: cols.min(n), ..panels },
            true if m < 2 * rows => panels,
            // An even number of panels above each other, so that two threads have the same to do.
            true => {
                let count = m.div_ceil(rows).next_multiple_of(2);
                Panels { rows: m.div_ceil(count), cols, ..panels }
            }
        }
    }

    pub fn count(&self) -> usize {
        self.m.div_ceil(self.rows) * self.n.div_ceil(self.cols) * self.batch
    }

    pub fn get(&self, index: usize) -> Panel {
        let (down, across) = (self.m.div_ceil(self.rows), self.n.div_ceil(self.cols));
        let batch = index / (down * across);
        let row = index / across % down * self.rows;
        let col = index % across * self.cols;
        let rows = self.rows.min(self.m - row);
        let cols = self.cols.min(self.n - col);
        Panel { batch, row, col, rows, cols }
    }
}

/// Calls `work` with each index of `start..end`, by halves in two threads if `parallel`. Allocates nothing
/// when called within a thread pool.
pub(super) fn for_each_panel(start: usize, end: usize, parallel: bool, work: &(impl Fn(usize) + Sync)) {
    if !parallel || end - start <= 1 {
        return (start..end).for_each(work);
    }
    let middle = start + (end - start) / 2;
    rayon::join(
        || for_each_panel(start, middle, parallel, work),
        || for_each_panel(middle, end, parallel, work),
    );
}
