//! A chain of a million nodes records, differentiates, prints, evaluates and drops: nothing in the engine
//! recurses over a graph or sorts it.

use autograd::{Feed, Graph, Parameters, Plan, grad, interpret};
use std::fmt::Write;

const LENGTH: usize = 1_000_000;

#[test]
fn a_million_nodes_record_differentiate_print_evaluate_and_drop() {
    let graph = Graph::<f64>::new();
    let x = graph.scalar("x");
    let mut y = x;
    for _ in 0..LENGTH {
        y = -y;
    }
    assert_eq!(graph.len(), LENGTH + 1);
    let slope = grad(y, &[x])[0];
    // One seed and one negation for each link.
    assert_eq!(graph.len(), 2 * LENGTH + 2);
    let values = interpret(&[y, slope], &[("x", Feed::Scalar(3.0))], None).unwrap();
    assert_eq!((values[0].item(), values[1].item()), (3.0, 1.0));

    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    write!(count, "{graph}").unwrap();
    assert!(count.0 > 40 * LENGTH, "the listing has {} bytes", count.0);
    drop(graph);
}

#[test]
fn a_chain_of_a_million_compiles_and_runs() {
    let graph = Graph::<f64>::new();
    let x = graph.scalar("x");
    let mut y = x;
    for _ in 0..LENGTH {
        // Not an operation that the compiler removes.
        y = y.sin();
    }
    let slope = grad(y, &[x])[0];
    let mut plan = Plan::builder(&graph).output("y", y).output("slope", slope).compile();
    let mut parameters = Parameters::new();
    let feeds = [("x", Feed::Scalar(1.0))];
    let outputs = plan.run(&mut parameters, &feeds).unwrap();
    let expected = interpret(&[y, slope], &feeds, None).unwrap();
    assert_eq!(outputs.scalar("y"), expected[0].item());
    assert_eq!(outputs.scalar("slope"), expected[1].item());
    assert!(outputs.scalar("y") > 0.0 && outputs.scalar("slope") > 0.0);
}
