//! `kustom sessions create`

use serde_json::{Map, Value};

use crate::commands::args::Input;
use crate::context::Online;
use crate::error::{Error, Exit, Kind};
use crate::model::{Currency, SessionRequest, format_minor, parse_amount};
use crate::terminal::Show;
use crate::text::visible;

/// Create a session: the device asks the customer to pay
///
/// The API knows no idempotency key, so a request that may have arrived is never sent again by itself: exit 7
/// says that the session may exist.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The device: its name, its id or the beginning of its id
    #[arg(long, value_name = "DEVICE", required_unless_present = "body")]
    device: Option<String>,
    /// The amount with tax, in the currency's own decimals, such as 249.50
    #[arg(long, value_name = "AMOUNT", required_unless_present = "body", allow_hyphen_values = true)]
    amount: Option<String>,
    /// The currency, such as SEK; the profile's default unless told otherwise
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Your reference, such as a receipt number
    #[arg(long, value_name = "TEXT")]
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
          conflicts_with_all = ["device", "amount", "currency", "reference", "reference2", "merchant_data"])]
    body: Option<Input>,
}

/// A session that is ready to be sent.
struct Prepared {
    body: Vec<u8>,
    /// For the question on production.
    summary: String,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { device, amount, currency, reference, reference2, merchant_data, location, body } = self;
        let prepared = match (body, device, amount) {
            (Some(input), _, _) => {
                let body = read_body(&input, online)?;
                online.can_confirm()?;
                body
            }
            (None, Some(device), Some(amount)) => {
                let currency = currency_or_default(currency, online)?;
                let order_amount = parse_amount(&amount, currency)
                    .map_err(|error| Error::usage(format!("--amount: {error}")))?;
                if order_amount <= 0 {
                    return Err(Error::usage("--amount must be more than nothing"));
                }
                online.can_confirm()?;
                let request = SessionRequest {
                    device_id: String::new(),
                    order_amount,
                    order_tax_amount: None,
                    purchase_currency: currency.code().to_owned(),
                    purchase_started_at: now_in_milliseconds(),
                    merchant_reference1: reference,
                    merchant_reference2: reference2,
                    merchant_data,
                    order_items: Vec::new(),
                };
                prepare(request, &device, currency, online).await?
            }
            (None, _, _) => return Err(Error::usage("give --device and --amount, or --body")),
        };
        let location_id = online.location_id_opt(location.as_deref()).await?;
        online.confirm(&format!("create a session of {}", prepared.summary))?;
        let created = online.client.create_session(prepared.body, location_id.as_deref()).await;
        let session = created.map_err(|error| explain(error.into(), online))?;
        online.terminal.one(&session)?;
        if let Some(id) = session.session_id.as_deref() {
            let flag = online.settings.profile_flag();
            online
                .terminal
                .note(&format!("Wait for its outcome: kustom{flag} sessions watch {}", visible(id)));
        }
        Ok(Exit::Done)
    }
}

/// The moment the purchase began. Milliseconds are enough to tell one session from another, and every server
/// keeps them.
fn now_in_milliseconds() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn currency_or_default(given: Option<Currency>, online: &Online<'_>) -> Result<Currency, Error> {
    match (given, &online.account.currency) {
        (Some(currency), _) => Ok(currency),
        (None, Some(default)) => default.value.parse().map_err(|error| {
            Error::usage(format!("the default currency (from {}) cannot be used: {error}", default.source))
        }),
        (None, None) => Err(Error::usage("no currency is given, and the profile has no default")
            .hint("add --currency, such as --currency SEK")),
    }
}

async fn prepare(
    mut request: SessionRequest,
    device: &str,
    currency: Currency,
    online: &Online<'_>,
) -> Result<Prepared, Error> {
    let amount = format!("{} {currency}", format_minor(request.order_amount, currency));
    let summary = if online.account.is_production() {
        // A person who confirms a payment sees the device's name, not only its id.
        let found = online.find_device(device).await?;
        request.device_id = crate::commands::find::id_of(&found)?;
        let name = found.name.as_deref().unwrap_or("(no name)");
        format!("{amount} on device '{name}' ({})", request.device_id)
    } else {
        request.device_id = online.device_id(device).await?;
        amount
    };
    let body = serde_json::to_vec(&request).map_err(|error| Error::new(Kind::Bug, error.to_string()))?;
    Ok(Prepared { body, summary })
}

/// A body that is sent as it is: only that it is a JSON object is checked.
fn read_body(input: &Input, online: &Online<'_>) -> Result<Prepared, Error> {
    let body = input.read(online.terminal)?;
    let object: Map<String, Value> = serde_json::from_slice(&body).map_err(|error| {
        // The message of a syntax error names its place and nothing of the content.
        Error::usage(format!("--body is not a JSON object: {error}"))
    })?;
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    let amount =
        Show::here().amount(object.get("order_amount").and_then(Value::as_i64), text("purchase_currency"));
    let device = text("device_id").unwrap_or("(none)");
    Ok(Prepared { body, summary: format!("{} on device {device}", amount.text) })
}

/// An unknown outcome is about money: what to do is said in full.
fn explain(error: Error, online: &Online<'_>) -> Error {
    match error.kind {
        Kind::Unknown => {
            let mut error = error.context("the session may have been created");
            error.hints = vec![
                "look at the device before you create it again: it may be asking the customer to pay"
                    .to_owned(),
                "a session that was created ends by itself when nobody pays".to_owned(),
            ];
            error
        }
        Kind::NotFound => error
            .hint(format!("list the devices with `kustom{} devices list`", online.settings.profile_flag())),
        _ => error,
    }
}
