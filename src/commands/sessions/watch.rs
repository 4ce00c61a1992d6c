use indexmap::IndexMap;

use super::choose::FoundSession;
use super::reporter::WatchedSession;
use super::wait::{WaitFlags, wait_for_sessions};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// Wait until sessions have ended; the outcome is the exit code
///
/// Exit code 0: FINALIZED. 10: CANCELLED. 11: EXPIRED. 12: FAILED. 13: still open when --timeout ended the wait. Of
/// several sessions the worst outcome counts, in the order 13, 12, 11, 10, 0.
///
/// A temporary failure does not end the wait; kustom prints a warning. Ctrl-C ends the wait and leaves the sessions open,
/// unless --cancel-on-interrupt is given.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions watch SESSION && echo paid
  kustom sessions watch SESSION --timeout 2m --cancel-on-timeout
  kustom sessions watch SESSION -o ndjson              # an object for each change

Next:
  kustom sessions get SESSION
  kustom sessions cancel SESSION
"))]
pub(crate) struct Args {
    /// Session IDs, ID prefixes or references [default: select from the open sessions]
    #[arg(value_name = "SESSION", add = complete::sessions())]
    sessions: Vec<String>,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { sessions, wait } = self;
        let found = context.run_until_cancelled(context.find_open_sessions(&sessions)).await?;
        let watched = found.into_iter().map(|FoundSession { id, sent }| (id, WatchedSession::new(id, sent)));
        let watched: IndexMap<_, _> = watched.collect();
        if wait.may_cancel() {
            context.ensure_can_confirm()?;
            let sessions = crate::text::pluralize(watched.len(), "session");
            let question = format!("cancel {sessions} if the wait ends before they do");
            context.run_until_cancelled(context.confirm(&question)).await?;
        }
        wait_for_sessions(watched.into_values().collect(), wait, context).await
    }
}
