//! Pictures of numbers: grey for images, blue, white and red for signed values; as PNG in a data URI, so that a
//! report is one file.
//!
//! Each value becomes a square of pixels: scaled up here, by repetition, and not by a browser that might
//! smooth it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Red, green and blue.
type Colour = [u8; 3];

/// What lies between the tiles of a mosaic.
const GAP: Colour = [128, 128, 128];

/// A picture, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pixels: Vec<Colour>,
}

impl Picture {
    fn of([height, width]: [usize; 2], values: &[f32], colour: impl Fn(f32) -> Colour) -> Picture {
        assert_eq!(values.len(), width * height, "one value for each pixel");
        Picture { width, height, pixels: values.iter().map(|&value| colour(value)).collect() }
    }

    /// Values from 0, white, to 1, black: ink on paper.
    pub fn ink(size: [usize; 2], values: &[f32]) -> Picture {
        Picture::of(size, values, |value| [(255.0 * (1.0 - value.clamp(0.0, 1.0))).round() as u8; 3])
    }

    /// Values from `-scale`, blue, over 0, exactly white, to `scale`, red. What lies beyond has the outermost
    /// colour.
    pub fn signed(size: [usize; 2], values: &[f32], scale: f32) -> Picture {
        const BLUE: Colour = [33, 102, 172];
        const RED: Colour = [178, 24, 43];
        Picture::of(size, values, |value| {
            let share = if scale > 0.0 { (value / scale).clamp(-1.0, 1.0) } else { 0.0 };
            let end = if share < 0.0 { BLUE } else { RED };
            end.map(|channel| (255.0 + (f32::from(channel) - 255.0) * share.abs()).round() as u8)
        })
    }

    /// Each pixel as a square of `factor` by `factor`.
    pub fn scaled(&self, factor: usize) -> Picture {
        let (width, height) = (self.width * factor, self.height * factor);
        let from = |at: usize| self.pixels[at / width / factor * self.width + at % width / factor];
        Picture { width, height, pixels: (0..width * height).map(from).collect() }
    }

    /// Pictures of one size side by side, `columns` to a row, with a grey line around each.
    ///
    /// # Panics
    /// If there are none.
    pub fn mosaic(tiles: &[Picture], columns: usize) -> Picture {
        let (tile_width, tile_height) = (tiles[0].width, tiles[0].height);
        let columns = columns.min(tiles.len());
        let rows = tiles.len().div_ceil(columns);
        let width = columns * (tile_width + 1) + 1;
        let height = rows * (tile_height + 1) + 1;
        let mut pixels = vec![GAP; width * height];
        for (number, tile) in tiles.iter().enumerate() {
            let left = number % columns * (tile_width + 1) + 1;
            let top = number / columns * (tile_height + 1) + 1;
            for (row, line) in tile.pixels.chunks(tile_width).enumerate() {
                let start = (top + row) * width + left;
                pixels[start..start + tile_width].copy_from_slice(line);
            }
        }
        Picture { width, height, pixels }
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("a picture has pixels, and memory takes them");
        writer.write_image_data(self.pixels.as_flattened()).expect("as many as the header says");
        writer.finish().expect("memory takes the end of the file");
        file
    }

    /// The picture as the address of an image.
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(self.png()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_the_ends_are_reached() {
        let picture = Picture::signed([1, 3], &[-2.0, 0.0, 1.0], 1.0);
        assert_eq!(picture.pixels, [[33, 102, 172], [255, 255, 255], [178, 24, 43]]);
        assert_eq!(Picture::ink([1, 2], &[0.0, 1.0]).pixels, [[255; 3], [0; 3]]);
    }

    #[test]
    fn scaling_repeats_pixels_and_a_mosaic_separates_tiles() {
        let tile = Picture::ink([1, 2], &[0.0, 1.0]);
        let twice = tile.scaled(2);
        assert_eq!((twice.width, twice.height), (4, 2));
        assert_eq!(twice.pixels[4..], [[255; 3], [255; 3], [0; 3], [0; 3]]);
        let mosaic = Picture::mosaic(&[tile.clone(), tile.clone(), tile], 2);
        assert_eq!((mosaic.width, mosaic.height), (7, 5));
        assert_eq!(mosaic.pixels[7..14], [GAP, [255; 3], [0; 3], GAP, [255; 3], [0; 3], GAP]);
    }

    #[test]
    fn a_png_file_can_be_read_back() {
        let picture = Picture::signed([2, 2], &[-1.0, -0.5, 0.5, 1.0], 1.0);
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture.png())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, picture.pixels.as_flattened());
    }
}
