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
  kustom dev emulator --help         # how a fault is written
";

/// What goes wrong on an emulator on purpose
///
/// See `kustom dev emulator --help` for how a fault is written.
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
  kustom dev emulator fault list     # has it hit anything
";

/// Let something go wrong from now on
///
/// The first fault that is about a request hits it, those of --fault before those that were added.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_ADD))]
pub(super) struct AddArgs {
    /// What, such as 'POST /ipp/v1/sessions: 503 x2'
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

/// List what goes wrong, and how often it did
///
/// In the order in which they are tried.
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

/// Let nothing go wrong any more
///
/// Shows the faults as they were, with what they have hit.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE_OF_CLEAR))]
pub(super) struct ClearArgs {}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        if matches!(context.account.endpoint, Endpoint::InProcess) {
            let why = "inside this program there is no connection on which something could go wrong";
            return Err(Error::usage(why).hint(RUNNING.hint));
        }
        match self {
            Self::Add(AddArgs { fault }) => {
                let added = context.client.add_fault(&fault.to_string()).await;
                context.output.print_item(&explained(added, context).await?)?;
            }
            Self::List(ListArgs {}) => {
                let faults = context.client.faults().await;
                context.output.print_list(explained(faults, context).await?)?;
            }
            Self::Clear(ClearArgs {}) => {
                let faults = context.client.clear_faults().await;
                context.output.print_list(explained(faults, context).await?)?;
                context.output.status("Nothing goes wrong on purpose any more.");
            }
        }
        Ok(ExitStatus::Success)
    }
}

async fn explained<T>(result: Result<T, api::Error>, context: &ApiContext<'_>) -> Result<T, Error> {
    match result {
        Ok(told) => Ok(told),
        Err(error) => {
            let next = "take them away with `kustom dev emulator fault clear`".to_owned();
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
