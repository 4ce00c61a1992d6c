//! The emulator's web page. The server has checked where its requests come from. It is a client of the emulator's own
//! routes: it shows what they return, and its forms send what any other program could send.

mod curl;
mod scenario;
mod view;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http::header::{ACCEPT, HOST};
use http::{HeaderMap, Method, StatusCode};
use indexmap::IndexMap;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::Emulator;
use super::history::History;
use super::own_client::OwnClient;
use super::routes::{MAX_BODY, TOKEN_HEADER};
use super::state::Rejection;
use crate::model::TapOutcome;
use crate::page::{self, Frame};

/// How often the page is checked for changes that no request causes: sessions expire, and files are shared.
const TICK: Duration = Duration::from_secs(1);

/// Changes that follow each other are shown together.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Page {
    frame: Frame,
    emulator: Emulator,
    history: History,
    client: OwnClient,
}

/// The API with the page. Programs get the same response at `/` as without it.
pub(super) fn router(emulator: &Emulator, history: &History, client: &OwnClient) -> Router {
    let token = client.token.clone().unwrap_or_else(page::new_token);
    let frame = Frame { title: "Kustom emulator", base: "/emulator/page", token };
    let page = Page { frame, emulator: emulator.clone(), history: history.clone(), client: client.clone() };
    Router::new()
        .route("/emulator/page/events", get(events))
        .route("/emulator/page/requests/{id}/curl", get(copy_curl))
        .route("/emulator/page/requests/{id}/scenario", get(copy_scenario))
        .route("/emulator/page/scenario", get(copy_scenario))
        .route_layer(from_fn_with_state(page.clone(), require_token))
        .route("/", get(home))
        .route("/emulator/page/act", post(act))
        .route("/emulator/page/{asset}", get(asset))
        .with_state(page)
        .fallback_service(client.acts.clone())
}

async fn require_token(State(page): State<Page>, request: Request, next: Next) -> Response {
    if page.has_token(&request) { next.run(request).await } else { forbidden() }
}

async fn home(State(page): State<Page>, request: Request) -> Response {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        let Ok(response) = page.client.acts.clone().oneshot(request).await;
        return response;
    }
    if page.is_protected() && !page.has_token(&request) {
        let content = maud::html! {
            (maud::DOCTYPE) title { "Kustom emulator" }
            p { "Open the URL that the emulator printed when it started." }
        };
        return page::html_response(StatusCode::FORBIDDEN, content);
    }
    let about = view::about(host(request.headers()));
    page::html_response(StatusCode::OK, page.frame.document(&about, &page.content().await))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

async fn asset(Path(name): Path<String>) -> Response {
    page::asset(&name).unwrap_or_else(|| Rejection::not_found("There is no such file.").into_response())
}

async fn events(State(page): State<Page>) -> Response {
    let changes = page.history.changes();
    let events = stream::unfold((page, changes, String::new()), async |(page, mut changes, shown)| {
        while !*changes.borrow_and_update() {
            let content = page.content().await.into_string();
            if content != shown {
                let event: Result<Bytes, Infallible> = Ok(page::event(&content));
                return Some((event, (page, changes, content)));
            }
            tokio::time::sleep(MIN_INTERVAL).await;
            let _ = tokio::time::timeout(TICK, changes.changed()).await;
        }
        None
    });
    page::event_response(events)
}

async fn copy_curl(State(page): State<Page>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let requests = page.history.requests();
    match requests.iter().find(|request| request.id == id) {
        Some(request) => page::text_response(curl::command(request, host(&headers))),
        None => Rejection::not_found("There is no request with this ID.").into_response(),
    }
}

/// Without an ID, the scenario has all requests.
async fn copy_scenario(State(page): State<Page>, id: Option<Path<u64>>) -> Response {
    let requests = page.history.requests();
    let client = &page.client;
    let (phones, sessions) = (client.get("/emulator/phones").await, client.get("/emulator/sessions").await);
    let options = client.get("/emulator/options").await;
    let locations = client.get("/ipp/v1/locations?page_size=1000").await;
    let known = scenario::Known {
        phones: &phones["phones"],
        sessions: &sessions["sessions"],
        options: &options,
        locations: &locations["content"],
    };
    page::text_response(scenario::write(&requests, id.map(|Path(id)| id), &known))
}

/// Does what a form asks for.
async fn act(State(page): State<Page>, request: Request) -> Response {
    let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
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
    let response = page.client.send(method, &path, &body).await;
    page.history.notify();
    if !response.status().is_success() {
        return response;
    }
    StatusCode::NO_CONTENT.into_response()
}

/// The request that does what a form asks for.
fn action_request<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> Option<(Method, String, Value)> {
    let id = |name: &str| field(name)?.parse::<uuid::Uuid>().ok();
    let session = |verb: &str| id("session").map(|id| format!("/emulator/pos/sessions/{id}/{verb}"));
    let device = |verb: &str| id("device").map(|id| format!("/emulator/pos/devices/{id}/{verb}"));
    let object = |name: &str| match field(name) {
        Some(value) => json!({ name: value }),
        None => json!({}),
    };
    let post = |path: String, body: Value| Some((Method::POST, path, body));
    let action = field("do")?;
    match action {
        "pair" => {
            // Codes are upper case, and nobody types them so.
            let code =
                field("code").map(|code| if code.len() == 8 { code.to_uppercase() } else { code.to_owned() });
            let mut body = object("name");
            body["enrollment_code"] = code.unwrap_or_default().into();
            post("/emulator/pos/pair".to_owned(), body)
        }
        "create-device" => post("/ipp/v1/dev/devices".to_owned(), object("name")),
        "choose" | "pay" => post(session(action)?, object("method")),
        "decline" => {
            let outcome = TapOutcome::find(field("outcome")?)?.as_str();
            post(session("decline")?, json!({ "outcome": outcome }))
        }
        "cancel" => post(session("cancel")?, json!({})),
        "offline" | "online" => post(device(action)?, json!({})),
        "advance" => {
            let by = field("by").unwrap_or_default();
            // The route expects an ISO 8601 duration.
            let iso = by.parse::<jiff::SignedDuration>().map_or_else(|_| by.to_owned(), |by| by.to_string());
            post("/emulator/clock".to_owned(), json!({ "advance": iso }))
        }
        "add-fault" => post("/emulator/faults".to_owned(), object("fault")),
        "clear-faults" => Some((Method::DELETE, "/emulator/faults".to_owned(), json!({}))),
        "clear-requests" => Some((Method::DELETE, "/emulator/requests".to_owned(), json!({}))),
        "set-option" => {
            let body = json!({ field("name")?: field("value").unwrap_or_default() });
            Some((Method::PUT, "/emulator/options".to_owned(), body))
        }
        "send" => post("/emulator/callbacks/send".to_owned(), object("id")),
        "reset" => post("/emulator/reset".to_owned(), json!({})),
        _ => None,
    }
}

fn forbidden() -> Response {
    Rejection::new(StatusCode::FORBIDDEN, "Only the emulator's own page can do this. Reload it.")
        .into_response()
}

impl Page {
    /// Whether the page needs the token in its URL.
    fn is_protected(&self) -> bool {
        self.client.token.is_some()
    }

    /// The token is in a header or, where a browser cannot set one, in the query.
    fn has_token(&self, request: &Request) -> bool {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let in_query = url::form_urlencoded::parse(query).find(|(name, _)| name == "token");
        let header = request.headers().get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        header.is_some_and(|token| self.frame.has_token(token))
            || in_query.is_some_and(|(_, token)| self.frame.has_token(&token))
    }

    async fn content(&self) -> maud::Markup {
        let (phones, clock, options) = (
            self.client.get("/emulator/phones").await,
            self.client.get("/emulator/clock").await,
            self.client.get("/emulator/options").await,
        );
        let setup = self.emulator.setup();
        let faults = setup.faults.as_ref();
        view::main(
            &self.frame,
            &view::Content {
                phones: &phones["phones"],
                clock: &clock,
                options: &options,
                faults: faults.map(|faults| faults.change(|table| table.list())).unwrap_or_default(),
                rules: setup.phone_rules.list(),
                requests: self.history.requests(),
                callbacks: self.history.callbacks(),
                has_callbacks: setup.has_callbacks,
                is_strict: setup.is_strict,
            },
        )
    }
}
