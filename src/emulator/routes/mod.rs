//! The API's thirteen operations over HTTP, and beside them what is done on a phone.
//!
//! Every request takes the same way, through [`perform`]: credentials, body, and then, while nobody else looks,
//! the operation. An operation reads what it needs from the [`Call`] in a fixed order (path, header and query,
//! body), so that a request with several faults gets the same answer each time, and calls its rule.

mod answer;
mod body;
mod call;
mod devices;
mod enrollments;
mod locations;
mod pos;
mod query;
mod sessions;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, on};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use self::answer::Answer;
pub(super) use self::answer::refuse;
use self::call::Call;
pub(super) use self::call::MAX_BODY;
use super::{Emulator, MERCHANT_ID, Moment, State};
use crate::emulator::state::Refusal;

/// What an operation comes to.
type Outcome = Result<Answer, Refusal>;

/// The variables of the path, unless they are not UTF-8.
type PathParams = Result<RawPathParams, RawPathParamsRejection>;

type Operation = fn(&Call, &mut State, &mut Moment<'_>) -> Outcome;

/// Where an operation is reached.
type Route = (MethodFilter, &'static str, Operation);

/// The operations of the contract, in its order.
const OPERATIONS: [Route; 13] = [
    (MethodFilter::POST, "/ipp/v1/dev/sessions/{sessionId}/simulate-tap", sessions::simulate_tap),
    (MethodFilter::POST, "/ipp/v1/dev/devices", devices::create_simulated),
    (MethodFilter::GET, "/ipp/v1/enrollments", enrollments::list),
    (MethodFilter::POST, "/ipp/v1/enrollments", enrollments::create),
    (MethodFilter::DELETE, "/ipp/v1/enrollments/{enrollment_id}", enrollments::delete),
    (MethodFilter::GET, "/ipp/v1/locations", locations::list),
    (MethodFilter::GET, "/ipp/v1/locations/{id}", locations::get),
    (MethodFilter::GET, "/ipp/v1/devices", devices::list),
    (MethodFilter::PUT, "/ipp/v1/devices/{id}", devices::update),
    (MethodFilter::DELETE, "/ipp/v1/devices/{id}", devices::deregister),
    (MethodFilter::POST, "/ipp/v1/sessions", sessions::create),
    (MethodFilter::GET, "/ipp/v1/sessions/{session_id}", sessions::get),
    (MethodFilter::PUT, "/ipp/v1/sessions/{session_id}/cancel", sessions::cancel),
];

pub(super) fn router(emulator: &Emulator) -> axum::Router {
    let mut router = axum::Router::new().route("/", get(about));
    for (method, path, operation) in OPERATIONS.into_iter().chain(pos::ROUTES) {
        let perform = move |Shared(emulator): Shared<Emulator>, path: PathParams, request: Request| {
            perform(emulator, operation, path, request)
        };
        router = router.route(path, on(method, perform));
    }
    router.method_not_allowed_fallback(wrong_method).fallback(unknown_path).with_state(emulator.clone())
}

async fn perform(emulator: Emulator, operation: Operation, path: PathParams, request: Request) -> Response {
    let outcome = match Call::read(path, request).await {
        Ok(call) => emulator.change(|state, moment| operation(&call, state, moment)),
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(refusal) => answer::refuse(&refusal),
    }
}

/// What stands behind this address, for whoever opens it in a browser.
async fn about() -> Response {
    Answer::json(
        StatusCode::OK,
        &json!({
            "name": "kustom emulator",
            "emulator": true,
            "detail": "An emulator of the Kustom In-Person Payments API. No payment made here is real.",
            "version": env!("CARGO_PKG_VERSION"),
            "api": "/ipp/v1",
            "merchant_id": MERCHANT_ID,
        }),
    )
    .into_response()
}

async fn unknown_path(uri: Uri) -> Response {
    answer::refuse(&Refusal::not_found(format!("There is nothing at {}.", uri.path())))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    // The router adds the Allow header.
    let detail = format!("{method} is not possible at {}.", uri.path());
    answer::refuse(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a description of ours describes.
    fn described(text: &str) -> Vec<(MethodFilter, String)> {
        let document: serde_json::Value = serde_yaml_ng::from_str(text).unwrap();
        let mut described = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method: Method = method.to_uppercase().parse().unwrap();
                described.push((MethodFilter::try_from(method).unwrap(), path.clone()));
            }
        }
        described
    }

    fn assert_same(routes: &[Route], described: &[(MethodFilter, String)]) {
        let routes: Vec<_> = routes.iter().map(|(method, path, _)| (*method, (*path).to_owned())).collect();
        for route in &routes {
            assert!(described.contains(route), "{route:?} is not described");
        }
        for route in described {
            assert!(routes.contains(route), "{route:?} is described and does not exist");
        }
    }

    /// What the emulator adds must never look like a part of the API.
    #[test]
    fn every_route_is_in_one_of_the_two_descriptions() {
        assert_same(&OPERATIONS, &described(include_str!("../../../docs/openapi.yaml")));
        assert_same(&pos::ROUTES, &described(include_str!("../../../docs/emulator.yaml")));
        assert!(OPERATIONS.iter().all(|(_, path, _)| path.starts_with("/ipp/v1/")));
        assert!(pos::ROUTES.iter().all(|(_, path, _)| path.starts_with("/emulator/")));
    }
}
