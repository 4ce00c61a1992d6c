//! Attempts to create a session. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::AccountId;
use super::hash::hash_of;
use crate::model::SessionStatus;
use crate::text::normalize_text;

/// One attempt to create a session. Its serialized form is what is stored, exported and imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: Uuid,
    /// When the intent was stored, by the clock of the machine that made it.
    pub at: Timestamp,
    #[serde(default)]
    pub account: AccountId,
    #[serde(default)]
    pub origin: Origin,
    pub intent: Intent,
    pub outcome: Outcome,
    /// Whether the result was printed.
    #[serde(default)]
    pub reported: bool,
}

/// Who made an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The process ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// The value of `KUSTOM_TILL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<String>,
}

impl Origin {
    /// This process.
    pub(crate) fn current() -> Self {
        Self {
            machine: whoami::hostname().ok().filter(|name| !name.is_empty()),
            user: whoami::username().ok().filter(|name| !name.is_empty()),
            process: Some(std::process::id()),
            till: std::env::var("KUSTOM_TILL").ok().filter(|till| !till.is_empty()),
        }
    }

    /// The origin in words, such as `till 7 on machine kassa-1 (anna, process 4711)`.
    pub(crate) fn describe(&self) -> Option<String> {
        let till = self.till.as_ref().map(|till| format!("till {till}"));
        let machine = self.machine.as_ref().map(|machine| format!("machine {machine}"));
        let place: Vec<_> = [till, machine].into_iter().flatten().collect();
        if place.is_empty() {
            return None;
        }
        let process = self.process.map(|process| format!("process {process}"));
        let who: Vec<_> = [self.user.clone(), process].into_iter().flatten().collect();
        let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
        Some(format!("{}{who}", place.join(" on ")))
    }
}

/// The session that the attempt requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// Minor units, including tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_amount: Option<i64>,
    /// Minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_tax_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_currency: Option<String>,
    /// When the purchase began, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_reference2: Option<String>,
}

impl Intent {
    /// The reference as it is compared; an empty one identifies nothing.
    pub fn reference(&self) -> Option<String> {
        self.merchant_reference1.as_deref().and_then(normalize_reference)
    }

    /// The fields of the request that it keeps.
    pub(crate) fn sent(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut sent)) = serde_json::to_value(self) else { return Map::new() };
        // The location is that of the device, and is not sent.
        sent.shift_remove("location_id");
        sent
    }

    /// A number by which a storage finds attempts with the same reference.
    pub(crate) fn reference_hash(&self) -> Option<i64> {
        self.reference().map(|reference| hash_of(&["reference", &reference]))
    }

    /// A number by which a storage finds attempts with the same device, amount, currency and reference.
    pub(crate) fn purchase_hash(&self) -> i64 {
        let amount = self.order_amount.map(|amount| amount.to_string());
        let parts = [
            "purchase",
            self.device_id.as_deref().unwrap_or_default(),
            amount.as_deref().unwrap_or_default(),
            self.purchase_currency.as_deref().unwrap_or_default(),
            &self.reference().unwrap_or_default(),
        ];
        hash_of(&parts)
    }
}

/// A reference as it is compared; `None` if it is empty.
pub(crate) fn normalize_reference(reference: &str) -> Option<String> {
    Some(normalize_text(reference)).filter(|reference| !reference.is_empty())
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is known: it is in progress, or the process died.
    Pending,
    /// The session may exist, for this reason.
    Unknown(String),
    /// No session was created, for this reason.
    Refused(String),
    /// A person found out that no session was created.
    NotProcessed,
    Created {
        session_id: String,
        /// Its last known status.
        status: SessionStatus,
        /// Its order, once it is paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<String>,
    },
}

impl Outcome {
    pub(crate) const fn created(session_id: String) -> Self {
        Self::Created { session_id, status: SessionStatus::Created, order_id: None }
    }

    /// Whether a session may exist whose ID is not known.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown(_))
    }
}

impl Attempt {
    pub fn session_id(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Created { session_id, .. } => Some(session_id),
            _ => None,
        }
    }

    /// The order of its session, once that is paid.
    pub(crate) fn order_id(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Created { order_id, .. } => order_id.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.status() == Some(&SessionStatus::Finalized)
    }

    /// The last known status of its session.
    pub fn status(&self) -> Option<&SessionStatus> {
        match &self.outcome {
            Outcome::Created { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether its session may still be paid, or may exist.
    pub(crate) fn is_open(&self) -> bool {
        match &self.outcome {
            Outcome::Created { status, .. } => !status.is_terminal(),
            outcome => outcome.is_unknown(),
        }
    }

    /// Whether the duplicate check needs it for creates without a reference: see [`super::find_duplicates`].
    pub(crate) fn is_unsettled(&self) -> bool {
        match &self.outcome {
            Outcome::Created { .. } => !self.reported && self.intent.reference().is_none(),
            outcome => outcome.is_unknown(),
        }
    }

    /// Sets the outcome, unless the session is known to exist: nothing makes it another one, or none. Returns whether
    /// the attempt changed.
    pub(crate) fn resolve(&mut self, outcome: &Outcome) -> bool {
        if matches!(self.outcome, Outcome::Created { .. }) {
            return false;
        }
        self.outcome = outcome.clone();
        true
    }

    /// Sets the last known status of its session. A final status stays, since two processes may store what they
    /// observed in either order. Returns whether the attempt changed.
    pub(crate) fn observe(&mut self, observed: &SessionStatus, order: Option<&str>) -> bool {
        match &mut self.outcome {
            Outcome::Created { status, order_id, .. } if !status.is_terminal() && status != observed => {
                *status = observed.clone();
                *order_id = order.map(str::to_owned);
                true
            }
            _ => false,
        }
    }
}
