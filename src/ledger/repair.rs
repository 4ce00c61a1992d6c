//! Repairs the database in the state directory: what can be read is written to a new one, and the old one is kept.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::storage::{LedgerError, Storage as _};
use super::{Attempt, Outcome, SqliteStorage};
use crate::fs::{io_error_message, parent_dir, sync_dir};

/// The files of a database in WAL mode.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// The length of a checksum, which follows the record in the file.
const CHECKSUM_LEN: usize = 32;

/// How every record begins.
const RECORD_START: &[u8] = b"{\"id\":\"";

/// A record is smaller than this.
const MAX_RECORD: usize = 64 * 1024;

/// The contents of a damaged database.
#[derive(Debug)]
pub(crate) struct Salvage {
    /// Oldest first.
    pub attempts: Vec<Attempt>,
    /// Attempts of which something is there, but not what was stored.
    pub lost: Vec<LostAttempt>,
    /// Why the table could not be read to its end.
    pub reason: Option<String>,
    /// As they are stored, damaged ones too.
    refunds: Vec<(String, i64, String, String, String)>,
    undelivered: Vec<(String, Option<String>, i64)>,
}

/// The readable fields of a damaged attempt. Each of them may be wrong.
#[derive(Debug, Clone)]
pub(crate) struct LostAttempt {
    pub seq: i64,
    pub id: Option<String>,
    pub at: Option<Timestamp>,
    pub device_id: Option<String>,
    pub reference: Option<String>,
    pub session_id: Option<String>,
}

impl Salvage {
    pub(crate) const fn is_damaged(&self) -> bool {
        self.reason.is_some() || !self.lost.is_empty()
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |error| LedgerError::File { action, path, reason: io_error_message(&error) }
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
    let storage = SqliteStorage::new(folder.path());
    storage.import(salvage.attempts).await?;
    let (refunds, undelivered) = (salvage.refunds, salvage.undelivered);
    storage
        .with_database("write", |database| {
            for row in &refunds {
                let insert =
                    "INSERT INTO refunds (id, at_ms, order_id, record, checksum) VALUES (?1, ?2, ?3, ?4, ?5)";
                database.execute(insert, (&row.0, row.1, &row.2, &row.3, &row.4))?;
            }
            for row in &undelivered {
                database.execute("INSERT INTO undelivered VALUES (?1, ?2, ?3)", (&row.0, &row.1, row.2))?;
            }
            Ok(())
        })
        .await?;
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

fn read_bytes(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = fs::read(path).map_err(failed("read", path))?;
    if let Ok(wal) = fs::read(with_suffix(path, "-wal")) {
        bytes.extend(wal);
    }
    Ok(bytes)
}

fn read(connection: &Connection) -> Salvage {
    let mut salvage = Salvage {
        attempts: Vec::new(),
        lost: Vec::new(),
        reason: None,
        refunds: Vec::new(),
        undelivered: Vec::new(),
    };
    if let Err(error) = read_attempts(connection, &mut salvage) {
        salvage.reason = Some(error.to_string());
    } else if let Err(error) = check(connection) {
        salvage.reason = Some(error);
    }
    // Earlier versions have neither table.
    let refunds = connection.prepare("SELECT id, at_ms, order_id, record, checksum FROM refunds").and_then(
        |mut statement| {
            let rows = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
            rows.collect()
        },
    );
    salvage.refunds = refunds.unwrap_or_default();
    let undelivered =
        connection.prepare("SELECT attempt, outcome, reported FROM undelivered").and_then(|mut statement| {
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        });
    salvage.undelivered = undelivered.unwrap_or_default();
    salvage
}

/// Reads the table itself, without an index.
fn read_attempts(connection: &Connection, salvage: &mut Salvage) -> rusqlite::Result<()> {
    let columns = "seq, record, checksum, id, at_ms, device_id, reference_key, session_id";
    let statement = format!("SELECT {columns} FROM attempts NOT INDEXED ORDER BY seq");
    let mut statement = connection.prepare(&statement)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |index| row.get::<_, String>(index).ok();
        let attempt = text(1).zip(text(2)).and_then(|(record, sum)| Attempt::from_record(&record, &sum));
        match attempt {
            Some(attempt) => salvage.attempts.push(attempt),
            None => salvage.lost.push(LostAttempt {
                seq: row.get(0).unwrap_or_default(),
                id: text(3),
                at: row.get(4).ok().and_then(|at| Timestamp::from_millisecond(at).ok()),
                device_id: text(5),
                reference: text(6),
                session_id: text(7),
            }),
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
        Self {
            attempts: Vec::new(),
            lost: Vec::new(),
            reason: Some(error.to_string()),
            refunds: Vec::new(),
            undelivered: Vec::new(),
        }
    }

    /// Adds attempts that the table does not show, from records anywhere in the file. Such a record may be an earlier
    /// version of the attempt. The one that says most about a session is used, which is the safe side: its status is
    /// requested before the sale can be charged again.
    fn add_records(&mut self, bytes: &[u8]) {
        let mut found: HashMap<uuid::Uuid, Attempt> = HashMap::new();
        for start in memchr::memmem::find_iter(bytes, RECORD_START) {
            let Some(attempt) = record_at(&bytes[start..]) else { continue };
            let rank = |attempt: &Attempt| match &attempt.outcome {
                Outcome::Created { status, .. } if status.is_terminal() => 3,
                Outcome::Created { .. } => 2,
                Outcome::Pending | Outcome::Unknown(_) => 1,
                Outcome::Refused(_) | Outcome::NotProcessed => 0,
            };
            match found.get(&attempt.id) {
                Some(other) if rank(other) >= rank(&attempt) => {}
                _ => drop(found.insert(attempt.id, attempt)),
            }
        }
        for attempt in &self.attempts {
            found.remove(&attempt.id);
        }
        self.lost.retain(|lost| {
            lost.id.as_deref().and_then(|id| id.parse().ok()).is_none_or(|id| !found.contains_key(&id))
        });
        self.attempts.extend(found.into_values());
        self.attempts.sort_by_key(|attempt| attempt.at);
    }
}

/// The record at the beginning of the bytes, if its checksum follows it.
fn record_at(bytes: &[u8]) -> Option<Attempt> {
    let bytes = &bytes[..bytes.len().min(MAX_RECORD)];
    memchr::memchr_iter(b'}', bytes).find_map(|end| {
        let record = std::str::from_utf8(&bytes[..=end]).ok()?;
        let sum = std::str::from_utf8(bytes.get(end + 1..end + 1 + CHECKSUM_LEN)?).ok()?;
        if !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        Attempt::from_record(record, sum)
    })
}
