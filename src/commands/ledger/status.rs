use serde::Serialize;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::ledger::LedgerLocation;
use crate::output::{Cell, CellStyle, Column, View};

/// Show where the ledger is and whether it can be used
///
/// Prints its location, version and number of attempts, and the results that wait to be delivered to a shared ledger.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom ledger status
  kustom ledger status -o json

Exit codes:
  6  the ledger cannot be used: unreachable, damaged, not created or of another version

Next:
  kustom ledger init                 # create the tables in PostgreSQL
  kustom sessions list --unknown
"))]
pub(crate) struct Args {}

#[derive(Debug, Default, Serialize)]
struct Status {
    location: String,
    database: &'static str,
    usable: bool,
    /// The version of its tables.
    version: Option<i64>,
    /// Of all accounts.
    attempts: Option<i64>,
    unknown_attempts: Option<i64>,
    /// Results that wait in the state directory until the database can be reached.
    undelivered: Option<usize>,
}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let account = app.account()?;
        let (location, database) = match &account.ledger.value {
            LedgerLocation::Sqlite => (app.settings.paths.ledger().display().to_string(), "sqlite"),
            LedgerLocation::Postgres(url) => (url.to_string(), "postgresql"),
        };
        let read = async {
            let ledger = app.open_ledger(&account).await?;
            Ok::<_, Error>((ledger.summary().await?, ledger.undelivered().await?))
        };
        let unusable = Status { location, database, ..Status::default() };
        match read.await {
            Ok((summary, undelivered)) => {
                app.output.print_item(&Status {
                    usable: true,
                    version: Some(summary.version),
                    attempts: Some(summary.attempts),
                    unknown_attempts: Some(summary.unknown),
                    undelivered,
                    ..unusable
                })?;
                Ok(ExitStatus::Success)
            }
            Err(error) => {
                app.output.print_item(&unusable)?;
                Err(error)
            }
        }
    }
}

fn format_number(number: Option<impl ToString>) -> Cell {
    Cell::optional(number.map(|number| number.to_string()))
}

impl View for Status {
    const NOUN: &'static str = "ledger";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("LOCATION", |status| status.location.as_str().into()),
        Column::new("DATABASE", |status| status.database.into()),
        Column::new("USABLE", |status| {
            if status.usable {
                Cell::styled("yes", CellStyle::Success)
            } else {
                Cell::styled("no", CellStyle::Error)
            }
        }),
        Column::new("VERSION", |status| format_number(status.version)),
        Column::new("ATTEMPTS", |status| format_number(status.attempts)),
        Column::new("UNKNOWN", |status| format_number(status.unknown_attempts)),
        Column::new("UNDELIVERED", |status| format_number(status.undelivered)),
    ];
}
