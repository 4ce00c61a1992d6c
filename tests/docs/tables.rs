//! Tables of the pages that no page can be made of: each has what the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kustom::error::ErrorKind;

use super::page::{ROOT, files_below};

fn text_of(path: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect("a file")
}

#[test]
fn every_kind_of_failure_has_its_exit_code() {
    let page = text_of(Path::new("docs/output.md"));
    for kind in [
        ErrorKind::Bug,
        ErrorKind::Usage,
        ErrorKind::Credentials,
        ErrorKind::NotFound,
        ErrorKind::Refused,
        ErrorKind::Unavailable,
        ErrorKind::Unknown,
        ErrorKind::Unconfirmed,
        ErrorKind::SessionOpen,
        ErrorKind::Interrupted,
    ] {
        let name = serde_json::to_value(kind).expect("a name");
        let row = format!("| {} | `{}` |", kind.code(), name.as_str().expect("a name"));
        assert!(page.contains(&row), "docs/output.md has no row '{row}'");
    }
}

/// Names of variables in a text.
fn variables_in(text: &str) -> BTreeSet<String> {
    let begins = text.match_indices("KUSTOM_").map(|(at, _)| &text[at..]);
    let names = begins.map(|rest| {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_uppercase() || *byte == b'_').count();
        rest[..length].trim_end_matches('_').to_owned()
    });
    names.filter(|name| name != "KUSTOM").collect()
}

/// What shells ask completions with, which is no setting and is told in docs/completions.md.
const ASKS_FOR_COMPLETIONS: &str = "KUSTOM_COMPLETE";

#[test]
fn every_variable_is_in_the_table_and_no_other() {
    let page = text_of(Path::new("docs/profiles.md"));
    let rows = page.lines().filter(|line| line.starts_with("| `KUSTOM_"));
    let told: BTreeSet<_> =
        rows.flat_map(|row| variables_in(row.split('|').nth(1).unwrap_or_default())).collect();
    let sources = files_below("src");
    let sources = sources.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut known: BTreeSet<_> = sources.flat_map(|path| variables_in(&text_of(path))).collect();
    assert!(known.remove(ASKS_FOR_COMPLETIONS));
    assert!(text_of(Path::new("docs/completions.md")).contains(ASKS_FOR_COMPLETIONS));
    assert_eq!(told, known, "the variables in docs/profiles.md, and those in src");
}
