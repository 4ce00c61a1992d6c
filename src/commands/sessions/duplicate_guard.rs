//! Creating a session once: the journal before and after, and the twins that stop it.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::create_args::PreparedSession;
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

/// Creates the session of a sale, unless it may have been created before.
pub(super) async fn create_guarded(
    sale: PreparedSession,
    allow_duplicate: bool,
    context: &ApiContext<'_>,
) -> Result<Resource<Session>, Error> {
    let journal = context.journal();
    let device = sale.intent.device_id.as_deref().unwrap_or_default();
    let _lock = lock_device(device, &journal, context).await?;
    let attempt = Uuid::new_v4();
    write_intent(attempt, &sale.intent, allow_duplicate, &journal, context).await?;
    let response = context.client.create_session(sale.body, sale.location_id.as_deref()).await;
    let (event, result) = classify_result(attempt, response, context);
    let written = journal.lock().and_then(|mut journal| journal.append(Timestamp::now(), event));
    if let Err(error) = written {
        // The intent is there: the attempt counts as unknown until it is settled.
        context.output.warn(&format!("{error}; the journal will not know the outcome of attempt {attempt}"));
    }
    result
}

/// How often it is looked whether another process is done with the device.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until no other process creates a session on the device. Nothing is written or sent meanwhile, so it can
/// be interrupted.
async fn lock_device(
    device: &str,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<DeviceLock, Error> {
    let mut told = false;
    loop {
        if let Some(lock) = journal.try_lock_device(device).map_err(journal_unavailable)? {
            return Ok(lock);
        }
        if !told {
            context
                .output
                .status("Another session is being created on this device; waiting for its outcome.");
            told = true;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

/// The journal cannot be written, so nothing is asked for.
fn journal_unavailable(error: JournalError) -> Error {
    let mut error = Error::from(error);
    let why = "nothing was sent: a payment is not asked for when it cannot be written down before";
    error.hints.insert(0, why.to_owned());
    error
}

/// What an answer means for the journal, and for the person.
fn classify_result(
    attempt: Uuid,
    response: Result<Resource<Session>, ApiError>,
    context: &ApiContext<'_>,
) -> (EventKind, Result<Resource<Session>, Error>) {
    let failure = match response {
        Ok(session) => match session.session_id.clone() {
            Some(session_id) => return (EventKind::Created { attempt, session_id }, Ok(session)),
            None => Error::new(ErrorKind::Unknown, "the API answered with a session that has no id"),
        },
        Err(error) => {
            let carried_out = error.carried_out;
            let error = Error::from(error);
            if carried_out == SideEffect::None {
                return (
                    EventKind::Refused { attempt, reason: error.message.clone() },
                    Err(refused(error, context)),
                );
            }
            // An answer such as 401 after an attempt that was lost does not tell what became of that one.
            Error { kind: ErrorKind::Unknown, ..error }
        }
    };
    let reason = failure.message.clone();
    let mut error =
        failure.context("the session may have been created").detail("attempt", attempt.to_string());
    error.hints = recovery_hints(attempt, context);
    error
        .hints
        .insert(0, "do not create it again before you know: look at the device, or at the portal".to_owned());
    (EventKind::Unknown { attempt, reason }, Err(error))
}

fn refused(error: Error, context: &ApiContext<'_>) -> Error {
    match error.kind {
        ErrorKind::NotFound => error
            .hint(format!("list the devices with `kustom{} devices list`", context.settings.profile_flag())),
        _ => error,
    }
}

/// The two commands that settle an attempt whose outcome is not known.
pub(super) fn recovery_hints(attempt: Uuid, context: &ApiContext<'_>) -> Vec<String> {
    let flag = context.settings.profile_flag();
    vec![
        format!("if there is a session: kustom{flag} sessions recover {attempt} --session ID"),
        format!("if there is none: kustom{flag} sessions recover {attempt} --not-carried-out"),
    ]
}

/// Writes the intent down, unless a twin stops it. Looking and writing happen under one lock, so that of two
/// processes with the same sale one finds the other's intent.
async fn write_intent(
    attempt: Uuid,
    intent: &Intent,
    allow_duplicate: bool,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    // Sessions that ended unpaid let the sale through.
    let mut ended: HashSet<Uuid> = HashSet::new();
    loop {
        let to_ask = {
            let mut locked = journal.lock().map_err(journal_unavailable)?;
            let mut to_ask = Vec::new();
            if !allow_duplicate {
                let known = locked.read_about(intent, Timestamp::now()).map_err(journal_unavailable)?;
                if known.corrupt_lines() > 0 {
                    return Err(journal_corrupt_error(known.corrupt_lines(), journal));
                }
                for twin in find_duplicates(intent, known.attempts()) {
                    match twin {
                        DuplicateCandidate::Unknown(attempt) => {
                            return Err(possible_duplicate_error(attempt, context));
                        }
                        DuplicateCandidate::Created(attempt) if ended.contains(&attempt.id) => {}
                        DuplicateCandidate::Created(attempt) => to_ask.push(attempt.clone()),
                    }
                }
            }
            if to_ask.is_empty() {
                let intent = intent.clone();
                locked
                    .append(Timestamp::now(), EventKind::Intent { attempt, intent })
                    .map_err(journal_unavailable)?;
                return Ok(());
            }
            to_ask
        };
        for twin in to_ask {
            refresh_previous_session(&twin, journal, context).await?;
            ended.insert(twin.id);
        }
    }
}

/// Asks how the session of a twin stands.
async fn refresh_previous_session(
    twin: &Attempt,
    journal: &JournalFile,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let Outcome::Created { session_id, status, order_id } = &twin.outcome else { return Ok(()) };
    if status.is_terminal() {
        return check_previous_session(twin, session_id, status, order_id.as_deref(), context);
    }
    let not_asked = |error: Error| {
        let doing = format!(
            "this reference was used before, and session {} cannot be asked how it stands",
            escape_control(session_id)
        );
        let error = Error {
            kind: if error.kind == ErrorKind::NotFound { ErrorKind::Usage } else { error.kind },
            ..error
        };
        error
            .context(&doing)
            .detail("attempt", twin.id.to_string())
            .detail("session_id", session_id.as_str())
            .hint(format!("nothing was created; {}", describe(twin)))
            .hint("charge it again all the same: --allow-duplicate")
    };
    let id: Uuid = session_id.parse().map_err(|_| not_asked(Error::usage("its id is not a UUID")))?;
    let session = context.client.session(id).await.map_err(|error| not_asked(error.into()))?;
    let status = session.status.clone().unwrap_or_else(|| SessionStatus::Other(String::new()));
    let seen = outcome::status_event(&session);
    if let Some(seen) = seen {
        journal.note(Timestamp::now(), seen)?;
    }
    check_previous_session(twin, session_id, &status, session.order_id.as_deref(), context)
}

fn check_previous_session(
    twin: &Attempt,
    session_id: &str,
    status: &SessionStatus,
    order_id: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let flag = context.settings.profile_flag();
    let id = escape_control(session_id);
    let (how, hints) = match status {
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
                format!("call it off: kustom{flag} sessions cancel {id}"),
            ],
        ),
    };
    let mut error = Error::usage(format!("this sale is {how} ({})", describe(twin)))
        .detail("attempt", twin.id.to_string())
        .detail("session_id", session_id)
        .detail("session_status", status.as_str());
    if let Some(order) = order_id {
        error = error.detail("order_id", order);
    }
    error.hints = hints;
    Err(error.hint("charge it again all the same: --allow-duplicate"))
}

fn possible_duplicate_error(twin: &Attempt, context: &ApiContext<'_>) -> Error {
    let why = match &twin.outcome {
        Outcome::Unknown(reason) => reason.clone(),
        _ => "it is under way, or the program ended before there was an answer".to_owned(),
    };
    let message = format!(
        "this sale may have been charged already: its outcome is not known ({})\n  {why}",
        describe(twin)
    );
    let mut error = Error::usage(message).detail("attempt", twin.id.to_string());
    error.hints = recovery_hints(twin.id, context);
    error.hint("charge it again all the same: --allow-duplicate")
}

/// A line that cannot be read may have been about this very sale.
fn journal_corrupt_error(lines: usize, journal: &JournalFile) -> Error {
    let what = pluralize(lines, "line");
    let path = journal.path().display();
    Error::usage(format!(
        "{what} of the journal cannot be read, so it cannot tell whether this sale was charged"
    ))
    .hint(format!("mend it in an editor, or put it aside: {path}"))
    .hint("charge it all the same: --allow-duplicate")
}

/// What was done before, and when.
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
