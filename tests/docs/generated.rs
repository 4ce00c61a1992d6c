//! Documents that are made from the program: `docs/reference.md` and the pages of `man`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::blocks::blesses;
use super::page::{ROOT, files_below};
use super::{man, reference};

/// Files are what they would be if they were made now; a file that would not be made is not there.
#[track_caller]
fn are_current(folder: &str, made: &BTreeMap<PathBuf, String>) {
    let there = files_below(folder);
    let mut stale = Vec::new();
    for path in there.iter().filter(|path| !made.contains_key(*path)) {
        stale.push(format!("{} is about something that is not there", path.display()));
        if blesses() {
            fs::remove_file(Path::new(ROOT).join(path)).expect("a file");
        }
    }
    for (path, text) in made {
        let at = Path::new(ROOT).join(path);
        let known = fs::read_to_string(&at).unwrap_or_default();
        if known != *text {
            let differs = known.lines().zip(text.lines()).position(|(old, new)| old != new);
            let line = differs.unwrap_or_else(|| known.lines().count().min(text.lines().count()));
            let of = |text: &str| text.lines().nth(line).unwrap_or("(its end)").to_owned();
            let (path, old, new) = (path.display(), of(&known), of(text));
            stale.push(format!("{path}:{} is\n  {old}\nand would be\n  {new}", line + 1));
            if blesses() {
                fs::write(at, text).expect("a file");
            }
        }
    }
    let how = "write them anew with KUSTOM_BLESS=1 cargo test --test docs";
    assert!(blesses() || stale.is_empty(), "{how}\n{}", stale.join("\n"));
}

#[test]
fn the_reference_is_current() {
    let path = Path::new("docs").join("reference.md");
    let text = reference::reference();
    let known = fs::read_to_string(Path::new(ROOT).join(&path)).unwrap_or_default();
    if blesses() {
        fs::write(Path::new(ROOT).join(&path), &text).expect("a page");
    } else {
        crate::common::harness::same(&known, &text);
    }
}

#[test]
fn the_pages_of_man_are_current() {
    fs::create_dir_all(Path::new(ROOT).join("docs/man")).expect("a folder");
    are_current("docs/man", &man::pages());
}

/// A formatter that is at hand finds nothing to complain about.
#[test]
fn the_pages_of_man_can_be_formatted() {
    for (path, text) in man::pages() {
        let at = tempfile::NamedTempFile::new().expect("a file");
        fs::write(at.path(), &text).expect("a page");
        let mut formatter = std::process::Command::new("man");
        formatter.args(["--local-file", "--warnings"]).arg(at.path());
        formatter.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").env("MANROFFOPT", "-wall");
        let Ok(shown) = formatter.output() else { return };
        if !shown.status.success() {
            // Some have another `man`, which knows no warnings.
            return;
        }
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert_eq!(said, "", "{}", path.display());
    }
}
