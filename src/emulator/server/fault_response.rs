//! Responses with a fault injected.

use std::io;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};

use super::Effect;
use crate::emulator::request_log::RequestOutcome;
use crate::emulator::state::Rejection;

/// The response is `None` if the request was not processed; the result has none if the connection must be closed.
pub(super) async fn apply(
    effect: Option<Effect>,
    response: Option<Response>,
) -> (Option<Response>, RequestOutcome) {
    match (effect, response) {
        (Some(Effect::Status { status, retry_after }), _) => {
            (Some(injected_error(status, retry_after)), RequestOutcome::Answered)
        }
        // Without a body, the head would be the complete response, so it is not sent.
        (Some(Effect::DropAfterHeaders), Some(response))
            if response.body().size_hint().exact() == Some(0) =>
        {
            (None, RequestOutcome::Dropped)
        }
        (Some(Effect::DropAfterHeaders), Some(response)) => truncate(response, |_| 0).await,
        (Some(Effect::Truncate), Some(response)) => truncate(response, |length| length / 2).await,
        (None, Some(response)) => (Some(response), RequestOutcome::Answered),
        (Some(Effect::Drop | Effect::DropAfterHeaders | Effect::Truncate) | None, _) => {
            (None, RequestOutcome::Dropped)
        }
    }
}

fn injected_error(status: StatusCode, retry_after: Option<u32>) -> Response {
    let detail = "This is a fault that the emulator injected. The request was not processed.";
    let mut response = Rejection::new(status, detail).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Sends only part of the body, although the header announces all of it. An empty body cannot be truncated.
async fn truncate(
    response: Response,
    keep: impl FnOnce(usize) -> usize,
) -> (Option<Response>, RequestOutcome) {
    let (mut head, body) = response.into_parts();
    // The body is in memory, so reading it cannot fail.
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.is_empty() {
        return (Some(Response::from_parts(head, Body::empty())), RequestOutcome::Answered);
    }
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    body.truncate(keep(body.len()));
    let chunks = stream::unfold(Some(body), async |rest| match rest {
        Some(body) if !body.is_empty() => Some((Ok(body), Some(Bytes::new()))),
        Some(_) => {
            // hyper discards what it has not flushed when the body fails, so let it flush first.
            tokio::task::yield_now().await;
            Some((Err(io::Error::other("injected fault")), None))
        }
        None => None,
    });
    (Some(Response::from_parts(head, Body::from_stream(chunks))), RequestOutcome::Truncated)
}
