//! The flags that describe a session, and the request built from them.

use clap::builder::NonEmptyStringValueParser;
use indexmap::IndexSet;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cart::{CartFile, cart_from_items};
use crate::api::{Request, create_session_request};
use crate::args::Input;
use crate::commands::resolve::id_of;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::Intent;
use crate::model::{Currency, Device, SessionRequest, parse_amount, parse_json};
use crate::output::format_amount;
use crate::text::trim_text;

/// A session to create.
pub(super) struct NewSession {
    /// Sent unchanged.
    body: Vec<u8>,
    /// The body as kustom reads it, for the ledger and for the user.
    request: SessionRequest,
    location_id: Option<String>,
    /// The device and the location as the user knows them: `device 'Till 1' at location 'Stockholm' (id)`.
    pub(super) target: String,
}

impl NewSession {
    pub(super) fn request(&self) -> Request {
        create_session_request(self.body.clone(), self.location_id.as_deref())
    }

    /// The fields of the body.
    pub(super) fn fields(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The amount and where it is paid, for prompts and messages.
    pub(super) fn summary(&self) -> String {
        let SessionRequest { order_amount, purchase_currency, .. } = &self.request;
        format!("{} on {}", format_amount(Some(*order_amount), Some(purchase_currency)), self.target)
    }

    /// What the ledger keeps of it, to recognize duplicates and the session itself.
    pub(super) fn intent(&self) -> Intent {
        let request = self.request.clone();
        Intent {
            location_id: self.location_id.clone(),
            device_id: Some(request.device_id.to_ascii_lowercase()),
            order_amount: Some(request.order_amount),
            order_tax_amount: request.order_tax_amount,
            purchase_currency: Some(request.purchase_currency),
            purchase_started_at: request.purchase_started_at,
            merchant_reference1: request.merchant_reference1,
            merchant_reference2: request.merchant_reference2,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct SessionArgs {
    /// Device name, ID or ID prefix [default: the profile's device, or select from a list]
    #[arg(long, value_name = "DEVICE", add = complete::devices())]
    device: Option<String>,
    /// Amount including tax, in the currency's decimals, such as 249.50; with a cart it is only checked
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    amount: Option<String>,
    /// Currency, such as SEK [default: the profile's default currency]
    #[arg(long, value_name = "CURRENCY", add = complete::currencies())]
    currency: Option<Currency>,
    /// Cart line: `NAME,price=100.00,qty=2,tax=25%,ref=SKU-001`, optionally `discount=` and `type=`; can be repeated
    #[arg(long = "item", id = "items", value_name = "LINE", conflicts_with = "cart")]
    items: Vec<String>,
    /// Cart as JSON (the API's `order_items`, or the keys of --item) or CSV, from a file or - for standard input
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse, add = complete::file_or_stdin())]
    cart: Option<Input>,
    /// Your reference, such as a receipt number: kustom does not charge the same one twice
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    /// Second reference
    #[arg(long, value_name = "TEXT")]
    reference2: Option<String>,
    /// Free text to store with the session
    #[arg(long, value_name = "TEXT")]
    merchant_data: Option<String>,
    /// Location name, ID or ID prefix
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// Send this JSON object unchanged, from a file or - for standard input
    #[arg(add = complete::file_or_stdin())]
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse,
          conflicts_with_all = ["device", "amount", "currency", "items", "cart", "reference", "reference2",
                                "merchant_data"])]
    body: Option<Input>,
}

impl SessionArgs {
    /// Fails if the amount or the device is missing, and the user cannot be asked for it.
    pub(super) fn ensure_complete(&self, context: &ApiContext<'_>) -> Result<(), Error> {
        if self.body.is_some() || context.output.can_prompt() {
            return Ok(());
        }
        if self.lacks_amount() {
            return Err(no_amount());
        }
        context.ensure_named::<Device>(self.device.is_some() || context.account.device.is_some())
    }

    const fn lacks_amount(&self) -> bool {
        self.amount.is_none() && self.cart.is_none() && self.items.is_empty()
    }

    /// Checks everything that needs no request, then finds the device and the location.
    pub(super) async fn build(self, context: &ApiContext<'_>) -> Result<NewSession, Error> {
        if let Some(input) = self.body {
            return build_from_body(&input, self.location.as_deref(), context).await;
        }
        let lacks_amount = self.lacks_amount();
        let file = self.cart.map(|input| CartFile::read(&input, context)).transpose()?;
        // A currency in the cart overrides the profile's default, but not the flag.
        let file_currency = file.as_ref().map_or(Ok(None), CartFile::currency)?;
        let currency = self.currency.or(file_currency).map_or_else(|| default_currency(context), Ok)?;
        let amount = if lacks_amount {
            Some(ask_amount(currency, context).await?)
        } else {
            let amount = self.amount.map(|text| parse_amount(&text, currency)).transpose();
            amount.map_err(|error| Error::usage(format!("--amount: {error}")))?
        };
        let cart = match file {
            Some(file) => Some(file.into_cart(amount, currency)?),
            None if self.items.is_empty() => None,
            None => Some(cart_from_items(&self.items, amount, currency)?),
        };
        let Some(order_amount) = cart.as_ref().map(|cart| cart.total).or(amount) else {
            return Err(Error::usage("give --amount, --item or --cart"));
        };
        if let Some(cart) = &cart {
            for warning in &cart.warnings {
                context.output.warn(warning);
            }
            warn_about_types(&cart.items, context);
        }
        if order_amount <= 0 {
            let source = if cart.is_some() { "the cart's sum" } else { "--amount" };
            return Err(Error::usage(format!("{source} must be more than zero")));
        }
        let (device_id, device) = find_device(self.device.as_deref(), context).await?;
        let (location_id, location) = find_location(self.location.as_deref(), context).await?;
        let request = SessionRequest {
            device_id,
            order_amount,
            order_tax_amount: cart.as_ref().map(|cart| cart.tax),
            purchase_currency: currency.code().to_owned(),
            purchase_started_at: Some(now_in_milliseconds()),
            merchant_reference1: trim_reference("--reference", self.reference)?,
            merchant_reference2: trim_reference("--reference2", self.reference2)?,
            merchant_data: self.merchant_data,
            order_items: cart.map(|cart| cart.items).unwrap_or_default(),
        };
        let body =
            serde_json::to_vec(&request).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        Ok(NewSession { body, request, location_id, target: format!("device {device}{location}") })
    }
}

/// Trims a reference, so that one with a line break of a file is not another reference.
fn trim_reference(flag: &str, reference: Option<String>) -> Result<Option<String>, Error> {
    let trimmed = reference.map(|reference| trim_text(&reference).to_owned());
    if trimmed.as_deref() == Some("") {
        return Err(Error::usage(format!("{flag} is empty")));
    }
    Ok(trimmed)
}

/// Warns about types of lines that the API does not document. They are sent, because an integration sends them too.
fn warn_about_types(items: &[Value], context: &ApiContext<'_>) {
    let types = items.iter().filter_map(|item| item.get("type")?.as_str());
    let undocumented: IndexSet<&str> =
        types.filter(|kind| !matches!(*kind, "physical" | "discount")).collect();
    for kind in undocumented {
        context.output.warn(&format!(
            "the line type '{kind}' is not documented, so the API may reject it; physical and discount are"
        ));
    }
}

/// The time the purchase started. Milliseconds distinguish sessions well enough, and every server keeps them.
fn now_in_milliseconds() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn no_amount() -> Error {
    Error::usage("no amount is given").hint("add --amount, --item or --cart")
}

async fn ask_amount(currency: Currency, context: &ApiContext<'_>) -> Result<i64, Error> {
    if !context.output.can_prompt() {
        return Err(no_amount());
    }
    context.output.ask_amount(&format!("Amount in {currency}"), currency).await
}

fn default_currency(context: &ApiContext<'_>) -> Result<Currency, Error> {
    let Some(default) = &context.account.currency else {
        return Err(Error::usage("no currency is given, and the profile has no default")
            .hint("add --currency, such as --currency SEK"));
    };
    default.value.parse().map_err(|error| {
        Error::usage(format!("the default currency (from {}) cannot be used: {error}", default.source))
    })
}

/// The device's ID, and the device as the user knows it. On production, the prompt for confirmation shows the names of the
/// device and of its location.
async fn find_device(query: Option<&str>, context: &ApiContext<'_>) -> Result<(String, String), Error> {
    let default = context.account.device.as_ref().map(|device| device.value.as_str());
    let query = query.or(default);
    if let Some(query) = query
        && !context.account.is_production()
    {
        return Ok((context.find_id::<Device>(query).await?, format!("'{query}'")));
    }
    let device = context.find_or_select::<Device>(query).await?;
    let id = id_of(&device)?;
    let location = match device.location_id.as_deref() {
        Some(location) => format!(" at {}", location_name(location, context).await),
        None => String::new(),
    };
    let label = format!("'{}' ({id}){location}", device.name.as_deref().unwrap_or("(no name)"));
    Ok((id, label))
}

/// The location's name. If it cannot be read, its ID is enough to take a payment.
async fn location_name(id: &str, context: &ApiContext<'_>) -> String {
    match context.client.location(id).await {
        Ok(location) => format!("'{}'", location.name.as_deref().unwrap_or(id)),
        Err(_) => format!("location {id}"),
    }
}

/// The location's ID, and the location as the user named it.
async fn find_location(
    query: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<(Option<String>, String), Error> {
    let id = context.location_id_opt(query).await?;
    let label = match (query, &id) {
        (Some(query), Some(id)) if query == id => format!(" at location {id}"),
        (Some(query), Some(id)) => format!(" at location '{query}' ({id})"),
        _ => String::new(),
    };
    Ok((id, label))
}

/// Reads `--body`, which is sent unchanged except for its encoding.
async fn build_from_body(
    input: &Input,
    location: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<NewSession, Error> {
    let text = input.read_text("--body", context.output)?;
    let request = match parse_json(&text) {
        Ok(Value::Object(object)) => SessionRequest::from_json(&object)
            .map_err(|error| Error::usage(format!("--body: {error}")).hint("nothing was sent"))?,
        Ok(_) => return Err(Error::usage("--body is JSON, but not an object like {\"device_id\": …}")),
        // The message of a syntax error contains its position, but no values.
        Err(error) => return Err(Error::usage(format!("--body is not JSON: {error}"))),
    };
    let (location_id, location) = find_location(location, context).await?;
    warn_about_types(&request.order_items, context);
    let target = format!("device {}{location}", request.device_id);
    Ok(NewSession { body: text.into_bytes(), request, location_id, target })
}
