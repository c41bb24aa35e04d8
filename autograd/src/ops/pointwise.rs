//! Pointwise operations: one output number from the numbers at the same place of the inputs.
//!
//! [`Unary::rule`] and [`Binary::rule`] are *the* table: for each function its equation, how it is
//! evaluated, its partial derivatives, the domain on which it is tested and its kinks, side by side.
//! Both derivative products follow from the partials (`x̄ᵢ = ȳ pᵢ`, `ẏ = Σ ẋᵢ pᵢ`), so nothing else has
//! to be written for a pointwise function.
//!
//! Inputs have equal shapes: the recorder has already inserted broadcasts (see
//! [`arithmetic`](super::arithmetic)), so a forgotten un-broadcast cannot be written here.
//!
//! # At a kink
//! Each function has one declared convention, tested at the kink itself: `relu'(0) = 0`, `|·|'(0) = 0`,
//! `sign(0) = 0`, and a tie in max or min gives each side one half.

mod products;
mod scalar;

use products::step;
pub(crate) use products::{jvp, vjp};
pub use scalar::{guard, maximum, minimum, relu, select, sign};

use crate::graph::Var;
use crate::real::Real;
use scalar::mask;
use std::fmt;

/// A function of one number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unary {
    /// -x
    Neg,
    /// eˣ
    Exp,
    /// ln x
    Ln,
    /// √x
    Sqrt,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// tanh x
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// ln(1 + eˣ)
    Softplus,
    /// max(x, 0)
    Relu,
    /// |x|
    Abs,
    /// -1, 0 or 1
    Sign,
    /// 2/√π ∫₀ˣ e^(-t²) dt
    Erf,
    /// xⁿ with a fixed integer n
    Powi(i32),
}

/// A function of two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b
    Div,
    /// a to the power b
    Pow,
    /// the larger
    Max,
    /// the smaller
    Min,
    /// 1 where a < b, else 0
    Less,
    /// 1 where a ≤ b, else 0
    LessEqual,
    /// 1 where a > b, else 0
    Greater,
    /// 1 where a ≥ b, else 0
    GreaterEqual,
    /// 1 where a = b, else 0
    Equal,
    /// b, but 0 where a = 0 and b is not finite
    Guard,
}

/// A partial derivative, in the form in which it is cheapest to multiply with.
pub enum Partial<'g, T: Real> {
    /// Zero everywhere: nothing is recorded.
    Zero,
    /// One.
    One,
    /// Minus one.
    MinusOne,
    /// One where the mask is not zero, zero elsewhere. Applied by `select`, so that an infinite or NaN
    /// cotangent does not leak out of the branch not taken.
    Where(Var<'g, T>),
    /// A value that is finite wherever the function's arguments and result are.
    Factor(Var<'g, T>),
    /// A value that may be infinite or NaN at a finite argument: 1/x at 0, the root of a negative number.
    /// It counts as zero where it is multiplied with zero, so that a branch that `select` did not take
    /// does not leak `0 · ∞ = NaN` into the derivative.
    Singular(Var<'g, T>),
}
use Partial::{Factor, MinusOne, One, Singular, Where, Zero};

/// All there is to know of a function of one number.
pub struct UnaryRule<T: Real> {
    /// The name in listings.
    pub name: &'static str,
    /// The function and its derivative, as mathematics.
    pub equation: &'static str,
    /// The derivative, in terms of the argument x and the result y.
    pub partial: for<'g> fn(Var<'g, T>, Var<'g, T>) -> Partial<'g, T>,
    /// The interval from which tests draw arguments.
    pub domain: (f64, f64),
    /// Arguments at which the function is not differentiable.
    pub kinks: &'static [f64],
}

/// The partial derivative of `y = f(a, b)` in one of its arguments: (a, b, y, position).
pub type BinaryPartial<T> = for<'g> fn(Var<'g, T>, Var<'g, T>, Var<'g, T>, usize) -> Partial<'g, T>;

/// All there is to know of a function of two numbers.
pub struct BinaryRule<T: Real> {
    /// The name in listings.
    pub name: &'static str,
    /// The function and its derivatives, as mathematics.
    pub equation: &'static str,
    /// The two partial derivatives, in terms of the arguments a, b and the result y.
    pub partials: BinaryPartial<T>,
    /// The intervals from which tests draw the two arguments.
    pub domain: [(f64, f64); 2],
    /// Whether there is a kink or a jump where a = b.
    pub kink_at_tie: bool,
}

/// A consumer of a function of one number: [`Unary::apply`] hands it the function as a type of its own,
/// so that a loop inside `visit` is compiled, and vectorised, for that one function.
pub trait VisitUnary<T: Real> {
    /// What the visit gives.
    type Output;
    /// Called once, with the function.
    fn visit(self, function: impl Fn(T) -> T + Copy) -> Self::Output;
}

/// A consumer of a function of two numbers; see [`VisitUnary`].
pub trait VisitBinary<T: Real> {
    /// What the visit gives.
    type Output;
    /// Called once, with the function.
    fn visit(self, function: impl Fn(T, T) -> T + Copy) -> Self::Output;
}

impl Unary {
    /// Every function of one number; for [`Unary::Powi`] some typical exponents.
    pub const ALL: [Unary; 17] = [
        Unary::Neg,
        Unary::Exp,
        Unary::Ln,
        Unary::Sqrt,
        Unary::Sin,
        Unary::Cos,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::Relu,
        Unary::Abs,
        Unary::Sign,
        Unary::Erf,
        Unary::Powi(2),
        Unary::Powi(3),
        Unary::Powi(0),
        Unary::Powi(-1),
    ];

    /// The table.
    pub fn rule<T: Real>(self) -> UnaryRule<T> {
        match self {
            Unary::Neg => UnaryRule {
                name: "neg",
                equation: "y = -x,  dy/dx = -1",
                partial: |_, _| MinusOne,
                domain: (-4.0, 4.0),
                kinks: &[],
            },
            Unary::Exp => UnaryRule {
                name: "exp",
                equation: "y = e^x,  dy/dx = y",
                partial: |_, y| Factor(y),
                domain: (-4.0, 4.0),
                kinks: &[],
            },
            Unary::Ln => UnaryRule {
                name: "ln",
                equation: "y = ln x,  dy/dx = 1/x",
                partial: |x, _| Singular(1.0 / x),
                domain: (0.1, 8.0),
                kinks: &[],
            },
            Unary::Sqrt => UnaryRule {
                name: "sqrt",
                equation: "y = sqrt x,  dy/dx = 1/(2y), +inf at x = 0",
                partial: |_, y| Singular(0.5 / y),
                domain: (0.1, 8.0),
                kinks: &[],
            },
            Unary::Sin => UnaryRule {
                name: "sin",
                equation: "y = sin x,  dy/dx = cos x",
                partial: |x, _| Factor(x.cos()),
                domain: (-8.0, 8.0),
                kinks: &[],
            },
            Unary::Cos => UnaryRule {
                name: "cos",
                equation: "y = cos x,  dy/dx = -sin x",
                partial: |x, _| Factor(-x.sin()),
                domain: (-8.0, 8.0),
                kinks: &[],
            },
            Unary::Tanh => UnaryRule {
                name: "tanh",
                // Factored: 1 - y² would cancel as |y| approaches one.
                equation: "y = tanh x,  dy/dx = (1 - y)(1 + y)",
                partial: |_, y| Factor((1.0 - y) * (1.0 + y)),
                domain: (-4.0, 4.0),
                kinks: &[],
            },
            Unary::Sigmoid => UnaryRule {
                name: "sigmoid",
                equation: "y = 1/(1 + e^-x),  dy/dx = y(1 - y)",
                partial: |_, y| Factor(y * (1.0 - y)),
                domain: (-6.0, 6.0),
                kinks: &[],
            },
            Unary::Softplus => UnaryRule {
                name: "softplus",
                // A primitive, because max(x, 0) + ln(1 + e^-|x|) as an expression has two kinks at 0 that cancel
                // in no convention: they would give the derivative 0 there, where it is 1/2.
                equation: "y = ln(1 + e^x),  dy/dx = sigmoid x",
                partial: |x, _| Factor(x.sigmoid()),
                domain: (-6.0, 6.0),
                kinks: &[],
            },
            Unary::Relu => UnaryRule {
                name: "relu",
                // Tested on the result, which a plan keeps anyway, not on the argument.
                equation: "y = max(x, 0),  dy/dx = [y > 0]",
                partial: |_, y| Where(y.greater(0.0)),
                domain: (-4.0, 4.0),
                kinks: &[0.0],
            },
            Unary::Abs => UnaryRule {
                name: "abs",
                equation: "y = |x|,  dy/dx = sign x",
                partial: |x, _| Factor(x.sign()),
                domain: (-4.0, 4.0),
                kinks: &[0.0],
            },
            Unary::Sign => UnaryRule {
                name: "sign",
                equation: "y = -1, 0 or 1,  dy/dx = 0",
                partial: |_, _| Zero,
                domain: (-4.0, 4.0),
                kinks: &[0.0],
            },
            Unary::Erf => UnaryRule {
                name: "erf",
                equation: "y = erf x,  dy/dx = 2/sqrt(pi) e^(-x²)",
                partial: |x, _| Factor((-(x * x)).exp() * std::f64::consts::FRAC_2_SQRT_PI),
                domain: (-3.0, 3.0),
                kinks: &[],
            },
            Unary::Powi(_) => UnaryRule {
                name: "powi",
                equation: "y = x^n,  dy/dx = n x^(n-1)",
                // The exponent is not visible here: `Unary::partial` handles powers.
                partial: |_, _| Zero,
                domain: (0.5, 2.0),
                kinks: &[],
            },
        }
    }

    /// The derivative dy/dx.
    pub fn partial<'g, T: Real>(self, x: Var<'g, T>, y: Var<'g, T>) -> Partial<'g, T> {
        match self {
            Unary::Powi(0) => Zero,
            Unary::Powi(1) => One,
            Unary::Powi(2) => Factor(x * 2.0),
            Unary::Powi(n) if n > 0 => Factor(x.powi(n - 1) * f64::from(n)),
            Unary::Powi(n) => Singular(x.powi(n - 1) * f64::from(n)),
            _ => (self.rule::<T>().partial)(x, y),
        }
    }

    /// Hands the function itself to `visitor`.
    #[inline(always)]
    pub fn apply<T: Real, V: VisitUnary<T>>(self, visitor: V) -> V::Output {
        match self {
            Unary::Neg => visitor.visit(|x| -x),
            Unary::Exp => visitor.visit(T::exp),
            Unary::Ln => visitor.visit(T::ln),
            Unary::Sqrt => visitor.visit(<T as Real>::sqrt),
            Unary::Sin => visitor.visit(T::sin),
            Unary::Cos => visitor.visit(T::cos),
            Unary::Tanh => visitor.visit(T::tanh),
            Unary::Sigmoid => visitor.visit(T::sigmoid),
            Unary::Softplus => visitor.visit(T::softplus),
            Unary::Relu => visitor.visit(relu),
            Unary::Abs => visitor.visit(<T as Real>::abs),
            Unary::Sign => visitor.visit(sign),
            Unary::Erf => visitor.visit(T::erf),
            // The usual exponents by themselves: with n known the loop is one or two multiplications, a tenth of
            // the time, and the same bits.
            Unary::Powi(2) => visitor.visit(|x| T::powi(x, 2)),
            Unary::Powi(3) => visitor.visit(|x| T::powi(x, 3)),
            Unary::Powi(-1) => visitor.visit(|x| T::powi(x, -1)),
            Unary::Powi(n) => visitor.visit(move |x| T::powi(x, n)),
        }
    }

    /// The function at one number.
    pub fn evaluate<T: Real>(self, x: T) -> T {
        struct At<T>(T);
        impl<T: Real> VisitUnary<T> for At<T> {
            type Output = T;
            fn visit(self, function: impl Fn(T) -> T + Copy) -> T {
                function(self.0)
            }
        }
        self.apply(At(x))
    }
}

impl fmt::Display for Unary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unary::Powi(n) => write!(f, "powi({n})"),
            _ => f.write_str(self.rule::<f64>().name),
        }
    }
}

impl Binary {
    /// Every function of two numbers.
    pub const ALL: [Binary; 13] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::Equal,
        Binary::Guard,
    ];

    /// The table.
    pub fn rule<T: Real>(self) -> BinaryRule<T> {
        const PLANE: [(f64, f64); 2] = [(-4.0, 4.0); 2];
        let comparison = |name, equation| BinaryRule {
            name,
            equation,
            partials: |_, _, _, _| Zero,
            domain: PLANE,
            kink_at_tie: true,
        };
        match self {
            Binary::Add => BinaryRule {
                name: "add",
                equation: "y = a + b,  dy/da = 1,  dy/db = 1",
                partials: |_, _, _, _| One,
                domain: PLANE,
                kink_at_tie: false,
            },
            Binary::Sub => BinaryRule {
                name: "sub",
                equation: "y = a - b,  dy/da = 1,  dy/db = -1",
                partials: |_, _, _, position| if position == 0 { One } else { MinusOne },
                domain: PLANE,
                kink_at_tie: false,
            },
            Binary::Mul => BinaryRule {
                name: "mul",
                equation: "y = a b,  dy/da = b,  dy/db = a",
                partials: |a, b, _, position| Factor(if position == 0 { b } else { a }),
                domain: PLANE,
                kink_at_tie: false,
            },
            Binary::Div => BinaryRule {
                name: "div",
                // -y/b rather than -a/b²: b² overflows or underflows long before y does.
                equation: "y = a / b,  dy/da = 1/b,  dy/db = -y/b",
                partials: |_, b, y, position| Singular(if position == 0 { 1.0 / b } else { -(y / b) }),
                domain: [(-4.0, 4.0), (0.25, 4.0)],
                kink_at_tie: false,
            },
            Binary::Pow => BinaryRule {
                name: "pow",
                equation: "y = a^b,  dy/da = b a^(b-1),  dy/db = y ln a where a > 0, else 0",
                partials: |a, b, y, position| {
                    if position == 0 {
                        // b = 0 is a constant function: its derivative is 0, also at a = 0 where a^-1 is
                        // infinite.
                        let slope = b * a.pow(b - 1.0);
                        Singular(b.equal(0.0).select(b.graph().fill(b.shape(), 0.0), slope))
                    } else {
                        // ln a is taken of one where a ≤ 0, so the branch not taken has finite
                        // derivatives of every order.
                        let positive = a.greater(0.0);
                        let one = a.graph().fill(a.shape(), 1.0);
                        Factor(y * positive.select(a, one).ln())
                    }
                },
                domain: [(0.25, 4.0), (-2.0, 3.0)],
                kink_at_tie: false,
            },
            Binary::Max => BinaryRule {
                name: "max",
                equation: "y = max(a, b),  dy/da = [a > b] + [a = b]/2,  dy/db = [b > a] + [a = b]/2",
                partials: |a, b, _, position| Factor(if position == 0 { step(a, b) } else { step(b, a) }),
                domain: PLANE,
                kink_at_tie: true,
            },
            Binary::Min => BinaryRule {
                name: "min",
                equation: "y = min(a, b),  dy/da = [a < b] + [a = b]/2,  dy/db = [b < a] + [a = b]/2",
                partials: |a, b, _, position| Factor(if position == 0 { step(b, a) } else { step(a, b) }),
                domain: PLANE,
                kink_at_tie: true,
            },
            Binary::Less => comparison("less", "y = [a < b],  derivative 0"),
            Binary::LessEqual => comparison("less_equal", "y = [a <= b],  derivative 0"),
            Binary::Greater => comparison("greater", "y = [a > b],  derivative 0"),
            Binary::GreaterEqual => comparison("greater_equal", "y = [a >= b],  derivative 0"),
            Binary::Equal => comparison("equal", "y = [a = b],  derivative 0"),
            Binary::Guard => BinaryRule {
                name: "guard",
                equation: "y = b, but 0 where a = 0 and b is not finite,  dy/da = 0,  dy/db = 1",
                partials: |_, _, _, position| if position == 0 { Zero } else { One },
                domain: PLANE,
                kink_at_tie: false,
            },
        }
    }

    /// The name in listings.
    pub fn name(self) -> &'static str {
        self.rule::<f64>().name
    }

    /// Whether the result is a mask of zeros and ones, with derivative zero.
    pub fn is_comparison(self) -> bool {
        use Binary::*;
        matches!(self, Less | LessEqual | Greater | GreaterEqual | Equal)
    }

    /// Hands the function itself to `visitor`.
    #[inline(always)]
    pub fn apply<T: Real, V: VisitBinary<T>>(self, visitor: V) -> V::Output {
        match self {
            Binary::Add => visitor.visit(|a, b| a + b),
            Binary::Sub => visitor.visit(|a, b| a - b),
            Binary::Mul => visitor.visit(|a, b| a * b),
            Binary::Div => visitor.visit(|a, b| a / b),
            Binary::Pow => visitor.visit(T::powf),
            Binary::Max => visitor.visit(maximum),
            Binary::Min => visitor.visit(minimum),
            Binary::Less => visitor.visit(|a, b| mask(a < b)),
            Binary::LessEqual => visitor.visit(|a, b| mask(a <= b)),
            Binary::Greater => visitor.visit(|a, b| mask(a > b)),
            Binary::GreaterEqual => visitor.visit(|a, b| mask(a >= b)),
            Binary::Equal => visitor.visit(|a, b| mask(a == b)),
            Binary::Guard => visitor.visit(guard),
        }
    }

    /// The function at two numbers.
    pub fn evaluate<T: Real>(self, a: T, b: T) -> T {
        struct At<T>(T, T);
        impl<T: Real> VisitBinary<T> for At<T> {
            type Output = T;
            fn visit(self, function: impl Fn(T, T) -> T + Copy) -> T {
                function(self.0, self.1)
            }
        }
        self.apply(At(a, b))
    }
}
