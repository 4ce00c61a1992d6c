//! Where a ledger is: the value of `ledger` in a profile and of `KUSTOM_LEDGER`.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Config, Host, SslMode};

use crate::secret::register;

const DEFAULT_PORT: u16 = 5432;

/// The word for the database in the state directory.
const SQLITE: &str = "sqlite";

#[derive(Debug, Clone)]
pub(crate) enum LedgerLocation {
    /// The database in the state directory.
    Sqlite,
    Postgres(Box<DatabaseUrl>),
}

/// The URL of a PostgreSQL database, without a password.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) uses_tls: bool,
    /// The certificate authority of the server, if it is not one of the platform's.
    pub(super) root_certificate: Option<PathBuf>,
}

/// Never repeats the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocationError {
    #[error("it is neither `sqlite` nor a URL such as postgres://user@db.example.com/shop")]
    Scheme,
    #[error("it contains a password; store that in ~/.pgpass, PGPASSWORD or the output of ledger_command")]
    Password,
    #[error("it names no host")]
    Host,
    #[error("it turns TLS off for another machine, which would show the password to the network")]
    Plain,
    #[error("its sslmode is none of disable, prefer, require, verify-ca and verify-full")]
    SslMode,
    #[error("it is not a URL that PostgreSQL understands ({0})")]
    Malformed(String),
}

impl LedgerLocation {
    pub(crate) fn parse(text: &str) -> Result<Self, LocationError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(SQLITE) {
            return Ok(Self::Sqlite);
        }
        DatabaseUrl::parse(text).map(|url| Self::Postgres(Box::new(url)))
    }
}

impl std::fmt::Display for LedgerLocation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite => formatter.write_str(SQLITE),
            Self::Postgres(url) => url.fmt(formatter),
        }
    }
}

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, LocationError> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let (base, query) =
            rest.ok_or(LocationError::Scheme)?.split_once('?').unwrap_or((rest.unwrap_or_default(), ""));
        let authority = base.split('/').next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
            && !password.is_empty()
        {
            return Err(reject_password(password));
        }
        let (mut mode, mut root_certificate, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match &*decode(name) {
                "password" => return Err(reject_password(value)),
                "sslmode" => mode = Some(decode(value)),
                "sslrootcert" => root_certificate = Some(PathBuf::from(decode(value))),
                _ => kept.push(pair),
            }
        }
        let url = format!("postgres://{base}?{}", kept.join("&"));
        let mut config: Config =
            url.parse().map_err(|error| LocationError::Malformed(crate::http_client::root_cause(&error)))?;
        if config.get_password().is_some() {
            return Err(LocationError::Password);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(LocationError::Host);
        }
        let is_on_this_machine = config.get_hosts().iter().all(is_local)
            && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        // Certificates are verified in every mode that uses TLS.
        let uses_tls = match mode.as_deref() {
            None | Some("prefer" | "allow") => !is_on_this_machine,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some("disable") if is_on_this_machine => false,
            Some("disable") => return Err(LocationError::Plain),
            Some(_) => return Err(LocationError::SslMode),
        };
        config.ssl_mode(if uses_tls { SslMode::Require } else { SslMode::Disable });
        let user = config.get_user().map(str::to_owned);
        let user = user.or_else(|| whoami::username().ok()).unwrap_or_default();
        let dbname = config.get_dbname().unwrap_or(&user).to_owned();
        config.user(&user).dbname(&dbname);
        Ok(Self { config, user, dbname, uses_tls, root_certificate })
    }

    /// The hosts and ports, in the order in which they are tried.
    pub(super) fn addresses(&self) -> Vec<(String, u16)> {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
        let hosts: Vec<_> = match self.config.get_hosts() {
            [] => self.config.get_hostaddrs().iter().map(ToString::to_string).collect(),
            hosts => hosts.iter().map(host_name).collect(),
        };
        hosts.into_iter().enumerate().map(|(index, host)| (host, port(index))).collect()
    }
}

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What precedes an @ is redacted in all output, so the user is omitted.
        let dbname = &self.dbname;
        let addresses = self.addresses();
        match &addresses[..] {
            [(socket, port)] if socket.starts_with('/') => {
                write!(formatter, "postgres:///{dbname}?host={socket}")?;
                if *port == DEFAULT_PORT { Ok(()) } else { write!(formatter, "&port={port}") }
            }
            addresses => {
                let hosts: Vec<_> = addresses.iter().map(|(host, port)| format!("{host}:{port}")).collect();
                write!(formatter, "postgres://{}/{dbname}", hosts.join(","))
            }
        }
    }
}

fn reject_password(password: &str) -> LocationError {
    register(password);
    register(&decode(password));
    LocationError::Password
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, LocationError> {
        match LedgerLocation::parse(text)? {
            LedgerLocation::Postgres(url) => Ok(*url),
            LedgerLocation::Sqlite => panic!("{text}"),
        }
    }

    #[test]
    fn a_url_is_shown_without_options() {
        let cases = [
            ("postgres://till@db.example.com/shop", "postgres://db.example.com:5432/shop", true),
            ("postgresql://till@[::1]:5433/shop?sslmode=prefer", "postgres://::1:5433/shop", false),
            ("postgres://till@127.0.0.1", "postgres://127.0.0.1:5432/till", false),
            ("postgres://till@localhost/s?sslmode=verify-full", "postgres://localhost:5432/s", true),
            ("postgres://till@/s?host=/run/pg", "postgres:///s?host=/run/pg", false),
            ("postgres://till@%2Frun%2Fpg:5433/s", "postgres:///s?host=/run/pg&port=5433", false),
            ("postgres://till@a,b:2/s?application_name=x", "postgres://a:5432,b:2/s", true),
        ];
        for (text, shown, uses_tls) in cases {
            let url = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.to_string().as_str(), url.uses_tls), (shown, uses_tls), "{text}");
        }
        assert!(matches!(LedgerLocation::parse(" SQLite "), Ok(LedgerLocation::Sqlite)));
    }

    #[test]
    fn a_url_that_would_reveal_a_password_is_rejected() {
        let cases = [
            ("mysql://db/shop", LocationError::Scheme),
            ("host=db password=secretword", LocationError::Scheme),
            ("postgres://till:secretword@db/shop", LocationError::Password),
            ("postgres://till:secret@word@db/shop", LocationError::Password),
            ("postgres://till@db/shop?pass%77ord=secretword", LocationError::Password),
            ("postgres://till@db/shop?sslmode=disable", LocationError::Plain),
            ("postgres://till@localhost/shop?hostaddr=10.0.0.1&sslmode=disable", LocationError::Plain),
            ("postgres://till@db/shop?sslmode=no", LocationError::SslMode),
            ("postgres:///shop", LocationError::Host),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(matches!(parse("postgres://till@db/shop?shade=x"), Err(LocationError::Malformed(_))));
        assert!(parse("postgres://localhost/s?hostaddr=10.0.0.1").unwrap().uses_tls);
    }
}
