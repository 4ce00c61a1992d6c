//! A sale that is ready to be sent: what the flags, a cart or a body say, checked.

use clap::builder::NonEmptyStringValueParser;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cart::{CartInput, CartSource};
use crate::args::Input;
use crate::commands::resolve::id_of;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::journal::Intent;
use crate::model::{Cart, Currency, SessionRequest, format_minor, parse_amount};
use crate::output::format_amount;

/// What is sold, to whom it is shown, and what is written down about it.
pub(super) struct PreparedSession {
    /// The bytes that are sent.
    pub(super) body: Vec<u8>,
    /// The location, as a query parameter.
    pub(super) location_id: Option<String>,
    /// What the journal keeps.
    pub(super) intent: Intent,
    /// For people: `249.50 SEK on device 'Till 1' (id)`.
    pub(super) summary: String,
}

/// What is sold and where.
#[derive(Debug, clap::Args)]
pub(super) struct SessionArgs {
    /// The device: its name, its id or the beginning of its id; on a terminal it can be chosen from a list
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// The amount with tax, in the currency's own decimals, such as 249.50; with a cart it is only checked
    #[arg(long, value_name = "AMOUNT", required_unless_present_any = ["body", "items", "cart"],
          allow_hyphen_values = true)]
    amount: Option<String>,
    /// The currency, such as SEK; the profile's default unless told otherwise
    #[arg(long, value_name = "CURRENCY")]
    currency: Option<Currency>,
    /// A line of the cart: `NAME,price=100.00,qty=2,tax=25%,ref=SKU-001`, also with `discount=` and `type=`; can be
    /// repeated
    #[arg(long = "item", id = "items", value_name = "LINE", conflicts_with = "cart")]
    items: Vec<String>,
    /// The cart as JSON (the API's `order_items`, or the keys of --item) or CSV, from a file or - for standard input
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse)]
    cart: Option<Input>,
    /// Your reference, such as a receipt number: the same one is not charged twice
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    /// A second reference
    #[arg(long, value_name = "TEXT")]
    reference2: Option<String>,
    /// Anything you want to find again in the session
    #[arg(long, value_name = "TEXT")]
    merchant_data: Option<String>,
    /// The location of the sale: its name, its id or the beginning of its id
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// Send this JSON object as it is, from a file or - for standard input
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse,
          conflicts_with_all = ["device", "amount", "currency", "items", "cart", "reference", "reference2",
                                "merchant_data"])]
    body: Option<Input>,
}

impl SessionArgs {
    /// Checks everything that can be checked here, then finds device and location.
    pub(super) async fn prepare(self, context: &ApiContext<'_>) -> Result<PreparedSession, Error> {
        let Self {
            device,
            amount,
            currency,
            items,
            cart,
            reference,
            reference2,
            merchant_data,
            location,
            body,
        } = self;
        if let Some(input) = body {
            return from_raw_body(&input, location.as_deref(), context).await;
        }
        let cart = cart.map(|input| CartSource::read(&input, context)).transpose()?;
        let currency = match (currency, cart.as_ref().and_then(CartSource::currency)) {
            // A cart that names its currency goes before the profile's default, but not before a flag.
            (None, Some(code)) => Some(code?),
            (currency, _) => currency,
        };
        let currency = currency_or_default(currency, context)?;
        let amount = amount
            .map(|text| {
                parse_amount(&text, currency).map_err(|error| Error::usage(format!("--amount: {error}")))
            })
            .transpose()?;
        let given = match cart {
            Some(source) => Some(CartInput::from_source(source, currency)?),
            None if items.is_empty() => None,
            None => Some(CartInput::from_items(&items, currency)?),
        };
        let cart = given.map(|given| given.validate(amount, currency)).transpose()?;
        let Some(order_amount) = cart.as_ref().map(Cart::total).or(amount) else {
            return Err(Error::usage("give --amount, --item or --cart"));
        };
        if order_amount <= 0 {
            let what = if cart.is_some() { "the cart's sum" } else { "--amount" };
            return Err(Error::usage(format!("{what} must be more than nothing")));
        }
        let (device_id, device_shown) = find_device(device.as_deref(), context).await?;
        let (location_id, location_shown) = find_location(location.as_deref(), context).await?;
        let request = SessionRequest {
            device_id,
            order_amount,
            order_tax_amount: cart.as_ref().map(Cart::tax),
            purchase_currency: currency.code().to_owned(),
            purchase_started_at: now_in_milliseconds(),
            merchant_reference1: reference,
            merchant_reference2: reference2,
            merchant_data,
            order_items: cart.as_ref().map(Cart::to_json).unwrap_or_default(),
        };
        let body =
            serde_json::to_vec(&request).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        Ok(PreparedSession {
            body,
            location_id,
            summary: format!(
                "{} {currency} on device {device_shown}{location_shown}",
                format_minor(order_amount, currency)
            ),
            intent: Intent {
                merchant_id: merchant_of(context),
                device_id: Some(request.device_id.to_ascii_lowercase()),
                order_amount: Some(order_amount),
                purchase_currency: Some(request.purchase_currency),
                purchase_started_at: Some(request.purchase_started_at),
                merchant_reference1: request.merchant_reference1,
                merchant_reference2: request.merchant_reference2,
            },
        })
    }
}

/// The moment the purchase began. Milliseconds are enough to tell one session from another, and every server
/// keeps them.
fn now_in_milliseconds() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn merchant_of(context: &ApiContext<'_>) -> Option<String> {
    context.account.merchant_id.as_ref().map(|id| id.value.clone())
}

fn currency_or_default(given: Option<Currency>, context: &ApiContext<'_>) -> Result<Currency, Error> {
    match (given, &context.account.currency) {
        (Some(currency), _) => Ok(currency),
        (None, Some(default)) => default.value.parse().map_err(|error| {
            Error::usage(format!("the default currency (from {}) cannot be used: {error}", default.source))
        }),
        (None, None) => Err(Error::usage("no currency is given, and the profile has no default")
            .hint("add --currency, such as --currency SEK")),
    }
}

/// A device's id, and how it is shown. On production a person who confirms a payment sees the device's name, and the
/// name of the place where it stands.
async fn find_device(wanted: Option<&str>, context: &ApiContext<'_>) -> Result<(String, String), Error> {
    if let Some(wanted) = wanted
        && !context.account.is_production()
    {
        return Ok((context.device_id(wanted).await?, format!("'{wanted}'")));
    }
    let found = context.resolve_or_select_device(wanted).await?;
    let id = id_of(&found)?;
    let place = match found.location_id.as_deref() {
        Some(location) => format!(", which stands at {}", location_name(location, context).await),
        None => String::new(),
    };
    let shown = format!("'{}' ({id}){place}", found.name.as_deref().unwrap_or("(no name)"));
    Ok((id, shown))
}

/// A location's name. Not knowing it is no reason not to take a payment.
async fn location_name(id: &str, context: &ApiContext<'_>) -> String {
    match context.client.location(id).await {
        Ok(location) => format!("'{}'", location.name.as_deref().unwrap_or(id)),
        Err(_) => format!("location {id}"),
    }
}

/// A location's id, and how it is shown behind the device.
async fn find_location(
    wanted: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<(Option<String>, String), Error> {
    let id = context.location_id_opt(wanted).await?;
    let shown = match (wanted, &id) {
        (Some(wanted), Some(id)) if wanted == id => format!(" at location {id}"),
        (Some(wanted), Some(id)) => format!(" at location '{wanted}' ({id})"),
        _ => String::new(),
    };
    Ok((id, shown))
}

/// A body that is sent as it is: only that it is a JSON object is checked.
async fn from_raw_body(
    input: &Input,
    location: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<PreparedSession, Error> {
    let body = input.read(context.output)?;
    let object: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(Error::usage("--body is JSON, but not an object like {\"device_id\": …}")),
        // The message of a syntax error names its place and nothing of the content.
        Err(error) => return Err(Error::usage(format!("--body is not JSON: {error}"))),
    };
    let (location_id, location_shown) = find_location(location, context).await?;
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    let owned = |field: &str| text(field).map(str::to_owned);
    let order_amount = object.get("order_amount").and_then(Value::as_i64);
    let intent = Intent {
        merchant_id: merchant_of(context),
        device_id: text("device_id").map(str::to_ascii_lowercase),
        order_amount,
        purchase_currency: owned("purchase_currency"),
        purchase_started_at: text("purchase_started_at").and_then(|text| text.parse().ok()),
        merchant_reference1: owned("merchant_reference1"),
        merchant_reference2: owned("merchant_reference2"),
    };
    let amount = format_amount(order_amount, text("purchase_currency"));
    let device = text("device_id").unwrap_or("(none)");
    Ok(PreparedSession {
        summary: format!("{amount} on device {device}{location_shown}"),
        body,
        location_id,
        intent,
    })
}
