//! The web page of the local servers: its frame, its files and its safety. What it shows comes from the servers.
//!
//! Everything is rendered here; the script only sends forms, receives the new state as server-sent events, and copies text.

mod callbacks;

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

pub(crate) use callbacks::{AttemptView, CallbackView, Tone, callback_list};

use crate::text::{escape_control, escape_json};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("icon.svg");

/// Nothing is loaded from elsewhere, nothing is inline, and no other page may show this one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where a server has the page's files, its events and its form.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    /// Such as `/emulator/page`.
    pub(crate) base: &'static str,
    /// Forms and events need it, so that no other page can use them.
    pub(crate) token: String,
}

impl Frame {
    /// The complete document. `main` is what the events replace.
    pub(crate) fn document(&self, about: &Markup, main: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="icon" href={ (self.base) "/icon.svg" };
                    link rel="stylesheet" href={ (self.base) "/page.css" };
                    script src={ (self.base) "/page.js" } defer {}
                }
                body data-base=(self.base) data-token=(self.token) {
                    header.top {
                        h1 { (self.title) }
                        p { (about) }
                        p.live #connection role="status" { "Connecting…" }
                    }
                    main #main { (main) }
                    p.toast #message role="alert" hidden {}
                }
            }
        }
    }

    /// The fields that every form has: where it goes, and what it does.
    pub(crate) fn form(
        &self,
        class: &str,
        action: &str,
        fields: &[(&str, &str)],
        content: &Markup,
    ) -> Markup {
        html! {
            form id={ "form-" (action) @for (_, value) in fields { "-" (value) } } class=(class) method="post"
                action={ (self.base) "/act" }
            {
                input type="hidden" name="token" value=(self.token);
                input type="hidden" name="do" value=(action);
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                (content)
            }
        }
    }

    /// A button that copies the text at a path.
    pub(crate) fn copy_button(&self, path: &str, label: &str) -> Markup {
        html! { button.quiet type="button" data-copy={ (self.base) (path) } { (label) } }
    }

    pub(crate) fn has_token(&self, given: &str) -> bool {
        bool::from(given.as_bytes().ct_eq(self.token.as_bytes()))
    }
}

/// A token that nobody can guess.
pub(crate) fn new_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) fn html_response(status: StatusCode, content: Markup) -> Response {
    respond(status, "text/html; charset=utf-8", content.into_string())
}

pub(crate) fn text_response(text: String) -> Response {
    respond(StatusCode::OK, "text/plain; charset=utf-8", text)
}

/// The script, the style or the icon.
pub(crate) fn asset(name: &str) -> Option<Response> {
    let (kind, text) = match name {
        "page.css" => ("text/css; charset=utf-8", STYLE),
        "page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return None,
    };
    Some(respond(StatusCode::OK, kind, text))
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// A stream of server-sent events.
pub(crate) fn event_response(
    events: impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
) -> Response {
    respond(StatusCode::OK, "text/event-stream", Body::from_stream(events))
}

/// One server-sent event, with the new content of `main`.
pub(crate) fn event(content: &str) -> Bytes {
    let lines: Vec<_> = content.lines().map(|line| format!("data: {line}\n")).collect();
    format!("{}\n", lines.concat()).into()
}

/// The time of day on this machine, with the complete time for programs.
pub(crate) fn time(at: Timestamp) -> Markup {
    let local = at.to_zoned(TimeZone::system());
    html! { time datetime=(at) title=(local.strftime("%Y-%m-%d %H:%M:%S %Z")) { (local.strftime("%H:%M:%S")) } }
}

/// JSON as people read it.
pub(crate) fn json_block(label: &str, value: &Value) -> Markup {
    let text = match value {
        Value::String(text) => escape_control(text).into_owned(),
        value => escape_json(&serde_json::to_string_pretty(value).unwrap_or_default()).into_owned(),
    };
    html! {
        h3 { (label) }
        pre tabindex="0" role="group" aria-label=(label) { code { (text) } }
    }
}

/// Text from outside on one line.
pub(crate) fn safe(text: &str) -> String {
    escape_control(text).into_owned()
}

/// The beginning of an ID, and other text as it is.
pub(crate) fn short_id(text: &str) -> Cow<'_, str> {
    match text.get(..8) {
        Some(start) if text.parse::<uuid::Uuid>().is_ok() => Cow::Owned(format!("{start}…")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_field_per_line() {
        assert_eq!(event("a\nb"), "data: a\ndata: b\n\n");
    }
}
