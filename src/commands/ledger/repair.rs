//! `kustom ledger repair`

use serde::Serialize;

use crate::commands::help::text::after_help;
use crate::context::{App, ledger_error};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{
    LedgerLocation, LostAttempt, Salvage, accept_journals, damaged_journals, inspect, repair,
};
use crate::output::{Cell, Column, View, format_time};
use crate::text::pluralize;

const MORE: &str = "\
Examples:
  kustom ledger repair
  kustom ledger repair --yes

Exit codes:
  8  not confirmed; nothing was changed

Next:
  kustom sessions recover            # resolve the attempts whose outcome is unknown
";

/// Keep what can be read of a damaged ledger
///
/// This shows what can be read and what would be lost, and asks before it changes anything. The readable attempts are
/// written to a new database; the damaged one is kept beside it, with its time in the name. A sale of which the attempt is
/// lost can be charged again: check the portal for those first. A damaged journal of an earlier version is accepted as it
/// is: its readable lines have been imported.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct Args {}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let (output, settings) = (&app.output, &app.settings);
        let failed = |error| ledger_error(&error, settings);
        let path = settings.paths.ledger();
        let salvage = inspect(&path).map_err(failed)?;
        let journals = damaged_journals(&settings.paths.state).map_err(failed)?;
        let damaged = salvage.filter(Salvage::is_damaged);
        if damaged.is_none() && journals.is_empty() {
            let is_shared = matches!(&app.account()?.ledger.value, LedgerLocation::Postgres(_));
            let note = if is_shared { " PostgreSQL's own tools repair the shared ledger." } else { "" };
            output.status(&format!("Nothing on this machine needs a repair.{note}"));
            return Ok(ExitStatus::Success);
        }
        let mut questions = Vec::new();
        if let Some(salvage) = &damaged {
            let unknown = salvage.attempts.iter().filter(|attempt| attempt.outcome.is_unknown()).count();
            let readable = pluralize(salvage.attempts.len(), "attempt");
            output.message(&format!("{}: {readable} can be read, {unknown} unknown.", path.display()));
            if let Some(reason) = &salvage.reason {
                output.message(&format!(
                    "The database is damaged ({reason}), so it is not known whether others are lost."
                ));
            }
            if !salvage.lost.is_empty() {
                output.message(&format!(
                    "{} would be lost. What is left of them:",
                    pluralize(salvage.lost.len(), "attempt")
                ));
            }
            questions.push("replace the ledger by a new one with what can be read".to_owned());
        }
        for error in &journals {
            output.message(&error.to_string());
        }
        if !journals.is_empty() {
            let number = pluralize(journals.len(), "damaged journal");
            questions.push(format!("do without the lines that cannot be read in {number}"));
        }
        output.print_list(damaged.iter().flat_map(|salvage| &salvage.lost).map(LostRow::from))?;
        let question = format!("Repair the ledger: {}?", questions.join(", and "));
        if !output.confirm(&question).await? {
            return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was changed"));
        }
        if damaged.is_some() {
            let kept = repair(&path).await.map_err(failed)?;
            output.status(&format!("Repaired the ledger. The damaged one is {}.", kept.display()));
        }
        if !journals.is_empty() {
            // The lines that can be read must be in the ledger before the journals are put aside.
            app.open_ledger(&app.account()?).await?;
            for path in accept_journals(&settings.paths.state).map_err(failed)? {
                output.status(&format!("Kept the damaged journal as {}.", path.display()));
            }
        }
        Ok(ExitStatus::Success)
    }
}

/// The readable fields of a damaged attempt. Each of them may be wrong.
#[derive(Debug, Serialize)]
struct LostRow {
    position: i64,
    attempt: Option<String>,
    at: Option<jiff::Timestamp>,
    device_id: Option<String>,
    merchant_reference1: Option<String>,
    session_id: Option<String>,
}

impl From<&LostAttempt> for LostRow {
    fn from(lost: &LostAttempt) -> Self {
        Self {
            position: lost.seq,
            attempt: lost.id.clone(),
            at: lost.at,
            device_id: lost.device_id.clone(),
            merchant_reference1: lost.reference.clone(),
            session_id: lost.session_id.clone(),
        }
    }
}

impl View for LostRow {
    const NOUN: &'static str = "lost attempt";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("WHEN", |row| Cell::optional(row.at.map(format_time))),
        Column::new("REFERENCE", |row| Cell::optional(row.merchant_reference1.as_deref())),
        Column::id("SESSION", |row| Cell::optional(row.session_id.as_deref())),
        Column::id("DEVICE", |row| Cell::optional(row.device_id.as_deref())),
        Column::id("ATTEMPT", |row| Cell::optional(row.attempt.as_deref())),
    ];
    const CSV_FIELDS: &'static [&'static str] =
        &["position", "attempt", "at", "device_id", "merchant_reference1", "session_id"];
}
