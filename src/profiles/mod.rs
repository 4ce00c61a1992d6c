//! Profiles: an account with its environment and its key.

mod document;
mod store;

pub(crate) use document::Document;
pub(crate) use store::{Store, StoreError};

use serde::Deserialize;

use crate::secret::ApiKey;

/// The name of the built-in profile, which runs the emulator inside the process.
pub(crate) const LOCAL: &str = "local";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Environment {
    Production,
    Playground,
    #[default]
    Local,
}

impl Environment {
    /// The name in profiles and flags.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Playground => "playground",
            Self::Local => "local",
        }
    }

    /// The documented host; an emulator has none.
    pub(crate) const fn host(self) -> Option<&'static str> {
        match self {
            Self::Production => Some("api.kustom.co"),
            Self::Playground => Some("api.playground.kustom.co"),
            Self::Local => None,
        }
    }

    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let host = host.trim_end_matches('.');
        [Self::Production, Self::Playground].into_iter().find(|environment| {
            environment.host().is_some_and(|documented| documented.eq_ignore_ascii_case(host))
        })
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Where a profile's key comes from.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// The key itself, in the file.
    Stored(ApiKey),
    /// A command whose output is the key.
    Command(String),
}

/// What `sessions create` does if the device has an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IfBusy {
    /// Print a warning and create the session
    Warn,
    /// Create nothing: exit 9
    Fail,
    /// Wait until the open session has ended, at most for --timeout
    Wait,
    /// Cancel the open session; if it was paid first, create nothing: exit 9
    Cancel,
}

impl IfBusy {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Wait => "wait",
            Self::Cancel => "cancel",
        }
    }
}

/// A profile as it is stored in the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(expecting = "a table")]
pub(crate) struct Profile {
    pub environment: Environment,
    pub api_key: Option<ApiKey>,
    /// Never set together with `api_key`.
    pub api_key_command: Option<String>,
    /// The username issued with the key.
    pub username: Option<String>,
    /// The merchant ID that belongs to the key.
    pub merchant_id: Option<String>,
    /// The default location: a name or an ID.
    pub location: Option<String>,
    /// The default device: a name or an ID.
    pub device: Option<String>,
    /// The default currency, ISO 4217.
    pub currency: Option<String>,
    /// What `sessions create` does if the device has an open session.
    pub if_busy: Option<IfBusy>,
    /// Replaces the host of the environment, for a proxy or an emulator.
    pub base_url: Option<String>,
    /// A host of a private network, to which plain HTTP is allowed; only for emulators.
    pub allow_http: Option<String>,
    /// A PostgreSQL database that several machines share as their ledger.
    pub ledger: Option<String>,
    /// A command whose output is the password of that database.
    pub ledger_command: Option<String>,
    /// Whether completions may call the API with the key. The default depends on the environment and the key.
    pub completions: Option<bool>,
}

impl Profile {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment, ..Self::default() }
    }

    pub(crate) fn key(&self) -> Option<KeySource> {
        let stored = self.api_key.clone().map(KeySource::Stored);
        stored.or_else(|| self.api_key_command.clone().map(KeySource::Command))
    }

    pub(crate) fn set_key(&mut self, key: KeySource) {
        (self.api_key, self.api_key_command) = match key {
            KeySource::Stored(key) => (Some(key), None),
            KeySource::Command(command) => (None, Some(command)),
        };
    }
}

/// Accepts only names that need no quotes in a shell or in TOML.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name == LOCAL {
        Err("'local' is the name of the built-in profile; choose another".to_owned())
    } else if name.is_empty() || name.starts_with('-') || !name.bytes().all(is_allowed) {
        Err(format!("'{name}' cannot be a profile's name; use letters, digits, '-' and '_'"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_local_is_taken() {
        assert_eq!(check_name("till-7_b"), Ok(()));
        for name in ["local", "", "-x", "a b", "å", "a.b", "a\n"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn documented_hosts_have_an_environment() {
        assert_eq!(Environment::of_host("API.kustom.co."), Some(Environment::Production));
        assert_eq!(Environment::of_host("api.playground.kustom.co"), Some(Environment::Playground));
        assert_eq!(Environment::of_host("localhost"), None);
    }
}
