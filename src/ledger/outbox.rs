//! Results that a shared ledger could not take, kept in the state directory until it can.

use rusqlite::ToSql;
use uuid::Uuid;

use super::Outcome;
use super::error::LedgerError;
use super::sqlite::SqliteStorage;

pub(crate) struct Outbox(SqliteStorage);

/// A result for an attempt of the shared ledger.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub attempt: Uuid,
    pub outcome: Option<Outcome>,
    /// Whether the result was printed.
    pub reported: bool,
}

impl Outbox {
    pub(crate) const fn new(database: SqliteStorage) -> Self {
        Self(database)
    }

    pub(super) fn location(&self) -> String {
        self.0.location()
    }

    pub(super) async fn keep_outcome(&self, attempt: Uuid, outcome: &Outcome) -> Result<(), LedgerError> {
        // Serialization cannot fail: all keys are strings, and there are no floats.
        let outcome = serde_json::to_string(outcome).unwrap_or_default();
        let statement = "INSERT INTO undelivered (attempt, outcome, reported) VALUES (?1, ?2, 0) \
                         ON CONFLICT (attempt) DO UPDATE SET outcome = excluded.outcome";
        self.execute(statement, &[&attempt.to_string(), &outcome]).await
    }

    pub(super) async fn keep_reported(&self, attempt: Uuid) -> Result<(), LedgerError> {
        let statement = "INSERT INTO undelivered (attempt, outcome, reported) VALUES (?1, NULL, 1) \
                         ON CONFLICT (attempt) DO UPDATE SET reported = 1";
        self.execute(statement, &[&attempt.to_string()]).await
    }

    pub(super) async fn undelivered(&self) -> Result<Vec<Undelivered>, LedgerError> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        let rows = self.0.with_database("read", |database| {
            let mut statement = database.prepare("SELECT attempt, outcome, reported FROM undelivered")?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, bool>(2)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let mut undelivered = Vec::new();
        for (attempt, outcome, reported) in rows.await? {
            let damaged = || LedgerError::Damaged {
                location: self.location(),
                reason: "a result that was not delivered yet cannot be read".to_owned(),
            };
            let attempt = attempt.parse().map_err(|_| damaged())?;
            let outcome = match outcome {
                Some(text) => Some(serde_json::from_str(&text).map_err(|_| damaged())?),
                None => None,
            };
            undelivered.push(Undelivered { attempt, outcome, reported });
        }
        Ok(undelivered)
    }

    pub(super) async fn remove(&self, attempt: Uuid) -> Result<(), LedgerError> {
        self.execute("DELETE FROM undelivered WHERE attempt = ?1", &[&attempt.to_string()]).await
    }

    async fn execute(&self, statement: &str, params: &[&dyn ToSql]) -> Result<(), LedgerError> {
        self.0.with_database("write", |database| database.execute(statement, params).map(drop)).await
    }
}
