//! `kustom sessions watch`

use uuid::Uuid;

use super::choose::Among;
use super::wait::{Wait, WaitFlags};
use crate::commands::args;
use crate::commands::help::text::more;
use crate::context::Online;
use crate::error::{Error, Exit};

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
/// Exit 0: FINALIZED. 10: CANCELLED. 11: EXPIRED. 12: FAILED. 13: still open when --timeout ended the wait. Of
/// several sessions the worst outcome counts, in the order 13, 12, 11, 10, 0.
///
/// A failure that may pass is not an outcome: the wait goes on, and says so. Ctrl-C ends the wait and leaves the
/// sessions as they are, unless told to cancel them.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The ids of the sessions; on a terminal one can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    ids: Vec<Uuid>,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { ids, wait } = self;
        let mut once = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(&id) {
                once.push(id);
            }
        }
        if once.is_empty() {
            once.push(online.session_or_choice(None, Among::Open).await?);
        }
        if wait.cancels() {
            online.can_confirm()?;
            let sessions = crate::text::count(once.len(), "session");
            online.confirm(&format!("cancel {sessions} if the wait ends before they do")).await?;
        }
        Wait::new(wait, once, online).run().await
    }
}
