//! Pictures as text: two characters for each pixel, since a character is about twice as high as it is wide.

/// From paper to ink.
const SHADES: [&str; 10] = ["  ", "··", "--", "~~", "==", "++", "oo", "%%", "##", "@@"];

/// Pictures of one size side by side, `columns` to a row of them; each value from 0, paper, to 1, ink.
pub fn pictures(tiles: &[&[f32]], width: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in tiles.chunks(columns) {
        for number in 0..row[0].len() / width {
            let mut line = String::new();
            for tile in row {
                let pixels = &tile[number * width..(number + 1) * width];
                let shade = |&x: &f32| SHADES[(x.clamp(0.0, 1.0) * 9.0).round() as usize];
                line.extend(pixels.iter().map(shade));
                line += "  ";
            }
            text += line.trim_end();
            text.push('\n');
        }
        text.push('\n');
    }
    text
}
