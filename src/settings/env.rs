//! The environment variables of kustom.

use std::path::PathBuf;

use crate::error::Error;
use crate::secret::{Secret, register};

/// An empty variable counts as not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnvVars {
    pub profile: Option<String>,
    pub api_key: Option<Secret>,
    pub username: Option<String>,
    pub merchant_id: Option<String>,
    pub base_url: Option<String>,
    /// A host of a private network, to which plain HTTP is allowed.
    pub allow_http: Option<String>,
    pub ledger: Option<String>,
    /// `PGPASSWORD`, as PostgreSQL's own programs read it.
    pub ledger_password: Option<Secret>,
    /// `PGPASSFILE`.
    pub ledger_password_file: Option<PathBuf>,
    /// For an emulator that others can reach.
    pub emulator_token: Option<Secret>,
    pub output: Option<String>,
    /// The command of the pager.
    pub pager: Option<String>,
    /// The profiles file.
    pub config: Option<PathBuf>,
    /// The directory of files that are kept between commands.
    pub state: Option<PathBuf>,
}

impl EnvVars {
    pub(crate) fn from_env() -> Result<Self, Error> {
        Ok(Self {
            profile: text("KUSTOM_PROFILE")?,
            api_key: secret("KUSTOM_API_KEY")?,
            username: text("KUSTOM_USERNAME")?,
            merchant_id: text("KUSTOM_MERCHANT_ID")?,
            base_url: text("KUSTOM_BASE_URL")?,
            allow_http: text("KUSTOM_ALLOW_HTTP")?,
            ledger: text("KUSTOM_LEDGER")?,
            ledger_password: text("PGPASSWORD")?.map(Secret::new),
            ledger_password_file: path("PGPASSFILE"),
            emulator_token: text("KUSTOM_EMULATOR_TOKEN")?.map(Secret::new),
            output: text("KUSTOM_OUTPUT")?,
            pager: text("KUSTOM_PAGER")?,
            config: path("KUSTOM_CONFIG"),
            state: path("KUSTOM_STATE"),
        })
    }
}

fn text(name: &str) -> Result<Option<String>, Error> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Error::usage(format!("{name} is not UTF-8 text"))),
    }
}

fn secret(name: &str) -> Result<Option<Secret>, Error> {
    let secret = text(name)?;
    Ok(secret.map(|secret| {
        register(&secret);
        Secret::new(secret)
    }))
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
