//! `kustom webhooks replay`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::list::time_ago;
use super::listen::forward::{Forwarded, forward};
use super::set::{Assignment, parse_assignment};
use super::store;
use crate::args;
use crate::callback_poster::CallbackEndpoint;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::deliveries::{DeliveryFilter, DeliveryState, DeliveryStore, StoredDelivery};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::{Cell, CellStyle, Column, View};
use crate::webhooks::SigningKeys;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Send callbacks that were received here to an application again
///
/// Headers and body are those that were received, so applications that check the age of a signature reject old ones; use
/// --resign to sign them now. Each one is sent once, with the header `kustom-repeated`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks replay DELIVERY --to http://127.0.0.1:8080/callbacks
  kustom webhooks replay --failed --since 1h --resign --secret-file secret.txt \\
      --to http://127.0.0.1:8080/callbacks
  kustom webhooks replay DELIVERY --resign --secret-file secret.txt \\
      --set data.failure_reason=LOST_CARD --to http://127.0.0.1:8080/callbacks

Next:
  kustom webhooks list --failed
"))]
pub(crate) struct Args {
    /// Webhook IDs or ID prefixes
    #[arg(value_name = "DELIVERY", required_unless_present_any = ["failed", "since"])]
    deliveries: Vec<String>,
    /// Replay the deliveries that passed verification and were not acknowledged
    #[arg(long, conflicts_with = "deliveries")]
    failed: bool,
    /// Replay the deliveries that were received within this duration, such as 1h
    #[arg(long, value_name = "DURATION", conflicts_with = "deliveries", value_parser = args::parse_duration)]
    since: Option<Duration>,
    /// URL of the application: https, or http on this machine [default: where each one was forwarded to]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Sign the callbacks again, with the time of now
    #[arg(long, requires = "secret_file")]
    resign: bool,
    /// File with the callback secret (whsec_…); repeat it to sign with several secrets
    #[arg(long, value_name = "FILE", requires = "resign", value_parser = args::parse_secret_file)]
    secret_file: Vec<PathBuf>,
    /// Change a value of the body, such as data.order_id=…; can be repeated, and needs --resign
    #[arg(long, value_name = "PATH=VALUE", requires = "resign", value_parser = parse_assignment)]
    set: Vec<Assignment>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { deliveries, failed, since, to, resign, secret_file, set } = self;
        let secrets = args::read_secrets(&secret_file, &app.output)?;
        let keys = if resign { Some(SigningKeys::new(&secrets)?) } else { None };
        let store = store::open(app)?;
        let chosen = choose(&store, &deliveries, failed, since)?;
        let allow_http = app.allow_http();
        let endpoint = |url: &str| {
            CallbackEndpoint::new(url, TIMEOUT, allow_http.as_deref())
                .map_err(|error| Error::usage(format!("--to cannot be used: {error}")))
        };
        let fixed = to.as_deref().map(endpoint).transpose()?;
        if let Some(delivery) =
            chosen.iter().find(|delivery| fixed.is_none() && delivery.forwarded_to.is_none())
        {
            let id = &delivery.webhook_id;
            return Err(Error::usage(format!(
                "{id} was not forwarded before, so there is no URL to send it to"
            ))
            .hint("name the application with --to URL"));
        }
        app.block_on(async {
            let mut results = app.output.list_writer()?;
            let mut worst: Option<Error> = None;
            // The oldest first, as they were received.
            for delivery in chosen.iter().rev() {
                let own = match (&fixed, &delivery.forwarded_to) {
                    (None, Some(url)) => Some(endpoint(url)?),
                    _ => None,
                };
                let Some(endpoint) = fixed.as_ref().or(own.as_ref()) else { continue };
                let (result, error) = replay(&store, delivery, endpoint, keys.as_ref(), &set).await?;
                results.push(result)?;
                if let Some(error) = error
                    && worst.as_ref().is_none_or(|worst| error.kind > worst.kind)
                {
                    worst = Some(error);
                }
            }
            results.finish()?;
            worst.map_or(Ok(ExitStatus::Success), Err)
        })
    }
}

/// The deliveries to replay, the newest first.
fn choose(
    store: &DeliveryStore,
    ids: &[String],
    failed: bool,
    since: Option<Duration>,
) -> Result<Vec<StoredDelivery>, Error> {
    if ids.is_empty() {
        let filter = DeliveryFilter { since: since.map(time_ago), failed, ..DeliveryFilter::default() };
        let mut found = store.list(&filter)?;
        // Anybody may have sent what failed verification.
        found.retain(|delivery| delivery.state != DeliveryState::Refused);
        return Ok(found);
    }
    ids.iter().rev().map(|id| store::find(store, id)).collect()
}

/// Sends a delivery once and stores the result. Returns what failed, if it was not acknowledged.
pub(super) async fn replay(
    store: &DeliveryStore,
    delivery: &StoredDelivery,
    endpoint: &CallbackEndpoint,
    keys: Option<&SigningKeys>,
    set: &[Assignment],
) -> Result<(ReplayResult, Option<Error>), Error> {
    let (mut added, mut body) = (HeaderMap::new(), delivery.body.clone());
    let id = &delivery.webhook_id;
    if let Some(keys) = keys {
        if !set.is_empty() {
            let mut event: Value = serde_json::from_slice(&body)
                .map_err(|_| Error::usage(format!("the body of {id} is not JSON")))?;
            for assignment in set {
                assignment.apply(&mut event)?;
            }
            body = event.to_string().into_bytes();
        }
        let signed = keys.sign(id, Timestamp::now(), &body);
        added = signed.map_err(|error| Error::usage(error.to_string()))?;
        if !delivery.headers.contains_key(CONTENT_TYPE) {
            added.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    let started = Instant::now();
    let Forwarded { response, failure, body, is_lost } =
        forward(endpoint, &delivery.headers, &added, true, &body).await;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = body.is_some().then(|| response.status().as_u16());
    if let Some(status) = status
        && delivery.state != DeliveryState::Refused
    {
        store.mark_processing(delivery.seq, Some(&endpoint.display_url()))?;
        let state = if failure.is_none() { DeliveryState::Acknowledged } else { DeliveryState::Failed };
        store.finish(delivery.seq, state, status, failure.as_deref(), body.as_deref())?;
    }
    let result = ReplayResult {
        webhook_id: id.clone(),
        kind: delivery.kind.clone(),
        session_id: delivery.session_id.clone(),
        to: endpoint.display_url(),
        status,
        error: failure.clone().filter(|_| status.is_none()),
        took_ms,
    };
    let kind = match status {
        Some(_) => ErrorKind::Refused,
        None if is_lost => ErrorKind::Unknown,
        None => ErrorKind::Unavailable,
    };
    Ok((result, failure.map(|reason| Error::new(kind, format!("{id}: {reason}")))))
}

#[derive(Debug, Serialize)]
pub(super) struct ReplayResult {
    webhook_id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    session_id: Option<String>,
    to: String,
    status: Option<u16>,
    error: Option<String>,
    took_ms: u64,
}

impl View for ReplayResult {
    const NOUN: &'static str = "callback";
    const CSV_FIELDS: &'static [&'static str] =
        &["webhook_id", "type", "session_id", "to", "status", "error", "took_ms"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |result| result.webhook_id.as_str().into()),
        Column::new("TYPE", |result| Cell::optional(result.kind.as_deref())),
        Column::id("SESSION", |result| Cell::optional(result.session_id.as_deref())),
        Column::new("TO", |result| result.to.as_str().into()),
        Column::new("RESPONSE", |result| match (result.status, &result.error) {
            (Some(status), _) => {
                let style = if (200..300).contains(&status) { CellStyle::Success } else { CellStyle::Error };
                Cell::styled(format!("{status} in {} ms", result.took_ms), style)
            }
            (None, error) => Cell::styled(error.clone().unwrap_or_default(), CellStyle::Error),
        }),
    ];
}
