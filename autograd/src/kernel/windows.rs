//! Windows of images as columns (unfold, im2col), and columns added into images (fold).
//!
//! Both go through the images plane by plane, a plane being one channel of one image; planes are independent
//! and are split among threads. Within a plane they go through the columns in order, so that a pixel
//! receives its sum in the order of the columns, whatever path is taken:
//!
//! - windows that touch, two pixels wide (pooling): a row of pixels is taken apart into its even and odd ones
//!   in one pass, or put together from them;
//! - other windows one or two pixels apart: rows of pixels are copied or added in pieces that are vector
//!   registers;
//! - windows further apart: pixel by pixel.
//!
//! A row is a dozen pixels, not a thousand: a call to copy memory for each would take longer than the copy.
//!
//! Tested against the slow evaluation that stands beside the rules in [`ops::window`](crate::ops::window).

use super::simd::{Kernel, dispatch};
use crate::ops::window::Window;
use crate::real::Real;
use crate::shape::Shape;
use rayon::prelude::*;
use std::ops::Range;

/// Below this many elements the calling thread works alone: some ten microseconds.
const PARALLEL_ELEMENTS: usize = 1 << 16;
/// About this many elements are one thread's piece of work.
const LEAF_ELEMENTS: usize = 1 << 14;

/// The windows of images `[n, c, h, w]` as columns.
///
/// # Panics
/// If no window fits, or the lengths of the slices are not those of images and columns.
pub fn unfold<T: Real>(x: &[T], image: Shape, window: &Window, out: &mut [T]) {
    let geometry = Geometry::of(image, window);
    let (plane, columns) = (geometry.pixels(), geometry.elements());
    assert!(x.len() == image.numel() && out.len() == image[0] * image[1] * columns, "unfold of {image}");
    if plane == 0 {
        // Nothing but padding.
        return out.fill(T::ZERO);
    }
    let leaf = |(x, out): (&[T], &mut [T])| dispatch(Unfold { geometry, x, out });
    if out.len() < PARALLEL_ELEMENTS {
        leaf((x, out));
    } else {
        let group = (LEAF_ELEMENTS / columns).max(1);
        x.par_chunks(group * plane).zip(out.par_chunks_mut(group * columns)).for_each(leaf);
    }
}

/// Columns added into images of shape `image`, in the order of the columns.
///
/// # Panics
/// If no window fits, or the lengths of the slices are not those of images and columns.
pub fn fold<T: Real>(x: &[T], image: Shape, window: &Window, out: &mut [T]) {
    let geometry = Geometry::of(image, window);
    let (plane, columns) = (geometry.pixels(), geometry.elements());
    assert!(out.len() == image.numel() && x.len() == image[0] * image[1] * columns, "fold to {image}");
    if plane == 0 {
        return;
    }
    let leaf = |(x, out): (&[T], &mut [T])| dispatch(Fold { geometry, x, out });
    if x.len() < PARALLEL_ELEMENTS {
        leaf((x, out));
    } else {
        let group = (LEAF_ELEMENTS / columns).max(1);
        x.par_chunks(group * columns).zip(out.par_chunks_mut(group * plane)).for_each(leaf);
    }
}

/// Where the windows of a plane lie.
#[derive(Clone, Copy)]
struct Geometry {
    /// Height and width of a plane.
    image: [usize; 2],
    /// The number of windows down and across.
    count: [usize; 2],
    window: Window,
}

impl Geometry {
    fn of(image: Shape, window: &Window) -> Geometry {
        let image = [image[2], image[3]];
        let count = window.count(image).expect("checked where the window was recorded");
        Geometry { image, count, window: *window }
    }

    /// The pixels of a plane.
    fn pixels(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// The elements of a plane's columns.
    fn elements(&self) -> usize {
        self.window.size[0] * self.window.size[1] * self.count[0] * self.count[1]
    }

    /// The windows along an axis whose element `offset` is inside the image: `padding ≤ i·stride +
    /// offset·dilation < padding + length`.
    #[inline(always)]
    fn inside(&self, axis: usize, offset: usize) -> Range<usize> {
        let Window { stride, padding, dilation, .. } = self.window;
        let (offset, count) = (offset * dilation[axis], self.count[axis]);
        let from = padding[axis].saturating_sub(offset).div_ceil(stride[axis]).min(count);
        let end = (padding[axis] + self.image[axis]).saturating_sub(offset).div_ceil(stride[axis]);
        from..end.min(count).max(from)
    }

    /// The pixel that element `offset` of window `i` reads, if it is inside.
    #[inline(always)]
    fn pixel(&self, axis: usize, i: usize, offset: usize) -> usize {
        let Window { stride, padding, dilation, .. } = self.window;
        i * stride[axis] + offset * dilation[axis] - padding[axis]
    }

    /// Whether windows are two pixels wide and touch.
    #[inline(always)]
    fn are_pairs(&self) -> bool {
        let Window { size, stride, padding, dilation } = self.window;
        (size[1], stride[1], padding[1], dilation[1]) == (2, 2, 0, 1)
    }
}

struct Unfold<'a, T> {
    geometry: Geometry,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Kernel for Unfold<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Unfold { geometry, x, out } = self;
        let planes = x.chunks_exact(geometry.pixels()).zip(out.chunks_exact_mut(geometry.elements()));
        for (image, columns) in planes {
            if geometry.are_pairs() {
                unfold_pairs(&geometry, image, columns);
            } else {
                unfold_plane(&geometry, image, columns);
            }
        }
    }
}

#[inline(always)]
fn unfold_plane<T: Real>(geometry: &Geometry, image: &[T], columns: &mut [T]) {
    let [rows, width] = geometry.count;
    let step = geometry.window.stride[1];
    let mut blocks = columns.chunks_exact_mut(rows * width);
    for p in 0..geometry.window.size[0] {
        let inside = geometry.inside(0, p);
        for q in 0..geometry.window.size[1] {
            let span = geometry.inside(1, q);
            let block = blocks.next().expect("a block for each element of a window");
            if span.len() < width || inside.len() < rows {
                block.fill(T::ZERO);
            }
            if span.is_empty() {
                continue;
            }
            let across = geometry.pixel(1, span.start, q);
            for (i, row) in block.chunks_exact_mut(width).enumerate().skip(inside.start).take(inside.len()) {
                let row = &mut row[span.clone()];
                let pixels = &image[geometry.pixel(0, i, p) * geometry.image[1] + across..];
                match step {
                    1 => copy(row, &pixels[..row.len()]),
                    2 => copy_every_second(row, &pixels[..2 * row.len() - 1]),
                    _ => row.iter_mut().zip(pixels.iter().step_by(step)).for_each(|(y, &x)| *y = x),
                }
            }
        }
    }
}

#[inline(always)]
fn unfold_pairs<T: Real>(geometry: &Geometry, image: &[T], columns: &mut [T]) {
    let [rows, width] = geometry.count;
    for (p, blocks) in columns.chunks_exact_mut(2 * rows * width).enumerate() {
        let inside = geometry.inside(0, p);
        if inside.len() < rows {
            blocks.fill(T::ZERO);
        }
        let (left, right) = blocks.split_at_mut(rows * width);
        for i in inside {
            let pixels = &image[geometry.pixel(0, i, p) * geometry.image[1]..][..2 * width];
            let (left, right) = (&mut left[i * width..][..width], &mut right[i * width..][..width]);
            for ((pair, l), r) in pixels.chunks_exact(2).zip(left).zip(right) {
                (*l, *r) = (pair[0], pair[1]);
            }
        }
    }
}

struct Fold<'a, T> {
    geometry: Geometry,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Kernel for Fold<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Fold { geometry, x, out } = self;
        let planes = x.chunks_exact(geometry.elements()).zip(out.chunks_exact_mut(geometry.pixels()));
        for (columns, image) in planes {
            image.fill(T::ZERO);
            if geometry.are_pairs() {
                fold_pairs(&geometry, columns, image);
            } else {
                fold_plane(&geometry, columns, image);
            }
        }
    }
}

#[inline(always)]
fn fold_plane<T: Real>(geometry: &Geometry, columns: &[T], image: &mut [T]) {
    let [rows, width] = geometry.count;
    let step = geometry.window.stride[1];
    let mut blocks = columns.chunks_exact(rows * width);
    for p in 0..geometry.window.size[0] {
        let inside = geometry.inside(0, p);
        for q in 0..geometry.window.size[1] {
            let span = geometry.inside(1, q);
            let block = blocks.next().expect("a block for each element of a window");
            if span.is_empty() {
                continue;
            }
            let across = geometry.pixel(1, span.start, q);
            for (i, row) in block.chunks_exact(width).enumerate().skip(inside.start).take(inside.len()) {
                let row = &row[span.clone()];
                let pixels = &mut image[geometry.pixel(0, i, p) * geometry.image[1] + across..];
                match step {
                    1 => add(&mut pixels[..row.len()], row),
                    _ => pixels.iter_mut().step_by(step).zip(row).for_each(|(x, &y)| *x += y),
                }
            }
        }
    }
}

#[inline(always)]
fn fold_pairs<T: Real>(geometry: &Geometry, columns: &[T], image: &mut [T]) {
    let [rows, width] = geometry.count;
    for (p, blocks) in columns.chunks_exact(2 * rows * width).enumerate() {
        let (left, right) = blocks.split_at(rows * width);
        for i in geometry.inside(0, p) {
            let pixels = &mut image[geometry.pixel(0, i, p) * geometry.image[1]..][..2 * width];
            let (left, right) = (&left[i * width..][..width], &right[i * width..][..width]);
            for ((pair, l), r) in pixels.chunks_exact_mut(2).zip(left).zip(right) {
                pair[0] += *l;
                pair[1] += *r;
            }
        }
    }
}

/// `to := from`, of equal lengths, in pieces of eight and four; the last piece may overlap the one before.
#[inline(always)]
fn copy<T: Real>(to: &mut [T], from: &[T]) {
    let n = to.len();
    if n >= 8 {
        copy_pieces::<8, T>(to, from);
        to[n - 8..].copy_from_slice(&from[n - 8..]);
    } else if n >= 4 {
        copy_pieces::<4, T>(to, from);
        to[n - 4..].copy_from_slice(&from[n - 4..]);
    } else {
        to.iter_mut().zip(from).for_each(|(y, &x)| *y = x);
    }
}

#[inline(always)]
fn copy_pieces<const N: usize, T: Real>(to: &mut [T], from: &[T]) {
    for (y, x) in to.chunks_exact_mut(N).zip(from.chunks_exact(N)) {
        y.copy_from_slice(x);
    }
}

/// `to[i] := from[2 i]`
#[inline(always)]
fn copy_every_second<T: Real>(to: &mut [T], from: &[T]) {
    let Some((last, others)) = to.split_last_mut() else { return };
    others.iter_mut().zip(from.chunks_exact(2)).for_each(|(y, pair)| *y = pair[0]);
    *last = from[from.len() - 1];
}

/// `to := to + from`, of equal lengths, in pieces of eight and four and what is left.
#[inline(always)]
fn add<T: Real>(to: &mut [T], from: &[T]) {
    let (mut to, mut from) = (to.chunks_exact_mut(8), from.chunks_exact(8));
    for (y, x) in to.by_ref().zip(from.by_ref()) {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
    }
    let (mut to, mut from) = (to.into_remainder().chunks_exact_mut(4), from.remainder().chunks_exact(4));
    for (y, x) in to.by_ref().zip(from.by_ref()) {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
    }
    to.into_remainder().iter_mut().zip(from.remainder()).for_each(|(y, &x)| *y += x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::window;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        /// Integers: moving and adding is exact, so every element must be equal.
        #[test]
        fn windows_are_those_of_the_slow_evaluation(
            sizes in (0usize..3, 1usize..3, 0usize..8, 0usize..24),
            size in (1usize..4, 1usize..4),
            stride in (1usize..4, 1usize..4),
            padding in (0usize..4, 0usize..4),
            dilation in (1usize..3, 1usize..3),
        ) {
            let window = Window {
                size: size.into(),
                stride: stride.into(),
                padding: padding.into(),
                dilation: dilation.into(),
            };
            compare([sizes.0, sizes.1, sizes.2, sizes.3].into(), window)?;
        }

        /// Pooling: windows that touch, rows and columns that fill none included.
        #[test]
        fn touching_windows_are_those_of_the_slow_evaluation(
            sizes in (0usize..3, 1usize..3, 1usize..8, 1usize..40),
            size in 1usize..4,
            padding in 0usize..2,
        ) {
            let window = Window { stride: [size, 2], padding: [padding, 0], ..Window::new([size, 2]) };
            compare([sizes.0, sizes.1, sizes.2, sizes.3].into(), window)?;
        }
    }

    fn compare(image: Shape, window: Window) -> Result<(), TestCaseError> {
        let ramp = |n: usize| (1..=n).map(|i| i as f64).collect::<Vec<_>>();
        let Some(count) = window.count([image[2], image[3]]) else { return Ok(()) };
        let length = image[0] * image[1] * window.size[0] * window.size[1] * count[0] * count[1];
        let x = ramp(image.numel());
        let mut columns = vec![f64::NAN; length];
        unfold(&x, image, &window, &mut columns);
        prop_assert_eq!(&columns, &window::unfold(&x, image, &window));
        let mut back = vec![f64::NAN; image.numel()];
        let y = ramp(length);
        fold(&y, image, &window, &mut back);
        prop_assert_eq!(back, window::fold(&y, image, &window));
        Ok(())
    }

    /// Large enough for several threads; sums of fractions, whose last bits depend on the order.
    #[test]
    fn threads_change_no_bit() {
        let window = Window { padding: [1, 1], ..Window::new([3, 3]) };
        let image = Shape::from([8, 16, 14, 13]);
        let x: Vec<f32> = (0..image.numel()).map(|i| (i as f32 * 0.7).sin()).collect();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut columns = vec![f32::NAN; 9 * image.numel()];
                unfold(&x, image, &window, &mut columns);
                let mut back = vec![f32::NAN; image.numel()];
                fold(&columns, image, &window, &mut back);
                (columns, back)
            })
        };
        let alone = run(1);
        assert_eq!(alone, run(3));
        assert_eq!(alone.0, window::unfold(&x, image, &window));
        assert_eq!(alone.1, window::fold(&alone.0, image, &window));
    }
}
