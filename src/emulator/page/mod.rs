//! The emulator's web page. The server has checked where its requests come from. It is a client of the emulator's own routes: it shows what they return, and its forms send what
//! any other program could send.

mod curl;
mod scenario;
mod view;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::history::History;
use super::routes::{MAX_BODY, TOKEN_HEADER};
use super::state::Rejection;
use super::{API_KEY, Emulator, MERCHANT_ID};
use crate::model::TapOutcome;
use crate::page::{self, Frame};

/// How often the page is checked for changes that no request causes: sessions expire, and files are shared.
const TICK: Duration = Duration::from_secs(1);

/// Changes that follow each other are shown together.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Page {
    frame: Frame,
    /// Whether the page needs the token in its URL.
    is_protected: bool,
    emulator: Emulator,
    history: History,
    /// The API without the log, to read from.
    reads: Router,
    /// The API with the log, to act on.
    acts: Router,
}

/// The API with the page. Programs get the same response at `/` as without it.
pub(super) fn router(emulator: &Emulator, history: History, reads: Router, acts: Router) -> Router {
    let token = emulator.setup().token.clone();
    let page = Page {
        is_protected: token.is_some(),
        frame: Frame {
            title: "Kustom emulator",
            base: "/emulator/page",
            token: token.unwrap_or_else(page::new_token),
        },
        emulator: emulator.clone(),
        history,
        reads,
        acts: acts.clone(),
    };
    Router::new()
        .route("/", get(home))
        .route("/emulator/page/events", get(events))
        .route("/emulator/page/act", post(act))
        .route("/emulator/page/requests/{id}/curl", get(copy_curl))
        .route("/emulator/page/requests/{id}/scenario", get(copy_scenario))
        .route("/emulator/page/scenario", get(copy_everything))
        .route("/emulator/page/{asset}", get(asset))
        .with_state(page)
        .fallback_service(acts)
}

/// A request that the emulator sends to itself.
pub(super) fn local_request(
    method: Method,
    path: &str,
    body: Option<&Value>,
    token: Option<&str>,
) -> http::Request<Body> {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let headers = request.headers_mut();
    let authorization = format!("Basic {API_KEY}");
    let values = [
        (AUTHORIZATION, authorization.as_str()),
        (CONTENT_TYPE, "application/json"),
        (http::HeaderName::from_static("x-merchant-id"), MERCHANT_ID),
        (http::HeaderName::from_static(TOKEN_HEADER), token.unwrap_or_default()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    request
}

async fn home(State(page): State<Page>, request: Request) -> Response {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        let Ok(response) = page.acts.clone().oneshot(request).await;
        return response;
    }
    if !page.is_allowed(request.uri(), request.headers()) {
        let content = maud::html! {
            (maud::DOCTYPE) title { "Kustom emulator" }
            p { "Open the URL that the emulator printed when it started." }
        };
        return page::html_response(StatusCode::FORBIDDEN, content);
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let about = view::about(host);
    page::html_response(StatusCode::OK, page.frame.document(&about, &page.content().await))
}

async fn asset(Path(name): Path<String>) -> Response {
    page::asset(&name).unwrap_or_else(|| Rejection::not_found("There is no such file.").into_response())
}

async fn events(State(page): State<Page>, uri: Uri, headers: HeaderMap) -> Response {
    if !page.has_token(&uri, &headers) {
        return forbidden();
    }
    let changes = page.history.changes();
    let events = stream::unfold((page, changes, String::new()), async |(page, changes, shown)| {
        let mut changes = changes?;
        loop {
            let content = page.content().await.into_string();
            if content != shown {
                let event: Result<Bytes, Infallible> = Ok(page::event(&content));
                return Some((event, (page, Some(changes), content)));
            }
            tokio::time::sleep(MIN_INTERVAL).await;
            tokio::select! {
                // The server stops.
                result = changes.changed() => if result.is_err() { return None },
                () = tokio::time::sleep(TICK) => {}
            }
        }
    });
    page::event_response(events)
}

async fn copy_curl(State(page): State<Page>, Path(id): Path<u64>, uri: Uri, headers: HeaderMap) -> Response {
    if !page.has_token(&uri, &headers) {
        return forbidden();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let requests = page.history.requests();
    match requests.iter().find(|request| request.id == id) {
        Some(request) => page::text_response(curl::command(request, host)),
        None => Rejection::not_found("There is no request with this ID.").into_response(),
    }
}

async fn copy_scenario(
    State(page): State<Page>,
    Path(id): Path<u64>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    page.scenario(Some(id), &uri, &headers).await
}

async fn copy_everything(State(page): State<Page>, uri: Uri, headers: HeaderMap) -> Response {
    page.scenario(None, &uri, &headers).await
}

/// Does what a form asks for. A script gets an empty response, and a form without a script the page.
async fn act(State(page): State<Page>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.").into_response();
    };
    let fields: IndexMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| fields.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    if !page.frame.has_token(field("token").unwrap_or_default()) {
        return forbidden();
    }
    let Some((method, path, body)) = action_request(&field) else {
        return Rejection::new(StatusCode::BAD_REQUEST, "There is no such action.").into_response();
    };
    let token = page.emulator.setup().token.as_deref();
    let request = local_request(method, &path, Some(&body), token);
    let Ok(response) = page.acts.clone().oneshot(request).await;
    page.history.notify();
    if !response.status().is_success() {
        return response;
    }
    let is_script = parts.headers.get(ACCEPT).is_some_and(|value| value == "application/json");
    if is_script {
        return StatusCode::NO_CONTENT.into_response();
    }
    let home = if page.is_protected { format!("/?token={}", page.frame.token) } else { "/".to_owned() };
    (StatusCode::SEE_OTHER, [(LOCATION, home)]).into_response()
}

/// The request that does what a form asks for.
fn action_request<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> Option<(Method, String, Value)> {
    let id = |name: &str| field(name)?.parse::<uuid::Uuid>().ok();
    let session = |verb: &str| id("session").map(|id| format!("/emulator/pos/sessions/{id}/{verb}"));
    let device = |verb: &str| id("device").map(|id| format!("/emulator/pos/devices/{id}/{verb}"));
    let object = |names: &[(&str, &str)]| {
        let given =
            names.iter().filter_map(|(name, key)| Some(((*key).to_owned(), Value::from(field(name)?))));
        Value::Object(given.collect::<Map<_, _>>())
    };
    let post = |path: String, body: Value| Some((Method::POST, path, body));
    match field("do")? {
        "pair" => {
            // Codes are upper case, and nobody types them so.
            let code =
                field("code").map(|code| if code.len() == 8 { code.to_uppercase() } else { code.to_owned() });
            let mut body = object(&[("name", "name")]);
            body["enrollment_code"] = code.unwrap_or_default().into();
            post("/emulator/pos/pair".to_owned(), body)
        }
        "create-device" => post("/ipp/v1/dev/devices".to_owned(), object(&[("name", "name")])),
        "choose" => post(session("choose")?, object(&[("method", "method")])),
        "pay" => post(session("pay")?, object(&[("method", "method")])),
        "decline" => {
            let outcome = TapOutcome::find(field("outcome")?)?.as_str();
            post(session("decline")?, json!({ "outcome": outcome }))
        }
        "cancel" => post(session("cancel")?, json!({})),
        "offline" => post(device("offline")?, json!({})),
        "online" => post(device("online")?, json!({})),
        "advance" => {
            let by = field("by").unwrap_or_default();
            // The route expects an ISO 8601 duration.
            let iso = by.parse::<jiff::SignedDuration>().map_or_else(|_| by.to_owned(), |by| by.to_string());
            post("/emulator/clock".to_owned(), json!({ "advance": iso }))
        }
        "add-fault" => post("/emulator/faults".to_owned(), object(&[("fault", "fault")])),
        "clear-faults" => Some((Method::DELETE, "/emulator/faults".to_owned(), json!({}))),
        "clear-requests" => Some((Method::DELETE, "/emulator/requests".to_owned(), json!({}))),
        "set-option" => {
            let body = json!({ field("name")?: field("value").unwrap_or_default() });
            Some((Method::PUT, "/emulator/options".to_owned(), body))
        }
        "send" => post("/emulator/callbacks/send".to_owned(), object(&[("id", "id")])),
        "reset" => post("/emulator/reset".to_owned(), json!({})),
        _ => None,
    }
}

fn forbidden() -> Response {
    Rejection::new(StatusCode::FORBIDDEN, "Only the emulator's own page can do this. Reload it.")
        .into_response()
}

impl Page {
    fn is_allowed(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        !self.is_protected || self.has_token(uri, headers)
    }

    /// The token is in a header or, where a browser cannot set one, in the query.
    fn has_token(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let query = uri.query().unwrap_or_default().as_bytes();
        let in_query = url::form_urlencoded::parse(query).find(|(name, _)| name == "token");
        let header = headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        header.is_some_and(|token| self.frame.has_token(token))
            || in_query.is_some_and(|(_, token)| self.frame.has_token(&token))
    }

    async fn content(&self) -> maud::Markup {
        let (phones, clock, options) = (
            self.get("/emulator/phones").await,
            self.get("/emulator/clock").await,
            self.get("/emulator/options").await,
        );
        let faults = self.emulator.faults();
        view::main(
            &self.frame,
            &view::Content {
                phones: &phones["phones"],
                clock: &clock,
                options: &options,
                faults: faults.map(|faults| faults.change(|table| table.list())).unwrap_or_default(),
                rules: self.emulator.setup().phone_rules.list(),
                requests: self.history.requests(),
                callbacks: self.history.callbacks(),
                has_callbacks: self.emulator.setup().has_callbacks,
                is_strict: self.emulator.setup().is_strict,
            },
        )
    }

    async fn scenario(&self, request: Option<u64>, uri: &Uri, headers: &HeaderMap) -> Response {
        if !self.has_token(uri, headers) {
            return forbidden();
        }
        let requests = self.history.requests();
        let (phones, sessions) = (self.get("/emulator/phones").await, self.get("/emulator/sessions").await);
        let options = self.get("/emulator/options").await;
        let locations = self.get("/ipp/v1/locations?page_size=1000").await;
        let known = scenario::Known {
            phones: &phones["phones"],
            sessions: &sessions["sessions"],
            options: &options,
            locations: &locations["content"],
        };
        page::text_response(scenario::write(&requests, request, &known))
    }

    async fn get(&self, path: &str) -> Value {
        let token = self.emulator.setup().token.as_deref();
        let Ok(response) = self.reads.clone().oneshot(local_request(Method::GET, path, None, token)).await;
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        serde_json::from_slice(&body).unwrap_or_default()
    }
}
