//! The sales that the ledger knows, and the order of each.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::context::ApiContext;
use crate::error::Error;
use crate::ledger::{Attempt, Filter, Intent, Outcome};
use crate::model::SessionStatus;
use crate::text::pluralize;

/// An attempt to take a payment, as the ledger knows it.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Sale {
    pub attempt: Uuid,
    pub at: Timestamp,
    pub amount: Option<i64>,
    pub tax: Option<i64>,
    pub currency: Option<String>,
    pub reference: Option<String>,
    pub device_id: Option<String>,
    pub state: SaleState,
}

#[derive(Debug, Clone)]
pub(in crate::commands) enum SaleState {
    Session {
        id: String,
        status: SessionStatus,
        order_id: Option<String>,
    },
    /// A session may exist.
    Unknown,
    /// No session was created.
    None,
}

impl Sale {
    /// The fields of the request that it keeps.
    pub(in crate::commands) fn sent(&self) -> Map<String, Value> {
        let fields = [
            ("device_id", self.device_id.clone().map(Value::from)),
            ("order_amount", self.amount.map(Value::from)),
            ("purchase_currency", self.currency.clone().map(Value::from)),
            ("merchant_reference1", self.reference.clone().map(Value::from)),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    pub(in crate::commands) fn session_id(&self) -> Option<&str> {
        match &self.state {
            SaleState::Session { id, .. } => Some(id),
            _ => None,
        }
    }

    pub(in crate::commands) fn order_id(&self) -> Option<&str> {
        match &self.state {
            SaleState::Session { order_id, .. } => order_id.as_deref(),
            _ => None,
        }
    }

    pub(in crate::commands) fn is_paid(&self) -> bool {
        matches!(&self.state, SaleState::Session { status: SessionStatus::Finalized, .. })
    }

    pub(in crate::commands) fn is_open(&self) -> bool {
        matches!(&self.state, SaleState::Session { status, .. } if !status.is_terminal())
    }
}

impl From<Attempt> for Sale {
    fn from(attempt: Attempt) -> Self {
        let Attempt { id, at, intent, outcome, .. } = attempt;
        let Intent {
            device_id,
            order_amount,
            order_tax_amount,
            purchase_currency: mut currency,
            merchant_reference1,
            ..
        } = intent;
        if let Some(code) = &mut currency {
            code.make_ascii_uppercase();
        }
        let state = match outcome {
            Outcome::Created { session_id: id, status, order_id } => {
                SaleState::Session { id, status, order_id }
            }
            Outcome::Pending | Outcome::Unknown(_) => SaleState::Unknown,
            Outcome::Refused(_) | Outcome::NotProcessed => SaleState::None,
        };
        Self {
            attempt: id,
            at,
            amount: order_amount,
            tax: order_tax_amount,
            currency,
            reference: merchant_reference1,
            device_id,
            state,
        }
    }
}

impl ApiContext<'_> {
    /// The sales of the account that match the filter, newest first.
    pub(in crate::commands) async fn sales(&self, filter: &Filter) -> Result<Vec<Sale>, Error> {
        let mut sales = Vec::new();
        let keep = |attempt: Attempt| {
            sales.push(Sale::from(attempt));
            Ok(())
        };
        let damaged = self.ledger().await?.for_each_attempt(filter, usize::MAX, keep).await?;
        if damaged > 0 {
            let attempts = pluralize(damaged, "attempt");
            self.output.warn(&format!("{attempts} in the ledger cannot be read and were omitted"));
        }
        Ok(sales)
    }
}
