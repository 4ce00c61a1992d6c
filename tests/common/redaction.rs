//! Replaces what differs between runs with placeholders, so that complete outputs can be compared.

use std::path::Path;
use std::sync::LazyLock;

use kustom::emulator::state::{GOTHENBURG, STOCKHOLM};
use regex::{Captures, Regex};

pub const FIXED_ID: &str = "00000000-0000-4000-8000-";

static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?mx)
        \b (?<id> [0-9A-Fa-f]{8} (?: -[0-9A-Fa-f]{4} ){3} -[0-9A-Fa-f]{12} )
        | (?<time> \b \d{4}-\d\d-\d\d (?: T\d\d:\d\d:\d\d [\d.]* Z? | \x20\d\d:\d\d:\d\d ) )
        | (?<word> (?: ^ | [^\w-] ) (?: after | in | took ) ) (?: \x20\d+ (?: \x20?ms | [hms] ) )+
        | ^ (?<since> \x20+ \d [\d.hms\x20]* s ) \x20\x20
        | \b machine\x20 (?<machine> [^\s()]+ \x20 \( [^()]* process\x20\d+ \) )
        | 127\.0\.0\.1: (?<port> \d* )",
    )
    .expect("a valid pattern")
});

/// An ID that is not redacted.
pub fn fixed_id(number: usize) -> String {
    format!("{FIXED_ID}{number:012}")
}

pub fn redact(text: &str, home: &Path) -> String {
    let mut ids: Vec<String> = Vec::new();
    let replace = |found: &Captures| {
        if let Some(id) = found.name("id").map(|id| id.as_str()) {
            if id.starts_with(FIXED_ID) || [STOCKHOLM, GOTHENBURG].iter().any(|known| known.to_string() == id)
            {
                return id.to_owned();
            }
            let number = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                ids.push(id.to_owned());
                ids.len() - 1
            });
            format!("<id-{}>", number + 1)
        } else if found.name("time").is_some() {
            "<time>".to_owned()
        } else if found.name("machine").is_some() {
            "machine <machine>".to_owned()
        } else if let Some(word) = found.name("word") {
            format!("{} <elapsed>", word.as_str())
        } else if found.name("since").is_some() {
            "<elapsed>  ".to_owned()
        } else {
            "127.0.0.1:<port>".to_owned()
        }
    };
    VARIABLE.replace_all(&text.replace(&*home.to_string_lossy(), "<home>"), replace).into_owned()
}
