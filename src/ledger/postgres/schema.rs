//! The tables in PostgreSQL, and the rights that a till needs.

use tokio_postgres::{Client, Transaction};

use super::{PostgresStorage, VERSION, lock_statement};
use crate::ledger::record::Record;
use crate::ledger::{Attempt, Durability, LedgerError, LostRecord, OrderChange};

const MIGRATIONS: [&str; 3] = [TABLES, ORDER_CHANGES, FILTERS];

/// IDs are compared byte by byte, so that a range finds those with a prefix.
const TABLES: &str = "\
CREATE TABLE kustom.attempts (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE \"C\" NOT NULL UNIQUE,
    at_ms bigint NOT NULL,
    outcome text NOT NULL,
    status text,
    session_id text COLLATE \"C\",
    device_id text,
    location_id text,
    till text,
    reference_key text,
    reference_hash bigint,
    open bigint,
    unsettled bigint,
    unsettled_hash bigint,
    record text NOT NULL,
    checksum text NOT NULL
);
CREATE INDEX attempts_at ON kustom.attempts (at_ms);
CREATE INDEX attempts_session ON kustom.attempts (session_id);
CREATE INDEX attempts_open ON kustom.attempts (device_id) WHERE open IS NOT NULL;
CREATE INDEX attempts_reference ON kustom.attempts USING hash (reference_key) WHERE reference_key IS NOT NULL;
CREATE INDEX attempts_reference_hash ON kustom.attempts (reference_hash) WHERE reference_hash IS NOT NULL;
CREATE INDEX attempts_unsettled ON kustom.attempts (unsettled) WHERE unsettled IS NOT NULL;
CREATE INDEX attempts_unsettled_hash ON kustom.attempts (unsettled_hash) WHERE unsettled_hash IS NOT NULL;
CREATE TABLE kustom.refunds (
    id text COLLATE \"C\" PRIMARY KEY,
    at_ms bigint NOT NULL,
    order_id text NOT NULL,
    record text NOT NULL,
    checksum text NOT NULL
);
CREATE INDEX refunds_order ON kustom.refunds USING hash (order_id);
CREATE INDEX refunds_at ON kustom.refunds (at_ms);
";

/// Refunds were the first changes of orders.
const ORDER_CHANGES: &str = "\
ALTER TABLE kustom.refunds RENAME TO order_changes;
ALTER INDEX kustom.refunds_order RENAME TO order_changes_order;
ALTER INDEX kustom.refunds_at RENAME TO order_changes_at;
ALTER TABLE IF EXISTS kustom.damaged_refunds RENAME TO damaged_order_changes;
";

/// For the filters of `sessions list`. Most values are among the newest attempts. To find that a rare one is not, the
/// server would read all of them.
const FILTERS: &str = "\
CREATE INDEX attempts_status ON kustom.attempts (status, seq) WHERE status IS NOT NULL;
CREATE INDEX attempts_device ON kustom.attempts (device_id, seq);
CREATE INDEX attempts_location ON kustom.attempts (location_id, seq) WHERE location_id IS NOT NULL;
CREATE INDEX attempts_till ON kustom.attempts (till, seq) WHERE till IS NOT NULL;
";

const CREATE_SCHEMA: &str = "\
CREATE SCHEMA kustom;
CREATE TABLE kustom.version (version bigint NOT NULL);
INSERT INTO kustom.version VALUES (0);
";

impl PostgresStorage {
    /// Creates the tables, or brings them to this version. Grants a role what a till needs.
    pub(crate) async fn create(&self, role: Option<&str>) -> Result<(), LedgerError> {
        let mut client = self.connect().await?.0;
        let work = async {
            let transaction = client.transaction().await?;
            transaction.batch_execute(&lock_statement()).await?;
            let exists = "SELECT 1 FROM pg_namespace WHERE nspname = 'kustom'";
            if transaction.query_typed_opt(exists, &[]).await?.is_none() {
                transaction.batch_execute(CREATE_SCHEMA).await?;
            }
            let row = transaction.query_typed_one("SELECT version FROM kustom.version", &[]).await?;
            let found: i64 = row.try_get(0)?;
            let missing = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..));
            let Some(missing) = missing else { return Ok(found) };
            for migration in missing {
                transaction.batch_execute(migration).await?;
            }
            transaction.batch_execute(&format!("UPDATE kustom.version SET version = {VERSION}")).await?;
            if let Some(role) = role {
                transaction.batch_execute(&rights(role)).await?;
            }
            transaction.commit().await?;
            Ok(VERSION)
        };
        match self.bounded(work).await? {
            VERSION => Ok(()),
            found => Err(self.version_error(found)),
        }
    }

    /// The SQL of [`Self::create`], for a person to run.
    pub(crate) fn creation_sql(role: &str) -> String {
        let migrations = MIGRATIONS.concat();
        format!(
            "BEGIN;\n{CREATE_SCHEMA}{migrations}UPDATE kustom.version SET version = {VERSION};\n\
             -- The least rights of a till:\n{}COMMIT;\n",
            rights(role)
        )
    }

    /// The damaged attempts and changes of orders. The server compares the checksums, so that not everything is transferred.
    pub(crate) async fn damaged(&self) -> Result<Vec<LostRecord>, LedgerError> {
        let session = self.session().await?;
        let client = session.client.lock().await;
        let read = async {
            let mut lost = find_damaged::<Attempt>(&client).await?;
            lost.extend(find_damaged::<OrderChange>(&client).await?);
            Ok(lost)
        };
        self.bounded(read).await
    }

    /// Moves the damaged attempts and changes of orders to tables of their own. Returns how many there were.
    pub(crate) async fn set_damaged_aside(&self) -> Result<u64, LedgerError> {
        let work = async |transaction: &Transaction<'_>| {
            let attempts = move_damaged::<Attempt>(transaction).await?;
            Ok(attempts + move_damaged::<OrderChange>(transaction).await?)
        };
        self.run_transaction(Durability::Full, work).await
    }
}

/// Whether a row is not what was stored, as [`crate::ledger::checksum`] says.
const IS_DAMAGED: &str = "checksum <> left(encode(sha256(convert_to(record, 'UTF8')), 'hex'), 32)";

async fn find_damaged<R: Record>(client: &Client) -> Result<Vec<LostRecord>, tokio_postgres::Error> {
    let columns = LostRecord::columns::<R>();
    let statement = format!("SELECT {columns} FROM kustom.{} WHERE {IS_DAMAGED} ORDER BY at_ms", R::TABLE);
    let rows = client.query_typed(&statement, &[]).await?;
    let lost = rows.iter().map(|row| {
        LostRecord::new::<R>(row.try_get(1).ok(), |index| {
            row.try_get::<_, Option<String>>(index).ok().flatten()
        })
    });
    Ok(lost.collect())
}

async fn move_damaged<R: Record>(transaction: &Transaction<'_>) -> Result<u64, tokio_postgres::Error> {
    let table = R::TABLE;
    let create = format!("CREATE TABLE IF NOT EXISTS kustom.damaged_{table} (LIKE kustom.{table})");
    transaction.batch_execute(&create).await?;
    let statement = format!(
        "WITH damaged AS (DELETE FROM kustom.{table} WHERE {IS_DAMAGED} RETURNING *) \
         INSERT INTO kustom.damaged_{table} SELECT * FROM damaged"
    );
    transaction.execute_typed(&statement, &[]).await
}

fn rights(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    format!(
        "GRANT USAGE ON SCHEMA kustom TO {role};\n\
         GRANT SELECT ON kustom.version TO {role};\n\
         GRANT SELECT, INSERT, UPDATE ON kustom.attempts, kustom.order_changes TO {role};\n"
    )
}
