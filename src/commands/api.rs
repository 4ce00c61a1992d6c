//! `kustom api`

use http::Method;
use serde_json::Value;

use crate::api::{Request, check_path};
use crate::args::{self, Input};
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom api GET /ipp/v1/devices --query page_size=5
  kustom api PUT /ipp/v1/sessions/SESSION/cancel
  kustom api POST /ipp/v1/enrollments --body enrollment.json

Next:
  kustom doctor                      # which host, which key
";

/// Any call, with the profile's credentials and guards
///
/// The path is on the profile's host. A POST that may have arrived is never sent again, and on production everything
/// but reading asks. A session that is created this way goes past the journal, which keeps a sale from being charged
/// twice: use `kustom sessions create --body` for it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The HTTP method
    #[arg(value_name = "METHOD", value_parser = method)]
    method: Method,
    /// The path, such as /ipp/v1/devices
    #[arg(value_name = "PATH")]
    path: String,
    /// Send this as the body, from a file or - for standard input
    #[arg(long, value_name = "FILE|-", value_parser = Input::parse)]
    body: Option<Input>,
    /// Add a query parameter; can be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::pair)]
    query: Vec<(String, String)>,
}

fn method(text: &str) -> Result<Method, String> {
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
        if !request.is_safe() {
            context.ensure_can_confirm()?;
            context.confirm(&format!("{}{}", request.summary(), summary(request.body_bytes()))).await?;
        }
        let answer = context.client.send(&request).await?;
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(value) => context.output.print_json(&value)?,
            Err(_) => context.output.print_raw(&answer.body)?,
        }
        Ok(ExitStatus::Success)
    }
}

/// Device and amount of a body that has them, for the question on production.
fn summary(body: &[u8]) -> String {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return String::new() };
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let amount = body.get("order_amount").and_then(Value::as_i64);
    let amount = amount
        .map(|minor| format!(" of {}", crate::output::format_amount(Some(minor), text("purchase_currency"))));
    let device = text("device_id").map(|device| format!(" on device {device}"));
    [amount, device].into_iter().flatten().collect()
}
