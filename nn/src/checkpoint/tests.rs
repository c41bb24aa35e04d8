use super::*;
use crate::initialise::Initialiser;
use crate::parameter::Role;
use crate::train::BatchSums;
use proptest::prelude::*;

fn spec(name: &str, lengths: &[usize]) -> ParameterSpec {
    let shape = Shape::new(lengths);
    ParameterSpec { name: name.into(), shape, role: Role::Weight, initialiser: Initialiser::Zeros }
}

/// Two parameters, one of them with an optimiser's memory, in the middle of a training.
fn example() -> Checkpoint<f32> {
    let mut parameters = Parameters::new();
    parameters
        .insert("w", Tensor::new([2, 3], vec![1.5, -0.0, f32::MIN_POSITIVE / 8.0, f32::MAX, 0.1, -7.0]));
    parameters.insert("b", Tensor::new([3], vec![1.0, 2.0, 3.0]));
    parameters.insert("w/velocity", Tensor::full([2, 3], 0.25));
    let measured = BatchSums { objective: 0.1 + 0.2, loss: 1e-300, errors: 3.0 };
    let training =
        Some(TrainingState { seed: u64::MAX, position: Position { epoch: 3, batch: 2, measured } });
    Checkpoint { training, ..Checkpoint::new(parameters) }.with_metadata("data", "digits, \"α\"\n")
}

/// Names and bits, in the order of names.
fn bits<T: Real>(parameters: &Parameters<T>) -> Vec<(String, Shape, Vec<u64>)> {
    let bits = |value: &Tensor<T>| value.data().iter().map(|x| x.bits()).collect();
    let mut all: Vec<_> = parameters.iter().map(|(n, v)| (n.to_string(), v.shape(), bits(v))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn what_is_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");
    let saved = example();
    saved.save(&path).unwrap();
    let loaded = Checkpoint::<f32>::load(&path).unwrap();
    assert_eq!(bits(&loaded.parameters), bits(&saved.parameters));
    assert_eq!((loaded.training, loaded.metadata), (saved.training, saved.metadata));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Every bit pattern, NaN included: what trained to it must be seen as it was. A NaN's payload passes
    /// through no arithmetic, but a signalling one may come back quiet.
    #[test]
    fn every_bit_pattern_comes_back(single: Vec<u32>, double: Vec<u64>, seed: u64, epoch: u64, batch: u64) {
        let singles: Vec<f32> = single.iter().map(|&b| f32::from_bits(b)).filter(|x| !x.is_nan()).collect();
        let doubles: Vec<f64> = double.iter().map(|&b| f64::from_bits(b)).collect();
        let mut parameters = Parameters::new();
        parameters.insert("s", Tensor::new([singles.len()], singles));
        parameters.insert("nan", Tensor::scalar(f32::NAN));
        let found = Checkpoint::<f32>::decode(&Checkpoint::new(parameters.clone()).encode()).unwrap();
        prop_assert_eq!(bits(&found.parameters), bits(&parameters));

        let mut parameters = Parameters::new();
        parameters.insert("d", Tensor::new([doubles.len()], doubles));
        let training = Some(TrainingState { seed, position: Position { batch, ..Position::epoch(epoch) } });
        let saved = Checkpoint { training, ..Checkpoint::new(parameters) };
        let found = Checkpoint::<f64>::decode(&saved.encode()).unwrap();
        prop_assert_eq!(bits(&found.parameters), bits(&saved.parameters));
        prop_assert_eq!(found.training, training);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, at: prop::sample::Index, new: u8) {
        let _ = Checkpoint::<f32>::decode(&bytes);
        let mut file = example().encode();
        let at = at.index(file.len());
        file[at] = new;
        let _ = Checkpoint::<f32>::decode(&file);
        let _ = Checkpoint::<f64>::decode(&file);
    }
}

#[test]
fn the_same_checkpoint_makes_the_same_bytes() {
    let rich = || (0..20).fold(example(), |c, i| c.with_metadata(&i.to_string(), "x"));
    assert!((0..20).all(|_| rich().encode() == rich().encode()));
}

#[test]
fn every_cut_and_every_appended_byte_is_an_error() {
    let whole = example().encode();
    for length in 0..whole.len() {
        let error = Checkpoint::<f32>::decode(&whole[..length]).unwrap_err();
        assert!(matches!(error, LoadError::Malformed { .. }), "cut to {length}: {error}");
    }
    let error = Checkpoint::<f32>::decode(&[&whole[..], &[0]].concat()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a whole safetensors file: incomplete metadata, file not fully covered"
    );
}

/// A flip in a header may leave a sound file that says something else; none may panic, and one among the
/// values changes exactly one value.
#[test]
fn every_flipped_bit_is_an_error_or_another_checkpoint() {
    let (whole, saved) = (example().encode(), example());
    let values = saved.parameters.numel() * 4;
    for at in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        let found = Checkpoint::<f32>::decode(&bytes);
        if at / 8 >= whole.len() - values {
            let (found, saved) = (bits(&found.unwrap().parameters), bits(&saved.parameters));
            let pairs = found.iter().zip(&saved).flat_map(|(f, s)| f.2.iter().zip(&s.2));
            assert_eq!(pairs.filter(|(f, s)| f != s).count(), 1);
        }
    }
}

#[test]
fn the_other_precision_is_refused() {
    let error = Checkpoint::<f64>::decode(&example().encode()).unwrap_err();
    assert_eq!(error.to_string(), "the tensor `b` is of type F32, the model computes in F64");
}

/// A file with a header of our own making and `data` bytes behind it.
fn file(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn files_of_other_programs_are_parameters_alone() {
    let header = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
    let found = Checkpoint::<f32>::decode(&file(header, 8)).unwrap();
    assert_eq!(found.parameters["w"], Tensor::zeros([2, 1]));
    assert_eq!((found.training, &found.metadata["format"][..]), (None, "pt"));
    let bare = r#"{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
    assert!(Checkpoint::<f32>::decode(&file(bare, 8)).unwrap().metadata.is_empty());
}

#[test]
fn headers_that_lie_are_refused() {
    let refusal =
        |header: &str, data| Checkpoint::<f32>::decode(&file(header, data)).unwrap_err().to_string();
    let axes = r#"{"w":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#;
    assert_eq!(
        refusal(axes, 4),
        "the tensor `w` has shape [1, 1, 1, 1, 1, 1, 1]: at most 6 axes are supported, and as many elements as \
         memory can hold"
    );
    let huge = r#"{"w":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}"#;
    assert!(refusal(huge, 4).contains("overflow"), "{}", refusal(huge, 4));
    let empty_but_huge = r#"{"w":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}"#;
    refusal(empty_but_huge, 0);
    let long = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(matches!(Checkpoint::<f32>::decode(&long), Err(LoadError::Malformed { .. })));
    let integer = r#"{"w":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    assert_eq!(refusal(integer, 8), "the tensor `w` is of type I64, the model computes in F32");

    let with = |text: &str| refusal(&format!(r#"{{"__metadata__":{{"nn":{text:?}}}}}"#), 0);
    let training = |objective: &str| {
        with(&format!(
            r#"{{"version":1,"training":{{"seed":1,"epoch":2,"batch":0,"objective":"{objective}","loss":"0","errors":"0"}},"metadata":{{}}}}"#
        ))
    };
    let start = "the header's account of the training cannot be read: ";
    assert_eq!(training("NaN"), format!("{start}the objective \"NaN\" is no finite number"));
    assert_eq!(training("two"), format!("{start}the objective \"two\" is no finite number"));
    let version = with(r#"{"version":2,"training":null,"metadata":{}}"#);
    assert_eq!(version, format!("{start}it is of version 2, this is version 1"));
    assert!(with("{").starts_with(start));
    assert!(with(r#"{"version":1,"training":{"seed":-1},"metadata":{}}"#).starts_with(start));
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let checkpoint = example();
    let fresh = || -> Parameters<f32> {
        [("w", Tensor::zeros([2, 3])), ("b", Tensor::zeros([3])), ("other", Tensor::zeros([1]))]
            .into_iter()
            .collect()
    };
    let mut parameters = fresh();
    let mut refusal = |specs: &[ParameterSpec]| {
        let error = checkpoint.restore(specs, &mut parameters).unwrap_err().to_string();
        assert_eq!(parameters, fresh());
        error
    };
    let (w, b, memory) = (spec("w", &[2, 3]), spec("b", &[3]), spec("w/velocity", &[2, 3]));
    assert_eq!(
        refusal(&[w.clone(), b.clone(), spec("c", &[4])]),
        "there is no tensor for the parameter `c` of shape [4]"
    );
    assert_eq!(
        refusal(&[w.clone(), spec("b", &[3, 1])]),
        "the tensor `b` has shape [3], the parameter [3, 1]"
    );
    assert_eq!(refusal(std::slice::from_ref(&w)), "there are tensors that belong to no parameter: b");
    assert_eq!(refusal(&[w.clone(), memory.clone()]), "there are tensors that belong to no parameter: b");
    let other = spec("w/first_moment", &[2, 3]);
    assert_eq!(
        refusal(&[w.clone(), b.clone(), other]),
        "there is no tensor for the parameter `w/first_moment` of shape [2, 3]"
    );

    checkpoint.restore(&[w.clone(), b.clone()], &mut parameters).unwrap();
    assert_eq!(parameters["w"], checkpoint.parameters["w"]);
    assert_eq!((parameters.get("w/velocity"), parameters["other"].item()), (None, 0.0));
    checkpoint.restore(&[w, b, memory], &mut parameters).unwrap();
    assert_eq!(parameters["w/velocity"], checkpoint.parameters["w/velocity"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("absent");
    let error = Checkpoint::<f32>::load(&path).unwrap_err();
    assert!(matches!(error.root(), LoadError::Io { .. }));
    assert!(error.to_string().starts_with(&format!("{}: cannot be read: ", path.display())), "{error}");
    std::fs::write(&path, b"short").unwrap();
    let error = Checkpoint::<f32>::load(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: not a whole safetensors file: header too small", path.display())
    );
}
