use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

/// Show one payout with its totals
///
/// What it consists of is listed by `kustom payouts transactions`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom payouts get REFERENCE
  kustom payouts get REFERENCE -o json

Next:
  kustom payouts transactions REFERENCE
"))]
pub(crate) struct Args {
    /// Payment reference of the payout
    #[arg(value_name = "REFERENCE")]
    reference: String,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let payout = context.client.payout(&self.reference).await.map_err(|error| {
            let is_not_found = error.status() == Some(404);
            let error = Error::from(error).context(&format!("payout {}", self.reference));
            if is_not_found { error.hint("list them with `kustom payouts list`") } else { error }
        })?;
        context.output.print_item(&payout)?;
        Ok(ExitStatus::Success)
    }
}
