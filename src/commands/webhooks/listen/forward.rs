//! Passing a delivery on to an application, and its answer back.

use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, StatusCode};

use super::server::DeliveryResponse;

use crate::callback_poster::{CallbackEndpoint, DeliveryError};

/// Headers that are about one connection, and not about what it carries.
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

/// Passes a delivery on as it came, and gives what it is answered with and, where the application did not
/// acknowledge it, why not.
pub(super) async fn forward(
    to: &CallbackEndpoint,
    headers: &HeaderMap,
    body: &[u8],
) -> (DeliveryResponse, Option<String>) {
    match to.post(strip_hop_by_hop(headers), body.to_owned()).await {
        Ok(answer) => {
            let status = answer.status();
            let why = (!status.is_success()).then(|| format!("the application answered {}", status.as_u16()));
            let mut headers = strip_hop_by_hop(answer.headers());
            headers.remove(DATE);
            (DeliveryResponse { status, headers, body: answer.into_body() }, why)
        }
        Err(error) => {
            let status = match error {
                DeliveryError::NotSent(_) => StatusCode::BAD_GATEWAY,
                DeliveryError::Lost(_) => StatusCode::GATEWAY_TIMEOUT,
            };
            let why = error.reason();
            (DeliveryResponse::problem(status, "The application did not answer."), Some(why))
        }
    }
}

fn strip_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        if !HOP_BY_HOP_HEADERS.contains(name) && !named.iter().any(|named| named == name.as_str()) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_connection_stays_behind() {
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
