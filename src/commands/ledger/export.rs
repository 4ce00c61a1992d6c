use super::count;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Filter, Record as _};
use crate::text::pluralize;

/// Print all attempts and order changes of all accounts, one JSON object per line, oldest first
///
/// The ledger itself does not change. `kustom ledger import` reads the output on another machine or into a shared ledger.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom ledger export > attempts.ndjson
  KUSTOM_LEDGER=sqlite kustom ledger export > attempts.ndjson    # of this machine

Exit codes:
  6  damaged attempts or order changes were omitted

Next:
  kustom ledger import attempts.ndjson
"))]
pub(crate) struct Args {}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let ledger = app.open_ledger(&app.account()?).await?;
        let filter = Filter { matches_all_accounts: true, ..Filter::default() };
        let page = ledger.attempts(&filter, usize::MAX).await?;
        for attempt in page.attempts.iter().rev() {
            app.output.print(&format!("{}\n", attempt.to_record()))?;
        }
        let (changes, damaged_changes) = ledger.changes_of_all_accounts(None, None).await?;
        for change in &changes {
            app.output.print(&format!("{{\"order_change\":{}}}\n", change.to_record()))?;
        }
        app.output.status(&format!("Exported {}.", count(page.attempts.len(), changes.len())));
        if page.damaged + damaged_changes > 0 {
            let omitted = pluralize(page.damaged + damaged_changes, "damaged record");
            return Err(Error::new(ErrorKind::Unavailable, format!("{omitted} could not be exported"))
                .hint("`kustom ledger repair` shows what can be read and asks before it changes anything"));
        }
        Ok(ExitStatus::Success)
    }
}
