//! The phones, and the form that adds one.

use maud::{Markup, html};
use serde_json::Value;

use super::{Content, money, text};
use crate::model::{PaymentMethod, TapOutcome};
use crate::page::{Frame, safe, short_id};
use crate::text::capitalize;

const NO_NETWORK: &str = "No network";

pub(super) fn render(frame: &Frame, phone: &Value, content: &Content<'_>) -> Markup {
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
                    @match (open, sessions.first()) {
                        (Some(session), _) => {
                            @if is_offline { p.notice.bad { (NO_NETWORK) ". Nothing can be paid." } }
                            (open_session(frame, session, is_offline, waiting, content))
                        }
                        (None, _) if is_offline => (result("bad", "!", NO_NETWORK, &html! {
                            span.muted { "Payments do not reach this phone" }
                        })),
                        (None, Some(session)) => (ended_session(session)),
                        (None, None) => (result("", "◎", "Ready", &html! {
                            span.muted { "Waiting for a payment" }
                        })),
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
                            aria-pressed=(if method == Some(choice) { "true" } else { "false" }) { (capitalize(choice.name())) }
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
        "FINALIZED" => ("good", "✓", "Paid"),
        "CANCELLED" => ("", "×", "Canceled"),
        "EXPIRED" => ("", "⏱", "Expired"),
        _ => ("bad", "!", "Failed"),
    };
    html! {
        (result(class, mark, label, &html! {
            span { (amount) " " (currency) }
            @if let Some(reference) = session["merchant_reference1"].as_str() { span.muted { (safe(reference)) } }
            @if let Some(order) = session["order_id"].as_str() {
                span.muted title=(safe(order)) { "Order " (short_id(&safe(order))) }
            }
        }))
        p.next { "Ready for the next payment" }
    }
}

fn result(class: &str, mark: &str, label: &str, details: &Markup) -> Markup {
    html! {
        div class={ "result " (class) } role="status" {
            span.mark aria-hidden="true" { (mark) }
            strong { (label) }
            (details)
        }
    }
}

pub(super) fn new_phone(frame: &Frame, count: usize) -> Markup {
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
                    @if count == 0 {
                        p.muted { "Create a code with " code { "kustom enrollments create" } ", or add a simulated phone:" }
                    }
                    (frame.form("", "create-device", &[("name", &format!("Simulated phone {}", count + 1))], &html! {
                        button.quiet #create-device { "Add a simulated phone" }
                    }))
                }
            } }
        }
    }
}

fn pay_label(method: PaymentMethod) -> String {
    match method {
        PaymentMethod::Card => "Tap card".to_owned(),
        PaymentMethod::Klarna | PaymentMethod::Swish | PaymentMethod::Vipps => {
            format!("Pay with {}", capitalize(method.name()))
        }
    }
}

/// The value on the command line as words, such as "Insufficient funds".
fn reason_name(outcome: TapOutcome) -> String {
    if outcome == TapOutcome::DeclinedGeneric {
        return "No reason given".to_owned();
    }
    capitalize(&outcome.name().replace('-', " "))
}

/// What the phone shows after a decline, until the customer pays.
fn last_decline(session: &str, content: &Content<'_>) -> Option<&'static str> {
    let last = content.callbacks.iter().rfind(|callback| callback.session_id() == Some(session))?;
    let reason = last.payload["data"]["failure_reason"].as_str()?;
    TapOutcome::find(reason).map(TapOutcome::meaning)
}
