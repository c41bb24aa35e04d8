//! Tile programs against the functions evaluated one number at a time: every function, kind of operand,
//! instruction set and awkward length. (A test binary of its own: it changes the instruction set in use.)

use autograd::kernel::memory::{Memory, Place};
use autograd::kernel::simd::Level;
use autograd::kernel::tile::{Action, Chain, Instruction, Parts, Source, Target, TileProgram, UNUSED, View};
use autograd::ops::pointwise::{Binary, Unary};
use autograd::{Draw, MAX_RANK, Real, Shape};
use proptest::prelude::*;

/// One more than what one thread takes at a time.
const TWO_CHUNKS: usize = 16 * 1024 + 1;

/// Values of both signs with zeros and ties, in the domain of every function.
fn values(n: usize, offset: usize) -> Vec<f64> {
    (0..n).map(|i| [0.5, -1.5, 0.0, 2.0, 0.5, 3.25, -0.25, 1.0][(i + offset) * 5 % 8]).collect()
}

/// A memory with operands at the start of its arena, one after another, and room for one output.
fn memory<T: Real>(operands: &[&[f64]], output: usize) -> (Memory<T>, Vec<Place>, Place) {
    let mut arena: Vec<T> = Vec::new();
    let mut places = Vec::new();
    for operand in operands {
        places.push(Place::Arena(arena.len()..arena.len() + operand.len()));
        arena.extend(operand.iter().map(|&x| T::from_f64(x)));
    }
    let out = Place::Arena(arena.len()..arena.len() + output);
    // A sentinel behind the output must survive.
    arena.extend(vec![T::NAN; output]);
    arena.push(T::from_f64(-7.0));
    (
        Memory { arena: arena.into_iter().collect(), parameters: Vec::new(), constants: Vec::new() },
        places,
        out,
    )
}

/// One instruction of the given sources into the only output.
fn single<T: Real>(shape: Shape, action: Action, sources: [Source; 3], operands: usize) -> TileProgram<T> {
    let instruction = Instruction { action, sources, target: Target::Output(0) };
    let numbers = vec![T::from_f64(0.5), T::from_f64(-2.0)];
    let parts = Parts { instructions: vec![instruction], numbers, operands, outputs: 1, ..Parts::default() };
    TileProgram::new(shape, parts)
}

fn run<T: Real>(program: &TileProgram<T>, operands: &[&[f64]]) -> Vec<u64> {
    let (mut memory, reads, out) = memory::<T>(operands, program.shape().numel());
    memory.run_tiles(program, &reads, std::slice::from_ref(&out), Draw::default());
    assert_eq!(memory.arena.last().unwrap().to_f64(), -7.0, "written behind the output");
    memory.read(&out).iter().map(|x| if x.is_nan() { 1 } else { x.bits() }).collect()
}

/// Every function, every kind of operand, awkward lengths, every instruction set: the bits of the
/// function evaluated one number at a time.
fn check_functions<T: Real>(n: usize) {
    let shape = Shape::from([n]);
    let (a, b) = (values(n, 0), values(n, 3));
    let bits = |x: T| if x.is_nan() { 1 } else { x.bits() };
    let real = |x: f64| T::from_f64(x);
    for unary in Unary::ALL {
        let program = single::<T>(shape, Action::Unary(unary), [Source::Dense(0), UNUSED, UNUSED], 1);
        let expected: Vec<u64> = a.iter().map(|&x| bits(unary.evaluate(real(x)))).collect();
        assert_eq!(run(&program, &[&a]), expected, "{unary} of {n}");
    }
    for binary in Binary::ALL {
        let scalar = [-2.0];
        type At<'a> = Box<dyn Fn(usize) -> (f64, f64) + 'a>;
        let cases: [(Source, Source, &[f64], At<'_>); 4] = [
            (Source::Dense(0), Source::Dense(1), &b, Box::new(|i| (a[i], b[i]))),
            (Source::Dense(0), Source::Number(0), &b, Box::new(|i| (a[i], 0.5))),
            (Source::Scalar(1), Source::Dense(0), &scalar, Box::new(|i| (-2.0, a[i]))),
            (Source::Number(1), Source::Scalar(1), &scalar, Box::new(|_| (-2.0, -2.0))),
        ];
        for (left, right, second, at) in cases {
            let program = single::<T>(shape, Action::Binary(binary), [left, right, UNUSED], 2);
            let pair = |i: usize| (real(at(i).0), real(at(i).1));
            let expected: Vec<u64> = (0..n).map(|i| bits(binary.evaluate(pair(i).0, pair(i).1))).collect();
            assert_eq!(run(&program, &[&a, second]), expected, "{} of {n}", binary.name());
        }
    }
    let masks = [Source::Dense(0), Source::Number(0), Source::Scalar(1)];
    let branches = [Source::Dense(1), Source::Number(1)];
    for mask in masks {
        for then in branches {
            for other in branches {
                let program = single::<T>(shape, Action::Select, [mask, then, other], 2);
                let at = |source: Source, i: usize| match source {
                    Source::Dense(0) => a[i],
                    Source::Dense(_) => b[i],
                    Source::Number(0) => 0.5,
                    Source::Number(_) => -2.0,
                    _ => b[0],
                };
                let expected: Vec<u64> = (0..n)
                    .map(|i| bits(real(if at(mask, i) != 0.0 { at(then, i) } else { at(other, i) })))
                    .collect();
                assert_eq!(run(&program, &[&a, &b]), expected, "select of {n}");
            }
        }
    }
}

/// Every chain, with every kind of source: the bits of one operation after the other.
fn check_chains<T: Real>(n: usize) {
    let shape = Shape::from([n]);
    let (a, b, c) = (values(n, 0), values(n, 3), values(n, 6));
    let real = |x: f64| T::from_f64(x);
    let arithmetic = [Binary::Add, Binary::Sub, Binary::Mul];
    let seconds = [(Source::Dense(1), None), (Source::Number(0), Some(0.5))];
    let thirds = [(Source::Dense(2), None), (Source::Number(1), Some(-2.0))];
    for (first, second) in arithmetic.iter().flat_map(|f| arithmetic.map(|s| (*f, s))) {
        for (exchange, is_right) in [(false, false), (false, true), (true, false), (true, true)] {
            let chain = Chain::of(first, exchange, second, is_right).unwrap();
            for ((b_source, b_number), (c_source, c_number)) in
                seconds.into_iter().flat_map(|b| thirds.map(|c| (b, c)))
            {
                let sources = [Source::Dense(0), b_source, c_source];
                let program = single::<T>(shape, Action::Chain(chain), sources, 3);
                let pair = |binary: Binary, x: T, y: T, exchange: bool| {
                    if exchange { binary.evaluate(y, x) } else { binary.evaluate(x, y) }
                };
                let expected: Vec<u64> = (0..n)
                    .map(|i| {
                        let (b, c) = (real(b_number.unwrap_or(b[i])), real(c_number.unwrap_or(c[i])));
                        pair(second, pair(first, real(a[i]), b, exchange), c, is_right).bits()
                    })
                    .collect();
                assert_eq!(run(&program, &[&a, &b, &c]), expected, "{first:?} {second:?} of {n}");
            }
        }
    }
    assert!(Chain::of(Binary::Div, false, Binary::Add, false).is_none());
}

/// `w := w - (m + g) * 0.5` in place, and `m + g` written to an output that the chain reads again.
#[test]
fn a_chain_may_overwrite_its_last_source() {
    let shape = Shape::from([5000]);
    let add = Instruction {
        action: Action::Binary(Binary::Add),
        sources: [Source::Dense(1), Source::Dense(2), UNUSED],
        target: Target::Output(1),
    };
    let step = Instruction {
        action: Action::Chain(Chain::of(Binary::Mul, false, Binary::Sub, true).unwrap()),
        sources: [Source::Output(1), Source::Number(0), Source::Target],
        target: Target::Output(0),
    };
    let parts = Parts::<f64> {
        instructions: vec![add, step],
        numbers: vec![0.5],
        operands: 3,
        outputs: 2,
        ..Parts::default()
    };
    let program = TileProgram::new(shape, parts);
    let (w, m, g) = (values(5000, 0), values(5000, 1), values(5000, 2));
    let (mut memory, places, velocity) = memory::<f64>(&[&w, &m, &g], 5000);
    let writes = [places[0].clone(), velocity.clone()];
    memory.run_tiles(&program, &places, &writes, Draw::default());
    for i in 0..5000 {
        assert_eq!(memory.read(&velocity)[i], m[i] + g[i]);
        assert_eq!(memory.read(&places[0])[i], w[i] - (m[i] + g[i]) * 0.5);
    }
}

#[test]
fn every_function_is_itself_at_every_level_and_length() {
    let chosen = Level::detect();
    for level in Level::available() {
        Level::force(level);
        for n in [0, 1, 7, 15, 16, 17, 33, 1023, 1024, 1025, TWO_CHUNKS] {
            check_functions::<f32>(n);
            check_functions::<f64>(n);
        }
        for n in [0, 1, 17, 1025, TWO_CHUNKS] {
            check_chains::<f32>(n);
            check_chains::<f64>(n);
        }
    }
    Level::force(chosen);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Any view: permuted, reversed, stepped, repeated axes with an offset.
    #[test]
    fn a_view_is_gathered_element_by_element(
        axes in prop::collection::vec((0usize..6, -7isize..8), 0..5),
        long in prop::option::of(prop::sample::select(vec![300usize, 1024, 1025])),
        offset in 0isize..5,
    ) {
        let mut lengths: Vec<usize> = axes.iter().map(|(length, _)| *length).collect();
        if let (Some(long), Some(last)) = (long, lengths.last_mut()) {
            *last = long;
        }
        let shape = Shape::new(&lengths);
        let mut view = View { shape, offset, strides: [0; MAX_RANK] };
        axes.iter().enumerate().for_each(|(axis, (_, stride))| view.strides[axis] = *stride);
        // Moved so that it begins within its buffer.
        let reach = view.reach().unwrap_or(0..0);
        view.offset -= reach.start.min(0);
        let length = view.reach().map_or(0, |reach| reach.end) as usize;
        let buffer: Vec<f64> = (0..length).map(|i| i as f64).collect();
        let load = Instruction {
            action: Action::Load(0),
            sources: [UNUSED; 3],
            target: Target::Register(0),
        };
        let parts = Parts::<f64> {
            instructions: vec![load],
            stores: vec![(0, 0)],
            strided: vec![(0, view)],
            operands: 1,
            outputs: 1,
            registers: 1,
            ..Parts::default()
        };
        let got = run(&TileProgram::new(shape, parts), &[&buffer]);
        let mut expected = Vec::new();
        shape.for_each_index(|index| {
            let at: isize = (0..shape.rank()).map(|axis| index[axis] as isize * view.strides[axis]).sum();
            expected.push(buffer[(view.offset + at) as usize].to_bits());
        });
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn an_output_may_lie_over_an_operand_that_is_read_first() {
    let shape = Shape::from([2000]);
    // out0 = a + b stored at the end of the tile over a; out1 = a * b over b, written directly.
    let add = Instruction {
        action: Action::Binary(Binary::Add),
        sources: [Source::Dense(0), Source::Dense(1), UNUSED],
        target: Target::Register(0),
    };
    let multiply = Instruction {
        action: Action::Binary(Binary::Mul),
        sources: [Source::Dense(0), Source::Dense(1), UNUSED],
        target: Target::Register(1),
    };
    let parts = Parts::<f64> {
        instructions: vec![add, multiply],
        stores: vec![(0, 0), (1, 1)],
        operands: 2,
        outputs: 2,
        registers: 2,
        ..Parts::default()
    };
    let program = TileProgram::new(shape, parts);
    let (a, b) = (values(2000, 0), values(2000, 1));
    let (mut memory, places, _) = memory::<f64>(&[&a, &b], 0);
    memory.run_tiles(&program, &places, &places, Draw::default());
    for i in 0..2000 {
        assert_eq!((memory.read(&places[0])[i], memory.read(&places[1])[i]), (a[i] + b[i], a[i] * b[i]));
    }
}

#[test]
#[should_panic(expected = "is written and")]
fn a_directly_written_output_may_not_lie_over_its_operand() {
    let shape = Shape::from([4]);
    let program = single::<f64>(shape, Action::Unary(Unary::Neg), [Source::Dense(0), UNUSED, UNUSED], 1);
    let (mut memory, places, _) = memory::<f64>(&[&[1.0; 4]], 0);
    memory.run_tiles(&program, &places, &places, Draw::default());
}

#[test]
fn instructions_are_small() {
    // A program is read once per tile; it should fit a few cache lines.
    assert!(size_of::<Instruction>() <= 28, "{}", size_of::<Instruction>());
}
