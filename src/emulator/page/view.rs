//! What the emulator's page shows.

use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::super::faults::FaultStatus;
use super::super::history::{CallbackStatus, RecordedCallback, RecordedRequest};
use super::super::state::{EmulatorOptions, OptionInfo};
use super::super::{API_KEY, MERCHANT_ID};
use crate::model::{Currency, PaymentMethod, TapOutcome, format_minor};
use crate::page::{AttemptView, CallbackView, Frame, Tone, callback_list, json_block, safe, time};

/// Maximum number of phones, requests and callbacks that are shown.
const MAX_PHONES: usize = 24;
const MAX_SHOWN: usize = 100;

pub(super) struct Content<'a> {
    pub(super) phones: &'a Value,
    pub(super) clock: &'a Value,
    pub(super) options: &'a Value,
    pub(super) faults: Vec<FaultStatus>,
    pub(super) rules: Vec<String>,
    /// The oldest first.
    pub(super) requests: Vec<RecordedRequest>,
    /// The oldest first.
    pub(super) callbacks: Vec<RecordedCallback>,
    pub(super) has_callbacks: bool,
    pub(super) is_strict: bool,
}

pub(super) fn about(host: &str) -> Markup {
    html! {
        "No payment here is real. URL " code { "http://" (safe(host)) } ", key " code { (API_KEY) }
        ", merchant ID " code { (MERCHANT_ID) }
    }
}

pub(super) fn main(frame: &Frame, content: &Content<'_>) -> Markup {
    let none = Vec::new();
    let phones = content.phones.as_array().unwrap_or(&none);
    html! {
        section.phones aria-labelledby="phones-title" {
            h2 #phones-title { "Phones" }
            div.stage {
                @for phone in phones.iter().skip(phones.len().saturating_sub(MAX_PHONES)) {
                    (render_phone(frame, phone, content))
                }
                (new_phone(frame, phones.is_empty()))
            }
            @if phones.len() > MAX_PHONES {
                p.muted { "Only the newest " (MAX_PHONES) " of " (phones.len()) " phones are shown." }
            }
        }
        div.side {
            (requests(frame, content))
            (callbacks(frame, content))
            (controls(frame, content))
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn money(session: &Value, minor: &Value) -> (String, String) {
    let code = text(session, "purchase_currency");
    let minor = minor.as_i64().unwrap_or_default();
    let amount =
        code.parse::<Currency>().map_or_else(|_| minor.to_string(), |currency| format_minor(minor, currency));
    (amount, safe(code))
}

fn render_phone(frame: &Frame, phone: &Value, content: &Content<'_>) -> Markup {
    let id = text(phone, "id");
    let name = match text(phone, "name") {
        "" => "Unnamed phone".to_owned(),
        name => safe(name),
    };
    let is_offline = phone["offline"] == true;
    let sessions = phone["sessions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_open = |session: &&Value| matches!(text(session, "status"), "CREATED" | "ACTIVE");
    let open = sessions.iter().find(is_open);
    let waiting = phone["open"].as_u64().unwrap_or_default().saturating_sub(1);
    let title = format!("phone-{id}-name");
    html! {
        article.phone id={ "phone-" (id) } aria-labelledby=(title) {
            div.shell { div.screen {
                div.island aria-hidden="true" {}
                header {
                    h3 id=(title) { (name) }
                    span.muted { (safe(text(phone, "location"))) }
                }
                div.content {
                    @if is_offline {
                        p.notice.bad { "No network. Payments do not reach this phone." }
                    }
                    @match (open, sessions.first()) {
                        (Some(session), _) => (open_session(frame, session, is_offline, waiting, content)),
                        (None, Some(session)) => (ended_session(session)),
                        (None, None) => div.result {
                            span.mark aria-hidden="true" { "◎" }
                            strong { "Ready" }
                            span.muted { "Waiting for a payment" }
                        },
                    }
                }
                div.home aria-hidden="true" {}
            } }
            @let (action, label) =
                if is_offline { ("online", "Connect the network") } else { ("offline", "Disconnect the network") };
            (frame.form("under", action, &[("device", id)], &html! {
                button.quiet id={ "network-" (id) } aria-label={ (label) " of " (name) } { (label) }
            }))
        }
    }
}

fn open_session(
    frame: &Frame,
    session: &Value,
    is_offline: bool,
    waiting: u64,
    content: &Content<'_>,
) -> Markup {
    let id = text(session, "session_id");
    let (amount, currency) = money(session, &session["order_amount"]);
    let method = PaymentMethod::ALL.into_iter().find(|method| session["method"] == method.as_str());
    let field = [("session", id)];
    html! {
        div {
            p.amount { (amount) " " small { (currency) } }
            @if let Some(reference) = session["merchant_reference1"].as_str() { p.muted { (safe(reference)) } }
        }
        (cart(session))
        @if waiting > 0 { p.muted { "Open sessions behind this one: " (waiting) } }
        @if let Some(reason) = last_decline(id, content) {
            p.notice.bad { "Payment " (reason) ". Try again." }
        }
        (frame.form("", "choose", &field, &html! {
            fieldset.methods disabled[is_offline] {
                legend { "Payment method" }
                div {
                    @for choice in PaymentMethod::ALL {
                        button id={ "choose-" (choice.name()) "-" (id) } name="method" value=(choice.as_str())
                            aria-pressed=(if method == Some(choice) { "true" } else { "false" }) { (method_name(choice)) }
                    }
                }
            }
        }))
        div.actions {
            @if let Some(method) = method {
                (frame.form("", "pay", &field, &html! {
                    button.primary id={ "pay-" (id) } disabled[is_offline] { (pay_label(method)) }
                }))
                (frame.form("split", "decline", &field, &html! {
                    label { "Reason"
                        select id={ "reason-" (id) } name="outcome" disabled[is_offline] {
                            @for outcome in TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success) {
                                option value=(outcome.name()) { (reason_name(outcome)) }
                            }
                        }
                    }
                    button id={ "decline-" (id) } disabled[is_offline] { "Decline" }
                }))
            }
            (frame.form("", "cancel", &field, &html! {
                button.danger id={ "cancel-" (id) } disabled[is_offline] { "Cancel" }
            }))
        }
    }
}

fn cart(session: &Value) -> Markup {
    let Some(items) = session["order_items"].as_array().filter(|items| !items.is_empty()) else {
        return html! {};
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Cart" {
            table.cart {
                caption.visually-hidden { "Cart" }
                thead.visually-hidden { tr { th scope="col" { "Item" } th scope="col" { "Total" } } }
                tbody {
                    @for item in items {
                        tr {
                            th scope="row" {
                                (safe(text(item, "name")))
                                @if let Some(quantity) = item["quantity"].as_i64().filter(|quantity| *quantity != 1) {
                                    span.muted { " × " (quantity) }
                                }
                            }
                            td { (money(session, &item["total_amount"]).0) }
                        }
                    }
                }
                @if session["order_tax_amount"].is_i64() {
                    tfoot { tr {
                        th scope="row" { "Of which tax" }
                        td { (money(session, &session["order_tax_amount"]).0) }
                    } }
                }
            }
        }
    }
}

fn ended_session(session: &Value) -> Markup {
    let (amount, currency) = money(session, &session["order_amount"]);
    let (class, mark, label) = match text(session, "status") {
        "FINALIZED" => ("result good", "✓", "Paid"),
        "CANCELLED" => ("result", "×", "Canceled"),
        "EXPIRED" => ("result", "⏱", "Expired"),
        _ => ("result bad", "!", "Failed"),
    };
    let order = session["order_id"].as_str().and_then(|order| order.get(..8));
    html! {
        div class=(class) role="status" {
            span.mark aria-hidden="true" { (mark) }
            strong { (label) }
            span { (amount) " " (currency) }
            @if let Some(order) = order { span.muted { "Order " (order) "…" } }
            @if let Some(reference) = session["merchant_reference1"].as_str() { span.muted { (safe(reference)) } }
        }
        p.muted { "Ready for the next payment" }
    }
}

fn new_phone(frame: &Frame, is_only: bool) -> Markup {
    html! {
        article.phone.new #phone-new aria-labelledby="phone-new-name" {
            div.shell { div.screen {
                header { h3 #phone-new-name { "New phone" } }
                div.content {
                    (frame.form("actions", "pair", &[], &html! {
                        label { "Enrollment code"
                            input #pair-code name="code" required autocomplete="off" autocapitalize="characters"
                                spellcheck="false" data-clear;
                        }
                        label { "Device name"
                            input #pair-name name="name" placeholder="Till 1" autocomplete="off" data-clear;
                        }
                        button.primary #pair { "Pair" }
                    }))
                    @if is_only {
                        p.muted { "Create a code with " code { "kustom enrollments create" } ", or add a simulated phone:" }
                    }
                    (frame.form("", "create-device", &[("name", "Simulated phone")], &html! {
                        button.quiet #create-device { "Add a simulated phone" }
                    }))
                }
            } }
        }
    }
}

const fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "Card",
        PaymentMethod::Klarna => "Klarna",
        PaymentMethod::Swish => "Swish",
        PaymentMethod::Vipps => "Vipps",
    }
}

const fn pay_label(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "Tap card",
        PaymentMethod::Klarna => "Pay with Klarna",
        PaymentMethod::Swish => "Pay with Swish",
        PaymentMethod::Vipps => "Pay with Vipps",
    }
}

/// The value on the command line as words, such as "Insufficient funds".
fn reason_name(outcome: TapOutcome) -> String {
    let words = outcome.name().replace('-', " ");
    let (first, rest) = words.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// What the phone shows after a decline, until the customer pays.
fn last_decline(session: &str, content: &Content<'_>) -> Option<&'static str> {
    let last = content.callbacks.iter().rfind(|callback| callback.session_id() == Some(session))?;
    let reason = last.payload["data"]["failure_reason"].as_str()?;
    TapOutcome::find(reason).map(TapOutcome::meaning)
}

fn requests(frame: &Frame, content: &Content<'_>) -> Markup {
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
                ul.log { @for request in shown { li { (render_request(frame, request)) } } }
            }
        }
    }
}

fn render_request(frame: &Frame, request: &RecordedRequest) -> Markup {
    let status = match (request.outcome, request.status) {
        ("dropped", _) => "dropped".to_owned(),
        ("abandoned", _) => "client disconnected".to_owned(),
        ("truncated", Some(status)) => format!("{status} truncated"),
        (_, Some(status)) => status.to_string(),
        (_, None) => "no response".to_owned(),
    };
    let tone = match request.status {
        Some(status) if request.outcome == "answered" => Tone::of_status(status),
        _ => Tone::Bad,
    };
    let reason = request.status.and_then(|status| StatusCode::from_u16(status).ok());
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    html! {
        details id={ "request-" (request.id) } {
            summary {
                span.method { (request.method) }
                span.path { (safe(&request.path)) (safe(&query)) }
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
            h3 { "Copy" }
            div.row {
                (frame.copy_button(&format!("/requests/{}/curl", request.id), "Copy as curl"))
                (frame.copy_button(&format!("/requests/{}/scenario", request.id), "Copy as scenario"))
            }
        }
    }
}

fn callbacks(frame: &Frame, content: &Content<'_>) -> Markup {
    let views: Vec<_> = content
        .callbacks
        .iter()
        .rev()
        .take(MAX_SHOWN)
        .map(|callback| {
            let (status, tone) = match callback.status {
                CallbackStatus::NotSent => ("not sent".to_owned(), Tone::Neutral),
                CallbackStatus::Acknowledged => ("acknowledged".to_owned(), Tone::Good),
                CallbackStatus::Pending if callback.attempts.is_empty() => {
                    ("pending".to_owned(), Tone::Neutral)
                }
                CallbackStatus::Pending => (format!("attempt {} failed", callback.attempts.len()), Tone::Bad),
            };
            let attempts = callback.attempts.iter().map(|attempt| AttemptView {
                at: attempt.at,
                headers: attempt.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                status: attempt.status,
                error: attempt.error.clone(),
                response: attempt.response.clone(),
                detail: match attempt.retry_in_ms {
                    Some(ms) => format!("{} ms, retry after {ms} ms", attempt.duration_ms),
                    None => format!("{} ms", attempt.duration_ms),
                },
            });
            CallbackView {
                key: callback.id.clone(),
                id: callback.id.clone(),
                kind: callback.kind().to_owned(),
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
            }
            div.scroll-log tabindex=[(!views.is_empty()).then_some("0")] role="region" aria-label="List of callbacks" {
                (callback_list(frame, &views, ""))
            }
        }
    }
}

fn controls(frame: &Frame, content: &Content<'_>) -> Markup {
    let now = text(content.clock, "now").parse().ok();
    let ahead =
        text(content.clock, "ahead").parse::<jiff::SignedDuration>().ok().filter(|ahead| !ahead.is_zero());
    html! {
        section.panel #controls aria-labelledby="controls-title" {
            header { h2 #controls-title { "Controls" } }
            div.control {
                h3 { "Clock" }
                @if let Some(ahead) = ahead { p.muted { "Ahead of this machine by " (format!("{ahead:#}")) } }
                @else if now.is_some_and(|_: jiff::Timestamp| true) { p.muted { "The time of this machine" } }
                (frame.form("row", "advance", &[], &html! {
                    label { "Advance by" input #advance-by name="by" value="20m" required; }
                    button #advance { "Advance" }
                }))
            }
            div.control {
                h3 { "Faults" }
                @if content.faults.is_empty() { p.muted { "No faults are injected." } }
                ul.rules {
                    @for fault in &content.faults {
                        li { code { (safe(&fault.fault)) } span.muted { " hit " (fault.hit) } }
                    }
                }
                (frame.form("row", "add-fault", &[], &html! {
                    label { "Fault"
                        input #fault name="fault" required placeholder="POST /ipp/v1/sessions: 503 x2" data-clear;
                    }
                    button #add-fault { "Add" }
                }))
                @if !content.faults.is_empty() {
                    (frame.form("row", "clear-faults", &[], &html! { button.quiet #clear-faults { "Remove all faults" } }))
                }
            }
            @if !content.rules.is_empty() {
                div.control {
                    h3 { "The phones play by these rules" }
                    ul.rules { @for rule in &content.rules { li { code { (safe(rule)) } } } }
                }
            }
            div.control {
                details #options {
                    summary { "Options" }
                    @if content.is_strict { p.notice { "The emulator is strict: it rejects what it does not know." } }
                    div.fields { @for option in OptionInfo::list() { (option_form(frame, &option, content.options)) } }
                }
            }
            div.control {
                details #reset-confirm {
                    summary { "Start over" }
                    p.muted { "Removes all devices, codes and sessions, and the lists above." }
                    (frame.form("row", "reset", &[], &html! { button.danger #reset { "Reset the emulator" } }))
                }
            }
        }
    }
}

fn option_form(frame: &Frame, option: &OptionInfo, options: &Value) -> Markup {
    let current = match &options[option.name] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let default = EmulatorOptions::default().get(option.name).unwrap_or_default();
    let id = format!("option-{}", option.name);
    frame.form("", "set-option", &[("name", option.name)], &html! {
        label for=(id) title=(option.help) { (option.name) @if current != default { " (changed)" } }
        div.row {
            @if option.values.is_empty() {
                input id=(id) name="value" value=(current) required;
            } @else {
                select id=(id) name="value" {
                    @for (value, _) in &option.values { option value=(value) selected[*value == current] { (value) } }
                }
            }
            button.quiet aria-label={ "Set " (option.name) } { "Set" }
        }
    })
}
