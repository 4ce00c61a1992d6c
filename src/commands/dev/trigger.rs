use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::args;
use crate::callback_poster::{CallbackEndpoint, CallbackPoster, DeliveryError};
use crate::commands::help::text::after_help;
use crate::commands::webhooks::set::{Assignment, parse_assignment};
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Callback, CallbackData, CallbackType, SessionStatus, TapOutcome};
use crate::output::{Cell, CellStyle, Column, View};
use crate::secret::redact;
use crate::settings::Account;
use crate::text::escape_control;

/// Merchant ID of a callback that is sent without an account.
const SAMPLE_MERCHANT_ID: &str = "SAMPLE";

/// Max characters shown of the application's response.
const MAX_RESPONSE_LEN: usize = 500;

/// Sign a callback and send it to an application
///
/// The callback is a sample, or about an existing session with --session. Without --session, no account is needed.
/// kustom prints the application's response, and exits with 0 for a 2xx status and with 5 for any other.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev trigger session.finalized --to http://127.0.0.1:8080/callbacks --secret-file secret.txt
  kustom dev trigger payment.failed --session SESSION --failure-reason insufficient-funds \\
      --to http://127.0.0.1:8080/callbacks --secret-file secret.txt

Next:
  kustom webhooks listen --secret-file FILE      # receive callbacks
"))]
pub(crate) struct Args {
    /// Event type, such as session.finalized or refund.created; the prefix ipp. is optional
    #[arg(value_name = "EVENT", value_parser = args::parse_callback_type, add = complete::events())]
    event: CallbackType,
    /// URL of the application: https, or http on this machine
    #[arg(long, value_name = "URL")]
    to: String,
    /// File with the callback secret (whsec_…); repeat it to sign with several secrets
    #[arg(long, value_name = "FILE", required = true, value_parser = args::parse_secret_file)]
    secret_file: Vec<PathBuf>,
    /// Use the IDs of this session [default: random IDs]
    #[arg(long, value_name = "SESSION", value_parser = args::parse_id, add = complete::sessions())]
    session: Option<Uuid>,
    /// Reason of a failed payment, such as INSUFFICIENT_FUNDS
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    failure_reason: Option<String>,
    /// Change a value of the body, such as data.order_id=…; can be repeated
    #[arg(long, value_name = "PATH=VALUE", value_parser = parse_assignment)]
    set: Vec<Assignment>,
}

/// A reason of a simulated tap, in either spelling, or any other text.
fn parse_reason(text: &str) -> Result<String, String> {
    Ok(TapOutcome::find(text).map_or_else(|| text.to_owned(), |outcome| outcome.as_str().to_owned()))
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { event, to, secret_file, session, failure_reason, set } = self;
        if failure_reason.is_some() && event != CallbackType::PaymentFailed {
            return Err(Error::usage(format!(
                "--failure-reason is for payment.failed, not for {}",
                event.short()
            )));
        }
        let secrets = args::read_secrets(&secret_file, &app.output)?;
        let endpoint =
            CallbackEndpoint::new(&to, app.settings.request_timeout(), app.allow_http().as_deref())
                .map_err(|error| Error::usage(format!("--to cannot be used: {error}")))?;
        let poster = CallbackPoster::new(endpoint, &secrets)?;
        // A sample needs no account. If there is one, its guards apply.
        let account = if session.is_none() && !has_account(app)? { None } else { Some(app.account()?) };
        if account.as_ref().is_some_and(Account::is_production) {
            return Err(Error::usage("`kustom dev trigger` does not send made-up callbacks for production")
                .hint("use a playground profile, or --profile local"));
        }
        let merchant_id = account.as_ref().and_then(|account| account.merchant_id.as_ref());
        let merchant_id = merchant_id.map_or_else(|| SAMPLE_MERCHANT_ID.to_owned(), |id| id.value.clone());
        app.block_on(async {
            let mut data = match (session, account) {
                (Some(id), Some(account)) => session_callback(&event, id, &app.connect_as(account)?).await?,
                _ => callback_data(&event, None, None),
            };
            if failure_reason.is_some() {
                data.failure_reason = failure_reason;
            }
            let id = format!("kevt_{}", Uuid::new_v4().simple());
            let callback = Callback {
                id: Some(id.clone()),
                merchant_id: Some(merchant_id),
                timestamp: Some(format!("{:.9}", Timestamp::now())),
                kind: Some(event.to_string()),
                data: Some(data.clone()),
            };
            // A struct of strings always serializes.
            let mut body = serde_json::to_value(&callback).unwrap_or_default();
            for assignment in &set {
                assignment.apply(&mut body)?;
            }
            let body = body.to_string().into_bytes();
            let sent_at = Instant::now();
            let (_, response) = poster.post(&id, body).await;
            let response = response.map_err(explain_delivery_error)?;
            let status = response.status().as_u16();
            // An application may echo its configuration, including the secret.
            let body = String::from_utf8_lossy(response.body());
            app.output.print_item(&TriggerResult {
                id,
                kind: event.to_string(),
                session_id: data.session_id,
                order_id: data.order_id,
                capture_id: data.capture_id,
                refund_id: data.refund_id,
                failure_reason: data.failure_reason,
                to: poster.display_url(),
                status,
                took_ms: u64::try_from(sent_at.elapsed().as_millis()).unwrap_or(u64::MAX),
                answer: redact(&body).chars().take(MAX_RESPONSE_LEN).collect(),
            })?;
            check_status(status)
        })
    }
}

fn explain_delivery_error(error: DeliveryError) -> Error {
    let (kind, failure, hint) = match error {
        DeliveryError::NotSent(_) => (
            ErrorKind::Unavailable,
            "the callback was not sent",
            "check that the application listens at this URL",
        ),
        DeliveryError::Lost(_) => (
            ErrorKind::Unknown,
            "the callback was sent, but there was no response",
            "check whether the application processed it",
        ),
    };
    Error::new(kind, format!("{failure}: {}", error.reason())).hint(hint)
}

fn has_account(app: &App) -> Result<bool, Error> {
    let settings = &app.settings;
    if settings.is_local() || settings.variables.api_key.is_some() {
        return Ok(true);
    }
    Ok(settings.profile_name(settings.store().read()?.active()).is_some())
}

fn check_status(status: u16) -> Result<ExitStatus, Error> {
    if (200..300).contains(&status) {
        return Ok(ExitStatus::Success);
    }
    let message = format!("the application responded with {status} instead of a 2xx status");
    let error = Error::new(ErrorKind::Refused, message).detail("status", status);
    Err(match status {
        300..=399 => error.hint("kustom does not follow redirects; pass the final URL with --to"),
        401 | 403 => error.hint("check the application's secret and clock with `kustom webhooks verify`"),
        _ => error,
    })
}

/// Reads the session, and warns if its status is not the one that the callback reports.
async fn session_callback(
    event: &CallbackType,
    id: Uuid,
    context: &ApiContext<'_>,
) -> Result<CallbackData, Error> {
    let session = context.client.session(id).await;
    let session = session.map_err(|error| Error::from(error).context(&format!("session {id}")))?;
    let expected = match event {
        CallbackType::SessionCreated => Some(SessionStatus::Created),
        CallbackType::SessionActivated => Some(SessionStatus::Active),
        CallbackType::SessionCancelled => Some(SessionStatus::Cancelled),
        CallbackType::PaymentFailed | CallbackType::Other(_) => None,
        // Only a session that was paid has an order.
        _ => Some(SessionStatus::Finalized),
    };
    if let (Some(expected), Some(status)) = (expected, &session.status)
        && expected != *status
    {
        let status = escape_control(status.as_str());
        context.output.status(&format!("The session is {status}, but the callback reports {expected}."));
    }
    if event.is_about_order() && session.order_id.is_none() {
        context.output.status("The session has no order, so the callback has a random order ID.");
    }
    let id = session.session_id.clone().unwrap_or_else(|| id.to_string());
    Ok(callback_data(event, Some(id), session.order_id.clone()))
}

/// The data of a callback of this type, with random IDs in place of those that are not given.
fn callback_data(event: &CallbackType, session_id: Option<String>, order_id: Option<String>) -> CallbackData {
    let random_id = || Uuid::new_v4().to_string();
    let is_about_order = event.is_about_order();
    let has_order = is_about_order || *event == CallbackType::SessionFinalized;
    // An existing session that is not paid has no order.
    let order_id = if session_id.is_some() && !is_about_order {
        order_id
    } else {
        order_id.or_else(|| Some(random_id()))
    };
    CallbackData {
        session_id: (!is_about_order).then(|| session_id.unwrap_or_else(random_id)),
        order_id: order_id.filter(|_| has_order),
        failure_reason: (*event == CallbackType::PaymentFailed)
            .then(|| TapOutcome::DeclinedGeneric.as_str().to_owned()),
        capture_id: (*event == CallbackType::CaptureCreated).then(random_id),
        refund_id: (*event == CallbackType::RefundCreated).then(random_id),
    }
}

/// The callback that was sent, and the application's response.
#[derive(Debug, Serialize)]
struct TriggerResult {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    session_id: Option<String>,
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    failure_reason: Option<String>,
    to: String,
    status: u16,
    took_ms: u64,
    /// The body of the response, truncated.
    answer: String,
}

impl View for TriggerResult {
    const NOUN: &'static str = "callback";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |result| result.id.as_str().into()),
        Column::new("TYPE", |result| result.kind.as_str().into()),
        Column::id("SESSION", |result| Cell::optional(result.session_id.as_deref())),
        Column::new("ORDER", |result| Cell::optional(result.order_id.as_deref())),
        Column::new("CAPTURE", |result| Cell::optional(result.capture_id.as_deref())),
        Column::new("REFUND", |result| Cell::optional(result.refund_id.as_deref())),
        Column::new("REASON", |result| Cell::optional(result.failure_reason.as_deref())),
        Column::new("TO", |result| result.to.as_str().into()),
        Column::new("RESPONSE", |result| {
            let is_success = (200..300).contains(&result.status);
            let style = if is_success { CellStyle::Success } else { CellStyle::Error };
            Cell::styled(format!("{} in {} ms", result.status, result.took_ms), style)
        }),
        Column::detail("BODY", |result| result.answer.as_str().into()),
    ];
}
