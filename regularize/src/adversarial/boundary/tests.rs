use super::*;
use crate::testing::{assert_close, numbers};
use nn::{Sequential, initialise};

/// Class 1 where `w·x > b`: across the gradient's axis the boundary is a straight vertical line, at the distance
/// that the margin over the dual norm gives.
#[test]
fn the_boundary_of_a_linear_network_is_straight_and_where_it_should_be() {
    let model = Sequential::<f64>::new().linear(4, 2);
    let mut parameters = initialise(&model, 1);
    let w = [1.0, -2.0, 2.0, 0.0];
    let columns: Vec<f64> = w.iter().flat_map(|w| [0.0, *w]).collect();
    parameters.insert("linear1.weight", Tensor::new([4, 2], columns));
    parameters.insert("linear1.bias", Tensor::new([2], vec![0.0, -1.0]));
    let x = Tensor::full([1, 4], 0.1);
    let mut victim = Victim::new(&model, &parameters);
    // The margin is 1 - 0.1, the norm of w 3: the boundary is 0.3 away, at 0.3 of the way to the right.
    let plane = DecisionPlane::around(&mut victim, &x, 0, Threat::two(1.0).unwrap(), 40, 1).unwrap();
    assert_eq!((plane.side, plane.centre()), (41, 0));
    for row in plane.classes.chunks(41) {
        for (column, class) in row.iter().enumerate() {
            let right = (column as f64 - 20.0) / 20.0;
            // On the boundary itself rounding decides.
            if (right - 0.3).abs() > 1e-9 {
                assert_eq!(*class, u32::from(right > 0.3));
            }
        }
    }
    let drawing = plane.drawing(|class| if class == 0 { '.' } else { '#' });
    assert_eq!(drawing.lines().count(), 41);
    assert_eq!(drawing.matches('[').count(), 1);
    assert!((plane.share_of_centre() - 0.65).abs() < 0.03);
}

#[test]
fn the_second_axis_is_orthogonal_and_as_long() {
    let (u, v) = (numbers([6], -1.0, 1.0, 1).into_data(), numbers([6], -1.0, 1.0, 2).into_data());
    let v = orthogonal(&u, v);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert_close(dot(&u, &v), 0.0, 1e-14);
    assert_close(dot(&v, &v), dot(&u, &u), 1e-14);
    assert!(orthogonal(&[0.0, 0.0], vec![1.0, 2.0]).iter().all(|v| *v == 0.0));
}

#[test]
fn the_plane_is_around_one_example_of_the_network() {
    let (model, threat) = (Sequential::<f64>::new().linear(4, 2), Threat::two(1.0).unwrap());
    let parameters = initialise(&model, 1);
    let error = |shape: &[usize]| {
        let x = Tensor::<f64>::zeros(Shape::new(shape));
        let mut victim = Victim::new(&model, &parameters);
        DecisionPlane::around(&mut victim, &x, 0, threat, 5, 1).unwrap_err().to_string()
    };
    assert_eq!(error(&[2, 4]), "the values of one example have shape [2, 4], not [1, 4]");
    assert_eq!(error(&[]), "the values of one example have shape [], not [1]");
    assert!(error(&[1, 3]).starts_with("the model does not take examples of shape [3]"));
}
