//! The storage that several machines share: a PostgreSQL database, with tables in a schema of their own.
//!
//! Every transaction that writes takes one advisory lock, so they run one after the other: of any number of machines, one
//! stores the intent of a sale, and the others find it. A device is locked by an advisory lock of the connection. The
//! server frees both when the connection ends, whether the process, the machine or the network died.

mod connection;
mod schema;

use std::rc::Rc;

use futures_util::future::try_join_all;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{GenericClient, IsolationLevel, Transaction};

use super::device_lock::{DeviceLock, LockAttempt};
use super::error::LedgerError;
use super::hash;
use super::lookup::Durability;
use super::record::{Param, Record, Row};
use super::sql::Query;
use connection::NAME_PREFIX;
pub(crate) use connection::PostgresStorage;

/// The version of the tables, in `kustom.version`: the number of migrations.
pub(super) const VERSION: i64 = 3;

/// How many statements are sent before their results are awaited.
const PIPELINE: usize = 25;

impl PostgresStorage {
    /// Runs `work` in a transaction that excludes every other one.
    async fn run_transaction<T>(
        &self,
        durability: Durability,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, LedgerError> {
        let session = self.session().await?;
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
        self.bounded(write).await
    }

    /// See [`super::Storage`].
    pub(super) async fn write<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        mut decide: impl FnMut(Vec<Row<R>>) -> Result<Vec<Query>, LedgerError>,
    ) -> Result<usize, LedgerError> {
        let write = async |transaction: &Transaction<'_>| {
            let rows = match &query {
                Some(query) => read_rows(transaction, query).await?,
                None => Vec::new(),
            };
            let statements = match decide(rows) {
                Ok(statements) => statements,
                Err(error) => return Ok(Err(error)),
            };
            let mut changed = 0;
            for chunk in statements.chunks(PIPELINE) {
                let executed = chunk.iter().map(async |(statement, params)| {
                    transaction.execute_typed(statement, &typed(params)).await
                });
                changed += try_join_all(executed).await?.into_iter().sum::<u64>();
            }
            Ok(Ok(changed))
        };
        let changed = self.run_transaction(durability, write).await??;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    pub(super) async fn read<R: Record>(&self, query: &Query) -> Result<Vec<Row<R>>, LedgerError> {
        let session = self.session().await?;
        let client = session.client.lock().await;
        self.bounded(read_rows(&*client, query)).await
    }

    pub(super) async fn read_numbers(&self, (statement, params): &Query) -> Result<(i64, i64), LedgerError> {
        let session = self.session().await?;
        let client = session.client.lock().await;
        let read = async {
            let row = client.query_typed_one(statement, &typed(params)).await?;
            Ok((row.try_get(0)?, row.try_get(1)?))
        };
        self.bounded(read).await
    }

    pub(super) async fn try_lock(&self, device: &str) -> Result<LockAttempt, LedgerError> {
        let key = [Param::from(hash::hash_of(&["device", device]))];
        let session = self.session().await?;
        let client = session.client.lock().await;
        let lock = "SELECT pg_try_advisory_lock($1)";
        let row = self.bounded(client.query_typed_one(lock, &typed(&key))).await?;
        if row.try_get(0).map_err(|error| self.error(&error))? {
            let guard = self.close_later(Rc::clone(&session));
            return Ok(LockAttempt::Acquired(DeviceLock::new(guard)));
        }
        let holder = self.bounded(client.query_typed_opt(HOLDER, &typed(&key))).await?;
        let holder = holder.and_then(|row| row.try_get::<_, Option<String>>(0).ok().flatten());
        Ok(LockAttempt::HeldBy(holder.and_then(|name| Some(name.strip_prefix(NAME_PREFIX)?.to_owned()))))
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

async fn read_rows<R: Record>(
    client: &impl GenericClient,
    (statement, params): &Query,
) -> Result<Vec<Row<R>>, tokio_postgres::Error> {
    let rows = client.query_typed(statement, &typed(params)).await?;
    let read = |row: &tokio_postgres::Row| Ok(Row::new(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(read).collect()
}
