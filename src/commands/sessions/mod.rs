//! Sessions.

pub(super) mod busy;
pub(super) mod cancel;
mod cart;
pub(super) mod choose;
mod create;
mod create_args;
pub(super) mod device_lock;
mod duplicate_guard;
mod get;
mod list;
mod recover;
mod reporter;
mod request_session;
pub(super) mod resolve_attempt;
mod row;
pub(super) mod status;
mod wait;
mod watch;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Create, watch and cancel payments on a device
///
/// A session asks a customer to pay an amount on a device. It ends as FINALIZED, CANCELLED, EXPIRED or FAILED. What is created
/// here is kept in a ledger, so that no sale is charged twice.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom sessions create --device 'Till 1' --amount 249.50 --reference receipt-1001 --watch
  kustom sessions list               # what was created here
  kustom sessions cancel SESSION

Next:
  kustom help money                  # amounts, carts, and why no sale is charged twice
"))]
pub(crate) enum Command {
    #[command(aliases = ["new", "pay"])]
    Create(Box<create::Args>),
    #[command(aliases = ["show", "view"])]
    Get(get::Args),
    #[command(alias = "wait")]
    Watch(watch::Args),
    Cancel(cancel::Args),
    #[command(alias = "ls")]
    List(list::Args),
    Recover(recover::Args),
}

impl Command {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::Create(args) => {
                let context = if args.waits() { app.connect_to_wait()? } else { app.connect()? };
                app.block_on_with_cleanup(args.run(&context))
            }
            Self::Get(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::Watch(args) => {
                let context = app.connect_to_wait()?;
                app.block_on_with_cleanup(args.run(&context))
            }
            Self::Cancel(args) => app.run_with_api(async |context| args.run(&context).await),
            Self::List(args) => args.run(app),
            Self::Recover(args) => args.run(app),
        }
    }
}
