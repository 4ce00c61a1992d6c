//! Callbacks: what the service posts to the merchant's endpoint.

use serde::{Deserialize, Serialize};

use super::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// What a callback is about (documented). There is none for a session that expires.
    CallbackType {
        /// A session was created.
        SessionCreated = "ipp.session.created",
        /// A method was chosen for a session.
        SessionActivated = "ipp.session.activated",
        /// A session was paid.
        SessionFinalized = "ipp.session.finalized",
        /// A session was called off.
        SessionCancelled = "ipp.session.cancelled",
        /// A payment was declined, which need not be the end of its session (inferred).
        PaymentFailed = "ipp.payment.failed",
    }
}

impl CallbackType {
    pub const ALL: [Self; 5] = [
        Self::SessionCreated,
        Self::SessionActivated,
        Self::SessionFinalized,
        Self::SessionCancelled,
        Self::PaymentFailed,
    ];

    /// The type without the prefix that is left out in some of the documents.
    pub fn short(&self) -> &str {
        self.as_str().strip_prefix(PREFIX).unwrap_or(self.as_str())
    }

    /// What has happened, in words.
    pub const fn meaning(&self) -> &'static str {
        match self {
            Self::SessionCreated => "a session was created",
            Self::SessionActivated => "a method was chosen for a session",
            Self::SessionFinalized => "a session was paid",
            Self::SessionCancelled => "a session was called off",
            Self::PaymentFailed => "a payment was declined",
            Self::Other(_) => "",
        }
    }

    /// Finds one of the documented types, with or without the prefix.
    pub fn find(text: &str) -> Option<Self> {
        let short = text.strip_prefix(PREFIX).unwrap_or(text);
        Self::ALL.into_iter().find(|known| known.short() == short)
    }
}

const PREFIX: &str = "ipp.";

/// The body of a callback (documented). It is thin: what became of the session is read from the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Callback {
    /// `kevt_…`; the same when it is sent again.
    #[serde(deserialize_with = "lenient::string")]
    pub id: Option<String>,
    /// Whose session it is.
    #[serde(deserialize_with = "lenient::string")]
    pub merchant_id: Option<String>,
    /// When it happened: RFC 3339 with nanoseconds. A text, because it is sent and shown as it is.
    #[serde(deserialize_with = "lenient::string")]
    pub timestamp: Option<String>,
    /// What happened, as it is spelled in the body.
    #[serde(rename = "type", deserialize_with = "lenient::string")]
    pub kind: Option<String>,
    /// To what it happened.
    #[serde(deserialize_with = "lenient::object")]
    pub data: Option<CallbackData>,
}

/// What a callback tells of its session (documented).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallbackData {
    #[serde(deserialize_with = "lenient::string")]
    pub session_id: Option<String>,
    /// The order, once there is one; else null.
    #[serde(deserialize_with = "lenient::string")]
    pub order_id: Option<String>,
    /// Why a payment failed; else null.
    #[serde(deserialize_with = "lenient::string")]
    pub failure_reason: Option<String>,
}

impl Callback {
    /// What happened, if it is something documented.
    pub fn known_type(&self) -> Option<CallbackType> {
        self.kind.as_deref().and_then(CallbackType::find)
    }

    /// The session it is about.
    pub fn session_id(&self) -> Option<&str> {
        self.data.as_ref()?.session_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_is_known_with_and_without_its_prefix() {
        for known in CallbackType::ALL {
            assert_eq!(CallbackType::find(known.as_str()), Some(known.clone()));
            assert_eq!(CallbackType::find(known.short()), Some(known.clone()));
            assert_eq!(format!("ipp.{}", known.short()), known.as_str());
        }
        assert_eq!(CallbackType::find("session.expired"), None);
        assert_eq!(CallbackType::find("IPP.session.created"), None);
    }

    #[test]
    fn a_body_is_written_as_it_is_documented() {
        let callback = Callback {
            id: Some("kevt_1".into()),
            merchant_id: Some("M1".into()),
            timestamp: Some("2026-11-22T10:00:00.000000001Z".into()),
            kind: Some("ipp.session.created".into()),
            data: Some(CallbackData { session_id: Some("s".into()), ..CallbackData::default() }),
        };
        let text = serde_json::to_string(&callback).unwrap();
        assert_eq!(
            text,
            r#"{"id":"kevt_1","merchant_id":"M1","timestamp":"2026-11-22T10:00:00.000000001Z","type":"ipp.session.created","data":{"session_id":"s","order_id":null,"failure_reason":null}}"#
        );
        assert_eq!(serde_json::from_str::<Callback>(&text).unwrap(), callback);
    }

    #[test]
    fn a_body_that_is_new_or_strange_is_read_as_far_as_it_goes() {
        let read = |value| serde_json::from_value::<Callback>(value).unwrap();
        let strange = read(json!({"id": 7, "type": "session.refunded", "data": [], "more": {}}));
        assert_eq!(
            (strange.id.as_deref(), strange.known_type(), strange.session_id()),
            (Some("7"), None, None)
        );
        let short = read(json!({"type": "payment.failed", "data": {"session_id": "s", "failure_reason": 5}}));
        assert_eq!(short.known_type(), Some(CallbackType::PaymentFailed));
        assert_eq!(short.session_id(), Some("s"));
    }
}
