//! Forwards deliveries to an application, and returns its responses.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::response::problem;
use crate::callback_poster::{CallbackEndpoint, DeliveryError};

/// Headers that apply to a single connection.
const HOP_BY_HOP_HEADERS: [HeaderName; 11] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Marks a delivery that the application may have received before.
const REPEATED_HEADER: HeaderName = HeaderName::from_static("kustom-repeated");

/// The result of forwarding a delivery.
pub(crate) struct Forwarded {
    /// For the sender.
    pub(crate) response: Response,
    /// Why the application did not acknowledge the delivery.
    pub(crate) failure: Option<String>,
    /// The body of the application's response, if there was one.
    pub(crate) body: Option<Vec<u8>>,
    /// Whether the application may have received the delivery although it did not respond.
    pub(crate) is_lost: bool,
}

/// Forwards a delivery as received, with these headers added.
pub(crate) async fn forward(
    to: &CallbackEndpoint,
    headers: &HeaderMap,
    added: &HeaderMap,
    is_repeat: bool,
    body: &[u8],
) -> Forwarded {
    let mut headers = strip_hop_by_hop(headers);
    for (name, value) in added {
        headers.insert(name.clone(), value.clone());
    }
    headers.remove(REPEATED_HEADER);
    if is_repeat {
        headers.insert(REPEATED_HEADER, HeaderValue::from_static("true"));
    }
    match to.post(headers, body.to_owned()).await {
        Ok(received) => {
            let status = received.status();
            let failure =
                (!status.is_success()).then(|| format!("the application responded with {}", status.as_u16()));
            let mut headers = strip_hop_by_hop(received.headers());
            headers.remove(DATE);
            let body = received.into_body();
            let response = (status, headers, Body::from(body.clone())).into_response();
            Forwarded { response, failure, body: Some(body), is_lost: false }
        }
        Err(error) => {
            let status = match error {
                DeliveryError::NotSent(_) => StatusCode::BAD_GATEWAY,
                DeliveryError::Lost(_) => StatusCode::GATEWAY_TIMEOUT,
            };
            let is_lost = matches!(error, DeliveryError::Lost(_));
            let response = problem(status, "The application did not respond.");
            Forwarded { response, failure: Some(error.reason()), body: None, is_lost }
        }
    }
}

fn strip_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    let listed: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let is_kept = |name: &HeaderName| {
        !HOP_BY_HOP_HEADERS.contains(name) && !listed.iter().any(|other| other == name.as_str())
    };
    let kept = headers.iter().filter(|(name, _)| is_kept(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_are_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "a"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("content-length", "2"),
            ("transfer-encoding", "chunked"),
            ("webhook-id", "kevt_1"),
            ("x-two", "1"),
            ("x-two", "2"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let kept = strip_hop_by_hop(&headers);
        let kept: Vec<_> =
            kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(kept, [("webhook-id", "kevt_1"), ("x-two", "1"), ("x-two", "2")]);
    }
}
