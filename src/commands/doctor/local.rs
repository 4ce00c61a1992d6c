//! Checks of the files on this machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::check::CheckResult;
use super::redact::ReportRedactor;
use crate::error::{Error, ErrorKind};
use crate::fs::io_error_message;
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
pub(super) async fn check_ledger(ledger: Result<Ledger, Error>, state: &Path) -> CheckResult {
    match ledger {
        Ok(ledger) => read_ledger(&ledger, state.exists())
            .await
            .unwrap_or_else(|error| CheckResult::failure("ledger", error)),
        Err(error) => CheckResult::failure("ledger", error),
    }
}

/// How far the newest attempt may be ahead of this machine's clock: other machines may share the ledger.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(2);

async fn read_ledger(ledger: &Ledger, has_state: bool) -> Result<CheckResult, Error> {
    if has_state {
        ledger.check_usable().await?;
    }
    let page = ledger.attempts(&Filter::default(), usize::MAX).await?;
    let unknown = page.attempts.iter().filter(|attempt| attempt.outcome.is_unknown()).count();
    let attempts = pluralize(page.attempts.len(), "attempt");
    let damaged = page.damaged + ledger.changes_of_all_accounts(None, None).await?.1;
    let text = format!("{}, {attempts}, {unknown} unknown, {damaged} damaged", ledger.location());
    if damaged > 0 {
        let next = "kustom ledger repair shows them and asks before it changes anything";
        return Ok(CheckResult::failure("ledger", Error::new(ErrorKind::Unavailable, text).hint(next)));
    }
    if let Some(damaged) = ledger.damaged_journals().first() {
        return Ok(CheckResult::failure("ledger", damaged.clone().into()));
    }
    let now = Timestamp::now();
    let newest = page.attempts.iter().map(|attempt| attempt.at).max();
    if let Some(newest) = newest.filter(|newest| newest.duration_since(now) > MAX_AHEAD) {
        let text =
            format!("{text}; the newest attempt is of {newest}, but this machine's clock says {now:.0}");
        return Ok(CheckResult::warning("ledger", text, "the clock went back, or was ahead: set it right"));
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
    let failed = |problem: String| {
        let hint = "fix it, or name another folder in KUSTOM_STATE";
        CheckResult::failure("state folder", Error::usage(problem).hint(hint))
    };
    if let Err(error) = write_test_file(dir) {
        return failed(format!("{path} cannot be written: {}", io_error_message(&error)));
    }
    if let Some((file, error)) = find_unusable_file(dir) {
        return failed(format!(
            "{} cannot be opened for writing: {}",
            file.display(),
            io_error_message(&error)
        ));
    }
    judge_free_space(dir, free_space(dir))
}

fn judge_free_space(dir: &Path, bytes: Option<u64>) -> CheckResult {
    let path = dir.display();
    match bytes {
        Some(bytes) if bytes < MIN_FREE_SPACE => CheckResult::warning(
            "state folder",
            format!("{path} has only {} MiB of free space", bytes / MIB),
            "free some space: without it no session can be created",
        ),
        _ => CheckResult::ok("state folder", format!("{path} can be written")),
    }
}

const MIB: u64 = 1024 * 1024;

const MIN_FREE_SPACE: u64 = 20 * MIB;

/// Writes and syncs as much as a payment needs.
fn write_test_file(dir: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(dir)?;
    file.write_all(&vec![0; 64 * 1024])?;
    file.sync_all()
}

/// Finds a file that this user cannot change, such as one that `sudo kustom` left behind.
fn find_unusable_file(dir: &Path) -> Option<(PathBuf, io::Error)> {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) => return Some((dir, error)),
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file()
                && let Err(error) = fs::OpenOptions::new().append(true).open(entry.path())
                && error.kind() != io::ErrorKind::NotFound
            {
                return Some((entry.path(), error));
            }
        }
    }
    None
}

#[cfg(unix)]
fn free_space(dir: &Path) -> Option<u64> {
    let file_system = rustix::fs::statvfs(dir).ok()?;
    file_system.f_bavail.checked_mul(file_system.f_frsize)
}

#[cfg(not(unix))]
const fn free_space(_dir: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_free_space_is_a_warning() {
        let judge = |bytes| serde_json::to_value(judge_free_space(Path::new("/state"), bytes)).unwrap();
        for (bytes, level) in
            [(Some(20 * MIB), "ok"), (None, "ok"), (Some(20 * MIB - 1), "warning"), (Some(0), "warning")]
        {
            assert_eq!(judge(bytes)["level"], level, "{bytes:?}");
        }
        assert_eq!(judge(Some(20 * MIB - 1))["finding"], "/state has only 19 MiB of free space");
    }
}
