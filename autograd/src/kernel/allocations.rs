//! No kernel allocates in steady state: counted by an allocator that only the unit tests have.

use super::gemm::{Layout, MatrixMut, MatrixRef, gemm};
use super::philox::Stream;
use super::{reduce, windows};
use crate::{Shape, Window};
use std::alloc::{GlobalAlloc, Layout as Size, System};
use std::cell::Cell;

/// The system's allocator, counting the requests of each thread.
struct Counting;

thread_local! {
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is forwarded to the system's allocator; the counter is a constant-initialised thread
// local without destructor, so that counting never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, size: Size) -> *mut u8 {
        REQUESTS.set(REQUESTS.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, size: Size) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` asks for memory in the calling thread.
pub(crate) fn allocations(work: impl FnOnce()) -> usize {
    let before = REQUESTS.get();
    work();
    REQUESTS.get() - before
}

#[test]
fn kernels_allocate_nothing_in_steady_state() {
    let (m, n, k) = (130, 300, 270);
    let (a, b) = (vec![1.0f32; m * k], vec![1.0f32; k * n]);
    let (mut c, mut sums, mut logs) = (vec![0.0f32; m * n], vec![0.0f32; m], vec![0.0f32; n]);
    let (image, window) = (Shape::from([4, 8, 28, 28]), Window::new([3, 3]));
    let (mut pixels, mut columns) = (vec![1.0f32; image.numel()], vec![0.0f32; 4 * 72 * 26 * 26]);
    let mut run = || {
        windows::unfold(&pixels, image, &window, &mut columns);
        windows::fold(&columns, image, &window, &mut pixels);
        let a = MatrixRef::new(&a, Layout::row_major(m, k));
        // Both the transposing and the plain way of packing.
        let b_transposed = MatrixRef::new(&b, Layout::row_major(n, k)).transposed();
        let b = MatrixRef::new(&b, Layout::row_major(k, n));
        gemm(1.0, a, b, 0.0, MatrixMut::new(&mut c, Layout::row_major(m, n)));
        gemm(1.0, a, b_transposed, 1.0, MatrixMut::new(&mut c, Layout::row_major(m, n)));
        reduce::sum(&c, m, n, 1, &mut sums);
        reduce::logsumexp(&c, 1, m, n, &mut logs);
        Stream::new(1, 2, 3).fill_normal(5, &mut sums);
    };
    // One worker, so that everything happens, and is counted, in its thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        assert!(allocations(&mut run) > 0, "the first run grows the buffer: the count works");
        assert_eq!(allocations(&mut run), 0);
    });
}
