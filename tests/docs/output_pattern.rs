//! Normalizes output, so that a document's example can be compared with what the program prints now.

use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::common::redaction::redact;

static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bkustom [\d.]+( \([^)]*\))?").expect("a valid pattern"));
static EIGHT_CAPITALS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Z0-9]{8}\b").expect("a valid pattern"));
static COLUMN_GAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(" {2,}").expect("a valid pattern"));

/// Words that look like enrollment codes.
const WORDS: [&str; 8] =
    ["CONSUMED", "TERMINAL", "EMULATED", "HARDWARE", "LOCATION", "METADATA", "MERCHANT", "PLATFORM"];

/// Replaces IDs, enrollment codes, times, durations and the version with placeholders, and ignores the width of columns.
pub(crate) fn normalize(output: &str) -> String {
    let text = redact(output, Path::new("/home/you"));
    let text = VERSION.replace_all(&text, "kustom <version>");
    let code =
        |found: &Captures| if WORDS.contains(&&found[0]) { found[0].to_owned() } else { "<code>".into() };
    let text = EIGHT_CAPITALS.replace_all(&text, code);
    let lines = text.lines().map(|line| COLUMN_GAP.replace_all(line.trim(), "  ").into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_what_differs_between_runs_is_normalized() {
    let shown = "ID    4024dba2-d126-4ae9-8409-19aab6532c3a\nCODE  8FMYTBHR   CONSUMED\nin 3 ms\n";
    let other = "ID  d0f9ffe4-ee9f-4221-8b8d-d159585cb1ca\nCODE  ABCDEFGH  CONSUMED\nin 12 ms";
    assert_eq!(normalize(shown), normalize(other));
    assert_eq!(normalize(shown), "ID  <id-1>\nCODE  <code>  CONSUMED\nin <elapsed>");
    assert_eq!(normalize("ok  kustom 0.1.0 (abc 2026, x86)  fine"), normalize("ok  kustom 1.2.3  fine"));
    assert_ne!(normalize("kustom devices list"), normalize("kustom sessions list"));
    assert_ne!(normalize("STATUS  PENDING"), normalize("STATUS  CONSUMED"));
}
