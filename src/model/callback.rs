use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use super::lenient::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// The event types of callbacks (documented). An expiring session sends none.
    CallbackType {
        SessionCreated = "ipp.session.created",
        SessionActivated = "ipp.session.activated",
        SessionFinalized = "ipp.session.finalized",
        SessionCancelled = "ipp.session.cancelled",
        /// A payment was declined. Its session may stay open (inferred).
        PaymentFailed = "ipp.payment.failed",
        OrderCreated = "order.created",
        CaptureCreated = "capture.created",
        RefundCreated = "refund.created",
        DisputeCreated = "dispute.created",
        DisputeUpdated = "dispute.updated",
    }
}

impl CallbackType {
    /// The type without the `ipp.` prefix, which some of the documents omit.
    pub fn short(&self) -> &str {
        self.as_str().strip_prefix(PREFIX).unwrap_or(self.as_str())
    }

    pub const fn meaning(&self) -> &'static str {
        match self {
            Self::SessionCreated => "a session was created",
            Self::SessionActivated => "a method was chosen for a session",
            Self::SessionFinalized => "a session was paid",
            Self::SessionCancelled => "a session was canceled",
            Self::PaymentFailed => "a payment was declined",
            Self::OrderCreated => "a session that was paid became an order",
            Self::CaptureCreated => "the payment of an order was captured",
            Self::RefundCreated => "an order was refunded",
            Self::DisputeCreated => "a customer disputes an order",
            Self::DisputeUpdated => "a dispute changed",
            Self::Other(_) => "",
        }
    }

    /// Whether it is about an order and has no session ID (documented).
    pub fn is_about_order(&self) -> bool {
        !matches!(self, Self::Other(_)) && !self.as_str().starts_with(PREFIX)
    }

    /// Parses a documented type, with or without the prefix.
    pub fn find(text: &str) -> Option<Self> {
        let short = text.strip_prefix(PREFIX).unwrap_or(text);
        // One place in the documents uses this name.
        if short == "payment.finalized" {
            return Some(Self::SessionFinalized);
        }
        Self::ALL.iter().find(|kind| kind.short() == short).cloned()
    }
}

const PREFIX: &str = "ipp.";

lenient! {
    /// The body of a callback (documented). It carries only IDs; the session itself is read from the API.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Callback {
        /// `kevt_…`, the same for each delivery attempt.
        pub id: Option<String>,
        pub merchant_id: Option<String>,
        /// RFC 3339 with nanoseconds. Kept as text, so that it is forwarded and printed as received.
        pub timestamp: Option<String>,
        /// The type as spelled in the body.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub data: Option<CallbackData>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
    pub struct CallbackData {
        /// Not set if the callback is about an order (documented).
        pub session_id: Option<String>,
        /// Of the callbacks about a session, only `session.finalized` has it (documented).
        pub order_id: Option<String>,
        /// Set for `payment.failed` only (documented).
        pub failure_reason: Option<String>,
        /// Set for `capture.created` only (documented).
        pub capture_id: Option<String>,
        /// Set for `refund.created` only (documented).
        pub refund_id: Option<String>,
    }
}

/// A callback about a session has three fields, some of which are null; one about an order has only what it is about
/// (documented).
impl Serialize for CallbackData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { session_id, order_id, failure_reason, capture_id, refund_id } = self;
        let mut map = serializer.serialize_map(None)?;
        if session_id.is_some() {
            map.serialize_entry("session_id", session_id)?;
            map.serialize_entry("order_id", order_id)?;
            map.serialize_entry("failure_reason", failure_reason)?;
        } else {
            map.serialize_entry("order_id", order_id)?;
        }
        for (name, id) in [("capture_id", capture_id), ("refund_id", refund_id)] {
            if id.is_some() {
                map.serialize_entry(name, id)?;
            }
        }
        map.end()
    }
}

impl Callback {
    /// The type, if it is a documented one.
    pub fn known_type(&self) -> Option<CallbackType> {
        self.kind.as_deref().and_then(CallbackType::find)
    }

    pub fn session_id(&self) -> Option<&str> {
        self.data.as_ref()?.session_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_parses_with_and_without_its_prefix() {
        for kind in CallbackType::ALL {
            assert_eq!(CallbackType::find(kind.as_str()), Some(kind.clone()));
            assert_eq!(CallbackType::find(kind.short()), Some(kind.clone()));
        }
        assert_eq!(CallbackType::find("ipp.payment.finalized"), Some(CallbackType::SessionFinalized));
        assert_eq!(CallbackType::find("session.expired"), None);
        assert_eq!(CallbackType::find("IPP.session.created"), None);
    }

    #[test]
    fn unknown_types_and_wrong_kinds_are_parsed_leniently() {
        let parse = |value| {
            let callback: Callback = serde_json::from_value(value).unwrap();
            (callback.known_type(), callback.session_id().map(str::to_owned))
        };
        assert_eq!(parse(json!({"id": 7, "type": "session.refunded", "data": [], "more": {}})), (None, None));
        let body = json!({"type": "payment.failed", "data": {"session_id": 5, "failure_reason": []}});
        assert_eq!(parse(body), (Some(CallbackType::PaymentFailed), Some("5".to_owned())));
    }
}
