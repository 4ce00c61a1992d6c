//! Documents that are made from the program: `docs/reference.md` and the pages of `man`.

use std::fs;
use std::path::Path;

use super::code_blocks::blesses;
use super::page::{ROOT, files_below};
use super::{man, reference};

const HOW: &str = "write what is generated anew with KUSTOM_BLESS=1 cargo test --test docs";

/// Where a file is not what it would be if it were made now. It is written, if that is wanted.
fn stale(path: &Path, made: &str) -> Option<String> {
    let at = Path::new(ROOT).join(path);
    let known = fs::read_to_string(&at).unwrap_or_default();
    if known == made {
        return None;
    }
    if blesses() {
        fs::write(at, made).expect("a file");
        return None;
    }
    let same = known.lines().zip(made.lines()).take_while(|(old, new)| old == new).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(its end)").to_owned();
    let (path, old, new) = (path.display(), line(&known), line(made));
    Some(format!("{path}:{} is\n  {old}\nand would be\n  {new}", same + 1))
}

#[test]
fn the_reference_is_current() {
    let stale = stale(Path::new("docs/reference.md"), &reference::reference());
    assert_eq!(stale, None, "{HOW}");
}

#[test]
fn the_pages_of_man_are_current() {
    fs::create_dir_all(Path::new(ROOT).join("docs/man")).expect("a folder");
    let pages = man::pages();
    let mut troubles: Vec<_> = pages.iter().filter_map(|(path, text)| stale(path, text)).collect();
    for path in files_below("docs/man").iter().filter(|path| !pages.contains_key(*path)) {
        if blesses() {
            fs::remove_file(Path::new(ROOT).join(path)).expect("a file");
        } else {
            troubles.push(format!("{} is about a command that is not there", path.display()));
        }
    }
    assert!(troubles.is_empty(), "{HOW}\n{}", troubles.join("\n"));
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
