//! Convolution as parameter sharing (*Deep Learning*, sections 7.9 and 9.4): the dense matrix that a kernel is.

use autograd::{Real, Shape, Tensor, Var, Window};

/// The matrix `M` for which `x M` is the convolution of `x` with `kernel`: `[in · h · w, out · oh · ow]` for images of
/// `in` channels and `h` by `w` pixels, each flattened, and a kernel `[in, kh, kw, out]` as
/// [`Convolution`](nn::Convolution) has it.
///
/// Most entries of `M` are zero, and every other one is an entry of the kernel, used again at each position of
/// the window: sparse and tied. It is recorded as a gather from the kernel's entries, so the gradient in the kernel
/// is the scatter-sum of the gradient in `M`, the sum over the tied copies.
///
/// For understanding and for tests: `M` has `in · out · h · w · oh · ow` entries, the kernel `in · out · kh · kw`.
///
/// ```
/// use autograd::{Feed, Graph, Tensor, Window, interpret};
/// use regularize::sharing::tied_dense;
/// let graph = Graph::<f64>::new();
/// // A row of four pixels, and the difference of neighbours: three results.
/// let kernel = graph.constant(Tensor::new([1, 1, 2, 1], vec![-1.0, 1.0]));
/// let matrix = tied_dense(kernel, Window::new([1, 2]), [1, 4]);
/// let found = interpret(&[matrix], &[], None)?.remove(0);
/// assert_eq!(found.data(), [-1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), regularize::RegularizeError>(())
/// ```
///
/// # Panics
/// If the kernel is not `[in, kh, kw, out]` with the window's size, or the window does not fit in the image.
#[track_caller]
pub fn tied_dense<T: Real>(kernel: Var<'_, T>, window: Window, image: [usize; 2]) -> Var<'_, T> {
    let shape = kernel.shape();
    let [inputs, kh, kw, outputs] = *shape.lengths() else {
        panic!("tied_dense: a kernel is [in, kh, kw, out], not {shape}")
    };
    assert!([kh, kw] == window.size, "tied_dense: the kernel {shape} is not of the window's size {window:?}");
    let Some([rows, columns]) = window.count(image) else {
        panic!("tied_dense: no window fits in {image:?}: {window:?}")
    };
    let [height, width] = image;
    // The place in the kernel of each entry; the one behind the last is a zero.
    let zero = shape.numel() as u32;
    let matrix = Shape::new(&[inputs * height * width, outputs * rows * columns]);
    let mut places = Tensor::full(matrix, zero);
    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
        for (p, q) in (0..kh).flat_map(|p| (0..kw).map(move |q| (p, q))) {
            let y = window.position(0, i, p, height);
            let x = window.position(1, j, q, width);
            let (Some(y), Some(x)) = (y, x) else { continue };
            for (c, o) in (0..inputs).flat_map(|c| (0..outputs).map(move |o| (c, o))) {
                let (from, to) = ((c * height + y) * width + x, (o * rows + i) * columns + j);
                let entry = ((c * kh + p) * kw + q) * outputs + o;
                places.data_mut()[from * matrix[1] + to] = entry as u32;
            }
        }
    }
    let entries = Var::concat(&[kernel.reshape([shape.numel()]), kernel.graph().fill([1], 0.0)], 0);
    entries.gather(kernel.graph().index_constant(places))
}
