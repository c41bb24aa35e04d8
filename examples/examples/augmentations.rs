//! Every augmentation of `regularize` on one digit, as text.
//!
//! `cargo run --release -p examples --example augmentations [PICTURE.svg]`
//!
//! Each line of pictures has the digit as it is and three draws of one augmentation. An augmentation is an
//! expression in the graph: the draws are those of its streams in run 0 of seed 1, and come again with every run of
//! this program. Hue and saturation need colours: they are shown as numbers, and in the picture, if a file for it
//! is named.

mod text;

use autograd::{Draw, Graph, Interpreter, Parameters, Tensor, Var};
use nn::data::digits;
use plotters::prelude::*;
use regularize::augmentation::crop::Mirror;
use regularize::augmentation::{
    Affine, AugMix, Augmentation, Blur, Brightness, Contrast, Crop, CutMix, Cutout, Elastic, Flip,
    GaussianNoise, Hue, LabelContract, Mixup, Perspective, Pipeline, RandAugment, SaltAndPepper, Saturation,
    colour, hue,
};
use std::error::Error;
use text::pictures;

const SIDE: usize = 8;
const IMAGE: [usize; 3] = [1, SIDE, SIDE];
/// Pictures in a line: the digit itself, and draws.
const COPIES: usize = 4;
const SEED: u64 = 1;

type Named = (&'static str, Box<dyn Augmentation<f32>>);

fn evaluate(output: Var<'_, f32>) -> Result<Tensor<f32>, Box<dyn Error>> {
    let parameters = Parameters::new();
    let interpreter = Interpreter { parameters: &parameters, draw: Draw { seed: SEED, run: 0 } };
    Ok(interpreter.run(output.graph(), &[output.id()], &[])?.get(output).clone())
}

/// So many copies of one digit.
fn copies(digit: &[f32]) -> Tensor<f32> {
    Tensor::from_fn([COPIES - 1, 1, SIDE, SIDE], |i| digit[i % digit.len()])
}

fn warps_and_tones() -> Result<Vec<Named>, Box<dyn Error>> {
    Ok(vec![
        ("rotation, up to 30 degrees", Box::new(Affine::new().rotate(30.0)?)),
        ("translation, up to 2 pixels", Box::new(Affine::new().translate(2.0)?)),
        ("scaling, up to a factor of 1.5", Box::new(Affine::new().scale(1.5)?)),
        ("shear, up to a slope of 0.6", Box::new(Affine::new().shear(0.6)?)),
        ("perspective, corners by up to half of half a side", Box::new(Perspective::new(0.5)?)),
        ("elastic, displacements of 0.8 pixels, alike over 1.5", Box::new(Elastic::new(0.8, 1.5)?)),
        ("crop, whole pixels, up to 2", Box::new(Crop::new(2))),
        ("mirror, one of two", Box::new(Flip::new(Mirror::LeftRight, 0.5)?)),
        ("brightness, up to 0.3", Box::new(Brightness::new(0.3)?)),
        ("contrast, up to a factor of 3", Box::new(Contrast::new(3.0)?)),
        ("blur, up to 1 pixel", Box::new(Blur::new(1.0)?)),
        ("Gaussian noise, deviation 0.2", Box::new(GaussianNoise::new(0.2)?)),
        ("salt and pepper, 15 % of the pixels", Box::new(SaltAndPepper::new(0.15, [0.0, 1.0])?)),
        ("cutout, 3 by 3", Box::new(Cutout::new(3))),
        ("RandAugment, two of the list at full strength", Box::new(RandAugment::new(2, 1.0, IMAGE)?)),
        ("AugMix, three chains at full strength", Box::new(AugMix::new(1.0, IMAGE)?)),
    ])
}

/// Mixtures of three digits with each other.
fn mixtures(examples: &Tensor<f32>, labels: &Tensor<u32>) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for name in ["mixup, shares from Beta(1, 1)", "CutMix, shares from Beta(1, 1)"] {
        let graph = Graph::<f32>::new();
        let (x, y) = (graph.constant(examples.clone()), graph.index_constant(labels.clone()));
        let mixed = match name.starts_with("mixup") {
            true => Mixup::new(1.0)?.of(x, y, 10),
            false => CutMix::new(IMAGE, 1.0)?.of(x, y, 10),
        };
        let (inputs, targets) = (evaluate(mixed.inputs)?, evaluate(mixed.targets)?);
        let images: Vec<&[f32]> = inputs.data().chunks(SIDE * SIDE).collect();
        text += &format!("{name}\n{}\n", pictures(&images, SIDE, COPIES).trim_end());
        for target in targets.data().chunks(10) {
            let parts = target.iter().enumerate().filter(|(_, share)| **share > 0.0);
            let parts = parts.map(|(class, share)| format!("{class}: {:.0} %", 100.0 * share));
            text += &format!("{:<18}", parts.collect::<Vec<_>>().join(", "));
        }
        text = text.trim_end().to_string() + "\n\n";
    }
    Ok(text)
}

/// Red, a pale green and grey, with hues shifted by thirds of the circle and colours made stronger and weaker.
fn colours() -> Result<String, Box<dyn Error>> {
    let colours = [("red", [0.9, 0.1, 0.1]), ("pale green", [0.5, 0.7, 0.5]), ("grey", [0.4, 0.4, 0.4])];
    let mut text = String::from("colours (R G B)      hue + 1/3         hue + 2/3         saturation x 2\n");
    for (name, colour) in colours {
        let graph = Graph::<f32>::new();
        let x = graph.constant(Tensor::new([1, 3, 1, 1], colour.to_vec()));
        let each = |value: f64| graph.fill([1], value);
        let results =
            [hue::hue(x, each(1.0 / 3.0)), hue::hue(x, each(2.0 / 3.0)), colour::saturation(x, each(2.0))];
        text += &format!("  {name:<19}");
        for result in results {
            let found = evaluate(result)?;
            let [r, g, b] = [0, 1, 2].map(|i| found.data()[i]);
            text += &format!("{:<18}", format!("{r:.2} {g:.2} {b:.2}"));
        }
        text = text.trim_end().to_string() + "\n";
    }
    Ok(text)
}

/// All pictures as squares of grey, and a coloured digit under both random changes of colour.
fn picture(lines: &[Vec<Vec<f32>>], digit: &[f32], file: &str) -> Result<(), Box<dyn Error>> {
    const PIXEL: i32 = 8;
    let step = (SIDE as i32 + 1) * PIXEL;
    let size = ((COPIES as i32 * step) as u32, ((lines.len() as i32 + 2) * step) as u32);
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    let byte = |x: f32| (255.0 * x.clamp(0.0, 1.0)) as u8;
    let square = |column: usize, line: usize, pixel: usize, colour: RGBColor| {
        let x = column as i32 * step + (pixel % SIDE) as i32 * PIXEL;
        let y = line as i32 * step + (pixel / SIDE) as i32 * PIXEL;
        Rectangle::new([(x, y), (x + PIXEL, y + PIXEL)], colour.filled())
    };
    for (line, images) in lines.iter().enumerate() {
        for (column, image) in images.iter().enumerate() {
            for (pixel, &x) in image.iter().enumerate() {
                root.draw(&square(column, line, pixel, RGBColor(byte(x), byte(x), byte(x))))?;
            }
        }
    }
    // A red stroke on dark blue.
    let of = |i: usize| {
        let stroke = digit[i % (SIDE * SIDE)];
        match i / (SIDE * SIDE) % 3 {
            0 => stroke,
            1 => 0.3 * stroke,
            _ => 0.4 - 0.2 * stroke,
        }
    };
    let augmentations: [Box<dyn Augmentation<f32>>; 2] =
        [Box::new(Hue::new(0.5)?), Box::new(Saturation::new(1.0)?)];
    for (line, augmentation) in augmentations.iter().enumerate() {
        let graph = Graph::<f32>::new();
        let x = Tensor::from_fn([COPIES, 3, SIDE, SIDE], of);
        let changed = evaluate(augmentation.apply(graph.constant(x.clone()), "gallery"))?;
        for column in 0..COPIES {
            let from = if column == 0 { &x } else { &changed };
            let image = &from.data()[column * 3 * SIDE * SIDE..][..3 * SIDE * SIDE];
            for pixel in 0..SIDE * SIDE {
                let [r, g, b] = [0, 1, 2].map(|channel| byte(image[channel * SIDE * SIDE + pixel]));
                root.draw(&square(column, lines.len() + line, pixel, RGBColor(r, g, b)))?;
            }
        }
    }
    root.present()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = digits::load()?.with_example_shape(&IMAGE)?;
    let digit = data.example(4).to_vec();
    let mut lines = Vec::new();
    for (name, augmentation) in warps_and_tones()? {
        let graph = Graph::<f32>::new();
        let changed = evaluate(augmentation.apply(graph.constant(copies(&digit)), "gallery"))?;
        let drawn = changed.data().chunks(SIDE * SIDE).map(<[f32]>::to_vec);
        let images: Vec<Vec<f32>> = std::iter::once(digit.clone()).chain(drawn).collect();
        let shown: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
        println!("{name}\n{}\n", pictures(&shown, SIDE, COPIES).trim_end());
        lines.push(images);
    }
    let (examples, labels) = data.gather(&[4, 10, 13, 18])?;
    println!("{}{}", mixtures(&examples, &labels)?, colours()?);

    let mirrored = Pipeline::<f32>::new(IMAGE).then(Flip::new(Mirror::LeftRight, 0.5)?);
    let refusal = mirrored.for_labels(&LabelContract::digits()).expect_err("digits have no mirror");
    println!("Not all of them are for digits, whose contract refuses the mirror:");
    println!("  {}", refusal.to_string().replace(": it", ":\n  it"));
    if let Some(file) = std::env::args().nth(1) {
        picture(&lines, &digit, &file)?;
        println!("\nAll of them, and coloured digits, are drawn in {file}");
    }
    Ok(())
}
