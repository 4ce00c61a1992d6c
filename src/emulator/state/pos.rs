//! What is done on a phone: a clerk chooses a method or calls the sale off, a customer pays or is declined.
//!
//! The API has one operation like that, the simulated tap. The others are the emulator's own.

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::sessions::{Record, StoredStatus, ended};
use super::{AfterDecline, OpContext, Rejection, State};
use crate::model::{PaymentMethod, Session, TapOutcome};

/// A session as its phone shows it. What the API tells of it lacks the method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosSession {
    /// The session, as the API tells it.
    #[serde(flatten)]
    pub session: Session,
    /// What was chosen, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<PaymentMethod>,
}

impl State {
    /// Chooses a method of payment. The session turns ACTIVE; on one that is, another method takes the place of
    /// the one before.
    pub fn choose_method(
        &mut self,
        id: Uuid,
        method: PaymentMethod,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        let record = self.payable_session_mut(id, context.now)?;
        record.transition_to(StoredStatus::Active, context);
        record.method = Some(method);
        Ok(show(record, context.now))
    }

    /// Pays with this method, with the one that was chosen, or else with a card. The session is FINALIZED.
    pub fn pay(
        &mut self,
        id: Uuid,
        method: Option<PaymentMethod>,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        self.attempt(id, method, TapOutcome::Success, context)
    }

    /// Tries to pay with the method that was chosen, or else with a card, and is declined: the session is where
    /// a switch says.
    pub fn decline(
        &mut self,
        id: Uuid,
        outcome: TapOutcome,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        if outcome == TapOutcome::Success {
            let message = "must be a decline, and SUCCESS is none";
            return Err(Rejection::for_field(StatusCode::BAD_REQUEST, "outcome", message));
        }
        self.attempt(id, None, outcome, context)
    }

    /// Calls the sale off on the phone, which shows no session that has ended: the switch for those is about
    /// the API.
    pub fn cancel_on_phone(
        &mut self,
        id: Uuid,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        let record = self.payable_session_mut(id, context.now)?;
        record.transition_to(StoredStatus::Cancelled, context);
        Ok(show(record, context.now))
    }

    /// Holds a card to the session's device. A method counts as chosen, so that a new session can be tapped at
    /// once (documented). SUCCESS finalizes it; after a decline it is where a switch says.
    pub fn simulate_tap(
        &mut self,
        id: Uuid,
        outcome: TapOutcome,
        context: &mut OpContext<'_>,
    ) -> Result<Session, Rejection> {
        self.attempt(id, Some(PaymentMethod::Card), outcome, context).map(|shown| shown.session)
    }

    fn attempt(
        &mut self,
        id: Uuid,
        method: Option<PaymentMethod>,
        outcome: TapOutcome,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        let status = match (outcome, self.options.status_after_decline) {
            (TapOutcome::Success, _) => StoredStatus::Finalized,
            (_, AfterDecline::Active) => StoredStatus::Active,
            (_, AfterDecline::Created) => StoredStatus::Created,
            (_, AfterDecline::Failed) => StoredStatus::Failed,
        };
        let record = self.payable_session_mut(id, context.now)?;
        let method = method.or(record.method).unwrap_or_default();
        // Whoever tries to pay has a method, so a session is ACTIVE before anything comes of it (documented).
        record.transition_to(StoredStatus::Active, context);
        if outcome != TapOutcome::Success {
            record.emit_payment_failed(outcome, context);
        }
        record.transition_to(status, context);
        // On a session that is CREATED again the clerk has everything to choose.
        record.method = (status != StoredStatus::Created).then_some(method);
        Ok(show(record, context.now))
    }

    /// A session that its phone shows: open, on a device that is registered and online.
    fn payable_session_mut(&mut self, id: Uuid, now: Timestamp) -> Result<&mut Record, Rejection> {
        let device_id = {
            let record = self.session_mut(id)?;
            if !record.is_open(now) {
                return Err(ended(record, now));
            }
            record.device_id
        };
        match self.registered_device(device_id) {
            Err(_) => Err(Rejection::conflict(format!("Device {device_id} was deregistered."))),
            Ok(device) if device.offline => {
                Err(Rejection::conflict(format!("Device {device_id} is offline.")))
            }
            Ok(_) => self.session_mut(id),
        }
    }
}

fn show(record: &Record, now: Timestamp) -> PosSession {
    PosSession { session: record.to_session(now), method: record.method }
}

#[cfg(test)]
#[path = "pos_tests.rs"]
mod tests;
