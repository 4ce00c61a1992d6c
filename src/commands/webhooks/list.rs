//! `kustom webhooks list`

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::row::DeliveryRow;
use super::store;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::deliveries::{DeliveryFilter, DeliveryStore};
use crate::error::{Error, ExitStatus};
use crate::model::{CallbackType, SessionStatus};

const MORE: &str = "\
Examples:
  kustom webhooks list --limit 20
  kustom webhooks list --failed --since 1h
  kustom webhooks list --check                # report payments whose callback was lost

Next:
  kustom webhooks show DELIVERY
  kustom webhooks replay DELIVERY --to URL
";

/// List the callbacks that were received here
///
/// `kustom webhooks listen` stores each delivery, with its headers, its body and the response. The newest come first.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
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
            since: since.map(args_since).transpose()?,
            failed,
            kind: kind.map(|kind| kind.to_string()),
            session_id: session.map(|id| id.to_string()),
            limit: limit.map(|limit| limit as usize),
        };
        let deliveries = store.list(&filter).map_err(|error| store::store_error(&error))?;
        app.output.print_list(deliveries.iter().map(DeliveryRow::from))?;
        if check {
            report_lost_callbacks(&store, app)?;
        }
        Ok(ExitStatus::Success)
    }
}

pub(super) fn args_since(since: Duration) -> Result<Timestamp, Error> {
    let since =
        SignedDuration::try_from(since).map_err(|_| Error::usage("--since: the duration is too long"))?;
    Ok(Timestamp::now().checked_sub(since).unwrap_or(Timestamp::MIN))
}

/// A session that is open by its callbacks may have ended: then its last callback did not arrive.
fn report_lost_callbacks(store: &DeliveryStore, app: &App) -> Result<(), Error> {
    let deliveries = store.list(&DeliveryFilter::default()).map_err(|error| store::store_error(&error))?;
    let open = open_sessions(
        deliveries
            .iter()
            .filter_map(|delivery| Some((delivery.session_id.as_deref()?, delivery.kind.as_deref()?))),
    );
    app.run_with_api(async |context| {
        for id in open {
            match context.client.session(id).await {
                Ok(session) => match &session.status {
                    Some(status) if status.is_terminal() && *status != SessionStatus::Expired => {
                        context.output.warn(&format!("lost callback: session {id} is {status}"));
                    }
                    _ => {}
                },
                Err(error) if error.status() == Some(404) => {}
                Err(error) => return Err(Error::from(error).context(&format!("session {id}"))),
            }
        }
        Ok(ExitStatus::Success)
    })?;
    Ok(())
}

/// The sessions without a callback that ends them.
fn open_sessions<'a>(callbacks: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Uuid> {
    let mut sessions: indexmap::IndexMap<&str, bool> = indexmap::IndexMap::new();
    for (session, kind) in callbacks {
        let kind = CallbackType::find(kind);
        let is_end = matches!(kind, Some(CallbackType::SessionFinalized | CallbackType::SessionCancelled));
        *sessions.entry(session).or_default() |= is_end;
    }
    let open = sessions.into_iter().filter(|(_, has_ended)| !has_ended);
    open.filter_map(|(session, _)| session.parse().ok()).collect()
}
