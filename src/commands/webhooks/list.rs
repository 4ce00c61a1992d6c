//! `kustom webhooks list`

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{lost, store};
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::deliveries::DeliveryFilter;
use crate::error::{Error, ExitStatus};
use crate::model::CallbackType;

/// List the callbacks that were received here
///
/// `kustom webhooks listen` stores each delivery, with its headers, its body and the response. The newest come first.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks list --limit 20
  kustom webhooks list --failed --since 1h
  kustom webhooks list --check                # report payments whose callback was lost

Next:
  kustom webhooks show DELIVERY
  kustom webhooks replay DELIVERY --to URL
"))]
pub(crate) struct Args {
    /// List only deliveries that were not acknowledged
    #[arg(long)]
    failed: bool,
    /// List only deliveries that were received within this duration, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = args::parse_duration)]
    since: Option<Duration>,
    /// List only callbacks of this type
    #[arg(long = "type", value_name = "EVENT", value_parser = args::parse_callback_type)]
    kind: Option<CallbackType>,
    /// List only callbacks about this session
    #[arg(long, value_name = "SESSION", value_parser = args::parse_id)]
    session: Option<Uuid>,
    /// Maximum number of items to list [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Also read the sessions that are open by their callbacks, and report those whose callback was lost
    #[arg(long)]
    check: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { failed, since, kind, session, limit, check } = self;
        let store = store::open(app)?;
        let filter = DeliveryFilter {
            since: since.map(time_ago),
            failed,
            kind: kind.map(|kind| kind.to_string()),
            session_id: session.map(|id| id.to_string()),
            limit: limit.map(|limit| limit as usize),
            is_summary: true,
        };
        let deliveries = store.list(&filter)?;
        app.output.print_list(deliveries)?;
        if !check {
            return Ok(ExitStatus::Success);
        }
        app.run_with_api(async |context| {
            let (mut ended, all) = (HashSet::new(), Timestamp::MIN);
            lost::report(&store, &context, all, SignedDuration::ZERO, &mut ended).await?;
            Ok(ExitStatus::Success)
        })
    }
}

pub(super) fn time_ago(duration: Duration) -> Timestamp {
    Timestamp::now().checked_sub(duration).unwrap_or(Timestamp::MIN)
}
