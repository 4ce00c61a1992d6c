//! The API's thirteen operations over HTTP, and beside them what only emulators have: the phone, the
//! clock and faults.
//!
//! Every request takes the same way, through [`perform`]: credentials, body, and then, while nobody else looks,
//! the operation. An operation reads what it needs from the [`Call`] in a fixed order (path, header and query,
//! body), so that a request with several faults gets the same answer each time, and calls its rule.

mod body;
mod clock;
mod devices;
mod enrollments;
mod faults;
mod locations;
mod pos;
mod query;
mod request;
mod response;
mod sessions;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, on};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use self::request::ApiRequest;
pub(super) use self::request::MAX_BODY;
use self::response::ApiResponse;
pub(super) use self::response::problem_response;
use super::{Emulator, MERCHANT_ID, OpContext, State};
use crate::emulator::state::Rejection;

/// What an operation comes to.
type OperationResult = Result<ApiResponse, Rejection>;

/// The variables of the path, unless they are not UTF-8.
type PathParams = Result<RawPathParams, RawPathParamsRejection>;

type Operation = fn(&ApiRequest, &mut State, &mut OpContext<'_>) -> OperationResult;

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

/// Why there are no faults where requests do not come through a server.
const NO_FAULTS: &str = "Nothing can go wrong here: this emulator runs inside the program that asks. Start one with \
                         `kustom dev emulator`.";

pub(super) fn router(emulator: &Emulator) -> axum::Router {
    let mut router = axum::Router::new().route("/", get(service_info));
    for (method, path, operation) in OPERATIONS.into_iter().chain(pos::ROUTES).chain(clock::ROUTES) {
        let perform = move |Shared(emulator): Shared<Emulator>, path: PathParams, request: Request| {
            dispatch(emulator, operation, path, request)
        };
        router = router.route(path, on(method, perform));
    }
    for (method, path, operation) in faults::ROUTES {
        let perform = move |Shared(emulator): Shared<Emulator>, path: PathParams, request: Request| async move {
            let outcome = ApiRequest::read(path, request).await.and_then(|call| match emulator.faults() {
                Some(faults) => faults.change(|table| operation(&call, table)),
                None => Err(Rejection::conflict(NO_FAULTS)),
            });
            respond(outcome)
        };
        router = router.route(path, on(method, perform));
    }
    router.method_not_allowed_fallback(method_not_allowed).fallback(unknown_path).with_state(emulator.clone())
}

async fn dispatch(emulator: Emulator, operation: Operation, path: PathParams, request: Request) -> Response {
    let outcome = match ApiRequest::read(path, request).await {
        Ok(call) => emulator.with_state(|state, moment| operation(&call, state, moment)),
        Err(refusal) => Err(refusal),
    };
    respond(outcome)
}

fn respond(outcome: OperationResult) -> Response {
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(refusal) => response::problem_response(&refusal),
    }
}

/// What stands behind this address, for whoever opens it in a browser.
async fn service_info() -> Response {
    ApiResponse::json(
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
    response::problem_response(&Rejection::not_found(format!("There is nothing at {}.", uri.path())))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    // The router adds the Allow header.
    let detail = format!("{method} is not possible at {}.", uri.path());
    response::problem_response(&Rejection::new(StatusCode::METHOD_NOT_ALLOWED, detail))
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

    fn assert_same(routes: &[(MethodFilter, &str)], described: &[(MethodFilter, String)]) {
        let routes: Vec<_> = routes.iter().map(|(method, path)| (*method, (*path).to_owned())).collect();
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
        let api = OPERATIONS.map(|(method, path, _)| (method, path));
        assert_same(&api, &described(include_str!("../../../docs/openapi.yaml")));
        let faults = faults::ROUTES.map(|(method, path, _)| (method, path));
        let own = pos::ROUTES.into_iter().chain(clock::ROUTES).map(|(method, path, _)| (method, path));
        let own: Vec<_> = own.chain(faults).collect();
        assert_same(&own, &described(include_str!("../../../docs/emulator.yaml")));
        assert!(api.iter().all(|(_, path)| path.starts_with("/ipp/v1/")));
        assert!(own.iter().all(|(_, path)| path.starts_with("/emulator/")));
    }
}
