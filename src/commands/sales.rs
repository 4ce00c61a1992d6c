//! The sales that the ledger knows, and the order of each.

use jiff::Timestamp;

use crate::context::ApiContext;
use crate::error::Error;
use crate::ledger::{Attempt, Filter, Outcome};
use crate::model::SessionStatus;
use crate::text::pluralize;

/// An attempt to take a payment, as the ledger knows it.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Sale {
    pub attempt: String,
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

impl From<&Attempt> for Sale {
    fn from(attempt: &Attempt) -> Self {
        let intent = &attempt.intent;
        let state = match &attempt.outcome {
            Outcome::Created { session_id, status, order_id } => SaleState::Session {
                id: session_id.clone(),
                status: status.clone(),
                order_id: order_id.clone(),
            },
            Outcome::Pending | Outcome::Unknown(_) => SaleState::Unknown,
            Outcome::Refused(_) | Outcome::NotProcessed => SaleState::None,
        };
        Self {
            attempt: attempt.id.to_string(),
            at: attempt.at,
            amount: intent.order_amount,
            tax: intent.order_tax_amount,
            currency: intent.purchase_currency.as_ref().map(|code| code.to_ascii_uppercase()),
            reference: intent.merchant_reference1.clone(),
            device_id: intent.device_id.clone(),
            state,
        }
    }
}

impl ApiContext<'_> {
    /// The sales of the account that match the filter, newest first.
    pub(in crate::commands) async fn sales(&self, filter: &Filter) -> Result<Vec<Sale>, Error> {
        let mut sales = Vec::new();
        let keep = |attempt: Attempt| {
            sales.push(Sale::from(&attempt));
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
