use crate::commands::help::text::after_help;
use crate::context::{App, postgres_storage};
use crate::error::{Error, ExitStatus};
use crate::ledger::{LedgerLocation, PostgresStorage};
use crate::text::escape_control;

/// The role in the printed SQL if none is named.
const DEFAULT_ROLE: &str = "kustom_till";

/// Create the tables of the ledger, or update them to this version
///
/// This needs a user who may create a schema; a till needs only the rights that --role grants. The role itself must exist:
/// create it with a password first. The database in the state directory needs no preparation.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom ledger init --print-sql     # for the administrator of the database
  kustom ledger init --print-sql --role kustom_till

Next:
  kustom ledger status
"))]
pub(crate) struct Args {
    /// Role of PostgreSQL to grant the rights that a till needs
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Print the SQL, with the least rights a till needs, and change nothing
    #[arg(long, visible_alias = "dry-run")]
    print_sql: bool,
}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { role, print_sql } = self;
        if print_sql {
            let role = role.as_deref().unwrap_or(DEFAULT_ROLE);
            app.output.print(&PostgresStorage::creation_sql(role))?;
            return Ok(ExitStatus::Success);
        }
        let account = app.account()?;
        let LedgerLocation::Postgres(url) = &account.ledger.value else {
            let message = "the ledger is the database in the state directory, which needs no preparation";
            return Err(Error::usage(message)
                .hint("to share a ledger, set KUSTOM_LEDGER=postgres://USER@HOST/DATABASE"));
        };
        let storage = postgres_storage(&app.settings, &account, url)?;
        storage.create(role.as_deref()).await?;
        let granted = role.map(|role| format!(" {} may use it.", escape_control(&role))).unwrap_or_default();
        app.output.status(&format!("The ledger {url} is ready.{granted}"));
        app.output.status(
            "To take over the attempts of this machine: KUSTOM_LEDGER=sqlite kustom ledger export > attempts.ndjson; \
             kustom ledger import attempts.ndjson",
        );
        Ok(ExitStatus::Success)
    }
}
