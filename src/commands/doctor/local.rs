//! What `doctor` finds on this machine.

use std::path::Path;

use super::discretion::Discretion;
use super::finding::{Finding, Level};
use crate::journal::File;
use crate::profiles::{Document, StoreError};
use crate::text::count;

/// The profiles file: is it there, can it be read, and is it private?
pub(super) fn profiles_file(
    path: &Path,
    profiles: Result<Document, StoreError>,
    discretion: &Discretion,
) -> Vec<Finding> {
    let document = match profiles {
        Ok(document) => document,
        Err(error) => return vec![Finding::failure("profiles file", error.into())],
    };
    if !path.exists() {
        let text = format!("{} does not exist yet", path.display());
        return vec![Finding::ok("profiles file", text)];
    }
    let profiles = count(document.profiles().count(), "profile");
    let mut findings = vec![Finding::ok("profiles file", format!("{}, {profiles}", path.display()))];
    findings.extend(mode("file mode", path, 0o600, discretion));
    findings.extend(path.parent().and_then(|folder| mode("folder mode", folder, 0o700, discretion)));
    for key in document.unknown() {
        let text = format!("'{}' is not a key that kustom knows", crate::text::visible(key));
        findings.push(
            Finding::ok("profiles file", text).but(Level::Warning, "correct it if it is a typing mistake"),
        );
    }
    findings
}

/// Whether nobody else can read a file or folder.
#[cfg(unix)]
fn mode(check: &'static str, path: &Path, private: u32, discretion: &Discretion) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let finding = Finding::ok(check, format!("{mode:04o}"));
    Some(if mode & !private == 0 {
        finding
    } else {
        let next = format!("others can use it; chmod {private:o} {}", discretion.word(path));
        finding.but(Level::Warning, &next)
    })
}

/// Elsewhere the folder of the user is private by other means.
#[cfg(not(unix))]
fn mode(_check: &'static str, _path: &Path, _private: u32, _discretion: &Discretion) -> Option<Finding> {
    None
}

/// The journal: can it be read, and is everything in it settled?
pub(super) fn journal(file: &File) -> Finding {
    let shown = file.path().display();
    let journal = match file.read() {
        Ok(journal) => journal,
        Err(error) => return Finding::failure("journal", error.into()),
    };
    let (attempts, damaged) = (count(journal.attempts().len(), "attempt"), journal.damaged());
    let unknown = journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown()).count();
    let finding =
        Finding::ok("journal", format!("{shown}, {attempts}, {unknown} unknown, {damaged} unreadable"));
    match (damaged, unknown) {
        (0, 0) => finding,
        (0, _) => finding.but(Level::Warning, "settle what is unknown: kustom sessions recover"),
        _ => finding.but(
            Level::Failure,
            "mend the file in an editor, or put it aside; no session is created until then",
        ),
    }
}

/// The state folder: can something be written to it?
pub(super) fn state_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    if !folder.exists() {
        return Finding::ok("state folder", format!("{shown} does not exist yet"));
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Finding::ok("state folder", format!("{shown} can be written")),
        Err(error) => Finding::ok("state folder", format!("{shown} cannot be written: {error}"))
            .but(Level::Failure, "mend it, or name another folder in KUSTOM_STATE"),
    }
}
