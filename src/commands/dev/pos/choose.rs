//! `kustom dev pos choose`

use uuid::Uuid;

use super::{payment_phrase, print_result};
use crate::api::PosAction;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::PaymentMethod;

const MORE: &str = "\
Examples:
  kustom dev pos choose SESSION --method card
  kustom dev pos choose SESSION --method swish

Next:
  kustom dev pos pay SESSION
";

/// Choose a method of payment, as the clerk does
///
/// The session turns ACTIVE. Another method can be chosen as long as it is open. Next comes `kustom dev pos pay`,
/// `kustom dev pos decline` or `kustom dev pos cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
    /// The method
    #[arg(long, value_name = "METHOD")]
    method: PaymentMethod,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, method } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let done = context.client.perform_pos_action(session, PosAction::Choose(method)).await;
        let said = |told: Option<_>| format!("The clerk chose {}.", payment_phrase(told.unwrap_or(method)));
        print_result(session, done, said, context).await
    }
}
