//! The texts of errors: what a wrongly built graph and a wrongly fed run say, with the caller's line.

use autograd::{Feed, Graph, Interpreter, Parameters, Plan, Tensor, Var, Window, grad, interpret, jvp, vjp};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of the panic in `work`, and the line that it is attributed to.
fn panic_of(work: impl FnOnce()) -> (String, u32) {
    use std::sync::{Arc, Mutex};
    // The hook is shared by all tests of this binary: one at a time.
    static HOOK: Mutex<()> = Mutex::new(());
    let _guard = HOOK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let line = Arc::new(Mutex::new(0));
    let seen = line.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| *seen.lock().unwrap() = info.location().unwrap().line()));
    let caught = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    std::panic::set_hook(before);
    let text = caught.downcast_ref::<String>().cloned();
    let text = text.or_else(|| caught.downcast_ref::<&str>().map(ToString::to_string)).expect("a text");
    let line = *line.lock().unwrap();
    (text, line)
}

/// Holds the text of a panic to `expected`, in which `HERE` is this file and the line of the graph, and the
/// panic to the line after `line`.
fn expect(line: u32, expected: &str, work: impl FnOnce()) {
    let (text, at) = panic_of(work);
    let here = format!("{}:", file!());
    let text = text.replace(&here, "HERE:");
    // Lines of the operands' origins are not pinned: they move whenever this file changes.
    let pinned: String = text
        .split("HERE:")
        .enumerate()
        .map(|(i, part)| {
            if i == 0 {
                part.to_string()
            } else {
                format!("HERE{}", part.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
        })
        .collect();
    assert_eq!(pinned, expected);
    assert!((line..line + 8).contains(&at), "attributed to line {at}, the call is near {line}");
}

#[test]
fn recording_wrongly_names_operands_axes_and_lines() {
    let g = Graph::<f32>::new();
    let x = g.input("x", [128, 784]);
    let w = g.parameter("w", [128, 256]);
    let b = g.parameter("hidden.bias", [255]);
    let labels = g.indices("labels", [100]);

    expect(
        line!(),
        "matmul: inner lengths differ, 784 and 128
   lhs  x  [128, 784]  input, HERE
                 ^^^
   rhs  w  [128, 256]  parameter, HERE
            ^^^
   help: `w` as [784, 256] would fit",
        || _ = x.matmul(w),
    );
    expect(
        line!(),
        "add: the shapes do not broadcast
   lhs  w            [128, 256]  parameter, HERE
                           ^^^
   rhs  hidden.bias  [255]       parameter, HERE
                      ^^^
   help: axes are aligned from the last; they must be equal, or one of them 1",
        || _ = w + b,
    );
    expect(
        line!(),
        "reshape: [128, 784] has 100352 elements, [100, 784] has 78400
   value  x  [128, 784]  input, HERE",
        || _ = x.reshape([100, 784]),
    );
    expect(
        line!(),
        "sum: there is no axis 2
   value  x  [128, 784]  input, HERE
   help: axes count from 0 to 1, or back from -1 to -2",
        || _ = x.sum_over(&[2]),
    );
    expect(
        line!(),
        "slice: 700..800 by 1 of axis 1
   value  x  [128, 784]  input, HERE
                   ^^^
   help: start <= end <= the axis' length, and a step of at least 1",
        || _ = x.slice(1, 700, 800),
    );
    expect(
        line!(),
        "concat: the values differ outside axis 0
   first    x  [128, 784]  input, HERE
                     ^^^
   value 1  w  [128, 256]  parameter, HERE
                     ^^^",
        || _ = Var::concat(&[x, w], 0),
    );
    expect(
        line!(),
        "cross_entropy: there is not one label for each example
   logits  x       [128, 784]  input, HERE
   labels  labels  [100]       input, HERE
   help: logits are [.., classes] and labels [..]",
        || _ = x.cross_entropy(labels),
    );
    expect(
        line!(),
        "permute: [0, 0] is not an order of the axes
   value  x  [128, 784]  input, HERE
   help: each of 0..2 must appear once",
        || _ = x.permute(&[0, 0]),
    );
    expect(
        line!(),
        "unfold: no window Window { size: [3, 3], stride: [1, 1], padding: [0, 0], dilation: [1, 1] } fits
   image  x  [128, 784]  input, HERE
   help: the image is [batch, channels, height, width]; stride and dilation at least 1",
        || _ = x.unfold(Window::new([3, 3])),
    );
    expect(
        line!(),
        "declaration: the name `x` is taken
   first  x  [128, 784]  input, HERE
   help: each input and parameter has a name of its own",
        || _ = g.scalar("x"),
    );
    expect(
        line!(),
        "parameter: `w` declared again with another shape
   first  w  [128, 256]  parameter, HERE
   help: it was declared [128, 256], now [256, 128] is asked for",
        || _ = g.parameter("w", [256, 128]),
    );
}

#[test]
fn differentiating_wrongly_says_why() {
    let g = Graph::<f64>::new();
    let x = g.input("x", [3]);
    let y = g.input("y", [3]);
    let loss = x.sign().sum().named("loss");
    expect(
        line!(),
        "grad: the output is not a scalar
   output  x  [3]  input, HERE
   help: reduce it with sum() or mean(), or give a cotangent to vjp()",
        || drop(grad(x, &[x])),
    );
    expect(
        line!(),
        "grad: the output does not depend differentiably on the target
   output  loss  []   HERE
   target  x     [3]  input, HERE
   help: if a zero gradient is meant, ask for it: grad_or_zero",
        || drop(grad(loss, &[x])),
    );
    expect(
        line!(),
        "vjp: the cotangent is not of the output's shape
   output     x     [3]  input, HERE
   cotangent  loss  []   HERE",
        || drop(vjp(x, loss, &[x])),
    );
    expect(line!(), "jvp: 2 inputs, 1 tangents", || _ = jvp(x * y, &[x, y], &[x]));
    let other = Graph::<f64>::new();
    let z = other.input("z", [3]);
    let (text, _) = panic_of(|| _ = x + z);
    assert!(text.starts_with("add: the operands belong to two different graphs"), "{text}");
}

#[test]
fn a_plan_says_which_update_does_not_fit() {
    let g = Graph::<f64>::new();
    let x = g.input("x", [3]);
    let w = g.parameter("w", [2]);
    let error = Plan::builder(&g).try_update(w, x).err().unwrap().to_string();
    assert!(
        error.starts_with("update: the expression is not of the parameter's shape\n   parameter   w  [2]")
    );
    let error = Plan::builder(&g).try_update(x, x).err().unwrap().to_string();
    assert!(error.starts_with("update: only a parameter can be updated"));
    let error = Plan::builder(&g).update(w, w).try_update(w, w).err().unwrap().to_string();
    assert!(error.starts_with("update: the parameter is updated already"));
}

#[test]
fn a_proposed_update_must_fit_as_well() {
    let g = Graph::<f64>::new();
    let x = g.input("x", [3]);
    let w = g.parameter("w", [2]);
    let (text, _) = panic_of(|| g.propose_update(w, x));
    assert!(
        text.starts_with("propose_update: the expression is not of the parameter's shape\n   parameter   w")
    );
    let (text, _) = panic_of(|| g.propose_update(x, x));
    assert!(text.starts_with("propose_update: only a parameter can be updated"), "{text}");
    assert!(g.proposed_updates().is_empty());
}

#[test]
fn a_run_refuses_what_does_not_fit_and_changes_nothing() {
    let g = Graph::<f32>::new();
    let x = g.input("x", [2, 3]);
    let labels = g.indices("labels", [2]);
    let w = g.parameter("w", [3, 4]);
    let lr = g.scalar("lr");
    let loss = x.matmul(w).cross_entropy(labels);
    let mut plan = Plan::builder(&g).output("loss", loss).update(w, w - grad(loss, &[w])[0] * lr).compile();
    let good = Tensor::<f32>::full([2, 3], 0.5);
    let wide = Tensor::<f32>::zeros([2, 4]);
    let fitting = Tensor::new([2], vec![0u32, 3]);
    let large = Tensor::new([2], vec![1u32, 4]);
    let parameters: Parameters<f32> = [("w", Tensor::full([3, 4], 0.25f32))].into_iter().collect();
    let all = |x, labels| vec![("x", x), ("labels", labels), ("lr", Feed::from(0.1))];
    let here = file!();

    type Feeds<'a> = Vec<(&'static str, Feed<'a, f32>)>;
    let cases: Vec<(Feeds<'_>, String)> = vec![
        (
            vec![("x", Feed::from(&good)), ("lr", Feed::from(0.1))],
            "the input `labels` of shape [2] is not fed (declared at HERE)".into(),
        ),
        (
            all(Feed::from(&wide), Feed::from(&fitting)),
            "`x` has shape [2, 3], the value given has [2, 4] (declared at HERE)".into(),
        ),
        (
            all(Feed::from(&good), Feed::from(&large)),
            "`labels` holds 4 at position 1; one_hot at HERE takes 0 to 3".into(),
        ),
        (
            all(Feed::from(&fitting), Feed::from(&fitting)),
            "the input `x` takes real numbers, integers were given".into(),
        ),
        (vec![("lr", Feed::from(0.1)), ("lr", Feed::from(0.2))], "the input `lr` is fed twice".into()),
        (vec![("X", Feed::from(&good))], "there is no input `X`; the inputs are: `labels`, `lr`, `x`".into()),
    ];
    for (feeds, expected) in cases {
        let mut values = parameters.clone();
        let planned = plan.run(&mut values, &feeds).map(|_| ()).unwrap_err();
        assert!(values == parameters, "a refused run changed the parameters");
        let mut text = planned.to_string();
        if let Some(at) = text.find(here) {
            let end = at
                + here.len()
                + 1
                + text[at + here.len() + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            text.replace_range(at..end, "HERE");
        }
        assert_eq!(text, expected);
        // The interpreter says the same.
        let interpreted = interpret(&[loss * lr], &feeds, Some(&parameters)).unwrap_err();
        assert_eq!(planned, interpreted);
    }
    let feeds = all(Feed::from(&good), Feed::from(&fitting));
    let missing = plan.run(&mut Parameters::new(), &feeds).map(|_| ()).unwrap_err();
    assert!(missing.to_string().starts_with("the parameter `w` of shape [3, 4] has no value (declared at "));
    let mut wrong: Parameters<f32> = [("w", Tensor::zeros([4, 3]))].into_iter().collect();
    let misshapen = plan.run(&mut wrong, &feeds).map(|_| ()).unwrap_err();
    assert!(misshapen.to_string().starts_with("`w` has shape [3, 4], the value given has [4, 3]"));
    assert_eq!(plan.draw().run, 0, "a refused run was counted");
    let mut values = parameters.clone();
    plan.run(&mut values, &feeds).unwrap();
    assert!(values != parameters);
}

#[test]
fn the_first_nan_is_traced_to_its_line() {
    let g = Graph::<f64>::new();
    let x = g.input("x", [3]);
    let root = (x - 1.0).sqrt().named("root");
    let y = (root * 2.0).sum();
    let slope = grad(y, &[x])[0];
    let value = Tensor::new([3], vec![2.0, 5.0, 0.5]);
    let parameters = Parameters::new();
    let interpreter = Interpreter { parameters: &parameters, draw: Default::default() };
    let found =
        interpreter.first_non_finite(&g, &[slope.id()], &[("x", Feed::from(&value))]).unwrap().unwrap();
    assert_eq!((found.name.as_deref(), found.position, found.derived), (Some("root"), 2, false));
    assert!(found.to_string().starts_with("NaN first appears in %3 = sqrt `root` at element 2, recorded at"));
    // The derivative of the root at 0 is infinite: the first bad node is one of the gradient's.
    let value = Tensor::new([3], vec![2.0, 5.0, 1.0]);
    let found =
        interpreter.first_non_finite(&g, &[slope.id()], &[("x", Feed::from(&value))]).unwrap().unwrap();
    assert!(found.derived && found.value.is_infinite(), "{found}");
    let fine = Tensor::new([3], vec![2.0, 5.0, 3.0]);
    assert_eq!(interpreter.first_non_finite(&g, &[slope.id()], &[("x", Feed::from(&fine))]), Ok(None));
}
