//! Where the ledger is stored: a database on this machine, or one that several machines share.

use jiff::Timestamp;

use super::device_lock::LockAttempt;
use super::error::LedgerError;
use super::lookup::{Durability, Lookup};
use super::record::{Record, Row};
use super::sql::{self, Query};
use super::{Attempt, OrderChange, Origin, PostgresStorage, SqliteStorage, postgres, sqlite};

/// How many records one transaction of an import stores.
const BATCH: usize = 1000;

/// Keeps attempts and changes of orders. Rules are never decided here, but by the functions that it calls.
pub(crate) enum Storage {
    Sqlite(SqliteStorage),
    Postgres(Box<PostgresStorage>),
}

impl Storage {
    /// Passes the attempts that `lookup` finds to `change`, oldest first, and stores the attempts that it returns, all
    /// in one transaction that excludes every other one. Fails if one of the attempts found is damaged.
    pub(super) async fn transact(
        &self,
        lookup: Lookup<'_>,
        durability: Durability,
        change: impl FnMut(Vec<Attempt>) -> Vec<Attempt>,
    ) -> Result<(), LedgerError> {
        // Only a new intent needs a database that does not exist yet.
        if matches!(lookup, Lookup::Attempt(_) | Lookup::Session(_))
            && matches!(self, Self::Sqlite(database) if database.is_new())
        {
            return Ok(());
        }
        self.transact_records(sql::lookup(lookup), durability, change).await
    }

    /// Like [`Self::transact`], for all changes of an order.
    pub(super) async fn transact_changes(
        &self,
        order_id: &str,
        change: impl FnMut(Vec<OrderChange>) -> Vec<OrderChange>,
    ) -> Result<(), LedgerError> {
        self.transact_records(Some(sql::changes_of_order(order_id)), Durability::Full, change).await
    }

    async fn transact_records<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        mut change: impl FnMut(Vec<R>) -> Vec<R>,
    ) -> Result<(), LedgerError> {
        let decide = |rows: Vec<Row<R>>| {
            let damaged = rows.iter().filter(|row| row.record.is_none()).count();
            if damaged > 0 {
                let (location, reason) = (self.location(), sql::describe_damage::<R>(damaged));
                return Err(LedgerError::Damaged { location, reason });
            }
            let changed = change(rows.into_iter().filter_map(|row| row.record).collect());
            Ok(changed.iter().map(|record| sql::insert(record, true)).collect())
        };
        self.write(query, durability, decide).await.map(drop)
    }

    /// Adds records, except those whose ID exists. Returns how many were added.
    pub(super) async fn import<R: Record>(&self, records: &[R]) -> Result<usize, LedgerError> {
        let mut added = 0;
        for batch in records.chunks(BATCH) {
            let insert = |_: Vec<Row<R>>| Ok(batch.iter().map(|record| sql::insert(record, false)).collect());
            added += self.write(None, Durability::Full, insert).await?;
        }
        Ok(added)
    }

    /// Removes attempts for which `can_remove` returns true, and which are older, both by time and by their position,
    /// than every attempt since `oldest`. Damaged ones stay. Returns how many were removed.
    pub(super) async fn prune(
        &self,
        oldest: Timestamp,
        can_remove: impl Fn(&Attempt) -> bool,
    ) -> Result<usize, LedgerError> {
        if self.is_missing() {
            return Ok(0);
        }
        let decide = |mut rows: Vec<Row<Attempt>>| {
            rows.retain(|row| row.record.as_ref().is_some_and(&can_remove));
            Ok(rows.iter().map(|row| sql::delete(row.seq)).collect())
        };
        self.write(Some(sql::prunable(oldest)), Durability::Full, decide).await
    }

    /// Counts the attempts of all accounts. Fails if the storage cannot be used.
    pub(super) async fn summary(&self) -> Result<Summary, LedgerError> {
        let (attempts, unknown) = self.read_numbers((sql::COUNT.to_owned(), Vec::new())).await?;
        let version = match self {
            Self::Sqlite(_) => sqlite::VERSION,
            Self::Postgres(_) => postgres::VERSION,
        };
        Ok(Summary { version, attempts, unknown })
    }

    /// Whether there is nothing to read: the database on this machine is created for the first intent.
    fn is_missing(&self) -> bool {
        matches!(self, Self::Sqlite(database) if !database.exists())
    }

    /// Passes the rows that the query finds to `decide`, and runs the statements that it returns, all in one transaction
    /// that excludes every other one. Returns how many rows they changed.
    async fn write<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        decide: impl FnMut(Vec<Row<R>>) -> Result<Vec<Query>, LedgerError>,
    ) -> Result<usize, LedgerError> {
        match self {
            Self::Sqlite(database) => database.write(query, durability, decide).await,
            Self::Postgres(database) => database.write(query, durability, decide).await,
        }
    }

    /// Passes the rows that the query finds to `visit`.
    pub(super) async fn read<R: Record>(
        &self,
        query: Query,
        mut visit: impl FnMut(Row<R>),
    ) -> Result<(), LedgerError> {
        match self {
            _ if self.is_missing() => Ok(()),
            Self::Sqlite(database) => database.visit(&query, &mut visit).await,
            Self::Postgres(database) => {
                database.read(&query).await?.into_iter().for_each(visit);
                Ok(())
            }
        }
    }

    pub(super) async fn read_numbers(&self, query: Query) -> Result<(i64, i64), LedgerError> {
        match self {
            _ if self.is_missing() => Ok((0, 0)),
            Self::Sqlite(database) => database.read_numbers(&query).await,
            Self::Postgres(database) => database.read_numbers(&query).await,
        }
    }

    /// Locks a device until the lock is dropped or the process ends. Does not wait.
    pub(super) async fn try_lock(&self, device: &str, origin: &Origin) -> Result<LockAttempt, LedgerError> {
        match self {
            Self::Sqlite(database) => database.try_lock(device, origin),
            Self::Postgres(database) => database.try_lock(device).await,
        }
    }

    /// Fails if what was just stored may not be found by the next process, because the file was removed or replaced, or
    /// if its result cannot be stored, because the database is gone.
    pub(super) async fn ensure_in_place(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(database) => database.ensure_in_place(),
            Self::Postgres(database) => database.ensure_in_place().await,
        }
    }

    /// Where the attempts are, without secrets.
    pub(super) fn location(&self) -> String {
        match self {
            Self::Sqlite(database) => database.location(),
            Self::Postgres(database) => database.location(),
        }
    }
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
