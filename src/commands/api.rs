use clap_complete::engine::{ArgValueCompleter, PathCompleter};
use http::Method;
use serde_json::Value;

use crate::api::{Request, check_path};
use crate::args::{self, Input};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::output::format_amount;

const MORE: &str = "\
Examples:
  kustom api GET /ipp/v1/devices --query page_size=5
  kustom api PUT /ipp/v1/sessions/SESSION/cancel
  kustom api POST /ipp/v1/enrollments --body enrollment.json

Next:
  kustom doctor                      # show the host and the key in use
";

/// Send a request with the profile's credentials
///
/// The path is relative to the profile's host. A POST that may have arrived is never retried. On production, every
/// request that may change something needs a confirmation. Do not create sessions with this command: it bypasses the
/// ledger, which prevents duplicate charges. Use `kustom sessions create --body` instead.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// HTTP method
    #[arg(add = ArgValueCompleter::new(complete::http_methods))]
    #[arg(value_name = "METHOD", value_parser = parse_method)]
    method: Method,
    /// Path, such as /ipp/v1/devices
    #[arg(value_name = "PATH")]
    path: String,
    /// File with the request body, or - for standard input
    #[arg(add = ArgValueCompleter::new(PathCompleter::file().stdio()))]
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse)]
    body: Option<Input>,
    /// Query parameter to add (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    query: Vec<(String, String)>,
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
        let Self { method, path, body, query } = self;
        check_path(path.split('?').next().unwrap_or_default())
            .and_then(|()| check_path(&path))
            .map_err(|error| Error::usage(format!("PATH: {error}")))?;
        let mut request = Request::new(method, path);
        for (key, value) in query {
            request = request.query(&key, value);
        }
        if let Some(input) = body {
            request = request.body(input.read(context.output)?);
        }
        if !request.method.is_safe() {
            context.ensure_can_confirm()?;
            context.confirm(&format!("{}{}", request.summary(), summarize_body(&request.body))).await?;
        }
        let response = context.client.send(&request).await?;
        match serde_json::from_slice::<Value>(&response.body) {
            Ok(value) => context.output.print_json(&value)?,
            Err(_) => context.output.print_raw(&response.body)?,
        }
        Ok(ExitStatus::Success)
    }
}

/// The amount and the device of a session in the body, for the confirmation on production.
fn summarize_body(body: &[u8]) -> String {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return String::new() };
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let amount = body.get("order_amount").and_then(Value::as_i64);
    let amount = amount.map(|minor| format!(" of {}", format_amount(Some(minor), text("purchase_currency"))));
    let device = text("device_id").map(|device| format!(" on device {device}"));
    [amount, device].into_iter().flatten().collect()
}
