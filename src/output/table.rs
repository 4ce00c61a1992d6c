//! Tables, laid out by comfy-table.

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use unicode_width::UnicodeWidthStr;

use super::Output;
use super::view::{Cell, CellStyle, Column, View};
use crate::error::Error;
use crate::text::escape_control;

/// The number of spaces between two columns.
const COLUMN_GAP: u16 = 2;

impl Output {
    /// Prints the fields of one item below each other, without the empty ones.
    pub(super) fn print_fields<T: View>(&self, item: &T) -> Result<(), Error> {
        let columns: Vec<_> = T::COLUMNS.iter().collect();
        self.print_titled_cells(&columns, &cells(&columns, item))
    }

    /// Prints a list: as a table, or if the terminal is too narrow for one, the fields of each item below each other.
    pub(super) fn print_rows<T: View>(&self, items: &[T]) -> Result<(), Error> {
        let columns: Vec<_> = T::COLUMNS.iter().filter(|column| !column.is_detail).collect();
        let rows: Vec<_> = items.iter().map(|item| cells(&columns, item)).collect();
        let min_widths: Vec<u16> = (0..columns.len())
            .map(|index| min_width(columns[index], rows.iter().map(|row| &row[index])))
            .collect();
        let table_width = min_widths.iter().copied().map(u32::from).sum::<u32>();
        if self.width().is_some_and(|width| table_width > u32::from(width) + u32::from(COLUMN_GAP)) {
            for (index, row) in rows.iter().enumerate() {
                if index > 0 {
                    self.print("\n")?;
                }
                self.print_titled_cells(&columns, row)?;
            }
            return Ok(());
        }
        let mut table = self.new_table();
        table.set_header(columns.iter().map(|column| heading(column.title)).collect::<Vec<_>>());
        for row in &rows {
            table.add_row(row.iter().map(styled_cell).collect::<Vec<_>>());
        }
        for (column, width) in table.column_iter_mut().zip(min_widths) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        self.print_table(table)
    }

    fn print_titled_cells<T>(&self, columns: &[&Column<T>], cells: &[Cell]) -> Result<(), Error> {
        let mut table = self.new_table();
        for (column, cell) in columns.iter().zip(cells) {
            if !cell.text.is_empty() {
                table.add_row(vec![heading(column.title), styled_cell(cell)]);
            }
        }
        self.print_table(table)
    }

    fn new_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.has_colors() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match self.width() {
            Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table
    }

    fn print_table(&self, mut table: Table) -> Result<(), Error> {
        for column in table.column_iter_mut() {
            column.set_padding((0, COLUMN_GAP));
        }
        for line in table.lines() {
            self.print(line.trim_end())?;
            self.print("\n")?;
        }
        Ok(())
    }
}

fn cells<T>(columns: &[&Column<T>], item: &T) -> Vec<Cell> {
    let escaped = |cell: Cell| Cell::styled(escape_control(&cell.text), cell.style);
    columns.iter().map(|column| escaped((column.cell)(item))).collect()
}

/// The width that a column needs, with its gap, so that no word is broken.
fn min_width<'c, T>(column: &Column<T>, cells: impl Iterator<Item = &'c Cell>) -> u16 {
    let widths = cells.map(|cell| {
        let words = cell.text.split_whitespace().map(UnicodeWidthStr::width).max().unwrap_or_default();
        if column.is_id { cell.text.width() } else { words }
    });
    let widest = widths.chain([column.title.width()]).max().unwrap_or_default();
    u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(COLUMN_GAP)
}

fn heading(title: &str) -> comfy_table::Cell {
    comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
}

fn styled_cell(cell: &Cell) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new(&cell.text);
    match cell.style {
        CellStyle::Plain => styled,
        CellStyle::Success => styled.fg(Color::Green),
        CellStyle::Pending => styled.fg(Color::Yellow),
        CellStyle::Error => styled.fg(Color::Red),
        CellStyle::Muted => styled.add_attribute(Attribute::Dim),
    }
}
