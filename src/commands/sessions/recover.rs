//! `kustom sessions recover`

use jiff::Timestamp;
use uuid::Uuid;

use super::outcome;
use super::reconcile::{already_resolved_error, lock_unresolved, matching_attempts, resolve_attempt};
use super::row::AttemptRow;
use clap_complete::engine::ArgValueCompleter;

use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::{ApiContext, App, journal_of};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::journal::{Attempt, EventKind, Journal, JournalFile, mismatch};
use crate::model::{Resource, Session};
use crate::output::{Format, format_amount};
use crate::text::{escape_control, pluralize};

const MORE: &str = "\
Examples:
  kustom sessions recover                              # what is unknown
  kustom sessions recover --session SESSION            # it came of an attempt: which one is found
  kustom sessions recover ATTEMPT --not-carried-out    # no session came of it

Exit codes:
  2  the session does not match what was asked for; nothing was settled
  4  there is no such session or attempt

Next:
  kustom sessions list --unknown
";

/// Settle what is not known about an attempt
///
/// Without arguments it lists the attempts whose outcome is not known. One is settled by its session, whose id a
/// callback, the portal or the device tells and which must match what was asked for; or by saying that there is
/// none, after which the sale can be charged.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The attempt: its id or the beginning of it; needed unless its session tells which it is
    #[arg(add = ArgValueCompleter::new(complete::attempts))]
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<String>,
    /// The session that came of it
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(long, value_name = "SESSION", value_parser = args::parse_id, conflicts_with = "not_carried_out")]
    session: Option<Uuid>,
    /// No session came of it
    #[arg(long, requires = "attempt")]
    not_carried_out: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { attempt, session, not_carried_out } = self;
        let account = app.account()?;
        let file = journal_of(&app.settings, &account);
        let journal = file.read()?;
        let unknown: Vec<&Attempt> =
            journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown()).collect();
        let named = attempt.as_deref().map(|wanted| pick(&journal, wanted)).transpose()?;
        if let Some(session) = session {
            return app
                .run_with_api(async |context| by_session(session, named, &unknown, &file, &context).await);
        }
        match named {
            Some(attempt) if not_carried_out => {
                mark_not_executed(attempt, &file, account.is_production(), app)
            }
            Some(attempt) => {
                app.output.print_item(&AttemptRow::from(attempt))?;
                print_recovery_help(app);
                Ok(ExitStatus::Success)
            }
            None if unknown.is_empty() && app.output.format() == Format::Table => {
                app.output.status("There is nothing to settle: every attempt has a known outcome.");
                Ok(ExitStatus::Success)
            }
            None => {
                app.output.print_list(unknown.iter().map(|attempt| AttemptRow::from(*attempt)))?;
                print_recovery_help(app);
                Ok(ExitStatus::Success)
            }
        }
    }
}

fn print_recovery_help(app: &App) {
    let flag = app.settings.profile_flag();
    app.output.status(&format!("If there is a session: kustom{flag} sessions recover ATTEMPT --session ID"));
    app.output.status(&format!("If there is none: kustom{flag} sessions recover ATTEMPT --not-carried-out"));
}

/// Finds an attempt by ID or ID prefix. Its outcome must be unknown.
fn pick<'a>(journal: &'a Journal, wanted: &str) -> Result<&'a Attempt, Error> {
    let lower = wanted.to_ascii_lowercase();
    let found: Vec<&Attempt> =
        journal.attempts().iter().filter(|attempt| attempt.id.to_string().starts_with(&lower)).collect();
    match found.as_slice() {
        [attempt] if wanted.len() >= 4 && attempt.outcome.is_unknown() => Ok(attempt),
        [attempt] if wanted.len() >= 4 => Err(already_resolved_error(attempt.id)),
        [] | [_] => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no attempt '{}'", escape_control(wanted)))
                .hint("list them with `kustom sessions recover`"))
        }
        several => Err(Error::usage(format!(
            "'{}' could be {}",
            escape_control(wanted),
            pluralize(several.len(), "attempt")
        ))
        .hint("write more of the id")),
    }
}

/// Resolves an attempt with the session that it created.
async fn by_session(
    id: Uuid,
    named: Option<&Attempt>,
    unknown: &[&Attempt],
    file: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let session = context
        .client
        .session(id)
        .await
        .map_err(|error| Error::from(error).context(&format!("session {id}")))?;
    let attempt = match named {
        Some(attempt) => match mismatch(&attempt.intent, &session) {
            None => attempt,
            Some(difference) => {
                let message = format!("session {id} is not that of attempt {}: {difference}", attempt.id);
                return Err(Error::usage(message).hint("nothing was settled"));
            }
        },
        None => unique_match(id, &session, unknown)?,
    };
    resolve_attempt(attempt, id, &session, file)?;
    context.output.print_item(&session)?;
    context.output.status(&format!(
        "Attempt {} is settled. {}",
        attempt.id,
        outcome::describe_status(&session)
    ));
    Ok(ExitStatus::Success)
}

fn unique_match<'a>(
    id: Uuid,
    session: &Resource<Session>,
    unknown: &[&'a Attempt],
) -> Result<&'a Attempt, Error> {
    match matching_attempts(session, unknown.iter().copied()).as_slice() {
        [attempt] => Ok(attempt),
        [] => Err(Error::new(ErrorKind::NotFound, format!("no unknown attempt matches session {id}"))
            .hint("list them with `kustom sessions recover`")),
        several => {
            let number = pluralize(several.len(), "unknown attempt");
            Err(Error::usage(format!("session {id} matches {number}")).hint("name one of them"))
        }
    }
}

/// Resolves an attempt because the user confirms that it created no session.
fn mark_not_executed(
    attempt: &Attempt,
    file: &JournalFile,
    on_production: bool,
    app: &App,
) -> Result<ExitStatus, Error> {
    if on_production {
        let amount = format_amount(attempt.intent.order_amount, attempt.intent.purchase_currency.as_deref());
        let question =
            format!("Production: is it certain that no session of {amount} came of attempt {}?", attempt.id);
        if !app.block_on(app.output.confirm(&question))? {
            return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was settled"));
        }
    }
    let (mut locked, _) = lock_unresolved(attempt, file)?;
    locked.append(Timestamp::now(), EventKind::NotProcessed { attempt: attempt.id })?;
    let journal = locked.read()?;
    drop(locked);
    if let Some(settled) = journal.attempts().iter().find(|settled| settled.id == attempt.id) {
        app.output.print_item(&AttemptRow::from(settled))?;
    }
    app.output.status("It is settled: the sale can be charged.");
    Ok(ExitStatus::Success)
}
