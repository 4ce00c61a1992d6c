//! A short text as large as the terminal has room for, to be read across a counter.

use font8x8::legacy::BASIC_LEGACY;

/// Texts longer than this are copied, not read.
const LONGEST: usize = 12;

/// Dots of a letter, in either direction.
const GLYPH_SIZE: usize = 8;

/// How a letter is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// A dot is two columns wide and a row high.
    Large,
    /// A dot is a column wide and half a row high.
    Medium,
    /// A dot is half a column wide and half a row high.
    Small,
}

impl Size {
    const ALL: [Self; 3] = [Self::Large, Self::Medium, Self::Small];

    const fn columns(self) -> usize {
        match self {
            Self::Large => 2 * GLYPH_SIZE,
            Self::Medium => GLYPH_SIZE,
            Self::Small => GLYPH_SIZE / 2,
        }
    }

    const fn rows(self) -> usize {
        match self {
            Self::Large => GLYPH_SIZE,
            Self::Medium | Self::Small => GLYPH_SIZE / 2,
        }
    }
}

/// The lines that show `text` in so many columns and rows. Where there are no block characters, or too little room, its
/// letters are only spread; what is long stays as it is.
pub(super) fn lines(text: &str, columns: usize, rows: usize, has_blocks: bool) -> Vec<String> {
    let length = text.chars().count();
    if length > LONGEST || !text.is_ascii() {
        return vec![text.to_owned()];
    }
    let fits = |size: &Size| size.columns() * length <= columns && size.rows() <= rows;
    match Size::ALL.into_iter().find(fits).filter(|_| has_blocks) {
        Some(size) => (0..size.rows()).map(|row| render_row(text, row, size)).collect(),
        None => vec![letter_spaced(text)],
    }
}

fn render_row(text: &str, row: usize, size: Size) -> String {
    let mut line = String::new();
    for byte in text.bytes() {
        let glyph = BASIC_LEGACY.get(usize::from(byte)).copied().unwrap_or_default();
        let dot = |x: usize, y: usize| glyph.get(y).is_some_and(|line| line >> x & 1 == 1);
        match size {
            Size::Large => {
                for x in 0..GLYPH_SIZE {
                    line.push_str(if dot(x, row) { "██" } else { "  " });
                }
            }
            Size::Medium => {
                line.extend((0..GLYPH_SIZE).map(|x| match (dot(x, 2 * row), dot(x, 2 * row + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                }));
            }
            Size::Small => line.extend((0..GLYPH_SIZE / 2).map(|x| {
                let quarter = |right: usize, lower: usize| usize::from(dot(2 * x + right, 2 * row + lower));
                let index = quarter(0, 0) | quarter(1, 0) << 1 | quarter(0, 1) << 2 | quarter(1, 1) << 3;
                QUADRANT_CHARS.get(index).copied().unwrap_or(' ')
            })),
        }
    }
    line.trim_end().to_owned()
}

/// A cell whose quarters are filled: upper left 1, upper right 2, lower left 4, lower right 8.
const QUADRANT_CHARS: [char; 16] =
    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

/// Letters with spaces between them, in groups of four.
fn letter_spaced(text: &str) -> String {
    let mut spread = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index > 0 {
            spread.push_str(if index % 4 == 0 { "   " } else { " " });
        }
        spread.push(letter);
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_takes_the_room_there_is() {
        let width = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max().unwrap();
        for (columns, rows, height) in
            [(128, 30, 8), (127, 30, 4), (128, 7, 4), (64, 30, 4), (63, 30, 4), (32, 4, 4)]
        {
            let lines = lines("K7M2Q9XP", columns, rows, true);
            assert_eq!(lines.len(), height, "{columns}×{rows}");
            assert!(width(&lines) <= columns);
        }
        assert_eq!(lines("K7M2Q9XP", 31, 30, true), ["K 7 M 2   Q 9 X P"]);
        assert_eq!(lines("K7M2Q9XP", 128, 30, false), ["K 7 M 2   Q 9 X P"]);
        let copied = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        assert_eq!(lines(copied, 200, 30, true), [copied]);
    }

    #[test]
    fn letters_are_drawn_as_they_are() {
        assert_eq!(
            lines("T1", 16, 8, true),
            ["█▀██▀█   ▄██", "  ██      ██", "  ██      ██", " ▀▀▀▀   ▀▀▀▀▀▀"].map(str::to_owned)
        );
        assert_eq!(lines("T1", 8, 8, true).len(), 4);
    }
}
