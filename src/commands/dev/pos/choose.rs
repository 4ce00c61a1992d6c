//! `kustom dev pos choose`

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
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
    /// The method
    #[arg(long, value_name = "METHOD")]
    method: PaymentMethod,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { session, method } = self;
        let session = online.session_or_choice(session, Among::Open).await?;
        let done = online.client.on_phone(session, OnPhone::Choose(method)).await;
        let said = |told: Option<_>| format!("The clerk chose {}.", with(told.unwrap_or(method)));
        show(session, done, said, online).await
    }
}
