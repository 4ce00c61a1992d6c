//! Block characters as areas: a font would leave gaps between them.

use std::fmt::Write as _;

use crate::row::CELL;
use crate::screen::Glyph;

/// The block characters, and which of their quarters are filled: upper left 1, upper right 2, lower left 4, lower right 8.
const QUARTERS: [char; 16] = [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

/// Whether a letter is one.
pub(crate) fn is_block(letter: char) -> bool {
    letter != ' ' && QUARTERS.contains(&letter)
}

/// The path around what these fill, whose upper left corner is there.
pub(crate) fn path(run: &[Glyph], left: usize, top: usize) -> String {
    let (width, height) = (CELL.0 / 2, CELL.1 / 2);
    let mut path = String::new();
    for lower in [0, 1] {
        let filled: Vec<bool> = run
            .iter()
            .flat_map(|glyph| {
                let quarters = QUARTERS.iter().position(|letter| *letter == glyph.letter).unwrap_or(0);
                [0, 1].map(|right| quarters >> (2 * lower + right) & 1 == 1)
            })
            .collect();
        let mut start = 0;
        for part in filled.chunk_by(|one, other| one == other) {
            if part[0] {
                let (x, y, length) = (left + start * width, top + lower * height, part.len() * width);
                let _ = write!(path, "M{x} {y}h{length}v{height}h-{length}z");
            }
            start += part.len();
        }
    }
    path
}
