//! Every primitive operation as a case to check: the table that tests, `lab verify` and readers share.
//!
//! A [`Rule`] names a primitive; [`Rule::case`] makes a [`Case`] of it from a few numbers: shapes with empty
//! and unit axes, broadcasts, strides, ties where asked for, and values from the rule's own domain. A case
//! builds its graph in either precision and knows the bounds that it is held to.
//!
//! ```
//! use autograd::check::rules::Rule;
//! let rule = Rule::all().into_iter().find(|rule| rule.name() == "tanh").unwrap();
//! let report = rule.case(7).check().assert();
//! assert!(report.checked_fraction() == 1.0);
//! ```

use super::precision::Build;
use super::random::SplitMix64;
use super::{Checker, Report};
use crate::feed::Feed;
use crate::graph::{Graph, Var};
use crate::ops::Op;
use crate::ops::custom::Custom;
use crate::ops::pointwise::{Binary, Unary};
use crate::ops::window::Window;
use crate::parameters::Parameters;
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A primitive operation, or a flag of one that has rules of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A function of one number.
    Unary(Unary),
    /// A function of two numbers, operands broadcast against each other.
    Binary(Binary),
    /// Choice by a mask, all three operands broadcast.
    Select,
    /// Repeated axes.
    Broadcast,
    /// Sum over some axes.
    Sum,
    /// The same elements under another shape.
    Reshape,
    /// Axes in another order.
    Permute,
    /// Every so many elements of an axis.
    Slice,
    /// Zeros around an axis.
    Pad,
    /// Values one after another.
    Concat,
    /// Reversed axes.
    Flip,
    /// Rows at an index, some of them twice.
    Gather,
    /// Rows added at an index.
    ScatterAdd,
    /// Windows as columns.
    Unfold,
    /// Columns added into an image.
    Fold,
    /// Batched product, either side transposed.
    MatMul {
        /// The left side.
        transpose_lhs: bool,
        /// The right side.
        transpose_rhs: bool,
    },
    /// Maximum over some axes.
    Max,
    /// Maximum over some axes, with planned ties.
    MaxOfTies,
    /// Logarithm of a sum of exponentials over some axes.
    LogSumExp,
    /// A product with random draws, frozen for the check.
    Random,
    /// A value that is cut off, beside one that is not.
    Detach,
    /// A user's operation given by kernel and expression.
    Custom,
    /// Cross-entropy with labels: the composite that every classifier ends in.
    CrossEntropy,
    /// The Euclidean norm, rows of zeros included.
    Norm,
}

/// One check of a rule: operands' shapes and values, and the choices that the rule leaves open.
#[derive(Clone, Debug)]
pub struct Case {
    rule: Rule,
    seed: u64,
    arguments: Vec<Tensor<f64>>,
    labels: Tensor<u32>,
    choices: [usize; 8],
}

/// Lengths of axes: empty, one, and some that no vector length divides.
const LENGTHS: [usize; 5] = [3, 1, 2, 5, 0];

impl Rule {
    /// Every rule.
    pub fn all() -> Vec<Rule> {
        let mut rules: Vec<Rule> = Unary::ALL.into_iter().map(Rule::Unary).collect();
        rules.extend(Binary::ALL.into_iter().map(Rule::Binary));
        for (transpose_lhs, transpose_rhs) in [(false, false), (true, false), (false, true), (true, true)] {
            rules.push(Rule::MatMul { transpose_lhs, transpose_rhs });
        }
        use Rule::{
            Broadcast, Concat, CrossEntropy, Custom, Detach, Flip, Fold, Gather, LogSumExp, Max, MaxOfTies,
            Norm, Pad, Permute, Random, Reshape, ScatterAdd, Select, Slice, Sum, Unfold,
        };
        rules.extend([
            Select,
            Broadcast,
            Sum,
            Reshape,
            Permute,
            Slice,
            Pad,
            Concat,
            Flip,
            Gather,
            ScatterAdd,
            Unfold,
            Fold,
            Max,
            MaxOfTies,
            LogSumExp,
            Random,
            Detach,
            Custom,
            CrossEntropy,
            Norm,
        ]);
        rules
    }

    /// The name in listings.
    pub fn name(self) -> String {
        match self {
            Rule::Unary(unary) => unary.to_string(),
            Rule::Binary(binary) => match binary {
                // Told apart from the reduction and the method of the same name.
                Binary::Max => "maximum".into(),
                Binary::Min => "minimum".into(),
                other => other.name().into(),
            },
            Rule::MatMul { transpose_lhs, transpose_rhs } => {
                Op::<f64>::MatMul { transpose_lhs, transpose_rhs }.name()
            }
            other => {
                let mut name = String::new();
                for letter in format!("{other:?}").chars() {
                    if letter.is_uppercase() && !name.is_empty() {
                        name.push('_');
                    }
                    name.push(letter.to_ascii_lowercase());
                }
                name
            }
        }
    }

    /// The rule as mathematics, where one line says it.
    pub fn equation(self) -> &'static str {
        match self {
            Rule::Unary(unary) => unary.rule::<f64>().equation,
            Rule::Binary(binary) => binary.rule::<f64>().equation,
            Rule::Select => "y = m ? a : b,  a̅ = m ? y̅ : 0",
            Rule::Broadcast => "x̅ = sum of y̅ over the repeated axes",
            Rule::Sum => "x̅ = y̅ repeated over the summed axes",
            Rule::Reshape | Rule::Permute | Rule::Flip => "x̅ = the inverse rearrangement of y̅",
            Rule::Slice => "x̅ = y̅ in its places, zeros elsewhere",
            Rule::Pad => "x̅ = the slice of y̅",
            Rule::Concat => "x̅ᵢ = the i-th part of y̅",
            Rule::Gather => "x̅ = scatter_add(y̅, index)",
            Rule::ScatterAdd => "x̅ = gather(y̅, index)",
            Rule::Unfold => "x̅ = fold(y̅)",
            Rule::Fold => "x̅ = unfold(y̅)",
            Rule::MatMul { .. } => "C = A B:  A̅ = C̅ Bᵀ,  B̅ = Aᵀ C̅",
            Rule::Max | Rule::MaxOfTies => "x̅ = y̅ [x = y] / number of ties",
            Rule::LogSumExp => "x̅ = y̅ e^(x - y)",
            Rule::Random => "a draw is a constant",
            Rule::Detach => "derivative 0",
            Rule::Custom => "derivatives of the expression",
            Rule::CrossEntropy => "x̅ = (softmax x - one_hot label) / n",
            Rule::Norm => "x̅ = y̅ x / y, 0 at x = 0",
        }
    }

    /// Whether every entry's function is a polynomial of degree two at most with integer coefficients, so
    /// that integers are checked exactly.
    pub fn is_exact(self) -> bool {
        use Rule::{
            Broadcast, Concat, CrossEntropy, Custom, Detach, Flip, Fold, Gather, LogSumExp, MatMul, Max,
            MaxOfTies, Norm, Pad, Permute, Random, Reshape, ScatterAdd, Select, Slice, Sum, Unfold,
        };
        match self {
            Rule::Unary(unary) => matches!(unary, Unary::Neg | Unary::Powi(0 | 2)),
            Rule::Binary(binary) => matches!(binary, Binary::Add | Binary::Sub | Binary::Mul),
            Broadcast | Sum | Reshape | Permute | Slice | Pad | Concat | Flip | Gather | ScatterAdd => true,
            Unfold | Fold | MatMul { .. } | Custom => true,
            Select | Max | MaxOfTies | LogSumExp | Random | Detach | CrossEntropy | Norm => false,
        }
    }

    /// The case that `seed` names.
    pub fn case(self, seed: u64) -> Case {
        let mut random = SplitMix64::new(seed, 11);
        self.case_of(seed, std::array::from_fn(|_| random.below(1 << 16)))
    }

    /// The case of given choices; property tests draw and shrink them.
    pub fn case_of(self, seed: u64, choices: [usize; 8]) -> Case {
        let mut case =
            Case { rule: self, seed, arguments: Vec::new(), labels: Tensor::new([0], Vec::new()), choices };
        let shapes = case.shapes();
        let mut random = SplitMix64::new(seed, 12);
        case.arguments = (shapes.iter().enumerate())
            .map(|(position, &shape)| Tensor::from_fn(shape, |i| case.value(position, i, &mut random)))
            .collect();
        let (count, bound) = case.label_range();
        case.labels = Tensor::from_fn([count], |_| random.below(bound.max(1)) as u32);
        case
    }
}

impl Case {
    /// The rule that is checked.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The operands' shapes.
    pub fn argument_shapes(&self) -> Vec<Shape> {
        self.arguments.iter().map(Tensor::shape).collect()
    }

    fn length(&self, choice: usize) -> usize {
        LENGTHS[self.choices[choice] % LENGTHS.len()]
    }

    /// A length of at least one.
    fn some(&self, choice: usize) -> usize {
        LENGTHS[self.choices[choice] % (LENGTHS.len() - 1)]
    }

    /// A shape of up to four axes.
    fn shape(&self) -> Shape {
        let rank = self.choices[0] % 5;
        let longest = if rank > 2 { 3 } else { 5 };
        let lengths: Vec<usize> = (0..rank).map(|axis| self.length(axis + 1).min(longest)).collect();
        Shape::new(&lengths)
    }

    /// `shape` with leading axes dropped and some axes set to one: an operand that broadcasts to it.
    fn operand_of(&self, shape: Shape, choice: usize) -> Shape {
        let bits = self.choices[choice];
        let dropped = if bits.is_multiple_of(3) { (bits / 3) % (shape.rank() + 1) } else { 0 };
        let kept = shape.without_axes(|axis| axis < dropped);
        (0..kept.rank())
            .filter(|axis| bits >> (axis + 5) & 3 == 0)
            .fold(kept, |shape, axis| shape.with_axis(axis, 1))
    }

    fn window(&self) -> Window {
        let pair =
            |choice: usize, count: usize| [self.choices[choice] % count, self.choices[choice] / 7 % count];
        Window {
            size: pair(4, 3).map(|n| n + 1),
            stride: pair(5, 3).map(|n| n + 1),
            padding: pair(6, 3),
            dilation: pair(7, 2).map(|n| n + 1),
        }
    }

    /// An image that at least one window fits.
    fn image(&self) -> [usize; 2] {
        let window = self.window();
        std::array::from_fn(|axis| {
            let reach = window.dilation[axis] * (window.size[axis] - 1) + 1;
            reach.saturating_sub(2 * window.padding[axis]).max(1) + self.choices[axis + 2] % 3
        })
    }

    fn shapes(&self) -> Vec<Shape> {
        let shape = self.shape();
        let with_axis = if shape.rank() == 0 { Shape::from([self.length(1)]) } else { shape };
        match self.rule {
            Rule::Binary(_) => vec![self.operand_of(shape, 5), self.operand_of(shape, 6)],
            Rule::Select => (5..8).map(|choice| self.operand_of(shape, choice)).collect(),
            Rule::Broadcast => vec![self.operand_of(shape, 5)],
            Rule::Detach => vec![shape; 2],
            Rule::Slice | Rule::Pad | Rule::Flip => vec![with_axis],
            Rule::Concat => {
                let axis = self.choices[5] % with_axis.rank();
                let other = with_axis.with_axis(axis, self.length(6));
                vec![with_axis, other, with_axis]
            }
            Rule::Gather => vec![Shape::from([self.some(1), self.length(2)])],
            Rule::ScatterAdd => vec![Shape::from([self.length(1), self.length(2)])],
            Rule::Unfold => {
                let [h, w] = self.image();
                vec![Shape::from([self.choices[0] % 3, 1 + self.choices[1] % 2, h, w])]
            }
            Rule::Fold => {
                let (window, image) = (self.window(), self.image());
                let count = window.count(image).expect("the image is made to fit");
                let channels = 1 + self.choices[1] % 2;
                let columns = channels * window.size[0] * window.size[1];
                vec![Shape::from([self.choices[0] % 3, columns, count[0] * count[1]])]
            }
            Rule::MatMul { transpose_lhs, transpose_rhs } => {
                let (m, k, n) = (self.length(1), self.length(2), self.length(3));
                let matrix =
                    |rows, columns, transposed| if transposed { [columns, rows] } else { [rows, columns] };
                let (a, b) = (matrix(m, k, transpose_lhs), matrix(k, n, transpose_rhs));
                // No batch, a batch on both sides, a batch that one side repeats.
                let batched = |matrix: [usize; 2], batch: usize| Shape::from([batch, matrix[0], matrix[1]]);
                match self.choices[0] % 4 {
                    0 => vec![a.into(), b.into()],
                    1 => vec![batched(a, 2), batched(b, 2)],
                    2 => vec![batched(a, 2), b.into()],
                    _ => vec![batched(a, 1), batched(b, 3)],
                }
            }
            // Over nothing these are -∞, which has no differences.
            Rule::Max | Rule::MaxOfTies | Rule::LogSumExp => {
                let filled = with_axis.lengths().iter().map(|&n| n.max(1)).collect::<Vec<_>>();
                vec![Shape::new(&filled)]
            }
            Rule::CrossEntropy => vec![Shape::from([self.some(1), self.some(2)])],
            Rule::Norm => vec![Shape::from([self.length(1), self.length(2)])],
            _ => vec![shape],
        }
    }

    /// Length of the labels, and what they are below.
    fn label_range(&self) -> (usize, usize) {
        match self.rule {
            Rule::Gather => (self.length(3), self.arguments[0].shape()[0]),
            Rule::ScatterAdd => (self.arguments[0].shape()[0], self.some(3)),
            Rule::CrossEntropy => (self.arguments[0].shape()[0], self.arguments[0].shape()[1]),
            _ => (0, 1),
        }
    }

    /// Entry `i` of operand `position`.
    fn value(&self, position: usize, i: usize, random: &mut SplitMix64) -> f64 {
        let mut within = |(low, high): (f64, f64)| low + (high - low) * random.uniform();
        match self.rule {
            Rule::Unary(unary) => {
                let rule = unary.rule::<f64>();
                let x = within(rule.domain);
                // Now and then exactly at the kink, where the declared convention is tested. (At a jump there
                // is no derivative to compare with.)
                let continuous = unary != Unary::Sign && !rule.kinks.is_empty();
                if continuous && i % 4 == 3 { rule.kinks[0] } else { x }
            }
            Rule::Binary(binary) => {
                let rule = binary.rule::<f64>();
                let x = within(rule.domain[position]);
                let continuous = rule.kink_at_tie && !binary.is_comparison();
                if continuous && i % 3 == 2 { 0.5 } else { x }
            }
            Rule::Select if position == 0 => f64::from(u8::from(within((0.0, 1.0)) < 0.5)),
            // Few values, so that several are the largest.
            Rule::MaxOfTies => (within((0.0, 3.0))).floor(),
            Rule::Norm if self.choices[5].is_multiple_of(3) => 0.0,
            _ => within((-2.0, 2.0)),
        }
    }

    fn axes(&self, shape: Shape) -> Vec<isize> {
        (0..shape.rank() as isize).filter(|axis| self.choices[5] >> axis & 1 == 0).collect()
    }

    /// Records the operation.
    fn record<'g, T: Real>(&self, graph: &'g Graph<T>, x: &[Var<'g, T>]) -> Var<'g, T> {
        let shape = x[0].shape();
        let axis = |choice: usize| (self.choices[choice] % shape.rank().max(1)) as isize;
        let labels = || graph.index_constant(self.labels.clone());
        match self.rule {
            Rule::Unary(Unary::Neg) => -x[0],
            Rule::Unary(unary) => graph.record_real(Op::Unary(unary), &[x[0].id()], shape),
            Rule::Binary(binary) => x[0].try_binary(binary, x[1]).expect("the operands broadcast"),
            Rule::Select => x[0].detach().select(x[1], x[2]),
            Rule::Broadcast => x[0].broadcast_to(self.shape()),
            Rule::Sum => x[0].sum_over(&self.axes(shape)),
            Rule::Reshape => x[0].reshape([shape.numel()]),
            Rule::Permute => {
                let mut order: Vec<usize> = (0..shape.rank()).collect();
                order.rotate_left(self.choices[5] % shape.rank().max(1));
                if self.choices[6].is_multiple_of(2) {
                    order.reverse();
                }
                x[0].permute(&order)
            }
            Rule::Slice => {
                let at = axis(5);
                let length = shape[at as usize];
                let start = self.choices[6] % (length + 1);
                x[0].slice_step(at, start, length, 1 + self.choices[7] % 3)
            }
            Rule::Pad => x[0].pad(axis(5), self.choices[6] % 3, self.choices[7] % 3),
            Rule::Concat => Var::concat(x, axis(5)),
            Rule::Flip => x[0].flip(&self.axes(shape)),
            Rule::Gather => x[0].gather(labels()),
            Rule::ScatterAdd => x[0].scatter_add(labels(), self.some(3)),
            Rule::Unfold => x[0].unfold(self.window()),
            Rule::Fold => x[0].fold(self.window(), self.image()),
            Rule::MatMul { transpose_lhs, transpose_rhs } => {
                x[0].matmul_transposed(x[1], transpose_lhs, transpose_rhs)
            }
            Rule::Max | Rule::MaxOfTies => x[0].max_over(&self.axes(shape)),
            Rule::LogSumExp => x[0].logsumexp(&self.axes(shape)),
            Rule::Random => x[0] * graph.uniform("check", shape) + graph.normal("check", shape),
            Rule::Detach => x[0] * x[1].detach(),
            Rule::Custom => Var::custom(Square, &[x[0]]),
            Rule::CrossEntropy => x[0].cross_entropy(labels()),
            Rule::Norm => x[0].norm(&[-1]),
        }
    }

    /// Checks the rule at this case: VJP against JVP against differences in `f64`, in first and second
    /// order; where integers can be exact, on integers; and `f32` against `f64`.
    pub fn check(&self) -> Report {
        let name = self.rule.name();
        let graph = Graph::<f64>::new();
        let (output, inputs) = self.inputs(&graph);
        let checker = Checker::new(&name).seed(self.seed).order(2).allow_zero_gradient();
        let names: Vec<String> = (0..inputs.len()).map(argument_name).collect();
        let feeds: Vec<(&str, Feed<'_, f64>)> =
            names.iter().map(String::as_str).zip(self.arguments.iter().map(Feed::from)).collect();
        // Not differentiated: a mask, and what is cut off.
        let targets = match self.rule {
            Rule::Select => &inputs[1..],
            Rule::Detach => &inputs[..1],
            _ => &inputs[..],
        };
        let mut report = checker.graph(output, targets, &feeds, None).expect("the feeds are the case's own");
        if self.rule.is_exact() {
            let whole: Vec<Tensor<f64>> = self
                .arguments
                .iter()
                .map(|x| Tensor::from_fn(x.shape(), |i| (x.data()[i] * 2.0).round()))
                .collect();
            let feeds: Vec<(&str, Feed<'_, f64>)> =
                names.iter().map(String::as_str).zip(whole.iter().map(Feed::from)).collect();
            let exact = checker.graph_on_integers(output, targets, &feeds, None);
            report.absorb(exact.expect("the feeds are the case's own"));
        }
        // The precisions draw different random numbers: there is nothing to compare.
        if self.rule != Rule::Random {
            let single = checker.ulps(self.ulps()).precision(self, &feeds, &Parameters::new());
            report.absorb(single.expect("the feeds are the case's own"));
        }
        report
    }

    /// Units in the last place of the largest entry that `f32` may be away from `f64`. Moving elements is
    /// exact, but the cotangents of a sum add up; a function's own error is at most 4 units (see
    /// [`kernel::math`](crate::kernel::math)), its derivative takes a few more operations, and its argument is
    /// conditioned by up to 8 over the tested domains. Sums are of 60 terms at most.
    fn ulps(&self) -> f64 {
        match self.rule {
            // (1 - y)(1 + y) keeps what the rounding of y leaves: at the edge of the domain, |y| = 1 - 7e-4, half
            // a unit of y is 750 units of the derivative, and the function's own error is up to two units.
            Rule::Unary(Unary::Tanh) => 2048.0,
            // Likewise y (1 - y), with 1 - y = 2.5e-3 at the edge: 200 units of the derivative for one of y.
            Rule::Unary(Unary::Sigmoid) => 512.0,
            Rule::Unary(_) | Rule::Binary(_) => 64.0,
            _ => 128.0,
        }
    }

    fn inputs<'g, T: Real>(&self, graph: &'g Graph<T>) -> (Var<'g, T>, Vec<Var<'g, T>>) {
        let inputs: Vec<_> = (self.arguments.iter().enumerate())
            .map(|(position, value)| graph.input(&argument_name(position), value.shape()))
            .collect();
        (self.record(graph, &inputs), inputs)
    }
}

impl Build for Case {
    fn build<'g, T: Real>(&self, graph: &'g Graph<T>) -> Var<'g, T> {
        self.inputs(graph).0
    }
}

fn argument_name(position: usize) -> String {
    ["a", "b", "c"][position].into()
}

/// The square, as a user would add it: a kernel and the same function as an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Square;

impl<T: Real> Custom<T> for Square {
    fn name(&self) -> String {
        "square".into()
    }
    fn shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }
    fn forward(&self, inputs: &[(&[T], Shape)], output: &mut [T]) {
        output.iter_mut().zip(inputs[0].0).for_each(|(y, &x)| *y = x * x);
    }
    fn expression<'g>(&self, inputs: &[Var<'g, T>]) -> Option<Var<'g, T>> {
        // The same variable in two places: its cotangent is the sum over both.
        Some(inputs[0] * inputs[0])
    }
}
