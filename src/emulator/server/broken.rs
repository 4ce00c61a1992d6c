//! Answers that are wrong on purpose.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use futures_util::stream;
use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::{Effect, routes};
use crate::emulator::log::Ending;
use crate::emulator::state::Refusal;

/// What is sent in place of the right answer, which is there if the request was carried out; none is no answer at all.
pub(super) async fn apply(
    effect: Option<Effect>,
    response: Option<Response<Body>>,
) -> (Option<Response<Body>>, Ending) {
    match (effect, response) {
        (Some(Effect::Status { status, retry_after }), _) => {
            (Some(on_purpose(status, retry_after)), Ending::Answered(status))
        }
        (Some(Effect::DropAfterHeaders), Some(response)) => broken_off(response, |_| 0).await,
        (Some(Effect::Truncate), Some(response)) => broken_off(response, |whole| whole / 2).await,
        (None, Some(response)) => {
            let status = response.status();
            (Some(response), Ending::Answered(status))
        }
        (Some(Effect::Drop | Effect::DropAfterHeaders | Effect::Truncate) | None, _) => {
            (None, Ending::Dropped)
        }
    }
}

fn on_purpose(status: StatusCode, retry_after: Option<u32>) -> Response<Body> {
    let detail = "A fault of the emulator, on purpose. The request was not carried out.";
    let mut response = routes::refuse(&Refusal::new(status, detail));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same answer, of whose body not all is sent, though it is announced. One without a body is whole without it.
async fn broken_off(
    response: Response<Body>,
    kept: impl FnOnce(usize) -> usize,
) -> (Option<Response<Body>>, Ending) {
    let (mut head, body) = response.into_parts();
    // It is in memory already: reading it cannot fail.
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let status = head.status;
    if body.is_empty() {
        return (Some(Response::from_parts(head, Body::empty())), Ending::Answered(status));
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
    (Some(Response::from_parts(head, Body::from_stream(pieces))), Ending::BrokenOff(status))
}
