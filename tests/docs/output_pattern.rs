//! Output with what differs from run to run taken out, so that a page and the program can be compared.

use std::path::Path;

use crate::common::redaction::redact;

/// Words of eight capital letters that are no enrollment codes.
const WORDS: [&str; 8] =
    ["CONSUMED", "TERMINAL", "EMULATED", "HARDWARE", "LOCATION", "METADATA", "MERCHANT", "PLATFORM"];

/// What must be the same whenever it is run: ids, codes, instants and durations are names, and columns are as wide as
/// they like.
pub(crate) fn shape(output: &str) -> String {
    let named = redact(output, Path::new("/home/you"));
    let lines = named.lines().map(|line| {
        let line = without_version(line);
        let cells: Vec<_> =
            line.trim_end().split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
        let words = cells.join("  ");
        words.split_inclusive(' ').map(word).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A line in which a version of the program, and what it says of its build, is `<version>`.
fn without_version(line: &str) -> String {
    let Some((before, rest)) = line.split_once("kustom ") else { return line.to_owned() };
    let number = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    if number == 0 {
        return format!("{before}kustom {}", without_version(rest));
    }
    let rest = &rest[number..];
    let build = rest.strip_prefix(" (").and_then(|build| build.split_once(')'));
    format!("{before}kustom <version>{}", build.map_or(rest, |(_, rest)| rest))
}

fn word(word: &str) -> String {
    let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let coded = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit();
    if bare.len() == 8 && bare.bytes().all(coded) && !WORDS.contains(&bare) {
        word.replace(bare, "<code>")
    } else {
        word.to_owned()
    }
}

#[test]
fn only_what_differs_is_taken_out() {
    let shown = "ID    4024dba2-d126-4ae9-8409-19aab6532c3a\nCODE  8FMYTBHR   CONSUMED\nin 3 ms\n";
    let other = "ID  d0f9ffe4-ee9f-4221-8b8d-d159585cb1ca\nCODE  ABCDEFGH  CONSUMED\nin 12 ms";
    assert_eq!(shape(shown), shape(other));
    assert_eq!(shape(shown), "ID  <id-1>\nCODE  <code>  CONSUMED\nin <elapsed>");
    assert_eq!(shape("ok  kustom 0.1.0 (abc 2026, x86)  fine"), shape("ok  kustom 1.2.3  fine"));
    assert_ne!(shape("kustom devices list"), shape("kustom sessions list"));
    assert_ne!(shape("STATUS  PENDING"), shape("STATUS  CONSUMED"));
}
