//! The environment variables of kustom, read once.

use std::path::PathBuf;

use crate::error::Error;
use crate::secret::Secret;

/// What stands in the environment; an empty variable counts as not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnvVars {
    /// `KUSTOM_PROFILE`: the profile to use.
    pub profile: Option<String>,
    /// `KUSTOM_API_KEY`: the API key.
    pub api_key: Option<Secret>,
    /// `KUSTOM_USERNAME`: the username issued with the key.
    pub username: Option<String>,
    /// `KUSTOM_MERCHANT_ID`: the merchant id.
    pub merchant_id: Option<String>,
    /// `KUSTOM_BASE_URL`: another host than the environment's.
    pub base_url: Option<String>,
    /// `KUSTOM_OUTPUT`: the format of data.
    pub output: Option<String>,
    /// `KUSTOM_CONFIG`: the profiles file.
    pub config: Option<PathBuf>,
    /// `KUSTOM_STATE`: the folder of what kustom remembers between commands.
    pub state: Option<PathBuf>,
}

impl EnvVars {
    /// Reads this process's environment.
    pub(crate) fn from_env() -> Result<Self, Error> {
        Ok(Self {
            profile: text("KUSTOM_PROFILE")?,
            api_key: text("KUSTOM_API_KEY")?.map(Secret::new),
            username: text("KUSTOM_USERNAME")?,
            merchant_id: text("KUSTOM_MERCHANT_ID")?,
            base_url: text("KUSTOM_BASE_URL")?,
            output: text("KUSTOM_OUTPUT")?,
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

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
