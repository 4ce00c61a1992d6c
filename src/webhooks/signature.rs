//! Signatures by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
//!
//! What is signed, and how, is the published crate's business. Its own check of a delivery reads the system's clock and
//! does not say enough for a person to find a mistake, so the checks around the signature are here.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use subtle::{Choice, ConstantTimeEq as _};

use crate::secret::CallbackSecret;

/// How far the sender's clock may be from this one (observed, and the custom of Standard Webhooks).
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The version of symmetric signatures. Others are passed over, as the standard asks.
const VERSION: &str = "v1,";

/// Signs what is sent.
pub struct Signer(Vec<Webhook>);

/// What cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The secret is none.
    #[error("the secret cannot be used")]
    Secret,
    /// The body is not text.
    #[error("the body is not UTF-8")]
    Body,
    /// The id would not get through as a header.
    #[error("the id cannot be sent in a header")]
    Id,
}

impl From<WebhookError> for SignError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::InvalidPayload => Self::Body,
            _ => Self::Secret,
        }
    }
}

fn webhooks(secrets: &[CallbackSecret]) -> Result<Vec<Webhook>, SignError> {
    secrets.iter().map(|secret| Ok(Webhook::new(secret.expose())?)).collect()
}

impl Signer {
    /// Signs with these secrets: with two, while one takes the place of the other, there are two signatures.
    pub fn new(secrets: &[CallbackSecret]) -> Result<Self, SignError> {
        webhooks(secrets).map(Self)
    }

    /// The three headers of one attempt to deliver. The id stays the same when it is sent again, the time does not.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Result<HeaderMap, SignError> {
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
            let value = HeaderValue::from_str(&value).map_err(|_| SignError::Id)?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

/// A delivery that comes from whoever has the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it is known by, however often it is sent.
    pub id: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Why a delivery is not accepted. What it holds may come from anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is not there.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A header is there and cannot be read.
    #[error("the header {name} {problem}")]
    Malformed {
        name: &'static str,
        /// What is wrong with it, as the end of a sentence.
        problem: &'static str,
    },
    /// The body cannot have been signed.
    #[error("the body is not UTF-8 text")]
    Body,
    /// No signature is one by a known secret.
    #[error("the signature is wrong: another secret, or the body or a header was changed on the way")]
    WrongSignature,
    /// The signature is right, but it was sent too long ago.
    #[error("it is too old: signed {}, which is more than 5 minutes ago; its signature is right", .0)]
    TooOld(Timestamp),
    /// The signature is right, but it was sent in the future.
    #[error("it is too new: signed {}, which is more than 5 minutes ahead of this clock; its signature is right", .0)]
    TooNew(Timestamp),
}

impl VerifyError {
    /// A word for scripts.
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

/// Verifies what is received.
pub struct Verifier(Vec<Webhook>);

impl Verifier {
    /// Accepts what is signed with any of these secrets.
    pub fn new(secrets: &[CallbackSecret]) -> Result<Self, SignError> {
        webhooks(secrets).map(Self)
    }

    /// Checks one delivery: the headers, then the signature, then the time. A time tells nothing as long as it is not
    /// known who wrote it.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, VerifyError> {
        let id = single_header(headers, HEADER_WEBHOOK_ID)?;
        let sent_at = timestamp(single_header(headers, HEADER_WEBHOOK_TIMESTAMP)?)?;
        let given = single_header(headers, HEADER_WEBHOOK_SIGNATURE)?;
        if std::str::from_utf8(body).is_err() {
            return Err(VerifyError::Body);
        }
        let given: Vec<&str> =
            given.split(' ').filter(|part| part.len() > VERSION.len() && part.starts_with(VERSION)).collect();
        if given.is_empty() {
            let problem = "holds no signature of the form v1,…";
            return Err(VerifyError::Malformed { name: HEADER_WEBHOOK_SIGNATURE, problem });
        }
        // Every secret is compared with every signature, so that the time it takes tells nothing.
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
        Ok(Verified { id: id.to_owned(), sent_at })
    }
}

/// A header that must be there exactly once: of two, an application might believe the other.
fn single_header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(VerifyError::MissingHeader(name))?;
    let malformed = |problem| VerifyError::Malformed { name, problem };
    if values.next().is_some() {
        return Err(malformed("is there more than once"));
    }
    match value.to_str() {
        Ok("") => Err(malformed("is empty")),
        Ok(text) => Ok(text),
        Err(_) => Err(malformed("has characters outside ASCII")),
    }
}

/// Seconds since 1970, written in the one way that is signed.
fn timestamp(text: &str) -> Result<Timestamp, VerifyError> {
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
