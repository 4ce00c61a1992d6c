//! Finds a session in the ledger by its ID, an ID prefix or its reference, or lets the user pick one, since the API has no
//! list of sessions.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::status::store_end;
use crate::commands::resolve::too_short;
use crate::context::ApiContext;
use crate::error::{Candidate, Error, ErrorKind};
use crate::ledger::{Attempt, Filter};
use crate::model::{MIN_ID_PREFIX_LEN, SessionStatus};
use crate::output::{Choice, format_amount};
use crate::text::{format_age, normalize_text, trim_text};

const MAX_CHOICES: usize = 100;

/// Open sessions whose status is requested before they are offered.
const MAX_REFRESHED: usize = 20;

const MAX_CONCURRENT_REFRESH: usize = 8;

/// Choices are offered as they were last known if the API takes longer than this.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum SessionFilter {
    All,
    /// Sessions whose last known status is not final.
    Open,
}

/// A session that the user named or picked.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::commands) struct FoundSession {
    pub(in crate::commands) id: Uuid,
    /// The request that created it, if the ledger was needed to find it. The response of the API is compared with it.
    pub(in crate::commands) sent: Map<String, Value>,
}

impl ApiContext<'_> {
    /// Fails if no session is named, and the user cannot pick one.
    pub(in crate::commands) fn ensure_session_named(&self, is_named: bool) -> Result<(), Error> {
        if is_named || self.output.can_prompt() {
            return Ok(());
        }
        Err(Error::usage("no session is given").hint(
            "pass an ID or a reference; `kustom sessions list` lists the sessions that were created here",
        ))
    }

    /// Finds a session, or lets the user pick one if there is no query.
    pub(in crate::commands) async fn session_or_choice(
        &self,
        query: Option<&str>,
        filter: SessionFilter,
    ) -> Result<FoundSession, Error> {
        if let Some(query) = query {
            return self.find_session(query, filter).await;
        }
        self.ensure_session_named(false)?;
        let is_open = filter == SessionFilter::Open;
        if is_open {
            self.refresh_open_sessions().await?;
        }
        let filter = Filter { open: is_open, ..Filter::default() };
        let attempts = self.ledger().await?.attempts(&filter, MAX_CHOICES).await?.attempts;
        let choices: Vec<_> = attempts.iter().filter_map(to_choice).collect();
        if choices.is_empty() {
            let open = if is_open { "open " } else { "" };
            let message = format!("no {open}session was created here");
            return Err(Error::new(ErrorKind::NotFound, message).hint("pass a session ID"));
        }
        self.output.select("Session", choices).await
    }

    /// Finds open sessions, all of them before anything is done with the first, so that a typo changes nothing. Lets the
    /// user pick one if there is no query.
    pub(super) async fn find_open_sessions(&self, queries: &[String]) -> Result<Vec<FoundSession>, Error> {
        if queries.is_empty() {
            return Ok(vec![self.session_or_choice(None, SessionFilter::Open).await?]);
        }
        let mut found = Vec::with_capacity(queries.len());
        for query in queries {
            found.push(self.find_session(query, SessionFilter::Open).await?);
        }
        Ok(found)
    }

    /// Requests the status of the open sessions of the ledger and stores how they ended, before the user picks a session or
    /// an order.
    pub(in crate::commands) async fn refresh_open_sessions(&self) -> Result<(), Error> {
        let filter = Filter { open: true, ..Filter::default() };
        let open = self.ledger().await?.attempts(&filter, MAX_CHOICES).await?.attempts;
        let ids = open.iter().filter_map(|attempt| attempt.session_id()?.parse::<Uuid>().ok());
        let ids: Vec<_> = ids.take(MAX_REFRESHED).collect();
        let requests = stream::iter(ids).map(|id| async move { self.client.session(id).await });
        let refresh = async {
            let mut responses = pin!(requests.buffered(MAX_CONCURRENT_REFRESH));
            while let Some(response) = responses.next().await {
                if let Ok(session) = response {
                    store_end(&session, self).await;
                }
            }
        };
        let _ = tokio::time::timeout(REFRESH_TIMEOUT, refresh).await;
        Ok(())
    }

    /// Finds a session by its complete ID, which needs no ledger, or by an ID prefix or its reference.
    /// Of several sessions with a reference, the only open one is meant where only open ones can be.
    pub(in crate::commands) async fn find_session(
        &self,
        query: &str,
        filter: SessionFilter,
    ) -> Result<FoundSession, Error> {
        let query = trim_text(query);
        if let Ok(id) = query.parse::<Uuid>() {
            return Ok(FoundSession { id, sent: Map::new() });
        }
        let ledger = self.ledger().await?;
        let is_prefix = query.len() >= MIN_ID_PREFIX_LEN;
        let by_reference = Filter { reference: Some(normalize_text(query)), ..Filter::default() };
        let by_id = Filter { id_prefix: Some(query.to_ascii_lowercase()), ..Filter::default() };
        let mut attempts = ledger.attempts(&by_reference, MAX_CHOICES).await?.attempts;
        attempts.retain(|attempt| attempt.session_id().is_some());
        // The sessions of one reference are those of one sale: the one that is open or paid is meant, or else the newest.
        if attempts.iter().any(may_be_paid) {
            attempts.retain(may_be_paid);
        } else {
            attempts.truncate(1);
        }
        let by_id = ledger.attempts(&by_id, MAX_CHOICES).await?.attempts;
        let has_short_prefix = !is_prefix && !by_id.is_empty() && !query.is_empty();
        if is_prefix {
            attempts.extend(by_id);
        }
        // A session may match by both.
        let mut found: IndexMap<Uuid, &Attempt> = attempts
            .iter()
            .filter_map(|attempt| Some((attempt.session_id()?.parse().ok()?, attempt)))
            .collect();
        let is_open = |attempt: &Attempt| attempt.status().is_some_and(|status| !status.is_terminal());
        if filter == SessionFilter::Open && found.values().filter(|attempt| is_open(attempt)).count() == 1 {
            found.retain(|_, attempt| is_open(attempt));
        }
        if let (1, Some((id, attempt))) = (found.len(), found.first()) {
            return Ok(FoundSession { id: *id, sent: attempt.intent.sent() });
        }
        match found.len() {
            0 if has_short_prefix => Err(Error::usage(too_short(query))),
            0 => {
                let message = format!("no session with the ID or reference '{query}' was created here");
                Err(Error::new(ErrorKind::NotFound, message)
                    .hint("pass the complete ID, or list the sessions with `kustom sessions list`"))
            }
            _ => {
                let candidates = found.iter().map(|(id, attempt)| Candidate {
                    id: id.to_string(),
                    name: attempt.intent.merchant_reference1.clone(),
                    about: Some(describe(attempt, "")),
                });
                Err(Error::ambiguous(query, "session", candidates.collect()))
            }
        }
    }
}

/// Whether its session is paid, or can be.
fn may_be_paid(attempt: &Attempt) -> bool {
    attempt.status().is_some_and(|status| !status.is_terminal() || *status == SessionStatus::Finalized)
}

/// The amount, the reference, the last known status and the age of a session.
fn describe(attempt: &Attempt, reference: &str) -> String {
    let intent = &attempt.intent;
    let amount = format_amount(intent.order_amount, intent.purchase_currency.as_deref());
    let status = attempt.status().map_or("", SessionStatus::as_str);
    let age = format_age(Timestamp::now().duration_since(attempt.at).unsigned_abs());
    let parts = [amount.as_str(), reference, status, &age];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

fn to_choice(attempt: &Attempt) -> Option<(Choice, FoundSession)> {
    let session_id = attempt.session_id()?;
    let id = session_id.parse().ok()?;
    let reference = attempt.intent.merchant_reference1.as_deref().unwrap_or_default();
    let short_id = session_id.get(..8).unwrap_or(session_id);
    let choice = Choice::new(&describe(attempt, reference), short_id);
    Some((choice, FoundSession { id, sent: attempt.intent.sent() }))
}
