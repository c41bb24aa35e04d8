//! Nearest neighbours of digits by tangent distance and by Euclid's.
//!
//! `cargo run --release -p examples --example tangent_distance`
//!
//! Two digits that differ by a small shift are far apart as vectors of pixels and near by tangent distance: each
//! may move along its tangents first (Simard, LeCun, Denker, 1992). Nothing is trained: the label of a digit is
//! that of its nearest neighbour.
//!
//! It prints the errors on 300 digits for several numbers of labelled ones; then how both distances of a digit
//! from itself grow as it is shifted, against the distance of the nearest digit of another class.

use autograd::{Graph, Tensor, interpret};
use nn::data::digits;
use regularize::RegularizeError;
use regularize::tangent::{Sides, TangentNeighbour, Transformation, Transformations, tangent_distance};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let data = digits::load()?.flattened();
    let labels = data.labels().data();
    let moves = Transformations::new(8, 8, 0.7)?;
    let planes = moves.planes(data.examples())?;
    let test = 1400..1700;

    println!("Errors in % on {} digits; 6 tangents at each\n", test.len());
    println!("| labelled digits | Euclid | tangents of one | of both |");
    println!("|-----------------|--------|-----------------|---------|");
    for count in [20, 50, 100, 200, 500, 1000] {
        let neighbour = TangentNeighbour::new(planes[..count].to_vec(), &labels[..count])?;
        let error = |sides| -> Result<f64, RegularizeError> {
            let mut wrong = 0;
            for i in test.clone() {
                wrong += u32::from(neighbour.classify(&planes[i], sides)? != labels[i]);
            }
            Ok(100.0 * f64::from(wrong) / test.len() as f64)
        };
        let (neither, first, both) = (error(Sides::Neither)?, error(Sides::First)?, error(Sides::Both)?);
        println!("| {count:>15} | {neither:>6.1} | {first:>15.1} | {both:>7.1} |");
    }

    // One digit, shifted to the right by its smooth transformation.
    let digit = 3;
    let shift = moves.clone().only(&[Transformation::TranslateX]);
    let shifted = |by: f64| -> Result<_, Box<dyn Error>> {
        let graph = Graph::<f32>::new();
        let image = graph.constant(Tensor::new([1, 64], data.example(digit).to_vec()));
        // Smoothed once more by `planes`, as the digit itself is: so both are smoothed alike.
        let image = interpret(&[shift.apply(image, graph.fill([1], by))], &[], None)?.remove(0);
        Ok(moves.planes(&image)?.remove(0))
    };
    let still = shifted(0.0)?;
    let others: Vec<_> = (0..1000).filter(|&i| labels[i] != labels[digit]).collect();
    let others = data.subset(&others)?;
    let others = TangentNeighbour::new(moves.planes(others.examples())?, others.labels().data())?;
    println!("\nDistance of a {} from itself, shifted by so many pixels\n", labels[digit]);
    println!("| shift                  | Euclid | tangents of both |");
    println!("|------------------------|--------|------------------|");
    for by in [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0] {
        let moved = shifted(by)?;
        let euclid = tangent_distance(&still, &moved, Sides::Neither)?;
        let both = tangent_distance(&still, &moved, Sides::Both)?;
        println!("| {by:<22} | {euclid:>6.2} | {both:>16.2} |");
    }
    let (_, euclid) = others.nearest(&still, Sides::Neither)?;
    let (_, both) = others.nearest(&still, Sides::Both)?;
    println!("| nearest of other class | {euclid:>6.2} | {both:>16.2} |");
    Ok(())
}
