//! The connection to PostgreSQL: opened when it is first needed, with TLS, and with limits of every wait.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::FutureExt as _;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::VERSION;
use crate::http_client::root_cause;
use crate::ledger::device_lock::Guard;
use crate::ledger::{DatabaseUrl, LedgerError, Origin};
use crate::secret::Secret;

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

/// The length at which PostgreSQL truncates the name of an application.
const MAX_NAME: usize = 63;

/// What the name of an application begins with; the holder of a device lock follows.
pub(super) const NAME_PREFIX: &str = "kustom, ";

/// A ledger in PostgreSQL.
pub(crate) struct PostgresStorage {
    config: Config,
    url: DatabaseUrl,
    session: SessionSlot,
}

/// The open connection. The lock of a device closes it when it is released.
type SessionSlot = Rc<RefCell<Option<Rc<Session>>>>;

pub(super) struct Session {
    pub(super) client: Mutex<Client>,
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

    pub(super) async fn session(&self) -> Result<Rc<Session>, LedgerError> {
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

    pub(super) async fn connect(&self) -> Result<(Client, JoinHandle<()>), LedgerError> {
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
    pub(super) async fn bounded<T>(
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

    pub(super) fn version_error(&self, found: i64) -> LedgerError {
        LedgerError::Version { location: self.location(), found, known: VERSION }
    }

    pub(super) fn error(&self, error: &tokio_postgres::Error) -> LedgerError {
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

    /// Fails if the connection was lost.
    pub(in crate::ledger) async fn ensure_in_place(&self) -> Result<(), LedgerError> {
        let session = self.session.borrow().clone();
        let lost = || self.unreachable("the connection was lost".to_owned());
        let session = session.filter(|session| !session.is_closed()).ok_or_else(lost)?;
        let client = session.client.lock().await;
        self.bounded(client.check_connection()).await
    }

    pub(in crate::ledger) fn location(&self) -> String {
        self.url.to_string()
    }

    /// Closes the connection when the guard is dropped, and with it the lock of a device.
    pub(super) fn close_later(&self, session: Rc<Session>) -> LockedSession {
        LockedSession { slot: Rc::clone(&self.session), session }
    }
}

/// The lock of a device, which lasts as long as its connection.
pub(super) struct LockedSession {
    slot: SessionSlot,
    session: Rc<Session>,
}

impl Guard for LockedSession {
    fn is_held(&self) -> bool {
        let is_current = self.slot.borrow().as_ref().is_some_and(|open| Rc::ptr_eq(open, &self.session));
        is_current && !self.session.is_closed()
    }
}

impl Drop for LockedSession {
    fn drop(&mut self) {
        if self.is_held() {
            self.slot.take();
        }
    }
}

fn application_name(origin: &Origin) -> String {
    let mut name = format!("{NAME_PREFIX}{}", origin.describe().unwrap_or_default());
    // Other characters are replaced by the server.
    name.retain(|char| char.is_ascii() && !char.is_ascii_control());
    name.truncate(MAX_NAME);
    name
}
