//! API keys and callback secrets.
//!
//! [`Secret`] has no `Display`, and its `Debug` is redacted, so that a key cannot reach an error, a log line or a panic
//! by accident. Every use of the characters goes through [`Secret::expose`], which is easy to search for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

mod redaction;
mod spellings;

pub use redaction::{REDACTED, redact, redact_body, redact_fields, register};

/// API key of the emulator's built-in account. Only emulators accept it, so it is not a secret.
pub const EMULATOR_KEY: &str = "kco_test_api_emulator";

/// A string that is wiped from memory when dropped and never formatted.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The characters, for a request header or the profiles file. Never print them.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(REDACTED)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ApiKey(Secret);

/// The environment that a key's prefix shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `kco_live_…`: production (documented).
    Live,
    /// `kco_test_…`: playground (documented).
    Test,
    /// An older shared secret without a prefix (observed).
    Unmarked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key is empty")]
    Empty,
    /// Characters that an HTTP header cannot carry.
    #[error("the key contains white space, a control character or a character outside ASCII")]
    Characters,
}

impl ApiKey {
    /// Trims the text, so that a key read from a file may end with a line break. From now on, the key is redacted in
    /// everything that is printed.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Characters);
        }
        register(text);
        Ok(Self(Secret::new(text)))
    }

    /// Reads the prefix (documented: `kco_<live|test>_api_<random>`).
    pub fn kind(&self) -> KeyKind {
        if self.expose().starts_with("kco_live_") {
            KeyKind::Live
        } else if self.expose().starts_with("kco_test_") {
            KeyKind::Test
        } else {
            KeyKind::Unmarked
        }
    }

    /// A description that is safe to print: at most the documented prefix.
    pub fn describe(&self) -> &'static str {
        match self.kind() {
            KeyKind::Live => "a kco_live_… key",
            KeyKind::Test => "a kco_test_… key",
            KeyKind::Unmarked => "a key without a kco_ prefix",
        }
    }

    /// See [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for ApiKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::parse(&text)
    }
}

/// The prefix of callback secrets (observed, and the rule of Standard Webhooks).
pub const CALLBACK_SECRET_PREFIX: &str = "whsec_";

/// The secret that signs callbacks.
#[derive(Debug, Clone)]
pub struct CallbackSecret(Secret);

/// Never repeats the text, which may be another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackSecretError {
    #[error("it is empty")]
    Empty,
    #[error("it does not begin with whsec_")]
    Prefix,
    #[error("what follows whsec_ is not base64")]
    Encoding,
}

impl CallbackSecret {
    /// Parses `whsec_` followed by base64, with whitespace around it trimmed.
    pub fn parse(text: &str) -> Result<Self, CallbackSecretError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CallbackSecretError::Empty);
        }
        let encoded = text.strip_prefix(CALLBACK_SECRET_PREFIX).ok_or(CallbackSecretError::Prefix)?;
        match STANDARD.decode(encoded) {
            Ok(key) if !key.is_empty() => {
                register(text);
                Ok(Self(Secret::new(text)))
            }
            _ => Err(CallbackSecretError::Encoding),
        }
    }

    /// See [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_formatting_shows_a_secret() {
        let key = ApiKey::parse("kco_test_api_abcdef\n").unwrap();
        assert_eq!(format!("{key:?} {:?}", Secret::new("abcdef")), "ApiKey([redacted]) [redacted]");
        assert_eq!(key.expose(), "kco_test_api_abcdef");
    }

    #[test]
    fn a_callback_secret_is_whsec_and_base64() {
        let secret = CallbackSecret::parse(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n").unwrap();
        assert_eq!(secret.expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{secret:?}"), "CallbackSecret([redacted])");
        for (text, error) in [
            (" \n", CallbackSecretError::Empty),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", CallbackSecretError::Prefix),
            ("kco_test_api_x", CallbackSecretError::Prefix),
            ("whsec_", CallbackSecretError::Encoding),
            ("whsec_not base64", CallbackSecretError::Encoding),
            ("whsec_MfKQ\nwhsec_MfKQ", CallbackSecretError::Encoding),
        ] {
            assert_eq!(CallbackSecret::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn the_prefix_of_a_key_shows_its_environment() {
        for (text, kind) in [
            ("kco_live_api_x", Ok(KeyKind::Live)),
            ("kco_test_api_x", Ok(KeyKind::Test)),
            ("shared-secret", Ok(KeyKind::Unmarked)),
            (" \n", Err(KeyError::Empty)),
            ("kco test", Err(KeyError::Characters)),
            ("kco_tést", Err(KeyError::Characters)),
        ] {
            assert_eq!(ApiKey::parse(text).map(|key| key.kind()), kind, "{text}");
        }
    }
}
