//! `kustom dev trigger`

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::args;
use crate::callback_poster::{CallbackEndpoint, CallbackPoster, DeliveryError};
use crate::commands::help::text::after_help;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Callback, CallbackData, CallbackType, SessionStatus, TapOutcome};
use crate::output::{Cell, CellStyle, Column, View};
use crate::secret::Redactor;
use crate::settings::Account;
use crate::text::escape_control;

/// The merchant of a sample where none is known.
const SAMPLE_MERCHANT_ID: &str = "SAMPLE";

const MORE: &str = "\
Examples:
  kustom dev trigger session.finalized --to http://127.0.0.1:8080/callbacks --secret-file secret.txt
  kustom dev trigger payment.failed --session SESSION \\
      --to http://127.0.0.1:8080/callbacks --secret-file secret.txt

Next:
  kustom webhooks listen --secret-file FILE      # see what arrives
";

/// Sign a callback and send it to an application
///
/// A sample, or one about a session that exists; says what the application answered. `ExitStatus` 0: it acknowledged it with a
/// 2xx. `ExitStatus` 5: it answered something else. Without --session no account is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The event, such as session.finalized or payment.failed, with or without ipp. in front
    #[arg(value_name = "EVENT", value_parser = args::callback_type)]
    event: CallbackType,
    /// Where to: https, or plain http to this machine
    #[arg(long, value_name = "URL")]
    to: String,
    /// Sign it with the secret in this file, of the form whsec_…; with two there are two signatures
    #[arg(long, value_name = "FILE", required = true, value_parser = args::secret_file)]
    secret_file: Vec<PathBuf>,
    /// Make it about this session, which is read first
    #[arg(long, value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { event, to, secret_file, session } = self;
        let secrets = args::read_secrets(&secret_file)?;
        let endpoint = CallbackEndpoint::new(&to, app.settings.request_timeout())
            .map_err(|error| Error::usage(format!("--to cannot be used: {error}")))?;
        let poster = CallbackPoster::new(endpoint, &secrets)
            .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        // Nobody's account is needed for a sample; one that is there has its guards.
        let account = if session.is_none() && !has_account(app)? { None } else { Some(app.account()?) };
        if account.as_ref().is_some_and(Account::is_production) {
            return Err(Error::usage("a callback that never happened has no place in production")
                .hint("use a playground profile, or --profile local"));
        }
        let merchant_id = account.as_ref().and_then(|account| account.merchant_id.as_ref());
        let merchant_id = merchant_id.map_or_else(|| SAMPLE_MERCHANT_ID.to_owned(), |id| id.value.clone());
        let context = match (session, account) {
            (Some(_), Some(account)) => Some(app.connect_as(account)?),
            _ => None,
        };
        app.block_on(async {
            let data = match (&context, session) {
                (Some(context), Some(id)) => data_for_session(&event, id, context).await?,
                _ => sample(&event),
            };
            let id = format!("kevt_{}", Uuid::new_v4().simple());
            let now = Timestamp::now();
            let callback = Callback {
                id: Some(id.clone()),
                merchant_id: Some(merchant_id),
                timestamp: Some(format!("{now:.9}")),
                kind: Some(event.to_string()),
                data: Some(data),
            };
            // Texts cannot fail to be JSON.
            let body = serde_json::to_vec(&callback).unwrap_or_default();
            let sent = std::time::Instant::now();
            let answer = poster.post(&id, body).await;
            let triggered = |status, body: &[u8]| {
                let data = callback.data.clone().unwrap_or_default();
                let took = sent.elapsed();
                TriggerResult::new(&event, &id, data, &poster.display_url(), status, body, took)
            };
            match answer {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    app.output.print_item(&triggered(status, answer.body()))?;
                    check_status(status)
                }
                Err(DeliveryError::NotSent(reason)) => {
                    let message = format!("the callback was not sent: {}", escape_control(&reason));
                    Err(Error::new(ErrorKind::Unavailable, message)
                        .hint("see that the application listens there"))
                }
                Err(DeliveryError::Lost(reason)) => {
                    let message =
                        format!("the callback was sent, and not answered: {}", escape_control(&reason));
                    Err(Error::new(ErrorKind::Unknown, message).hint(
                        "the application may have handled it; an event that comes twice must do no harm",
                    ))
                }
            }
        })
    }
}

/// Whether a profile or a key is there to be used.
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
    let error = Error::new(ErrorKind::Refused, format!("the application answered {status}, not a 2xx"));
    Err(error.detail("status", status).hint(match status {
        300..=399 => "redirects are not followed: name the URL itself",
        401 | 403 => {
            "it may have another secret, or a clock that is off; `kustom webhooks verify` tells which"
        }
        _ => "the service would send it again",
    }))
}

/// Something that could have happened.
fn sample(event: &CallbackType) -> CallbackData {
    CallbackData {
        session_id: Some(Uuid::new_v4().to_string()),
        order_id: (*event == CallbackType::SessionFinalized).then(|| Uuid::new_v4().to_string()),
        failure_reason: reason_of(event),
    }
}

/// What could be told of a session that exists.
async fn data_for_session(
    event: &CallbackType,
    id: Uuid,
    context: &ApiContext<'_>,
) -> Result<CallbackData, Error> {
    let session = context
        .client
        .session(id)
        .await
        .map_err(|error| Error::from(error).context(&format!("session {id}")))?;
    let told = match event {
        CallbackType::SessionCreated => Some(SessionStatus::Created),
        CallbackType::SessionActivated => Some(SessionStatus::Active),
        CallbackType::SessionFinalized => Some(SessionStatus::Finalized),
        CallbackType::SessionCancelled => Some(SessionStatus::Cancelled),
        CallbackType::PaymentFailed | CallbackType::Other(_) => None,
    };
    if let (Some(told), Some(status)) = (told, &session.status)
        && told != *status
    {
        let status = escape_control(status.as_str()).into_owned();
        context
            .output
            .status(&format!("The session is {status}: whoever reads it back does not find it {told}."));
    }
    Ok(CallbackData {
        session_id: Some(session.session_id.clone().unwrap_or_else(|| id.to_string())),
        order_id: session.order_id.clone().filter(|_| *event == CallbackType::SessionFinalized),
        failure_reason: reason_of(event),
    })
}

fn reason_of(event: &CallbackType) -> Option<String> {
    (*event == CallbackType::PaymentFailed).then(|| TapOutcome::DeclinedGeneric.as_str().to_owned())
}

/// What was sent, and what it was answered with.
#[derive(Debug, Serialize)]
struct TriggerResult {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    session_id: Option<String>,
    order_id: Option<String>,
    failure_reason: Option<String>,
    to: String,
    status: u16,
    took_ms: u64,
    /// The beginning of what the application said.
    answer: String,
}

/// How much of an answer is shown, in characters.
const MAX_BODY_SHOWN: usize = 500;

impl TriggerResult {
    fn new(
        event: &CallbackType,
        id: &str,
        data: CallbackData,
        to: &str,
        status: u16,
        answer: &[u8],
        took: Duration,
    ) -> Self {
        let CallbackData { session_id, order_id, failure_reason } = data;
        Self {
            id: id.to_owned(),
            kind: event.to_string(),
            session_id,
            order_id,
            failure_reason,
            to: to.to_owned(),
            status,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            // An application may show what it knows, its secret too.
            answer: Redactor::default()
                .redact(&String::from_utf8_lossy(answer))
                .chars()
                .take(MAX_BODY_SHOWN)
                .collect(),
        }
    }
}

impl View for TriggerResult {
    const NOUN: &'static str = "callback";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |triggered| triggered.id.as_str().into()),
        Column::new("TYPE", |triggered| triggered.kind.as_str().into()),
        Column::id("SESSION", |triggered| Cell::optional(triggered.session_id.as_deref())),
        Column::new("ORDER", |triggered| Cell::optional(triggered.order_id.as_deref())),
        Column::new("REASON", |triggered| Cell::optional(triggered.failure_reason.as_deref())),
        Column::new("TO", |triggered| triggered.to.as_str().into()),
        Column::new("ANSWERED", |triggered| {
            let tone =
                if (200..300).contains(&triggered.status) { CellStyle::Success } else { CellStyle::Error };
            Cell::styled(format!("{} in {} ms", triggered.status, triggered.took_ms), tone)
        }),
        Column::detail("ANSWER", |triggered| triggered.answer.as_str().into()),
    ];
}
