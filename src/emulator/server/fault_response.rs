//! Answers that are wrong on purpose.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use futures_util::stream;
use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::{Effect, routes};
use crate::emulator::request_log::RequestOutcome;
use crate::emulator::state::Rejection;

/// What is sent in place of the right answer, which is there if the request was carried out; none is no answer at all.
pub(super) async fn apply(
    effect: Option<Effect>,
    response: Option<Response<Body>>,
) -> (Option<Response<Body>>, RequestOutcome) {
    match (effect, response) {
        (Some(Effect::Status { status, retry_after }), _) => {
            (Some(injected_error(status, retry_after)), RequestOutcome::Answered(status))
        }
        (Some(Effect::DropAfterHeaders), Some(response)) => truncated(response, |_| 0).await,
        (Some(Effect::Truncate), Some(response)) => truncated(response, |whole| whole / 2).await,
        (None, Some(response)) => {
            let status = response.status();
            (Some(response), RequestOutcome::Answered(status))
        }
        (Some(Effect::Drop | Effect::DropAfterHeaders | Effect::Truncate) | None, _) => {
            (None, RequestOutcome::Dropped)
        }
    }
}

fn injected_error(status: StatusCode, retry_after: Option<u32>) -> Response<Body> {
    let detail = "A fault of the emulator, on purpose. The request was not carried out.";
    let mut response = routes::problem_response(&Rejection::new(status, detail));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same answer, of whose body not all is sent, though it is announced. One without a body is whole without it.
async fn truncated(
    response: Response<Body>,
    kept: impl FnOnce(usize) -> usize,
) -> (Option<Response<Body>>, RequestOutcome) {
    let (mut head, body) = response.into_parts();
    // It is in memory already: reading it cannot fail.
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let status = head.status;
    if body.is_empty() {
        return (Some(Response::from_parts(head, Body::empty())), RequestOutcome::Answered(status));
    }
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    body.truncate(kept(body.len()));
    let pieces = stream::unfold(Some(body), async |rest| match rest {
        Some(body) if !body.is_empty() => Some((Ok(body), Some(Bytes::new()))),
        Some(_) => {
            // What was given so far is sent while this waits for its turn; with an error it would be thrown away.
            tokio::task::yield_now().await;
            Some((Err(io::Error::other("on purpose")), None))
        }
        None => None,
    });
    (Some(Response::from_parts(head, Body::from_stream(pieces))), RequestOutcome::Truncated(status))
}
