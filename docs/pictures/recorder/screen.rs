//! The content of a terminal at a moment, letter by letter.

use avt::{Color, Pen, Terminal};

/// The mark of the cursor in the text of a frame.
pub(crate) const CURSOR: char = '▏';

/// What all the moving signs in front of a wait are written as.
pub(crate) const SPINNER: char = '⠋';

/// A letter as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Glyph {
    pub(crate) letter: char,
    pub(crate) style: Style,
}

/// The style of a letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Style {
    /// One of the eight colors of old.
    pub(crate) color: Option<u8>,
    pub(crate) bold: bool,
    pub(crate) faint: bool,
}

/// A row, without the blanks at its end.
pub(crate) type Row = Vec<Glyph>;

/// A screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PtySession {
    pub(crate) rows: Vec<Row>,
    /// Row and column of the cursor, where it can be seen.
    pub(crate) cursor: Option<(usize, usize)>,
}

impl PtySession {
    /// The content of a terminal of this size after these bytes.
    pub(crate) fn after(sent: &str, columns: u16, rows: u16) -> Self {
        let mut terminal = Terminal::new(columns.into(), rows.into()).expect("a terminal");
        terminal.feed(sent);
        let row = |line: &avt::Line| {
            let mut row: Row = line
                .cells()
                .iter()
                .map(|cell| Glyph { letter: cell.char(), style: Style::of(cell.pen()) })
                .collect();
            while row.last().is_some_and(|glyph| glyph.letter == ' ') {
                row.pop();
            }
            row
        };
        let cursor = terminal.cursor().position().map(|(column, row)| (row, column));
        Self { rows: terminal.screen().visible_lines().map(row).collect(), cursor }
    }

    /// Its text with the cursor in it, without the empty rows at its end.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = letters(row);
            if let Some((_, column)) = self.cursor.filter(|(row, _)| *row == index) {
                let mut letters: Vec<char> = line.chars().collect();
                letters.resize(letters.len().max(column), ' ');
                letters.insert(column, CURSOR);
                line = letters.into_iter().collect();
            }
            text.push_str(&line);
            text.push('\n');
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }
}

impl Style {
    fn of(pen: &Pen) -> Self {
        let plain = pen.background().is_none()
            && !(pen.is_italic() || pen.is_underline() || pen.is_strikethrough())
            && !(pen.is_blink() || pen.is_inverse());
        assert!(plain, "the pictures cannot draw what looks like {pen:?}");
        let color = pen.foreground().map(|color| match color {
            Color::Indexed(index @ 0..16) => index % 8,
            other => panic!("the pictures have no color for {other:?}"),
        });
        Self { color, bold: pen.is_bold(), faint: pen.is_faint() }
    }
}

/// The text of a row.
pub(crate) fn letters(row: &[Glyph]) -> String {
    row.iter().map(|glyph| glyph.letter).collect()
}
