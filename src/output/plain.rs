//! A table for a pipe: as wide as it needs, and without colours. It looks as the others do, and is made in a fraction
//! of their time, for those who list a hundred thousand things.

use unicode_width::UnicodeWidthStr as _;

use super::print::COLUMN_GAP;
use crate::text::escape_control;

/// A table whose cells arrive row by row.
pub(super) struct Plain {
    /// The width of each column.
    widths: Vec<usize>,
    /// All cells, and the width of each.
    cells: Vec<(String, usize)>,
}

impl Plain {
    /// A table with these titles.
    pub(super) fn new(titles: impl Iterator<Item = &'static str>) -> Self {
        let cells: Vec<_> = titles.map(|title| (title.to_owned(), title.width())).collect();
        Self { widths: cells.iter().map(|(_, width)| *width).collect(), cells }
    }

    /// Adds the next cell.
    pub(super) fn push(&mut self, text: String) {
        let text = match escape_control(&text) {
            std::borrow::Cow::Owned(shown) => shown,
            std::borrow::Cow::Borrowed(_) => text,
        };
        let width = if text.is_ascii() { text.len() } else { text.width() };
        let column = self.cells.len() % self.widths.len().max(1);
        if let Some(widest) = self.widths.get_mut(column) {
            *widest = width.max(*widest);
        }
        self.cells.push((text, width));
    }

    /// The lines, with their breaks.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.cells.chunks(self.widths.len().max(1)).map(|row| {
            let mut line = String::with_capacity(128);
            for ((text, width), widest) in row.iter().zip(&self.widths) {
                line.push_str(text);
                line.extend(std::iter::repeat_n(' ', widest - width + usize::from(COLUMN_GAP)));
            }
            line.truncate(line.trim_end().len());
            line.push('\n');
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comfy_table::{Table, presets};
    use proptest::prelude::*;

    /// The same table as it is made where there are widths and colours.
    fn other(titles: &[&'static str], rows: &[Vec<String>]) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        table.set_header(titles.to_vec());
        for row in rows {
            table.add_row(row.iter().map(|text| escape_control(text).into_owned()).collect::<Vec<_>>());
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, COLUMN_GAP));
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    proptest! {
        #[test]
        fn it_looks_as_the_others_do(rows in prop::collection::vec(prop::collection::vec("[ -~]{0,6}|\\PC{0,5}|[åß漢字👩‍👩é\u{301}\t\n]{0,4}", 3), 1..8)) {
            let titles = ["ID", "A LONG TITLE", ""];
            let mut plain = Plain::new(titles.into_iter());
            rows.iter().flatten().for_each(|cell| plain.push(cell.clone()));
            prop_assert_eq!(plain.lines().collect::<Vec<_>>(), other(&titles, &rows));
        }
    }
}
