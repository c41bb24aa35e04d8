use super::*;
use proptest::prelude::*;

/// A file of version 1.0 with this header and these bytes behind it, as NumPy pads it.
fn file(dictionary: &str, data: &[u8]) -> Vec<u8> {
    with_version(1, dictionary, data)
}

fn with_version(major: u8, dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut header = dictionary.as_bytes().to_vec();
    let start = if major == 1 { 10 } else { 12 };
    header.resize((start + header.len() + 1).next_multiple_of(64) - start - 1, b' ');
    header.push(b'\n');
    let length = match major {
        1 => (header.len() as u16).to_le_bytes().to_vec(),
        _ => (header.len() as u32).to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY", &[major, 0][..], &length, &header, data].concat()
}

fn dictionary(descr: &str, fortran_order: bool, shape: &str) -> String {
    let order = if fortran_order { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
}

fn refusal(bytes: &[u8]) -> String {
    parse(bytes).unwrap_err().to_string()
}

#[test]
fn every_type_is_read() {
    let of = |descr: &str, data: &[u8]| parse(&file(&dictionary(descr, false, "(2,)"), data)).unwrap();
    let two = |a: &[u8], b: &[u8]| [a, b].concat();
    let f4 = of("<f4", &two(&1.5f32.to_le_bytes(), &f32::NAN.to_le_bytes()));
    assert!(matches!(&f4, Array::F32(t) if t.data()[0] == 1.5 && t.data()[1].is_nan()));
    let f8 = of("<f8", &two(&0.1f64.to_le_bytes(), &(-2f64).to_le_bytes()));
    assert_eq!(f8, Array::F64(Tensor::new([2], vec![0.1, -2.0])));
    assert_eq!(f8.real::<f32>().data(), [0.1f32, -2.0]);
    let i4 = of("<i4", &two(&7i32.to_le_bytes(), &i32::MIN.to_le_bytes()));
    assert_eq!(i4, Array::I32(Tensor::new([2], vec![7, i32::MIN])));
    let i8 = of("<i8", &two(&i64::MAX.to_le_bytes(), &(-1i64).to_le_bytes()));
    assert_eq!(i8, Array::I64(Tensor::new([2], vec![i64::MAX, -1])));
    let u1 = of("|u1", &[0, 255]);
    assert_eq!(u1, Array::U8(Tensor::new([2], vec![0, 255])));
    assert_eq!(u1.real::<f64>().data(), [0.0, 255.0]);
    assert_eq!([f4, f8, i4, i8, u1].map(|array| array.shape()), [Shape::from([2]); 5]);
}

#[test]
fn every_version_is_read() {
    for major in [1, 2, 3] {
        let bytes = with_version(major, &dictionary("|u1", false, "(3,)"), &[1, 2, 3]);
        assert_eq!(parse(&bytes).unwrap(), Array::U8(Tensor::new([3], vec![1, 2, 3])));
    }
    for (major, minor) in [(0, 0), (1, 1), (4, 0), (255, 255)] {
        let mut bytes = file(&dictionary("|u1", false, "(3,)"), &[1, 2, 3]);
        bytes[6..8].copy_from_slice(&[major, minor]);
        assert_eq!(
            refusal(&bytes),
            format!(".npy version {major}.{minor} is not supported, only 1.0, 2.0 and 3.0")
        );
    }
}

/// [[0, 1, 2], [3, 4, 5]], the first axis fastest: 0 3 1 4 2 5.
#[test]
fn fortran_order_is_brought_into_row_major_order() {
    let bytes = file(&dictionary("|u1", true, "(2, 3)"), &[0, 3, 1, 4, 2, 5]);
    assert_eq!(parse(&bytes).unwrap(), Array::U8(Tensor::from_fn([2, 3], |i| i as u8)));
    let scalar = file(&dictionary("|u1", true, "()"), &[9]);
    assert_eq!(parse(&scalar).unwrap(), Array::U8(Tensor::scalar(9)));
    let empty = file(&dictionary("<f8", true, "(0, 3)"), &[]);
    assert_eq!(parse(&empty).unwrap().shape(), Shape::from([0, 3]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// Against indices counted by hand, axis after axis.
    #[test]
    fn both_orders_hold_the_same_elements(lengths in prop::collection::vec(0usize..5, 0..=6)) {
        let shape = Shape::new(&lengths);
        let text = format!("({})", lengths.iter().map(|n| format!("{n},")).collect::<String>());
        let count = shape.numel();
        let value = |flat: usize| (flat % 251) as u8;
        let expected = Array::U8(Tensor::from_fn(shape, value));
        let c: Vec<u8> = (0..count).map(value).collect();
        let mut fortran = vec![0; count];
        shape.for_each_index(|index| {
            let (mut flat, mut place) = (0, 0);
            for axis in 0..shape.rank() {
                flat = flat * shape[axis] + index[axis];
            }
            for axis in (0..shape.rank()).rev() {
                place = place * shape[axis] + index[axis];
            }
            fortran[place] = value(flat);
        });
        prop_assert_eq!(&parse(&file(&dictionary("|u1", false, &text), &c)).unwrap(), &expected);
        prop_assert_eq!(&parse(&file(&dictionary("|u1", true, &text), &fortran)).unwrap(), &expected);
    }
}

#[test]
fn headers_may_be_written_in_other_ways() {
    for text in [
        "{'shape': (2,), 'descr': '|u1', 'fortran_order': False}",
        "{\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":(2,)}",
        "  { 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 2 ) , } ",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2), }",
    ] {
        assert_eq!(parse(&file(text, &[5, 6])).unwrap(), Array::U8(Tensor::new([2], vec![5, 6])), "{text}");
    }
}

#[test]
fn unfit_headers_are_refused_with_the_place() {
    let of = |text: &str| refusal(&file(text, &[5, 6]));
    let expected = |offset: usize, what: &str| format!("the .npy header at byte {offset}: expected {what}");
    assert_eq!(of("[]"), expected(0, "a dictionary in braces"));
    assert_eq!(of("{descr: 1}"), expected(1, "a name in quotes"));
    assert_eq!(of("{'descr' '|u1'}"), expected(9, "a colon"));
    assert_eq!(of("{'descr': '|u1}"), expected(11, "a closing quote"));
    let once = "one of descr, fortran_order, shape, each once";
    assert_eq!(of("{'descr': '|u1', 'other': 1}"), expected(17, once));
    assert_eq!(of("{'descr': '|u1', 'descr': '|u1'}"), expected(17, once));
    assert_eq!(of("{'descr': '|u1' 'shape': ()}"), expected(16, "a comma or the closing brace"));
    assert_eq!(of("{'fortran_order': 1}"), expected(18, "True or False"));
    assert_eq!(of("{'shape': 2}"), expected(10, "lengths in parentheses"));
    assert_eq!(of("{'shape': (-2,)}"), expected(11, "a length, an integer"));
    assert_eq!(of("{'shape': (99999999999999999999,)}"), expected(11, "a length, an integer"));
    assert_eq!(of("{'shape': (2 3)}"), expected(13, "a comma or the closing parenthesis"));
    let all = "all of descr, fortran_order, shape";
    let without = "{'descr': '|u1', 'shape': (2,)}";
    assert!(of(without).ends_with(all), "{}", of(without));
    let behind = format!("{} 1", dictionary("|u1", false, "(2,)"));
    assert_eq!(of(&behind), expected(behind.len() - 1, "nothing behind the dictionary"));
    // A header of brackets is the classic way into a stack overflow.
    assert_eq!(of(&"(".repeat(9000)), expected(0, "a dictionary in braces"));
    let deep = format!("{{'shape': {}", "(".repeat(9000));
    assert_eq!(of(&deep), expected(11, "a length, an integer"));
    assert_eq!(refusal(&with_version(2, &" ".repeat(20_000), &[])), expected(10_000, "its end"));
}

#[test]
fn types_and_shapes_that_are_not_supported_are_named() {
    for descr in [">f4", "<f2", "<u4", "<c8", "|b1", "|S3", "|O", "f4", ""] {
        assert_eq!(
            refusal(&file(&dictionary(descr, false, "(2,)"), &[0; 8])),
            format!(
                "elements of type {descr:?} are not supported, only \"<f4\", \"<f8\", \"<i4\", \"<i8\" and \"|u1\""
            )
        );
    }
    assert_eq!(
        refusal(&file(&dictionary("<f4", false, "(1, 1, 1, 1, 1, 1, 1)"), &[0; 4])),
        "an array of shape [1, 1, 1, 1, 1, 1, 1]: at most 6 axes are supported, and as many elements as memory \
         can hold"
    );
    let most = usize::MAX;
    let error = refusal(&file(&dictionary("<f4", false, &format!("({most}, {most})")), &[0; 4]));
    assert!(error.starts_with("an array of shape [18446744073709551615, 18446744073709551615]"), "{error}");
}

#[test]
fn every_cut_and_every_appended_byte_is_an_error() {
    for major in [1, 2] {
        let whole = with_version(major, &dictionary("<f4", false, "(2, 3)"), &[0; 24]);
        for length in 0..whole.len() {
            let error = parse(&whole[..length]).unwrap_err();
            let fits = match length {
                0..128 => matches!(error, DataError::NpyHeaderCut { .. }),
                _ => matches!(error, DataError::NpyLength { .. }),
            };
            assert!(fits, "cut to {length}: {error}");
        }
        let more = [&whole[..], &[0]].concat();
        assert_eq!(refusal(&more), "an array of shape [2, 3] makes a file of 152 bytes, there are 153");
    }
    assert_eq!(
        refusal(b"\x89PNG\r\n\x1a\n"),
        "not an .npy file: it begins with bytes [89, 50, 4e, 47, 0d, 0a, 1a, 0a], expected [93, 4e, 55, 4d, 50, \
         59] and a version"
    );
}

#[test]
fn labels_are_integers_that_fit() {
    let labels = |array: Array| array.labels().map(Tensor::into_data).map_err(|error| error.to_string());
    assert_eq!(labels(Array::F64(Tensor::new([2], vec![3.0, -0.0]))), Ok(vec![3, 0]));
    assert_eq!(labels(Array::I64(Tensor::new([1], vec![u32::MAX.into()]))), Ok(vec![u32::MAX]));
    let refused =
        |text: &str| Err(format!("label {text} at position 1: labels are integers from 0 to 4294967295"));
    assert_eq!(labels(Array::F64(Tensor::new([2], vec![3.0, 0.5]))), refused("0.5"));
    assert_eq!(labels(Array::F32(Tensor::new([2], vec![3.0, f32::NAN]))), refused("NaN"));
    assert_eq!(labels(Array::F64(Tensor::new([2], vec![0.0, 4294967296.0]))), refused("4294967296"));
    assert_eq!(labels(Array::I32(Tensor::new([2], vec![0, -1]))), refused("-1"));
    assert_eq!(labels(Array::I64(Tensor::new([2], vec![0, 1 << 32]))), refused("4294967296"));
}

#[test]
fn two_files_are_a_data_set() {
    let directory = tempfile::tempdir().unwrap();
    let (x, y) = (directory.path().join("x.npy"), directory.path().join("y.npy"));
    std::fs::write(&x, file(&dictionary("|u1", false, "(2, 3)"), &[1, 2, 3, 4, 5, 6])).unwrap();
    std::fs::write(&y, file(&dictionary("|u1", false, "(2,)"), &[1, 0])).unwrap();
    let data: Dataset<f64> = read_dataset(&x, &y, 2).unwrap();
    assert_eq!((data.example(1), data.labels().data()), (&[4.0, 5.0, 6.0][..], &[1, 0][..]));

    let refusal = |classes| read_dataset::<f32>(&x, &y, classes).unwrap_err().to_string();
    let both = format!("{} with {}: ", x.display(), y.display());
    assert_eq!(refusal(1), format!("{both}1 classes: classification needs at least 2"));
    std::fs::write(&x, file(&dictionary("<f4", false, "(2,)"), &[0, 0, 0, 0, 0, 0, 192, 127])).unwrap();
    assert_eq!(refusal(2), format!("{both}example 1 holds NaN at []: every value must be finite"));
    std::fs::write(&y, b"").unwrap();
    assert_eq!(
        refusal(2),
        format!("{}: cut short: the .npy header takes 8 bytes, the data ends after 0", y.display())
    );
    std::fs::remove_file(&x).unwrap();
    assert!(matches!(read(&x).unwrap_err().root(), DataError::Io { .. }));
}
