//! Secrets that cannot be printed.
//!
//! [`Secret`] has no `Display` and a `Debug` that shows nothing, so that a key cannot reach an error, a log
//! line or a panic by accident. Whoever needs the characters says so with [`Secret::expose`], which is easy
//! to search for.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

/// What is written where a secret would have stood.
pub const REDACTED: &str = "[redacted]";

/// A string that is wiped from memory when dropped and that no formatting shows.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the characters in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The characters themselves: for a request's header or the profile store, never for a person.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(REDACTED)
    }
}

/// An API key.
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
    ///
    /// # Errors
    /// [`KeyError`] when nothing is left or when it holds anything but printable ASCII.
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
    #[must_use]
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
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.kind() {
            KeyKind::Live => "a kco_live_… key",
            KeyKind::Test => "a kco_test_… key",
            KeyKind::Unmarked => "a key without a kco_ prefix",
        }
    }

    /// The characters themselves; see [`Secret::expose`].
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A text in which everything that looks like a key, as somebody may have typed or pasted one in the wrong place, is
/// cut down to its documented prefix.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    const PREFIXES: [&str; 2] = ["kco_live_", "kco_test_"];
    let next = |text: &str| PREFIXES.iter().filter_map(|prefix| text.find(prefix)).min();
    let Some(mut at) = next(text) else { return Cow::Borrowed(text) };
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        let (before, key) = rest.split_at(at + PREFIXES[0].len());
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
            without_keys("argument 'kco_test_api_a/b+c' and kco_live_x, found"),
            "argument 'kco_test_[redacted]' and kco_live_[redacted] found"
        );
        assert_eq!(without_keys("a kco_test_… key"), "a kco_test_… key");
        assert_eq!(without_keys("nothing"), "nothing");
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
