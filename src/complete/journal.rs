//! Sessions and attempts of the journal as they are offered.

use jiff::Timestamp;

use super::Candidate;
use crate::journal::{Attempt, Journal, Outcome};
use crate::output::format_amount;
use crate::text::{escape_control, format_age};

/// The most that are offered, newest first.
const MOST: usize = 100;

/// The sessions that were created here.
pub(super) fn sessions(journal: &Journal, now: Timestamp) -> Vec<Candidate> {
    let session = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Created { session_id, status, .. } => {
            Some(candidate(session_id.clone(), status.as_str(), attempt, now))
        }
        _ => None,
    };
    journal.attempts().iter().rev().filter_map(session).take(MOST).collect()
}

/// The attempts whose outcome is not known.
pub(super) fn attempts(journal: &Journal, now: Timestamp) -> Vec<Candidate> {
    let unknown = journal.attempts().iter().rev().filter(|attempt| attempt.outcome.is_unknown());
    unknown.take(MOST).map(|attempt| candidate(attempt.id.to_string(), "unknown", attempt, now)).collect()
}

fn candidate(value: String, status: &str, attempt: &Attempt, now: Timestamp) -> Candidate {
    let intent = &attempt.intent;
    let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
    let age = format_age(now.duration_since(attempt.at).unsigned_abs());
    let parts = [status, &amount, intent.reference().unwrap_or_default(), &age];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Candidate { value, about: escape_control(&parts.join(", ")).into_owned() }
}
