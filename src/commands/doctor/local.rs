//! Checks of the files on this machine.

use std::path::Path;

use super::check::CheckResult;
use super::redact::ReportRedactor;
use crate::error::{Error, ErrorKind};
use crate::ledger::{Filter, Ledger};
use crate::profiles::{Document, StoreError};
use crate::text::{escape_control, pluralize};

pub(super) fn check_profiles_file(
    path: &Path,
    profiles: Result<Document, StoreError>,
    redactor: &ReportRedactor,
) -> Vec<CheckResult> {
    let document = match profiles {
        Ok(document) => document,
        Err(error) => return vec![CheckResult::failure("profiles file", error.into())],
    };
    if !path.exists() {
        return vec![CheckResult::ok("profiles file", format!("{} does not exist yet", path.display()))];
    }
    let profiles = pluralize(document.profiles().count(), "profile");
    let mut results = vec![CheckResult::ok("profiles file", format!("{}, {profiles}", path.display()))];
    results.extend(check_mode("file mode", path, 0o600, redactor));
    results.extend(path.parent().and_then(|dir| check_mode("folder mode", dir, 0o700, redactor)));
    results.extend(document.unknown().iter().map(|key| {
        let text = format!("'{}' is not a key that kustom knows", escape_control(key));
        CheckResult::warning("profiles file", text, "correct it if it is a typo")
    }));
    results
}

/// Checks that other users have no access.
fn check_mode(
    check: &'static str,
    path: &Path,
    private: u32,
    redactor: &ReportRedactor,
) -> Option<CheckResult> {
    let mode = read_mode(path)?;
    let text = format!("{mode:04o}");
    Some(if mode & !private == 0 {
        CheckResult::ok(check, text)
    } else {
        let next = format!("others can use it; chmod {private:o} {}", redactor.quote_path(path));
        CheckResult::warning(check, text, &next)
    })
}

#[cfg(unix)]
fn read_mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

/// Other systems have no file modes. Their user directories are private.
#[cfg(not(unix))]
const fn read_mode(_path: &Path) -> Option<u32> {
    None
}

/// Checks that the ledger is readable and every attempt in it is resolved.
pub(super) async fn check_ledger(ledger: Result<Ledger, Error>) -> CheckResult {
    match ledger {
        Ok(ledger) => {
            read_ledger(&ledger).await.unwrap_or_else(|error| CheckResult::failure("ledger", error))
        }
        Err(error) => CheckResult::failure("ledger", error),
    }
}

async fn read_ledger(ledger: &Ledger) -> Result<CheckResult, Error> {
    let page = ledger.attempts(&Filter::default(), usize::MAX).await?;
    let unknown = page.attempts.iter().filter(|attempt| attempt.outcome.is_unknown()).count();
    let attempts = pluralize(page.attempts.len(), "attempt");
    let text = format!("{}, {attempts}, {unknown} unknown, {} damaged", ledger.location(), page.damaged);
    if page.damaged > 0 {
        let next = "kustom ledger repair shows them and asks before it changes anything";
        return Ok(CheckResult::failure("ledger", Error::new(ErrorKind::Unavailable, text).hint(next)));
    }
    if let Some(damaged) = ledger.damaged_journals().first() {
        return Ok(CheckResult::failure(
            "ledger",
            Error::new(ErrorKind::Unavailable, damaged.to_string()).hint(damaged.hint("")),
        ));
    }
    if unknown > 0 {
        return Ok(CheckResult::warning(
            "ledger",
            text,
            "resolve the unknown attempts: kustom sessions recover",
        ));
    }
    Ok(CheckResult::ok("ledger", text))
}

pub(super) fn check_state_dir(dir: &Path) -> CheckResult {
    let path = dir.display();
    if !dir.exists() {
        return CheckResult::ok("state folder", format!("{path} does not exist yet"));
    }
    match tempfile::tempfile_in(dir) {
        Ok(_) => CheckResult::ok("state folder", format!("{path} can be written")),
        Err(error) => CheckResult::failure(
            "state folder",
            Error::usage(format!("{path} cannot be written: {error}"))
                .hint("fix it, or name another folder in KUSTOM_STATE"),
        ),
    }
}
