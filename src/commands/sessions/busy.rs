//! A device with an open session: a new one would replace it, or compete with it for the customer.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::cancel::cancel_or_read;
use super::status;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{Attempt, Filter};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::{Choice, format_amount};
use crate::polling::watch::{NextAction, Observation, Watch};
use crate::profiles::IfBusy;
use crate::text::{escape_control, format_age, format_duration};

/// Sessions that are older than this are assumed to have ended, so a create does not read them.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The number of sessions of a device whose status a create requests. The next create requests the next ones.
const MAX_REQUESTS: usize = 10;

const MAX_CONCURRENT_REQUESTS: usize = 8;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A session on the device that was open when its status was last known.
pub(in crate::commands) struct OpenSession {
    pub(in crate::commands) id: Uuid,
    attempt: Attempt,
    /// As it is now.
    latest: Result<Resource<Session>, Error>,
}

impl OpenSession {
    pub(in crate::commands) fn is_open(&self) -> bool {
        self.latest.as_ref().map_or(true, |session| !is_terminal(session))
    }

    /// The fields of the request that created it.
    pub(in crate::commands) fn sent(&self) -> Map<String, Value> {
        self.attempt.intent.sent()
    }

    /// The session in words: amount, reference, status, age and origin.
    pub(in crate::commands) fn describe(&self) -> String {
        let intent = &self.attempt.intent;
        let status = self.latest.as_ref().ok().and_then(|session| session.status.as_ref());
        let age = format_age(Timestamp::now().duration_since(self.attempt.at).unsigned_abs());
        let origin = self.attempt.origin.describe().map(|origin| format!(" by {origin}"));
        let mut parts = vec![format_amount(intent.order_amount, intent.purchase_currency.as_deref())];
        parts.extend(intent.merchant_reference1.as_ref().map(|reference| format!("reference {reference}")));
        parts.extend(status.or(self.attempt.status()).map(ToString::to_string));
        parts.push(format!("created {age}{}", origin.unwrap_or_default()));
        escape_control(&parts.join(", ")).into_owned()
    }
}

/// Fails if the session is not the one of the attempt, so that its status says nothing about the device.
fn check_requested(attempt: &Attempt, session: &Resource<Session>) -> Result<(), Error> {
    status::check_requested(&attempt.intent.sent(), session, ErrorKind::Busy)
}

fn is_terminal(session: &Session) -> bool {
    session.status.as_ref().is_some_and(SessionStatus::is_terminal)
}

/// The attempts whose sessions may be open on a device, newest first.
pub(in crate::commands) async fn open_attempts(
    device_id: &str,
    since: Option<Timestamp>,
    limit: usize,
    context: &ApiContext<'_>,
) -> Result<Vec<Attempt>, Error> {
    let filter = Filter { open: true, device_id: Some(device_id.to_owned()), since, ..Filter::default() };
    Ok(context.ledger().await?.attempts(&filter, limit).await?.attempts)
}

/// The attempts that a create looks at.
pub(super) async fn recent_open_attempts(
    device_id: &str,
    context: &ApiContext<'_>,
) -> Result<Vec<Attempt>, Error> {
    let since = Timestamp::now().checked_sub(MAX_AGE).ok();
    open_attempts(device_id, since, MAX_REQUESTS, context).await
}

/// Reads the sessions and stores their statuses. A session that the API does not know is omitted.
pub(in crate::commands) async fn read_sessions(
    attempts: Vec<Attempt>,
    context: &ApiContext<'_>,
) -> Vec<OpenSession> {
    let ids = attempts.into_iter().filter_map(|attempt| Some((attempt.session_id()?.parse().ok()?, attempt)));
    let sessions = stream::iter(ids).map(|(id, attempt)| async move {
        let latest = match context.client.session(id).await {
            Ok(session) => check_requested(&attempt, &session).map(|()| session),
            Err(error) if error.status() == Some(404) => return None,
            Err(error) => Err(Error::from(error).context(&format!("session {id}"))),
        };
        if let Ok(session) = &latest {
            status::store_status(session, context).await;
        }
        Some(OpenSession { id, attempt, latest })
    });
    let sessions = sessions.buffered(MAX_CONCURRENT_REQUESTS).filter_map(async |session| session);
    sessions.collect().await
}

/// What to do before a session is created on a device that has open ones.
pub(super) enum Decision {
    Create,
    /// Wait until these have ended.
    Wait(Vec<OpenSession>),
    /// Let the user choose.
    Choose(Vec<OpenSession>),
}

/// What the user chose, and for which sessions.
pub(super) struct Chosen {
    policy: IfBusy,
    sessions: Vec<Uuid>,
}

/// Applies the policy to the sessions of the device. The device is locked.
pub(super) async fn apply_policy(
    mut sessions: Vec<OpenSession>,
    policy: Option<IfBusy>,
    chosen: Option<&Chosen>,
    context: &ApiContext<'_>,
) -> Result<Decision, Error> {
    let asks = policy.is_none() && context.output.can_prompt() && !context.output.assume_yes();
    let applied = chosen.filter(|chosen| {
        let open = sessions.iter().filter(|session| session.is_open());
        open.map(|session| session.id).all(|id| chosen.sessions.contains(&id))
    });
    let policy = match (policy, applied) {
        (Some(policy), _) => policy,
        (None, Some(chosen)) => chosen.policy,
        (None, None) if asks => IfBusy::Fail,
        (None, None) => IfBusy::Warn,
    };
    if policy == IfBusy::Cancel
        && let Some(paid) = sessions.iter().find(|session| is_paid(session))
    {
        // Nobody has seen this payment yet, and the sale at hand may be the same one.
        return Err(paid_error(paid));
    }
    sessions.retain(OpenSession::is_open);
    if sessions.is_empty() {
        return Ok(Decision::Create);
    }
    if asks && applied.is_none() {
        return Ok(Decision::Choose(sessions));
    }
    match policy {
        IfBusy::Warn => {
            for session in &sessions {
                context.output.warn(&format!(
                    "the device has an open session: {} ({})",
                    session.id,
                    session.describe()
                ));
                if let Err(error) = &session.latest {
                    context.output.warn(&format!("its status cannot be read: {}", error.message));
                }
            }
            Ok(Decision::Create)
        }
        IfBusy::Fail => Err(busy_error(sessions)),
        IfBusy::Wait => Ok(Decision::Wait(sessions)),
        IfBusy::Cancel => {
            for session in &sessions {
                cancel(session, context).await?;
            }
            Ok(Decision::Create)
        }
    }
}

/// Whether it was paid, which the ledger did not know.
fn is_paid(session: &OpenSession) -> bool {
    session.latest.as_ref().is_ok_and(|session| session.status == Some(SessionStatus::Finalized))
}

/// Offers the choices on a terminal. The device is not locked meanwhile.
pub(super) async fn choose(sessions: Vec<OpenSession>, context: &ApiContext<'_>) -> Result<Chosen, Error> {
    context.output.warn(match sessions.len() {
        1 => "the device has an open session",
        _ => "the device has open sessions",
    });
    for session in &sessions {
        context.output.message(&format!("  {}: {}", session.id, session.describe()));
    }
    let them = if sessions.len() == 1 { "it" } else { "them" };
    let cancel = format!("Cancel {them}, and then create the session");
    let choices = vec![
        (Choice::new("Create nothing", ""), IfBusy::Fail),
        (Choice::new("Wait until the device is free, and then create the session", ""), IfBusy::Wait),
        (Choice::new(&cancel, ""), IfBusy::Cancel),
        (Choice::new("Create the session in addition", ""), IfBusy::Warn),
    ];
    let policy = context.output.select("Open session", choices).await?;
    if policy == IfBusy::Fail {
        return Err(busy_error(sessions));
    }
    Ok(Chosen { policy, sessions: sessions.iter().map(|session| session.id).collect() })
}

/// Waits until the sessions have ended, at most for `--timeout`.
pub(super) async fn wait_until_ended(
    sessions: &[OpenSession],
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let start = Instant::now();
    for session in sessions {
        let OpenSession { id, .. } = session;
        let description = session.describe();
        context.output.status(&format!("Waiting for session {id} to end: {description}."));
        let mut watch = Watch::new(POLL_INTERVAL, context.settings.timeout);
        let mut ended = None;
        loop {
            let mut unreadable = None;
            let observation = match context.client.session_once(*id).await {
                Ok(polled) => {
                    check_requested(&session.attempt, &polled)
                        .map_err(|error| hint_nothing_was_created(error, *id))?;
                    let status = polled.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
                    if status.is_terminal() {
                        status::store_status(&polled, context).await;
                        ended = Some(polled);
                    }
                    Observation::Status(status)
                }
                Err(error) if error.status() == Some(404) => break,
                Err(error) if error.is_transient() => {
                    let retry_after = error.retry_after;
                    unreadable = Some(Error::from(error));
                    Observation::Failure(retry_after)
                }
                Err(error) => return Err(hint_nothing_was_created(Error::from(error), *id)),
            };
            match watch.observe(start.elapsed(), observation).next {
                NextAction::Poll(delay) => tokio::time::sleep(delay).await,
                NextAction::Finished => break,
                NextAction::TimedOut => {
                    if let Some(error) = unreadable {
                        return Err(hint_nothing_was_created(error, *id));
                    }
                    let waited = format_duration(start.elapsed());
                    let message =
                        format!("after {waited} the device still has the open session {id} ({description})");
                    return Err(error_of(session, ErrorKind::Busy, message)
                        .hint("nothing was created")
                        .hint(format!("cancel it: kustom sessions cancel {id}")));
                }
            }
        }
        if let Some(session) = ended {
            context.output.status(&format!("Session {id}: {}", status::describe_status(&session)));
        }
    }
    Ok(())
}

async fn cancel(session: &OpenSession, context: &ApiContext<'_>) -> Result<(), Error> {
    let OpenSession { id, .. } = session;
    if let Err(error) = &session.latest {
        return Err(hint_nothing_was_created(error.clone(), *id));
    }
    let cancelled = cancel_or_read(*id, context).await.map_err(|error| match error.kind {
        // The kind says whether the session was canceled, and nothing was created in any case.
        ErrorKind::Unavailable | ErrorKind::Credentials | ErrorKind::Interrupted => {
            error.hint("nothing was created")
        }
        _ => hint_nothing_was_created(Error { kind: ErrorKind::Busy, hints: Vec::new(), ..error }, *id),
    })?;
    check_requested(&session.attempt, &cancelled).map_err(|error| hint_nothing_was_created(error, *id))?;
    match &cancelled.status {
        Some(SessionStatus::Cancelled) => {
            context.output.status(&format!("Canceled session {id} ({}).", session.describe()));
            Ok(())
        }
        Some(SessionStatus::Expired | SessionStatus::Failed) => Ok(()),
        Some(SessionStatus::Finalized) => {
            let paid = OpenSession { id: *id, attempt: session.attempt.clone(), latest: Ok(cancelled) };
            Err(paid_error(&paid))
        }
        _ => Err(error_of(session, ErrorKind::Busy, format!("session {id} was not canceled"))
            .hint("nothing was created")),
    }
}

fn hint_nothing_was_created(error: Error, id: Uuid) -> Error {
    error
        .context(&format!("the device has the open session {id}"))
        .detail("session_id", id.to_string())
        .hint("nothing was created")
}

fn paid_error(session: &OpenSession) -> Error {
    let order_id = session.latest.as_ref().ok().and_then(|session| session.order_id.clone());
    let order = order_id.as_ref().map(|order| format!(", order {order}"));
    let OpenSession { id, .. } = session;
    let (description, order) = (session.describe(), order.unwrap_or_default());
    let message = format!("session {id} was paid before it could be canceled: {description}{order}");
    let mut error = error_of(session, ErrorKind::Busy, message);
    if let Some(order_id) = order_id {
        error = error.detail("order_id", order_id);
    }
    error
        .hint("nothing was created; check whether this payment was for the same sale")
        .hint(format!("show it: kustom sessions get {id}"))
}

/// The sessions are open, so nothing is created. A status that cannot be read is reported as such.
fn busy_error(sessions: Vec<OpenSession>) -> Error {
    let errors = sessions.into_iter().map(|session| {
        let id = session.id;
        if let Err(error) = &session.latest {
            return hint_nothing_was_created(error.clone(), id);
        }
        let message = format!("the device has the open session {id} ({})", session.describe());
        error_of(&session, ErrorKind::Busy, message)
            .hint("nothing was created")
            .hint(format!("wait for it: kustom sessions watch {id}"))
            .hint(format!("cancel it: kustom sessions cancel {id}"))
    });
    let busy = || Error::new(ErrorKind::Busy, "the device has an open session");
    Error::combine(errors.collect()).unwrap_or_else(busy)
}

fn error_of(session: &OpenSession, kind: ErrorKind, message: String) -> Error {
    let error = Error::new(kind, message)
        .detail("attempt", session.attempt.id.to_string())
        .detail("session_id", session.id.to_string());
    let status = session.latest.as_ref().ok().and_then(|session| session.status.as_ref());
    match status {
        Some(status) => error.detail("session_status", status.as_str()),
        None => error,
    }
}
