//! Frames as one animated SVG: no script, nothing from outside, the last frame where nothing moves.
//!
//! What stays the same from frame to frame is drawn once and shown for as long as it stays. Every text begins at its
//! column and is as wide as its columns, whatever font there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::palette::Palette;
use crate::record::Frame;
use crate::row::{self, CELL, MARGIN, SIGNS, escaped};
use crate::screen::{Row, SPINNER};
use crate::script::COLUMNS;

/// The height of the window's bar.
const BAR: usize = 32;
/// From the bar to the text, and from the text to the window's end.
const GAP: usize = 12;

/// Something that is drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Row(Row),
    /// The sign that moves, in this column.
    Spinner(usize),
    /// The cursor, in this column.
    Cursor(usize),
}

/// In which frames something is shown.
type When = Vec<bool>;

/// The picture.
pub(crate) fn draw(title: &str, frames: &[Frame], palette: &Palette) -> String {
    let rows = frames.first().expect("a frame").screen.rows.len();
    let (width, height) = (usize::from(COLUMNS) * CELL.0 + 2 * MARGIN, BAR + 2 * GAP + rows * CELL.1);
    let shapes = shapes(frames);
    let mut groups = BTreeMap::<When, Vec<(usize, Shape)>>::new();
    for ((row, shape), when) in shapes {
        groups.entry(when).or_default().push((row, shape));
    }
    let shared = shared(&groups);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>\n",
        title = escaped(title)
    );
    svg.push_str(&rules(frames, palette));
    // The earliest change first, as a person would read it.
    let groups: Vec<_> = groups.into_iter().rev().collect();
    for (index, (when, _)) in groups.iter().enumerate() {
        svg.push_str(&keyframes(index, when, frames));
    }
    svg.push_str("</style>\n");
    svg.push_str(&window(title, width, height));
    if !shared.is_empty() {
        svg.push_str("<defs>\n");
        for (row, id) in &shared {
            let _ = writeln!(svg, "<g id=\"r{id}\">{}</g>", row::text(row, 0));
        }
        svg.push_str("</defs>\n");
    }
    for (index, (when, shapes)) in groups.iter().enumerate() {
        let last = if when.last() == Some(&true) { " l" } else { "" };
        if when.contains(&false) {
            let _ = writeln!(svg, "<g class=\"g{last}\" style=\"animation-name:f{index}\">");
        } else {
            svg.push_str("<g>\n");
        }
        for (row, shape) in shapes {
            svg.push_str(&drawn(shape, BAR + GAP + row * CELL.1, &shared));
            svg.push('\n');
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// The window that the terminal is in.
fn window(title: &str, width: usize, height: usize) -> String {
    let mut svg = format!(
        "<rect class=\"w\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         <path class=\"t\" d=\"M.5 {BAR}V8.5a8 8 0 0 1 8-8H{}.5a8 8 0 0 1 8 8V{BAR}z\"/>\n",
        width - 1,
        height - 1,
        width - 9,
    );
    for dot in 0..3 {
        let _ = write!(svg, "<circle class=\"o\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", 20 + dot * 18, BAR / 2);
    }
    let (x, y, title) = (width / 2, BAR / 2 + 4, escaped(title));
    let _ = writeln!(svg, "\n<text class=\"h\" x=\"{x}\" y=\"{y}\">{title}</text>");
    svg
}

/// Something in the row whose top is there.
fn drawn(shape: &Shape, top: usize, shared: &BTreeMap<Row, usize>) -> String {
    match shape {
        Shape::Row(row) => match shared.get(row) {
            Some(id) => format!("<use href=\"#r{id}\" y=\"{top}\"/>"),
            None => row::text(row, top),
        },
        Shape::Spinner(column) => row::spinner(*column, top),
        Shape::Cursor(column) => row::cursor(*column, top),
    }
}

/// Everything that is drawn, with its row and the frames it is in.
fn shapes(frames: &[Frame]) -> BTreeMap<(usize, Shape), When> {
    let mut shapes = BTreeMap::<(usize, Shape), When>::new();
    for (index, frame) in frames.iter().enumerate() {
        let mut show = |row: usize, shape: Shape| {
            shapes.entry((row, shape)).or_insert_with(|| vec![false; frames.len()])[index] = true;
        };
        for (at, row) in frame.screen.rows.iter().enumerate() {
            let mut row = row.clone();
            for (column, glyph) in row.iter_mut().enumerate() {
                if glyph.letter == SPINNER {
                    glyph.letter = ' ';
                    show(at, Shape::Spinner(column));
                }
            }
            if !row.is_empty() {
                show(at, Shape::Row(row));
            }
        }
        if let Some((row, column)) = frame.screen.cursor {
            show(row, Shape::Cursor(column));
        }
    }
    shapes
}

/// Rows that are drawn at several heights, and are long enough to be worth a name.
fn shared(groups: &BTreeMap<When, Vec<(usize, Shape)>>) -> BTreeMap<Row, usize> {
    let mut count = BTreeMap::<Row, usize>::new();
    for shape in groups.values().flatten() {
        if let (_, Shape::Row(row)) = shape {
            *count.entry(row.clone()).or_default() += 1;
        }
    }
    let several = count.into_iter().filter(|(row, count)| *count > 1 && row::text(row, 0).len() > 60);
    several.enumerate().map(|(id, (row, _))| (row, id)).collect()
}

fn rules(frames: &[Frame], palette: &Palette) -> String {
    let total = seconds(frames.iter().map(|frame| frame.length).sum());
    let mut rules = format!(
        "text{{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace}}\n\
         text,path{{fill:{text}}}\n.w{{fill:{ground};stroke:{line}}}\n.t{{fill:{bar};stroke:{line}}}\n.o{{fill:{line}}}\n\
         .h{{font:600 12px system-ui,-apple-system,'Segoe UI',sans-serif;text-anchor:middle;fill:{faint}}}\n\
         .p{{shape-rendering:crispEdges}}\n.k{{fill:{text};opacity:.55}}\n.b{{font-weight:700}}\n.d{{fill:{faint}}}\n",
        text = palette.text,
        ground = palette.ground,
        line = palette.line,
        bar = palette.bar,
        faint = palette.faint,
    );
    let rows = frames.iter().flat_map(|frame| &frame.screen.rows);
    let used: BTreeSet<_> = rows.flatten().filter_map(|glyph| glyph.style.color).collect();
    for color in used {
        let _ = writeln!(rules, ".c{color}{{fill:{}}}", palette.colors[usize::from(color)]);
    }
    let signs = SIGNS.chars().count();
    let _ = write!(
        rules,
        ".s{{animation:s {}s steps({signs}) infinite}}\n@keyframes s{{to{{transform:translateY(-{}px)}}}}\n\
         .g{{visibility:hidden;animation:{total}s step-end infinite}}\n.l{{visibility:visible}}\n\
         @media (prefers-reduced-motion:reduce){{.g,.s{{animation:none!important}}}}\n",
        seconds(signs as u64 * 100),
        signs * CELL.1,
    );
    rules
}

/// When a group is seen, in parts of the whole time.
fn keyframes(index: usize, when: &When, frames: &[Frame]) -> String {
    if !when.contains(&false) {
        return String::new();
    }
    let total: u64 = frames.iter().map(|frame| frame.length).sum();
    let mut keyframes = format!("@keyframes f{index}{{");
    let (mut now, mut before) = (0, None);
    for (frame, shown) in frames.iter().zip(when) {
        if before != Some(*shown) {
            // Thousandths of a per cent.
            let part = (now * 100_000 + total / 2) / total;
            let value = if *shown { "visible" } else { "hidden" };
            let _ = write!(keyframes, "{}%{{visibility:{value}}}", seconds(part));
            before = Some(*shown);
        }
        now += frame.length;
    }
    keyframes.push_str("}\n");
    keyframes
}

/// Thousandths without needless digits, as CSS reads them.
fn seconds(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
