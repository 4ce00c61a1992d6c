//! `kustom dev pos cancel`

use uuid::Uuid;

use super::print_result;
use crate::api::PosAction;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

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
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The session's id; on a terminal it can be chosen from those that were created here and are open
    #[arg(value_name = "SESSION", value_parser = args::id)]
    session: Option<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let done = context.client.perform_pos_action(session, PosAction::Cancel).await;
        print_result(session, done, |_| "The clerk called it off on the phone.".to_owned(), context).await
    }
}
