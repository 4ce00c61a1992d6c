//! `kustom dev pos pay`

use uuid::Uuid;

use super::{show, with};
use crate::api::OnPhone;
use crate::commands::args;
use crate::commands::help::text::more;
use crate::commands::sessions::choose::Among;
use crate::context::Online;
use crate::error::{Error, Exit};
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
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
    /// Pay with this method; the one that was chosen, or else card, unless told otherwise
    #[arg(long, value_name = "METHOD")]
    method: Option<PaymentMethod>,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { session, method } = self;
        let session = online.session_or_choice(session, Among::Open).await?;
        let done = online.client.on_phone(session, OnPhone::Pay(method)).await;
        let said = |told: Option<_>| match told.or(method) {
            Some(method) => format!("The customer used {}.", with(method)),
            None => String::new(),
        };
        show(session, done, said, online).await
    }
}
