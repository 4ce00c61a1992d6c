//! `kustom sessions list`

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::outcome;
use super::row::AttemptRow;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::{ApiContext, App, journal_of};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::journal::{Attempt, EventKind, Journal, JournalFile, Outcome};
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

/// List the sessions that were created on this machine
///
/// The API has no list of sessions, so this lists the journal of this machine, newest first, with the last known status of
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// First remove resolved attempts older than this from the journal, such as 90d; their references can be charged again
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    prune: Option<Duration>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { refresh, unknown, limit, prune } = self;
        let account = app.account()?;
        let file = journal_of(&app.settings, &account);
        if let Some(age) = prune {
            prune_resolved(&file, age, account.is_production(), app)?;
        }
        let mut journal = file.read()?;
        let mut errors = Vec::new();
        if refresh {
            let (events, failures) = app.block_on(async {
                let context = app.connect_as(account)?;
                Ok(refresh_open_sessions(&journal, &context).await)
            })?;
            errors = failures;
            if !events.is_empty() {
                let mut locked = file.lock()?;
                for event in events {
                    locked.append(Timestamp::now(), event)?;
                }
                journal = locked.read()?;
            }
        }
        if journal.corrupt_lines() > 0 {
            let lines = pluralize(journal.corrupt_lines(), "line");
            app.output.warn(&format!("{lines} of the journal cannot be read and were omitted"));
        }
        let attempts = journal.into_attempts().into_iter().rev();
        let attempts = attempts.filter(|attempt| !unknown || attempt.outcome.is_unknown());
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        app.output.print_list(attempts.take(limit).map(AttemptRow::from))?;
        match Error::combine(errors) {
            Some(error) => Err(error.context("not all sessions could be refreshed")),
            None => Ok(ExitStatus::Success),
        }
    }
}

/// Requests the status of all sessions whose last known status is not final.
async fn refresh_open_sessions(journal: &Journal, context: &ApiContext<'_>) -> (Vec<EventKind>, Vec<Error>) {
    let open = journal.attempts().iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Created { session_id, status, .. } if !status.is_terminal() => {
            session_id.parse::<Uuid>().ok()
        }
        _ => None,
    });
    let requests = stream::iter(open).map(|id| async move {
        let session = context.client.session(id).await;
        session.map_err(|error| Error::from(error).context(&format!("session {id}")))
    });
    let mut responses = pin!(requests.buffered(MAX_CONCURRENT_REFRESH));
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    while let Some(response) = responses.next().await {
        match response {
            Ok(session) => events.extend(outcome::status_event(&session)),
            Err(error) => errors.push(error),
        }
    }
    (events, errors)
}

/// Removes resolved attempts older than `age` from the journal. Unknown and open ones stay, regardless of age.
fn prune_resolved(file: &JournalFile, age: Duration, is_production: bool, app: &App) -> Result<(), Error> {
    let question =
        format!("Production: remove resolved attempts older than {} from the journal?", format_duration(age));
    let age = SignedDuration::try_from(age).map_err(|_| Error::usage("--prune: the duration is too long"))?;
    let oldest = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    if is_production && !app.block_on(app.output.confirm(&question))? {
        return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was removed"));
    }
    let can_prune = |attempt: &Attempt| {
        let is_resolved = match &attempt.outcome {
            Outcome::Pending | Outcome::Unknown(_) => false,
            Outcome::Refused(_) | Outcome::NotProcessed => true,
            Outcome::Created { status, .. } => status.is_terminal(),
        };
        is_resolved && attempt.at < oldest
    };
    let mut locked = file.lock()?;
    let journal = locked.read()?;
    let count = journal.attempts().iter().filter(|attempt| can_prune(attempt)).count();
    if count > 0 {
        locked.replace(&journal.events_except(can_prune))?;
    }
    app.output.status(&format!("Removed {} from the journal.", pluralize(count, "resolved attempt")));
    Ok(())
}
