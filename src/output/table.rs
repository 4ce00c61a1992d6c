//! Tables, laid out by comfy-table.

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use dialoguer::console::truncate_str;
use unicode_width::UnicodeWidthStr;

use super::columns::Selected;
use super::view::{Cell, CellStyle, Column, Shown, View};
use super::{Format, Output, csv};
use crate::error::Error;
use crate::text::{escape_control, truncate};

/// The number of spaces between two columns.
const COLUMN_GAP: u16 = 2;

/// How much of a text a cell shows, on a terminal and elsewhere. Longer text is truncated; the other formats have all of it.
const MAX_CELL_CHARS: [usize; 2] = [500, 10_000];

/// Columns of text are not truncated to less than this to make room for others.
const MIN_COLUMN_WIDTH: usize = 10;

/// On a terminal that is narrower than this, the fields of each item are printed below each other if they do not fit.
const MIN_TABLE_WIDTH: usize = 60;

/// IDs are shortened to no less than this.
const MIN_ID_LEN: usize = 8;

/// A column of a table with its cells.
struct TableColumn {
    title: String,
    is_id: bool,
    is_fixed: bool,
    cells: Vec<Cell>,
}

impl TableColumn {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.text.width());
        cells.chain([self.title.width()]).max().unwrap_or_default()
    }

    /// The width below which the column is not truncated to make room for others.
    fn min_width(&self) -> usize {
        let width = self.width();
        if self.is_fixed { width } else { width.min(self.title.width().max(MIN_COLUMN_WIDTH)) }
    }
}

impl Output {
    /// Prints the fields of one item below each other, without the empty ones.
    pub(super) fn print_fields<T: View>(&self, item: &T) -> Result<(), Error> {
        let shows = |column: &&Column<T>| column.shown != Shown::Wide || self.format() == Format::Wide;
        let columns = T::COLUMNS.iter().filter(shows);
        let fields = columns.map(|column| (column.title.to_owned(), self.cell(column, item)));
        let lines = self.format_fields(&fields.collect::<Vec<_>>());
        self.print_lines(&lines)
    }

    /// Prints the selected columns of one item below each other.
    pub(super) fn print_selected_fields<T: View>(
        &self,
        item: &T,
        selected: &[Selected<T>],
    ) -> Result<(), Error> {
        let columns = self.selected_columns(std::slice::from_ref(item), selected);
        let fields = columns.into_iter().map(|mut column| (column.title, column.cells.remove(0)));
        let lines = self.format_fields(&fields.collect::<Vec<_>>());
        self.print_lines(&lines)
    }

    /// Prints a list as a table.
    pub(super) fn print_rows<T: View>(
        &self,
        items: &[T],
        selected: Option<&[Selected<T>]>,
    ) -> Result<(), Error> {
        let is_wide = self.format() == Format::Wide;
        let columns = if let Some(selected) = selected {
            self.selected_columns(items, selected)
        } else {
            let shows = |column: &&Column<T>| is_wide || column.shown == Shown::Always;
            let columns = T::COLUMNS.iter().filter(shows).map(|column| TableColumn {
                title: column.title.to_owned(),
                is_id: column.is_id,
                is_fixed: column.is_fixed,
                cells: items.iter().map(|item| self.cell(column, item)).collect(),
            });
            let has_cells = |column: &TableColumn| column.cells.iter().any(|cell| !cell.text.is_empty());
            columns.filter(|column| is_wide || has_cells(column)).collect()
        };
        let lines = match self.width().filter(|_| !is_wide) {
            Some(width) => self.fit_rows(columns, usize::from(width)),
            None => self.format_rows(&columns, None),
        };
        self.print_through_pager(&lines)
    }

    /// Formats a table that is no wider than the terminal.
    fn fit_rows(&self, mut columns: Vec<TableColumn>, width: usize) -> Vec<String> {
        columns.iter_mut().filter(|column| column.is_id).for_each(shorten_ids);
        let fitting = count_fitting(&columns, width);
        if fitting < columns.len() && width < MIN_TABLE_WIDTH {
            let rows = columns.first().map_or(0, |column| column.cells.len());
            let mut lines = Vec::new();
            for row in 0..rows {
                if row > 0 {
                    lines.push(String::new());
                }
                let fields: Vec<_> =
                    columns.iter().map(|column| (column.title.clone(), column.cells[row].clone())).collect();
                lines.extend(self.format_fields(&fields));
            }
            return lines;
        }
        columns.truncate(fitting.max(1));
        let widths = shrink(&columns, width);
        self.format_rows(&columns, Some(&widths))
    }

    fn format_rows(&self, columns: &[TableColumn], widths: Option<&[usize]>) -> Vec<String> {
        let mut table = self.new_table(None);
        if !self.options.no_header {
            let title = |index: usize| fit(&columns[index].title, widths.map(|widths| widths[index]));
            table.set_header((0..columns.len()).map(|index| heading(&title(index))).collect::<Vec<_>>());
        }
        let rows = columns.first().map_or(0, |column| column.cells.len());
        for row in 0..rows {
            let cell = |(index, column): (usize, &TableColumn)| {
                let cell = &column.cells[row];
                styled_cell(&fit(&cell.text, widths.map(|widths| widths[index])), cell.style)
            };
            table.add_row(columns.iter().enumerate().map(cell).collect::<Vec<_>>());
        }
        format_table(table)
    }

    /// Formats fields below each other, without the empty ones. On a narrow terminal, each value is printed below its title.
    fn format_fields(&self, fields: &[(String, Cell)]) -> Vec<String> {
        let fields = || fields.iter().filter(|(_, cell)| !cell.text.is_empty());
        let titles = fields().map(|(title, _)| title.width()).max().unwrap_or_default();
        let gap = usize::from(COLUMN_GAP);
        let width = self.width().filter(|_| self.format() != Format::Wide).map(usize::from);
        let room = width.map(|width| width.saturating_sub(titles + gap));
        let widest_word =
            fields().flat_map(|(_, cell)| cell.text.split(' ')).map(UnicodeWidthStr::width).max();
        if let (Some(width), Some(room)) = (width, room)
            && width < MIN_TABLE_WIDTH
            && widest_word > Some(room)
        {
            let mut lines = Vec::new();
            for (title, cell) in fields() {
                let mut table = self.new_table(Some(width));
                table.add_row(vec![heading(&fit(title, Some(width)))]);
                lines.extend(format_table(table));
                let mut table = self.new_table(Some(width));
                table.add_row(vec![value_cell(cell, Some(width.saturating_sub(gap)))]);
                if let Some(column) = table.column_mut(0) {
                    column.set_padding((COLUMN_GAP, 0));
                }
                lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
            }
            return lines;
        }
        let mut table = self.new_table(width);
        for (title, cell) in fields() {
            table.add_row(vec![heading(title), value_cell(cell, room)]);
        }
        if let Some(column) = table.column_mut(0) {
            let width = u16::try_from(titles + gap).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        format_table(table)
    }

    fn cell<T>(&self, column: &Column<T>, item: &T) -> Cell {
        let mut cell = (column.cell)(item).resolve(&self.names.borrow());
        let max = if self.terminals.stdout { MAX_CELL_CHARS[0] } else { MAX_CELL_CHARS[1] };
        if cell.text.len() > max {
            cell.text = truncate(&cell.text, max);
        }
        Cell { text: escape_control(&cell.text).into_owned(), ..cell }
    }

    fn selected_columns<T: View>(&self, items: &[T], selected: &[Selected<T>]) -> Vec<TableColumn> {
        let names = self.names.borrow();
        let mut columns: Vec<_> = selected
            .iter()
            .map(|column| TableColumn {
                title: column.title(),
                is_id: false,
                is_fixed: false,
                cells: Vec::with_capacity(items.len()),
            })
            .collect();
        for item in items {
            let object = csv::to_object(item);
            for (column, selected) in columns.iter_mut().zip(selected) {
                let text = csv::format_text(&selected.value(item, &object, &names));
                column.cells.push(escape_control(&text).into());
            }
        }
        columns
    }

    fn new_table(&self, width: Option<usize>) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.has_colors() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match width.map(|width| u16::try_from(width).unwrap_or(u16::MAX)) {
            Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table
    }

    fn print_lines(&self, lines: &[String]) -> Result<(), Error> {
        for line in lines {
            self.print(line)?;
            self.print("\n")?;
        }
        Ok(())
    }

    /// Prints lines, through a pager if there are more than fit on the screen.
    fn print_through_pager(&self, lines: &[String]) -> Result<(), Error> {
        if self.needs_pager(lines.len()) && self.run_pager(&lines.join("\n"))? {
            return Ok(());
        }
        self.print_lines(lines)
    }
}

/// Shortens IDs to the shortest prefix that is unique in the column.
fn shorten_ids(column: &mut TableColumn) {
    let mut sorted: Vec<_> = column.cells.iter().map(|cell| cell.text.clone()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let common = |one: &str, other: &str| {
        one.chars().zip(other.chars()).take_while(|(left, right)| left == right).count()
    };
    let longest = sorted.windows(2).map(|pair| common(&pair[0], &pair[1])).max().unwrap_or_default();
    let length = (longest + 1).max(MIN_ID_LEN);
    for cell in &mut column.cells {
        // A prefix that is nearly complete, or the beginning of a sentence, would only confuse.
        if cell.text.chars().count() > length && !cell.text.contains(' ') {
            cell.text = cell.text.chars().take(length).collect();
            cell.text.truncate(cell.text.trim_end_matches('-').len());
        }
    }
}

/// The number of columns that fit beside each other, from the left.
fn count_fitting(columns: &[TableColumn], width: usize) -> usize {
    let mut total = 0;
    let fits = |column: &&TableColumn| {
        total += column.min_width();
        let fits = total <= width;
        total += usize::from(COLUMN_GAP);
        fits
    };
    columns.iter().take_while(fits).count()
}

/// Reduces the widest columns until all fit.
fn shrink(columns: &[TableColumn], width: usize) -> Vec<usize> {
    let gaps = usize::from(COLUMN_GAP) * columns.len().saturating_sub(1);
    let room = width.saturating_sub(gaps);
    let mut widths: Vec<_> = columns.iter().map(|column| column.width().min(width)).collect();
    let min_widths: Vec<_> = columns.iter().map(|column| column.min_width().min(width)).collect();
    while widths.iter().sum::<usize>() > room {
        let can_shrink = |index: &usize| widths[*index] > min_widths[*index];
        let Some(widest) = (0..widths.len()).filter(can_shrink).max_by_key(|index| widths[*index]) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

/// Truncates a text to a width.
fn fit(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => truncate_str(text, width, "…").into_owned(),
        None => text.to_owned(),
    }
}

/// A cell whose text wraps at spaces. A word that is longer than a line is truncated.
fn value_cell(cell: &Cell, width: Option<usize>) -> comfy_table::Cell {
    let words: Vec<_> = cell.text.split(' ').map(|word| fit(word, width)).collect();
    styled_cell(&words.join(" "), cell.style)
}

fn format_table(mut table: Table) -> Vec<String> {
    for column in table.column_iter_mut() {
        column.set_padding((0, COLUMN_GAP));
    }
    if let Some(last) = table.column_iter_mut().last() {
        last.set_padding((0, 0));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn heading(title: &str) -> comfy_table::Cell {
    comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
}

fn styled_cell(text: &str, style: CellStyle) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new(text);
    match style {
        CellStyle::Plain => styled,
        CellStyle::Success => styled.fg(Color::Green),
        CellStyle::Pending => styled.fg(Color::Yellow),
        CellStyle::Error => styled.fg(Color::Red),
        CellStyle::Muted => styled.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(cells: &[&str], is_fixed: bool) -> TableColumn {
        let cells = cells.iter().map(|text| Cell::from(*text)).collect();
        TableColumn { title: "T".to_owned(), is_id: false, is_fixed, cells }
    }

    #[test]
    fn ids_are_shortened_to_a_unique_prefix() {
        let short = |cells: &[&str]| {
            let mut column = column(cells, true);
            shorten_ids(&mut column);
            column.cells.into_iter().map(|cell| cell.text).collect::<Vec<_>>()
        };
        assert_eq!(short(&["51e2a9c4-7b0d-4f63", "b7f03d5e-1c86-4a29"]), ["51e2a9c4", "b7f03d5e"]);
        assert_eq!(short(&["51e2a9c4-7b0d", "51e2a9c4-7c0d"]), ["51e2a9c4-7b", "51e2a9c4-7c"]);
        assert_eq!(short(&["d1", "d2", ""]), ["d1", "d2", ""]);
        assert_eq!(short(&["same-id-twice", "same-id-twice"]), ["same-id", "same-id"]);
    }

    #[test]
    fn the_widest_columns_are_truncated_first_and_fixed_ones_never() {
        let long = "x".repeat(50);
        let columns = [column(&["12345678"], true), column(&[&long], false), column(&["Haga"], false)];
        assert_eq!(count_fitting(&columns, 40), 3);
        assert_eq!(shrink(&columns, 40), [8, 24, 4]);
        assert_eq!(count_fitting(&columns, 21), 2);
    }

    proptest! {
        #[test]
        fn what_fits_is_no_wider_than_the_terminal(
            texts in prop::collection::vec(("\\PC{0,40}", any::<bool>()), 1..8), width in 1_usize..100,
        ) {
            let mut columns: Vec<_> = texts.iter().map(|(text, fixed)| column(&[text], *fixed)).collect();
            columns.truncate(count_fitting(&columns, width));
            let widths = shrink(&columns, width);
            let gaps = usize::from(COLUMN_GAP) * columns.len().saturating_sub(1);
            prop_assert!(widths.iter().sum::<usize>() + gaps <= width || columns.is_empty());
        }
    }
}
