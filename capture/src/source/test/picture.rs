//! The test picture: colour bars, a ball that moves, a clock for people and the frame number for programs.
//!
//! The number stands at the bottom as 24 squares, most significant first, white for one: a decoded picture tells which
//! frame it is.

use super::glyphs::bars;
use crate::encode::rendition::{FRAME_RATE_HZ, HEIGHT, WIDTH};

const W: usize = WIDTH as usize;
const H: usize = HEIGHT as usize;

/// Brightness, and the two colour differences (BT.709, limited range), of the bars from left to right.
const COLOURS: [[u8; 3]; 8] = [
    [180, 128, 128],
    [168, 44, 136],
    [145, 147, 44],
    [134, 63, 52],
    [63, 193, 204],
    [51, 109, 212],
    [28, 212, 120],
    [16, 128, 128],
];

/// Squares of the frame number.
const BITS: usize = 24;

/// Edge of a square of the frame number, pixels.
const SQUARE: usize = 40;

/// Brightness of black and white.
const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// Paints frames on a fixed background.
pub(crate) struct Painter {
    background: Vec<u8>,
}

impl Default for Painter {
    fn default() -> Self {
        let mut pixels = vec![128; W * H * 3 / 2];
        for (n, [y, u, v]) in COLOURS.into_iter().enumerate() {
            let (left, width) = (n * W / COLOURS.len(), W / COLOURS.len());
            fill(&mut pixels[..W * H], W, (left, 0, width, H), y);
            let (half_w, quarter) = (W / 2, W * H / 4);
            let half = (left / 2, 0, width / 2, H / 2);
            fill(&mut pixels[W * H..W * H + quarter], half_w, half, u);
            fill(&mut pixels[W * H + quarter..], half_w, half, v);
        }
        fill(&mut pixels[..W * H], W, (0, H - 2 * SQUARE, W, 2 * SQUARE), BLACK);
        Self { background: pixels }
    }
}

impl Painter {
    /// Paints a frame.
    pub(crate) fn paint(&self, frame: u64) -> gst::Buffer {
        let mut pixels = self.background.clone();
        let luma = &mut pixels[..W * H];
        clock(luma, frame);
        number(luma, frame);
        ball(luma, frame);
        gst::Buffer::from_mut_slice(pixels)
    }
}

/// Fills a rectangle (left, top, width, height) of a plane.
fn fill(
    plane: &mut [u8],
    stride: usize,
    (left, top, width, height): (usize, usize, usize, usize),
    value: u8,
) {
    for row in plane.chunks_exact_mut(stride).skip(top).take(height) {
        row[left..left + width].fill(value);
    }
}

fn clock(luma: &mut [u8], frame: u64) {
    let (seconds, rest) = (frame / u64::from(FRAME_RATE_HZ), frame % u64::from(FRAME_RATE_HZ));
    let text = format!("{:02}:{:02}:{:02}.{rest:02}", seconds / 3600 % 100, seconds / 60 % 60, seconds % 60);
    let unit = 16;
    fill(luma, W, (200, 230, 880, 160), BLACK);
    for (n, character) in text.chars().enumerate() {
        let (x, y) = (220 + n * 5 * unit, 254);
        for (left, top, width, height) in bars(character) {
            let bar = (x + left * unit, y + top * unit, width * unit, height * unit);
            fill(luma, W, bar, WHITE);
        }
    }
}

fn number(luma: &mut [u8], frame: u64) {
    for bit in 0..BITS {
        let value = if frame >> (BITS - 1 - bit) & 1 == 1 { WHITE } else { BLACK };
        let left = (W - BITS * SQUARE) / 2 + bit * SQUARE;
        fill(luma, W, (left, H - SQUARE * 3 / 2, SQUARE, SQUARE), value);
    }
}

fn ball(luma: &mut [u8], frame: u64) {
    // Once across the picture in four seconds, with whole steps.
    let across = W - 80;
    let left = usize::try_from(frame).unwrap_or(0) * 10 % across;
    fill(luma, W, (left, 480, 80, 80), WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the frame number back from the squares.
    fn read(pixels: &[u8]) -> u64 {
        let row = H - SQUARE;
        (0..BITS).fold(0, |number, bit| {
            let x = (W - BITS * SQUARE) / 2 + bit * SQUARE + SQUARE / 2;
            number << 1 | u64::from(pixels[row * W + x] > 128)
        })
    }

    #[test]
    fn a_picture_tells_which_frame_it_is() {
        gst::init().unwrap();
        let painter = Painter::default();
        for frame in [0, 1, 29, 30, 12_345, 0xff_ffff] {
            let buffer = painter.paint(frame);
            let map = buffer.map_readable().unwrap();
            assert_eq!(map.len(), W * H * 3 / 2);
            assert_eq!(read(&map), frame);
        }
    }
}
