//! The storage that several machines share: a PostgreSQL database, with tables in a schema of their own.
//!
//! Every transaction that writes takes one advisory lock, so they run one after the other: of any number of machines, one
//! stores the intent of a sale, and the others find it. A device is locked by an advisory lock of the connection. The
//! server frees both when the connection ends, whether the process, the machine or the network died.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{FutureExt as _, LocalBoxFuture, try_join_all};
use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, Config, IsolationLevel, NoTls, SimpleQueryMessage, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::database_url::DatabaseUrl;
use super::sql::{self, Param};
use super::storage::{
    DeviceLock, Durability, Filter, LedgerError, LockAttempt, Lookup, Row, Storage, Summary,
};
use super::{Attempt, Origin, RefundAttempt, hash};
use crate::http_client::root_cause;
use crate::secret::Secret;

/// The version of the tables, in `kustom.version`: the number of migrations.
const VERSION: i64 = 1;

const MIGRATIONS: [&str; 1] = [TABLES];

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

const CREATE_SCHEMA: &str = "\
CREATE SCHEMA kustom;
CREATE TABLE kustom.version (version bigint NOT NULL);
INSERT INTO kustom.version VALUES (0);
";

/// Limits of the session. They end a transaction whose machine hangs, and the server notices within half a minute that a
/// machine is gone, so that its locks are freed.
const SESSION: &str = "\
SET search_path = kustom, pg_temp;
SET lock_timeout = '10s';
SET statement_timeout = '15s';
SET idle_in_transaction_session_timeout = '15s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = 25000;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than `lock_timeout`, so that the server reports what it waited for.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// How many statements are sent before their results are awaited.
const PIPELINE: usize = 25;

/// The length at which PostgreSQL truncates the name of an application.
const MAX_NAME: usize = 63;

/// What the name of an application begins with; the holder of a device lock follows.
const NAME_PREFIX: &str = "kustom, ";

pub(crate) struct PostgresStorage {
    config: Config,
    url: DatabaseUrl,
    session: SessionSlot,
}

/// The open connection. The lock of a device closes it when it is released.
type SessionSlot = Rc<RefCell<Option<Rc<Session>>>>;

struct Session {
    client: Mutex<Client>,
    connection: JoinHandle<()>,
}

impl Session {
    fn is_closed(&self) -> bool {
        self.connection.is_finished()
    }
}

impl PostgresStorage {
    /// Connects when it is first used.
    pub(crate) fn new(url: DatabaseUrl, password: Option<&Secret>, origin: &Origin) -> Self {
        let mut config = url.config.clone();
        config
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .application_name(application_name(origin));
        if let Some(password) = password {
            config.password(password.expose());
        }
        Self { config, url, session: SessionSlot::default() }
    }

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

    async fn session(&self) -> Result<Rc<Session>, LedgerError> {
        let open = self.session.borrow().clone();
        if let Some(session) = open.filter(|session| !session.is_closed()) {
            return Ok(session);
        }
        let (client, connection) = self.connect().await?;
        let statement = format!("{SESSION}SELECT version FROM kustom.version");
        let messages = self.bounded(client.simple_query(&statement)).await?;
        let version = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        match version {
            Some(VERSION) => {}
            Some(found) => return Err(self.version_error(found)),
            None => return Err(LedgerError::NotCreated { location: self.location() }),
        }
        let session = Rc::new(Session { client: Mutex::new(client), connection });
        self.session.replace(Some(Rc::clone(&session)));
        Ok(session)
    }

    async fn connect(&self) -> Result<(Client, JoinHandle<()>), LedgerError> {
        let connect = async {
            if !self.url.uses_tls {
                let (client, connection) =
                    self.config.connect(NoTls).await.map_err(|error| self.error(&error))?;
                return Ok((client, tokio::spawn(connection.map(|_| ()))));
            }
            let tls = self.tls().map_err(|reason| self.unreachable(reason))?;
            let (client, connection) =
                self.config.connect(MakeRustlsConnect::new(tls)).await.map_err(|error| self.error(&error))?;
            Ok((client, tokio::spawn(connection.map(|_| ()))))
        };
        let waited = || self.unreachable(format!("no response for {} seconds", CONNECT_TIMEOUT.as_secs()));
        tokio::time::timeout(CONNECT_TIMEOUT, connect).await.unwrap_or_else(|_| Err(waited()))
    }

    fn tls(&self) -> Result<ClientConfig, String> {
        // This fails only if a provider is installed already, which then is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Some(path) = &self.url.root_certificate else {
            return ClientConfig::with_platform_verifier()
                .map_err(|error| format!("cannot set up TLS on this machine: {}", root_cause(&error)));
        };
        let unusable =
            |reason: String| format!("the sslrootcert {} cannot be used: {reason}", path.display());
        let mut roots = rustls::RootCertStore::empty();
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    }

    /// Limits the time of a request to the server. A connection that does not respond is given up.
    async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, LedgerError> {
        if let Ok(result) = tokio::time::timeout(MAX_WAIT, work).await {
            return result.map_err(|error| self.error(&error));
        }
        self.session.take();
        Err(self.unreachable(format!("no response for {} seconds", MAX_WAIT.as_secs())))
    }

    fn unreachable(&self, reason: String) -> LedgerError {
        LedgerError::Unreachable { location: self.location(), reason }
    }

    fn version_error(&self, found: i64) -> LedgerError {
        LedgerError::Version { location: self.location(), found, known: VERSION }
    }

    fn error(&self, error: &tokio_postgres::Error) -> LedgerError {
        let location = self.location();
        let Some(database) = error.as_db_error() else { return self.unreachable(root_cause(error)) };
        let reason = database.message().to_owned();
        let code = database.code();
        if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED {
            LedgerError::Locked { location, waited: CONNECT_TIMEOUT }
        } else if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME {
            LedgerError::NotCreated { location }
        } else if ["08", "53", "57", "58", "XX"].iter().any(|class| code.code().starts_with(class)) {
            // Connections, resources such as the disk, a server that stops, and its own errors.
            LedgerError::Unreachable { location, reason }
        } else {
            LedgerError::Refused { location, reason }
        }
    }

    fn damaged(&self, number: usize) -> LedgerError {
        LedgerError::Damaged { location: self.location(), reason: sql::describe_damage(number) }
    }

    /// Runs `work` in a transaction that excludes every other one.
    async fn write<T>(
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
}

impl Storage for PostgresStorage {
    fn transact<'a>(
        &'a self,
        lookup: Lookup<'a>,
        durability: Durability,
        change: &'a mut dyn FnMut(Vec<Attempt>) -> Vec<Attempt>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            let write = async |transaction: &Transaction<'_>| {
                let rows = match sql::lookup(lookup) {
                    Some((statement, params)) => {
                        read_rows(&transaction.query_typed(&statement, &typed(&params)).await?)?
                    }
                    None => Vec::new(),
                };
                let damaged = rows.iter().filter(|row| row.attempt.is_none()).count();
                if damaged == 0 {
                    let found = rows.into_iter().filter_map(|row| row.attempt).collect();
                    for attempt in change(found) {
                        insert(transaction, &attempt, true).await?;
                    }
                }
                Ok(damaged)
            };
            match self.write(durability, write).await? {
                0 => Ok(()),
                damaged => Err(self.damaged(damaged)),
            }
        })
    }

    fn select<'a>(
        &'a self,
        filter: &'a Filter,
        before: Option<i64>,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<Vec<Row>, LedgerError>> {
        Box::pin(async move {
            let (statement, params) = sql::select(filter, before, limit);
            let session = self.session().await?;
            let client = session.client.lock().await;
            let read = async { read_rows(&client.query_typed(&statement, &typed(&params)).await?) };
            self.bounded(read).await
        })
    }

    fn summary(&self) -> LocalBoxFuture<'_, Result<Summary, LedgerError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let client = session.client.lock().await;
            let read = async {
                let row = client.query_typed_one(sql::COUNT, &[]).await?;
                Ok(Summary { version: VERSION, attempts: row.try_get(0)?, unknown: row.try_get(1)? })
            };
            self.bounded(read).await
        })
    }

    fn import(&self, attempts: Vec<Attempt>) -> LocalBoxFuture<'_, Result<usize, LedgerError>> {
        Box::pin(async move {
            let write = async |transaction: &Transaction<'_>| {
                let mut added = 0;
                for chunk in attempts.chunks(PIPELINE) {
                    let inserted = chunk.iter().map(|attempt| insert(transaction, attempt, false));
                    added += try_join_all(inserted).await?.into_iter().sum::<u64>();
                }
                Ok(added)
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
                let oldest = [Param::from(oldest.as_millisecond())];
                let mut rows = read_rows(&transaction.query_typed(sql::PRUNABLE, &typed(&oldest)).await?)?;
                rows.retain(|row| row.attempt.as_ref().is_some_and(can_remove));
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

    fn transact_refunds<'a>(
        &'a self,
        order_id: &'a str,
        change: &'a mut dyn FnMut(Vec<RefundAttempt>) -> Vec<RefundAttempt>,
    ) -> LocalBoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            let write = async |transaction: &Transaction<'_>| {
                let (statement, params) = sql::refunds_of_order(order_id);
                let refunds = read_refunds(&transaction.query_typed(statement, &typed(&params)).await?)?;
                let damaged = refunds.iter().filter(|refund| refund.is_none()).count();
                if damaged == 0 {
                    for refund in change(refunds.into_iter().flatten().collect()) {
                        let params = sql::insert_refund_params(&refund);
                        transaction.execute_typed(sql::INSERT_REFUND, &typed(&params)).await?;
                    }
                }
                Ok(damaged)
            };
            match self.write(Durability::Full, write).await? {
                0 => Ok(()),
                damaged => Err(self.damaged(damaged)),
            }
        })
    }

    fn select_refunds(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> LocalBoxFuture<'_, Result<Vec<Option<RefundAttempt>>, LedgerError>> {
        Box::pin(async move {
            let (statement, params) = sql::select_refunds(since, until);
            let session = self.session().await?;
            let client = session.client.lock().await;
            let read = async { read_refunds(&client.query_typed(statement, &typed(&params)).await?) };
            self.bounded(read).await
        })
    }

    fn try_lock<'a>(
        &'a self,
        device: &'a str,
        _origin: &'a Origin,
    ) -> LocalBoxFuture<'a, Result<LockAttempt, LedgerError>> {
        Box::pin(async move {
            let key = [Param::from(hash::hash_of(&["device", device]))];
            let session = self.session().await?;
            let client = session.client.lock().await;
            let lock = "SELECT pg_try_advisory_lock($1)";
            let row = self.bounded(client.query_typed_one(lock, &typed(&key))).await?;
            if row.try_get(0).map_err(|error| self.error(&error))? {
                let guard = LockedSession { slot: Rc::clone(&self.session), session: Rc::clone(&session) };
                return Ok(LockAttempt::Locked(DeviceLock::new(guard)));
            }
            let holder = self.bounded(client.query_typed_opt(HOLDER, &typed(&key))).await?;
            let holder = holder.and_then(|row| row.try_get::<_, Option<String>>(0).ok().flatten());
            Ok(LockAttempt::Held(holder.and_then(|name| Some(name.strip_prefix(NAME_PREFIX)?.to_owned()))))
        })
    }

    fn ensure_in_place(&self) -> LocalBoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            let session = self.session.borrow().clone();
            let lost = || self.unreachable("the connection was lost".to_owned());
            let session = session.filter(|session| !session.is_closed()).ok_or_else(lost)?;
            let client = session.client.lock().await;
            self.bounded(client.check_connection()).await
        })
    }

    fn location(&self) -> String {
        self.url.to_string()
    }
}

/// The lock of a device, which lasts as long as its connection.
struct LockedSession {
    slot: SessionSlot,
    session: Rc<Session>,
}

impl Drop for LockedSession {
    fn drop(&mut self) {
        let is_open = self.slot.borrow().as_ref().is_some_and(|open| Rc::ptr_eq(open, &self.session));
        if is_open {
            self.slot.take();
        }
    }
}

impl std::fmt::Debug for LockedSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LockedSession")
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

fn rights(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    format!(
        "GRANT USAGE ON SCHEMA kustom TO {role};\n\
         GRANT SELECT ON kustom.version TO {role};\n\
         GRANT SELECT, INSERT, UPDATE ON kustom.attempts, kustom.refunds TO {role};\n"
    )
}

fn application_name(origin: &Origin) -> String {
    let mut name = format!("{NAME_PREFIX}{}", origin.describe().unwrap_or_default());
    // Other characters are replaced by the server.
    name.retain(|char| char.is_ascii() && !char.is_ascii_control());
    name.truncate(MAX_NAME);
    name
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

async fn insert(
    transaction: &Transaction<'_>,
    attempt: &Attempt,
    replace: bool,
) -> Result<u64, tokio_postgres::Error> {
    let params = sql::insert_params(attempt);
    transaction.execute_typed(&sql::insert(replace), &typed(&params)).await
}

/// Damaged ones are `None`.
fn read_refunds(rows: &[tokio_postgres::Row]) -> Result<Vec<Option<RefundAttempt>>, tokio_postgres::Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(RefundAttempt::from_record(&row.try_get::<_, String>(0)?, &row.try_get::<_, String>(1)?))
    };
    rows.iter().map(read).collect()
}

fn read_rows(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, tokio_postgres::Error> {
    let read = |row: &tokio_postgres::Row| {
        let (record, sum) = (row.try_get::<_, Option<String>>(1)?, row.try_get::<_, Option<String>>(2)?);
        let attempt = record.zip(sum).and_then(|(record, sum)| Attempt::from_record(&record, &sum));
        Ok(Row { seq: row.try_get(0)?, attempt })
    };
    rows.iter().map(read).collect()
}
