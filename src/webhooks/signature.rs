//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`.
//!
//! The `standardwebhooks` crate computes the signature. Its `verify` reads the system clock and reports too little to find
//! a mistake by, so the other checks are here.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use subtle::{Choice, ConstantTimeEq as _};

use crate::secret::CallbackSecret;

/// The maximum difference between the sender's clock and this one (observed; Standard Webhooks recommends it).
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The prefix of symmetric signatures. The standard requires that other versions are ignored.
const VERSION: &str = "v1,";

/// The keys of callback secrets. During a rotation there are two.
pub struct SigningKeys(Vec<Webhook>);

impl SigningKeys {
    pub fn new(secrets: &[CallbackSecret]) -> Result<Self, WebhookError> {
        secrets.iter().map(|secret| Webhook::new(secret.expose())).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the three headers of one delivery attempt, with a signature by each key. A retry has the same ID and a new
    /// timestamp.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Result<HeaderMap, WebhookError> {
        let seconds = at.as_second();
        let signatures: Result<Vec<_>, _> =
            self.0.iter().map(|webhook| webhook.sign(id, seconds, body)).collect();
        let values = [
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, seconds.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signatures?.join(" ")),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            let value = HeaderValue::from_str(&value).map_err(|_| WebhookError::InvalidHeader(name))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    /// Checks what can be checked before the body is received.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<(), VerifyError> {
        parse_headers(headers).map(drop)
    }

    /// Checks the headers, then the signature by any of the keys, then the age: the timestamp is meaningless until it is
    /// authenticated. Returns the webhook ID, which is the same for every attempt to deliver the callback.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<String, VerifyError> {
        let (id, sent_at, given) = parse_headers(headers)?;
        if std::str::from_utf8(body).is_err() {
            return Err(VerifyError::Body);
        }
        // Compare every pair, so that the duration does not depend on which of them match.
        let mut matches = Choice::from(0);
        for webhook in &self.0 {
            let expected =
                webhook.sign(id, sent_at.as_second(), body).map_err(|_| VerifyError::WrongSignature)?;
            for signature in &given {
                matches |= signature.as_bytes().ct_eq(expected.as_bytes());
            }
        }
        if !bool::from(matches) {
            return Err(VerifyError::WrongSignature);
        }
        let age = now.duration_since(sent_at);
        if age > TOLERANCE {
            return Err(VerifyError::TooOld(sent_at));
        }
        if age < -TOLERANCE {
            return Err(VerifyError::TooNew(sent_at));
        }
        Ok(id.to_owned())
    }
}

/// Why a delivery is rejected. Its content is untrusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    #[error("the header {name} {problem}")]
    Malformed {
        name: &'static str,
        /// Completes a sentence that begins with the name.
        problem: &'static str,
    },
    #[error("the body is not UTF-8 text")]
    Body,
    #[error(
        "the signature does not match: another secret was used, or the body or a header was changed in transit"
    )]
    WrongSignature,
    #[error("the signature is valid but too old: it was made {}, more than 5 minutes ago", .0)]
    TooOld(Timestamp),
    #[error("the signature is valid but in the future: it was made {}, more than 5 minutes ahead of this clock", .0)]
    TooNew(Timestamp),
}

impl VerifyError {
    /// The value of `reason` in JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader(_) => "missing_header",
            Self::Malformed { .. } | Self::Body => "malformed",
            Self::WrongSignature => "wrong_signature",
            Self::TooOld(_) => "too_old",
            Self::TooNew(_) => "too_new",
        }
    }
}

/// Returns the webhook ID, the timestamp and the signatures of the known version, of which there is at least one.
fn parse_headers(headers: &HeaderMap) -> Result<(&str, Timestamp, Vec<&str>), VerifyError> {
    let id = single_header(headers, HEADER_WEBHOOK_ID)?;
    let sent_at = parse_timestamp(single_header(headers, HEADER_WEBHOOK_TIMESTAMP)?)?;
    let given = single_header(headers, HEADER_WEBHOOK_SIGNATURE)?;
    let is_known = |part: &&str| part.len() > VERSION.len() && part.starts_with(VERSION);
    let known: Vec<&str> = given.split(' ').filter(is_known).collect();
    if known.is_empty() {
        let problem = "contains no signature of the form v1,…";
        return Err(VerifyError::Malformed { name: HEADER_WEBHOOK_SIGNATURE, problem });
    }
    Ok((id, sent_at, known))
}

/// Returns a header that must occur exactly once. An application might use the other of two.
fn single_header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(VerifyError::MissingHeader(name))?;
    let malformed = |problem| VerifyError::Malformed { name, problem };
    if values.next().is_some() {
        return Err(malformed("occurs more than once"));
    }
    match value.to_str() {
        Ok("") => Err(malformed("is empty")),
        Ok(text) => Ok(text),
        Err(_) => Err(malformed("has characters outside ASCII")),
    }
}

/// Accepts only the canonical form of the number, which is what the sender signed.
fn parse_timestamp(text: &str) -> Result<Timestamp, VerifyError> {
    let malformed = VerifyError::Malformed {
        name: HEADER_WEBHOOK_TIMESTAMP,
        problem: "is not a number of seconds since 1970",
    };
    let seconds: i64 = text.parse().map_err(|_| malformed.clone())?;
    if seconds < 0 || seconds.to_string() != text {
        return Err(malformed);
    }
    Timestamp::from_second(seconds).map_err(|_| malformed)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
