//! `kustom dev pos decline`

use uuid::Uuid;

use super::{payment_phrase, print_result};
use crate::api::PosAction;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{PaymentMethod, TapOutcome};

const MORE: &str = "\
Examples:
  kustom dev pos decline SESSION
  kustom dev pos decline SESSION --outcome insufficient-funds

Next:
  kustom dev pos pay SESSION         # the second try
";

/// Be declined, as a customer may be
///
/// Where no method was chosen, it is a card. The session stays ACTIVE unless an option of the emulator says otherwise,
/// so that the next try can be `kustom dev pos pay`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
    /// Why
    #[arg(long, value_name = "OUTCOME", default_value = "declined-generic", value_parser = args::decline())]
    outcome: TapOutcome,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, outcome } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let done = context.client.perform_pos_action(session, PosAction::Decline(outcome)).await;
        let said = |told: Option<_>| {
            let what = match told {
                Some(PaymentMethod::Card) => "The card".to_owned(),
                Some(method) => format!("The payment with {}", payment_phrase(method)),
                None => "The payment".to_owned(),
            };
            format!("{what} was {}.", outcome.meaning())
        };
        print_result(session, done, said, context).await
    }
}
