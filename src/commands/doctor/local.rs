//! What `doctor` finds on this machine.

use std::path::Path;

use super::check::{CheckResult, Level};
use super::redact::ReportRedactor;
use crate::journal::JournalFile;
use crate::profiles::{Document, StoreError};
use crate::text::pluralize;

/// The profiles file: is it there, can it be read, and is it private?
pub(super) fn profiles_file(
    path: &Path,
    profiles: Result<Document, StoreError>,
    discretion: &ReportRedactor,
) -> Vec<CheckResult> {
    let document = match profiles {
        Ok(document) => document,
        Err(error) => return vec![CheckResult::failure("profiles file", error.into())],
    };
    if !path.exists() {
        let text = format!("{} does not exist yet", path.display());
        return vec![CheckResult::ok("profiles file", text)];
    }
    let profiles = pluralize(document.profiles().count(), "profile");
    let mut findings = vec![CheckResult::ok("profiles file", format!("{}, {profiles}", path.display()))];
    findings.extend(mode("file mode", path, 0o600, discretion));
    findings.extend(path.parent().and_then(|folder| mode("folder mode", folder, 0o700, discretion)));
    for key in document.unknown() {
        let text = format!("'{}' is not a key that kustom knows", crate::text::escape_control(key));
        findings.push(
            CheckResult::ok("profiles file", text)
                .with_remedy(Level::Warning, "correct it if it is a typing mistake"),
        );
    }
    findings
}

/// Whether nobody else can read a file or folder.
#[cfg(unix)]
fn mode(check: &'static str, path: &Path, private: u32, discretion: &ReportRedactor) -> Option<CheckResult> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let finding = CheckResult::ok(check, format!("{mode:04o}"));
    Some(if mode & !private == 0 {
        finding
    } else {
        let next = format!("others can use it; chmod {private:o} {}", discretion.quote_path(path));
        finding.with_remedy(Level::Warning, &next)
    })
}

/// Elsewhere the folder of the user is private by other means.
#[cfg(not(unix))]
fn mode(
    _check: &'static str,
    _path: &Path,
    _private: u32,
    _discretion: &ReportRedactor,
) -> Option<CheckResult> {
    None
}

/// The journal: can it be read, and is everything in it settled?
pub(super) fn journal(file: &JournalFile) -> CheckResult {
    let shown = file.path().display();
    let journal = match file.read() {
        Ok(journal) => journal,
        Err(error) => return CheckResult::failure("journal", error.into()),
    };
    let (attempts, damaged) = (pluralize(journal.attempts().len(), "attempt"), journal.corrupt_lines());
    let unknown = journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown()).count();
    let finding =
        CheckResult::ok("journal", format!("{shown}, {attempts}, {unknown} unknown, {damaged} unreadable"));
    match (damaged, unknown) {
        (0, 0) => finding,
        (0, _) => finding.with_remedy(Level::Warning, "settle what is unknown: kustom sessions recover"),
        _ => finding.with_remedy(
            Level::Failure,
            "mend the file in an editor, or put it aside; no session is created until then",
        ),
    }
}

/// The state folder: can something be written to it?
pub(super) fn state_folder(folder: &Path) -> CheckResult {
    let shown = folder.display();
    if !folder.exists() {
        return CheckResult::ok("state folder", format!("{shown} does not exist yet"));
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => CheckResult::ok("state folder", format!("{shown} can be written")),
        Err(error) => CheckResult::ok("state folder", format!("{shown} cannot be written: {error}"))
            .with_remedy(Level::Failure, "mend it, or name another folder in KUSTOM_STATE"),
    }
}
