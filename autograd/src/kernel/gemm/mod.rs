//! Matrix products: `C <- alpha A B + beta C`, for one matrix or a batch of them.
//!
//! A is m x k, B is k x n, C is m x n. Every operand has its own strides, so a transpose is a view
//! ([`MatrixRef::transposed`]) and never moves data. If beta is zero, C is not read and may hold anything,
//! NaN included; NaN and infinity in A and B propagate; with alpha = 0 or k = 0 the result is beta C.
//!
//! | file | what |
//! |---|---|
//! | [`matrix`](MatrixRef) | the views, where bounds are checked |
//! | `mod` | the interface |
//! | `panels` | the split of C into panels, and products consumed panel by panel |
//! | `ahead` | fetching what a panel's consumer will read |
//! | `blocked` | the loops around the register tile, and when to pack |
//! | `tile` | the register tile, and the families of instructions it is compiled for |
//! | `vector` | one vector register as a type |
//! | `reference` | the triple loop that the others are tested against |
//!
//! **Determinism.** C is cut into panels whose sizes depend on the shape only, and each element of C is a
//! sum over k in an order that depends on the shape and the instruction level only: any number of threads
//! gives the same bits.
//!
//! ```
//! use autograd::kernel::gemm::{Layout, MatrixMut, MatrixRef, gemm};
//! let a = [1.0, 2.0, 3.0, 4.0];
//! let mut c = [f32::NAN; 4];
//! let view = MatrixRef::new(&a, Layout::row_major(2, 2));
//! // C <- A A^T
//! gemm(1.0, view, view.transposed(), 0.0, MatrixMut::new(&mut c, Layout::row_major(2, 2)));
//! assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
//! ```

mod ahead;
mod blocked;
mod matrix;
mod panels;
mod reference;
mod tile;
mod vector;

pub use matrix::{Layout, MatrixMut, MatrixRef};
pub use panels::{Block, gemm_panels};

use super::simd::Level;
use crate::real::Real;
use ahead::Ahead;
pub(super) use panels::product_len;
use panels::{Panel, Panels, for_each_panel};

/// Who computes a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Our own: blocked for the caches, with register tiles for each instruction level.
    Blocked,
    /// The crate `matrixmultiply`. It allocates its packing buffers in every call and finds its own
    /// instruction level.
    MatrixMultiply,
    /// Three loops.
    Reference,
}

/// `C <- alpha A B + beta C`, for each matrix of the batch.
///
/// # Panics
/// If the sizes do not fit: A is m x k, B is k x n, C is m x n, all with the same number of matrices.
#[track_caller]
pub fn gemm<T: Real>(alpha: T, a: MatrixRef<'_, T>, b: MatrixRef<'_, T>, beta: T, c: MatrixMut<'_, T>) {
    gemm_with(Backend::Blocked, Level::detect(), alpha, a, b, beta, c);
}

/// As [`gemm`], by a chosen backend with the instructions of `level` (or of the machine, if it has less).
///
/// # Panics
/// As [`gemm`].
#[track_caller]
pub fn gemm_with<T: Real>(
    backend: Backend,
    level: Level,
    alpha: T,
    a: MatrixRef<'_, T>,
    b: MatrixRef<'_, T>,
    beta: T,
    c: MatrixMut<'_, T>,
) {
    let Layout { rows: m, cols: n, .. } = c.layout;
    let k = a.layout.cols;
    assert!(
        a.layout.rows == m && b.layout.rows == k && b.layout.cols == n,
        "C ({}) <- A ({}) B ({}): sizes do not fit",
        c.layout,
        a.layout,
        b.layout
    );
    assert!(
        a.batch == c.batch && b.batch == c.batch,
        "batches of {}, {} and {} matrices",
        a.batch,
        b.batch,
        c.batch
    );
    if m == 0 || n == 0 || c.batch == 0 {
        return;
    }
    let product = Product {
        m,
        n,
        k: if alpha == T::ZERO { 0 } else { k },
        alpha,
        beta,
        a: Operand::new(a.data.as_ptr(), a.layout, a.batch_stride),
        b: Operand::new(b.data.as_ptr(), b.layout, b.batch_stride),
        c: Output(Operand::new(c.data.as_mut_ptr(), c.layout, c.batch_stride)),
        ahead: Ahead::NOTHING,
    };
    let panels = Panels::of(m, n, k, c.batch);
    for_each_panel(0, panels.count(), panels.parallel, &|index| {
        let panel = product.panel(panels.get(index));
        // SAFETY: the views were checked to lie within their slices, `panel` is a part of the product, and
        // no two panels share an element of C (the elements of `MatrixMut` are distinct).
        unsafe { panel.compute(backend, level) }
    });
}

/// A pointer and its strides.
#[derive(Clone, Copy)]
struct Operand<P> {
    pointer: P,
    row_stride: usize,
    col_stride: usize,
    batch_stride: usize,
}

impl<P> Operand<P> {
    fn new(pointer: P, layout: Layout, batch_stride: usize) -> Operand<P> {
        Operand { pointer, row_stride: layout.row_stride, col_stride: layout.col_stride, batch_stride }
    }

    fn offset(&self, batch: usize, row: usize, col: usize) -> usize {
        batch * self.batch_stride + row * self.row_stride + col * self.col_stride
    }
}

/// The matrix that is written.
#[derive(Clone, Copy)]
struct Output<T>(Operand<*mut T>);

/// `C <- alpha A B + beta C` of one matrix, or of a part of C.
///
/// Invariant: every element within the sizes may be read (A, B) or written (C) through the pointers.
#[derive(Clone, Copy)]
struct Product<T> {
    m: usize,
    n: usize,
    k: usize,
    alpha: T,
    beta: T,
    a: Operand<*const T>,
    b: Operand<*const T>,
    c: Output<T>,
    ahead: Ahead<T>,
}

// SAFETY: a product is shared among threads only to take disjoint panels of it; its pointers come from
// slices of `T: Real`, which may be read and written from any thread.
unsafe impl<T: Real> Sync for Product<T> {}

impl<T: Real> Product<T> {
    /// The part of the product that a panel of C needs.
    fn panel(&self, panel: Panel) -> Product<T> {
        let Panel { batch, row, col, rows, cols } = panel;
        let mut part = Product { m: rows, n: cols, ..*self };
        // `wrapping_add`: with k = 0 the operands may be empty and the offset outside; then it is not used.
        part.a.pointer = self.a.pointer.wrapping_add(self.a.offset(batch, row, 0));
        part.b.pointer = self.b.pointer.wrapping_add(self.b.offset(batch, 0, col));
        part.c.0.pointer = self.c.0.pointer.wrapping_add(self.c.0.offset(batch, row, col));
        part
    }

    /// # Safety
    /// The invariant of [`Product`] holds, and nothing else accesses the elements of C meanwhile.
    unsafe fn compute(&self, backend: Backend, level: Level) {
        if self.k == 0 {
            // SAFETY: as promised by the caller.
            return unsafe { self.scale() };
        }
        match backend {
            // SAFETY: as promised by the caller.
            Backend::Blocked => unsafe { T::blocked(level, self) },
            // SAFETY: as promised by the caller.
            Backend::MatrixMultiply => unsafe { T::matrixmultiply(self) },
            // SAFETY: as promised by the caller.
            Backend::Reference => unsafe { reference::compute(self) },
        }
    }

    /// `C <- beta C`, what is left of the product without a sum.
    ///
    /// # Safety
    /// As [`Product::compute`].
    unsafe fn scale(&self) {
        for i in 0..self.m {
            for j in 0..self.n {
                // SAFETY: (i, j) is an element of C.
                unsafe {
                    let c = self.c.0.pointer.add(self.c.0.offset(0, i, j));
                    *c = if self.beta == T::ZERO { T::ZERO } else { self.beta * *c };
                }
            }
        }
    }
}

/// What differs between `f32` and `f64` in a matrix product.
pub trait Scalar: Sized {
    #[doc(hidden)]
    #[allow(private_interfaces)]
    /// # Safety
    /// As `Product::compute`.
    unsafe fn matrixmultiply(product: &Product<Self>);

    #[doc(hidden)]
    #[allow(private_interfaces)]
    /// # Safety
    /// As `Product::compute`.
    unsafe fn blocked(level: Level, product: &Product<Self>);
}

macro_rules! scalar {
    ($type:ident, $gemm:ident) => {
        impl Scalar for $type {
            #[allow(private_interfaces)]
            unsafe fn matrixmultiply(product: &Product<$type>) {
                let Product { m, n, k, alpha, beta, a, b, c: Output(c), .. } = *product;
                // SAFETY: every element within the sizes is valid by the invariant of `Product`, and the
                // elements of C are distinct.
                unsafe {
                    matrixmultiply::$gemm(
                        m,
                        k,
                        n,
                        alpha,
                        a.pointer,
                        a.row_stride as isize,
                        a.col_stride as isize,
                        b.pointer,
                        b.row_stride as isize,
                        b.col_stride as isize,
                        beta,
                        c.pointer,
                        c.row_stride as isize,
                        c.col_stride as isize,
                    )
                }
            }

            #[allow(private_interfaces)]
            unsafe fn blocked(level: Level, product: &Product<$type>) {
                #[cfg(target_arch = "x86_64")]
                use tile::{Avx2Family, Avx512Family};
                // SAFETY: as promised by the caller; the machine has the instructions of the level.
                unsafe {
                    match level.min(Level::supported()) {
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx512 => blocked::compute::<$type, Avx512Family>(product),
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx2 => blocked::compute::<$type, Avx2Family>(product),
                        _ => blocked::compute::<$type, tile::PortableFamily>(product),
                    }
                }
            }
        }
    };
}
scalar!(f32, sgemm);
scalar!(f64, dgemm);

#[cfg(test)]
mod tests;
