//! `kustom sessions list`

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::row::AttemptRow;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Filter, Ledger};
use crate::profiles::KeySource;
use crate::settings::{Account, Endpoint};
use crate::text::{format_duration, pluralize};

const MAX_CONCURRENT_REFRESH: usize = 8;

const MORE: &str = "\
Examples:
  kustom sessions list --limit 20
  kustom sessions list --refresh                       # update the status of open sessions
  kustom sessions list --unknown                       # attempts that have to be resolved

Next:
  kustom sessions recover
";

/// List the sessions that were created here
///
/// The API has no list of sessions, so this lists the attempts in the ledger, newest first, with the last known status of
/// each session. Resolve attempts with an unknown outcome with `kustom sessions recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Update the status of open sessions from the API
    #[arg(long)]
    refresh: bool,
    /// List only attempts with an unknown outcome
    #[arg(long)]
    unknown: bool,
    /// Maximum number of items to list [default: all]
    #[arg(long, value_name = "N", value_parser = args::parse_count)]
    limit: Option<u32>,
    /// First remove resolved attempts older than this from the ledger, such as 90d; their references can be charged again
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    prune: Option<Duration>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        if self.refresh {
            app.run_with_api(async |context| {
                let errors = refresh_open_sessions(&context).await?;
                self.list(context.ledger().await?, &context.account, app).await?;
                match Error::combine(errors) {
                    Some(error) => Err(error.context("not all sessions could be refreshed")),
                    None => Ok(ExitStatus::Success),
                }
            })
        } else {
            app.block_on(async {
                let account = app.account()?;
                self.list(&app.open_ledger(&account).await?, &account, app).await?;
                Ok(ExitStatus::Success)
            })
        }
    }

    async fn list(self, ledger: &Ledger, account: &Account, app: &App) -> Result<(), Error> {
        if let Some(age) = self.prune {
            prune_resolved(ledger, age, account.is_production(), app).await?;
        }
        let filter = Filter { unknown: self.unknown, ..Filter::default() };
        let limit = self.limit.map_or(usize::MAX, |limit| limit as usize);
        let page = ledger.attempts(&filter, limit).await?;
        if page.damaged > 0 {
            let attempts = pluralize(page.damaged, "attempt");
            app.output.warn(&format!("{attempts} in the ledger cannot be read and were omitted"));
        }
        for damaged in ledger.damaged_journals() {
            app.output.warn(&damaged.to_string());
        }
        let refunded = ledger.refunded_amounts().await?;
        let rows = page.attempts.into_iter().map(AttemptRow::from);
        let rows: Vec<_> = rows.map(|row| row.with_refunds(&refunded)).collect();
        learn_names(&rows, account, app).await;
        app.output.print_list(rows)
    }
}

/// Finds the names of the devices. In a pipe, and where a command prints the key, no request is sent for them.
async fn learn_names(rows: &[AttemptRow], account: &Account, app: &App) {
    if !app.output.shows_names() || app.output.unknown_names(rows).is_empty() {
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

/// Requests the status of all sessions whose last known status is not final, and stores it. Returns what failed.
async fn refresh_open_sessions(context: &ApiContext<'_>) -> Result<Vec<Error>, Error> {
    let ledger = context.ledger().await?;
    let filter = Filter { open: true, ..Filter::default() };
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
    if is_production && !app.output.confirm(&question).await? {
        return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was removed"));
    }
    let count = ledger.prune(oldest).await?;
    app.output.status(&format!("Removed {} from the ledger.", pluralize(count, "resolved attempt")));
    Ok(())
}
