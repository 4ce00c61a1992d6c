//! What a step does, with the keys that belong to it.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Steps;
use crate::model::{Cart, Currency, PaymentMethod, SessionStatus, TapOutcome, parse_amount, parse_item};
use crate::scenario::action::{Action, ResourceKind};
use crate::scenario::model::SessionSpec;
use crate::scenario::toml_reader::Fields;

/// How long a step waits when nothing is said.
const USUAL_WAIT: Duration = Duration::from_secs(30);

/// The currency of a sale that names none.
const USUAL_CURRENCY: &str = "SEK";

/// What a simulated device is called that is given no name.
const USUAL_NAME: &str = "Till";

/// The statuses that a session can be waited for, or be expected in.
pub(super) const SESSION_STATUSES: [&str; 6] =
    ["CREATED", "ACTIVE", "FINALIZED", "CANCELLED", "EXPIRED", "FAILED"];

/// Reads what the step with this word does. `None` when it cannot be read, which is noted.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, verb: &str, steps: &Steps<'a, '_>) -> Option<Action> {
    let device = |fields: &mut Fields<'a, '_>| steps.reference(fields, ResourceKind::Device);
    let code = |fields: &mut Fields<'a, '_>| steps.reference(fields, ResourceKind::Code);
    let session = |fields: &mut Fields<'a, '_>| steps.reference(fields, ResourceKind::Session);
    Some(match verb {
        "create-device" => Action::CreateDevice {
            name: fields.text("name").unwrap_or_else(|| USUAL_NAME.to_owned()),
            location: fields.text("location"),
        },
        "deregister" => Action::Deregister { device: device(fields)? },
        "enroll" => {
            Action::Enroll { location: fields.text("location"), expires_in: fields.duration("expires_in") }
        }
        "withdraw" => Action::Withdraw { code: code(fields)? },
        "pair" => {
            let (code, name) = (code(fields), fields.text("name"));
            Action::Pair { code: code?, name }
        }
        "create" => create(fields, steps)?,
        "choose" => {
            let (session, method) = (session(fields), method(fields));
            Action::Choose { session: session?, method: method.unwrap_or_default() }
        }
        "tap" => {
            let (session, outcome) = (session(fields), outcome(fields, true));
            Action::Tap { session: session?, outcome }
        }
        "pay" => {
            let (session, method) = (session(fields), method(fields));
            Action::Pay { session: session?, method }
        }
        "decline" => {
            let (session, outcome) = (session(fields), outcome(fields, false));
            Action::Decline { session: session?, outcome: outcome.unwrap_or(TapOutcome::DeclinedGeneric) }
        }
        "cancel-on-phone" => Action::CancelOnPhone { session: session(fields)? },
        "cancel" => Action::Cancel { session: session(fields)? },
        "get" => Action::Get { session: session(fields)? },
        "wait" => {
            let session = session(fields);
            let status =
                |text: &str| SESSION_STATUSES.contains(&text).then(|| SessionStatus::from(text.to_owned()));
            let until = fields.one_of("for", &SESSION_STATUSES, status).unwrap_or(SessionStatus::Finalized);
            let within = fields.duration("within").unwrap_or(USUAL_WAIT);
            Action::Wait { session: session?, until, within }
        }
        "offline" | "online" => Action::Network { device: device(fields)?, offline: verb == "offline" },
        "advance" => {
            let by = fields.duration("by");
            if by.is_none() && fields.get("by").is_none() {
                fields.wrong("", "the step 'advance' needs a 'by', such as by = \"15m\"");
            }
            Action::Advance { by: by? }
        }
        _ => return None,
    })
}

/// A method in either spelling; a card where nothing is said is left to who asks.
fn method(fields: &mut Fields<'_, '_>) -> Option<PaymentMethod> {
    let names = PaymentMethod::ALL.map(PaymentMethod::name);
    fields.one_of("method", &names, |text| {
        PaymentMethod::ALL.into_iter().find(|method| method.name() == text || method.as_str() == text)
    })
}

fn outcome(fields: &mut Fields<'_, '_>, success: bool) -> Option<TapOutcome> {
    let possible = |outcome: &TapOutcome| success || *outcome != TapOutcome::Success;
    let names: Vec<_> = TapOutcome::ALL.into_iter().filter(possible).map(TapOutcome::name).collect();
    fields.one_of("outcome", &names, |text| TapOutcome::find(text).filter(possible))
}

fn create<'a>(fields: &mut Fields<'a, '_>, steps: &Steps<'a, '_>) -> Option<Action> {
    let currency =
        fields.parsed("currency", |text| text.parse::<Currency>().map_err(|error| error.to_string()));
    let currency = match currency {
        Some(currency) => Some(currency),
        // One that cannot be read is noted; the amounts are then not looked at.
        None if fields.get("currency").is_some() => None,
        None => USUAL_CURRENCY.parse().ok(),
    };
    let amount = fields.parsed("amount", |text| {
        let Some(currency) = currency else { return Ok(0) };
        parse_amount(text, currency).map_err(|error| error.to_string())
    });
    let cart = cart(fields, currency);
    let reference = fields.text("reference");
    let body = fields.object("body").unwrap_or_default();
    if ["amount", "items", "body"].into_iter().all(|key| fields.get(key).is_none()) {
        fields.wrong("", "the step 'create' needs an 'amount', such as amount = \"249.50\", or 'items'");
    }
    // A sale that names its device itself, as one that does not exist, needs none that was made.
    let names_device = body.contains_key("device_id") && fields.get("device").is_none();
    let device = if names_device { None } else { Some(steps.reference(fields, ResourceKind::Device)?) };
    let mut sale = Map::new();
    let mut set = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            sale.insert(field.to_owned(), value);
        }
    };
    set("order_amount", amount.or_else(|| cart.as_ref().map(Cart::total)).map(Value::from));
    set("order_tax_amount", cart.as_ref().map(|cart| cart.tax().into()));
    set("purchase_currency", currency.map(|currency| currency.code().into()));
    set("merchant_reference1", reference.map(Value::from));
    set("order_items", cart.map(|cart| cart.to_json().into()));
    Some(Action::Create { device, sale: SessionSpec { fields: sale, body } })
}

/// The items, in the short shape of `sessions create --item`.
fn cart(fields: &mut Fields<'_, '_>, currency: Option<Currency>) -> Option<Cart> {
    let (items, currency) = (fields.texts("items")?, currency?);
    let mut drafts = Vec::new();
    for (text, at) in &items {
        match parse_item(text, currency) {
            Ok(draft) => drafts.push(draft),
            Err(error) => fields.source.report(at, format!("'items': {error}")),
        }
    }
    if drafts.len() < items.len() {
        return None;
    }
    Cart::check(drafts, currency).map_err(|error| fields.wrong("items", format!("'items': {error}"))).ok()
}
