//! Sessions: CREATED → ACTIVE → FINALIZED, or an end without a payment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::shelf::{Kept, of_list, of_option, of_text, with_beside};
use super::{CancelEnded, Event, FieldErrors, OfflineDevice, OpContext, Rejection, State, order_totals};
use crate::model::{CallbackType, OrderItem, PaymentMethod, Session, SessionStatus, TapOutcome};

/// What is asked for in a new session.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// The device that takes the payment.
    pub device_id: Uuid,
    /// Where the device has to stand, if that matters.
    pub location_id: Option<Uuid>,
    /// What is paid.
    pub purchase: Purchase,
}

/// What is paid, as the client described it. Amounts are minor units, tax included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    pub order_amount: i64,
    /// The tax in it.
    pub order_tax_amount: Option<i64>,
    /// ISO 4217, upper case.
    pub purchase_currency: String,
    /// When the purchase began.
    pub purchase_started_at: Option<Timestamp>,
    /// The merchant's own reference.
    pub merchant_reference1: Option<String>,
    /// The merchant's second reference (inferred).
    pub merchant_reference2: Option<String>,
    /// Whatever the merchant wants to find again (observed).
    pub merchant_data: Option<String>,
    pub order_items: Vec<OrderItem>,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    id: Uuid,
    pub(super) device_id: Uuid,
    stage: StoredStatus,
    /// What was chosen on the phone. No operation of the API tells it, and files of before do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<PaymentMethod>,
    created_at: Timestamp,
    expires_at: Timestamp,
    order_id: Option<Uuid>,
    completed_at: Option<Timestamp>,
    purchase: Purchase,
}

impl Purchase {
    /// About how many bytes it has beside itself.
    fn beside(&self) -> usize {
        let texts = [&self.merchant_reference1, &self.merchant_reference2, &self.merchant_data];
        let texts: usize = texts.into_iter().map(|text| of_option(text.as_ref())).sum();
        let of_item = |item: &OrderItem| {
            [&item.kind, &item.reference, &item.name].into_iter().map(|text| of_option(text.as_ref())).sum()
        };
        of_text(&self.purchase_currency) + texts + of_list(&self.order_items, of_item)
    }
}

impl Kept for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn beside(&self) -> usize {
        self.purchase.beside()
    }
}

/// What happened to a session. That it expired is not something that happened: it follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredStatus {
    Created,
    Active,
    Finalized,
    Cancelled,
    Failed,
}

impl Record {
    pub(super) fn status(&self, now: Timestamp) -> SessionStatus {
        match self.stage {
            StoredStatus::Created | StoredStatus::Active if self.expires_at <= now => SessionStatus::Expired,
            StoredStatus::Created => SessionStatus::Created,
            StoredStatus::Active => SessionStatus::Active,
            StoredStatus::Finalized => SessionStatus::Finalized,
            StoredStatus::Cancelled => SessionStatus::Cancelled,
            StoredStatus::Failed => SessionStatus::Failed,
        }
    }

    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        !self.status(now).is_terminal()
    }

    /// The only place where a session's status changes. A change that is documented to be told is noted; staying
    /// where it is, going back to CREATED and FAILED are not among them.
    pub(super) fn transition_to(&mut self, stage: StoredStatus, moment: &mut OpContext<'_>) {
        let before = std::mem::replace(&mut self.stage, stage);
        match stage {
            StoredStatus::Finalized => {
                self.order_id = Some(moment.id());
                self.completed_at = Some(moment.now);
                self.emit(CallbackType::SessionFinalized, None, moment);
            }
            StoredStatus::Cancelled => self.emit(CallbackType::SessionCancelled, None, moment),
            StoredStatus::Active if before != StoredStatus::Active => {
                self.emit(CallbackType::SessionActivated, None, moment);
            }
            StoredStatus::Active | StoredStatus::Created | StoredStatus::Failed => {}
        }
    }

    /// A payment was tried and declined, wherever that leaves the session.
    pub(super) fn emit_payment_failed(&self, reason: TapOutcome, moment: &mut OpContext<'_>) {
        self.emit(CallbackType::PaymentFailed, Some(reason), moment);
    }

    fn emit(&self, kind: CallbackType, failure_reason: Option<TapOutcome>, moment: &mut OpContext<'_>) {
        let (id, at) = (moment.id(), moment.now);
        let (session_id, order_id) = (self.id, self.order_id);
        moment.events.push(Event { id, at, kind, session_id, order_id, failure_reason });
    }

    pub(super) fn view(&self, now: Timestamp) -> Session {
        let purchase = self.purchase.clone();
        Session {
            session_id: Some(self.id.to_string()),
            status: Some(self.status(now)),
            device_id: Some(self.device_id.to_string()),
            order_id: self.order_id.map(|id| id.to_string()),
            order_amount: Some(purchase.order_amount),
            order_tax_amount: purchase.order_tax_amount,
            purchase_currency: Some(purchase.purchase_currency),
            purchase_started_at: purchase.purchase_started_at,
            purchase_completed_at: self.completed_at,
            merchant_reference1: purchase.merchant_reference1,
            merchant_reference2: purchase.merchant_reference2,
            merchant_data: purchase.merchant_data,
            order_items: purchase.order_items,
        }
    }
}

impl State {
    /// Creates a session and pushes it to its device.
    pub fn create_session(
        &mut self,
        new: NewSession,
        moment: &mut OpContext<'_>,
    ) -> Result<Session, Rejection> {
        if self.switches.strict_sums {
            let mut errors = FieldErrors::default();
            order_totals::check(&new.purchase, &mut errors);
            errors.into_result()?;
        }
        self.check_location(new.location_id)?;
        let device = self.registered(new.device_id)?;
        if new.location_id.is_some() && new.location_id != device.location_id {
            return Err(Rejection::not_found(format!("Device {} is not at this location.", device.id)));
        }
        if device.offline && self.switches.offline_device == OfflineDevice::Conflict {
            return Err(Rejection::conflict(format!("Device {} is offline.", device.id)));
        }
        let busy = |record: &Record| record.device_id == new.device_id && record.is_open(moment.now);
        if self.switches.one_open_session_per_device
            && let Some(open) = self.sessions.iter().rfind(|record| busy(record))
        {
            let detail = format!("Device {} has an open session, {}.", new.device_id, open.id);
            return Err(Rejection::conflict(detail));
        }
        let purchase = new.purchase;
        self.make_room(with_beside::<Record>(purchase.beside()), moment.now)?;
        let record = Record {
            id: moment.id(),
            device_id: new.device_id,
            stage: StoredStatus::Created,
            method: None,
            created_at: moment.now,
            expires_at: moment.deadline(self.switches.session_lifetime),
            order_id: None,
            completed_at: None,
            purchase,
        };
        record.emit(CallbackType::SessionCreated, None, moment);
        let view = record.view(moment.now);
        self.sessions.push(record);
        Ok(view)
    }

    /// One session.
    pub fn session(&self, id: Uuid, now: Timestamp) -> Result<Session, Rejection> {
        self.sessions.get(id).map(|record| record.view(now)).ok_or_else(|| no_session(id))
    }

    /// Cancels a session.
    pub fn cancel_session(&mut self, id: Uuid, moment: &mut OpContext<'_>) -> Result<Session, Rejection> {
        let answer_ended = self.switches.cancel_ended == CancelEnded::Answer;
        let record = self.session_mut(id)?;
        if record.is_open(moment.now) {
            record.transition_to(StoredStatus::Cancelled, moment);
        } else if !answer_ended {
            return Err(ended(record, moment.now));
        }
        Ok(record.view(moment.now))
    }

    pub(super) fn session_mut(&mut self, id: Uuid) -> Result<&mut Record, Rejection> {
        self.sessions.get_mut(id).ok_or_else(|| no_session(id))
    }
}

fn no_session(id: Uuid) -> Rejection {
    Rejection::not_found(format!("There is no session {id}."))
}

pub(super) fn ended(record: &Record, now: Timestamp) -> Rejection {
    Rejection::conflict(format!("Session {} has ended: it is {}.", record.id, record.status(now)))
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
