//! Lets the user pick a session from the journal, since the API has no list of sessions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::journal::{Attempt, Outcome};
use crate::model::SessionStatus;
use crate::output::{Choice, format_amount};
use crate::text::format_age;

const MAX_CHOICES: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum SessionFilter {
    All,
    /// Sessions whose last known status is not final.
    Open,
}

impl ApiContext<'_> {
    /// Returns `id`, or lets the user pick a session if there is none.
    pub(in crate::commands) async fn session_or_choice(
        &self,
        id: Option<Uuid>,
        among: SessionFilter,
    ) -> Result<Uuid, Error> {
        if let Some(id) = id {
            return Ok(id);
        }
        let flag = self.settings.profile_flag();
        if !self.output.can_prompt() {
            return Err(Error::usage("no session is given").hint(format!(
                "name one by its id; `kustom{flag} sessions list` shows those that were created here"
            )));
        }
        let journal = self.journal().read()?;
        let offers = journal.attempts().iter().rev().filter_map(|attempt| to_choice(attempt, among));
        let (ids, choices): (Vec<_>, Vec<_>) = offers.take(MAX_CHOICES).unzip();
        if ids.is_empty() {
            let open = if among == SessionFilter::Open { " and is open" } else { "" };
            let missing = format!("no session that was created here{open} is known");
            return Err(Error::new(ErrorKind::NotFound, missing).hint("name a session by its id"));
        }
        let place = self.output.select("Session", &choices).await?;
        ids.get(place).copied().ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }
}

fn to_choice(attempt: &Attempt, among: SessionFilter) -> Option<(Uuid, Choice)> {
    let Outcome::Created { session_id, status, .. } = &attempt.outcome else { return None };
    if among == SessionFilter::Open && status.is_terminal() {
        return None;
    }
    let id: Uuid = session_id.parse().ok()?;
    let intent = &attempt.intent;
    let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
    let reference = intent.merchant_reference1.as_deref().unwrap_or_default();
    let age = format_age(Timestamp::now().duration_since(attempt.at).unsigned_abs());
    let parts = [amount.as_str(), reference, SessionStatus::as_str(status), &age];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mark = session_id.get(..8).unwrap_or(session_id);
    Some((id, Choice::new(&parts.join("  "), mark)))
}
