//! Frames as one animated SVG: no script, nothing from outside, the last frame where nothing moves.
//!
//! What stays the same from frame to frame is drawn once and shown for as long as it stays. Every text begins at its
//! column and is as wide as its columns, whatever font there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::palette::Palette;
use crate::record::Frame;
use crate::screen::{Glyph, Row, SPINNER, Style};
use crate::{blocks, script::COLUMNS};

/// The size of a letter.
pub(crate) const CELL: (usize, usize) = (8, 18);
/// From the top of a row to the line that its letters stand on.
const BASELINE: usize = 13;
/// From the window's edge to the text.
const MARGIN: usize = 16;
/// The height of the window's bar.
const BAR: usize = 32;
/// From the bar to the text, and from the text to the window's end.
const GAP: usize = 12;

/// The signs that the program shows in front of a wait, one after another.
const SIGNS: &str = "⠁⠁⠉⠙⠚⠒⠂⠂⠒⠲⠴⠤⠄⠄⠤⠠⠠⠤⠦⠖⠒⠐⠐⠒⠓⠋⠉⠈";

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
    let _ = write!(
        svg,
        "</style>\n<rect class=\"w\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         <path class=\"t\" d=\"M.5 {BAR}V8.5a8 8 0 0 1 8-8H{}a8 8 0 0 1 8 8V{BAR}z\"/>\n",
        width - 1,
        height - 1,
        width as f32 - 8.5,
    );
    for dot in 0..3 {
        let _ = write!(svg, "<circle class=\"o\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", 20 + dot * 18, BAR / 2);
    }
    let _ = writeln!(
        svg,
        "\n<text class=\"h\" x=\"{}\" y=\"{}\">{}</text>",
        width / 2,
        BAR / 2 + 4,
        escaped(title)
    );
    if !shared.is_empty() {
        svg.push_str("<defs>\n");
        for (row, id) in &shared {
            let _ = writeln!(svg, "<g id=\"r{id}\">{}</g>", text(row, 0));
        }
        svg.push_str("</defs>\n");
    }
    for (index, (when, shapes)) in groups.iter().enumerate() {
        let last = if when.last() == Some(&true) { " l" } else { "" };
        let _ = match when.contains(&false) {
            true => writeln!(svg, "<g class=\"g{last}\" style=\"animation-name:f{index}\">"),
            false => writeln!(svg, "<g>"),
        };
        for (row, shape) in shapes {
            let top = BAR + GAP + row * CELL.1;
            let drawn = match shape {
                Shape::Row(row) => match shared.get(row) {
                    Some(id) => format!("<use href=\"#r{id}\" y=\"{top}\"/>"),
                    None => text(row, top),
                },
                Shape::Spinner(column) => spinner(left_of(*column), top),
                Shape::Cursor(column) => format!(
                    "<rect class=\"k\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\"/>",
                    left_of(*column),
                    CELL.0,
                    CELL.1
                ),
            };
            svg.push_str(&drawn);
            svg.push('\n');
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
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
    let several = count.into_iter().filter(|(row, count)| *count > 1 && text(row, 0).len() > 60);
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
    let used: BTreeSet<_> = rows.flatten().filter_map(|glyph| glyph.style.colour).collect();
    for colour in used {
        let _ = writeln!(rules, ".c{colour}{{fill:{}}}", palette.colours[usize::from(colour)]);
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

/// A row whose top is there.
fn text(row: &Row, top: usize) -> String {
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
    let Style { colour, bold, faint } = style;
    let colour = colour.map(|colour| format!("c{colour}"));
    let names = [colour, bold.then(|| "b".to_owned()), faint.then(|| "d".to_owned())];
    let names: Vec<_> = names.into_iter().flatten().collect();
    if names.is_empty() { String::new() } else { format!("{before}{}", names.join(" ")) }
}

/// A window of one letter, behind which the signs pass.
fn spinner(left: usize, top: usize) -> String {
    let count = SIGNS.chars().count();
    let x = vec!["0"; count].join(" ");
    let y: Vec<_> = (0..count).map(|index| (index * CELL.1 + BASELINE).to_string()).collect();
    format!(
        "<svg x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"><text class=\"s\" x=\"{x}\" y=\"{}\">{SIGNS}</text></svg>",
        CELL.0,
        CELL.1,
        y.join(" ")
    )
}

fn left_of(column: usize) -> usize {
    MARGIN + column * CELL.0
}

/// Thousandths without needless digits, as CSS reads them.
fn seconds(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
