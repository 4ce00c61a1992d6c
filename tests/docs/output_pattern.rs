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
