//! `kustom sessions recover`

use clap_complete::engine::ArgValueCompleter;
use jiff::Timestamp;
use uuid::Uuid;

use super::outcome;
use super::reconcile::{already_resolved_error, lock_unresolved, matching_attempts, resolve_attempt};
use super::row::AttemptRow;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::{ApiContext, App, journal_of};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::journal::{Attempt, EventKind, Journal, JournalFile, mismatch};
use crate::model::{Resource, Session};
use crate::output::format_amount;
use crate::text::{escape_control, pluralize};

const MORE: &str = "\
Examples:
  kustom sessions recover                              # list the attempts with an unknown outcome
  kustom sessions recover --session SESSION            # find the attempt that created the session
  kustom sessions recover ATTEMPT --not-processed      # the attempt created no session

Exit codes:
  2  the session does not match the attempt; nothing was resolved
  4  there is no such session or attempt

Next:
  kustom sessions list --unknown
";

/// Resolve attempts with an unknown outcome
///
/// Without arguments, this lists the attempts with an unknown outcome. Resolve one with --session if it created a session,
/// whose ID a callback, the portal or the device shows and which must match the attempt. Resolve it with --not-processed
/// if it created none; the same sale can then be charged.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Attempt ID or ID prefix; with --session, it can be omitted if one attempt matches
    #[arg(add = ArgValueCompleter::new(complete::attempts))]
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<String>,
    /// ID of the session that the attempt created
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(long, value_name = "SESSION", value_parser = args::parse_id, conflicts_with = "not_processed")]
    session: Option<Uuid>,
    /// Record that the attempt created no session
    #[arg(long, alias = "not-carried-out", requires = "attempt")]
    not_processed: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { attempt, session, not_processed } = self;
        let account = app.account()?;
        let file = journal_of(&app.settings, &account);
        let journal = file.read()?;
        let unknown: Vec<&Attempt> =
            journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown()).collect();
        let attempt = attempt.map(|query| find_unknown_attempt(&journal, &query)).transpose()?;
        if let Some(session) = session {
            return app.run_with_api(async |context| {
                resolve_with_session(session, attempt, &unknown, &file, &context).await
            });
        }
        match attempt {
            Some(attempt) if not_processed => {
                mark_not_processed(attempt, &file, account.is_production(), app)
            }
            Some(attempt) => {
                app.output.print_item(&AttemptRow::from(attempt))?;
                print_recovery_help(app);
                Ok(ExitStatus::Success)
            }
            None if unknown.is_empty() && app.output.format().is_table() => {
                app.output.status("Every attempt has a known outcome.");
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
    app.output.status(&format!("If there is none: kustom{flag} sessions recover ATTEMPT --not-processed"));
}

/// Finds an attempt by ID or ID prefix. Its outcome must be unknown.
fn find_unknown_attempt<'a>(journal: &'a Journal, query: &str) -> Result<&'a Attempt, Error> {
    let lower = query.to_ascii_lowercase();
    let found: Vec<&Attempt> =
        journal.attempts().iter().filter(|attempt| attempt.id.to_string().starts_with(&lower)).collect();
    match found.as_slice() {
        [attempt] if query.len() >= 4 && attempt.outcome.is_unknown() => Ok(attempt),
        [attempt] if query.len() >= 4 => Err(already_resolved_error(attempt.id)),
        [] | [_] => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no attempt '{}'", escape_control(query)))
                .hint("list them with `kustom sessions recover`"))
        }
        several => {
            let (query, attempts) = (escape_control(query), pluralize(several.len(), "attempt"));
            Err(Error::usage(format!("'{query}' is ambiguous: it matches {attempts}"))
                .hint("write more of the ID"))
        }
    }
}

async fn resolve_with_session(
    id: Uuid,
    attempt: Option<&Attempt>,
    unknown: &[&Attempt],
    file: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let session = context
        .client
        .session(id)
        .await
        .map_err(|error| Error::from(error).context(&format!("session {id}")))?;
    let attempt = match attempt {
        Some(attempt) => match mismatch(&attempt.intent, &session) {
            None => attempt,
            Some(difference) => {
                let message = format!("session {id} is not that of attempt {}: {difference}", attempt.id);
                return Err(Error::usage(message).hint("nothing was resolved"));
            }
        },
        None => unique_match(id, &session, unknown)?,
    };
    resolve_attempt(attempt, id, &session, file)?;
    context.output.print_item(&session)?;
    let outcome = outcome::describe_status(&session);
    context.output.status(&format!("Resolved attempt {}. {outcome}", attempt.id));
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
fn mark_not_processed(
    attempt: &Attempt,
    file: &JournalFile,
    on_production: bool,
    app: &App,
) -> Result<ExitStatus, Error> {
    if on_production {
        let amount = format_amount(attempt.intent.order_amount, attempt.intent.purchase_currency.as_deref());
        let question =
            format!("Production: is it certain that attempt {} created no session of {amount}?", attempt.id);
        if !app.block_on(app.output.confirm(&question))? {
            return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was resolved"));
        }
    }
    let (mut locked, _) = lock_unresolved(attempt, file)?;
    locked.append(Timestamp::now(), EventKind::NotProcessed { attempt: attempt.id })?;
    let journal = locked.read()?;
    drop(locked);
    if let Some(resolved) = journal.attempt(attempt.id) {
        app.output.print_item(&AttemptRow::from(resolved))?;
    }
    app.output.status("The attempt is resolved: the sale can be charged.");
    Ok(ExitStatus::Success)
}
