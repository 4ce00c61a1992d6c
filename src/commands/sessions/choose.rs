//! Finds a session in the ledger by reference or ID prefix, or lets the user pick one: the API has no list of sessions.

use indexmap::IndexSet;
use jiff::Timestamp;
use uuid::Uuid;

use crate::context::ApiContext;
use crate::error::{Candidate, Error, ErrorKind};
use crate::ledger::{Attempt, Filter, Outcome, normalize_reference};
use crate::model::{MIN_ID_PREFIX_LEN, SessionStatus};
use crate::output::{Choice, format_amount, format_time};
use crate::text::{escape_control, format_age, trim_text};

const MAX_CHOICES: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum SessionFilter {
    All,
    /// Sessions whose last known status is not final.
    Open,
}

impl ApiContext<'_> {
    /// Finds the session by ID, ID prefix or reference. A complete ID need not be in the ledger.
    ///
    /// Several sessions of one reference are those of one sale, so the one that is open or paid is meant.
    pub(in crate::commands) async fn find_session(&self, query: &str) -> Result<Uuid, Error> {
        let query = trim_text(query);
        if let Ok(id) = query.parse() {
            return Ok(id);
        }
        let reference = self.attempts_with(|filter| filter.reference = normalize_reference(query)).await?;
        let mut found: Vec<Attempt> =
            reference.into_iter().filter(|attempt| attempt.session_id().is_some()).collect();
        let may_be_paid = |attempt: &Attempt| {
            attempt
                .status()
                .is_some_and(|status| !status.is_terminal() || *status == SessionStatus::Finalized)
        };
        if found.iter().any(may_be_paid) {
            found.retain(may_be_paid);
        } else {
            found.truncate(1);
        }
        let lower = query.to_ascii_lowercase();
        if lower.len() >= MIN_ID_PREFIX_LEN {
            let with_prefix = self.attempts_with(|filter| filter.id_prefix = Some(lower.clone())).await?;
            let is_session =
                |attempt: &Attempt| attempt.session_id().is_some_and(|id| id.starts_with(&lower));
            found.extend(with_prefix.into_iter().filter(is_session));
        }
        found.sort_by(|one, other| one.session_id().cmp(&other.session_id()));
        found.dedup_by(|one, other| one.session_id() == other.session_id());
        match found.as_slice() {
            [] => {
                let message = format!(
                    "there is no session with the ID or reference '{}' in the ledger",
                    escape_control(query)
                );
                let flag = self.settings.profile_flag();
                Err(Error::new(ErrorKind::NotFound, message)
                    .hint(format!("list them with `kustom{flag} sessions list`")))
            }
            [attempt] => {
                let id = attempt.session_id().unwrap_or_default();
                id.parse().map_err(|_| {
                    Error::usage(format!("the session's ID '{}' is not a UUID", escape_control(id)))
                })
            }
            several => Err(Error::ambiguous(query, "session", several.iter().map(to_candidate).collect())),
        }
    }

    async fn attempts_with(&self, set: impl FnOnce(&mut Filter)) -> Result<Vec<Attempt>, Error> {
        let mut filter = Filter::default();
        set(&mut filter);
        Ok(self.ledger().await?.attempts(&filter, MAX_CHOICES).await?.attempts)
    }

    /// Finds several sessions, each of them once. Fails before anything is done if one of them is not found.
    pub(in crate::commands) async fn find_sessions(&self, queries: &[String]) -> Result<Vec<Uuid>, Error> {
        let mut ids = IndexSet::new();
        for query in queries {
            ids.insert(self.find_session(query).await?);
        }
        Ok(ids.into_iter().collect())
    }

    /// Like [`Self::find_session`], but lets the user pick a session if there is no query.
    pub(in crate::commands) async fn session_or_choice(
        &self,
        query: Option<&str>,
        filter: SessionFilter,
    ) -> Result<Uuid, Error> {
        if let Some(query) = query {
            return self.find_session(query).await;
        }
        if !self.output.can_prompt() {
            return Err(Error::usage("no session is given").hint(
                "pass an ID or a reference; `kustom sessions list` lists the sessions that were created here",
            ));
        }
        let is_open = filter == SessionFilter::Open;
        let filter = Filter { open: is_open, ..Filter::default() };
        let attempts = self.ledger().await?.attempts(&filter, MAX_CHOICES).await?.attempts;
        let (ids, choices): (Vec<_>, Vec<_>) = attempts.iter().filter_map(to_choice).unzip();
        if ids.is_empty() {
            let open = if is_open { "open " } else { "" };
            let message = format!("no {open}session was created here");
            return Err(Error::new(ErrorKind::NotFound, message).hint("pass an ID or a reference"));
        }
        let index = self.output.select("Session", &choices).await?;
        ids.get(index).copied().ok_or_else(|| Error::new(ErrorKind::Bug, "a choice out of range"))
    }
}

fn to_candidate(attempt: &Attempt) -> Candidate {
    let intent = &attempt.intent;
    let about = [
        Some(format_time(attempt.at)),
        Some(format_amount(intent.order_amount, intent.purchase_currency.as_deref())),
        attempt.status().map(ToString::to_string),
    ];
    Candidate {
        id: attempt.session_id().unwrap_or_default().to_owned(),
        name: intent.merchant_reference1.clone(),
        about: Some(about.into_iter().flatten().collect::<Vec<_>>().join("  ")),
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
