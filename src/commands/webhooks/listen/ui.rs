//! The page of `--ui`: the stored deliveries in a browser.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::{ACCEPT, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use maud::{Markup, html};
use serde_json::Value;
use tokio::net::TcpListener;

use super::response::problem;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::webhooks::{replay, store};
use crate::deliveries::{DeliveryFilter, DeliveryState, DeliveryStore, StoredDelivery};
use crate::error::Error;
use crate::local_server::{self, BodyError, Connection, check_source};
use crate::page::{self, AttemptView, CallbackView, Frame, Tone, callback_list, safe, short_id};
use crate::secret::redact_value;
use crate::webhooks::SigningKeys;

const MAX_FORM: usize = 64 * 1024;

const MAX_SHOWN: usize = 100;

/// How often the database is read for new deliveries while a page is open.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

const REPLAY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Ui {
    pub(super) frame: Frame,
    pub(super) address: SocketAddr,
    /// The directory of the database.
    pub(super) state: PathBuf,
    pub(super) store: DeliveryStore,
    pub(super) keys: SigningKeys,
    /// The URL of the application, for deliveries that were not forwarded.
    pub(super) forward_to: Option<String>,
    pub(super) allow_http: Option<String>,
}

impl Ui {
    /// Serves until the future is dropped.
    pub(super) async fn serve(&self, listener: TcpListener) {
        let respond =
            async |request, connection| Ok::<_, Infallible>(self.respond(request, connection).await);
        local_server::serve(listener, respond, std::future::pending::<()>()).await;
    }

    async fn respond(&self, request: Request<Incoming>, connection: Arc<Connection>) -> Response {
        let (parts, body) = request.into_parts();
        let not_found = || problem(StatusCode::NOT_FOUND, "There is nothing here.");
        if let Err(reason) = check_source(&parts.headers, Some(self.address)) {
            return problem(StatusCode::FORBIDDEN, reason);
        }
        let path = parts.uri.path();
        match (&parts.method, path.strip_prefix("/page/")) {
            (&Method::GET, None) if path == "/" => {
                let about = html! { "Received by " code { "kustom webhooks listen" } };
                page::html_response(
                    StatusCode::OK,
                    self.frame.document(&about, &content(&self.frame, &self.store)),
                )
            }
            (&Method::GET, Some("events")) => {
                let query = parts.uri.query().unwrap_or_default();
                match query.strip_prefix("token=").filter(|token| self.frame.has_token(token)) {
                    Some(_) => self.events(),
                    None => problem(StatusCode::FORBIDDEN, "Only the page itself can do this. Reload it."),
                }
            }
            (&Method::GET, Some(name)) => page::asset(name).unwrap_or_else(not_found),
            (&Method::POST, Some("act")) => {
                match connection.read_body(&parts.headers, body, MAX_FORM).await {
                    Ok(form) => self.act(&parts.headers, &form).await,
                    Err(BodyError::TooLarge) => {
                        problem(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.")
                    }
                    Err(BodyError::Incomplete) => problem(StatusCode::BAD_REQUEST, "The form is incomplete."),
                }
            }
            _ => not_found(),
        }
    }

    fn events(&self) -> Response {
        let store = match DeliveryStore::open(&self.state) {
            Ok(store) => store,
            Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        };
        let state = (self.frame.clone(), store, String::new());
        page::event_response(stream::unfold(state, async |(frame, store, shown)| {
            loop {
                let new = content(&frame, &store).into_string();
                if new != shown {
                    let event: Result<Bytes, Infallible> = Ok(page::event(&new));
                    return Some((event, (frame, store, new)));
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }))
    }

    /// Sends a delivery again, signed now.
    async fn act(&self, headers: &HeaderMap, form: &[u8]) -> Response {
        let field = |name: &str| {
            let found = url::form_urlencoded::parse(form).find(|(other, _)| other == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        if !self.frame.has_token(&field("token")) {
            return problem(StatusCode::FORBIDDEN, "Only the page itself can do this. Reload it.");
        }
        if field("do") != "send" {
            return problem(StatusCode::BAD_REQUEST, "There is no such action.");
        }
        match self.send(&field("id")).await {
            Ok(()) if headers.get(ACCEPT).is_some_and(|value| value == "application/json") => {
                StatusCode::NO_CONTENT.into_response()
            }
            Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response(),
            Err(error) => problem(StatusCode::BAD_GATEWAY, &error.message),
        }
    }

    async fn send(&self, id: &str) -> Result<(), Error> {
        let delivery = store::find(&self.store, id)?;
        let url = delivery.forwarded_to.as_ref().or(self.forward_to.as_ref());
        let url = url.ok_or_else(|| Error::usage("there is no URL to send it to: use --forward-to"))?;
        let endpoint =
            CallbackEndpoint::new(url, REPLAY_TIMEOUT, self.allow_http.as_deref()).map_err(Error::usage)?;
        let (_, failure) = replay::replay(&self.store, &delivery, &endpoint, Some(&self.keys), &[]).await?;
        failure.map_or(Ok(()), Err)
    }
}

fn content(frame: &Frame, store: &DeliveryStore) -> Markup {
    let filter = DeliveryFilter { limit: Some(MAX_SHOWN), ..DeliveryFilter::default() };
    let (views, failure) = match store.list(&filter) {
        Ok(deliveries) => (deliveries.iter().map(view).collect::<Vec<_>>(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    html! {
        section.panel #callbacks aria-labelledby="callbacks-title" {
            header { h2 #callbacks-title { "Callbacks" } }
            @if let Some(failure) = failure { p.notice.bad { (failure) } }
            @else if views.is_empty() { p.empty { "Callbacks appear here when they are received." } }
            (callback_list(frame, &views))
        }
    }
}

fn view(delivery: &StoredDelivery) -> CallbackView {
    let tone = match delivery.state {
        DeliveryState::Acknowledged => Tone::Good,
        DeliveryState::Received | DeliveryState::Processing => Tone::Neutral,
        DeliveryState::Failed | DeliveryState::Refused => Tone::Bad,
    };
    let headers = delivery.headers.iter();
    let attempt = AttemptView {
        at: delivery.received_at,
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect(),
        status: delivery.status,
        error: delivery.reason.clone(),
        response: delivery.response.clone(),
        detail: delivery.forwarded_to.as_ref().map(|url| format!("forwarded to {url}")).unwrap_or_default(),
    };
    let about = match (&delivery.session_id, &delivery.order_id) {
        (Some(session), _) => Some(format!("session {}", short_id(&safe(session)))),
        (None, Some(order)) => Some(format!("order {}", short_id(&safe(order)))),
        (None, None) => None,
    };
    CallbackView {
        key: delivery.seq.to_string(),
        id: delivery.webhook_id.clone(),
        kind: delivery.kind.clone().unwrap_or_else(|| "(not verified)".to_owned()),
        about,
        at: Some(delivery.received_at),
        status: delivery.state.as_str().to_owned(),
        tone,
        payload: payload(delivery),
        attempts: vec![attempt],
        can_be_sent: delivery.state != DeliveryState::Refused,
    }
}

fn payload(delivery: &StoredDelivery) -> Value {
    let mut payload = delivery.event();
    redact_value(&mut payload);
    payload
}
