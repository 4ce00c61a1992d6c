//! Secrets that cannot be printed.
//!
//! [`Secret`] has no `Display` and a `Debug` that shows nothing, so that a key cannot reach an error, a log
//! line or a panic by accident. Whoever needs the characters says so with [`Secret::expose`], which is easy
//! to search for.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// What is written where a secret would have stood.
pub const REDACTED: &str = "[redacted]";

/// A secret shorter than this is not looked for in other texts: it could be a part of any word.
pub const MIN_REDACT_LEN: usize = 8;

/// A string that is wiped from memory when dropped and that no formatting shows.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the characters in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The characters themselves: for a request's header or the profile store, never for a person.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(REDACTED)
    }
}

#[derive(Debug, Clone)]
pub struct ApiKey(Secret);

/// Which environment a key says it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `kco_live_…`: production (documented).
    Live,
    /// `kco_test_…`: playground (documented).
    Test,
    /// An older shared secret, which does not tell (observed).
    Unmarked,
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but white space.
    #[error("the key is empty")]
    Empty,
    /// White space or control characters inside, or characters that no HTTP header can carry.
    #[error("the key contains white space, a control character or a character outside ASCII")]
    Characters,
}

impl ApiKey {
    /// Checks that the text can be a key: a line break at its end is dropped, anything else that a header
    /// could not carry is an error.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Characters);
        }
        Ok(Self(Secret::new(text)))
    }

    /// What the key's prefix says (documented: `kco_<live|test>_api_<random>`).
    pub fn kind(&self) -> KeyKind {
        if self.expose().starts_with("kco_live_") {
            KeyKind::Live
        } else if self.expose().starts_with("kco_test_") {
            KeyKind::Test
        } else {
            KeyKind::Unmarked
        }
    }

    /// A description that is safe to show: the documented prefix, if there is one, and nothing of the rest.
    pub fn describe(&self) -> &'static str {
        match self.kind() {
            KeyKind::Live => "a kco_live_… key",
            KeyKind::Test => "a kco_test_… key",
            KeyKind::Unmarked => "a key without a kco_ prefix",
        }
    }

    /// The characters themselves; see [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What a secret for callbacks begins with (observed, and the rule of Standard Webhooks).
pub const CALLBACK_SECRET_PREFIX: &str = "whsec_";

/// A secret that callbacks are signed with.
#[derive(Debug, Clone)]
pub struct CallbackSecret(Secret);

/// Why a text is not a secret for callbacks. No variant repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackSecretError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// It may be a key, or anything else that is a secret somewhere.
    #[error("it does not begin with whsec_")]
    Prefix,
    /// What follows the prefix is no base64, or nothing.
    #[error("what follows whsec_ is not base64")]
    Encoding,
}

impl CallbackSecret {
    /// Checks that the text is `whsec_` and base64; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, CallbackSecretError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CallbackSecretError::Empty);
        }
        let encoded = text.strip_prefix(CALLBACK_SECRET_PREFIX).ok_or(CallbackSecretError::Prefix)?;
        match STANDARD.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Self(Secret::new(text))),
            _ => Err(CallbackSecretError::Encoding),
        }
    }

    /// The characters themselves; see [`Secret::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A text in which everything that looks like a key or a secret for callbacks, as somebody may have typed or pasted
/// one in the wrong place, is cut down to its documented prefix.
pub fn redact_secrets(text: &str) -> Cow<'_, str> {
    const PREFIXES: [&str; 3] = ["kco_live_", "kco_test_", CALLBACK_SECRET_PREFIX];
    // Where the next prefix ends.
    let next = |text: &str| {
        let found = PREFIXES.iter().filter_map(|prefix| text.find(prefix).map(|at| (at, at + prefix.len())));
        found.min().map(|(_, end)| end)
    };
    let Some(mut at) = next(text) else { return Cow::Borrowed(text) };
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        let (before, key) = rest.split_at(at);
        clean.push_str(before);
        let end = key.find(|character: char| !character.is_ascii_graphic() || "'\"`<>".contains(character));
        let (key, after) = key.split_at(end.unwrap_or(key.len()));
        if !key.is_empty() {
            clean.push_str(REDACTED);
        }
        rest = after;
        match next(rest) {
            Some(found) => at = found,
            None => break,
        }
    }
    clean.push_str(rest);
    Cow::Owned(clean)
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
    fn a_key_in_the_wrong_place_is_cut_down_to_its_prefix() {
        assert_eq!(
            redact_secrets("argument 'kco_test_api_a/b+c' and kco_live_x, found"),
            "argument 'kco_test_[redacted]' and kco_live_[redacted] found"
        );
        assert_eq!(redact_secrets("a kco_test_… key"), "a kco_test_… key");
        assert_eq!(
            redact_secrets("cannot read whsec_MfKQ9r8G+/A=: kco_live_y"),
            "cannot read whsec_[redacted] kco_live_[redacted]"
        );
        assert_eq!(redact_secrets("nothing"), "nothing");
    }

    #[test]
    fn a_secret_for_callbacks_is_whsec_and_base64() {
        let secret = CallbackSecret::parse(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n").unwrap();
        assert_eq!(secret.expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{secret:?}"), "CallbackSecret([redacted])");
        let error = |text| CallbackSecret::parse(text).unwrap_err();
        assert_eq!(error(" \n"), CallbackSecretError::Empty);
        assert_eq!(error("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), CallbackSecretError::Prefix);
        assert_eq!(error("kco_test_api_x"), CallbackSecretError::Prefix);
        assert_eq!(error("whsec_"), CallbackSecretError::Encoding);
        assert_eq!(error("whsec_not base64"), CallbackSecretError::Encoding);
        assert_eq!(error("whsec_MfKQ\nwhsec_MfKQ"), CallbackSecretError::Encoding, "one secret a file");
    }

    #[test]
    fn the_prefix_tells_the_environment() {
        let kind = |text| ApiKey::parse(text).map(|key| key.kind());
        assert_eq!(kind("kco_live_api_x"), Ok(KeyKind::Live));
        assert_eq!(kind("kco_test_api_x"), Ok(KeyKind::Test));
        assert_eq!(kind("shared-secret"), Ok(KeyKind::Unmarked));
        assert_eq!(kind(" \n"), Err(KeyError::Empty));
        assert_eq!(kind("kco test"), Err(KeyError::Characters));
        assert_eq!(kind("kco_tést"), Err(KeyError::Characters));
    }
}
