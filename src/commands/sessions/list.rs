//! `kustom sessions list`

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
use crate::journal::{Attempt, Journal, JournalFile, Outcome};
use crate::text::format_duration;
use crate::text::pluralize;

const MAX_CONCURRENT_REFRESH: usize = 8;

const MORE: &str = "\
Examples:
  kustom sessions list --limit 20
  kustom sessions list --refresh                       # ask how the open ones stand
  kustom sessions list --unknown                       # what has to be settled

Next:
  kustom sessions recover
";

/// List the sessions that were created here: the journal
///
/// The API has no list of sessions, so this shows what this machine wrote down, newest first, with the status in
/// which each session was last seen. An attempt whose outcome is unknown is settled by `kustom sessions recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Ask the API how the open ones stand
    #[arg(long)]
    refresh: bool,
    /// Only those whose outcome is not known
    #[arg(long)]
    unknown: bool,
    /// Maximum number of items to list [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// First forget what is older than this and settled, such as 90d; a reference that is forgotten can be charged
    /// again
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    prune: Option<Duration>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { refresh, unknown, limit, prune } = self;
        let account = app.account()?;
        let file = journal_of(&app.settings, &account);
        if let Some(age) = prune {
            prune_settled(&file, age, account.is_production(), app)?;
        }
        let mut journal = file.read()?;
        if refresh {
            let seen = app.block_on(async {
                let context = app.connect_as(account)?;
                Ok(refresh_open_sessions(&journal, &context).await)
            });
            let (seen, failures) = seen?;
            if !seen.is_empty() {
                let mut locked = file.lock()?;
                for event in seen {
                    locked.append(Timestamp::now(), event)?;
                }
                journal = locked.read()?;
            }
            if let Some(error) = Error::combine(failures) {
                show(journal, unknown, limit, app)?;
                return Err(error.context("not all could be refreshed"));
            }
        }
        show(journal, unknown, limit, app)?;
        Ok(ExitStatus::Success)
    }
}

fn show(journal: Journal, unknown: bool, limit: Option<u32>, app: &App) -> Result<(), Error> {
    if journal.corrupt_lines() > 0 {
        let lines = pluralize(journal.corrupt_lines(), "line");
        app.output.warn(&format!("{lines} of the journal cannot be read and were left out"));
    }
    let wanted = |attempt: &Attempt| !unknown || attempt.outcome.is_unknown();
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    app.output.print_list(
        journal.into_attempts().into_iter().rev().filter(wanted).take(limit).map(AttemptRow::from),
    )
}

/// Requests the status of all sessions whose last known status is not final.
async fn refresh_open_sessions(
    journal: &Journal,
    context: &ApiContext<'_>,
) -> (Vec<crate::journal::EventKind>, Vec<Error>) {
    let open = journal.attempts().iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Created { session_id, status, .. } if !status.is_terminal() => {
            session_id.parse::<Uuid>().ok()
        }
        _ => None,
    });
    let answers = stream::iter(open)
        .map(|id| async move {
            let session = context.client.session(id).await;
            session.map_err(|error| Error::from(error).context(&format!("session {id}")))
        })
        .buffered(MAX_CONCURRENT_REFRESH)
        .collect::<Vec<_>>()
        .await;
    let mut seen = Vec::new();
    let mut failures = Vec::new();
    for answer in answers {
        match answer {
            Ok(session) => seen.extend(outcome::status_event(&session)),
            Err(error) => failures.push(error),
        }
    }
    (seen, failures)
}

/// Removes resolved attempts older than `age` from the journal. Unknown and open ones stay, regardless of age.
fn prune_settled(file: &JournalFile, age: Duration, on_production: bool, app: &App) -> Result<(), Error> {
    let age_asked = age;
    let age = SignedDuration::try_from(age).map_err(|_| Error::usage("--prune: the duration is too long"))?;
    let oldest = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let question =
        format!("Production: forget what is settled and older than {}?", format_duration(age_asked));
    if on_production && !app.block_on(app.output.confirm(&question))? {
        return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was forgotten"));
    }
    let mut locked = file.lock()?;
    let journal = locked.read()?;
    let settled = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Pending | Outcome::Unknown(_) => false,
        Outcome::Refused(_) | Outcome::NotProcessed => true,
        Outcome::Created { status, .. } => status.is_terminal(),
    };
    let forgettable = |attempt: &Attempt| settled(attempt) && attempt.at < oldest;
    let forgotten = journal.attempts().iter().filter(|attempt| forgettable(attempt)).count();
    if forgotten > 0 {
        locked.replace(&journal.events_except(forgettable))?;
    }
    app.output.status(&format!("{} forgotten.", pluralize(forgotten, "settled attempt")));
    Ok(())
}
