//! The ledger: which sessions were attempted and with which results, so that no sale is charged twice.
//!
//! The API has neither an idempotency key nor a list of sessions, so the ledger is both. An intent is stored durably
//! before a session is created, and its outcome after it. An intent without an outcome, because a process or a machine
//! died, is an attempt with an unknown outcome. The rules are pure (`attempt`, `account`, `duplicates`); a `Storage`
//! keeps the attempts.

mod account;
mod attempt;
mod changes;
mod database_url;
mod device_lock;
mod duplicates;
mod error;
mod file_locks;
mod hash;
mod journal;
mod lookup;
mod order_change;
mod outbox;
mod password_file;
mod postgres;
mod record;
mod repair;
mod sql;
mod sqlite;
mod storage;

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

pub use account::AccountId;
pub(crate) use account::fingerprint;
pub(crate) use attempt::normalize_reference;
pub use attempt::{Attempt, Intent, Origin, Outcome};
pub(crate) use database_url::{DatabaseUrl, LedgerLocation};
pub(crate) use device_lock::{DeviceLock, LockAttempt};
pub(crate) use duplicates::mismatch;
pub use duplicates::{Duplicate, find_duplicates};
pub(crate) use error::LedgerError;
pub use hash::checksum;
pub(crate) use journal::{accept_damaged as accept_journals, find_damaged as damaged_journals};
pub(crate) use lookup::{Durability, Filter, Lookup};
pub use order_change::{
    ChangeDecision, ChangeIntent, ChangeOutcome, OrderChange, OrderOperation, decide_change, movements,
};
pub(crate) use outbox::Outbox;
pub(crate) use password_file::find_password;
pub(crate) use postgres::PostgresStorage;
pub(crate) use record::Record;
use record::Row;
pub(crate) use repair::{LostRecord, Salvage, inspect, repair};
pub(crate) use sqlite::SqliteStorage;
pub(crate) use storage::{Page, Storage, Summary};

use outbox::Undelivered;

use crate::error::Error;
use crate::model::{Resource, Session, find_difference};

/// How many attempts are read at once for a list.
const PAGE_SIZE: usize = 1000;

/// The ledger as one account uses it.
pub(crate) struct Ledger {
    storage: Storage,
    account: AccountId,
    /// Journals of earlier versions with lines that cannot be read.
    damaged_journals: Vec<LedgerError>,
    /// Keeps results while a shared ledger cannot be reached.
    outbox: Option<Outbox>,
}

/// The result of [`Ledger::begin`].
#[derive(Debug)]
pub(crate) enum Begin {
    /// The intent is stored: the session may be requested now.
    Started(Uuid),
    /// Nothing was stored, because of these earlier attempts.
    Duplicates(Vec<Duplicate>),
}

impl Ledger {
    pub(crate) fn new(storage: Storage, account: AccountId) -> Self {
        Self { storage, account, damaged_journals: Vec::new(), outbox: None }
    }

    /// Keeps results in `outbox` while the ledger cannot be reached, and delivers those that it has.
    pub(crate) async fn with_outbox(mut self, outbox: Outbox) -> Result<Self, Error> {
        self.deliver(&outbox).await?;
        self.outbox = Some(outbox);
        Ok(self)
    }

    async fn deliver(&self, outbox: &Outbox) -> Result<(), LedgerError> {
        for Undelivered { attempt: id, outcome, reported } in outbox.undelivered().await? {
            let mut is_known = false;
            let apply = |mut found: Vec<Attempt>| {
                is_known = !found.is_empty();
                found.retain_mut(|attempt| {
                    // A person may have resolved it meanwhile; only a session that exists is more certain.
                    let is_news = |outcome: &&Outcome| {
                        attempt.outcome.is_unknown() || matches!(outcome, Outcome::Created { .. })
                    };
                    let resolved = outcome.as_ref().filter(is_news).cloned();
                    let is_resolved = resolved.is_some_and(|outcome| attempt.resolve(&outcome));
                    let is_reported = reported && !std::mem::replace(&mut attempt.reported, true);
                    is_resolved || is_reported
                });
                found
            };
            self.storage.transact(Lookup::Attempt(id), Durability::Full, apply).await?;
            // It may belong to the ledger of another profile.
            if is_known {
                outbox.remove(id).await?;
            }
        }
        Ok(())
    }

    /// Says that a result was kept for later, in addition to why it could not be stored.
    async fn keep(&self, attempt: Uuid, outcome: &Outcome, error: Error) -> Error {
        let Some(outbox) = &self.outbox else { return error };
        match outbox.keep_outcome(attempt, outcome).await {
            Ok(()) => {
                let place = outbox.location();
                error.append(&format!("; the next command delivers the outcome from {place}"))
            }
            Err(also) => error.append(&format!("; {also}")),
        }
    }

    pub(crate) const fn account(&self) -> &AccountId {
        &self.account
    }

    /// Imports the journals of versions before 0.2, once: what was imported is renamed.
    pub(crate) async fn import_journals(
        &mut self,
        state: &Path,
        environments: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Error> {
        self.damaged_journals = journal::import(state, environments, &self.storage).await?;
        Ok(())
    }

    /// The journals that could not be imported completely.
    pub(crate) fn damaged_journals(&self) -> &[LedgerError] {
        &self.damaged_journals
    }

    /// Where the attempts are, without secrets.
    pub(crate) fn location(&self) -> String {
        self.storage.location()
    }

    /// What the ledger holds, of all accounts.
    pub(crate) async fn summary(&self) -> Result<Summary, Error> {
        Ok(self.storage.summary().await?)
    }

    /// The number of results that could not be delivered yet; `None` if the ledger is not shared.
    pub(crate) async fn undelivered(&self) -> Result<Option<usize>, Error> {
        let Some(outbox) = &self.outbox else { return Ok(None) };
        Ok(Some(outbox.undelivered().await?.len()))
    }

    /// Adds attempts or changes of orders, except those whose ID exists. Returns how many were added.
    pub(crate) async fn import<R: Record>(&self, records: &[R]) -> Result<usize, Error> {
        Ok(self.storage.import(records).await?)
    }

    /// Stores the intent unless an earlier attempt may be the same sale. Both happen in one transaction, so only one of
    /// several processes sends. Attempts in `ended_unpaid` were found to be no duplicates.
    pub(crate) async fn begin(
        &self,
        intent: &Intent,
        allow_duplicate: bool,
        ended_unpaid: &HashSet<Uuid>,
    ) -> Result<Begin, Error> {
        let attempt = self.new_attempt(intent);
        let lookup = if allow_duplicate {
            Lookup::Nothing
        } else {
            if let Some(damaged) = self.damaged_journals.first() {
                return Err(damaged.clone().into());
            }
            Lookup::Related(intent)
        };
        let mut duplicates = Vec::new();
        let decide = |known: Vec<Attempt>| {
            duplicates = find_duplicates(&attempt, known);
            duplicates.retain(|duplicate| !ended_unpaid.contains(&duplicate.attempt().id));
            if duplicates.is_empty() { vec![attempt.clone()] } else { Vec::new() }
        };
        self.storage.transact(lookup, Durability::Full, decide).await?;
        if duplicates.is_empty() {
            if let Err(error) = self.storage.ensure_in_place().await {
                let outcome = Outcome::Refused("nothing was sent, because the ledger was lost".to_owned());
                return Err(self.keep(attempt.id, &outcome, error.into()).await);
            }
            return Ok(Begin::Started(attempt.id));
        }
        Ok(Begin::Duplicates(duplicates))
    }

    /// The earlier attempts that may be the same sale. Nothing is stored, so only [`Self::begin`] decides.
    pub(crate) async fn duplicates(&self, intent: &Intent) -> Result<Vec<Duplicate>, Error> {
        let new = self.new_attempt(intent);
        let mut duplicates = Vec::new();
        let find = |known: Vec<Attempt>| {
            duplicates = find_duplicates(&new, known);
            Vec::new()
        };
        self.storage.transact(Lookup::Related(intent), Durability::Relaxed, find).await?;
        Ok(duplicates)
    }

    fn new_attempt(&self, intent: &Intent) -> Attempt {
        Attempt {
            id: Uuid::new_v4(),
            at: Timestamp::now(),
            account: self.account.clone(),
            origin: Origin::current(),
            intent: intent.clone(),
            outcome: Outcome::Pending,
            reported: false,
        }
    }

    /// Stores the result of an attempt. A session that is known to exist stays.
    pub(crate) async fn finish(&self, attempt: Uuid, outcome: Outcome) -> Result<(), Error> {
        let stored =
            self.change(Lookup::Attempt(attempt), Durability::Full, |attempt| attempt.resolve(&outcome));
        match stored.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.keep(attempt, &outcome, error).await),
        }
    }

    /// Stores the status of a session, unless the session is not what the attempt requested, such as one of another amount:
    /// the response is about something else then, and its status must not let the sale be charged again.
    pub(crate) async fn record_status(&self, session: &Resource<Session>) -> Result<(), Error> {
        let (Some(id), Some(status)) = (&session.session_id, &session.status) else { return Ok(()) };
        self.change(Lookup::Session(id), Durability::Full, |attempt| {
            self.account.is_same(&attempt.account)
                && find_difference(&attempt.intent.sent(), session.raw()).is_none()
                && attempt.observe(status, session.order_id.as_deref())
        })
        .await
    }

    /// Marks an attempt whose result was printed. Losing the mark in a power failure is harmless: a later create
    /// reports the attempt once more.
    pub(crate) async fn mark_reported(&self, attempt: Uuid) -> Result<(), Error> {
        let stored = self.change(Lookup::Attempt(attempt), Durability::Relaxed, |attempt| {
            !std::mem::replace(&mut attempt.reported, true)
        });
        match (stored.await, &self.outbox) {
            (Err(_), Some(outbox)) => Ok(outbox.keep_reported(attempt).await?),
            (stored, _) => stored,
        }
    }

    async fn change(
        &self,
        lookup: Lookup<'_>,
        durability: Durability,
        change: impl Fn(&mut Attempt) -> bool,
    ) -> Result<(), Error> {
        let apply = |mut found: Vec<Attempt>| {
            found.retain_mut(|attempt| change(attempt));
            found
        };
        Ok(self.storage.transact(lookup, durability, apply).await?)
    }

    /// Resolves an attempt whose outcome is unknown. Returns `false` if it has been resolved meanwhile, or if another
    /// attempt is known to have created the session.
    pub(crate) async fn resolve(&self, attempt: Uuid, outcome: &Outcome) -> Result<bool, Error> {
        let session_id = match outcome {
            Outcome::Created { session_id, .. } => Some(session_id.as_str()),
            _ => None,
        };
        let mut is_resolved = false;
        let decide = |found: Vec<Attempt>| {
            let is_linked = found.iter().any(|other| {
                other.id != attempt && self.is_same_account(other) && other.session_id().is_some()
            });
            let mut unknown = found;
            unknown.retain(|found| found.id == attempt && found.outcome.is_unknown() && !is_linked);
            for attempt in &mut unknown {
                is_resolved = attempt.resolve(outcome);
                // A person resolved it, so nobody is left who waits for its result.
                attempt.reported = true;
            }
            unknown
        };
        let lookup = Lookup::AttemptOrSession(attempt, session_id);
        self.storage.transact(lookup, Durability::Full, decide).await?;
        Ok(is_resolved)
    }

    fn is_same_account(&self, attempt: &Attempt) -> bool {
        self.account.is_same(&attempt.account)
    }

    /// The newest attempts of the account that match the filter, newest first.
    pub(crate) async fn attempts(&self, filter: &Filter, limit: usize) -> Result<Page, Error> {
        let mut attempts = Vec::new();
        let damaged = self
            .for_each_attempt(filter, limit, |attempt| {
                attempts.push(attempt);
                Ok(())
            })
            .await?;
        Ok(Page { attempts, damaged })
    }

    /// Passes the newest attempts of the account that match the filter to `visit`, newest first, as they are read.
    /// Returns how many damaged ones were omitted; they may be of any account.
    pub(crate) async fn for_each_attempt(
        &self,
        filter: &Filter,
        limit: usize,
        mut visit: impl FnMut(Attempt) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let (mut visited, mut damaged) = (0, 0);
        let mut positions = i64::MIN..i64::MAX;
        if filter.since.is_some() || filter.until.is_some() {
            let (start, end) = self.storage.read_numbers(sql::positions(filter.since, filter.until)).await?;
            positions = start..end;
        }
        let mut size = limit.min(PAGE_SIZE);
        while visited < limit {
            let (mut read, mut result) = (0, Ok(()));
            let query = sql::select(filter, &positions, size);
            let visit_row = |row: Row<Attempt>| {
                read += 1;
                positions.end = row.seq;
                match row.record {
                    Some(attempt) if filter.matches_all_accounts || self.is_same_account(&attempt) => {
                        if visited < limit && result.is_ok() {
                            visited += 1;
                            result = visit(attempt);
                        }
                    }
                    Some(_) => {}
                    None => damaged += 1,
                }
            };
            self.storage.read(query, visit_row).await?;
            result?;
            if read < size {
                break;
            }
            // Attempts of other accounts may have filled the page.
            size = size.saturating_mul(4).min(PAGE_SIZE);
        }
        Ok(damaged)
    }

    /// The attempts of the account whose outcome is unknown, oldest first.
    pub(crate) async fn unknown_attempts(&self) -> Result<Vec<Attempt>, Error> {
        let filter = Filter { unknown: true, ..Filter::default() };
        let mut attempts = self.attempts(&filter, usize::MAX).await?.attempts;
        attempts.reverse();
        Ok(attempts)
    }

    /// The attempt of the account that created this session.
    pub(crate) async fn attempt_of_session(&self, session_id: &str) -> Result<Option<Attempt>, Error> {
        let filter = Filter { session_id: Some(session_id.to_owned()), ..Filter::default() };
        Ok(self.attempts(&filter, 1).await?.attempts.pop())
    }

    /// Removes resolved attempts of the account that are older than `oldest`. Returns how many there were.
    pub(crate) async fn prune(&self, oldest: Timestamp) -> Result<usize, Error> {
        let can_remove =
            |attempt: &Attempt| attempt.at < oldest && !attempt.is_open() && self.is_same_account(attempt);
        Ok(self.storage.prune(oldest, can_remove).await?)
    }

    /// Does what a payment needs of the ledger, without an attempt: a durable transaction, and a lock.
    pub(crate) async fn check_usable(&self) -> Result<(), Error> {
        self.storage.transact(Lookup::Attempt(Uuid::nil()), Durability::Full, |_| Vec::new()).await?;
        self.try_lock_device("doctor").await.map(drop)
    }

    /// Keeps other processes, on all machines that share the ledger, from creating a session on this device.
    pub(crate) async fn try_lock_device(&self, device: &str) -> Result<LockAttempt, Error> {
        Ok(self.storage.try_lock(device, &Origin::current()).await?)
    }
}

#[cfg(test)]
mod tests;
