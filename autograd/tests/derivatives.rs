//! The functions that differentiate, on functions whose derivatives are known in closed form, and the drawing
//! of a graph.

use autograd::{Feed, Graph, Tensor, grad, hessian, hvp, interpret, jacobian, jvp, vjp};

#[test]
fn a_quadratic_form_has_its_matrix_as_hessian() {
    // J = xᵀ A x / 2 + bᵀ x with A symmetric: gradient A x + b, Hessian A.
    let g = Graph::<f64>::new();
    let a = [2.0, -1.0, 0.5, -1.0, 3.0, 0.25, 0.5, 0.25, 1.0];
    let matrix = g.constant(Tensor::new([3, 3], a.to_vec()));
    let b = g.constant(Tensor::new([3], vec![1.0, -2.0, 4.0]));
    let x = g.input("x", [3]);
    let row = x.reshape([1, 3]);
    let loss = (row.matmul(matrix) * row).sum() * 0.5 + x.dot(b);
    let v = g.constant(Tensor::new([3], vec![1.0, 2.0, -4.0]));
    let found = interpret(
        &[grad(loss, &[x])[0], hessian(loss, x), hvp(loss, &[x], &[v])[0]],
        &[("x", Feed::from(&Tensor::new([3], vec![4.0, 8.0, 16.0])))],
        None,
    )
    .unwrap();
    // Small integers and binary fractions: exact.
    assert_eq!(found[0].data(), [9.0, 22.0, 24.0]);
    assert_eq!(found[1].data(), a);
    assert_eq!(found[2].data(), [-2.0, 4.0, -3.0]);
    // A linear function has no curvature.
    let flat = interpret(&[hvp(x.sum(), &[x], &[v])[0]], &[], None).unwrap();
    assert_eq!(flat[0].data(), [0.0; 3]);
}

#[test]
fn jacobian_products_are_rows_and_columns_of_the_jacobian() {
    // y = (x0 x1, x1²): Jacobian [[x1, x0], [0, 2 x1]].
    let g = Graph::<f64>::new();
    let x = g.input("x", [2]);
    let (first, second) = (x.slice(0, 0, 1), x.slice(0, 1, 2));
    let y = autograd::Var::concat(&[first * second, second * second], 0);
    let u = g.constant(Tensor::new([2], vec![1.0, 10.0]));
    let found = interpret(
        &[jacobian(y, x), vjp(y, u, &[x])[0], jvp(y, &[x], &[u])],
        &[("x", Feed::from(&Tensor::new([2], vec![3.0, 5.0])))],
        None,
    )
    .unwrap();
    assert_eq!(found[0].data(), [5.0, 3.0, 0.0, 10.0]);
    assert_eq!(found[1].data(), [5.0, 103.0]);
    assert_eq!(found[2].data(), [35.0, 100.0]);
}

#[test]
fn any_order_can_be_taken() {
    let g = Graph::<f64>::new();
    let x = g.scalar("x");
    let mut derivative = x.powi(5);
    for _ in 0..5 {
        derivative = grad(derivative, &[x])[0];
    }
    assert_eq!(interpret(&[derivative], &[("x", Feed::from(7.0))], None).unwrap()[0].item(), 120.0);
}

#[test]
fn a_drawing_has_every_node_and_edge() {
    let g = Graph::<f32>::new();
    let x = g.input("x", [2]);
    let w = g.parameter("w", [2]);
    let loss = (x * w).sum().named("loss");
    grad(loss, &[w]);
    let dot = g.to_dot();
    assert!(dot.starts_with("digraph {") && dot.ends_with("}\n"));
    assert_eq!(dot.matches("[label=").count(), g.len());
    let edges: usize = g.nodes().iter().map(|node| node.inputs.len()).sum();
    assert_eq!(dot.matches(" -> ").count(), edges);
    assert!(dot.contains("n0 [label=\"x input\\n[2]\\n") && dot.contains("style=dashed"), "{dot}");
}
