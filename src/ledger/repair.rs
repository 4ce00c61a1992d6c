//! Repairs the database in the state directory: what can be read is written to a new one, and the old one is kept.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use uuid::Uuid;

use super::error::{LedgerError, failed};
use super::record::{Record, Row};
use super::storage::Storage;
use super::{Attempt, ChangeOutcome, OrderChange, Outcome, SqliteStorage};
use crate::fs::{parent_dir, sync_dir};

/// The files of a database in WAL mode.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// The length of a checksum, which follows the record in the file.
const CHECKSUM_LEN: usize = 32;

/// How every record begins.
const RECORD_START: &[u8] = b"{\"id\":\"";

/// A record is smaller than this.
const MAX_RECORD: usize = 64 * 1024;

/// The contents of a damaged database.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    /// Oldest first.
    pub attempts: Vec<Attempt>,
    pub changes: Vec<OrderChange>,
    /// Records that exist and are damaged.
    pub lost: Vec<LostRecord>,
    /// Why a table could not be read to its end.
    pub reason: Option<String>,
    undelivered: Vec<(String, Option<String>, i64)>,
}

/// The readable fields of a damaged attempt or order change. Each of them may be wrong.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct LostRecord {
    /// `attempt` or `order change`.
    pub kind: &'static str,
    pub id: Option<String>,
    pub at: Option<Timestamp>,
    pub device_id: Option<String>,
    #[serde(rename = "merchant_reference1")]
    pub reference: Option<String>,
    pub session_id: Option<String>,
    pub order_id: Option<String>,
}

impl LostRecord {
    /// The columns of a table, for [`Self::new`].
    pub(super) fn columns<R: Record>() -> &'static str {
        if R::TABLE == OrderChange::TABLE {
            "id, at_ms, NULL, NULL, NULL, order_id"
        } else {
            "id, at_ms, device_id, reference_key, session_id, NULL"
        }
    }

    pub(super) fn new<R: Record>(at: Option<i64>, text: impl Fn(usize) -> Option<String>) -> Self {
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Self {
            kind: R::NOUN,
            id: text(0),
            at,
            device_id: text(2),
            reference: text(3),
            session_id: text(4),
            order_id: text(5),
        }
    }
}

impl Salvage {
    pub(crate) const fn is_damaged(&self) -> bool {
        self.reason.is_some() || !self.lost.is_empty()
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Reads a copy of the database, so that nothing changes. `None` if there is none.
pub(crate) fn inspect(path: &Path) -> Result<Option<Salvage>, LedgerError> {
    if !path.exists() {
        return Ok(None);
    }
    let folder = tempfile::tempdir_in(parent_dir(path)).map_err(failed("copy", path))?;
    let copy = folder.path().join("ledger.db");
    // While something is being read, no other process moves pages from the WAL that the copy would miss.
    let original = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    if let Ok(original) = &original {
        let _ = original.execute_batch("BEGIN; SELECT 1 FROM sqlite_master");
    }
    // The index of the WAL is made anew.
    for suffix in ["", "-wal"] {
        match fs::copy(with_suffix(path, suffix), with_suffix(&copy, suffix)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("copy", path)(error)),
        }
    }
    let mut salvage = match Connection::open(&copy) {
        Ok(connection) => read(&connection),
        Err(error) => Salvage::unreadable(&error),
    };
    if salvage.is_damaged() {
        let bytes = read_bytes(path)?;
        salvage.add_records(&bytes);
    }
    Ok(Some(salvage))
}

/// Replaces the database by one with everything that can be read. Returns where the old one is.
pub(crate) async fn repair(path: &Path) -> Result<PathBuf, LedgerError> {
    let sqlite = |error: &rusqlite::Error| LedgerError::Damaged {
        location: path.display().to_string(),
        reason: error.to_string(),
    };
    // Before there is a lock, because closing a file releases the locks of this process on it.
    let bytes = read_bytes(path)?;
    let connection = Connection::open(path).map_err(|error| sqlite(&error))?;
    // No other process may write meanwhile. If the damage prevents the lock, it prevents others from writing, too.
    let _ = connection.busy_timeout(std::time::Duration::from_secs(10));
    let locked = connection.execute_batch("BEGIN IMMEDIATE");
    if let Err(error) = &locked
        && super::sqlite::is_busy(error)
    {
        let waited = std::time::Duration::from_secs(10);
        return Err(LedgerError::Locked { location: path.display().to_string(), waited });
    }
    let mut salvage = read(&connection);
    salvage.add_records(&bytes);
    let folder = tempfile::tempdir_in(parent_dir(path)).map_err(failed("write", path))?;
    let new = folder.path().join("ledger.db");
    let database = SqliteStorage::new(folder.path());
    let undelivered = salvage.undelivered;
    database
        .with_database("write", |database| {
            for row in &undelivered {
                database.execute("INSERT INTO undelivered VALUES (?1, ?2, ?3)", (&row.0, &row.1, row.2))?;
            }
            // Without them, callbacks may be processed twice, but payments do not depend on them.
            let _ = copy_deliveries(path, database);
            Ok(())
        })
        .await?;
    let storage = Storage::Sqlite(database);
    storage.import(&salvage.attempts).await?;
    storage.import(&salvage.changes).await?;
    // All of it is in one file when the last connection is closed.
    drop(storage);
    let kept = with_suffix(path, &format!(".damaged-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
    // The name always exists: otherwise another process would begin an empty ledger.
    fs::hard_link(path, &kept).or_else(|_| fs::copy(path, &kept).map(drop)).map_err(failed("keep", path))?;
    for suffix in &SUFFIXES[1..] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&kept, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("keep", path)(error)),
        }
    }
    fs::rename(&new, path).map_err(failed("replace", path))?;
    sync_dir(parent_dir(path)).map_err(failed("replace", path))?;
    // Closing it would remove a WAL by its name, which may be that of the new database by now.
    std::mem::forget(connection);
    Ok(kept)
}

/// Copies the callbacks that were received, which are in a table of their own.
fn copy_deliveries(path: &Path, new: &Connection) -> rusqlite::Result<()> {
    new.execute("ATTACH ?1 AS old", [path.to_string_lossy()])?;
    let copied = (|| {
        let mut schema = new
            .prepare("SELECT sql FROM old.sqlite_master WHERE tbl_name = 'deliveries' ORDER BY type DESC")?;
        let statements: Vec<String> = schema.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        statements.iter().try_for_each(|statement| new.execute_batch(statement))?;
        new.execute("INSERT INTO deliveries SELECT * FROM old.deliveries", []).map(drop)
    })();
    new.execute("DETACH old", [])?;
    copied
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = fs::read(path).map_err(failed("read", path))?;
    if let Ok(wal) = fs::read(with_suffix(path, "-wal")) {
        bytes.extend(wal);
    }
    Ok(bytes)
}

fn read(connection: &Connection) -> Salvage {
    let mut salvage = Salvage::default();
    let attempts = read_table(connection, &mut salvage.attempts, &mut salvage.lost);
    let changes = read_table(connection, &mut salvage.changes, &mut salvage.lost);
    if let Err(error) = attempts.and(changes) {
        salvage.reason = Some(error.to_string());
    } else if let Err(error) = check(connection) {
        salvage.reason = Some(error);
    }
    let undelivered =
        connection.prepare("SELECT attempt, outcome, reported FROM undelivered").and_then(|mut statement| {
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        });
    salvage.undelivered = undelivered.unwrap_or_default();
    salvage
}

/// Reads the table itself, without an index.
fn read_table<R: Record>(
    connection: &Connection,
    records: &mut Vec<R>,
    lost: &mut Vec<LostRecord>,
) -> rusqlite::Result<()> {
    let mut table = R::TABLE;
    if R::TABLE == OrderChange::TABLE && !connection.table_exists(None, table)? {
        // Earlier versions have only refunds, or none of them.
        table = "refunds";
        if !connection.table_exists(None, table)? {
            return Ok(());
        }
    }
    let columns = LostRecord::columns::<R>();
    let statement = format!("SELECT {columns}, record, checksum FROM {table} NOT INDEXED ORDER BY rowid");
    let mut statement = connection.prepare(&statement)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |index| row.get::<_, String>(index).ok();
        match Row::new(0, text(6).as_deref(), text(7).as_deref()).record {
            Some(record) => records.push(record),
            None => lost.push(LostRecord::new::<R>(row.get(1).ok(), text)),
        }
    }
    Ok(())
}

/// Finds damage to the indexes, which the table does not show.
fn check(connection: &Connection) -> Result<(), String> {
    let found: rusqlite::Result<String> =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(found.lines().next().unwrap_or_default().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Salvage {
    fn unreadable(error: &rusqlite::Error) -> Self {
        Self { reason: Some(error.to_string()), ..Self::default() }
    }

    /// Adds records that the tables do not show, from anywhere in the file. Such a record may be an earlier version of
    /// the attempt or the change. The one that says most about the money is used, which is the safe side: a session's
    /// status is requested before the sale can be charged again, and a change that may exist is repeated with its key.
    fn add_records(&mut self, bytes: &[u8]) {
        let (mut attempts, mut changes) = (HashMap::new(), HashMap::new());
        for start in memchr::memmem::find_iter(bytes, RECORD_START) {
            let bytes = &bytes[start..];
            // A record of a change can be read as one of an attempt that says nothing.
            if let Some(change) = record_at(bytes, |change: &OrderChange| !change.intent.order_id.is_empty())
            {
                keep_best(&mut changes, change, |change| match &change.outcome {
                    ChangeOutcome::Processed { .. } => 2,
                    outcome if outcome.is_unknown() => 1,
                    _ => 0,
                });
            } else if let Some(attempt) = record_at(bytes, |_| true) {
                keep_best(&mut attempts, attempt, |attempt: &Attempt| match &attempt.outcome {
                    Outcome::Created { status, .. } if status.is_terminal() => 3,
                    Outcome::Created { .. } => 2,
                    Outcome::Pending | Outcome::Unknown(_) => 1,
                    Outcome::Refused(_) | Outcome::NotProcessed => 0,
                });
            }
        }
        self.lost.retain(|lost| {
            let id = lost.id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
            id.is_none_or(|id| !attempts.contains_key(&id) && !changes.contains_key(&id))
        });
        add_missing(&mut self.attempts, attempts);
        add_missing(&mut self.changes, changes);
    }
}

fn keep_best<R: Record>(found: &mut HashMap<Uuid, R>, record: R, rank: impl Fn(&R) -> u8) {
    match found.get(&record.id()) {
        Some(other) if rank(other) >= rank(&record) => {}
        _ => drop(found.insert(record.id(), record)),
    }
}

fn add_missing<R: Record>(records: &mut Vec<R>, mut found: HashMap<Uuid, R>) {
    for record in &*records {
        found.remove(&record.id());
    }
    records.extend(found.into_values());
    records.sort_by_key(Record::at);
}

/// The record at the beginning of the bytes, if its checksum follows it.
fn record_at<R: Record>(bytes: &[u8], is_one: impl Fn(&R) -> bool) -> Option<R> {
    let bytes = &bytes[..bytes.len().min(MAX_RECORD)];
    memchr::memchr_iter(b'}', bytes).find_map(|end| {
        let record = std::str::from_utf8(&bytes[..=end]).ok()?;
        let sum = std::str::from_utf8(bytes.get(end + 1..end + 1 + CHECKSUM_LEN)?).ok()?;
        if !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        R::from_record(record, sum).filter(&is_one)
    })
}
