//! The requests and the callbacks.

use http::StatusCode;
use maud::{Markup, html};

use super::names::{Names, short_ids};
use super::{Content, MAX_SHOWN, text};
use crate::emulator::history::{CallbackStatus, RecordedAttempt};
use crate::emulator::{RequestOutcome, RequestRecord};
use crate::page::{AttemptView, CallbackView, Frame, Tone, callback_list, json_block, safe, time};

pub(super) fn requests(frame: &Frame, content: &Content<'_>, names: &Names) -> Markup {
    let shown: Vec<_> = content.requests.iter().rev().take(MAX_SHOWN).collect();
    html! {
        section.panel #requests aria-labelledby="requests-title" {
            header {
                h2 #requests-title { "Requests" }
                @if !shown.is_empty() {
                    (frame.copy_button("/scenario", "Copy all as scenario"))
                    (frame.form("", "clear-requests", &[], &html! { button.quiet #clear-requests { "Clear" } }))
                }
            }
            @if shown.is_empty() { p.empty { "Requests to the API appear here." } }
            div.scroll-log tabindex=[(!shown.is_empty()).then_some("0")] role="region" aria-label="List of requests" {
                ul.log { @for request in shown { li { (render_request(frame, request, names)) } } }
            }
        }
    }
}

fn render_request(frame: &Frame, request: &RequestRecord, names: &Names) -> Markup {
    let status = match (request.outcome, request.status) {
        (RequestOutcome::Dropped, _) => "dropped".to_owned(),
        (RequestOutcome::Abandoned, _) => "client disconnected".to_owned(),
        (RequestOutcome::Truncated, Some(status)) => format!("{status} truncated"),
        (_, Some(status)) => status.to_string(),
        (_, None) => "no response".to_owned(),
    };
    let tone = match request.status {
        Some(status) if request.outcome == RequestOutcome::Answered => Tone::of_status(status),
        _ => Tone::Bad,
    };
    let reason = request.status.and_then(|status| StatusCode::from_u16(status).ok());
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    html! {
        details id={ "request-" (request.id) } {
            summary {
                span.method { (request.method) }
                span.what {
                    span.path title=(safe(&request.path)) { (short_ids(&safe(&request.path))) (safe(&query)) }
                    @if let Some(name) = names.of_request(request) { span.about { (name) } }
                }
                @if !request.ignored.is_empty() { span.badge.bad { "ignored fields" } }
                @if let Some(fault) = request.fault { span.badge.bad { "fault " (fault) } }
                span class=(tone.class()) title=[reason.and_then(|status| status.canonical_reason())] { (status) }
                span.ms { (request.duration_ms) " ms" }
                (time(request.at))
            }
            @if let Some(rejection) = request.rejection() { p.notice.bad { (safe(rejection)) } }
            @if !request.ignored.is_empty() {
                p.notice { "The emulator ignored what it does not know: " (safe(&request.ignored.join(", "))) "." }
            }
            @if !request.headers.is_empty() {
                h3 { "Headers" }
                dl.headers { @for (name, value) in &request.headers { dt { (name) } dd { (safe(value)) } } }
            }
            @if let Some(body) = &request.body { (json_block("Request body", body)) }
            @if let Some(response) = &request.response { (json_block("Response", response)) }
            div.row {
                (frame.copy_button(&format!("/requests/{}/curl", request.id), "Copy as curl"))
                (frame.copy_button(&format!("/requests/{}/scenario", request.id), "Copy as scenario"))
            }
        }
    }
}

pub(super) fn callbacks(frame: &Frame, content: &Content<'_>, names: &Names) -> Markup {
    let views: Vec<_> = content
        .callbacks
        .iter()
        .rev()
        .take(MAX_SHOWN)
        .map(|callback| {
            let (status, tone) = match callback.status {
                CallbackStatus::NotSent => ("not sent".to_owned(), Tone::Neutral),
                CallbackStatus::Acknowledged => ("acknowledged".to_owned(), Tone::Good),
                CallbackStatus::Pending => {
                    let is_failed = |attempt: &&RecordedAttempt| !attempt.is_success();
                    match callback.attempts.iter().filter(is_failed).count() {
                        0 => ("pending".to_owned(), Tone::Neutral),
                        failed => (format!("{failed} failed"), Tone::Bad),
                    }
                }
            };
            let attempts = callback.attempts.iter().map(|attempt| AttemptView {
                at: attempt.at,
                headers: attempt.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                status: attempt.status,
                error: attempt.error.clone(),
                response: attempt.response.clone(),
                detail: match attempt.retry_in_ms {
                    Some(ms) => format!("{} ms, retry after {ms} ms, {}", attempt.duration_ms, attempt.to),
                    None => format!("{} ms, {}", attempt.duration_ms, attempt.to),
                },
            });
            CallbackView {
                key: callback.id.clone(),
                id: callback.id.clone(),
                kind: callback.kind().to_owned(),
                about: names.of_callback(&callback.payload).map(str::to_owned),
                at: text(&callback.payload, "timestamp").parse().ok(),
                status,
                tone,
                payload: callback.payload.clone(),
                attempts: attempts.collect(),
                can_be_sent: content.has_callbacks && callback.status == CallbackStatus::Acknowledged,
            }
        })
        .collect();
    html! {
        section.panel #callbacks aria-labelledby="callbacks-title" {
            header { h2 #callbacks-title { "Callbacks" } }
            @if !content.has_callbacks {
                p.empty { "Callbacks are sent if the emulator is started with " code { "--callback-url" } "." }
            } @else if views.is_empty() {
                p.empty { "Callbacks appear here when they are sent." }
            }
            div.scroll-log tabindex=[(!views.is_empty()).then_some("0")] role="region" aria-label="List of callbacks" {
                (callback_list(frame, &views))
            }
        }
    }
}
