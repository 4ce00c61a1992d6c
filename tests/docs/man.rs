//! The pages of man, one a command, by `clap_mangen`. What stands after a command's help has sections and lines of its own
//! there, which must not be filled into paragraphs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::grammar::{commands, grammar};

/// The pages by the path that they have in the repository.
pub(crate) fn pages() -> BTreeMap<PathBuf, String> {
    let root = grammar();
    let all = commands(&root);
    all.iter()
        .map(|(name, command)| {
            let file = format!("{}.1", name.replace(' ', "-"));
            (Path::new("docs/man").join(file), page(name, command))
        })
        .collect()
}

fn page(name: &str, command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let man = Man::new(command.clone().display_name(name.replace(' ', "-")).override_usage(usage))
        .source(format!("kustom {}", env!("CARGO_PKG_VERSION")))
        .manual("Kustom In-Person Payments");
    let mut text = Vec::new();
    let written = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text));
    written.expect("a page in memory");
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text).expect("a page in memory");
    }
    let more = command.get_after_long_help().or(command.get_after_help());
    let mut rest = Roff::new();
    for (heading, lines) in sections(&more.map(ToString::to_string).unwrap_or_default()) {
        rest.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
        for line in lines {
            rest.text([roman(line)]);
        }
        rest.control("fi", []);
    }
    let above = name.rsplit_once(' ').map(|(above, _)| above.replace(' ', "-"));
    if let Some(above) = above {
        let own = if above == "kustom" { String::new() } else { "kustom(1), ".to_owned() };
        rest.control("SH", ["SEE ALSO"]).text([roman(format!("{own}{above}(1)"))]);
    }
    rest.to_writer(&mut text).expect("a page in memory");
    laid_out(&String::from_utf8(text).expect("text"))
}

/// What is laid out in a help with spaces keeps its lines, and what every part begins with stands there once.
fn laid_out(page: &str) -> String {
    let page = page.replace(APOSTROPHE, "");
    let lines: Vec<_> = page.lines().collect();
    let mut text = APOSTROPHE.to_owned();
    for run in lines.chunk_by(|a, b| is_text(a) == is_text(b)) {
        let kept = is_text(run[0]) && run.iter().any(|line| line.starts_with(' '));
        let kept = kept && !text.ends_with(".nf\n");
        text += if kept { ".nf\n" } else { "" };
        text.extend(run.iter().flat_map(|line| [line, "\n"]));
        text += if kept { ".fi\n" } else { "" };
    }
    text
}

/// What the part of a page begins with.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

fn is_text(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('.')
}

/// The parts of what stands after a help: a line like `Examples:` begins one.
fn sections(text: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.trim().lines() {
        let heading = line.strip_suffix(':').filter(|heading| !heading.starts_with(' '));
        match (heading, sections.last_mut()) {
            (Some(heading), _) => sections.push((heading.to_owned(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line.to_owned()),
            (None, None) => sections.push(("Notes".to_owned(), vec![line.to_owned()])),
        }
    }
    for (_, lines) in &mut sections {
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
    }
    sections
}

#[test]
fn what_stands_after_a_help_has_sections() {
    let text = "See there.\n\nExamples:\n  kustom x\n\nExit codes:\n  0  done\n";
    let of = |heading: &str, line: &str| (heading.to_owned(), vec![line.to_owned()]);
    let expected = [of("Notes", "See there."), of("Examples", "  kustom x"), of("Exit codes", "  0  done")];
    assert_eq!(sections(text), expected);
}
