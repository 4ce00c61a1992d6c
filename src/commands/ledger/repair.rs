use super::count;
use crate::commands::help::text::after_help;
use crate::context::{App, postgres_storage};
use crate::error::{Error, ExitStatus};
use crate::ledger::{
    LedgerLocation, LostRecord, OrderChange, Record as _, Salvage, accept_journals, damaged_journals,
    inspect, repair,
};
use crate::output::{Cell, Column, View, format_time};
use crate::text::pluralize;

/// Keep what can be read of a damaged ledger
///
/// This shows what can be read and what would be lost, and asks before it changes anything. The readable attempts and
/// order changes are written to a new database; the damaged one is kept next to it, with its time in the name. In
/// PostgreSQL, damaged rows are moved to `kustom.damaged_attempts` and `kustom.damaged_order_changes`; this needs the owner
/// of the tables. A sale whose attempt is lost can be charged again, and a lost refund can be made again: check the portal
/// for those first. A damaged journal of an earlier version is accepted as it is: its readable lines have been imported.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom ledger repair
  kustom ledger repair --yes

Exit codes:
  8  not confirmed; nothing was changed

Next:
  kustom sessions recover            # resolve the attempts whose outcome is unknown
"))]
pub(crate) struct Args {}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let (output, settings) = (&app.output, &app.settings);
        let path = settings.paths.ledger();
        let salvage = inspect(&path)?;
        let journals = damaged_journals(&settings.paths.state)?;
        let damaged = salvage.filter(Salvage::is_damaged);
        let account = app.account()?;
        let shared = match &account.ledger.value {
            LedgerLocation::Sqlite => None,
            LedgerLocation::Postgres(url) => Some(postgres_storage(settings, &account, url)?),
        };
        let mut lost = match &shared {
            Some(shared) => shared.damaged().await?,
            None => Vec::new(),
        };
        let is_shared_damaged = !lost.is_empty();
        if damaged.is_none() && journals.is_empty() && !is_shared_damaged {
            output.status("Nothing needs a repair.");
            return Ok(ExitStatus::Success);
        }
        let mut questions = Vec::new();
        if let Some(salvage) = &damaged {
            let unknown = salvage.attempts.iter().filter(|attempt| attempt.outcome.is_unknown()).count();
            let readable = count(salvage.attempts.len(), salvage.changes.len());
            output.message(&format!("{}: {readable} can be read, {unknown} unknown.", path.display()));
            if let Some(reason) = &salvage.reason {
                output.message(&format!(
                    "The database is damaged ({reason}), so it is not known whether others are lost."
                ));
            }
            lost.extend(salvage.lost.iter().cloned());
            questions.push("replace the ledger by a new one with what can be read".to_owned());
        }
        if is_shared_damaged {
            questions.push("move the damaged rows of the shared ledger to tables of their own".to_owned());
        }
        if !lost.is_empty() {
            let changes = lost.iter().filter(|lost| lost.kind == OrderChange::NOUN).count();
            let number = count(lost.len() - changes, changes);
            output.message(&format!("{number} would be lost. What is left of them:"));
        }
        for error in &journals {
            output.message(&error.to_string());
        }
        if !journals.is_empty() {
            let number = pluralize(journals.len(), "damaged journal");
            questions.push(format!("do without the lines that cannot be read in {number}"));
        }
        output.print_list(lost)?;
        let question = format!("Repair the ledger: {}?", questions.join(", and "));
        output.confirm(&question).await?;
        if damaged.is_some() {
            let kept = repair(&path).await?;
            output.status(&format!("Repaired the ledger. The damaged one is {}.", kept.display()));
        }
        if let Some(shared) = shared.filter(|_| is_shared_damaged) {
            let moved = shared.set_damaged_aside().await?;
            let rows = pluralize(usize::try_from(moved).unwrap_or(usize::MAX), "damaged row");
            output.status(&format!("Moved {rows} out of the shared ledger."));
        }
        if !journals.is_empty() {
            // The lines that can be read must be in the ledger before the journals are put aside.
            app.open_ledger(&account).await?;
            for path in accept_journals(&settings.paths.state)? {
                output.status(&format!("Kept the damaged journal as {}.", path.display()));
            }
        }
        Ok(ExitStatus::Success)
    }
}

impl View for LostRecord {
    const NOUN: &'static str = "lost record";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("KIND", |row| row.kind.into()),
        Column::new("WHEN", |row| Cell::optional(row.at.map(format_time))),
        Column::new("REFERENCE", |row| Cell::optional(row.reference.as_deref())),
        Column::id("SESSION", |row| Cell::optional(row.session_id.as_deref())),
        Column::id("ORDER", |row| Cell::optional(row.order_id.as_deref())),
        Column::id("DEVICE", |row| Cell::optional(row.device_id.as_deref())),
        Column::id("ID", |row| Cell::optional(row.id.as_deref())),
    ];
    const CSV_FIELDS: &'static [&'static str] =
        &["kind", "id", "at", "device_id", "merchant_reference1", "session_id", "order_id"];
}
