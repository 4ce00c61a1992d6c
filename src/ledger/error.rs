//! Why the ledger cannot be used, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::fs::io_error_message;

/// Why the ledger cannot be used. Nothing is sent without it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("cannot {action} the ledger {}: {reason}", .path.display())]
    File { action: &'static str, path: PathBuf, reason: String },
    #[error("the ledger {} was removed or replaced while it was in use", .0.display())]
    Moved(PathBuf),
    #[error("the ledger {location} was locked by another process for {} seconds", .waited.as_secs())]
    Locked { location: String, waited: Duration },
    #[error("the file system of the ledger {0} has no locks")]
    NoLocks(String),
    #[error("the ledger {location} has version {found}, and this kustom knows version {known}")]
    Version { location: String, found: i64, known: i64 },
    #[error("cannot reach the ledger {location}: {reason}")]
    Unreachable { location: String, reason: String },
    #[error("the ledger {location} refused the request: {reason}")]
    Refused { location: String, reason: String },
    #[error("there is no ledger in {location} yet")]
    NotCreated { location: String },
    #[error("cannot use the password file {}: {reason}", .path.display())]
    PasswordFile { path: PathBuf, reason: String },
    #[error("the ledger {location} is damaged: {reason}")]
    Damaged { location: String, reason: String },
    #[error("{lines} of the journal {} cannot be read, so a sale may have been charged before", .path.display())]
    DamagedJournal { path: PathBuf, lines: String },
}

/// The error of an action that failed on a file of the ledger.
pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |error| LedgerError::File { action, path: path.clone(), reason: io_error_message(&error) }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let hint = match &error {
            LedgerError::File { .. } | LedgerError::Moved(_) => {
                "make the folder writable, or set KUSTOM_STATE to another one; `kustom doctor` checks it"
            }
            LedgerError::NoLocks(_) => "set KUSTOM_STATE to a folder on a local disk",
            LedgerError::Locked { .. } => "try again when the other process has finished",
            LedgerError::Version { found, known, .. } if found > known => "update kustom",
            LedgerError::Unreachable { .. } => "check the server and the network: kustom ledger status",
            LedgerError::Refused { .. } => {
                "check the user, its password and its rights; `kustom ledger init --print-sql` prints the rights"
            }
            LedgerError::NotCreated { .. } => "create it with `kustom ledger init`",
            LedgerError::PasswordFile { .. } => "correct the file, or set PGPASSWORD",
            LedgerError::Version { .. } => "update it with `kustom ledger init`",
            LedgerError::Damaged { .. } | LedgerError::DamagedJournal { .. } => {
                "`kustom ledger repair` shows what can be read and asks before it changes anything"
            }
        };
        Self::new(ErrorKind::Unavailable, error.to_string()).hint(hint)
    }
}
