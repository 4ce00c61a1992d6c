//! Tables in the documents that are written by hand but must match the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kustom::error::ErrorKind;
use regex::Regex;

use super::page::{ROOT, files_below};

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect("a text file of the repository")
}

#[test]
fn every_kind_of_failure_has_its_exit_code() {
    let page = read("docs/output.md");
    for kind in [
        ErrorKind::Bug,
        ErrorKind::Usage,
        ErrorKind::Credentials,
        ErrorKind::NotFound,
        ErrorKind::Refused,
        ErrorKind::Unavailable,
        ErrorKind::Output,
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

/// Shells set it to request completions. It is not a setting, and docs/completions.md describes it.
const COMPLETION_VARIABLE: &str = "KUSTOM_COMPLETE";

#[test]
fn the_table_and_the_help_of_variables_are_complete() {
    let name = Regex::new("KUSTOM_[A-Z](_?[A-Z])*").expect("a valid pattern");
    let variables_in = |text: &str| -> BTreeSet<String> {
        name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
    };
    let page = read("docs/profiles.md");
    let rows = page.lines().filter(|line| line.starts_with("| `KUSTOM_"));
    let documented: BTreeSet<_> =
        rows.flat_map(|row| variables_in(row.split('|').nth(1).unwrap_or_default())).collect();
    let sources = files_below("src").into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let mut used: BTreeSet<_> = sources.flat_map(|path| variables_in(&read(path))).collect();
    assert!(used.remove(COMPLETION_VARIABLE));
    assert!(read("docs/completions.md").contains(COMPLETION_VARIABLE));
    assert_eq!(documented, used, "the variables in docs/profiles.md, and those in src");
    assert_eq!(variables_in(&read("src/commands/help/environment.txt")), used, "those in the help");
}
