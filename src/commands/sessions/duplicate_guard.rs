//! Stores the intent to create a session in the ledger, unless an earlier attempt may have created a session of the same sale.

use std::collections::HashSet;

use uuid::Uuid;

use super::busy::{self, Decision};
use super::create_args::NewSession;
use super::device_lock::{hint_nothing_was_sent, lock_device};
use super::request_session::recovery_hints;
use super::status;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{Attempt, Begin, DeviceLock, Duplicate, Intent, Ledger, Outcome};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::{Cell, NameKind, format_amount, format_time};
use crate::profiles::IfBusy;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum IfExists {
    /// Create nothing: exit 9
    Fail,
    /// Print the existing session, and with --watch wait for it
    Return,
}

/// When a session is created despite earlier ones.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Policies {
    /// Create the session even if the same sale may have been charged before
    #[arg(long, conflicts_with = "if_exists")]
    allow_duplicate: bool,
    /// What to do if the sale already has a session that is open or paid
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = IfExists::Fail)]
    if_exists: IfExists,
    /// What to do if the device has an open session [default: the profile's `if_busy`; else a terminal offers the
    /// choices, and a script uses warn]
    #[arg(long, value_name = "POLICY", value_enum)]
    pub(super) if_busy: Option<IfBusy>,
}

pub(super) enum Start {
    /// The intent is stored under this ID, so its session may be requested while the device is locked.
    New(Uuid, DeviceLock),
    Existing(Box<ExistingSession>),
}

/// The session of an earlier attempt at the same sale. It is open or paid.
pub(super) struct ExistingSession {
    pub(super) attempt: Attempt,
    pub(super) session: Resource<Session>,
}

/// Stores the intent to create the session, unless it may have been created before or the device is busy.
pub(super) async fn start_attempt(
    new: &NewSession,
    policies: Policies,
    context: &ApiContext<'_>,
) -> Result<Start, Error> {
    let intent = new.intent();
    let device = intent.device_id.as_deref().unwrap_or_default();
    let ledger = context.ledger().await.map_err(hint_nothing_was_sent)?;
    // Earlier attempts whose sessions have ended without a payment.
    let mut ended_unpaid: HashSet<Uuid> = HashSet::new();
    let mut chosen = None;
    let lock = loop {
        let lock = lock_device(device, context).await?;
        let open = busy::recent_open_attempts(device, context).await.map_err(hint_nothing_was_sent)?;
        if open.is_empty() {
            break lock;
        }
        // A session of the same sale is a duplicate, although it also keeps the device busy.
        if !policies.allow_duplicate {
            let mut duplicates = ledger.duplicates(&intent).await.map_err(hint_nothing_was_sent)?;
            duplicates.retain(|duplicate| !ended_unpaid.contains(&duplicate.attempt().id));
            if let Some(existing) =
                check_duplicates(&duplicates, &intent, policies.if_exists, context).await?
            {
                return Ok(Start::Existing(Box::new(existing)));
            }
            ended_unpaid.extend(duplicates.iter().map(|duplicate| duplicate.attempt().id));
        }
        let sessions = busy::read_sessions(open, context).await;
        // The device is not locked while something is waited for.
        match busy::apply_policy(sessions, policies.if_busy, chosen.as_ref(), context).await? {
            Decision::Create => break lock,
            Decision::Wait(sessions) => {
                drop(lock);
                busy::wait_until_ended(&sessions, context).await?;
            }
            Decision::Choose(sessions) => {
                drop(lock);
                chosen = Some(busy::choose(sessions, context).await?);
            }
        }
    };
    loop {
        let begin = ledger.begin(&intent, policies.allow_duplicate, &ended_unpaid).await;
        match begin.map_err(hint_nothing_was_sent)? {
            Begin::Started(id) if lock.is_held() => return Ok(Start::New(id, lock)),
            Begin::Started(id) => return Err(lock_lost(id, ledger).await),
            // The ledger is not locked during requests, so it is looked up again afterwards.
            Begin::Duplicates(duplicates) => {
                let existing = check_duplicates(&duplicates, &intent, policies.if_exists, context).await?;
                if let Some(existing) = existing {
                    return Ok(Start::Existing(Box::new(existing)));
                }
                ended_unpaid.extend(duplicates.iter().map(|duplicate| duplicate.attempt().id));
            }
        }
    }
}

/// Stores that an attempt was not sent, because another process may create a session on the device by now.
async fn lock_lost(attempt: Uuid, ledger: &Ledger) -> Error {
    let reason = "the connection to the ledger was lost, and with it the lock of the device";
    let outcome = Outcome::Refused(format!("nothing was sent, because {reason}"));
    // Without it, the attempt counts as unknown until it is resolved.
    let _ = ledger.finish(attempt, outcome).await;
    hint_nothing_was_sent(Error::new(ErrorKind::Unavailable, reason)).hint("run the command again")
}

/// Fails unless all sessions of earlier attempts ended without a payment, or one of them is to be returned.
async fn check_duplicates(
    duplicates: &[Duplicate],
    intent: &Intent,
    if_exists: IfExists,
    context: &ApiContext<'_>,
) -> Result<Option<ExistingSession>, Error> {
    if let Some(unknown) = duplicates.iter().find(|duplicate| matches!(duplicate, Duplicate::Unknown(_))) {
        return Err(possible_duplicate_error(unknown.attempt(), context));
    }
    let mut existing: Option<ExistingSession> = None;
    for duplicate in duplicates {
        let attempt = duplicate.attempt();
        if attempt.status().is_some_and(ended_unpaid) {
            continue;
        }
        if if_exists == IfExists::Fail && attempt.is_paid() {
            return Err(exists_error(duplicate, &SessionStatus::Finalized, attempt.order_id(), context));
        }
        let session = read_session_of(attempt, context).await?;
        let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
        if ended_unpaid(&status) {
            continue;
        }
        if if_exists == IfExists::Fail {
            return Err(exists_error(duplicate, &status, session.order_id.as_deref(), context));
        }
        check_amount(attempt, intent, context)?;
        // Of several, the paid one shows that the sale is paid, and else the newest is the one on the device.
        let is_paid = |existing: &ExistingSession| existing.session.status == Some(SessionStatus::Finalized);
        if !existing.as_ref().is_some_and(is_paid) {
            existing = Some(ExistingSession { attempt: attempt.clone(), session });
        }
    }
    Ok(existing)
}

/// Fails if the earlier attempt is about another amount than this one.
fn check_amount(attempt: &Attempt, intent: &Intent, context: &ApiContext<'_>) -> Result<(), Error> {
    let earlier = &attempt.intent;
    let currency = |intent: &Intent| intent.purchase_currency.as_ref().map(|code| code.to_ascii_uppercase());
    if earlier.order_amount != intent.order_amount || currency(earlier) != currency(intent) {
        let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
        let message = format!(
            "this sale has a session of another amount than {amount} already ({})",
            describe(attempt, context)
        );
        return Err(Error::new(ErrorKind::Duplicate, message)
            .detail("attempt", attempt.id.to_string())
            .detail("session_id", attempt.session_id())
            .hint("nothing was created; give each sale its own --reference"));
    }
    Ok(())
}

const fn ended_unpaid(status: &SessionStatus) -> bool {
    matches!(status, SessionStatus::Cancelled | SessionStatus::Expired | SessionStatus::Failed)
}

/// Requests the session of an earlier attempt and stores its status.
async fn read_session_of(attempt: &Attempt, context: &ApiContext<'_>) -> Result<Resource<Session>, Error> {
    let session_id = attempt.session_id().unwrap_or_default();
    let unreadable = |error: Error| {
        // The kind of the failed request would describe another failure than that of the create.
        Error { kind: ErrorKind::Duplicate, ..error }
            .context(&format!("this sale has session {session_id} already, and its status cannot be read"))
            .detail("attempt", attempt.id.to_string())
            .detail("session_id", session_id)
            .hint(format!("nothing was created; {}", describe(attempt, context)))
    };
    let id: Uuid = session_id.parse().map_err(|_| unreadable(Error::usage("its ID is not a UUID")))?;
    let session = context.client.session(id).await.map_err(|error| {
        let kind = Error::from(error.clone()).kind;
        let error = unreadable(Error::from(error));
        // Nothing is known about the sale while the API is unavailable.
        if kind == ErrorKind::NotFound { error } else { Error { kind, ..error } }
    })?;
    status::check_requested(&attempt.intent.sent(), &session, ErrorKind::Duplicate).map_err(|error| {
        error
            .context("this sale has a session already, and the response about it is wrong")
            .detail("attempt", attempt.id.to_string())
            .detail("session_id", session_id)
            .hint(format!("nothing was created; {}", describe(attempt, context)))
    })?;
    context.ledger().await?.record_status(&session).await?;
    Ok(session)
}

/// The session of an earlier attempt is paid or open.
fn exists_error(
    duplicate: &Duplicate,
    status: &SessionStatus,
    order_id: Option<&str>,
    context: &ApiContext<'_>,
) -> Error {
    let attempt = duplicate.attempt();
    let session_id = attempt.session_id().unwrap_or_default();
    let (state, hints) = match status {
        SessionStatus::Finalized => {
            let order = order_id.map(|order| format!(", order {order}")).unwrap_or_default();
            (format!("paid: session {session_id} is FINALIZED{order}"), Vec::new())
        }
        open => (
            format!("still open: session {session_id} is {open}"),
            vec![
                format!("wait for it: kustom sessions watch {session_id}"),
                format!("cancel it: kustom sessions cancel {session_id}"),
            ],
        ),
    };
    let mut message = format!("this sale is {state} ({})", describe(attempt, context));
    if matches!(duplicate, Duplicate::Unreported(_)) {
        message.push_str("; the command that created it was stopped before it could print that");
    }
    let mut error = Error::new(ErrorKind::Duplicate, message)
        .detail("attempt", attempt.id.to_string())
        .detail("session_id", session_id)
        .detail("session_status", status.as_str());
    if let Some(order) = order_id {
        error = error.detail("order_id", order);
    }
    hints.into_iter().fold(error, Error::hint)
}

fn possible_duplicate_error(duplicate: &Attempt, context: &ApiContext<'_>) -> Error {
    let reason = match &duplicate.outcome {
        Outcome::Unknown(reason) => reason.as_str(),
        _ => "it is in progress, or the program stopped before there was a response",
    };
    let message = format!(
        "this sale may have been charged already: its outcome is unknown ({})",
        describe(duplicate, context)
    );
    let mut error =
        Error::new(ErrorKind::Duplicate, message).line(reason).detail("attempt", duplicate.id.to_string());
    error.hints = recovery_hints(duplicate.id);
    error
}

/// The attempt in words: its ID, time, amount, device, reference and origin.
fn describe(attempt: &Attempt, context: &ApiContext<'_>) -> String {
    let Intent { device_id, order_amount, purchase_currency, merchant_reference1, .. } = &attempt.intent;
    let mut parts = vec![
        format!("attempt {}", attempt.id),
        format_time(attempt.at),
        format_amount(*order_amount, purchase_currency.as_deref()),
    ];
    parts.extend(device_id.as_deref().map(|device| {
        let name = context.output.name_of(&Cell::named(NameKind::Device, Some(device)));
        format!("device {name}")
    }));
    parts.extend(merchant_reference1.as_ref().map(|reference| format!("reference {reference}")));
    parts.extend(attempt.origin.describe());
    parts.join(", ")
}
