//! Actions on a phone: the clerk chooses a payment method or cancels, the customer pays or is declined.
//!
//! Only the simulated tap is an operation of the API. The others belong to the emulator.

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::sessions::{Record, StoredStatus, ended};
use super::{AfterDecline, OpContext, Rejection, State};
use crate::model::{CallbackType, PaymentMethod, Session, TapOutcome};

/// A session with its payment method, which the API does not show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosSession {
    #[serde(flatten)]
    pub session: Session,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<PaymentMethod>,
}

impl State {
    /// Chooses a payment method, or replaces the one that was chosen. The session becomes ACTIVE.
    pub fn choose_method(
        &mut self,
        id: Uuid,
        method: PaymentMethod,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        let record = self.payable_session_mut(id, context.now)?;
        record.transition_to(StoredStatus::Active, context);
        record.method = Some(method);
        Ok(record.to_pos_session(context.now))
    }

    /// Pays with this method, or else with the chosen one, or else with a card. The session becomes FINALIZED.
    pub fn pay(
        &mut self,
        id: Uuid,
        method: Option<PaymentMethod>,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        self.attempt(id, method, TapOutcome::Success, context)
    }

    /// Declines a payment. The option `status_after_decline` decides the status of the session.
    pub fn decline(
        &mut self,
        id: Uuid,
        outcome: TapOutcome,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        if outcome == TapOutcome::Success {
            let message = "must be a decline, which SUCCESS is not";
            return Err(Rejection::for_field(StatusCode::BAD_REQUEST, "outcome", message));
        }
        self.attempt(id, None, outcome, context)
    }

    /// Cancels a session on the phone. The option `cancel_ended` does not apply, because a phone shows no ended sessions.
    pub fn cancel_on_phone(
        &mut self,
        id: Uuid,
        context: &mut OpContext<'_>,
    ) -> Result<PosSession, Rejection> {
        let record = self.payable_session_mut(id, context.now)?;
        record.transition_to(StoredStatus::Cancelled, context);
        Ok(record.to_pos_session(context.now))
    }

    /// Simulates a tap with a card. A new session can be tapped without choosing a method before (documented).
    pub fn simulate_tap(
        &mut self,
        id: Uuid,
        outcome: TapOutcome,
        context: &mut OpContext<'_>,
    ) -> Result<Session, Rejection> {
        self.attempt(id, Some(PaymentMethod::Card), outcome, context).map(|paid| paid.session)
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
        // A session is ACTIVE before a payment succeeds or fails (documented).
        record.transition_to(StoredStatus::Active, context);
        if outcome != TapOutcome::Success {
            record.emit(CallbackType::PaymentFailed, Some(outcome), context);
        }
        record.transition_to(status, context);
        // When the session is CREATED again, the clerk has to choose again.
        record.method = (status != StoredStatus::Created).then_some(method);
        let session = record.clone();
        self.create_order(&session, context);
        Ok(session.to_pos_session(context.now))
    }

    fn payable_session_mut(&mut self, id: Uuid, now: Timestamp) -> Result<&mut Record, Rejection> {
        let record = self.session_mut(id)?;
        if !record.is_open(now) {
            return Err(ended(record, now));
        }
        let device_id = record.device_id;
        match self.registered_device(device_id) {
            Err(_) => Err(Rejection::conflict(format!("Device {device_id} was deregistered."))),
            Ok(device) if device.offline => {
                Err(Rejection::conflict(format!("Device {device_id} is offline.")))
            }
            Ok(_) => self.session_mut(id),
        }
    }
}

impl Record {
    pub(super) fn to_pos_session(&self, now: Timestamp) -> PosSession {
        PosSession { session: self.to_session(now), method: self.method }
    }
}

#[cfg(test)]
#[path = "pos_tests.rs"]
mod tests;
