//! Resolves attempts with an unknown outcome by the sessions that they created.

use uuid::Uuid;

use crate::error::Error;
use crate::ledger::{Attempt, DeviceLock, Ledger, LockAttempt, Outcome, mismatch};
use crate::model::{Resource, Session, SessionStatus};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Resolution {
    /// The session was created by this attempt.
    Attempt(Uuid),
    /// The session belongs to an attempt with a known outcome, or to none in this ledger.
    Nothing,
    /// The session matches this many attempts.
    Ambiguous(usize),
    /// Another process is creating a session on the device, perhaps this one.
    Busy,
}

/// Resolves the attempt that created the session if exactly one matches, by the rules of `sessions recover`. For a session
/// that the ledger knows, its final status is stored.
pub(in crate::commands) async fn resolve_attempt_of_session(
    id: Uuid,
    session: &Resource<Session>,
    ledger: &Ledger,
) -> Result<Resolution, Error> {
    if ledger.attempt_of_session(&api_id(id, session)).await?.is_some() {
        if session.status.as_ref().is_some_and(SessionStatus::is_terminal) {
            ledger.record_status(session).await?;
        }
        return Ok(Resolution::Nothing);
    }
    let unknown = ledger.unknown_attempts().await?;
    match matching_attempts(session, &unknown).as_slice() {
        [] => Ok(Resolution::Nothing),
        [attempt] => match try_lock(attempt, ledger).await? {
            LockAttempt::HeldBy(_) => Ok(Resolution::Busy),
            LockAttempt::Acquired(_lock) => {
                resolve_attempt(attempt, id, session, ledger).await?;
                Ok(Resolution::Attempt(attempt.id))
            }
        },
        several => Ok(Resolution::Ambiguous(several.len())),
    }
}

pub(super) fn matching_attempts<'a>(session: &Session, attempts: &'a [Attempt]) -> Vec<&'a Attempt> {
    attempts.iter().filter(|attempt| mismatch(&attempt.intent, session).is_none()).collect()
}

/// Records that this attempt, whose device is locked, created the session.
pub(super) async fn resolve_attempt(
    attempt: &Attempt,
    id: Uuid,
    session: &Session,
    ledger: &Ledger,
) -> Result<(), Error> {
    let session_id = api_id(id, session);
    if ledger.attempt_of_session(&session_id).await?.is_some() {
        return Err(
            Error::usage(format!("another attempt created session {id}")).hint("nothing was resolved")
        );
    }
    let status = session.status.clone().unwrap_or(SessionStatus::Created);
    let outcome = Outcome::Created { session_id, status, order_id: session.order_id.clone() };
    resolve_with(attempt, &outcome, ledger).await
}

/// Stores the outcome. Fails if the attempt has been resolved meanwhile.
pub(super) async fn resolve_with(attempt: &Attempt, outcome: &Outcome, ledger: &Ledger) -> Result<(), Error> {
    if ledger.resolve(attempt.id, outcome).await? { Ok(()) } else { Err(already_resolved_error(attempt.id)) }
}

/// Locks the attempt's device. Fails if the attempt may be in progress.
pub(super) async fn lock_device_of(attempt: &Attempt, ledger: &Ledger) -> Result<DeviceLock, Error> {
    match try_lock(attempt, ledger).await? {
        LockAttempt::Acquired(lock) => Ok(lock),
        LockAttempt::HeldBy(holder) => {
            let holder = holder.map(|holder| format!(" by {holder}")).unwrap_or_default();
            let message =
                format!("a session is being created on this device right now{holder}; wait for its outcome");
            Err(Error::usage(message).hint("nothing was resolved"))
        }
    }
}

async fn try_lock(attempt: &Attempt, ledger: &Ledger) -> Result<LockAttempt, Error> {
    ledger.try_lock_device(attempt.intent.device_id.as_deref().unwrap_or_default()).await
}

/// The session's ID as the API spells it.
fn api_id(id: Uuid, session: &Session) -> String {
    session.session_id.clone().unwrap_or_else(|| id.to_string())
}

pub(super) fn already_resolved_error(attempt: Uuid) -> Error {
    Error::usage(format!("the outcome of attempt {attempt} is already known"))
}
