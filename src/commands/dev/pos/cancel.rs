//! `kustom dev pos cancel`

use uuid::Uuid;

use super::show;
use crate::api::OnPhone;
use crate::commands::args;
use crate::commands::help::text::more;
use crate::commands::sessions::choose::Among;
use crate::context::Online;
use crate::error::{Error, Exit};

const MORE: &str = "\
Examples:
  kustom dev pos cancel SESSION
  kustom dev pos cancel SESSION -o json

Next:
  kustom sessions get SESSION
";

/// Call a sale off on the phone, as the clerk does
///
/// The session is CANCELLED, and nothing is charged. From the till it is `kustom sessions cancel`; another try needs
/// a new session, with `kustom sessions create`.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { session } = self;
        let session = online.session_or_choice(session, Among::Open).await?;
        let done = online.client.on_phone(session, OnPhone::Cancel).await;
        show(session, done, |_| "The clerk called it off on the phone.".to_owned(), online).await
    }
}
