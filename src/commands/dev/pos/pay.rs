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
  kustom dev pos pay SESSION
  kustom dev pos pay SESSION --method klarna

Next:
  kustom sessions watch SESSION
";

/// Pay a session, as the customer does
///
/// The session becomes FINALIZED and gets an order. `kustom sessions watch` then exits with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Session ID [default: select from the open sessions created on this machine]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    session: Option<Uuid>,
    /// Payment method [default: the chosen method, or else card]
    #[arg(long, value_name = "METHOD")]
    method: Option<PaymentMethod>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, method } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let result = context.client.send_json(&pos_action_request(session, PosAction::Pay(method))).await;
        let describe = |used: Option<_>| match used.or(method) {
            Some(method) => format!("The customer used {}.", describe_method(method)),
            None => String::new(),
        };
        print_result(session, result, describe, context).await
    }
}
