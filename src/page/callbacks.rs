//! The list of callbacks: those that the emulator sent, or those that a listener received.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::{Frame, json_block, safe, time};

/// How something went, as a color and never as a color alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Neutral,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "badge good",
            Self::Bad => "badge bad",
            Self::Neutral => "badge",
        }
    }

    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Good,
            400.. => Self::Bad,
            _ => Self::Neutral,
        }
    }
}

pub(crate) struct CallbackView {
    /// Unique on the page, also where the ID is not.
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) kind: String,
    /// What people call the thing that it is about.
    pub(crate) about: Option<String>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) status: String,
    pub(crate) tone: Tone,
    pub(crate) payload: Value,
    pub(crate) attempts: Vec<AttemptView>,
    pub(crate) can_be_sent: bool,
}

pub(crate) struct AttemptView {
    pub(crate) at: Timestamp,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) response: Option<String>,
    pub(crate) detail: String,
}

/// The newest first.
pub(crate) fn callback_list(frame: &Frame, callbacks: &[CallbackView]) -> Markup {
    html! {
        ul.log {
            @for callback in callbacks {
                li { details id={ "callback-" (callback.key) } {
                    summary {
                        span.what {
                            span.path { (safe(&callback.kind)) }
                            @if let Some(about) = &callback.about { span.about { (about) } }
                        }
                        span class=(callback.tone.class()) { (callback.status) }
                        @if let Some(at) = callback.at { (time(at)) }
                    }
                    p.muted { "ID " code { (safe(&callback.id)) } }
                    (json_block("Payload", &callback.payload))
                    @for (index, attempt) in callback.attempts.iter().enumerate() {
                        h3 { "Attempt " (index + 1) " at " (time(attempt.at)) }
                        p {
                            @if let Some(status) = attempt.status {
                                span class=(Tone::of_status(status).class()) { (status) } " "
                            }
                            @if let Some(error) = &attempt.error { (safe(error)) " " }
                            span.muted { (attempt.detail) }
                        }
                        @if !attempt.headers.is_empty() {
                            dl.headers { @for (name, value) in &attempt.headers { dt { (safe(name)) } dd { (safe(value)) } } }
                        }
                        @if let Some(response) = &attempt.response {
                            (json_block("Response", &Value::from(response.as_str())))
                        }
                    }
                    @if callback.can_be_sent {
                        (frame.form("row", "send", &[("id", &callback.id)], &html! { button { "Send again" } }))
                    }
                } }
            }
        }
    }
}
