use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use futures_util::stream::{self, StreamExt as _};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::row::AttemptRow;
use crate::args::{self, TimeBound};
use crate::commands::help::text::after_help;
use crate::commands::list::LimitArgs;
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Filter, Ledger, normalize_reference};
use crate::model::Device;
use crate::profiles::KeySource;
use crate::settings::{Account, Endpoint};
use crate::text::{format_duration, pluralize};

const MAX_CONCURRENT_REFRESH: usize = 8;

/// How many rows are kept in memory in every format.
const SHORT_LIST: usize = 1000;

/// List the sessions that were created here
///
/// The API has no list of sessions, so this lists the attempts in the ledger, newest first, with the last known status of
/// each session. Resolve attempts with an unknown outcome with `kustom sessions recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions list --since 2h --status FINALIZED --device 'Till 1'
  kustom sessions list --since 2026-11-26 --until 2026-11-26 -o csv
  kustom sessions list --refresh                       # update the status of open sessions

Next:
  kustom sessions recover
"))]
pub(crate) struct Args {
    /// List only sessions since this day, time or age: 2026-11-26, 2026-11-26T14:30:00Z or 2h
    #[arg(long, value_name = "WHEN", value_parser = TimeBound::parse_or_age)]
    since: Option<TimeBound>,
    /// List only sessions until this day (included), time or age
    #[arg(long, value_name = "WHEN", value_parser = TimeBound::parse_or_age)]
    until: Option<TimeBound>,
    /// List only sessions with this last known status, such as FINALIZED
    #[arg(long, value_name = "STATUS", value_parser = NonEmptyStringValueParser::new())]
    status: Option<String>,
    /// List only the sessions of this device: name, ID or ID prefix
    #[arg(long, value_name = "DEVICE", add = complete::devices())]
    device: Option<String>,
    /// List only the sessions of this location: name, ID or ID prefix
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// List only the sessions with this reference
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    /// List only the sessions that were created with this value of `KUSTOM_TILL`
    #[arg(long, value_name = "TILL", value_parser = NonEmptyStringValueParser::new())]
    till: Option<String>,
    /// Update the status of open sessions from the API
    #[arg(long)]
    refresh: bool,
    /// List only attempts with an unknown outcome
    #[arg(long)]
    unknown: bool,
    #[command(flatten)]
    limit: LimitArgs,
    /// First remove resolved attempts older than this from the ledger, such as 90d; their references can be charged again
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    prune: Option<Duration>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let mut filter = self.filter()?;
        // Names are known to the API only, and the status of a session too.
        if self.refresh
            || [&self.device, &self.location]
                .into_iter()
                .flatten()
                .any(|query| query.parse::<Uuid>().is_err())
        {
            app.run_with_api(async |context| {
                if let Some(device) = &self.device {
                    filter.device_id = Some(context.find_id::<Device>(device).await?.to_ascii_lowercase());
                }
                filter.location_id = context.location_id_opt(self.location.as_deref()).await?;
                let errors =
                    if self.refresh { refresh_sessions(&filter, &context).await? } else { Vec::new() };
                self.list(&filter, context.ledger().await?, &context.account, app).await?;
                match Error::combine(errors) {
                    Some(error) => Err(error.context("not all sessions could be refreshed")),
                    None => Ok(ExitStatus::Success),
                }
            })
        } else {
            app.block_on(async {
                let account = app.account()?;
                let ledger = app.open_ledger(&account).await?;
                self.list(&filter, &ledger, &account, app).await?;
                Ok(ExitStatus::Success)
            })
        }
    }

    /// The filter of everything that needs no request.
    fn filter(&self) -> Result<Filter, Error> {
        let (since, until) = args::check_period(self.since.clone(), self.until.clone(), &TimeZone::system())?;
        let id = |query: &Option<String>| Some(query.as_ref()?.parse::<Uuid>().ok()?.to_string());
        let reference = self.reference.as_deref().map(normalize_reference);
        Ok(Filter {
            since,
            until,
            status: self.status.as_ref().map(|status| status.trim().to_ascii_uppercase()),
            device_id: id(&self.device),
            location_id: id(&self.location),
            reference: match reference {
                Some(None) => return Err(Error::usage("--reference is empty")),
                other => other.flatten(),
            },
            till: self.till.clone(),
            unknown: self.unknown,
            ..Filter::default()
        })
    }

    async fn list(
        &self,
        filter: &Filter,
        ledger: &Ledger,
        account: &Account,
        app: &App,
    ) -> Result<(), Error> {
        if let Some(age) = self.prune {
            prune_resolved(ledger, age, account.is_production(), app).await?;
        }
        let limit = self.limit.get().unwrap_or(usize::MAX);
        let mut list = app.output.list_writer()?;
        let mut rows = Vec::new();
        // The widths of a table depend on all rows, and only the refunds since the oldest row are read for a short list. Any
        // other list is printed as its rows are read.
        let needs_names = app.output.shows_names();
        let collects_rows = needs_names || limit <= SHORT_LIST;
        let mut refunded = HashMap::new();
        if !collects_rows {
            refunded = ledger.refunded_amounts(None).await?;
        }
        let damaged = ledger
            .for_each_attempt(filter, limit, |attempt| {
                let row = AttemptRow::from(attempt);
                if !collects_rows {
                    return list.push(row.with_refunds(&refunded));
                }
                rows.push(row);
                Ok(())
            })
            .await?;
        if damaged > 0 {
            let attempts = pluralize(damaged, "attempt");
            app.output.warn(&format!("{attempts} in the ledger cannot be read and were omitted"));
        }
        for damaged in ledger.damaged_journals() {
            app.output.warn(&damaged.to_string());
        }
        if needs_names {
            learn_names(&rows, account, app).await;
        }
        if let Some(oldest) = rows.iter().map(|row| row.at).min() {
            refunded = ledger.refunded_amounts(Some(oldest)).await?;
        }
        for row in rows {
            list.push(row.with_refunds(&refunded))?;
        }
        list.finish()
    }
}

/// Finds the names of the devices. In a pipe, and where a command prints the key, no request is sent for them.
pub(super) async fn learn_names(rows: &[AttemptRow], account: &Account, app: &App) {
    if app.output.unknown_names(rows).is_empty() {
        return;
    }
    for (kind, id, name) in complete::cached_names(&app.settings, account) {
        app.output.learn_name(kind, &id, &name);
    }
    let is_cheap = matches!(account.endpoint, Endpoint::InProcess) || app.output.is_terminal();
    if is_cheap
        && matches!(account.key.value, KeySource::Stored(_))
        && let Ok(context) = app.connect_as(account.clone())
    {
        context.learn_names(rows).await;
    }
}

/// Requests the status of the listed sessions whose last known status is not final, and stores it. Returns what failed.
async fn refresh_sessions(filter: &Filter, context: &ApiContext<'_>) -> Result<Vec<Error>, Error> {
    let ledger = context.ledger().await?;
    // A status may be another one after the refresh.
    let filter = Filter { open: true, status: None, ..filter.clone() };
    let open = ledger.attempts(&filter, usize::MAX).await?.attempts;
    let ids = open.iter().filter_map(|attempt| attempt.session_id()?.parse::<Uuid>().ok());
    let requests = stream::iter(ids).map(|id| async move {
        let session = context.client.session(id).await;
        session.map_err(|error| Error::from(error).context(&format!("session {id}")))
    });
    let mut responses = pin!(requests.buffered(MAX_CONCURRENT_REFRESH));
    let mut errors = Vec::new();
    while let Some(response) = responses.next().await {
        match response {
            Ok(session) => ledger.record_status(&session).await?,
            // It may be of an emulator that was reset, or have been deleted.
            Err(error) if error.kind == ErrorKind::NotFound => context.output.warn(&error.message),
            Err(error) => errors.push(error),
        }
    }
    Ok(errors)
}

/// Removes resolved attempts older than `age` from the ledger. Unknown and open ones stay, regardless of age.
async fn prune_resolved(ledger: &Ledger, age: Duration, is_production: bool, app: &App) -> Result<(), Error> {
    let question =
        format!("Production: remove resolved attempts older than {} from the ledger?", format_duration(age));
    let age = SignedDuration::try_from(age).map_err(|_| Error::usage("--prune: the duration is too long"))?;
    let oldest = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    if is_production {
        app.output.confirm(&question).await?;
    }
    let count = ledger.prune(oldest).await?;
    app.output.status(&format!("Removed {} from the ledger.", pluralize(count, "resolved attempt")));
    Ok(())
}
