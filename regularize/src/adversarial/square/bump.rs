//! What Square proposes in the Euclidean norm (Andriushchenko et al. 2020, section 3.4 and algorithm 3).
//!
//! A *bump* is a window that is largest in its middle and falls towards its edge,
//!
//! ```text
//! b[r, s] = Σ_{j = m}^{n} 1/(j + 1)²      m = max(|r - ⌊h/2⌋|, |s - ⌊w/2⌋|),  n = ⌊max(h, w)/2⌋
//! ```
//!
//! counted from 0, and `η` are two bumps of opposite sign that share a window, one beside or one above the other,
//! over their Euclidean norm. The attack starts with a grid of five by five `η` of random signs, over their norm,
//! times `ε`. A step takes two windows of one size and moves what the second one spends to the first: with a
//! random sign `ρ` and the perturbation `δ` of a channel `i` in the windows,
//!
//! ```text
//! v = ρ η + δ_W₁ / ‖δ_W₁‖
//! δ_W₂ = 0,  δ_W₁ = v/‖v‖ √(‖δ_(W₁ ∪ W₂)‖² + (ε² - ‖δ‖²)/c)      for each of c channels
//! ```
//!
//! and all of it is brought to norm `ε` and into the box, which may leave some of the budget unspent: that is what
//! `ε² - ‖δ‖²` gives to the next step. Windows are of an odd number of rows and columns, 3 at least, where the
//! image has as many.

use super::{Image, Window, sign};
use autograd::Real;

/// Rows and columns of the grid that the attack starts with.
const GRID: usize = 5;
/// Rows and columns of the smallest window.
const SMALLEST: usize = 3;

/// Proposals for images of one size within one budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bumps {
    pub image: Image,
    pub epsilon: f64,
}

impl Bumps {
    /// A direction and a sign for each channel in every tile, of which there are at most `2 GRID - 1` squared: an
    /// image of nine rows has nine tiles of one row.
    pub fn draws_to_start(image: Image) -> usize {
        let tiles = |length: usize| length / (length / GRID).max(1);
        tiles(image.height) * tiles(image.width) * (1 + image.channels)
    }

    /// A place for each of two windows, a direction, a sign for each channel.
    pub fn draws_to_propose(image: Image) -> usize {
        5 + image.channels
    }

    /// Tiles of `η` all over the image.
    pub fn start<T: Real>(&self, draws: &[T]) -> Vec<f64> {
        let Image { channels, height, width } = self.image;
        let mut change = vec![0.0; self.image.size()];
        let [tall, wide] = [height, width].map(|length| (length / GRID).max(1));
        let [down, across] = [height / tall, width / wide];
        let [above, before] = [(height - down * tall) / 2, (width - across * wide) / 2];
        for (tile, draws) in draws.chunks(1 + channels).enumerate() {
            let (top, left) = (above + tile / across * tall, before + tile % across * wide);
            let window = Window { top, left, tall, wide };
            let eta = eta([tall, wide], draws[0]);
            for (channel, draw) in draws[1..].iter().enumerate() {
                let entries = window.entries(self.image, channel);
                entries.zip(&eta).for_each(|(k, eta)| change[k] = sign(*draw) * eta);
            }
        }
        scale_to(&mut change, self.epsilon);
        change
    }

    /// Moves what one window spends to another.
    pub fn propose<T: Real>(&self, share: f64, change: &mut [f64], draws: &[T]) {
        let image = self.image;
        let [tall, wide] = image.window(share);
        let odd = |length: usize, all: usize| (length.max(SMALLEST) | 1).min(all);
        let size = [odd(tall, image.height), odd(wide, image.width)];
        let (first, second) = (Window::at(image, size, draws), Window::at(image, size, &draws[2..]));
        let eta = eta(size, draws[4]);
        let left = (self.epsilon.powi(2) - square_of(change)).max(0.0) / image.channels as f64;
        for (channel, draw) in draws[5..].iter().enumerate() {
            let here: Vec<usize> = first.entries(image, channel).collect();
            let old: Vec<f64> = here.iter().map(|&k| change[k]).collect();
            let spent = square_of(&old);
            let signed: Vec<f64> = eta.iter().map(|eta| sign(*draw) * eta).collect();
            let mut new = signed.clone();
            if spent > 0.0 {
                new.iter_mut().zip(&old).for_each(|(new, old)| *new += old / spent.sqrt());
            }
            if square_of(&new) == 0.0 {
                // The old was exactly the opposite, as in a window of one entry.
                new = signed;
            }
            let mut free = spent + left;
            // What the windows share was counted with the first.
            here.iter().for_each(|&k| change[k] = 0.0);
            for k in second.entries(image, channel) {
                free += change[k].powi(2);
                change[k] = 0.0;
            }
            scale_to(&mut new, free.sqrt());
            here.iter().zip(new).for_each(|(&k, new)| change[k] = new);
        }
        scale_to(change, self.epsilon);
    }
}

fn square_of(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}

/// Brings values to a Euclidean norm; zeros stay.
fn scale_to(values: &mut [f64], norm: f64) {
    let size = square_of(values).sqrt();
    if size > 0.0 {
        values.iter_mut().for_each(|v| *v *= norm / size);
    }
}

/// A bump, row by row.
fn bump([tall, wide]: [usize; 2]) -> Vec<f64> {
    let last = tall.max(wide) / 2;
    let at = |k: usize| {
        let from_middle = (k / wide).abs_diff(tall / 2).max((k % wide).abs_diff(wide / 2));
        (from_middle..=last).map(|j| 1.0 / ((j + 1) as f64).powi(2)).sum()
    };
    (0..tall * wide).map(at).collect()
}

/// Two bumps of opposite sign, of norm 1 together: one above the other if the draw says so, else side by side; a
/// window of a single row or column leaves no choice, one of a single entry is 1.
fn eta<T: Real>([tall, wide]: [usize; 2], draw: T) -> Vec<f64> {
    let above = wide == 1 || (tall > 1 && draw.to_f64() < 0.5);
    let mut eta = if tall * wide == 1 {
        vec![1.0]
    } else if above {
        let mut eta = bump([tall / 2, wide]);
        eta.extend(bump([tall - tall / 2, wide]).iter().map(|b| -b));
        eta
    } else {
        let (left, right) = (bump([tall, wide / 2]), bump([tall, wide - wide / 2]));
        let (of_left, of_right) = (left.chunks(wide / 2), right.chunks(wide - wide / 2));
        of_left.zip(of_right).flat_map(|(l, r)| l.iter().copied().chain(r.iter().map(|b| -b))).collect()
    };
    scale_to(&mut eta, 1.0);
    eta
}

#[cfg(test)]
mod tests;
