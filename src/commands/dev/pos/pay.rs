//! `kustom dev pos pay`

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
  kustom dev pos pay SESSION
  kustom dev pos pay SESSION --method klarna

Next:
  kustom sessions watch SESSION
";

/// Pay, as the customer does
///
/// The session is FINALIZED and has an order. Where no method was chosen, choosing it counts as done. Whoever waits
/// with `kustom sessions watch` is told, with exit 0.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
    /// Pay with this method; the one that was chosen, or else card, unless told otherwise
    #[arg(long, value_name = "METHOD")]
    method: Option<PaymentMethod>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, method } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let done = context.client.perform_pos_action(session, PosAction::Pay(method)).await;
        let said = |told: Option<_>| match told.or(method) {
            Some(method) => format!("The customer used {}.", payment_phrase(method)),
            None => String::new(),
        };
        print_result(session, done, said, context).await
    }
}
