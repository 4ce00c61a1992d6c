//! `kustom webhooks show`

use super::row::DeliveryDetails;
use super::store;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Show a callback that was received here
///
/// Shows its headers, its body and the application's response. Headers with credentials are not stored.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks show DELIVERY
  kustom webhooks show DELIVERY -o json

Next:
  kustom webhooks replay DELIVERY --to URL
"))]
pub(crate) struct Args {
    /// Webhook ID or ID prefix
    #[arg(value_name = "DELIVERY")]
    delivery: String,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { delivery } = self;
        let found = store::find(&store::open(app)?, &delivery)?;
        app.output.print_item(&DeliveryDetails::from(found))?;
        Ok(ExitStatus::Success)
    }
}
