//! `kustom dev emulator fault`

use clap::Subcommand;

use super::RUNNING;
use crate::api;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::emulator;
use crate::error::{Error, ExitStatus};
use crate::model::{Fault, Resource};
use crate::output::{Cell, Column, View};
use crate::settings::Endpoint;

const MORE: &str = "\
Examples:
  kustom dev emulator fault add 'POST /ipp/v1/sessions: 503 x2'
  kustom dev emulator fault list
  kustom dev emulator fault clear

Next:
  kustom dev emulator --help         # the syntax of faults
";

/// Inject faults into the responses of an emulator
///
/// See `kustom dev emulator --help` for the syntax of faults.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(super) enum Command {
    Add(AddArgs),
    List(ListArgs),
    Clear(ClearArgs),
}

const MORE_OF_ADD: &str = "\
Examples:
  kustom dev emulator fault add 'POST /ipp/v1/sessions: 503 x2'
  kustom dev emulator fault add 'GET /ipp/v1/sessions/{id}: delay=2s 10%'
  kustom dev emulator fault add 'POST /ipp/v1/sessions: drop-after-response-headers once'

Next:
  kustom dev emulator fault list     # how many requests it has hit
";

/// Add a fault
///
/// A request is hit by the first fault that matches it. The faults of --fault come before those that were added.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_ADD))]
pub(super) struct AddArgs {
    /// Fault, such as 'POST /ipp/v1/sessions: 503 x2'
    #[arg(value_name = "FAULT")]
    fault: emulator::Fault,
}

const MORE_OF_LIST: &str = "\
Examples:
  kustom dev emulator fault list
  kustom dev emulator fault list -o json

Next:
  kustom dev emulator fault clear
";

/// List the faults, and how many requests they have hit
///
/// A request is hit by the first fault that matches it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_LIST))]
pub(super) struct ListArgs {}

const MORE_OF_CLEAR: &str = "\
Examples:
  kustom dev emulator fault clear
  kustom dev emulator fault clear -o json

Next:
  kustom dev emulator fault add FAULT
";

/// Remove all faults
///
/// Prints the removed faults, and how many requests they have hit.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_CLEAR))]
pub(super) struct ClearArgs {}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        if matches!(context.account.endpoint, Endpoint::InProcess) {
            let reason = "the built-in emulator has no connections into which faults could be injected";
            return Err(Error::usage(reason).hint(RUNNING.hint));
        }
        match self {
            Self::Add(AddArgs { fault }) => {
                let added = context.client.add_fault(&fault.to_string()).await;
                context.output.print_item(&explain_rejection(added, context).await?)?;
            }
            Self::List(ListArgs {}) => {
                let faults = context.client.faults().await;
                context.output.print_list(explain_rejection(faults, context).await?)?;
            }
            Self::Clear(ClearArgs {}) => {
                let faults = context.client.clear_faults().await;
                context.output.print_list(explain_rejection(faults, context).await?)?;
                context.output.status("Removed all faults.");
            }
        }
        Ok(ExitStatus::Success)
    }
}

async fn explain_rejection<T>(result: Result<T, api::Error>, context: &ApiContext<'_>) -> Result<T, Error> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let next = "remove all faults with `kustom dev emulator fault clear`".to_owned();
            Err(RUNNING.add_hint(error, context, next).await)
        }
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
