//! A classification tree, small: the unstable learner that bagging was invented for.
//!
//! Splits by the Gini impurity (Breiman, Friedman, Olshen, Stone, *Classification and Regression Trees*, 1984),
//! grown until every leaf is pure, not pruned.

/// Where examples go.
enum Node {
    Leaf {
        class: u32,
    },
    /// Left if the feature is at most the threshold.
    Split {
        feature: usize,
        threshold: f64,
        left: usize,
        right: usize,
    },
}

/// A tree; node 0 is its root.
pub struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Grown on the examples `rows` of `x`, some of them perhaps several times.
    pub fn fit(x: &[Vec<f64>], labels: &[u32], rows: &[usize], classes: usize) -> Tree {
        let mut tree = Tree { nodes: Vec::new() };
        tree.grow(x, labels, rows.to_vec(), classes);
        tree
    }

    /// The class of an example.
    pub fn predict(&self, example: &[f64]) -> u32 {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf { class } => return class,
                Node::Split { feature, threshold, left, right } => {
                    at = if example[feature] <= threshold { left } else { right };
                }
            }
        }
    }

    /// Adds the tree of `rows` and returns its root.
    fn grow(&mut self, x: &[Vec<f64>], labels: &[u32], rows: Vec<usize>, classes: usize) -> usize {
        let at = self.nodes.len();
        let counts = count(labels, &rows, classes);
        let class = (1..classes).fold(0, |best, c| if counts[c] > counts[best] { c } else { best });
        self.nodes.push(Node::Leaf { class: class as u32 });
        if let Some((feature, threshold)) = best_split(x, labels, &rows, &counts) {
            let (below, above) = rows.into_iter().partition(|&row| x[row][feature] <= threshold);
            let left = self.grow(x, labels, below, classes);
            let right = self.grow(x, labels, above, classes);
            self.nodes[at] = Node::Split { feature, threshold, left, right };
        }
        at
    }
}

fn count(labels: &[u32], rows: &[usize], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0; classes];
    rows.iter().for_each(|&row| counts[labels[row] as usize] += 1.0);
    counts
}

/// `n` times one minus the impurity: larger is purer. The sum over both sides of a split is maximised.
fn purity(counts: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    if n == 0.0 { 0.0 } else { counts.iter().map(|c| c * c).sum::<f64>() / n }
}

/// The feature and threshold that separate the classes best; `None` if all are of one class or alike.
fn best_split(x: &[Vec<f64>], labels: &[u32], rows: &[usize], counts: &[f64]) -> Option<(usize, f64)> {
    let mut best = None;
    let mut largest = purity(counts);
    if largest == rows.len() as f64 {
        return None;
    }
    let value = |row: usize, feature: usize| x[row][feature];
    for feature in 0..x[rows[0]].len() {
        let mut sorted = rows.to_vec();
        sorted.sort_by(|&a, &b| value(a, feature).total_cmp(&value(b, feature)));
        let (mut below, mut above) = (vec![0.0; counts.len()], counts.to_vec());
        for pair in sorted.windows(2) {
            below[labels[pair[0]] as usize] += 1.0;
            above[labels[pair[0]] as usize] -= 1.0;
            let (low, high) = (value(pair[0], feature), value(pair[1], feature));
            let found = purity(&below) + purity(&above);
            if low < high && found > largest + 1e-12 {
                (largest, best) = (found, Some((feature, low + (high - low) / 2.0)));
            }
        }
    }
    best
}
