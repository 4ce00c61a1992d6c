//! `kustom sessions watch`

use uuid::Uuid;

use super::choose::SessionFilter;
use super::wait::{SessionWatcher, WaitFlags};
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom sessions watch SESSION && echo paid
  kustom sessions watch SESSION --timeout 2m --cancel-on-timeout
  kustom sessions watch SESSION -o ndjson              # an object for each change

Next:
  kustom sessions get SESSION
  kustom sessions cancel SESSION
";

/// Wait until sessions have ended; the outcome is the exit code
///
/// `ExitStatus` 0: FINALIZED. 10: CANCELLED. 11: EXPIRED. 12: FAILED. 13: still open when --timeout ended the wait. Of
/// several sessions the worst outcome counts, in the order 13, 12, 11, 10, 0.
///
/// A failure that may pass is not an outcome: the wait goes on, and says so. Ctrl-C ends the wait and leaves the
/// sessions as they are, unless told to cancel them.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The ids of the sessions; on a terminal one can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    ids: Vec<Uuid>,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { ids, wait } = self;
        let mut once = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(&id) {
                once.push(id);
            }
        }
        if once.is_empty() {
            let chosen = context.session_or_choice(None, SessionFilter::Open);
            once.push(context.run_until_cancelled(chosen).await?);
        }
        if wait.cancels() {
            context.ensure_can_confirm()?;
            let sessions = crate::text::pluralize(once.len(), "session");
            let question = format!("cancel {sessions} if the wait ends before they do");
            context.run_until_cancelled(context.confirm(&question)).await?;
        }
        SessionWatcher::new(wait, once, context).run().await
    }
}
