use serde_json::{Value, json};

use super::create_args::{NewSession, SessionArgs};
use super::duplicate_guard::{ExistingSession, Policies, Start, start_attempt};
use super::reporter::WatchedSession;
use super::request_session::request_session;
use super::status;
use super::wait::{WaitFlags, wait_for_sessions};
use crate::api::Request;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Resource, Session};
use crate::profiles::IfBusy;
use crate::settings::Endpoint;
use crate::text::{escape_control, escape_json};
use uuid::Uuid;

/// Create a session: the device asks the customer to pay
///
/// The API has no idempotency key, so kustom keeps a ledger of its requests. It never repeats a request that may have
/// arrived: exit 7 means that the session may exist, and the error says how to resolve it. Before creating a session,
/// kustom checks for duplicates: exit 9 says what was done before, and when. Give each sale its own --reference, and a
/// script can repeat the command safely. With --if-exists return --watch, it can repeat the same line until the sale is paid
/// or has ended: an existing session is waited for.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions create --device 'Till 1' --amount 249.50 --reference receipt-1001 --watch
  kustom sessions create --device 'Till 1' --reference receipt-1002 \\
      --item 'T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001' --item 'Bag,price=3.00,tax=25%'
  kustom sessions create --device 'Till 1' --amount 9.90 --reference receipt-1003 \\
      --watch --if-exists return

Exit codes:
   0  created; with --watch, paid
   2  rejected before sending: it does not add up
   5  rejected by the API; no session was created
   6  unavailable; no session was created
   7  unknown: a session may have been created, see `kustom sessions recover`
   9  not created: the sale has a session already, or may have one; or the device has an open one
  10  CANCELLED    11  EXPIRED    12  FAILED    13  still open; all four with --watch only

Next:
  kustom sessions watch SESSION
  kustom sessions recover            # after exit 7
"))]
pub(crate) struct Args {
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    policies: Policies,
    /// Print the request without sending it
    #[arg(long)]
    dry_run: bool,
    /// Wait for the outcome, like `kustom sessions watch`
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    /// Whether `--timeout` limits the wait, rather than each request.
    pub(super) const fn waits(&self) -> bool {
        self.watch || matches!(self.policies.if_busy, Some(IfBusy::Wait))
    }

    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, mut policies, dry_run, watch, wait } = self;
        if !watch && wait.is_given() {
            return Err(Error::usage(
                "--interval, --cancel-on-timeout and --cancel-on-interrupt go with --watch",
            ));
        }
        if dry_run {
            let new = Box::pin(context.run_until_cancelled(session.build(context))).await?;
            return print_request(&new.request(), context);
        }
        context.output.check_columns::<Resource<Session>>()?;
        session.ensure_complete(context)?;
        context.ensure_can_confirm()?;
        policies.if_busy = policies.if_busy.or(context.account.if_busy.as_ref().map(|policy| policy.value));
        let prepare = async {
            let new = session.build(context).await?;
            let cancels =
                if wait.may_cancel() { ", and cancel it if the wait ends before it does" } else { "" };
            let frees = if policies.if_busy == Some(IfBusy::Cancel) {
                ", after canceling what is open on the device"
            } else {
                ""
            };
            context.confirm(&format!("create a session of {}{cancels}{frees}", new.summary())).await?;
            let start = start_attempt(&new, policies, context).await?;
            Ok((new, start))
        };
        let (new, start) = Box::pin(context.run_until_cancelled(prepare)).await?;
        let (attempt, lock) = match start {
            Start::New(attempt, lock) => (attempt, lock),
            Start::Existing(existing) => {
                let id = existing.attempt.id;
                let result = print_existing(*existing, watch.then_some(wait), context).await;
                return finish(id, result, watch, context).await;
            }
        };
        let session = request_session(attempt, &new, context).await?;
        let result = if watch {
            // Other sessions may be created on the device during the wait.
            drop(lock);
            watch_created(session, &new, wait, context).await
        } else {
            print_created(&session, context).await
        };
        finish(attempt, result, watch, context).await
    }
}

/// Marks the attempt as reported if its result was printed.
async fn finish(
    attempt: Uuid,
    result: Result<ExitStatus, Error>,
    watch: bool,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    // A wait ends without a failure when the pipe is closed, and the outcome was not printed then.
    let is_closed = watch && context.output.is_stdout_closed();
    let reported =
        !is_closed && result.as_ref().err().is_none_or(|error| error.kind != ErrorKind::ClosedPipe);
    if reported && context.output.flush().is_ok() {
        let marked = async { context.ledger().await?.mark_reported(attempt).await };
        // Without the mark, a later create reports the session once more, which is harmless.
        let _ = marked.await;
    }
    result
}

/// Prints the session that the sale has already, and waits for it if `wait` is given.
async fn print_existing(
    existing: ExistingSession,
    wait: Option<WaitFlags>,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let ExistingSession { attempt, session } = existing;
    let text = attempt.session_id().unwrap_or_default().to_owned();
    let id: Uuid =
        text.parse().map_err(|_| Error::new(ErrorKind::Duplicate, "the session's ID is not a UUID"))?;
    context.output.status(&format!("This sale already has session {id}; no other one was created."));
    let mut watched = WatchedSession::new(id, attempt.intent.sent());
    let Some(wait) = wait else {
        context.output.print_item(&session)?;
        context.output.status(&status::describe_status(&session));
        return Ok(ExitStatus::Success);
    };
    watched.set_session(session);
    wait_for_created(watched, wait, "exists", context).await
}

async fn print_created(session: &Resource<Session>, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
    // A script does not need the name of the device, so the request for it is saved.
    if context.output.is_terminal() || matches!(context.account.endpoint, Endpoint::InProcess) {
        context.learn_names(std::slice::from_ref(session)).await;
    }
    let id = session.session_id.as_deref().unwrap_or_default();
    context
        .output
        .print_item(session)
        .map_err(|error| error.context(&format!("session {id} was created")).detail("session_id", id))?;
    context.report_change("The session was created.");
    context.output.status(&format!("Wait for its outcome: kustom sessions watch {}", escape_control(id)));
    Ok(ExitStatus::Success)
}

/// Waits for the session that was just created. It exists whatever fails from here on, so no exit code may mean that
/// nothing was processed.
async fn watch_created(
    session: Resource<Session>,
    new: &NewSession,
    wait: WaitFlags,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let text = session.session_id.clone().unwrap_or_default();
    context.report_change(&format!(
        "Session {} of {} was created.",
        escape_control(&text),
        escape_control(&new.summary())
    ));
    let Ok(id) = text.parse::<Uuid>() else {
        context.output.print_item(&session)?;
        context.output.warn("the session was created, but its ID is not a UUID, so it cannot be waited for");
        return Ok(ExitStatus::SessionOpen);
    };
    let mut watched = WatchedSession::new(id, new.fields());
    watched.set_session(session);
    wait_for_created(watched, wait, "was created", context).await
}

async fn wait_for_created(
    watched: WatchedSession,
    wait: WaitFlags,
    state: &str,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let id = watched.id;
    wait_for_sessions(vec![watched], wait, context).await.map_err(|error| {
        let error = error.detail("session_id", id.to_string());
        if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Unknown) {
            return error;
        }
        Error { kind: ErrorKind::SessionOpen, ..error }
            .context(&format!("session {id} {state}, but cannot be waited for"))
            .hint(format!("wait again: kustom sessions watch {id}"))
    })
}

/// Prints the request without credentials.
fn print_request(request: &Request, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
    let (method, path) = (request.method.as_str(), request.path_and_query());
    if context.output.format().is_table() {
        context.output.print(&format!("{method} {path}\n\n"))?;
        context.output.print(&escape_json(&String::from_utf8_lossy(&request.body)))?;
        context.output.print("\n")?;
    } else {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        context.output.print_json(&json!({"method": method, "path": path, "body": body}))?;
    }
    context.output.status("No session was created.");
    Ok(ExitStatus::Success)
}
