//! A row of a terminal as SVG. Every text begins at its column and is as wide as its columns, whatever font
//! there is.

use std::fmt::Write as _;

use crate::blocks;
use crate::screen::{Glyph, Row, Style};

/// The size of a letter.
pub(crate) const CELL: (usize, usize) = (8, 18);

/// From the top of a row to the line that its letters stand on.
const BASELINE: usize = 13;

/// From the window's edge to the text.
pub(crate) const MARGIN: usize = 16;

/// The signs that the program shows in front of a wait, one after another.
pub(crate) const SIGNS: &str = "⠁⠁⠉⠙⠚⠒⠂⠂⠒⠲⠴⠤⠄⠄⠤⠠⠠⠤⠦⠖⠒⠐⠐⠒⠓⠋⠉⠈";

/// A row whose top is there.
pub(crate) fn text(row: &Row, top: usize) -> String {
    let mut svg = String::new();
    for (column, run) in runs(row) {
        let style = run[0].style;
        if blocks::is_block(run[0].letter) {
            let path = blocks::path(run, left_of(column), top);
            let _ = write!(svg, "<path class=\"p{}\" d=\"{path}\"/>", classes(style, " "));
        } else {
            let letters: String = run.iter().map(|glyph| glyph.letter).collect();
            let class = classes(style, "");
            let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
            let _ = write!(
                svg,
                "<text{class} x=\"{}\" y=\"{}\" textLength=\"{}\">{}</text>",
                left_of(column),
                top + BASELINE,
                run.len() * CELL.0,
                escaped(&letters)
            );
        }
    }
    svg
}

/// The parts of a row that are drawn at once, with the columns they begin at: of one style, and with single blanks
/// between words at most. Blocks are apart from letters and have as many blanks as they like.
fn runs(row: &[Glyph]) -> Vec<(usize, &[Glyph])> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < row.len() {
        if row[start].letter == ' ' {
            start += 1;
            continue;
        }
        let first = row[start];
        let drawn = blocks::is_block(first.letter);
        let belongs = |at: usize| {
            row.get(at).is_some_and(|glyph| {
                glyph.style == first.style && glyph.letter != ' ' && blocks::is_block(glyph.letter) == drawn
            })
        };
        let mut end = start + 1;
        loop {
            let blanks = row[end..].iter().take_while(|glyph| glyph.letter == ' ').count();
            if !belongs(end + blanks) || (blanks > 1 && !drawn) {
                break;
            }
            end += blanks + 1;
        }
        runs.push((start, &row[start..end]));
        start = end;
    }
    runs
}

/// The classes of a style, with this in front of the first.
fn classes(style: Style, before: &str) -> String {
    let Style { color, bold, faint } = style;
    let color = color.map(|color| format!("c{color}"));
    let names = [color, bold.then(|| "b".to_owned()), faint.then(|| "d".to_owned())];
    let names: Vec<_> = names.into_iter().flatten().collect();
    if names.is_empty() { String::new() } else { format!("{before}{}", names.join(" ")) }
}

/// A window of one letter, behind which the signs pass.
pub(crate) fn spinner(column: usize, top: usize) -> String {
    let count = SIGNS.chars().count();
    let x = vec!["0"; count].join(" ");
    let y: Vec<_> = (0..count).map(|index| (index * CELL.1 + BASELINE).to_string()).collect();
    format!(
        "<svg x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\"><text class=\"s\" x=\"{x}\" y=\"{}\">{SIGNS}</text></svg>",
        left_of(column),
        CELL.0,
        CELL.1,
        y.join(" ")
    )
}

/// The cursor.
pub(crate) fn cursor(column: usize, top: usize) -> String {
    let (left, (width, height)) = (left_of(column), CELL);
    format!("<rect class=\"k\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>")
}

fn left_of(column: usize) -> usize {
    MARGIN + column * CELL.0
}

/// A text in which nothing is markup.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
