//! The default storage: a SQLite database in the state directory.

use std::cell::OnceCell;
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params_from_iter};
use tokio::time::Instant;
use uuid::Uuid;

use super::Origin;
use super::device_lock::{DeviceLock, LockAttempt};
use super::error::{LedgerError, failed};
use super::file_locks::{can_lock, is_lock_failure};
use super::lookup::Durability;
use super::record::{Param, Record, Row};
use super::sql::Query;
use crate::fs::{create_private_dir, parent_dir, private_open_options};

/// The version of the schema, in `user_version`: the number of migrations.
pub(super) const VERSION: i64 = 4;

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

/// Each index on a column that a create needs has a second one beside it: see [`super::sql::lookup`].
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

/// So many statements are a large import, whose indexes do not fit into the default cache of 2 MB.
const LARGE_IMPORT: usize = 100;

const LARGE_CACHE_KIB: i64 = 64 * 1024;

pub(crate) struct SqliteStorage {
    path: PathBuf,
    locks: PathBuf,
    opened: OnceCell<Opened>,
}

struct Opened {
    connection: Connection,
    file_id: (u64, u64),
}

impl SqliteStorage {
    /// The ledger in the state directory. It need not exist.
    pub(crate) fn new(state: &Path) -> Self {
        Self { path: state.join("ledger.db"), locks: state.join("locks"), opened: OnceCell::new() }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether it does not exist yet. One that was in use should be there.
    pub(super) fn is_new(&self) -> bool {
        self.opened.get().is_none() && !self.exists()
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
                Ok(connection) => match work(connection) {
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

    fn open(&self) -> Result<&Connection, OpenError> {
        if let Some(opened) = self.opened.get() {
            return Ok(&opened.connection);
        }
        let opened = self.open_file()?;
        Ok(&self.opened.get_or_init(|| opened).connection)
    }

    fn open_file(&self) -> Result<Opened, OpenError> {
        let create = || -> std::io::Result<fs::Metadata> {
            create_private_dir(parent_dir(&self.path))?;
            // SQLite gives its other files the mode of this one.
            private_open_options().read(true).open(&self.path)?.metadata()
        };
        let file = create().map_err(|error| OpenError::Ledger(failed("open", &self.path)(error)))?;
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        set_durability(&connection, Durability::Full)?;
        self.migrate(&connection)?;
        Ok(Opened { connection, file_id: file_id(&file) })
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

    /// See [`super::Storage`].
    pub(super) async fn write<R: Record>(
        &self,
        query: Option<Query>,
        durability: Durability,
        mut decide: impl FnMut(Vec<Row<R>>) -> Result<Vec<Query>, LedgerError>,
    ) -> Result<usize, LedgerError> {
        let done = self.with_database("write", |connection| {
            set_durability(connection, durability)?;
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let mut rows = Vec::new();
            if let Some(query) = &query {
                visit_rows(&transaction, query, &mut |row| rows.push(row))?;
            }
            let statements = match decide(rows) {
                Ok(statements) => statements,
                Err(error) => return Ok(Err(error)),
            };
            if statements.len() >= LARGE_IMPORT {
                transaction.pragma_update(None, "cache_size", -LARGE_CACHE_KIB)?;
            }
            let mut changed = 0;
            for (statement, params) in statements {
                changed += transaction.prepare_cached(&statement)?.execute(params_from_iter(params))?;
            }
            transaction.commit()?;
            Ok(Ok(changed))
        });
        let changed = done.await??;
        // A record in a file that was removed meanwhile is lost.
        self.ensure_in_place()?;
        Ok(changed)
    }

    /// Passes the records that the query finds to `visit`.
    pub(super) async fn visit<R: Record>(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Row<R>),
    ) -> Result<(), LedgerError> {
        let read = self.with_database("read", |connection| {
            let mut has_visited = false;
            let read = visit_rows(connection, query, &mut |row| {
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

    pub(super) async fn read_numbers(&self, (statement, params): &Query) -> Result<(i64, i64), LedgerError> {
        self.with_database("read", |connection| {
            connection.query_row(statement, params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    pub(super) fn try_lock(&self, device: &str, origin: &Origin) -> Result<LockAttempt, LedgerError> {
        // Device IDs are UUIDs, but nothing promises that they can be file names: a hash of one can.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, device.as_bytes());
        let path = self.locks.join(format!("device-{name}"));
        try_lock_file(&path, origin).map_err(failed("lock a device in", &self.locks))
    }

    pub(super) fn ensure_in_place(&self) -> Result<(), LedgerError> {
        let opened = self.opened.get().map(|opened| opened.file_id);
        let current = fs::metadata(&self.path).ok().map(|file| file_id(&file));
        if opened == current { Ok(()) } else { Err(LedgerError::Moved(self.path.clone())) }
    }

    pub(super) fn location(&self) -> String {
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
            Ok(LockAttempt::Acquired(DeviceLock::new(file)))
        }
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.read_to_string(&mut holder).is_ok();
            Ok(LockAttempt::HeldBy(Some(holder).filter(|holder| read && !holder.is_empty())))
        }
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Identifies a file while it is open, whatever its path names by then.
#[cfg(unix)]
fn file_id(file: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (file.dev(), file.ino())
}

/// An open file cannot be removed there.
#[cfg(not(unix))]
const fn file_id(_file: &fs::Metadata) -> (u64, u64) {
    (0, 0)
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
