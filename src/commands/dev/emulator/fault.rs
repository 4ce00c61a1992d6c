//! `kustom dev emulator fault`

use clap::Subcommand;

use super::GUARD;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::emulator;
use crate::error::{Error, ExitStatus};
use crate::model::{Fault, Resource};
use crate::output::{Cell, Column, View};
use crate::settings::Endpoint;

/// Inject faults into the responses of an emulator
///
/// See `kustom dev emulator --help` for the syntax of faults.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom dev emulator fault add 'POST /ipp/v1/sessions: 503 x2'
  kustom dev emulator fault list
  kustom dev emulator fault clear

Next:
  kustom dev emulator --help         # the syntax of faults"))]
pub(super) enum Command {
    /// Add a fault
    ///
    /// A request is hit by the first fault that matches it. The faults of --fault come before those that were added.
    #[command(after_help = after_help("\
Examples:
  kustom dev emulator fault add 'POST /ipp/v1/sessions: 503 x2'
  kustom dev emulator fault add 'GET /ipp/v1/sessions/{id}: delay=2s 10%'
  kustom dev emulator fault add 'POST /ipp/v1/sessions: drop-after-response-headers once'

Next:
  kustom dev emulator fault list     # how many requests it has hit"))]
    Add {
        /// Fault, such as 'POST /ipp/v1/sessions: 503 x2'
        #[arg(value_name = "FAULT")]
        fault: emulator::Fault,
    },

    /// List the faults, and how many requests they have hit
    ///
    /// A request is hit by the first fault that matches it.
    #[command(after_help = after_help("\
Examples:
  kustom dev emulator fault list
  kustom dev emulator fault list -o json

Next:
  kustom dev emulator fault clear"))]
    List,

    /// Remove all faults
    ///
    /// Prints the removed faults, and how many requests they have hit.
    #[command(after_help = after_help("\
Examples:
  kustom dev emulator fault clear
  kustom dev emulator fault clear -o json

Next:
  kustom dev emulator fault add FAULT"))]
    Clear,
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        if matches!(context.account.endpoint, Endpoint::InProcess) {
            let reason = "the built-in emulator has no connections into which faults could be injected";
            return Err(Error::usage(reason).hint(GUARD.hint));
        }
        let (client, output) = (&context.client, context.output);
        let hint = "remove all faults with `kustom dev emulator fault clear`";
        match self {
            Self::Add { fault } => {
                let added = client.add_fault(&fault.to_string()).await;
                output.print_item(&GUARD.check(added, context, hint).await?)?;
            }
            Self::List => output.print_list(GUARD.check(client.faults().await, context, hint).await?)?,
            Self::Clear => {
                output.print_list(GUARD.check(client.clear_faults().await, context, hint).await?)?;
                output.status("Removed all faults.");
            }
        }
        Ok(ExitStatus::Success)
    }
}

impl View for Resource<Fault> {
    const NOUN: &'static str = "fault";
    const CSV_FIELDS: &'static [&'static str] = &["id", "fault", "matched", "hit", "left"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |fault| number(fault.id)),
        Column::new("FAULT", |fault| Cell::optional(fault.fault.as_deref())),
        Column::new("MATCHED", |fault| number(fault.matched)),
        Column::new("HIT", |fault| number(fault.hit)),
        Column::new("LEFT", |fault| number(fault.left)),
    ];
}

fn number(number: Option<i64>) -> Cell {
    number.map(|number| number.to_string()).unwrap_or_default().into()
}
