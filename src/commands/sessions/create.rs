//! `kustom sessions create`

use serde_json::{Value, json};

use super::create_args::{PreparedSession, SessionArgs};
use super::duplicate_guard::create_guarded;
use super::wait::{SessionWatcher, WaitFlags};
use crate::api::session_request;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Resource, Session};
use crate::output::Format;
use crate::text::escape_control;
use uuid::Uuid;

const MORE: &str = "\
Examples:
  kustom sessions create --device 'Till 1' --amount 249.50 --reference receipt-1001 --watch
  kustom sessions create --device 'Till 1' --reference receipt-1002 \\
      --item 'T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001' --item 'Bag,price=3.00,tax=25%'
  kustom sessions create --body sale.json --watch --yes -o json > session.json

Exit codes:
   0  created; with --watch, paid
   2  refused here: it does not add up, or may have been charged before
   5  refused by the API; no session came of it
   6  unavailable; no session came of it
   7  unknown: a session may have come of it, see `kustom sessions recover`
  10  CANCELLED    11  EXPIRED    12  FAILED    13  still open; all four with --watch only

Next:
  kustom sessions watch SESSION
  kustom sessions recover            # after exit 7
";

/// Create a session: the device asks the customer to pay
///
/// The API knows no idempotency key, so kustom remembers what it asked for. A request that may have arrived is
/// never sent again by itself: exit 7 says that the session may exist, and how to settle it. A sale that may have
/// been charged before is not charged again: exit 2 says what was done, and when. Give each sale its own
/// --reference, and a script can repeat the command without fear.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    #[command(flatten)]
    sale: SessionArgs,
    /// Create it even if the same sale may have been charged before
    #[arg(long)]
    allow_duplicate: bool,
    /// Print the request that would create it, and create nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait for the outcome, as `kustom sessions watch` does
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) const fn waits(&self) -> bool {
        self.watch
    }

    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { sale, allow_duplicate, dry_run, watch, wait } = self;
        if !watch && wait.is_given() {
            return Err(Error::usage(
                "--interval, --cancel-on-timeout and --cancel-on-interrupt go with --watch",
            ));
        }
        if dry_run {
            let sale = context.run_until_cancelled(sale.prepare(context)).await?;
            return show_request(&sale, context);
        }
        context.ensure_can_confirm()?;
        let created = async {
            let sale = sale.prepare(context).await?;
            let cancels = if wait.cancels() { ", and cancel it if the wait ends before it does" } else { "" };
            context.confirm(&format!("create a session of {}{cancels}", sale.summary)).await?;
            let summary = sale.summary.clone();
            Ok((create_guarded(sale, allow_duplicate, context).await?, summary))
        };
        let (session, summary) = context.run_until_cancelled(created).await?;
        if watch {
            return wait_for(session, &summary, wait, context).await;
        }
        context.output.print_item(&session).map_err(|error| {
            let id = session.session_id.as_deref().unwrap_or_default();
            error.context(&format!("session {} was created", escape_control(id))).detail("session_id", id)
        })?;
        if let Some(id) = session.session_id.as_deref() {
            let flag = context.settings.profile_flag();
            context
                .output
                .status(&format!("Wait for its outcome: kustom{flag} sessions watch {}", escape_control(id)));
        }
        Ok(ExitStatus::Success)
    }
}

/// Waits for the session that was just created. Whatever goes wrong from here on, it exists: no exit code may say
/// that nothing was carried out.
async fn wait_for(
    session: Resource<Session>,
    summary: &str,
    wait: WaitFlags,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let text = session.session_id.clone().unwrap_or_default();
    context.output.status(&format!(
        "Session {} of {} was created.",
        escape_control(&text),
        escape_control(summary)
    ));
    let Ok(id) = text.parse::<Uuid>() else {
        context.output.print_item(&session)?;
        context.output.warn("the session was created, but its id is not a UUID, so it cannot be waited for");
        return Ok(ExitStatus::SessionOpen);
    };
    SessionWatcher::for_created(wait, id, session, context).run().await.map_err(|error| {
        let error = error.detail("session_id", id.to_string());
        if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unknown) {
            return error;
        }
        let flag = context.settings.profile_flag();
        Error { kind: ErrorKind::SessionOpen, ..error }
            .context(&format!("session {id} was created, but cannot be waited for"))
            .hint(format!("wait again: kustom{flag} sessions watch {id}"))
    })
}

/// The request as it would be sent, without credentials.
fn show_request(sale: &PreparedSession, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
    let request = session_request(sale.body.clone(), sale.location_id.as_deref());
    if context.output.format() == Format::Table {
        context.output.print(&format!("{} {}\n\n", request.method(), request.path_and_query()))?;
        context.output.print_bytes(request.body_bytes())?;
        context.output.print("\n")?;
    } else {
        let body: Value = serde_json::from_slice(request.body_bytes()).unwrap_or_default();
        let shown =
            json!({"method": request.method().as_str(), "path": request.path_and_query(), "body": body});
        context.output.print_json(&shown)?;
    }
    context.output.status("No session was created.");
    Ok(ExitStatus::Success)
}
