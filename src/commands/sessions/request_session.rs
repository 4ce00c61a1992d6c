//! Requests a session whose intent is in the ledger, and stores the result.

use uuid::Uuid;

use super::create_args::NewSession;
use crate::api::{Error as ApiError, SideEffect};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::Outcome;
use crate::model::{Resource, Session};

/// Requests the session and stores the result. Not to be canceled: a canceled request returns an error that says whether
/// it may have been processed, and the result must be stored.
pub(super) async fn request_session(
    attempt: Uuid,
    new: &NewSession,
    context: &ApiContext<'_>,
) -> Result<Resource<Session>, Error> {
    let response = context.client.send_json(&new.request()).await;
    let (outcome, result) = classify_response(attempt, response, new);
    let stored = async { context.ledger().await?.finish(attempt, outcome).await };
    // A second interruption must not hide whether the session exists.
    let stored = context.abort.run_until_cancelled(stored).await;
    if let Err(error) = stored.unwrap_or_else(|| Err(Error::new(ErrorKind::Interrupted, "interrupted"))) {
        // The ledger has the intent without a result, so the attempt counts as unknown until it is resolved.
        let message = &error.message;
        context.output.warn(&format!("{message}; the ledger lacks the outcome of attempt {attempt}"));
    }
    result
}

/// The outcome for the ledger, and the result of the command.
fn classify_response(
    attempt: Uuid,
    response: Result<Resource<Session>, ApiError>,
    new: &NewSession,
) -> (Outcome, Result<Resource<Session>, Error>) {
    let error = match response {
        Ok(session) => match session.session_id.clone() {
            Some(session_id) => return (Outcome::created(session_id), Ok(session)),
            None => Error::new(ErrorKind::Unknown, "the API responded with a session that has no ID"),
        },
        Err(error) if error.side_effect == SideEffect::None => {
            let (is_not_found, is_offline) = (error.status() == Some(404), error.is_offline());
            let mut error = Error::from(error);
            let outcome = Outcome::Refused(error.message.clone());
            if is_not_found {
                error = error.hint("list the devices with `kustom devices list`");
            }
            if is_offline {
                // The API does not name the device.
                error = error.context(&new.target);
            }
            return (outcome, Err(error));
        }
        // A response such as 401 says nothing about an earlier attempt whose response was lost.
        Err(error) => Error { kind: ErrorKind::Unknown, ..Error::from(error) },
    };
    let reason = error.message.clone();
    let mut error = error.context("the session may have been created").detail("attempt", attempt.to_string());
    error.hints =
        vec!["check the device or the portal for the session before you create it again".to_owned()];
    error.hints.extend(recovery_hints(attempt));
    (Outcome::Unknown(reason), Err(error))
}

/// The two commands that resolve an attempt whose outcome is unknown.
pub(super) fn recovery_hints(attempt: Uuid) -> Vec<String> {
    vec![
        format!("if there is a session: kustom sessions recover {attempt} --session ID"),
        format!("if there is none: kustom sessions recover {attempt} --not-processed"),
    ]
}
