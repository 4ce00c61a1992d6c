//! API keys and callback secrets.
//!
//! [`Secret`] has no `Display`, and its `Debug` is redacted, so that a key cannot reach an error, a log line or a panic
//! by accident. Every use of the characters goes through [`Secret::expose`], which is easy to search for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

mod redaction;
mod spellings;

use crate::text::trim_text;

pub use redaction::{REDACTED, redact, redact_body, redact_fields, redact_value, register};

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
    /// What surrounds the key would be sent as a part of it.
    #[error("there are other characters before or after the key (kco_…); give the key alone")]
    Surrounded,
}

/// The prefixes of keys (documented: `kco_<live|test>_api_<random>`).
const LIVE_PREFIX: &str = "kco_live_";
const TEST_PREFIX: &str = "kco_test_";

impl ApiKey {
    /// Removes what files and shells leave around a key: white space, a byte order mark, quotation marks and `NAME=`. From
    /// now on, the key is redacted in everything that is printed.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = unwrap_secret(text, |rest| rest.starts_with(LIVE_PREFIX) || rest.starts_with(TEST_PREFIX));
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Characters);
        }
        register(text);
        let prefix = [LIVE_PREFIX, TEST_PREFIX].iter().filter_map(|prefix| text.find(prefix)).min();
        if prefix.is_some_and(|start| start > 0 || text.contains(QUOTES)) {
            return Err(KeyError::Surrounded);
        }
        Ok(Self(Secret::new(text)))
    }

    /// Finds the prefix wherever it stands, also in the base64 of a username and a key.
    pub fn kind(&self) -> KeyKind {
        let decoded = STANDARD.decode(self.expose()).unwrap_or_default();
        let (text, decoded) = (self.expose().to_ascii_lowercase(), String::from_utf8_lossy(&decoded));
        let contains = |prefix| text.contains(prefix) || decoded.contains(prefix);
        if contains(LIVE_PREFIX) {
            KeyKind::Live
        } else if contains(TEST_PREFIX) {
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

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Removes white space, a byte order mark, a pair of quotation marks, and `NAME=` or `export NAME=` if what follows it is a
/// secret, as in an env file.
fn unwrap_secret(text: &str, is_secret: impl Fn(&str) -> bool) -> &str {
    let text = unquote(trim_text(text));
    let Some((name, value)) = text.split_once('=') else { return text };
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name);
    let value = unquote(trim_text(value));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name && is_secret(value) { value } else { text }
}

fn unquote(text: &str) -> &str {
    let inner = QUOTES.iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.map_or(text, trim_text)
}

/// The prefix of callback secrets (observed, and the rule of Standard Webhooks).
pub const CALLBACK_SECRET_PREFIX: &str = "whsec_";

/// The version that some portals and libraries write before a secret.
const SECRET_VERSION: &str = "v1,";

/// Fewer bytes are rather a word than a secret without a prefix. Standard Webhooks requires 24.
const MIN_SECRET_BYTES: usize = 16;

/// The secret that signs callbacks.
#[derive(Debug, Clone)]
pub struct CallbackSecret {
    /// Of the form `whsec_…`.
    secret: Secret,
    bytes: usize,
    is_canonical: bool,
}

/// Never repeats the text, which may be another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackSecretError {
    #[error("it is empty")]
    Empty,
    #[error("it is an API key (kco_…), not a callback secret (whsec_…)")]
    ApiKey,
    #[error("it does not begin with whsec_, and is no base64 of at least 16 bytes without that prefix")]
    Prefix,
    #[error("what follows whsec_ is not base64")]
    Encoding,
}

impl CallbackSecret {
    /// Parses `whsec_` followed by base64. Also accepts the secret without its prefix, in quotation marks, after `v1,` or
    /// `NAME=`, and base64 without padding.
    pub fn parse(text: &str) -> Result<Self, CallbackSecretError> {
        let canonical = text.trim();
        let is_secret = |text: &str| {
            text.strip_prefix(SECRET_VERSION).unwrap_or(text).starts_with(CALLBACK_SECRET_PREFIX)
        };
        let text = unwrap_secret(text, is_secret);
        if text.is_empty() {
            return Err(CallbackSecretError::Empty);
        }
        if text.contains(LIVE_PREFIX) || text.contains(TEST_PREFIX) {
            return Err(CallbackSecretError::ApiKey);
        }
        let text = text.strip_prefix(SECRET_VERSION).unwrap_or(text);
        let (encoded, has_prefix) = match text.strip_prefix(CALLBACK_SECRET_PREFIX) {
            Some(encoded) => (encoded, true),
            None => (text, false),
        };
        let key = STANDARD_NO_PAD.decode(encoded.trim_end_matches('='));
        let key = match key {
            Ok(key) if has_prefix && !key.is_empty() || key.len() >= MIN_SECRET_BYTES => key,
            _ if has_prefix => return Err(CallbackSecretError::Encoding),
            _ => return Err(CallbackSecretError::Prefix),
        };
        let secret = format!("{CALLBACK_SECRET_PREFIX}{}", STANDARD.encode(&key));
        register(text);
        register(&secret);
        Ok(Self { is_canonical: secret == canonical, bytes: key.len(), secret: Secret::new(secret) })
    }

    /// How the text was read, if it was not exactly of the form `whsec_…`.
    pub fn interpretation(&self) -> Option<String> {
        (!self.is_canonical).then(|| format!("a secret of {} bytes, without what surrounds it", self.bytes))
    }

    /// See [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.secret.expose()
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
}
