//! Profiles: which account, with which key, in which environment.

mod document;
mod store;

pub(crate) use document::Document;
pub(crate) use store::{Store, StoreError};

use crate::secret::ApiKey;

/// The name of the built-in profile, which runs the emulator inside the process.
pub(crate) const LOCAL: &str = "local";

/// Which service a profile speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    Production,
    Playground,
    /// An emulator on this machine.
    Local,
}

impl Environment {
    pub(crate) const ALL: [Self; 3] = [Self::Production, Self::Playground, Self::Local];

    /// The name in profiles and flags.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Playground => "playground",
            Self::Local => "local",
        }
    }

    /// Finds an environment by its name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == name)
    }

    /// The documented host of the service; an emulator has none.
    pub(crate) const fn host(self) -> Option<&'static str> {
        match self {
            Self::Production => Some("api.kustom.co"),
            Self::Playground => Some("api.playground.kustom.co"),
            Self::Local => None,
        }
    }

    /// The environment that a documented host belongs to.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let host = host.trim_end_matches('.');
        Self::ALL.into_iter().find(|environment| {
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

/// One profile, as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub environment: Environment,
    /// The key, if the profile has one.
    pub key: Option<KeySource>,
    /// The username issued with the key.
    pub username: Option<String>,
    /// The merchant id that belongs to the key.
    pub merchant_id: Option<String>,
    /// The default location: a name or an id.
    pub location: Option<String>,
    /// The default currency, ISO 4217.
    pub currency: Option<String>,
    /// Another host than the environment's: a proxy or an emulator.
    pub base_url: Option<String>,
    /// Whether completions may ask the API with the key; where it says nothing, its environment and its key decide.
    pub completions: Option<bool>,
}

impl Profile {
    /// A profile with nothing but its environment.
    pub(crate) const fn new(environment: Environment) -> Self {
        Self {
            environment,
            key: None,
            username: None,
            merchant_id: None,
            location: None,
            currency: None,
            base_url: None,
            completions: None,
        }
    }
}

/// Why a text is not a profile's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// Characters that would have to be quoted somewhere.
    #[error("'{0}' cannot be a profile's name; use letters, digits, '-' and '_'")]
    Characters(String),
    #[error("'local' is the name of the built-in profile; choose another")]
    BuiltIn,
}

/// Checks the name of a profile that is to be stored.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.starts_with('-') || !name.bytes().all(fits) {
        return Err(NameError::Characters(name.to_owned()));
    }
    if name == LOCAL {
        return Err(NameError::BuiltIn);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_local_is_taken() {
        assert_eq!(check_name("till-7_b"), Ok(()));
        assert_eq!(check_name("local"), Err(NameError::BuiltIn));
        for name in ["", "-x", "a b", "å", "a.b", "a\n"] {
            assert_eq!(check_name(name), Err(NameError::Characters(name.into())));
        }
    }

    #[test]
    fn documented_hosts_tell_their_environment() {
        assert_eq!(Environment::of_host("API.kustom.co."), Some(Environment::Production));
        assert_eq!(Environment::of_host("api.playground.kustom.co"), Some(Environment::Playground));
        assert_eq!(Environment::of_host("localhost"), None);
    }
}
