//! Settling what is not known about an attempt, by the session that came of it.

use jiff::Timestamp;
use uuid::Uuid;

use super::outcome;
use crate::error::Error;
use crate::journal::{Attempt, EventKind, Journal, JournalFile, JournalWriter, Outcome, mismatch};
use crate::model::{Session, SessionStatus};

/// What a session that somebody told of settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Reconciliation {
    /// This attempt: the session came of it.
    Attempt(Uuid),
    /// None: it is known where the session came from, or it came from elsewhere.
    Nothing,
    /// None, because it could have come of several.
    Ambiguous(usize),
    /// None yet: a session is being created on the device, and whoever does that may be about to learn of this one.
    Busy,
}

/// Settles the attempt that the session came of, if exactly one can be meant, by the rules of `sessions recover`. Of a
/// session that is known the journal learns how it ended.
pub(in crate::commands) fn reconcile_session(
    id: Uuid,
    session: &Session,
    file: &JournalFile,
) -> Result<Reconciliation, Error> {
    let journal = file.read()?;
    if is_already_linked(&journal, id, session) {
        let has_ended = session.status.as_ref().is_some_and(SessionStatus::is_terminal);
        if let Some(seen) = outcome::status_event(session).filter(|_| has_ended) {
            file.note(Timestamp::now(), seen)?;
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

/// The attempts that the session can have come of.
pub(super) fn matching_attempts<'a>(
    session: &Session,
    attempts: impl Iterator<Item = &'a Attempt>,
) -> Vec<&'a Attempt> {
    attempts.filter(|attempt| mismatch(&attempt.intent, session).is_none()).collect()
}

/// Writes down that the session came of this attempt, and how it stands.
pub(super) fn resolve_attempt(
    attempt: &Attempt,
    id: Uuid,
    session: &Session,
    file: &JournalFile,
) -> Result<(), Error> {
    let (mut locked, known) = lock_unresolved(attempt, file)?;
    // A session comes of one attempt.
    if is_already_linked(&known, id, session) {
        return Err(Error::usage(format!("session {id} came of another attempt")).hint("nothing was settled"));
    }
    locked.append(
        Timestamp::now(),
        EventKind::Created { attempt: attempt.id, session_id: name(id, session) },
    )?;
    if let Some(seen) = outcome::status_event(session) {
        locked.append(Timestamp::now(), seen)?;
    }
    Ok(())
}

/// Whether it is known which attempt the session came of.
fn is_already_linked(journal: &Journal, id: Uuid, session: &Session) -> bool {
    let name = name(id, session);
    journal
        .attempts()
        .iter()
        .any(|attempt| matches!(&attempt.outcome, Outcome::Created { session_id, .. } if *session_id == name))
}

/// The session's id as the API spells it.
fn name(id: Uuid, session: &Session) -> String {
    session.session_id.clone().unwrap_or_else(|| id.to_string())
}

fn is_in_progress(attempt: &Attempt, file: &JournalFile) -> Result<bool, Error> {
    let device = attempt.intent.device_id.as_deref().unwrap_or_default();
    Ok(file.try_lock_device(device)?.is_none())
}

/// Locks the journal to settle an attempt, which may have been settled since it was read, or still be under way.
pub(super) fn lock_unresolved<'a>(
    attempt: &Attempt,
    file: &'a JournalFile,
) -> Result<(JournalWriter<'a>, Journal), Error> {
    if is_in_progress(attempt, file)? {
        return Err(Error::usage(
            "a session is being created on this device right now; wait for its outcome",
        )
        .hint("nothing was settled"));
    }
    let mut locked = file.lock()?;
    let known = locked.read()?;
    match known.attempt(attempt.id) {
        Some(current) if current.outcome.is_unknown() => Ok((locked, known)),
        _ => Err(already_resolved_error(attempt.id)),
    }
}

pub(super) fn already_resolved_error(attempt: Uuid) -> Error {
    Error::usage(format!("the outcome of attempt {attempt} is known; there is nothing to settle"))
}
