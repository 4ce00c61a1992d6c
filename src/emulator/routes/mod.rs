//! The operations of the API and of its sister APIs over HTTP, and the emulator's own: the phone, the clock and faults.
//!
//! Credentials and the size of the body are checked first. An operation then reads what it needs from the
//! [`ApiRequest`] in a fixed order (path, header and query, body), so that a request with several mistakes always gets
//! the same response, and applies its rule to the [`State`].

mod clock;
mod control;
mod devices;
mod enrollments;
mod faults;
mod fields;
mod locations;
mod orders;
mod pos;
mod request;
mod sessions;
mod settlements;

use axum::extract;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use uuid::Uuid;

pub(super) use self::control::TOKEN_HEADER;
pub(super) use self::fields::Ignored;
use self::request::ApiRequest;
pub(super) use self::request::MAX_BODY;
use super::{Emulator, MERCHANT_ID, OpContext, State};
use crate::emulator::state::Rejection;

type OperationResult = Result<Response, Rejection>;

type Operation = fn(&ApiRequest, &mut State, &mut OpContext<'_>) -> OperationResult;

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

/// The operations that read the query.
const WITH_QUERY: [(MethodFilter, &str); 8] = [
    (MethodFilter::POST, "/ipp/v1/dev/sessions/{sessionId}/simulate-tap"),
    (MethodFilter::GET, "/ipp/v1/enrollments"),
    (MethodFilter::GET, "/ipp/v1/locations"),
    (MethodFilter::GET, "/ipp/v1/devices"),
    (MethodFilter::POST, "/ipp/v1/sessions"),
    (MethodFilter::GET, "/settlements/v1/payouts"),
    (MethodFilter::GET, "/settlements/v1/transactions"),
    (MethodFilter::GET, "/emulator/sessions"),
];

const NO_FAULTS: &str = "This emulator runs inside kustom itself, where no faults can be injected. Start one with \
                         `kustom dev emulator`.";

pub(super) fn router(emulator: &Emulator) -> axum::Router {
    let mut router = axum::Router::new().route("/", get(service_info));
    let own = pos::ROUTES.into_iter().chain(clock::ROUTES).chain(control::STATE_ROUTES);
    for (method, path, operation) in OPERATIONS.into_iter().chain(own) {
        let has_query = WITH_QUERY.contains(&(method, path));
        let handler = async move |extract::State(emulator): extract::State<Emulator>, request: ApiRequest| {
            process(&emulator, path, request, |request| {
                if !has_query {
                    request.check_no_query()?;
                }
                emulator.with_state(|state, context| operation(request, state, context))
            })
        };
        router = router.route(path, on(method, handler));
    }
    for (method, path, operation) in orders::ROUTES.into_iter().chain(settlements::ROUTES) {
        let has_query = WITH_QUERY.contains(&(method, path));
        let handler = async move |extract::State(emulator): extract::State<Emulator>,
                                  request: Result<ApiRequest, Rejection>| {
            let result = request.and_then(|request| {
                process(&emulator, path, request, |request| {
                    if !has_query {
                        request.check_no_query()?;
                    }
                    emulator.with_state(|state, context| operation(request, state, context))
                })
            });
            result.unwrap_or_else(|rejection| {
                emulator.with_state(|_, context| order_problem(&rejection, (context.ids)()))
            })
        };
        router = router.route(path, on(method, handler));
    }
    for (method, path, operation) in faults::ROUTES {
        let handler = async move |extract::State(emulator): extract::State<Emulator>, request: ApiRequest| {
            process(&emulator, path, request, |request| {
                let faults = emulator.faults().ok_or_else(|| Rejection::conflict(NO_FAULTS))?;
                faults.change(|table| operation(request, table))
            })
        };
        router = router.route(path, on(method, handler));
    }
    for (method, path, operation) in control::SERVER_ROUTES {
        let handler = async move |extract::State(emulator): extract::State<Emulator>, request: ApiRequest| {
            process(&emulator, path, request, |request| operation(request, &emulator))
        };
        router = router.route(path, on(method, handler));
    }
    router.method_not_allowed_fallback(method_not_allowed).fallback(unknown_path).with_state(emulator.clone())
}

/// Runs an operation, and reports what it ignored.
fn process(
    emulator: &Emulator,
    path: &str,
    mut request: ApiRequest,
    operation: impl FnOnce(&ApiRequest) -> OperationResult,
) -> OperationResult {
    if path.starts_with("/emulator") {
        control::check_token(emulator.setup(), request.headers())?;
    }
    request.set_strict(emulator.setup().is_strict);
    let mut response = operation(&request)?;
    response.extensions_mut().insert(request.ignored());
    Ok(response)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // The bodies are structs and strings, whose serialization cannot fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// RFC 7807 problem details (observed).
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        problem_response(&self, "application/problem+json", &self.to_problem_json())
    }
}

/// An error of Order Management and Settlements (documented).
fn order_problem(rejection: &Rejection, correlation_id: Uuid) -> Response {
    problem_response(rejection, "application/json", &rejection.to_order_problem_json(correlation_id))
}

fn problem_response(rejection: &Rejection, content_type: &'static str, body: &serde_json::Value) -> Response {
    let body = body.to_string();
    let mut response = (rejection.status, [(CONTENT_TYPE, content_type)], body).into_response();
    if rejection.status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"kustom emulator\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn is_order_path(uri: &Uri) -> bool {
    uri.path().starts_with("/ordermanagement/") || uri.path().starts_with("/settlements/")
}

/// For people who open the address in a browser, and for `kustom`, which recognizes an emulator by it.
async fn service_info(extract::State(emulator): extract::State<Emulator>) -> Response {
    let instance = emulator.with_state(|state, _| state.instance());
    json(
        StatusCode::OK,
        &serde_json::json!({
            "name": "kustom emulator",
            "emulator": true,
            "detail": "An emulator of the Kustom In-Person Payments API. No payment made here is real.",
            "version": env!("CARGO_PKG_VERSION"),
            "api": "/ipp/v1",
            "merchant_id": MERCHANT_ID,
            "instance": instance,
        }),
    )
}

async fn unknown_path(uri: Uri) -> Response {
    let rejection = Rejection::not_found(format!("There is nothing at {}.", uri.path()));
    if is_order_path(&uri) { order_problem(&rejection, Uuid::new_v4()) } else { rejection.into_response() }
}

/// The router adds the `Allow` header.
async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let detail = format!("{} does not support {method}.", uri.path());
    let rejection = Rejection::new(StatusCode::METHOD_NOT_ALLOWED, detail);
    if is_order_path(&uri) { order_problem(&rejection, Uuid::new_v4()) } else { rejection.into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that an OpenAPI document describes these routes and no others.
    fn assert_described(
        routes: impl Iterator<Item = (MethodFilter, &'static str)>,
        document: &str,
        prefix: &str,
    ) {
        let document: serde_json::Value = serde_yaml_ng::from_str(document).unwrap();
        let mut routes: Vec<_> = routes.collect();
        assert!(routes.iter().all(|(_, path)| path.starts_with(prefix)));
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let route = (MethodFilter::try_from(method).unwrap(), path.as_str());
                let count = routes.len();
                routes.retain(|existing| *existing != route);
                assert_eq!(routes.len() + 1, count, "{route:?} is described but does not exist");
            }
        }
        assert_eq!(routes, [], "routes that are not described");
    }

    /// Otherwise `--strict` would reject a documented parameter, or not find an unknown one.
    #[test]
    fn the_operations_with_a_query_are_those_with_documented_parameters() {
        let documents = [
            include_str!("../../../docs/openapi.yaml"),
            include_str!("../../../docs/order-management.yaml"),
            include_str!("../../../docs/settlements.yaml"),
            include_str!("../../../docs/emulator.yaml"),
        ];
        let mut described = Vec::new();
        for document in documents {
            let document: serde_json::Value = serde_yaml_ng::from_str(document).unwrap();
            for (path, methods) in document["paths"].as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                    let is_query = |parameter: &serde_json::Value| {
                        let reference = parameter["$ref"].as_str().and_then(|name| name.strip_prefix("#/"));
                        let parameter = reference.map_or_else(
                            || parameter.clone(),
                            |name| document.pointer(&format!("/{name}")).unwrap().clone(),
                        );
                        parameter["in"] == "query"
                    };
                    if parameters.iter().any(is_query) {
                        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                        described.push((MethodFilter::try_from(method).unwrap(), path.clone()));
                    }
                }
            }
        }
        for (method, path) in WITH_QUERY {
            assert!(described.contains(&(method, path.to_owned())), "{path} has no documented parameters");
        }
        for (method, path) in described {
            let is_read_elsewhere = control::SERVER_ROUTES.iter().any(|(_, other, _)| *other == path);
            assert!(WITH_QUERY.contains(&(method, path.as_str())) || is_read_elsewhere, "{path}");
        }
    }

    #[test]
    fn every_route_is_described() {
        let api = OPERATIONS.into_iter().map(|(method, path, _)| (method, path));
        assert_described(api, include_str!("../../../docs/openapi.yaml"), "/ipp/v1/");
        let orders = orders::ROUTES.into_iter().map(|(method, path, _)| (method, path));
        let document = include_str!("../../../docs/order-management.yaml");
        assert_described(orders, document, "/ordermanagement/v1/");
        let settlements = settlements::ROUTES.into_iter().map(|(method, path, _)| (method, path));
        assert_described(settlements, include_str!("../../../docs/settlements.yaml"), "/settlements/v1/");
        let own = pos::ROUTES.into_iter().chain(clock::ROUTES).map(|(method, path, _)| (method, path));
        let own = own.chain(faults::ROUTES.map(|(method, path, _)| (method, path)));
        let own = own.chain(control::STATE_ROUTES.map(|(method, path, _)| (method, path)));
        let own = own.chain(control::SERVER_ROUTES.map(|(method, path, _)| (method, path)));
        assert_described(own, include_str!("../../../docs/emulator.yaml"), "/emulator");
    }
}
