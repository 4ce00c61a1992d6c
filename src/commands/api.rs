use http::Method;
use serde_json::Value;

use crate::api::{Request, check_path, complete_path};
use crate::args::{self, Input};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{SessionRequest, integer, parse_json, remove_personal_data};
use crate::output::format_amount;
use crate::secret::REDACTED;
use crate::text::decode_text;

/// Send a request with the profile's credentials
///
/// The path is relative to the profile's host. A POST that may have arrived is never retried. On production, every
/// request that may change something needs a confirmation. Do not create sessions with this command: it bypasses the
/// ledger, which prevents duplicate charges. Use `kustom sessions create --body` instead.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom api GET /ipp/v1/devices --query page_size=5
  kustom api PUT /ipp/v1/sessions/SESSION/cancel
  kustom api POST /ipp/v1/enrollments --body enrollment.json

Next:
  kustom doctor                      # show the host and the key in use
"))]
pub(crate) struct Args {
    /// HTTP method
    #[arg(value_name = "METHOD", value_parser = parse_method, add = complete::http_methods())]
    method: Method,
    /// Path, such as /ipp/v1/devices
    #[arg(value_name = "PATH")]
    path: String,
    /// File with the request body, or - for standard input
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse, add = complete::file_or_stdin())]
    body: Option<Input>,
    /// Query parameter to add (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    query: Vec<(String, String)>,
    /// Print the credentials of devices, which are secret
    #[arg(long)]
    show_credentials: bool,
    /// Print addresses and other data of the customer of an order
    #[arg(long)]
    show_personal_data: bool,
}

fn parse_method(text: &str) -> Result<Method, String> {
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE" => {
            Method::from_bytes(upper.as_bytes()).map_err(|error| error.to_string())
        }
        _ => Err("write GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS".to_owned()),
    }
}

impl Args {
    pub(super) async fn run(self, context: ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { method, path, body, query, show_credentials, show_personal_data } = self;
        let path = complete_path(&path);
        check_path(path.split('?').next().unwrap_or_default())
            .and_then(|()| check_path(&path))
            .map_err(|error| Error::usage(format!("PATH: {error}")))?;
        let mut request = Request::new(method, path);
        for (key, value) in query {
            request = request.query(&key, value);
        }
        if let Some(input) = body {
            let body = input.read(context.output)?;
            check_unique_keys(&body)?;
            request = request.body(body);
        }
        if !request.method.is_safe() {
            context.ensure_can_confirm()?;
            let about =
                if context.account.is_production() { summarize_body(&request)? } else { String::new() };
            context.confirm(&format!("{}{about}", request.summary())).await?;
        }
        let response = context.client.send(&request).await?;
        match serde_json::from_slice::<Value>(&response.body) {
            Ok(mut value) => {
                if !show_credentials {
                    redact_credentials(&mut value);
                }
                if request.is_about_order() && !show_personal_data {
                    remove_personal_data(&mut value);
                }
                context.output.print_json(&value)?;
            }
            Err(_) => context.output.print_raw(&response.body)?,
        }
        Ok(ExitStatus::Success)
    }
}

/// Redacts the credentials of devices anywhere in a response, because output may end up in logs.
fn redact_credentials(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::Object(credentials) if name == "credentials" => {
                        let secrets = credentials.iter_mut().filter(|(name, _)| name.as_str() != "issuedAt");
                        secrets.for_each(|(_, value)| *value = REDACTED.into());
                    }
                    value => redact_credentials(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_credentials),
        _ => {}
    }
}

/// Fails if the body is JSON with a key that occurs twice: which of the values counts is up to the server. Another body is
/// sent as it is.
fn check_unique_keys(body: &[u8]) -> Result<(), Error> {
    match decode_text(body).map(|text| parse_json(&text)) {
        Some(Err(error)) if error.is_data() => {
            Err(Error::usage(format!("--body: {error}")).hint("nothing was sent"))
        }
        _ => Ok(()),
    }
}

/// The fields of amounts, in the order of their requests: create a session, capture, refund.
const AMOUNTS: [&str; 3] = ["order_amount", "captured_amount", "refunded_amount"];

/// The amount and the device in the body, for the confirmation on production. Fails if the body has an amount that kustom
/// cannot read, because nobody could confirm it.
fn summarize_body(request: &Request) -> Result<String, Error> {
    let invalid = |error: String| {
        Error::usage(format!("--body: {error}"))
            .hint("on production, kustom must be able to read what a request charges; nothing was sent")
    };
    let Some(Ok(Value::Object(body))) = decode_text(&request.body).map(|text| parse_json(&text)) else {
        if request.is_session_create() && !request.body.is_empty() {
            return Err(invalid("it is not a JSON object".to_owned()));
        }
        return Ok(String::new());
    };
    if request.is_session_create() {
        let SessionRequest { device_id, order_amount, purchase_currency, .. } =
            SessionRequest::from_json(&body).map_err(invalid)?;
        let amount = format_amount(Some(order_amount), Some(&purchase_currency));
        return Ok(format!(" of {amount} on device {device_id}"));
    }
    let Some((field, value)) = AMOUNTS.iter().find_map(|field| Some((field, body.get(*field)?))) else {
        return Ok(String::new());
    };
    let amount = integer(value)
        .ok_or_else(|| invalid(format!("{field} is {value}, but must be an integer of minor units")))?;
    Ok(format!(" of {}", format_amount(Some(amount), None)))
}
