//! The default storage: a SQLite database in the state directory.

use std::cell::{Ref, RefCell};
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::{FutureExt as _, LocalBoxFuture};
use jiff::Timestamp;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params_from_iter};
use tokio::time::Instant;
use uuid::Uuid;

use super::file_locks::{can_lock, is_lock_failure};
use super::record::{Param, Record, Row, check_rows};
use super::sql::{self, Query};
use super::storage::{DeviceLock, Durability, Filter, LedgerError, LockAttempt, Lookup, Storage, Summary};
use super::{Attempt, OrderChange, Origin};
use crate::fs::{create_private_dir, io_error_message, parent_dir, private_open_options};

/// The version of the schema, in `user_version`: the number of migrations.
const VERSION: i64 = 4;

const MIGRATIONS: [&str; 4] = [ATTEMPTS, REFUNDS, UNDELIVERED, ORDER_CHANGES];

const REFUNDS: &str = "
CREATE TABLE refunds (
    id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    record TEXT NOT NULL,
    checksum TEXT NOT NULL
);
CREATE INDEX refunds_order ON refunds (order_id);
CREATE INDEX refunds_at ON refunds (at_ms);
";

/// Each index on a column that a create needs has a second one beside it: see [`sql::lookup`].
const ATTEMPTS: &str = "
CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    status TEXT,
    session_id TEXT,
    device_id TEXT,
    location_id TEXT,
    till TEXT,
    reference_key TEXT,
    reference_hash INTEGER,
    open INTEGER,
    unsettled INTEGER,
    unsettled_hash INTEGER,
    record TEXT NOT NULL,
    checksum TEXT NOT NULL
);
CREATE INDEX attempts_at ON attempts (at_ms);
CREATE INDEX attempts_status ON attempts (status) WHERE status IS NOT NULL;
CREATE INDEX attempts_device ON attempts (device_id);
CREATE INDEX attempts_location ON attempts (location_id) WHERE location_id IS NOT NULL;
CREATE INDEX attempts_till ON attempts (till) WHERE till IS NOT NULL;
CREATE INDEX attempts_session ON attempts (session_id);
CREATE INDEX attempts_open ON attempts (device_id) WHERE open IS NOT NULL;
CREATE INDEX attempts_reference ON attempts (reference_key) WHERE reference_key IS NOT NULL;
CREATE INDEX attempts_reference_hash ON attempts (reference_hash) WHERE reference_hash IS NOT NULL;
CREATE INDEX attempts_unsettled ON attempts (unsettled) WHERE unsettled IS NOT NULL;
CREATE INDEX attempts_unsettled_hash ON attempts (unsettled_hash) WHERE unsettled_hash IS NOT NULL;
";

/// See [`super::outbox`].
const UNDELIVERED: &str = "
CREATE TABLE undelivered (
    attempt TEXT PRIMARY KEY,
    outcome TEXT,
    reported INTEGER NOT NULL
);
";

/// Refunds were the first changes of orders.
const ORDER_CHANGES: &str = "
ALTER TABLE refunds RENAME TO order_changes;
DROP INDEX refunds_order;
DROP INDEX refunds_at;
CREATE INDEX order_changes_order ON order_changes (order_id);
CREATE INDEX order_changes_at ON order_changes (at_ms);
";

/// How long SQLite itself waits for a lock. Longer waits happen outside of it, where signals are handled.
const BUSY_TIMEOUT: Duration = Duration::from_millis(20);

/// The pause between two attempts to get a lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// How long a lock is waited for before it is checked that there are locks at all.
const CHECK_AFTER: Duration = Duration::from_millis(200);

/// A transaction takes milliseconds. A process that holds the lock for longer is stopped or hangs.
const MAX_WAIT: Duration = Duration::from_secs(10);

const IMPORT_CACHE_KIB: i64 = 64 * 1024;

pub(crate) struct SqliteStorage {
    path: PathBuf,
    locks: PathBuf,
    connection: RefCell<Option<Opened>>,
}

struct Opened {
    connection: Connection,
    file: FileId,
}

impl SqliteStorage {
    /// The ledger in the state directory. It need not exist.
    pub(crate) fn new(state: &Path) -> Self {
        Self { path: state.join("ledger.db"), locks: state.join("locks"), connection: RefCell::new(None) }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Runs `work` on the open database, and again while another process has it locked.
    pub(super) async fn with_database<T>(
        &self,
        action: &'static str,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let start = Instant::now();
        let mut is_checked = false;
        loop {
            let error = match self.open() {
                Ok(connection) => match work(&connection) {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                },
                Err(OpenError::Sqlite(error)) => error,
                Err(OpenError::Ledger(error)) => return Err(error),
            };
            if is_lock_failure(&error) {
                return Err(LedgerError::NoLocks(self.location()));
            }
            if !is_busy(&error) {
                return Err(self.error(action, &error));
            }
            if !is_checked && start.elapsed() > CHECK_AFTER {
                is_checked = true;
                if !can_lock(&self.locks.join("check")) {
                    return Err(LedgerError::NoLocks(self.location()));
                }
            }
            if start.elapsed() > MAX_WAIT {
                return Err(LedgerError::Locked { location: self.location(), waited: MAX_WAIT });
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    fn open(&self) -> Result<Ref<'_, Connection>, OpenError> {
        if self.connection.borrow().is_none() {
            let opened = self.open_file()?;
            self.connection.replace(Some(opened));
        }
        let error = || OpenError::Ledger(LedgerError::Moved(self.path.clone()));
        Ref::filter_map(self.connection.borrow(), |opened| opened.as_ref().map(|opened| &opened.connection))
            .map_err(|_| error())
    }

    fn open_file(&self) -> Result<Opened, OpenError> {
        let failed = |error: &std::io::Error| {
            let reason = io_error_message(error);
            OpenError::Ledger(LedgerError::File { action: "open", path: self.path.clone(), reason })
        };
        create_private_dir(parent_dir(&self.path)).map_err(|error| failed(&error))?;
        // SQLite gives its other files the mode of this one.
        let file = private_open_options().read(true).open(&self.path).map_err(|error| failed(&error))?;
        let file = FileId::of(&file.metadata().map_err(|error| failed(&error))?);
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        set_durability(&connection, Durability::Full)?;
        self.migrate(&connection)?;
        Ok(Opened { connection, file })
    }

    fn migrate(&self, connection: &Connection) -> Result<(), OpenError> {
        let version = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        if version(connection)? == VERSION {
            return Ok(());
        }
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let found = version(&transaction)?;
        let missing = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..));
        let Some(missing) = missing else {
            let location = self.location();
            return Err(OpenError::Ledger(LedgerError::Version { location, found, known: VERSION }));
        };
        for migration in missing {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        Ok(transaction.commit()?)
    }

    fn error(&self, action: &'static str, error: &rusqlite::Error) -> LedgerError {
        // Without the extended code, the message is that of the kind of error.
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::NoLargeFileSupport,
            ) => LedgerError::File { action, path: self.path.clone(), reason },
            // The statements are right, so what does not fit them is not the database that kustom created.
            _ => LedgerError::Damaged { location: self.location(), reason },
        }
    }

    /// Passes the records that the query finds to `change`, and stores those that it returns, in one transaction.
    async fn transact_records<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        change: &mut dyn FnMut(Vec<R>) -> Vec<R>,
    ) -> Result<(), LedgerError> {
        let done = self.with_database("write", |connection| {
            set_durability(connection, durability)?;
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let rows =
                query.as_ref().map_or_else(|| Ok(Vec::new()), |query| read_rows(&transaction, query))?;
            let found = match check_rows(rows) {
                Ok(found) => found,
                Err(damaged) => return Ok(Err(damaged)),
            };
            for record in change(found) {
                insert(&transaction, &record, true)?;
            }
            transaction.commit()?;
            Ok(Ok(()))
        });
        done.await?.map_err(|damaged| LedgerError::Damaged {
            location: self.location(),
            reason: sql::describe_damage::<R>(damaged),
        })?;
        // A record in a file that was removed meanwhile is lost.
        self.ensure_in_place().await
    }

    /// Passes the records that the query finds to `visit`. A database that does not exist has none.
    async fn visit_records<R: Record>(
        &self,
        query: Query,
        visit: &mut dyn FnMut(Row<R>),
    ) -> Result<(), LedgerError> {
        if !self.path.exists() {
            return Ok(());
        }
        let read = self.with_database("read", |connection| {
            let mut has_visited = false;
            let read = visit_rows(connection, &query, &mut |row| {
                has_visited = true;
                visit(row);
            });
            match read {
                // Nothing is visited again.
                Err(error) if has_visited => Ok(Err(self.error("read", &error))),
                read => read.map(Ok),
            }
        });
        read.await?
    }
}

impl Storage for SqliteStorage {
    fn transact<'a>(
        &'a self,
        lookup: Lookup<'a>,
        durability: Durability,
        change: &'a mut dyn FnMut(Vec<Attempt>) -> Vec<Attempt>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            // Only a new intent needs a database that does not exist yet. One that was in use should be there.
            let is_new = self.connection.borrow().is_none() && !self.path.exists();
            if is_new && matches!(lookup, Lookup::Attempt(_) | Lookup::Session(_)) {
                return Ok(());
            }
            self.transact_records(sql::lookup(lookup), durability, change).await
        })
    }

    fn positions(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Range<i64>, LedgerError>> {
        Box::pin(async move {
            if !self.path.exists() {
                return Ok(0..0);
            }
            let (statement, params) = sql::positions(since, until);
            self.with_database("read", |connection| {
                let params = params_from_iter(&params);
                connection.query_row(&statement, params, |row| Ok(row.get(0)?..row.get(1)?))
            })
            .await
        })
    }

    fn select<'a>(
        &'a self,
        filter: &'a Filter,
        positions: Range<i64>,
        limit: usize,
        visit: &'a mut dyn FnMut(Row<Attempt>),
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(self.visit_records(sql::select(filter, &positions, limit), visit))
    }

    fn summary(&self) -> LocalBoxFuture<'_, Result<Summary, LedgerError>> {
        Box::pin(async move {
            if !self.path.exists() {
                return Ok(Summary { version: VERSION, ..Summary::default() });
            }
            self.with_database("read", |connection| {
                connection.query_row(sql::COUNT, [], |row| {
                    Ok(Summary { version: VERSION, attempts: row.get(0)?, unknown: row.get(1)? })
                })
            })
            .await
        })
    }

    fn import(
        &self,
        attempts: Vec<Attempt>,
        changes: Vec<OrderChange>,
    ) -> LocalBoxFuture<'_, Result<usize, LedgerError>> {
        Box::pin(async move {
            self.with_database("write", |connection| {
                // The indexes of a large import do not fit into the default of 2 MB.
                connection.pragma_update(None, "cache_size", -IMPORT_CACHE_KIB)?;
                let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
                let mut added = 0;
                for attempt in &attempts {
                    added += insert(&transaction, attempt, false)?;
                }
                for change in &changes {
                    added += insert(&transaction, change, false)?;
                }
                transaction.commit()?;
                Ok(added)
            })
            .await
        })
    }

    fn prune<'a>(
        &'a self,
        oldest: Timestamp,
        can_remove: &'a dyn Fn(&Attempt) -> bool,
    ) -> LocalBoxFuture<'a, Result<usize, LedgerError>> {
        Box::pin(async move {
            if !self.path.exists() {
                return Ok(0);
            }
            self.with_database("write", |connection| {
                let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
                let mut rows = read_rows(&transaction, &sql::prunable(oldest))?;
                rows.retain(|row| row.record.as_ref().is_some_and(can_remove));
                for row in &rows {
                    transaction.prepare_cached(sql::DELETE)?.execute([row.seq])?;
                }
                transaction.commit()?;
                Ok(rows.len())
            })
            .await
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
        Box::pin(async move {
            let mut rows = Vec::new();
            self.visit_records(sql::select_changes(since, until), &mut |row| rows.push(row)).await?;
            Ok(rows)
        })
    }

    fn try_lock<'a>(
        &'a self,
        device: &'a str,
        origin: &'a Origin,
    ) -> LocalBoxFuture<'a, Result<LockAttempt, LedgerError>> {
        Box::pin(async move {
            // Device IDs are UUIDs, but nothing promises that they can be file names: a hash of one can.
            let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, device.as_bytes());
            let path = self.locks.join(format!("device-{name}"));
            try_lock_file(&path, origin).map_err(|error| LedgerError::File {
                action: "lock a device in",
                path: self.locks.clone(),
                reason: io_error_message(&error),
            })
        })
    }

    fn ensure_in_place(&self) -> LocalBoxFuture<'_, Result<(), LedgerError>> {
        let opened = self.connection.borrow().as_ref().map(|opened| opened.file);
        let current = fs::metadata(&self.path).ok().map(|file| FileId::of(&file));
        let result = if opened == current { Ok(()) } else { Err(LedgerError::Moved(self.path.clone())) };
        std::future::ready(result).boxed_local()
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }
}

/// The holder is written into the file for others to read.
fn try_lock_file(path: &Path, origin: &Origin) -> std::io::Result<LockAttempt> {
    create_private_dir(parent_dir(path))?;
    let mut file = private_open_options().read(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(origin.describe().unwrap_or_default().as_bytes())?;
            Ok(LockAttempt::Locked(DeviceLock::new(file)))
        }
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.read_to_string(&mut holder).is_ok();
            Ok(LockAttempt::Held(Some(holder).filter(|holder| read && !holder.is_empty())))
        }
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Identifies a file while it is open, whatever its path names by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    #[cfg(unix)]
    id: (u64, u64),
}

impl FileId {
    #[cfg(unix)]
    fn of(file: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { id: (file.dev(), file.ino()) }
    }

    /// An open file cannot be removed there.
    #[cfg(not(unix))]
    const fn of(_file: &fs::Metadata) -> Self {
        Self {}
    }
}

enum OpenError {
    Sqlite(rusqlite::Error),
    Ledger(LedgerError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl rusqlite::ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Integer(number) => number.to_sql(),
        }
    }
}

/// In WAL mode, `NORMAL` syncs at checkpoints only, and `FULL` at each commit too.
fn set_durability(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

fn insert<R: Record>(connection: &Connection, record: &R, replace: bool) -> rusqlite::Result<usize> {
    let params = params_from_iter(sql::insert_params(record));
    connection.prepare_cached(&sql::insert::<R>(replace))?.execute(params)
}

fn read_rows<R: Record>(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Row<R>>> {
    let mut rows = Vec::new();
    visit_rows(connection, query, &mut |row| rows.push(row))?;
    Ok(rows)
}

fn visit_rows<R: Record>(
    connection: &Connection,
    (statement, params): &Query,
    visit: &mut dyn FnMut(Row<R>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        // Text that is not UTF-8 is damage to the row, not a failure of the database.
        let text = |index| row.get_ref(index).ok().and_then(|value| value.as_str().ok());
        visit(Row::new(row.get(0)?, text(1), text(2)));
    }
    Ok(())
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
