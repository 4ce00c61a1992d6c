//! The callbacks that were received, in the local database of the ledger.
//!
//! A delivery is stored before it is processed and its result before it is acknowledged, so that a process that is killed
//! in between loses nothing: the sender delivers it again, and the store knows how far it came.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use serde::Serialize;
use serde_json::Value;

use crate::fs::{create_private_dir, io_error_message, parent_dir, private_open_options};
use crate::model::{Callback, CallbackType};
use crate::secret::redact;
use crate::webhooks::TOLERANCE;

/// The oldest ones that were acknowledged are removed.
const MAX_DELIVERIES: i64 = 100_000;

/// Anybody can send deliveries that fail verification.
const MAX_REFUSED: i64 = 1000;

/// In bytes, of a delivery that failed verification and of a response.
const MAX_KEPT: usize = 64 * 1024;

const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Names of headers that can be credentials contain one of these.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "token", "secret", "api-key", "password"];

/// The table is created where it is missing, so it needs no version of its own.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    valid INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    type TEXT,
    session_id TEXT,
    order_id TEXT,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    reason TEXT,
    response TEXT,
    forwarded_to TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS deliveries_id ON deliveries (webhook_id) WHERE valid = 1;
CREATE INDEX IF NOT EXISTS deliveries_refused ON deliveries (seq) WHERE valid = 0;
";

const COLUMNS: &str = "seq, webhook_id, received_ms, state, type, session_id, order_id, headers, body, attempts, status, \
                       reason, response, forwarded_to";

/// The same without the content, which takes most of the time of a long list.
const SUMMARY_COLUMNS: &str = "seq, webhook_id, received_ms, state, type, session_id, order_id, '[]', x'', attempts, \
                               status, reason, NULL, forwarded_to";

#[derive(Debug, thiserror::Error)]
#[error("cannot use the deliveries in the ledger {}: {reason}", .path.display())]
pub(crate) struct StoreError {
    path: PathBuf,
    reason: String,
}

/// How far the processing of a delivery got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryState {
    /// It is stored, and nothing else happened.
    Received,
    /// It is being processed: its result is not known.
    Processing,
    /// It was processed, and the sender receives a success.
    Acknowledged,
    /// It was not processed, so the sender has to retry.
    Failed,
    /// It failed verification.
    Refused,
}

impl DeliveryState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Acknowledged => "acknowledged",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "received" => Self::Received,
            "acknowledged" => Self::Acknowledged,
            "failed" => Self::Failed,
            "refused" => Self::Refused,
            // An unknown status may mean that it was processed.
            _ => Self::Processing,
        }
    }
}

/// A delivery, which serializes to what lists print.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StoredDelivery {
    #[serde(skip)]
    pub(crate) seq: i64,
    pub(crate) webhook_id: String,
    pub(crate) received_at: Timestamp,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) order_id: Option<String>,
    #[serde(rename = "outcome")]
    pub(crate) state: DeliveryState,
    /// How often it was processed.
    pub(crate) attempts: u32,
    /// The status of the response to the sender.
    pub(crate) status: Option<u16>,
    /// Why it was not acknowledged.
    pub(crate) reason: Option<String>,
    /// The URL of the application, without its query.
    pub(crate) forwarded_to: Option<String>,
    /// As received, except credentials.
    #[serde(skip)]
    pub(crate) headers: HeaderMap,
    #[serde(skip)]
    pub(crate) body: Vec<u8>,
    /// The body of the application's response, truncated.
    #[serde(skip)]
    pub(crate) response: Option<String>,
}

impl StoredDelivery {
    /// The body as JSON, or as text if it is not.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&self.body).into_owned()))
    }
}

/// What to do with a delivery that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Process(i64),
    /// It may have been processed before, but its result was lost.
    ProcessAgain(i64),
    AlreadyAcknowledged,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryFilter {
    pub(crate) since: Option<Timestamp>,
    /// Only those that were not acknowledged.
    pub(crate) failed: bool,
    pub(crate) kind: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) limit: Option<usize>,
    /// Without headers, body and response.
    pub(crate) is_summary: bool,
}

pub(crate) struct DeliveryStore {
    path: PathBuf,
    connection: RefCell<Connection>,
}

impl DeliveryStore {
    /// Opens the database in the state directory, which is created if it does not exist.
    pub(crate) fn open(state: &Path) -> Result<Self, StoreError> {
        let path = state.join("ledger.db");
        let failed = |reason: String| StoreError { path: path.clone(), reason };
        let create_file = || {
            create_private_dir(parent_dir(&path))?;
            // SQLite gives its other files the mode of this one.
            private_open_options().read(true).open(&path)
        };
        let open_database = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let exists = "SELECT 1 FROM sqlite_master WHERE name = 'deliveries_refused'";
            if connection.query_row(exists, [], |_| Ok(())).optional()?.is_none() {
                connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
            }
            Ok(connection)
        };
        create_file().map_err(|error| failed(io_error_message(&error)))?;
        let connection = open_database().map_err(|error| failed(error.to_string()))?;
        Ok(Self { path, connection: RefCell::new(connection) })
    }

    fn run<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let result = work(&mut self.connection.borrow_mut());
        result.map_err(|error| StoreError { path: self.path.clone(), reason: error.to_string() })
    }

    /// Stores a delivery that passed verification, unless it is known.
    pub(crate) fn begin(
        &self,
        id: &str,
        at: Timestamp,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Begin, StoreError> {
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let select = "SELECT seq, state FROM deliveries WHERE webhook_id = ?1 AND valid = 1";
            let known =
                transaction.query_row(select, [id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            let begin = match known.optional()? {
                Some((seq, state)) => match DeliveryState::parse(&state) {
                    DeliveryState::Acknowledged => Begin::AlreadyAcknowledged,
                    DeliveryState::Processing => Begin::ProcessAgain(seq),
                    DeliveryState::Received | DeliveryState::Failed | DeliveryState::Refused => {
                        Begin::Process(seq)
                    }
                },
                None => Begin::Process(insert(&transaction, id, at, headers, body, None)?),
            };
            if let Begin::Process(seq) | Begin::ProcessAgain(seq) = begin {
                // A retry has new signatures.
                let update = "UPDATE deliveries SET headers = ?2 WHERE seq = ?1";
                transaction.execute(update, params![seq, headers_to_json(headers)])?;
                // Refused ones are not counted: anybody can send them. A retry of the last minutes has to be recognized.
                let delete = "DELETE FROM deliveries WHERE seq IN \
                              (SELECT seq FROM deliveries WHERE state = 'acknowledged' AND received_ms < ?2 ORDER BY seq \
                              LIMIT max(0, (SELECT count(*) FROM deliveries WHERE valid = 1) - ?1))";
                transaction.execute(delete, [MAX_DELIVERIES, (at - TOLERANCE).as_millisecond()])?;
            }
            transaction.commit()?;
            Ok(begin)
        })
    }

    /// Stores that a delivery is about to be processed.
    pub(crate) fn mark_processing(&self, seq: i64, forwarded_to: Option<&str>) -> Result<(), StoreError> {
        let update = "UPDATE deliveries SET state = 'processing', attempts = attempts + 1, forwarded_to = ?2 WHERE seq = ?1";
        self.run(|connection| connection.execute(update, params![seq, forwarded_to]).map(drop))
    }

    /// Stores the result of a delivery: the status of the response to its sender, why it was not processed, and the body of the
    /// application's response.
    pub(crate) fn finish(
        &self,
        seq: i64,
        state: DeliveryState,
        status: u16,
        reason: Option<&str>,
        response: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let response = response.map(|body| {
            // An application may repeat its configuration, including the secret.
            redact(&String::from_utf8_lossy(&body[..body.len().min(MAX_KEPT)])).into_owned()
        });
        let update =
            "UPDATE deliveries SET state = ?2, status = ?3, reason = ?4, response = ?5 WHERE seq = ?1";
        let reason = reason.map(|reason| redact(reason).into_owned());
        let params = params![seq, state.as_str(), status, reason, response];
        self.run(|connection| connection.execute(update, params).map(drop))
    }

    /// Stores a delivery that failed verification, with the word for the reason.
    pub(crate) fn refuse(
        &self,
        at: Timestamp,
        headers: &HeaderMap,
        body: &[u8],
        reason: &str,
    ) -> Result<(), StoreError> {
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let id: String = id.chars().take(100).collect();
        // It can be anything, also a secret that was sent to the wrong place.
        let body = redact(&String::from_utf8_lossy(&body[..body.len().min(MAX_KEPT)])).into_owned();
        let delete = "DELETE FROM deliveries WHERE valid = 0 AND seq <= \
                      (SELECT seq FROM deliveries WHERE valid = 0 ORDER BY seq DESC LIMIT 1 OFFSET ?1)";
        let store = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            insert(&transaction, &id, at, headers, body.as_bytes(), Some(reason))?;
            transaction.execute(delete, [MAX_REFUSED])?;
            transaction.commit()
        };
        self.run(|connection| {
            // Nobody relies on it after a power cut, and anybody can send one.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let stored = store(connection);
            connection.pragma_update(None, "synchronous", "FULL")?;
            stored
        })
    }

    /// The newest deliveries, the newest first.
    pub(crate) fn list(&self, filter: &DeliveryFilter) -> Result<Vec<StoredDelivery>, StoreError> {
        let limit = filter.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
        let columns = if filter.is_summary { SUMMARY_COLUMNS } else { COLUMNS };
        let select = format!(
            "SELECT {columns} FROM deliveries WHERE received_ms >= ?1 AND (?2 = 0 OR state <> 'acknowledged') \
             AND (?3 IS NULL OR type = ?3) AND (?4 IS NULL OR session_id = ?4) ORDER BY seq DESC LIMIT ?5"
        );
        let since = filter.since.map_or(i64::MIN, Timestamp::as_millisecond);
        self.run(|connection| {
            let mut statement = connection.prepare(&select)?;
            let params = params![since, filter.failed, filter.kind, filter.session_id, limit];
            statement.query_map(params, read)?.collect()
        })
    }

    /// The sessions that were not ended by a valid callback since then, the oldest first.
    pub(crate) fn open_sessions(&self, since: Timestamp) -> Result<Vec<String>, StoreError> {
        let select = "SELECT session_id FROM deliveries WHERE valid = 1 AND received_ms >= ?1 \
                      AND session_id IS NOT NULL AND type IS NOT NULL \
                      GROUP BY session_id HAVING NOT max(type IN (?2, ?3)) ORDER BY min(seq)";
        let ends = [CallbackType::SessionFinalized, CallbackType::SessionCancelled];
        let params = params![since.as_millisecond(), ends[0].as_str(), ends[1].as_str()];
        self.run(|connection| connection.prepare(select)?.query_map(params, |row| row.get(0))?.collect())
    }

    /// The deliveries whose webhook ID is this, or begins with it.
    pub(crate) fn find(&self, id: &str) -> Result<Vec<StoredDelivery>, StoreError> {
        // If several have exactly this ID, the valid one comes first, then the newest.
        let select = format!(
            "SELECT {COLUMNS} FROM deliveries WHERE substr(webhook_id, 1, length(?1)) = ?1 \
             ORDER BY webhook_id = ?1 AND valid DESC, webhook_id = ?1 DESC, seq DESC LIMIT 100"
        );
        let mut found: Vec<StoredDelivery> =
            self.run(|connection| connection.prepare(&select)?.query_map([id], read)?.collect())?;
        if found.first().is_some_and(|delivery| delivery.webhook_id == id) {
            found.truncate(1);
        }
        Ok(found)
    }
}

/// Inserts a delivery: a valid one, or one that was refused for a reason.
fn insert(
    connection: &Connection,
    id: &str,
    at: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
    refusal: Option<&str>,
) -> rusqlite::Result<i64> {
    let is_valid = refusal.is_none();
    // Nothing in the body of an invalid delivery is believed.
    let callback: Callback =
        if is_valid { serde_json::from_slice(body).unwrap_or_default() } else { Callback::default() };
    let kind = callback.known_type().map(|known| known.to_string()).or(callback.kind);
    let data = callback.data.unwrap_or_default();
    let state = if is_valid { DeliveryState::Received } else { DeliveryState::Refused };
    let status = (!is_valid).then_some(401);
    connection.execute(
        "INSERT INTO deliveries (webhook_id, valid, received_ms, state, type, session_id, order_id, headers, body, reason, \
         status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            id,
            is_valid,
            at.as_millisecond(),
            state.as_str(),
            kind,
            data.session_id,
            data.order_id,
            headers_to_json(headers),
            body,
            refusal,
            status
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredDelivery> {
    let received = Timestamp::from_millisecond(row.get(2)?).unwrap_or_default();
    let headers: String = row.get(7)?;
    Ok(StoredDelivery {
        seq: row.get(0)?,
        webhook_id: row.get(1)?,
        received_at: received,
        state: DeliveryState::parse(&row.get::<_, String>(3)?),
        kind: row.get(4)?,
        session_id: row.get(5)?,
        order_id: row.get(6)?,
        headers: headers_from_json(&headers),
        body: row.get(8)?,
        attempts: row.get(9)?,
        status: row.get(10)?,
        reason: row.get(11)?,
        response: row.get(12)?,
        forwarded_to: row.get(13)?,
    })
}

/// The headers without credentials, as an array of pairs.
fn headers_to_json(headers: &HeaderMap) -> String {
    let is_kept = |name: &HeaderName| !SECRET_HEADERS.iter().any(|secret| name.as_str().contains(secret));
    let kept = headers.iter().filter(|(name, _)| is_kept(name));
    let pairs = kept.filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some(serde_json::json!([name.as_str(), redact(value)]))
    });
    Value::Array(pairs.collect()).to_string()
}

fn headers_from_json(text: &str) -> HeaderMap {
    let pairs: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn credentials_in_headers_are_not_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store = DeliveryStore::open(dir.path()).unwrap();
        let given = headers(&[
            ("webhook-id", "kevt_1"),
            ("authorization", "Basic x"),
            ("x-api-key", "k"),
            ("cookie", "a=b"),
            ("user-agent", "sender"),
        ]);
        store.refuse(Timestamp::UNIX_EPOCH, &given, b"x", "wrong_signature").unwrap();
        let list = store.list(&DeliveryFilter { failed: true, ..DeliveryFilter::default() }).unwrap();
        assert_eq!(list[0].headers, headers(&[("webhook-id", "kevt_1"), ("user-agent", "sender")]));
        assert_eq!(
            (list[0].state, list[0].reason.as_deref()),
            (DeliveryState::Refused, Some("wrong_signature"))
        );
    }
}
