//! `kustom sessions watch`

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::outcome;
use crate::commands::args;
use crate::context::Online;
use crate::error::{Error, Exit, Kind};
use crate::flows::watch::{News, Next, Seen, Watch};
use crate::model::{Received, Session, SessionStatus};
use crate::terminal::{Format, spell};
use crate::text::visible;

/// Wait until a session has ended; its outcome is the exit code
///
/// Exit 0: FINALIZED. 10: CANCELLED. 11: EXPIRED. 12: FAILED. 13: still open when --timeout ended the wait.
/// A failure that may pass is not an outcome: the wait goes on, and says so. Ctrl-C ends the wait and leaves the
/// session as it is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session's id
    #[arg(value_name = "ID")]
    id: Uuid,
    /// How often to look
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = args::duration)]
    interval: Duration,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { id, interval } = self;
        tokio::select! {
            exit = wait(id, Watch::new(interval, online.settings.timeout), online) => exit,
            Ok(()) = tokio::signal::ctrl_c() => {
                let flag = online.settings.profile_flag();
                Err(Error::new(Kind::Interrupted, "the wait was interrupted; the session is as it was")
                    .hint(format!("wait again with `kustom{flag} sessions watch {id}`"))
                    .hint(format!("call it off with `kustom{flag} sessions cancel {id}`")))
            }
        }
    }
}

async fn wait(id: Uuid, mut watch: Watch, online: &Online<'_>) -> Result<Exit, Error> {
    let started = Instant::now();
    let mut last = None;
    loop {
        let seen = match online.client.session_once(id).await {
            Ok(session) => {
                let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
                last = Some(session);
                Seen::Status(status)
            }
            Err(error) => {
                let asked = error.retry_after;
                let error = Error::from(error);
                if error.kind != Kind::Unavailable {
                    return Err(error);
                }
                Trouble { error: &error, ever_seen: last.is_some() }.tell(&watch, online);
                Seen::Trouble(asked)
            }
        };
        let elapsed = started.elapsed();
        let (news, next) = watch.observe(elapsed, seen);
        tell(&news, last.as_ref(), elapsed, online)?;
        match next {
            Next::Poll(wait) => tokio::time::sleep(wait).await,
            Next::Ended(status) => {
                finish(last.as_ref(), online)?;
                return Ok(outcome::exit_of(&status));
            }
            Next::TimeUp => {
                finish(last.as_ref(), online)?;
                let waited = spell(elapsed);
                online
                    .terminal
                    .warn(&format!("the session is still open after {waited}; it was left as it is"));
                return Ok(Exit::SessionOpen);
            }
        }
    }
}

struct Trouble<'a> {
    error: &'a Error,
    ever_seen: bool,
}

impl Trouble<'_> {
    /// Says that polls fail, once for each time they begin to.
    fn tell(&self, watch: &Watch, online: &Online<'_>) {
        if watch.is_troubled() {
            return;
        }
        let known = if self.ever_seen { "" } else { ", and the session has not been seen yet" };
        online.terminal.warn(&format!("{}; still waiting{known}", self.error.message));
    }
}

/// One line a change; in `ndjson` one object a change.
fn tell(
    news: &News,
    session: Option<&Received<Session>>,
    elapsed: Duration,
    online: &Online<'_>,
) -> Result<(), Error> {
    let status = match news {
        News::Nothing | News::Trouble => return Ok(()),
        News::Status(status) => status,
        News::Recovered(status) => {
            online.terminal.note("The API answers again.");
            status
        }
    };
    match (online.terminal.format(), session) {
        (Format::Table, _) => {
            online.terminal.data(&format!(
                "{:<10} {}\n",
                visible(status.as_str()),
                spell_elapsed(elapsed)
            ))?;
            online.terminal.flush()
        }
        (Format::Ndjson, Some(session)) => online.terminal.one(session),
        _ => Ok(()),
    }
}

fn spell_elapsed(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) { "at once".to_owned() } else { format!("after {}", spell(elapsed)) }
}

/// The session as it was seen last.
fn finish(session: Option<&Received<Session>>, online: &Online<'_>) -> Result<(), Error> {
    let Some(session) = session else { return Ok(()) };
    match online.terminal.format() {
        Format::Json | Format::Csv => online.terminal.one(session),
        Format::Ndjson => Ok(()),
        Format::Table => {
            online.terminal.note(&outcome::in_words(session));
            Ok(())
        }
    }
}
