//! The ledger as it stands on disk.

use std::path::Path;

use kustom::ledger::{Attempt, checksum};
use rusqlite::{Connection, TransactionBehavior};

/// All attempts of the ledger in this state directory, oldest first. None if there is no ledger.
pub(crate) fn attempts(state: &Path) -> Vec<Attempt> {
    let path = state.join("ledger.db");
    if !path.exists() {
        return Vec::new();
    }
    let connection = open(&path);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master WHERE name = 'attempts'", [], |row| row.get(0))
        .expect("a database");
    if tables == 0 {
        return Vec::new();
    }
    let mut statement = connection.prepare("SELECT record FROM attempts ORDER BY seq").expect("a table");
    let records = statement.query_map([], |row| row.get::<_, String>(0)).expect("records");
    records.map(|record| serde_json::from_str(&record.expect("text")).expect("an attempt")).collect()
}

/// Makes the attempts those of another host, as if they had been made there.
pub(crate) fn move_to_host(state: &Path, url: &str) {
    let host = url.trim_start_matches("http://");
    let connection = open(&state.join("ledger.db"));
    for mut attempt in attempts(state) {
        attempt.account.host = Some(host.to_owned());
        let record = serde_json::to_string(&attempt).expect("JSON");
        let update = "UPDATE attempts SET record = $1, checksum = $2 WHERE id = $3";
        connection
            .execute(update, [&record, &checksum(&record), &attempt.id.to_string()])
            .expect("an update");
    }
}

/// Gives the session of an attempt another ID, as if the API had forgotten it.
pub(crate) fn replace_session(state: &Path, session: &str, other: &str) {
    let connection = open(&state.join("ledger.db"));
    let read = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let record = connection.query_row("SELECT record FROM attempts WHERE session_id = $1", [session], read);
    let record = record.expect("an attempt").replace(session, other);
    let update = "UPDATE attempts SET record = $1, checksum = $2, session_id = $3 WHERE session_id = $4";
    connection.execute(update, [&*record, &checksum(&record), other, session]).expect("an update");
}

/// Adds a copy of an attempt with another ID, as if the same sale had been attempted once more.
pub(crate) fn copy_attempt(state: &Path, attempt: &str, copy: &str) {
    let connection = open(&state.join("ledger.db"));
    let read = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let record = connection.query_row("SELECT record FROM attempts WHERE id = $1", [attempt], read);
    let record = record.expect("an attempt").replace(attempt, copy);
    let columns = "at_ms, outcome, status, session_id, device_id, location_id, till, reference_key, reference_hash, \
                   open, unsettled, unsettled_hash";
    let insert = format!(
        "INSERT INTO attempts (id, record, checksum, {columns}) SELECT $1, $2, $3, {columns} FROM attempts WHERE id = $4"
    );
    connection.execute(&insert, [copy, &record, &checksum(&record), attempt]).expect("a copy");
}

/// Keeps every other process from writing to the ledger until the lock is dropped.
pub(crate) struct LedgerLock(Connection);

pub(crate) fn lock(state: &Path) -> LedgerLock {
    let mut connection = open(&state.join("ledger.db"));
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    connection.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    LedgerLock(connection)
}

impl LedgerLock {
    /// Changes the ledger before others can.
    pub(crate) fn execute(self, statement: &str) {
        self.0.execute_batch(statement).expect("a statement");
        self.0.execute_batch("COMMIT").expect("a commit");
    }
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.busy_timeout(std::time::Duration::from_secs(20)).expect("a time-out");
    connection
}

/// Changes the database, and leaves nothing of what it was.
pub(crate) fn damage(state: &Path, statement: &str) {
    let connection = open(&state.join("ledger.db"));
    assert_eq!(connection.execute(statement, []).expect("a statement"), 1, "{statement}");
    connection.execute_batch("VACUUM").expect("a statement");
}

/// Changes an attempt, and the columns by which it is found.
pub(crate) fn change_attempt(state: &Path, id: &str, change: impl FnOnce(&mut Attempt)) {
    let mut attempt =
        attempts(state).into_iter().find(|attempt| attempt.id.to_string() == id).expect("an attempt");
    change(&mut attempt);
    let record = serde_json::to_string(&attempt).expect("JSON");
    let update = "UPDATE attempts SET record = $1, checksum = $2, at_ms = $3 WHERE id = $4";
    let values = rusqlite::params![record, checksum(&record), attempt.at.as_millisecond(), id];
    open(&state.join("ledger.db")).execute(update, values).expect("an update");
}
