//! Seven-segment digits, so that a burnt-in clock needs no font.

/// A filled rectangle in units of a digit's own 4 x 7 grid: left, top, width, height.
pub(crate) type Bar = (usize, usize, usize, usize);

/// The segments a to g.
const BARS: [Bar; 7] =
    [(0, 0, 4, 1), (3, 0, 1, 4), (3, 3, 1, 4), (0, 6, 4, 1), (0, 3, 1, 4), (0, 0, 1, 4), (0, 3, 4, 1)];

/// Which segments each digit lights, bit 0 = a.
const DIGITS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// Returns the bars of a character: digits, `:` and `.`; nothing for others.
pub(crate) fn bars(character: char) -> Vec<Bar> {
    match character {
        ':' => vec![(1, 2, 1, 1), (1, 5, 1, 1)],
        '.' => vec![(1, 6, 1, 1)],
        _ => {
            let lit = character.to_digit(10).and_then(|digit| DIGITS.get(usize::try_from(digit).ok()?));
            BARS.iter()
                .enumerate()
                .filter(|(n, _)| lit.is_some_and(|lit| lit >> n & 1 == 1))
                .map(|(_, bar)| *bar)
                .collect()
        }
    }
}
