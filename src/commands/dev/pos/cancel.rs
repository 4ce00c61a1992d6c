use uuid::Uuid;

use super::print_result;
use clap_complete::engine::ArgValueCompleter;

use crate::api::{PosAction, pos_action_request};
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom dev pos cancel SESSION
  kustom dev pos cancel SESSION -o json

Next:
  kustom sessions get SESSION
";

/// Cancel a session on the phone, as the clerk does
///
/// The session becomes CANCELLED and nothing is charged. To cancel it from the till, use `kustom sessions cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Session ID [default: select from the open sessions created on this machine]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    session: Option<Uuid>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let result = context.client.send_json(&pos_action_request(session, PosAction::Cancel)).await;
        print_result(session, result, |_| "The clerk canceled the session on the phone.".to_owned(), context)
            .await
    }
}
