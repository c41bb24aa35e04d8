//! Matrices as views of slices: any strides for what is read, distinct elements for what is written.
//!
//! The bounds are checked once, here, so that the loops behind [`gemm`](super::gemm) need not.

use std::fmt;

/// Where the elements of a matrix lie: element (i, j) at `i * row_stride + j * col_stride`.
///
/// ```
/// use autograd::kernel::gemm::Layout;
/// let layout = Layout::row_major(2, 3);
/// assert_eq!((layout.row_stride, layout.col_stride), (3, 1));
/// assert_eq!(layout.transposed(), Layout { rows: 3, cols: 2, row_stride: 1, col_stride: 3 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Distance between neighbours in a column.
    pub row_stride: usize,
    /// Distance between neighbours in a row.
    pub col_stride: usize,
}

impl Layout {
    /// Rows one after the other without gaps.
    pub const fn row_major(rows: usize, cols: usize) -> Layout {
        Layout { rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub const fn transposed(self) -> Layout {
        Layout { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    /// The number of elements a slice needs to hold `batch` such matrices `batch_stride` apart; `None` if
    /// it does not fit a `usize`.
    fn extent(self, batch: usize, batch_stride: usize) -> Option<usize> {
        if batch == 0 || self.rows == 0 || self.cols == 0 {
            return Some(0);
        }
        let last_matrix = (batch - 1).checked_mul(batch_stride)?;
        let last_row = (self.rows - 1).checked_mul(self.row_stride)?;
        let last_col = (self.cols - 1).checked_mul(self.col_stride)?;
        last_matrix.checked_add(last_row)?.checked_add(last_col)?.checked_add(1)
    }

    /// No two index triples name the same element. Sufficient, and true of every axis order of an array
    /// with or without gaps: from the smallest stride up, each axis steps over all that the ones before
    /// it span.
    fn is_injective(self, batch: usize, batch_stride: usize) -> bool {
        let mut axes = [(self.row_stride, self.rows), (self.col_stride, self.cols), (batch_stride, batch)];
        axes.sort_unstable();
        let mut span = 0usize;
        for (stride, length) in axes {
            if length > 1 {
                if stride <= span {
                    return false;
                }
                span = span.saturating_add(stride.saturating_mul(length - 1));
            }
        }
        true
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { rows, cols, row_stride, col_stride } = self;
        write!(f, "{rows} x {cols} with strides {row_stride}, {col_stride}")
    }
}

/// Matrices of one layout in a slice, `batch_stride` apart, to be read.
///
/// Invariant: every element of every matrix lies within `data`.
#[derive(Debug, Clone, Copy)]
pub struct MatrixRef<'a, T> {
    pub(super) data: &'a [T],
    pub(super) batch: usize,
    pub(super) batch_stride: usize,
    pub(super) layout: Layout,
}

impl<'a, T> MatrixRef<'a, T> {
    /// One matrix that starts at the first element of `data`. Strides may be zero.
    ///
    /// # Panics
    /// If an element lies outside `data`.
    #[track_caller]
    pub fn new(data: &'a [T], layout: Layout) -> MatrixRef<'a, T> {
        MatrixRef::batch(data, layout, 1, 0)
    }

    /// `batch` matrices, each `batch_stride` after the one before; stride 0 repeats one matrix.
    ///
    /// # Panics
    /// If an element lies outside `data`.
    #[track_caller]
    pub fn batch(data: &'a [T], layout: Layout, batch: usize, batch_stride: usize) -> MatrixRef<'a, T> {
        let fits = layout.extent(batch, batch_stride).is_some_and(|extent| extent <= data.len());
        assert!(fits, "{batch} matrices {layout}, {batch_stride} apart, in a slice of {}", data.len());
        MatrixRef { data, batch, batch_stride, layout }
    }

    /// The same matrices with rows and columns exchanged; nothing moves.
    pub fn transposed(self) -> MatrixRef<'a, T> {
        MatrixRef { layout: self.layout.transposed(), ..self }
    }
}

/// Matrices of one layout in a slice, `batch_stride` apart, to be written.
///
/// Invariant: every element of every matrix lies within `data`, and no two are the same.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    pub(super) data: &'a mut [T],
    pub(super) batch: usize,
    pub(super) batch_stride: usize,
    pub(super) layout: Layout,
}

impl<'a, T> MatrixMut<'a, T> {
    /// One matrix that starts at the first element of `data`.
    ///
    /// # Panics
    /// If an element lies outside `data`, or two coincide.
    #[track_caller]
    pub fn new(data: &'a mut [T], layout: Layout) -> MatrixMut<'a, T> {
        MatrixMut::batch(data, layout, 1, 0)
    }

    /// `batch` matrices, each `batch_stride` after the one before.
    ///
    /// # Panics
    /// If an element lies outside `data`, or two coincide.
    #[track_caller]
    pub fn batch(data: &'a mut [T], layout: Layout, batch: usize, batch_stride: usize) -> MatrixMut<'a, T> {
        MatrixRef::batch(&*data, layout, batch, batch_stride);
        let empty = layout.rows == 0 || layout.cols == 0;
        assert!(
            empty || layout.is_injective(batch, batch_stride),
            "elements of {batch} matrices {layout}, {batch_stride} apart, coincide"
        );
        MatrixMut { data, batch, batch_stride, layout }
    }

    /// Room for `A B` in `data`, row after row and matrix after matrix without gaps.
    ///
    /// # Panics
    /// If `data` is too short.
    #[track_caller]
    pub fn for_product(data: &'a mut [T], a: MatrixRef<'_, T>, b: MatrixRef<'_, T>) -> MatrixMut<'a, T> {
        let layout = Layout::row_major(a.layout.rows, b.layout.cols);
        MatrixMut::batch(data, layout, a.batch, layout.rows * layout.cols)
    }
}
