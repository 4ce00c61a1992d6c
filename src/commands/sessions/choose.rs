//! Lets the user pick a session from the ledger, since the API has no list of sessions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{Attempt, Filter, Outcome};
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
        filter: SessionFilter,
    ) -> Result<Uuid, Error> {
        if let Some(id) = id {
            return Ok(id);
        }
        if !self.output.can_prompt() {
            return Err(Error::usage("no session is given").hint(
                "pass a session ID; `kustom sessions list` lists the sessions that were created here",
            ));
        }
        let is_open = filter == SessionFilter::Open;
        let filter = Filter { open: is_open, ..Filter::default() };
        let attempts = self.ledger().await?.attempts(&filter, MAX_CHOICES).await?.attempts;
        let (ids, choices): (Vec<_>, Vec<_>) = attempts.iter().filter_map(to_choice).unzip();
        if ids.is_empty() {
            let open = if is_open { "open " } else { "" };
            let message = format!("no {open}session was created here");
            return Err(Error::new(ErrorKind::NotFound, message).hint("pass a session ID"));
        }
        let index = self.output.select("Session", &choices).await?;
        ids.get(index).copied().ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }
}

fn to_choice(attempt: &Attempt) -> Option<(Uuid, Choice)> {
    let Outcome::Created { session_id, status, .. } = &attempt.outcome else { return None };
    let id: Uuid = session_id.parse().ok()?;
    let intent = &attempt.intent;
    let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
    let reference = intent.merchant_reference1.as_deref().unwrap_or_default();
    let age = format_age(Timestamp::now().duration_since(attempt.at).unsigned_abs());
    let mut parts = vec![amount.as_str(), reference, status.as_str(), &age];
    parts.retain(|part| !part.is_empty());
    let short_id = session_id.get(..8).unwrap_or(session_id);
    Some((id, Choice::new(&parts.join("  "), short_id)))
}
