//! Resolves attempts with an unknown outcome by the sessions that they created.

use jiff::Timestamp;
use uuid::Uuid;

use super::outcome;
use crate::error::Error;
use crate::journal::{Attempt, EventKind, Journal, JournalFile, JournalWriter, Outcome, mismatch};
use crate::model::{Session, SessionStatus};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Reconciliation {
    /// The session was created by this attempt.
    Attempt(Uuid),
    /// The session belongs to an attempt with a known outcome, or to none in this journal.
    Nothing,
    /// The session matches this many attempts.
    Ambiguous(usize),
    /// Another process is creating a session on the device, perhaps this one.
    Busy,
}

/// Resolves the attempt that created the session if exactly one matches, by the rules of `sessions recover`. For a session
/// that the journal knows, its final status is recorded.
pub(in crate::commands) fn reconcile_session(
    id: Uuid,
    session: &Session,
    file: &JournalFile,
) -> Result<Reconciliation, Error> {
    let journal = file.read()?;
    if is_already_linked(&journal, id, session) {
        let has_ended = session.status.as_ref().is_some_and(SessionStatus::is_terminal);
        if let Some(event) = outcome::status_event(session).filter(|_| has_ended) {
            file.note(Timestamp::now(), event)?;
        }
        return Ok(Reconciliation::Nothing);
    }
    let unknown = journal.attempts().iter().filter(|attempt| attempt.outcome.is_unknown());
    match matching_attempts(session, unknown).as_slice() {
        [] => Ok(Reconciliation::Nothing),
        [attempt] if is_in_progress(attempt, file)? => Ok(Reconciliation::Busy),
        [attempt] => {
            resolve_attempt(attempt, id, session, file).map(|()| Reconciliation::Attempt(attempt.id))
        }
        several => Ok(Reconciliation::Ambiguous(several.len())),
    }
}

pub(super) fn matching_attempts<'a>(
    session: &Session,
    attempts: impl Iterator<Item = &'a Attempt>,
) -> Vec<&'a Attempt> {
    attempts.filter(|attempt| mismatch(&attempt.intent, session).is_none()).collect()
}

/// Records that this attempt created the session, and the status of the session.
pub(super) fn resolve_attempt(
    attempt: &Attempt,
    id: Uuid,
    session: &Session,
    file: &JournalFile,
) -> Result<(), Error> {
    let (mut locked, known) = lock_unresolved(attempt, file)?;
    if is_already_linked(&known, id, session) {
        return Err(
            Error::usage(format!("another attempt created session {id}")).hint("nothing was resolved")
        );
    }
    let created = EventKind::Created { attempt: attempt.id, session_id: api_id(id, session) };
    locked.append(Timestamp::now(), created)?;
    if let Some(event) = outcome::status_event(session) {
        locked.append(Timestamp::now(), event)?;
    }
    Ok(())
}

fn is_already_linked(journal: &Journal, id: Uuid, session: &Session) -> bool {
    let id = api_id(id, session);
    journal
        .attempts()
        .iter()
        .any(|attempt| matches!(&attempt.outcome, Outcome::Created { session_id, .. } if *session_id == id))
}

/// The session's ID as the API spells it.
fn api_id(id: Uuid, session: &Session) -> String {
    session.session_id.clone().unwrap_or_else(|| id.to_string())
}

fn is_in_progress(attempt: &Attempt, file: &JournalFile) -> Result<bool, Error> {
    let device = attempt.intent.device_id.as_deref().unwrap_or_default();
    Ok(file.try_lock_device(device)?.is_none())
}

/// Locks the journal to resolve an attempt. Fails if it has been resolved since it was read, or is in progress.
pub(super) fn lock_unresolved<'a>(
    attempt: &Attempt,
    file: &'a JournalFile,
) -> Result<(JournalWriter<'a>, Journal), Error> {
    if is_in_progress(attempt, file)? {
        return Err(Error::usage(
            "a session is being created on this device right now; wait for its outcome",
        )
        .hint("nothing was resolved"));
    }
    let mut locked = file.lock()?;
    let known = locked.read()?;
    match known.attempt(attempt.id) {
        Some(current) if current.outcome.is_unknown() => Ok((locked, known)),
        _ => Err(already_resolved_error(attempt.id)),
    }
}

pub(super) fn already_resolved_error(attempt: Uuid) -> Error {
    Error::usage(format!("the outcome of attempt {attempt} is already known"))
}
