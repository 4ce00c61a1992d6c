//! What the emulator's page shows.

mod controls;
mod log;
mod names;
mod phones;

use maud::{Markup, html};
use serde_json::Value;

use super::super::faults::FaultStatus;
use super::super::history::RecordedCallback;
use super::super::request_log::RequestRecord;
use super::super::{API_KEY, MERCHANT_ID};
use crate::model::{Currency, format_minor};
use crate::page::{Frame, safe};

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
    pub(super) requests: Vec<RequestRecord>,
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
    let phones = content.phones.as_array().map(Vec::as_slice).unwrap_or_default();
    let names = names::Names::new(content);
    html! {
        section.phones aria-labelledby="phones-title" {
            h2 #phones-title { "Phones" }
            div.stage {
                @for phone in phones.iter().skip(phones.len().saturating_sub(MAX_PHONES)) {
                    (phones::render(frame, phone, content))
                }
                (phones::new_phone(frame, phones.len()))
            }
            @if phones.len() > MAX_PHONES {
                p.muted { "Only the newest " (MAX_PHONES) " of " (phones.len()) " phones are shown." }
            }
        }
        div.side {
            (log::requests(frame, content, &names))
            (log::callbacks(frame, content, &names))
            (controls::panel(frame, content))
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The amount and the currency.
fn money(session: &Value, minor: &Value) -> (String, String) {
    let code = text(session, "purchase_currency");
    let minor = minor.as_i64().unwrap_or_default();
    let amount =
        code.parse::<Currency>().map_or_else(|_| minor.to_string(), |currency| format_minor(minor, currency));
    (amount, safe(code))
}
