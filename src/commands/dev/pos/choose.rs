use uuid::Uuid;

use super::{describe_method, print_result};
use clap_complete::engine::ArgValueCompleter;

use crate::api::{PosAction, pos_action_request};
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::complete;
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

/// Choose a payment method, as the clerk does
///
/// The session becomes ACTIVE. The method can be changed while the session is open.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Session ID [default: select from the open sessions created on this machine]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    session: Option<Uuid>,
    /// Payment method
    #[arg(long, value_name = "METHOD")]
    method: PaymentMethod,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, method } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let result = context.client.send_json(&pos_action_request(session, PosAction::Choose(method))).await;
        let describe =
            |used: Option<_>| format!("The clerk chose {}.", describe_method(used.unwrap_or(method)));
        print_result(session, result, describe, context).await
    }
}
