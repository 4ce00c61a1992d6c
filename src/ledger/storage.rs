//! The storage trait of the ledger, and the errors of its implementations.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use uuid::Uuid;

use super::record::Row;
use super::{Attempt, Intent, OrderChange, Origin};

/// Keeps attempts. Rules are never decided here, but by the function that [`Storage::transact`] calls.
pub(crate) trait Storage {
    /// Passes the attempts that `lookup` finds to `change`, oldest first, and stores the attempts that it returns, all
    /// in one transaction that excludes every other one. Fails if one of the attempts found is damaged.
    fn transact<'a>(
        &'a self,
        lookup: Lookup<'a>,
        durability: Durability,
        change: &'a mut dyn FnMut(Vec<Attempt>) -> Vec<Attempt>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>>;

    /// The positions between which the attempts of this time are. The clock of a machine may have been set back, so others
    /// can be among them.
    fn positions(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Range<i64>, LedgerError>>;

    /// Passes the newest attempts at these positions that match the filter to `visit`, newest first.
    fn select<'a>(
        &'a self,
        filter: &'a Filter,
        positions: Range<i64>,
        limit: usize,
        visit: &'a mut dyn FnMut(Row<Attempt>),
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>>;

    /// Counts the attempts of all accounts. Fails if the storage cannot be used.
    fn summary(&self) -> LocalBoxFuture<'_, Result<Summary, LedgerError>>;

    /// Adds attempts and changes of orders, except those whose ID exists. Returns how many were added.
    fn import(
        &self,
        attempts: Vec<Attempt>,
        changes: Vec<OrderChange>,
    ) -> LocalBoxFuture<'_, Result<usize, LedgerError>>;

    /// Removes attempts for which `can_remove` returns true, and which are older, both by time and by their position,
    /// than every attempt since `oldest`. Damaged ones stay. Returns how many were removed.
    fn prune<'a>(
        &'a self,
        oldest: Timestamp,
        can_remove: &'a dyn Fn(&Attempt) -> bool,
    ) -> LocalBoxFuture<'a, Result<usize, LedgerError>>;

    /// Passes all changes of an order to `change`, oldest first, and stores those that it returns, all in one transaction
    /// that excludes every other one. Fails if one of them is damaged.
    fn transact_changes<'a>(
        &'a self,
        order_id: &'a str,
        change: &'a mut dyn FnMut(Vec<OrderChange>) -> Vec<OrderChange>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>>;

    /// The changes of orders that were started in this time, oldest first.
    fn select_changes(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Vec<Row<OrderChange>>, LedgerError>>;

    /// Locks a device until the lock is dropped or the process ends. Does not wait.
    fn try_lock<'a>(
        &'a self,
        device: &'a str,
        origin: &'a Origin,
    ) -> LocalBoxFuture<'a, Result<LockAttempt, LedgerError>>;

    /// Fails if what was just stored may not be found by the next process, because the file was removed or replaced, or
    /// if its result cannot be stored, because the database is gone.
    fn ensure_in_place(&self) -> LocalBoxFuture<'_, Result<(), LedgerError>>;

    /// Where the attempts are, without secrets.
    fn location(&self) -> String;
}

/// Which attempts a transaction needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lookup<'a> {
    Nothing,
    Attempt(Uuid),
    Session(&'a str),
    AttemptOrSession(Uuid, Option<&'a str>),
    /// Those with the same reference, and all that are [unsettled](Attempt::is_unsettled).
    Related(&'a Intent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Survives a power failure.
    Full,
    /// Survives the end of the process.
    Relaxed,
}

/// Attempts to list. An empty filter matches all of the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The last known status of the session, in capitals.
    pub status: Option<String>,
    pub device_id: Option<String>,
    pub location_id: Option<String>,
    /// See [`Intent::reference`].
    pub reference: Option<String>,
    pub till: Option<String>,
    pub session_id: Option<String>,
    /// The beginning of the attempt's or the session's ID.
    pub id_prefix: Option<String>,
    /// Only attempts whose outcome is unknown.
    pub unknown: bool,
    /// Only attempts whose session was open when its status was last known.
    pub open: bool,
    pub matches_all_accounts: bool,
}

/// The contents of a storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The version of the tables.
    pub version: i64,
    pub attempts: i64,
    /// Attempts whose outcome is unknown.
    pub unknown: i64,
}

/// The result of [`super::Ledger::attempts`].
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub attempts: Vec<Attempt>,
    /// How many damaged attempts were omitted. They may be of any account.
    pub damaged: usize,
}

#[derive(Debug)]
pub(crate) enum LockAttempt {
    Locked(DeviceLock),
    /// Another process has the lock; this one, if it is known.
    Held(Option<String>),
}

/// Keeps other processes from creating a session on the device until it is dropped or the process ends.
///
/// A device takes one payment at a time. With the lock, an attempt on the device without an outcome is not in progress:
/// its process died.
#[derive(Debug)]
pub(crate) struct DeviceLock {
    _guard: Box<dyn std::fmt::Debug>,
}

impl DeviceLock {
    pub(super) fn new(guard: impl std::fmt::Debug + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

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

impl LedgerError {
    /// What to do next.
    pub(crate) fn hint(&self, profile_flag: &str) -> String {
        match self {
            Self::File { .. } | Self::Moved(_) => {
                "make the folder writable, or set KUSTOM_STATE to another one; `kustom doctor` checks it"
                    .to_owned()
            }
            Self::NoLocks(_) => "set KUSTOM_STATE to a folder on a local disk".to_owned(),
            Self::Locked { .. } => "try again when the other process has finished".to_owned(),
            Self::Version { found, known, .. } if found > known => "update kustom".to_owned(),
            Self::Unreachable { .. } => {
                format!("check the server and the network: kustom{profile_flag} ledger status")
            }
            Self::Refused { .. } => {
                "check the user, its password and its rights; `kustom ledger init --print-sql` prints the rights"
                    .to_owned()
            }
            Self::NotCreated { .. } => format!("create it with `kustom{profile_flag} ledger init`"),
            Self::PasswordFile { .. } => "correct the file, or set PGPASSWORD".to_owned(),
            Self::Version { .. } => format!("update it with `kustom{profile_flag} ledger init`"),
            Self::Damaged { .. } | Self::DamagedJournal { .. } => {
                format!(
                    "`kustom{profile_flag} ledger repair` shows what can be read and asks before it changes anything"
                )
            }
        }
    }
}
