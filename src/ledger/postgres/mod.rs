//! The storage that several machines share: a PostgreSQL database, with tables in a schema of their own.
//!
//! Every transaction that writes takes one advisory lock, so they run one after the other: of any number of machines, one
//! stores the intent of a sale, and the others find it. A device is locked by an advisory lock of the connection. The
//! server frees both when the connection ends, whether the process, the machine or the network died.

mod connection;
mod schema;

use std::ops::Range;
use std::rc::Rc;

use futures_util::future::{LocalBoxFuture, try_join_all};
use jiff::Timestamp;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{GenericClient, IsolationLevel, Transaction};

use super::database_url::DatabaseUrl;
use super::record::{Param, Record, Row, check_rows};
use super::sql::{self, Query};
use super::storage::{DeviceLock, Durability, Filter, LedgerError, LockAttempt, Lookup, Storage, Summary};
use super::{Attempt, OrderChange, Origin, hash};
use crate::secret::Secret;
use connection::{NAME_PREFIX, Server};
use schema::VERSION;

/// How many statements are sent before their results are awaited.
const PIPELINE: usize = 25;

pub(crate) struct PostgresStorage {
    server: Server,
}

impl PostgresStorage {
    /// Connects when it is first used.
    pub(crate) fn new(url: DatabaseUrl, password: Option<&Secret>, origin: &Origin) -> Self {
        Self { server: Server::new(url, password, origin) }
    }

    /// Runs `work` in a transaction that excludes every other one.
    async fn write<T>(
        &self,
        durability: Durability,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, LedgerError> {
        let session = self.server.session().await?;
        let mut client = session.client.lock().await;
        let write = async {
            let builder = client.build_transaction().read_only(false);
            // Each statement sees what was committed before it, so the ones after the lock see everything.
            let transaction = builder.isolation_level(IsolationLevel::ReadCommitted).start().await?;
            let relax = match durability {
                Durability::Full => "",
                Durability::Relaxed => "SET LOCAL synchronous_commit = off; ",
            };
            transaction.batch_execute(&format!("{relax}{}", lock_statement())).await?;
            let done = work(&transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        self.server.bounded(write).await
    }

    /// Passes the records that the query finds to `change`, and stores those that it returns, in one transaction.
    async fn transact_records<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        change: &mut dyn FnMut(Vec<R>) -> Vec<R>,
    ) -> Result<(), LedgerError> {
        let write = async |transaction: &Transaction<'_>| {
            let rows = match &query {
                Some(query) => read_rows(transaction, query).await?,
                None => Vec::new(),
            };
            let found = match check_rows(rows) {
                Ok(found) => found,
                Err(damaged) => return Ok(Err(damaged)),
            };
            for record in change(found) {
                insert(transaction, &record, true).await?;
            }
            Ok(Ok(()))
        };
        self.write(durability, write).await?.map_err(|damaged| LedgerError::Damaged {
            location: self.location(),
            reason: sql::describe_damage::<R>(damaged),
        })
    }

    async fn read_records<R: Record>(&self, query: Query) -> Result<Vec<Row<R>>, LedgerError> {
        let session = self.server.session().await?;
        let client = session.client.lock().await;
        self.server.bounded(read_rows(&*client, &query)).await
    }
}

impl Storage for PostgresStorage {
    fn transact<'a>(
        &'a self,
        lookup: Lookup<'a>,
        durability: Durability,
        change: &'a mut dyn FnMut(Vec<Attempt>) -> Vec<Attempt>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(self.transact_records(sql::lookup(lookup), durability, change))
    }

    fn positions(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Range<i64>, LedgerError>> {
        Box::pin(async move {
            let (statement, params) = sql::positions(since, until);
            let session = self.server.session().await?;
            let client = session.client.lock().await;
            let read = async {
                let row = client.query_typed_one(&statement, &typed(&params)).await?;
                Ok(row.try_get(0)?..row.try_get(1)?)
            };
            self.server.bounded(read).await
        })
    }

    fn select<'a>(
        &'a self,
        filter: &'a Filter,
        positions: Range<i64>,
        limit: usize,
        visit: &'a mut dyn FnMut(Row<Attempt>),
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            self.read_records(sql::select(filter, &positions, limit)).await?.into_iter().for_each(visit);
            Ok(())
        })
    }

    fn summary(&self) -> LocalBoxFuture<'_, Result<Summary, LedgerError>> {
        Box::pin(async move {
            let session = self.server.session().await?;
            let client = session.client.lock().await;
            let read = async {
                let row = client.query_typed_one(sql::COUNT, &[]).await?;
                Ok(Summary { version: VERSION, attempts: row.try_get(0)?, unknown: row.try_get(1)? })
            };
            self.server.bounded(read).await
        })
    }

    fn import(
        &self,
        attempts: Vec<Attempt>,
        changes: Vec<OrderChange>,
    ) -> LocalBoxFuture<'_, Result<usize, LedgerError>> {
        Box::pin(async move {
            let write = async |transaction: &Transaction<'_>| {
                let attempts = insert_new(transaction, &attempts).await?;
                Ok(attempts + insert_new(transaction, &changes).await?)
            };
            let added = self.write(Durability::Full, write).await?;
            Ok(usize::try_from(added).unwrap_or(usize::MAX))
        })
    }

    fn prune<'a>(
        &'a self,
        oldest: Timestamp,
        can_remove: &'a dyn Fn(&Attempt) -> bool,
    ) -> LocalBoxFuture<'a, Result<usize, LedgerError>> {
        Box::pin(async move {
            let write = async |transaction: &Transaction<'_>| {
                let mut rows = read_rows(transaction, &sql::prunable(oldest)).await?;
                rows.retain(|row| row.record.as_ref().is_some_and(can_remove));
                let positions: Vec<_> = rows.iter().map(|row| Param::from(row.seq)).collect();
                for chunk in positions.chunks(PIPELINE) {
                    try_join_all(chunk.iter().map(async |position| {
                        transaction.execute_typed(sql::DELETE, &typed(std::slice::from_ref(position))).await
                    }))
                    .await?;
                }
                Ok(rows.len())
            };
            self.write(Durability::Full, write).await
        })
    }

    fn transact_changes<'a>(
        &'a self,
        order_id: &'a str,
        change: &'a mut dyn FnMut(Vec<OrderChange>) -> Vec<OrderChange>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(self.transact_records(Some(sql::changes_of_order(order_id)), Durability::Full, change))
    }

    fn select_changes(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Vec<Row<OrderChange>>, LedgerError>> {
        Box::pin(self.read_records(sql::select_changes(since, until)))
    }

    fn try_lock<'a>(
        &'a self,
        device: &'a str,
        _origin: &'a Origin,
    ) -> LocalBoxFuture<'a, Result<LockAttempt, LedgerError>> {
        Box::pin(async move {
            let key = [Param::from(hash::hash_of(&["device", device]))];
            let session = self.server.session().await?;
            let client = session.client.lock().await;
            let lock = "SELECT pg_try_advisory_lock($1)";
            let row = self.server.bounded(client.query_typed_one(lock, &typed(&key))).await?;
            if row.try_get(0).map_err(|error| self.server.error(&error))? {
                let guard = self.server.close_later(Rc::clone(&session));
                return Ok(LockAttempt::Locked(DeviceLock::new(guard)));
            }
            let holder = self.server.bounded(client.query_typed_opt(HOLDER, &typed(&key))).await?;
            let holder = holder.and_then(|row| row.try_get::<_, Option<String>>(0).ok().flatten());
            Ok(LockAttempt::Held(holder.and_then(|name| Some(name.strip_prefix(NAME_PREFIX)?.to_owned()))))
        })
    }

    fn ensure_in_place(&self) -> LocalBoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(self.server.check())
    }

    fn location(&self) -> String {
        self.server.location()
    }
}

/// The application that holds the advisory lock with this key.
const HOLDER: &str = "SELECT activity.application_name FROM pg_locks AS lock \
    JOIN pg_stat_activity AS activity ON activity.pid = lock.pid \
    WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1 \
    AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND (lock.classid::bigint << 32) | lock.objid::bigint = $1";

/// Waits until no other transaction has the lock, which ends with the transaction.
fn lock_statement() -> String {
    format!("SELECT pg_advisory_xact_lock({})", hash::hash_of(&["kustom ledger"]))
}

impl ToSql for Param {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            // PostgreSQL has no text with this character.
            Self::Text(Some(text)) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Integer(number) => number.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::TEXT | Type::INT8)
    }

    to_sql_checked!();
}

/// With their types, statements need no round trip of their own to be prepared.
fn typed(params: &[Param]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    let kind = |param: &Param| match param {
        Param::Text(_) => Type::TEXT,
        Param::Integer(_) => Type::INT8,
    };
    params.iter().map(|param| (param as &(dyn ToSql + Sync), kind(param))).collect()
}

async fn insert<R: Record>(
    transaction: &Transaction<'_>,
    record: &R,
    replace: bool,
) -> Result<u64, tokio_postgres::Error> {
    transaction.execute_typed(&sql::insert::<R>(replace), &typed(&sql::insert_params(record))).await
}

/// Inserts the records whose ID does not exist. Returns how many there were.
async fn insert_new<R: Record>(
    transaction: &Transaction<'_>,
    records: &[R],
) -> Result<u64, tokio_postgres::Error> {
    let mut added = 0;
    for chunk in records.chunks(PIPELINE) {
        let inserted = chunk.iter().map(|record| insert(transaction, record, false));
        added += try_join_all(inserted).await?.into_iter().sum::<u64>();
    }
    Ok(added)
}

async fn read_rows<R: Record>(
    client: &impl GenericClient,
    (statement, params): &Query,
) -> Result<Vec<Row<R>>, tokio_postgres::Error> {
    let rows = client.query_typed(statement, &typed(params)).await?;
    let read = |row: &tokio_postgres::Row| Ok(Row::new(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(read).collect()
}
