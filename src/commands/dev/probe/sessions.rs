//! Probes sessions.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::Seen;
use super::prober::{Prober, parse, seen};
use super::response_check::printable;
use crate::api::{self, Request};
use crate::error::{Error, ErrorKind};
use crate::model::{SessionStatus, TapOutcome};

/// The reference of each session.
pub(super) const REFERENCE: &str = "kustom-probe";

/// A session with a very short lifetime may expire between two requests; then another one is used.
const MAX_EXPIRIES: u32 = 5;

impl Prober {
    /// Returns whether the API creates sessions.
    pub(super) async fn probe_sessions(&mut self) -> Result<bool, Error> {
        let (created, first) = self.create_session(json!({})).await?;
        self.seen.record("response to a new session", created.describe());
        let Some(first) = first else { return Ok(false) };
        self.end_session(first).await?;
        self.probe_second_session().await?;
        let mut declines = Vec::new();
        for outcome in TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success) {
            let (id, _, session) = self.tap_open_session(outcome, json!({})).await?;
            declines.push((outcome.as_str(), printable(status_of(&session))));
            self.end_session(id).await?;
        }
        self.seen.record_declines(&declines);
        let (paid, tapped, session) = self.tap_open_session(TapOutcome::Success, json!({})).await?;
        if status_of(&session) == SessionStatus::Finalized.as_str() {
            self.seen.record("response to a simulated tap", tapped.describe());
            if tapped.is_success() {
                let option = if tapped.has_body { "session" } else { "empty" };
                self.seen.set_option("response to a simulated tap", option);
            }
            let tapped_again = self.tap(paid, TapOutcome::Success).await?;
            self.seen.record("tap on an ended session", tapped_again.status);
            let canceled = self.cancel(paid).await?;
            self.seen.record("cancel of a paid session", canceled.status);
        }
        self.end_session(paid).await?;
        let canceled = self.open_session().await?;
        self.cancel(canceled).await?;
        let canceled_again = self.cancel(canceled).await?;
        self.seen.record_option(
            "cancel of a canceled session",
            canceled_again.status,
            if canceled_again.is_success() { "answer" } else { "conflict" },
        );
        self.end_session(canceled).await?;
        Ok(true)
    }

    pub(super) async fn probe_second_session(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_EXPIRIES {
            let first = self.open_session().await?;
            let (created, second) = self.create_session(json!({})).await?;
            let is_open = !is_terminal(&self.status(first).await?);
            for id in [Some(first), second].into_iter().flatten() {
                self.end_session(id).await?;
            }
            if is_open {
                let is_rejected = created.status == 409;
                self.seen.record_option("second open session on a device", created.describe(), is_rejected);
                break;
            }
        }
        Ok(())
    }

    /// Taps on a new session with these fields. Returns its ID with the response, and the session afterwards.
    pub(super) async fn tap_open_session(
        &mut self,
        outcome: TapOutcome,
        fields: Value,
    ) -> Result<(Uuid, Seen, Value), Error> {
        let mut expiries = 0;
        loop {
            let id = self.open_session_with(fields.clone()).await?;
            let tapped = self.tap(id, outcome).await?;
            let session = self.session(id).await?;
            if status_of(&session) != SessionStatus::Expired.as_str() || expiries == MAX_EXPIRIES {
                return Ok((id, tapped, session));
            }
            expiries += 1;
            self.end_session(id).await?;
        }
    }

    /// Creates a session. Its ID is `None` if the API rejected it.
    pub(super) async fn create_session(&mut self, fields: Value) -> Result<(Seen, Option<Uuid>), Error> {
        let mut body = json!({
            "device_id": self.device_id, "order_amount": 100, "purchase_currency": self.currency,
            "merchant_reference1": REFERENCE,
        });
        if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
            body.extend(fields);
        }
        let response = self.post("/ipp/v1/sessions", &body).await?;
        let id = parse(&response)["session_id"].as_str().and_then(|id| id.parse().ok());
        let id = id.filter(|_| response.is_success());
        if let Some(id) = id {
            self.sessions.add(id)?;
        }
        Ok((seen(&response), id))
    }

    pub(super) async fn open_session(&mut self) -> Result<Uuid, Error> {
        self.open_session_with(json!({})).await
    }

    async fn open_session_with(&mut self, fields: Value) -> Result<Uuid, Error> {
        let (created, id) = self.create_session(fields).await?;
        id.ok_or_else(|| {
            let message =
                format!("the API responded with {} to a session like the first one", created.status);
            Error::new(ErrorKind::Refused, message)
        })
    }

    /// Cancels a session that may have ended already.
    pub(super) async fn end_session(&mut self, id: Uuid) -> Result<(), Error> {
        self.cancel(id).await?;
        self.sessions.remove(id)
    }

    pub(super) async fn cancel(&mut self, id: Uuid) -> Result<Seen, Error> {
        let request = Request::new(Method::PUT, format!("/ipp/v1/sessions/{id}/cancel"));
        Ok(seen(&self.send(&request).await?))
    }

    pub(super) async fn session(&mut self, id: Uuid) -> Result<Value, Error> {
        let response = self.get(&format!("/ipp/v1/sessions/{id}"), &[]).await?;
        Ok(parse(&response))
    }

    pub(super) async fn status(&mut self, id: Uuid) -> Result<String, Error> {
        Ok(status_of(&self.session(id).await?).to_owned())
    }

    pub(super) async fn tap(&mut self, id: Uuid, outcome: TapOutcome) -> Result<Seen, Error> {
        Ok(seen(&self.send(&api::tap_request(id, Some(outcome))).await?))
    }
}

pub(super) fn status_of(session: &Value) -> &str {
    session["status"].as_str().unwrap_or_default()
}

pub(super) fn is_terminal(status: &str) -> bool {
    SessionStatus::from(status.to_owned()).is_terminal()
}
