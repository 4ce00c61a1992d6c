//! Sessions: CREATED → ACTIVE → FINALIZED, or CANCELLED, EXPIRED or FAILED without a payment.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::records::{self, check_capacity};
use super::{
    CancelEnded, Event, FieldErrors, OfflineDevice, OpContext, Purchase, Rejection, State, order_totals,
};
use crate::model::{CallbackType, PaymentMethod, Session, SessionStatus, TapOutcome};

#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    pub device_id: Uuid,
    /// If given, the device has to be at this location.
    pub location_id: Option<Uuid>,
    pub purchase: Purchase,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: Uuid,
    pub(super) device_id: Uuid,
    #[serde(rename = "stage")]
    status: StoredStatus,
    /// The method chosen on the phone, which no operation of the API shows. State files of early versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<PaymentMethod>,
    created_at: Timestamp,
    expires_at: Timestamp,
    pub(super) order_id: Option<Uuid>,
    pub(super) completed_at: Option<Timestamp>,
    /// Shared with the order.
    pub(super) purchase: Arc<Purchase>,
}

/// EXPIRED is not stored: it follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredStatus {
    Created,
    Active,
    Finalized,
    Cancelled,
    Failed,
}

impl records::Record for Record {
    fn id(&self) -> Uuid {
        self.id
    }

    fn is_final(&self, now: Timestamp) -> bool {
        self.status(now).is_terminal()
    }
}

impl Record {
    pub(super) fn status(&self, now: Timestamp) -> SessionStatus {
        match self.status {
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

    /// There are no documented callbacks for FAILED and for the way back to CREATED.
    pub(super) fn transition_to(&mut self, status: StoredStatus, context: &mut OpContext<'_>) {
        let before = std::mem::replace(&mut self.status, status);
        match status {
            StoredStatus::Finalized => {
                self.order_id = Some(context.id());
                self.completed_at = Some(context.now);
                self.emit(CallbackType::SessionFinalized, None, context);
            }
            StoredStatus::Cancelled => self.emit(CallbackType::SessionCancelled, None, context),
            StoredStatus::Active if before != StoredStatus::Active => {
                self.emit(CallbackType::SessionActivated, None, context);
            }
            StoredStatus::Active | StoredStatus::Created | StoredStatus::Failed => {}
        }
    }

    pub(super) fn emit(
        &self,
        kind: CallbackType,
        failure_reason: Option<TapOutcome>,
        context: &mut OpContext<'_>,
    ) {
        let (id, at) = (context.id(), context.now);
        let (session_id, order_id) = (self.id, self.order_id);
        context.events.push(Event {
            id,
            at,
            kind,
            session_id,
            order_id,
            failure_reason,
            capture_id: None,
            refund_id: None,
        });
    }

    pub(super) fn to_session(&self, now: Timestamp) -> Session {
        let purchase = Purchase::clone(&self.purchase);
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
            order_items: Some(purchase.order_items).filter(|items| !items.is_empty()),
        }
    }
}

impl State {
    pub fn create_session(
        &mut self,
        new: NewSession,
        context: &mut OpContext<'_>,
    ) -> Result<Session, Rejection> {
        if self.options.strict_sums {
            let mut errors = FieldErrors::default();
            order_totals::check(&new.purchase, &mut errors);
            errors.into_result()?;
        }
        self.check_location(new.location_id)?;
        let device = self.registered_device(new.device_id)?;
        if new.location_id.is_some() && new.location_id != device.location_id {
            return Err(Rejection::not_found(format!("Device {} is not at this location.", device.id)));
        }
        if device.offline && self.options.offline_device == OfflineDevice::Conflict {
            return Err(Rejection::conflict(format!("Device {} is offline.", device.id)));
        }
        if self.options.one_open_session_per_device
            && let Some(open) = self
                .sessions
                .values()
                .rfind(|record| record.device_id == new.device_id && record.is_open(context.now))
        {
            let detail = format!("Device {} has an open session, {}.", new.device_id, open.id);
            return Err(Rejection::conflict(detail));
        }
        check_capacity(&self.sessions, self.max_records, context.now)?;
        let record = Record {
            id: context.id(),
            device_id: new.device_id,
            status: StoredStatus::Created,
            method: None,
            created_at: context.now,
            expires_at: context.deadline(self.options.session_lifetime),
            order_id: None,
            completed_at: None,
            purchase: Arc::new(new.purchase),
        };
        record.emit(CallbackType::SessionCreated, None, context);
        let session = record.to_session(context.now);
        let kept = self.sessions.len();
        records::insert(&mut self.sessions, record, self.max_records, context.now);
        if self.sessions.len() <= kept {
            // An order stays as long as its session, whose purchase it shares.
            let sessions = &self.sessions;
            self.orders.retain(|_, order| sessions.contains_key(&order.session_id));
        }
        Ok(session)
    }

    pub fn session(&self, id: Uuid, now: Timestamp) -> Result<Session, Rejection> {
        self.sessions.get(&id).map(|record| record.to_session(now)).ok_or_else(|| no_session(id))
    }

    pub fn cancel_session(&mut self, id: Uuid, context: &mut OpContext<'_>) -> Result<Session, Rejection> {
        let accepts_ended = self.options.cancel_ended == CancelEnded::Answer;
        let record = self.session_mut(id)?;
        if record.is_open(context.now) {
            record.transition_to(StoredStatus::Cancelled, context);
        } else if !accepts_ended {
            return Err(ended(record, context.now));
        }
        Ok(record.to_session(context.now))
    }

    pub(super) fn session_mut(&mut self, id: Uuid) -> Result<&mut Record, Rejection> {
        self.sessions.get_mut(&id).ok_or_else(|| no_session(id))
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
