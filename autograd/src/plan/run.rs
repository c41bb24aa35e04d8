//! Stage four: running. The compiled steps and how each is carried out.

use super::codegen::{CompiledGroup, compile_group};
use super::memory::Layout;
use super::program::Program;
use super::schedule::{Schedule, Step, batch_stride};
use crate::graph::NodeId;
use crate::kernel::gemm::{self, MatrixMut, MatrixRef};
use crate::kernel::memory::{Memory, Place};
use crate::kernel::movement;
use crate::kernel::reduce;
use crate::kernel::tile::View;
use crate::ops::custom::Custom;
use crate::ops::random::Draw;
use crate::ops::reduce::{Pass, ReduceKernel, passes};
use crate::ops::window::Window;
use crate::ops::{Op, Strided};
use crate::real::Real;
use crate::shape::Shape;
use smallvec::SmallVec;
use std::sync::Arc;

/// A step with everything that it needs at run time.
#[derive(Debug)]
pub(super) enum Compiled<T: Real> {
    /// A group of pointwise operations.
    Group(CompiledGroup<T>),
    /// A batched matrix product.
    MatMul { product: Product, out: Place },
    /// A batched matrix product, consumed block by block by pointwise operations.
    MatMulGroup { product: Product, group: CompiledGroup<T> },
    /// A reduction of one run of axes.
    Reduce { kernel: ReduceKernel<T>, pass: Pass, input: Place, out: Place },
    /// The position of the largest along the last axis.
    ArgMax { input: Place, width: usize, out: usize },
    /// Rows at an index.
    Gather { table: Place, width: usize, index: usize, out: Place },
    /// Rows added at an index.
    ScatterAdd { rows: Place, width: usize, index: usize, out: Place },
    /// Ones at an index.
    OneHot { index: usize, classes: usize, out: Place },
    /// Zeros around and between.
    Pad { input: Place, from: Shape, strided: Strided, out: Place, shape: Shape },
    /// Values side by side: (place, elements of one block).
    Concat { inputs: Vec<(Place, usize)>, out: Place },
    /// Windows as columns.
    Unfold { input: Place, image: Shape, window: Window, out: Place },
    /// Columns added into an image.
    Fold { input: Place, window: Window, out: Place, image: Shape },
    /// A user's kernel.
    Custom { operation: Arc<dyn Custom<T>>, inputs: Vec<Place>, shapes: Vec<Shape>, out: Place },
}

/// An operand of a product, where it lies.
#[derive(Clone, Debug)]
pub(super) struct MatrixOperand {
    place: Place,
    offset: usize,
    layout: gemm::Layout,
    batch: usize,
    batch_stride: usize,
}

/// The factors of a product.
#[derive(Clone, Debug)]
pub(super) struct Product {
    lhs: MatrixOperand,
    rhs: MatrixOperand,
}

impl Product {
    fn places(&self) -> [&Place; 2] {
        [&self.lhs.place, &self.rhs.place]
    }

    fn matrices<'a, T>(&self, [a, b]: [&'a [T]; 2]) -> [MatrixRef<'a, T>; 2] {
        [self.lhs.matrix(a), self.rhs.matrix(b)]
    }

    /// Multiplications and additions.
    fn operations(&self) -> usize {
        2 * self.lhs.batch * self.lhs.layout.rows * self.lhs.layout.cols * self.rhs.layout.cols
    }

    fn describe(&self) -> String {
        let (a, n) = (self.lhs.layout, self.rhs.layout.cols);
        format!("matmul {} x {} x {} x {n}", self.lhs.batch, a.rows, a.cols)
    }
}

impl MatrixOperand {
    fn new(place: Place, view: View, transpose: bool) -> MatrixOperand {
        let rank = view.shape.rank();
        let positive = |stride: isize| usize::try_from(stride).expect("the schedule copies other views");
        let stored = gemm::Layout {
            rows: view.shape[rank - 2],
            cols: view.shape[rank - 1],
            row_stride: positive(view.strides[rank - 2]),
            col_stride: positive(view.strides[rank - 1]),
        };
        MatrixOperand {
            place,
            offset: positive(view.offset),
            layout: if transpose { stored.transposed() } else { stored },
            batch: view.shape.lengths()[..rank - 2].iter().product(),
            batch_stride: positive(batch_stride(&view).expect("the schedule copies other views")),
        }
    }

    fn matrix<'a, T>(&self, data: &'a [T]) -> MatrixRef<'a, T> {
        let data = data.get(self.offset..).unwrap_or(&[]);
        MatrixRef::batch(data, self.layout, self.batch, self.batch_stride)
    }
}

/// Compiles every step of a schedule.
pub(super) fn compile_steps<T: Real>(
    program: &Program<T>,
    schedule: &Schedule,
    layout: &Layout,
) -> Vec<Compiled<T>> {
    (schedule.steps.iter())
        .map(|step| match step {
            Step::Group { nodes, shape } => {
                Compiled::Group(compile_group(program, schedule, layout, nodes, *shape))
            }
            Step::Kernel(id) => compile_kernel(program, schedule, layout, *id),
            Step::Product { product, nodes, shape } => Compiled::MatMulGroup {
                product: compile_product(program, schedule, layout, *product),
                group: compile_group(program, schedule, layout, nodes, *shape),
            },
        })
        .collect()
}

fn compile_product<T: Real>(
    program: &Program<T>,
    schedule: &Schedule,
    layout: &Layout,
    id: NodeId,
) -> Product {
    let node = &program.nodes[id.index()];
    let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { unreachable!("{id} is a product") };
    let operand = |input: NodeId, transpose: bool| {
        let place = layout.places[schedule.root(input).index()].clone();
        MatrixOperand::new(place.expect("what a kernel reads has a place"), schedule.view(input), transpose)
    };
    Product { lhs: operand(node.inputs[0], transpose_lhs), rhs: operand(node.inputs[1], transpose_rhs) }
}

fn compile_kernel<T: Real>(
    program: &Program<T>,
    schedule: &Schedule,
    layout: &Layout,
    id: NodeId,
) -> Compiled<T> {
    let node = &program.nodes[id.index()];
    let shape = node.shape;
    let input_shape = |position: usize| program.nodes[node.inputs[position].index()].shape;
    let input = |position: usize| {
        let root = schedule.root(node.inputs[position]);
        layout.places[root.index()].clone().expect("what a kernel reads has a place")
    };
    let index = |position: usize| {
        layout.index_buffers[node.inputs[position].index()].expect("integers have a buffer")
    };
    let out = || layout.places[id.index()].clone().expect("what a kernel writes has a place");
    // Elements of one row behind `leading` axes.
    let width = |shape: Shape, leading: usize| shape.lengths()[leading..].iter().product::<usize>();
    let reduction = |kernel| {
        let passes = passes(input_shape(0), shape);
        assert!(passes.len() == 1, "the program reduces one run of axes at a time");
        Compiled::Reduce { kernel, pass: passes[0], input: input(0), out: out() }
    };
    match &node.op {
        Op::MatMul { .. } => {
            Compiled::MatMul { product: compile_product(program, schedule, layout, id), out: out() }
        }
        Op::Sum => reduction(reduce::sum),
        Op::Max => reduction(reduce::max),
        Op::LogSumExp => reduction(reduce::logsumexp),
        Op::ArgMax => Compiled::ArgMax {
            input: input(0),
            width: input_shape(0).last(),
            out: layout.index_buffers[id.index()].expect("integers have a buffer"),
        },
        Op::Gather => {
            Compiled::Gather { table: input(0), width: width(input_shape(0), 1), index: index(1), out: out() }
        }
        Op::ScatterAdd => {
            Compiled::ScatterAdd { rows: input(0), width: width(shape, 1), index: index(1), out: out() }
        }
        Op::OneHot => Compiled::OneHot { index: index(0), classes: shape.last(), out: out() },
        Op::Pad(strided) => {
            Compiled::Pad { input: input(0), from: input_shape(0), strided: **strided, out: out(), shape }
        }
        Op::Concat(axis) => {
            let block = |position: usize| (input(position), width(input_shape(position), *axis as usize));
            Compiled::Concat { inputs: (0..node.inputs.len()).map(block).collect(), out: out() }
        }
        Op::Unfold(window) => {
            Compiled::Unfold { input: input(0), image: input_shape(0), window: **window, out: out() }
        }
        Op::Fold(window) => Compiled::Fold { input: input(0), window: **window, out: out(), image: shape },
        Op::Custom(custom) => Compiled::Custom {
            operation: custom.0.clone(),
            inputs: (0..node.inputs.len()).map(input).collect(),
            shapes: (0..node.inputs.len()).map(input_shape).collect(),
            out: out(),
        },
        other => unreachable!("{other:?} is no kernel"),
    }
}

/// The values that a run works on.
#[derive(Debug)]
pub(super) struct State<T: Real> {
    /// Real numbers.
    pub memory: Memory<T>,
    /// Integers, a buffer for each integer node.
    pub indices: Vec<Vec<u32>>,
}

impl<T: Real> Compiled<T> {
    /// Carries the step out.
    pub fn run(&self, state: &mut State<T>, draw: Draw) {
        let State { memory, indices } = state;
        match self {
            Compiled::Group(group) => memory.run_tiles(&group.program, &group.reads, &group.writes, draw),
            Compiled::MatMul { product, out } => {
                let (c, factors) = memory.split(out, product.places());
                let [a, b] = product.matrices(factors);
                gemm::gemm(T::ONE, a, b, T::ZERO, MatrixMut::for_product(c, a, b));
            }
            Compiled::MatMulGroup { product, group } => {
                let matrices = |factors| product.matrices(factors);
                let CompiledGroup { program, reads, writes } = group;
                memory.run_product_tiles(product.places(), matrices, program, reads, writes, draw);
            }
            Compiled::Reduce { kernel, pass, input, out } => {
                let (out, [x]) = memory.split(out, [input]);
                kernel(x, pass.outer, pass.reduced, pass.inner, out);
            }
            Compiled::ArgMax { input, width, out } => {
                let rows = indices[*out].len();
                reduce::argmax(memory.read(input), rows, *width, &mut indices[*out]);
            }
            Compiled::Gather { table, width, index, out } => {
                let (out, [table]) = memory.split(out, [table]);
                movement::gather(table, &indices[*index], *width, out);
            }
            Compiled::ScatterAdd { rows, width, index, out } => {
                let (out, [rows]) = memory.split(out, [rows]);
                movement::scatter_add(rows, &indices[*index], *width, out);
            }
            Compiled::OneHot { index, classes, out } => {
                movement::one_hot(&indices[*index], *classes, memory.write(out));
            }
            Compiled::Pad { input, from, strided, out, shape } => {
                let (out, [x]) = memory.split(out, [input]);
                movement::pad(x, *from, strided, *shape, out);
            }
            Compiled::Concat { inputs, out } => {
                let stride: usize = inputs.iter().map(|(_, width)| width).sum();
                let mut start = 0;
                for (input, width) in inputs {
                    let (out, [x]) = memory.split(out, [input]);
                    movement::place_blocks(x, *width, out, start, stride);
                    start += width;
                }
            }
            Compiled::Unfold { input, image, window, out } => {
                let (out, [x]) = memory.split(out, [input]);
                movement::unfold(x, *image, window, out);
            }
            Compiled::Fold { input, window, out, image } => {
                let (out, [x]) = memory.split(out, [input]);
                movement::fold(x, *image, window, out);
            }
            Compiled::Custom { operation, inputs, shapes, out } => {
                let mut values: SmallVec<[(&[T], Shape); 4]> = SmallVec::new();
                let mut shapes = shapes.iter();
                let out = memory.split_many(out, inputs, |x| {
                    values.push((x, *shapes.next().expect("a shape for each input")));
                });
                operation.forward(&values, out);
            }
        }
    }

    /// Whether the step is large enough for several threads, roughly: the kernels decide for themselves,
    /// but a run that may need threads is moved into the thread pool as a whole, once.
    pub fn is_large(&self) -> bool {
        match self {
            Compiled::Group(group) => group.program.is_parallel(),
            Compiled::Reduce { pass, .. } => pass.outer * pass.reduced * pass.inner >= 1 << 15,
            other => other.operations() >= 1 << 20,
        }
    }

    /// Multiplications and additions, of products only.
    pub fn operations(&self) -> usize {
        match self {
            Compiled::MatMul { product, .. } | Compiled::MatMulGroup { product, .. } => product.operations(),
            _ => 0,
        }
    }

    /// A few words for listings.
    pub fn describe(&self) -> String {
        match self {
            Compiled::Group(group) => describe_group(group),
            Compiled::MatMul { product, .. } => product.describe(),
            Compiled::MatMulGroup { product, group } => {
                format!("{} into {}", product.describe(), describe_group(group))
            }
            Compiled::Reduce { pass, .. } => {
                format!("reduce {} x ({}) x {}", pass.outer, pass.reduced, pass.inner)
            }
            Compiled::ArgMax { width, .. } => format!("argmax over {width}"),
            Compiled::Gather { .. } => "gather".into(),
            Compiled::ScatterAdd { .. } => "scatter_add".into(),
            Compiled::OneHot { classes, .. } => format!("one_hot of {classes}"),
            Compiled::Pad { shape, .. } => format!("pad to {shape}"),
            Compiled::Concat { inputs, .. } => format!("concat of {}", inputs.len()),
            Compiled::Unfold { image, .. } => format!("unfold {image}"),
            Compiled::Fold { image, .. } => format!("fold to {image}"),
            Compiled::Custom { operation, .. } => format!("custom {}", operation.name()),
        }
    }
}

fn describe_group<T: Real>(CompiledGroup { program, .. }: &CompiledGroup<T>) -> String {
    format!(
        "group over {}: {} loops, {} in, {} out, tiles of {}",
        program.shape(),
        program.instructions().len(),
        program.operands(),
        program.outputs(),
        program.tile()
    )
}
