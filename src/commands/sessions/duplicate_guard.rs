//! Creates a session at most once: writes the attempt to the journal before the request and its result after it, and
//! rejects duplicates of earlier attempts.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::create_args::NewSession;
use super::outcome;
use crate::api::{Error as ApiError, SideEffect};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::journal::{
    Attempt, DeviceLock, DuplicateCandidate, EventKind, Intent, JournalError, JournalFile, Outcome,
    find_duplicates,
};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::{format_amount, format_time};
use crate::text::{escape_control, pluralize};

/// Time between two attempts to lock a device that another process uses.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Creates a session, unless it may have been created before.
pub(super) async fn create_once(
    new: &NewSession,
    allow_duplicate: bool,
    context: &ApiContext<'_>,
) -> Result<Resource<Session>, Error> {
    let journal = context.journal();
    let intent = new.intent(context.account.merchant_id.as_ref().map(|id| id.value.clone()));
    let _lock = lock_device(intent.device_id.as_deref().unwrap_or_default(), &journal, context).await?;
    let attempt = Uuid::new_v4();
    write_intent(attempt, &intent, allow_duplicate, &journal, context).await?;
    let response = context.client.send_json(&new.request()).await;
    // Nothing from here on waits, so an interruption cannot come between the response and the journal.
    let (event, result) = classify_response(attempt, response, context);
    let written = journal.lock().and_then(|mut journal| journal.append(Timestamp::now(), event));
    if let Err(error) = written {
        // The journal has the intent without a result, so the attempt counts as unknown until it is resolved.
        context.output.warn(&format!("{error}; the journal lacks the outcome of attempt {attempt}"));
    }
    result
}

/// Waits until no other process creates a session on the device. Nothing has been written or sent yet.
async fn lock_device(
    device: &str,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<DeviceLock, Error> {
    let mut is_reported = false;
    loop {
        if let Some(lock) = journal.try_lock_device(device).map_err(journal_unavailable)? {
            return Ok(lock);
        }
        if !is_reported {
            context
                .output
                .status("Another session is being created on this device; waiting for its outcome.");
            is_reported = true;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

fn journal_unavailable(error: JournalError) -> Error {
    let mut error = Error::from(error);
    let reason = "nothing was sent: kustom requests a payment only after writing it to the journal";
    error.hints.insert(0, reason.to_owned());
    error
}

/// The journal event for a response, and the result of the command.
fn classify_response(
    attempt: Uuid,
    response: Result<Resource<Session>, ApiError>,
    context: &ApiContext<'_>,
) -> (EventKind, Result<Resource<Session>, Error>) {
    let error = match response {
        Ok(session) => match session.session_id.clone() {
            Some(session_id) => return (EventKind::Created { attempt, session_id }, Ok(session)),
            None => Error::new(ErrorKind::Unknown, "the API responded with a session that has no ID"),
        },
        Err(error) if error.side_effect == SideEffect::None => {
            let is_not_found = error.status() == Some(404);
            let mut error = Error::from(error);
            let event = EventKind::Refused { attempt, reason: error.message.clone() };
            if is_not_found {
                let flag = context.settings.profile_flag();
                error = error.hint(format!("list the devices with `kustom{flag} devices list`"));
            }
            return (event, Err(error));
        }
        // A response such as 401 says nothing about an earlier attempt whose response was lost.
        Err(error) => Error { kind: ErrorKind::Unknown, ..Error::from(error) },
    };
    let reason = error.message.clone();
    let mut error = error.context("the session may have been created").detail("attempt", attempt.to_string());
    error.hints =
        vec!["check the device or the portal for the session before you create it again".to_owned()];
    error.hints.extend(recovery_hints(attempt, context));
    (EventKind::Unknown { attempt, reason }, Err(error))
}

/// The two commands that resolve an attempt whose outcome is unknown.
fn recovery_hints(attempt: Uuid, context: &ApiContext<'_>) -> Vec<String> {
    let flag = context.settings.profile_flag();
    vec![
        format!("if there is a session: kustom{flag} sessions recover {attempt} --session ID"),
        format!("if there is none: kustom{flag} sessions recover {attempt} --not-processed"),
    ]
}

/// Writes the intent to the journal, unless there is a duplicate. Both happen under one lock, so of two processes with
/// the same session, one finds the intent of the other.
async fn write_intent(
    attempt: Uuid,
    intent: &Intent,
    allow_duplicate: bool,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let mut ended_unpaid: HashSet<Uuid> = HashSet::new();
    loop {
        let to_check = {
            let mut writer = journal.lock().map_err(journal_unavailable)?;
            let created = if allow_duplicate {
                Vec::new()
            } else {
                let known = writer.read_about(intent, Timestamp::now()).map_err(journal_unavailable)?;
                if known.corrupt_lines() > 0 {
                    return Err(journal_corrupt_error(known.corrupt_lines(), journal));
                }
                find_created_duplicates(intent, known.attempts(), context)?
            };
            let to_check: Vec<_> =
                created.into_iter().filter(|attempt| !ended_unpaid.contains(&attempt.id)).collect();
            if to_check.is_empty() {
                let intent = intent.clone();
                return writer
                    .append(Timestamp::now(), EventKind::Intent { attempt, intent })
                    .map_err(journal_unavailable);
            }
            to_check
        };
        // The lock is not held during requests, so the journal is read again afterwards.
        for duplicate in to_check {
            check_duplicate(&duplicate, journal, context).await?;
            ended_unpaid.insert(duplicate.id);
        }
    }
}

/// The earlier attempts that created a session. Fails if the outcome of one is unknown.
fn find_created_duplicates(
    intent: &Intent,
    attempts: &[Attempt],
    context: &ApiContext<'_>,
) -> Result<Vec<Attempt>, Error> {
    find_duplicates(intent, attempts)
        .map(|duplicate| match duplicate {
            DuplicateCandidate::Unknown(attempt) => Err(possible_duplicate_error(attempt, context)),
            DuplicateCandidate::Created(attempt) => Ok(attempt.clone()),
        })
        .collect()
}

/// Fails unless the session of an earlier attempt ended without a payment. Requests its status if it was open.
async fn check_duplicate(
    duplicate: &Attempt,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let Outcome::Created { session_id, status, order_id } = &duplicate.outcome else { return Ok(()) };
    if status.is_terminal() {
        return check_status(duplicate, session_id, status, order_id.as_deref(), context);
    }
    let unreadable = |error: Error| {
        let id = escape_control(session_id);
        error
            .context(&format!(
                "this reference was used before, and the status of session {id} cannot be read"
            ))
            .detail("attempt", duplicate.id.to_string())
            .detail("session_id", session_id.as_str())
            .hint(format!("nothing was created; {}", describe(duplicate)))
    };
    let id: Uuid = session_id.parse().map_err(|_| unreadable(Error::usage("its ID is not a UUID")))?;
    let session = context.client.session(id).await.map_err(|error| {
        let is_not_found = error.status() == Some(404);
        let mut error = Error::from(error);
        if is_not_found {
            // The kind would say that what the user named was not found.
            error.kind = ErrorKind::Usage;
        }
        unreadable(error)
    })?;
    if let Some(event) = outcome::status_event(&session) {
        journal.note(Timestamp::now(), event)?;
    }
    let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
    check_status(duplicate, session_id, &status, session.order_id.as_deref(), context)
}

fn check_status(
    duplicate: &Attempt,
    session_id: &str,
    status: &SessionStatus,
    order_id: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let flag = context.settings.profile_flag();
    let id = escape_control(session_id);
    let (state, hints) = match status {
        SessionStatus::Cancelled | SessionStatus::Expired | SessionStatus::Failed => return Ok(()),
        SessionStatus::Finalized => {
            let order =
                order_id.map(|order| format!(", order {}", escape_control(order))).unwrap_or_default();
            (format!("paid: session {id} is FINALIZED{order}"), Vec::new())
        }
        open => (
            format!("still open: session {id} is {}", escape_control(open.as_str())),
            vec![
                format!("wait for it: kustom{flag} sessions watch {id}"),
                format!("cancel it: kustom{flag} sessions cancel {id}"),
            ],
        ),
    };
    let mut error = Error::usage(format!("this sale is {state} ({})", describe(duplicate)))
        .detail("attempt", duplicate.id.to_string())
        .detail("session_id", session_id)
        .detail("session_status", status.as_str());
    if let Some(order) = order_id {
        error = error.detail("order_id", order);
    }
    error.hints = hints;
    Err(error)
}

fn possible_duplicate_error(duplicate: &Attempt, context: &ApiContext<'_>) -> Error {
    let reason = match &duplicate.outcome {
        Outcome::Unknown(reason) => reason.as_str(),
        _ => "it is in progress, or the program stopped before there was a response",
    };
    let message = format!(
        "this sale may have been charged already: its outcome is unknown ({})\n  {reason}",
        describe(duplicate)
    );
    let mut error = Error::usage(message).detail("attempt", duplicate.id.to_string());
    error.hints = recovery_hints(duplicate.id, context);
    error
}

/// A line that cannot be read may be about this very sale.
fn journal_corrupt_error(lines: usize, journal: &JournalFile) -> Error {
    let lines = pluralize(lines, "line");
    let path = journal.path().display();
    Error::usage(format!("{lines} of the journal cannot be read, so this sale may have been charged before"))
        .hint(format!("fix the file in an editor, or move it away: {path}"))
}

/// The attempt in words: its ID, time, amount, device and reference.
fn describe(attempt: &Attempt) -> String {
    let Intent { device_id, order_amount, purchase_currency, merchant_reference1, .. } = &attempt.intent;
    let mut parts = vec![
        format!("attempt {}", attempt.id),
        format_time(attempt.at),
        format_amount(*order_amount, purchase_currency.as_deref()),
    ];
    parts.extend(device_id.as_ref().map(|device| format!("device {}", escape_control(device))));
    parts.extend(
        merchant_reference1.as_ref().map(|reference| format!("reference {}", escape_control(reference))),
    );
    parts.join(", ")
}
