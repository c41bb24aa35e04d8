use super::*;
use std::collections::BTreeSet;
use std::path::Path;

/// A case of each technique in the table of `regularize`: the technique's name there, the case's name here.
const COVERED: &[(&str, &str)] = &[
    ("L2", "L2 penalty"),
    ("L1", "L1 penalty"),
    ("ElasticNet", "elastic net"),
    ("GroupLasso", "group lasso"),
    ("Orthogonality", "orthogonality"),
    ("DecoupledDecay", "decoupled decay"),
    ("L2Ball", "L2 ball"),
    ("L1Ball", "L1 ball"),
    ("MaxNorm", "max norm"),
    ("Interval", "interval"),
    ("Simplex", "simplex"),
    ("SpectralBall", "spectral ball"),
    ("Projected", "projected step"),
    ("WeightNorm", "weight normalisation"),
    ("SpectralNorm", "spectral normalisation"),
    ("SoftSharing", "soft sharing"),
    ("Tied", "tying"),
    ("tie", "tying"),
    ("tied_dense", "convolution as a matrix"),
    ("Affine", "affine warp"),
    ("Perspective", "perspective"),
    ("Elastic", "elastic deformation"),
    ("Crop", "crop"),
    ("Flip", "flip"),
    ("Brightness", "brightness"),
    ("Contrast", "contrast"),
    ("Saturation", "saturation"),
    ("Hue", "hue"),
    ("Blur", "blur"),
    ("SaltAndPepper", "salt and pepper"),
    ("Cutout", "cutout"),
    ("Mixup", "mixup"),
    ("CutMix", "CutMix"),
    ("RandAugment", "RandAugment"),
    ("AugMix", "AugMix"),
    ("jensen_shannon", "Jensen-Shannon"),
    ("FixedWeights", "task weights"),
    ("UncertaintyWeights", "uncertainty weights"),
    ("GradNorm", "GradNorm"),
    ("PcGrad", "PCGrad"),
    ("ActivationL1", "activation L1"),
    ("StudentT", "Student-t penalty"),
    ("TargetRate", "target rate"),
    ("KWinners", "k winners"),
    ("matching_pursuit", "matching pursuit"),
    ("ista", "ISTA"),
    ("fista", "FISTA"),
    ("Average", "geometric mean"),
    ("Dropout", "dropout"),
    ("scale_units", "unit scaling"),
    ("scale_weights", "weight scaling"),
    ("GaussianDropout", "Gaussian dropout"),
    ("AlphaDropout", "alpha dropout"),
    ("SpatialDropout", "spatial dropout"),
    ("DropBlock", "DropBlock"),
    ("DropConnect", "DropConnect"),
    ("StochasticDepth", "stochastic depth"),
    ("ShakeDrop", "ShakeDrop"),
    ("VariationalDropout", "variational dropout"),
    ("Zoneout", "zoneout"),
    ("DropoutMachine", "Boltzmann dropout"),
    ("GaussianNoise", "Gaussian noise"),
    ("WeightNoise", "weight noise"),
    ("GradientNoise", "gradient noise"),
    ("Langevin", "Langevin step"),
    ("LabelSmoothing", "label smoothing"),
    ("ConfidencePenalty", "confidence penalty"),
    ("fgsm", "FGSM training"),
    ("FastGradient", "gradient training, L2"),
    ("Threat", "projection, L1 and box"),
    ("Pgd", "PGD training"),
    ("AdversarialTraining", "FGSM training"),
    ("Trades", "TRADES"),
    ("interval_bounds", "interval bounds"),
    ("margin_bounds", "merged margins"),
    ("IntervalTraining", "interval training"),
    ("EntropyMinimisation", "entropy minimisation"),
    ("PseudoLabels", "pseudo-labels"),
    ("Consistency", "Π-model"),
    ("two_passes", "two passes"),
    ("MeanTeacher", "mean teacher"),
    ("VirtualAdversarial", "virtual adversarial"),
    ("propagate_labels", "label propagation"),
    ("unroll", "three unrolled steps"),
    ("implicit_hyper_gradient", "implicit derivative"),
    ("TunedAffine", "tuned affine warp"),
    ("TunedBrightness", "tuned brightness"),
    ("TunedContrast", "tuned contrast"),
    ("TunedSmoothL1", "smooth L1"),
    ("smooth_l1_penalty", "smooth L1"),
    ("ConcreteDropout", "concrete dropout"),
    ("SharpnessAware", "SAM"),
    ("ExponentialAverage", "exponential average"),
    ("WeightAverage", "weight average"),
    ("estimate_statistics", "statistics at rest"),
    ("TangentPropagation", "tangent propagation"),
    ("Transformations", "smooth transformation"),
    ("ManifoldTangents", "manifold tangents"),
    ("Atlas", "manifold tangents"),
    ("DoubleBackpropagation", "double backpropagation"),
    ("InputGradientPenalty", "input gradient, L2"),
    ("GradientPenalty", "gradient penalty"),
    ("R1", "R1"),
    ("JacobianNorm", "Jacobian norm"),
];

/// The cells of the tables in a module's documentation.
fn rows(source: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

/// What a cell has in backquotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// The items of `regularize` that its table links to in its first two columns, each by its last name.
fn techniques() -> BTreeSet<&'static str> {
    let links = rows(include_str!("../../../../regularize/src/lib.rs"))
        .flat_map(|row| row[..2].to_vec())
        .flat_map(|cell| cell.split("[`").skip(1));
    let items = links.filter_map(|link| {
        let (path, behind) = link.split_once("`]").expect("a link ends");
        // A module is the heading of a row; what is of another crate is no technique.
        let other = behind.starts_with(':') || behind.starts_with("(nn::");
        (!other).then(|| path.trim_end_matches("()").rsplit("::").next().expect("a name"))
    });
    items.collect()
}

/// Names and stand-ins of the list of what has no case.
fn without_case() -> Vec<(&'static str, &'static str)> {
    let rows = rows(include_str!("mod.rs")).skip(1);
    rows.flat_map(|row| quoted(row[0]).map(move |name| (name, quoted(row[2]).next().expect("a test"))))
        .collect()
}

#[test]
fn every_technique_of_the_table_has_a_case_or_says_why_not() {
    let techniques = techniques();
    // The table was read: it would be an empty comparison otherwise.
    assert!(techniques.len() > 100 && techniques.contains("JacobianNorm"), "{techniques:?}");
    let covered = COVERED.iter().map(|&(technique, _)| technique);
    let excused = without_case();
    let mut known = BTreeSet::new();
    for name in covered.chain(excused.iter().map(|&(name, _)| name)) {
        assert!(known.insert(name), "{name} is named twice");
    }
    let missing: Vec<_> = techniques.difference(&known).collect();
    assert!(missing.is_empty(), "neither a case nor a line under \"Without a case\": {missing:?}");
    let gone: Vec<_> = known.difference(&techniques).collect();
    assert!(gone.is_empty(), "not in the table of regularize: {gone:?}");
}

#[test]
fn every_case_that_stands_for_a_technique_exists() {
    let cases = all();
    for (technique, name) in COVERED {
        let found = cases.iter().any(|case| case.group == Group::Technique && case.name == *name);
        assert!(found, "{technique}: no case `{name}`");
    }
}

#[test]
fn every_test_that_stands_in_exists() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../regularize/src");
    for (name, part) in without_case() {
        let file = sources.join(part).join("tests.rs");
        assert!(file.exists(), "{name}: no {}", file.display());
    }
}

#[test]
fn links_of_a_chain_averages_and_the_implicit_derivative_pass() {
    let mut cases = update::cases();
    cases.extend(averaging::cases());
    cases.extend(hyper_gradient::cases().into_iter().filter(|case| case.name.starts_with("implicit")));
    for case in cases {
        let report = case.check(1);
        assert!(report.is_success() && report.covered == report.entries, "{report}");
    }
}
