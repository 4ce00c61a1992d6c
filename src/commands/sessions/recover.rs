use uuid::Uuid;

use super::list::learn_names;
use super::resolve_attempt::{
    already_resolved_error, lock_device_of, matching_attempts, resolve_attempt, resolve_with,
};
use super::row::AttemptRow;
use super::status;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Attempt, Filter, Ledger, Outcome, mismatch};
use crate::model::{MIN_ID_PREFIX_LEN, Resource, Session};
use crate::output::format_amount;
use crate::text::pluralize;

/// As many candidates as an error can list.
const MAX_CANDIDATES: usize = 100;

/// Resolve attempts with an unknown outcome
///
/// Without arguments, this lists the attempts with an unknown outcome. Resolve one with --session if it created a session,
/// whose ID a callback, the portal or the device shows and which must match the attempt. Resolve it with --not-processed
/// if it created none; the same sale can then be charged.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions recover                              # list the attempts with an unknown outcome
  kustom sessions recover --session SESSION            # find the attempt that created the session
  kustom sessions recover ATTEMPT --not-processed      # the attempt created no session

Exit codes:
  2  the session does not match the attempt; nothing was resolved
  4  there is no such session or attempt

Next:
  kustom sessions list --unknown
"))]
pub(crate) struct Args {
    /// Attempt ID or ID prefix; with --session, it can be omitted if one attempt matches
    #[arg(value_name = "ATTEMPT", add = complete::attempts())]
    attempt: Option<String>,
    /// ID of the session that the attempt created
    #[arg(add = complete::sessions())]
    #[arg(long, value_name = "SESSION", value_parser = args::parse_id, conflicts_with = "not_processed")]
    session: Option<Uuid>,
    /// Record that the attempt created no session
    #[arg(long, alias = "not-carried-out", requires = "attempt")]
    not_processed: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        if self.session.is_some() {
            return app.run_with_api(async |context| self.resolve_with_session(&context).await);
        }
        app.block_on(self.run_offline(app))
    }

    async fn run_offline(self, app: &App) -> Result<ExitStatus, Error> {
        let account = app.account()?;
        let ledger = app.open_ledger(&account).await?;
        if let Some(query) = self.attempt {
            let attempt = find_unknown_attempt(&ledger, &query).await?;
            if self.not_processed {
                return mark_not_processed(attempt, &ledger, account.is_production(), app).await;
            }
            let row = AttemptRow::from(attempt);
            learn_names(std::slice::from_ref(&row), &account, app).await;
            app.output.print_item(&row)?;
            print_recovery_help(app);
            return Ok(ExitStatus::Success);
        }
        let unknown = ledger.unknown_attempts().await?;
        if unknown.is_empty() && app.output.format().is_table() {
            app.output.status("Every attempt has a known outcome.");
        } else {
            let rows: Vec<_> = unknown.into_iter().map(AttemptRow::from).collect();
            learn_names(&rows, &account, app).await;
            app.output.print_list(rows)?;
            print_recovery_help(app);
        }
        Ok(ExitStatus::Success)
    }

    async fn resolve_with_session(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let ledger = context.ledger().await?;
        let id = self.session.unwrap_or_default();
        let named = match &self.attempt {
            Some(query) => Some(find_unknown_attempt(ledger, query).await?),
            None => None,
        };
        let session = context.client.session(id).await;
        let session = session.map_err(|error| Error::from(error).context(&format!("session {id}")))?;
        let attempt = match named {
            Some(attempt) => match mismatch(&attempt.intent, &session) {
                None => attempt,
                Some(difference) => {
                    let message = format!("session {id} is not that of attempt {}: {difference}", attempt.id);
                    return Err(Error::usage(message).hint("nothing was resolved"));
                }
            },
            None => unique_match(id, &session, &ledger.unknown_attempts().await?)?,
        };
        let _lock = lock_device_of(&attempt, ledger).await?;
        resolve_attempt(&attempt, id, &session, ledger).await?;
        context.output.print_item(&session)?;
        let outcome = status::describe_status(&session);
        context.output.status(&format!("Resolved attempt {}. {outcome}", attempt.id));
        Ok(ExitStatus::Success)
    }
}

fn print_recovery_help(app: &App) {
    app.output.status("If there is a session: kustom sessions recover ATTEMPT --session ID");
    app.output.status("If there is none: kustom sessions recover ATTEMPT --not-processed");
}

/// Finds an attempt by ID or ID prefix. Its outcome must be unknown.
async fn find_unknown_attempt(ledger: &Ledger, query: &str) -> Result<Attempt, Error> {
    let lower = query.to_ascii_lowercase();
    let filter = Filter { id_prefix: Some(lower.clone()), ..Filter::default() };
    let mut found = ledger.attempts(&filter, MAX_CANDIDATES).await?.attempts;
    found.retain(|attempt| attempt.id.to_string().starts_with(&lower));
    match found.as_slice() {
        [_] if query.len() >= MIN_ID_PREFIX_LEN => {
            let attempt = found.remove(0);
            if attempt.outcome.is_unknown() { Ok(attempt) } else { Err(already_resolved_error(attempt.id)) }
        }
        [] | [_] => Err(Error::new(ErrorKind::NotFound, format!("there is no attempt '{query}'"))
            .hint("list them with `kustom sessions recover`")),
        several => {
            let attempts = pluralize(several.len(), "attempt");
            Err(Error::usage(format!("'{query}' is ambiguous: it matches {attempts}"))
                .hint("write more of the ID"))
        }
    }
}

fn unique_match(id: Uuid, session: &Resource<Session>, unknown: &[Attempt]) -> Result<Attempt, Error> {
    match matching_attempts(session, unknown).as_slice() {
        [attempt] => Ok((*attempt).clone()),
        [] => Err(Error::new(ErrorKind::NotFound, format!("no unknown attempt matches session {id}"))
            .hint("list them with `kustom sessions recover`")),
        several => {
            let number = pluralize(several.len(), "unknown attempt");
            Err(Error::usage(format!("session {id} matches {number}")).hint("name one of them"))
        }
    }
}

/// Resolves an attempt because the user confirms that it created no session.
async fn mark_not_processed(
    mut attempt: Attempt,
    ledger: &Ledger,
    on_production: bool,
    app: &App,
) -> Result<ExitStatus, Error> {
    if on_production {
        let amount = format_amount(attempt.intent.order_amount, attempt.intent.purchase_currency.as_deref());
        let question =
            format!("Production: is it certain that attempt {} created no session of {amount}?", attempt.id);
        app.output.confirm(&question).await?;
    }
    let _lock = lock_device_of(&attempt, ledger).await?;
    resolve_with(&attempt, &Outcome::NotProcessed, ledger).await?;
    attempt.outcome = Outcome::NotProcessed;
    app.output.print_item(&AttemptRow::from(attempt))?;
    app.output.status("The attempt is resolved: the sale can be charged.");
    Ok(ExitStatus::Success)
}
