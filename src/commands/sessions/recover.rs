//! `kustom sessions recover`

use jiff::Timestamp;
use uuid::Uuid;

use super::outcome;
use super::row::Row;
use super::settle::{fitting, is_known, lock_unknown, settle};
use crate::commands::args;
use crate::commands::help::text::more;
use crate::context::{Context, Online, journal_of};
use crate::error::{Error, Exit, Kind};
use crate::journal::{Attempt, File, Journal, What, difference};
use crate::model::{Received, Session};
use crate::terminal::{Format, Show};
use crate::text::{count, visible};

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
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The attempt: its id or the beginning of it; needed unless its session tells which it is
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<String>,
    /// The session that came of it
    #[arg(long, value_name = "SESSION", value_parser = args::id, conflicts_with = "not_carried_out")]
    session: Option<Uuid>,
    /// No session came of it
    #[arg(long, requires = "attempt")]
    not_carried_out: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { attempt, session, not_carried_out } = self;
        let account = context.account()?;
        let file = journal_of(&context.settings, &account);
        let journal = file.read()?;
        let unknown: Vec<&Attempt> =
            journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown()).collect();
        let named = attempt.as_deref().map(|wanted| pick(&journal, wanted)).transpose()?;
        if let Some(session) = session {
            return context.online(async |online| by_session(session, named, &unknown, &file, &online).await);
        }
        match named {
            Some(attempt) if not_carried_out => declare(attempt, &file, account.is_production(), context),
            Some(attempt) => {
                context.terminal.one(&Row::from(attempt))?;
                say_how(context);
                Ok(Exit::Done)
            }
            None if unknown.is_empty() && context.terminal.format() == Format::Table => {
                context.terminal.note("There is nothing to settle: every attempt has a known outcome.");
                Ok(Exit::Done)
            }
            None => {
                context.terminal.all(unknown.iter().map(|attempt| Row::from(*attempt)))?;
                say_how(context);
                Ok(Exit::Done)
            }
        }
    }
}

fn say_how(context: &Context) {
    let flag = context.settings.profile_flag();
    context
        .terminal
        .note(&format!("If there is a session: kustom{flag} sessions recover ATTEMPT --session ID"));
    context
        .terminal
        .note(&format!("If there is none: kustom{flag} sessions recover ATTEMPT --not-carried-out"));
}

/// The attempt that a person named, which must be one whose outcome is not known.
fn pick<'a>(journal: &'a Journal, wanted: &str) -> Result<&'a Attempt, Error> {
    let lower = wanted.to_ascii_lowercase();
    let found: Vec<&Attempt> =
        journal.attempts().iter().filter(|attempt| attempt.id.to_string().starts_with(&lower)).collect();
    match found.as_slice() {
        [attempt] if wanted.len() >= 4 && attempt.outcome.is_unknown() => Ok(attempt),
        [attempt] if wanted.len() >= 4 => Err(is_known(attempt.id)),
        [] | [_] => Err(Error::new(Kind::NotFound, format!("there is no attempt '{}'", visible(wanted)))
            .hint("list them with `kustom sessions recover`")),
        several => {
            Err(Error::usage(format!("'{}' could be {}", visible(wanted), count(several.len(), "attempt")))
                .hint("write more of the id"))
        }
    }
}

/// Settles an attempt by the session that came of it.
async fn by_session(
    id: Uuid,
    named: Option<&Attempt>,
    unknown: &[&Attempt],
    file: &File,
    online: &Online<'_>,
) -> Result<Exit, Error> {
    let session = online
        .client
        .session(id)
        .await
        .map_err(|error| Error::from(error).context(&format!("session {id}")))?;
    let attempt = match named {
        Some(attempt) => match difference(&attempt.intent, &session) {
            None => attempt,
            Some(difference) => {
                let message = format!("session {id} is not that of attempt {}: {difference}", attempt.id);
                return Err(Error::usage(message).hint("nothing was settled"));
            }
        },
        None => only_match(id, &session, unknown)?,
    };
    settle(attempt, id, &session, file)?;
    online.terminal.one(&session)?;
    online.terminal.note(&format!("Attempt {} is settled. {}", attempt.id, outcome::in_words(&session)));
    Ok(Exit::Done)
}

/// The one attempt that the session can have come of.
fn only_match<'a>(
    id: Uuid,
    session: &Received<Session>,
    unknown: &[&'a Attempt],
) -> Result<&'a Attempt, Error> {
    match fitting(session, unknown.iter().copied()).as_slice() {
        [attempt] => Ok(attempt),
        [] => Err(Error::new(Kind::NotFound, format!("no unknown attempt matches session {id}"))
            .hint("list them with `kustom sessions recover`")),
        several => {
            let number = count(several.len(), "unknown attempt");
            Err(Error::usage(format!("session {id} matches {number}")).hint("name one of them"))
        }
    }
}

/// Settles an attempt by a person's word that no session came of it.
fn declare(attempt: &Attempt, file: &File, on_production: bool, context: &Context) -> Result<Exit, Error> {
    if on_production {
        let amount =
            Show::amount(attempt.intent.order_amount, attempt.intent.purchase_currency.as_deref()).text;
        let question =
            format!("Production: is it certain that no session of {amount} came of attempt {}?", attempt.id);
        if !context.wait_for(context.terminal.confirm(&question))? {
            return Err(Error::new(Kind::Unconfirmed, "not confirmed; nothing was settled"));
        }
    }
    let (mut locked, _) = lock_unknown(attempt, file)?;
    locked.append(Timestamp::now(), What::NotCarriedOut { attempt: attempt.id })?;
    let journal = locked.read()?;
    drop(locked);
    if let Some(settled) = journal.attempts().iter().find(|settled| settled.id == attempt.id) {
        context.terminal.one(&Row::from(settled))?;
    }
    context.terminal.note("It is settled: the sale can be charged.");
    Ok(Exit::Done)
}
