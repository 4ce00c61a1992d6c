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

pub(super) use self::fields::Ignored;
use self::request::ApiRequest;
pub(super) use self::request::{MAX_BODY, TOKEN_HEADER};
use super::{Emulator, MERCHANT_ID, OpContext, State};
use crate::emulator::state::Rejection;

type OperationResult = Result<Response, Rejection>;

/// An operation on the state.
type Route = (MethodFilter, &'static str, fn(&ApiRequest, &mut State, &mut OpContext<'_>) -> OperationResult);

/// An operation on what only a server has, such as its record of requests.
type ServerRoute = (MethodFilter, &'static str, fn(&ApiRequest, &Emulator) -> OperationResult);

/// The operations that read the query.
const WITH_QUERY: [(MethodFilter, &str); 9] = [
    (MethodFilter::POST, "/ipp/v1/dev/sessions/{sessionId}/simulate-tap"),
    (MethodFilter::GET, "/ipp/v1/enrollments"),
    (MethodFilter::GET, "/ipp/v1/locations"),
    (MethodFilter::GET, "/ipp/v1/devices"),
    (MethodFilter::POST, "/ipp/v1/sessions"),
    (MethodFilter::GET, "/settlements/v1/payouts"),
    (MethodFilter::GET, "/settlements/v1/transactions"),
    (MethodFilter::GET, "/emulator/sessions"),
    (MethodFilter::GET, "/emulator/requests"),
];

fn routes() -> impl Iterator<Item = Route> {
    let api = sessions::ROUTES.into_iter().chain(devices::ROUTES).chain(enrollments::ROUTES);
    let sister_apis = orders::ROUTES.into_iter().chain(settlements::ROUTES);
    let own = pos::ROUTES.into_iter().chain(clock::ROUTES).chain(control::ROUTES);
    api.chain(locations::ROUTES).chain(sister_apis).chain(own)
}

fn server_routes() -> impl Iterator<Item = ServerRoute> {
    control::SERVER_ROUTES.into_iter().chain(faults::ROUTES)
}

pub(super) fn router(emulator: &Emulator) -> axum::Router {
    let mut router = axum::Router::new().route("/", get(service_info));
    for (method, path, operation) in routes() {
        router = add_route(router, method, path, move |request, emulator| {
            emulator.with_state(|state, context| operation(request, state, context))
        });
    }
    for (method, path, operation) in server_routes() {
        router = add_route(router, method, path, operation);
    }
    router.method_not_allowed_fallback(method_not_allowed).fallback(unknown_path).with_state(emulator.clone())
}

fn add_route(
    router: axum::Router<Emulator>,
    method: MethodFilter,
    path: &'static str,
    operation: impl Fn(&ApiRequest, &Emulator) -> OperationResult + Clone + Send + Sync + 'static,
) -> axum::Router<Emulator> {
    let has_query = WITH_QUERY.contains(&(method, path));
    let handler = async move |extract::State(emulator): extract::State<Emulator>,
                              request: Result<ApiRequest, Rejection>| {
        let result = request.and_then(|request| {
            if !has_query {
                request.query().finish()?;
            }
            let mut response = operation(&request, &emulator)?;
            response.extensions_mut().insert(request.ignored);
            Ok(response)
        });
        result.unwrap_or_else(|rejection| error_response(&emulator, path, &rejection))
    };
    router.route(path, on(method, handler))
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

/// Order Management and Settlements have an error body of their own (documented).
fn error_response(emulator: &Emulator, path: &str, rejection: &Rejection) -> Response {
    if path.starts_with("/ordermanagement/") || path.starts_with("/settlements/") {
        let correlation_id = emulator.with_state(|_, context| (context.ids)());
        problem_response(rejection, "application/json", &rejection.to_order_problem_json(correlation_id))
    } else {
        problem_response(rejection, "application/problem+json", &rejection.to_problem_json())
    }
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

async fn unknown_path(extract::State(emulator): extract::State<Emulator>, uri: Uri) -> Response {
    let rejection = Rejection::not_found(format!("There is nothing at {}.", uri.path()));
    error_response(&emulator, uri.path(), &rejection)
}

/// The router adds the `Allow` header.
async fn method_not_allowed(
    extract::State(emulator): extract::State<Emulator>,
    method: Method,
    uri: Uri,
) -> Response {
    let detail = format!("{} does not support {method}.", uri.path());
    let rejection = Rejection::new(StatusCode::METHOD_NOT_ALLOWED, detail);
    error_response(&emulator, uri.path(), &rejection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_routes_and_whether_they_have_a_query_are_as_described() {
        let mut routes: Vec<_> = routes().map(|(method, path, _)| (method, path)).collect();
        routes.extend(server_routes().map(|(method, path, _)| (method, path)));
        for (prefix, document) in [
            ("/ipp/v1/", include_str!("../../../docs/openapi.yaml")),
            ("/ordermanagement/v1/", include_str!("../../../docs/order-management.yaml")),
            ("/settlements/v1/", include_str!("../../../docs/settlements.yaml")),
            ("/emulator", include_str!("../../../docs/emulator.yaml")),
        ] {
            let document: Value = serde_yaml_ng::from_str(document).unwrap();
            for (path, methods) in document["paths"].as_object().unwrap() {
                assert!(path.starts_with(prefix), "{path}");
                for (method, operation) in methods.as_object().unwrap() {
                    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                    let route = (MethodFilter::try_from(method).unwrap(), path.as_str());
                    let index = routes.iter().position(|existing| *existing == route);
                    routes.remove(index.unwrap_or_else(|| panic!("{route:?} does not exist")));
                    let is_in_query = |parameter: &Value| {
                        let reference = parameter["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
                        let parameter = reference.map_or(Some(parameter), |name| document.pointer(name));
                        parameter.unwrap()["in"] == "query"
                    };
                    let parameters = operation["parameters"].as_array();
                    let has_query = parameters.is_some_and(|parameters| parameters.iter().any(is_in_query));
                    // Otherwise `--strict` would reject a documented parameter, or not find an unknown one.
                    assert_eq!(WITH_QUERY.contains(&route), has_query, "{route:?}");
                }
            }
        }
        assert_eq!(routes, [], "routes that are not described");
    }
}
