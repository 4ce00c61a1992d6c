//! The sales of the ledger.

use crate::context::ApiContext;
use crate::error::Error;
use crate::ledger::{AccountId, Attempt, Filter, Origin};
use crate::text::pluralize;

impl ApiContext<'_> {
    /// The attempts of the account that match the filter, newest first. Their currencies are in capitals.
    pub(in crate::commands) async fn sales(&self, filter: &Filter) -> Result<Vec<Attempt>, Error> {
        let mut sales = Vec::new();
        let keep = |mut sale: Attempt| {
            // There may be very many, and nobody reads these.
            (sale.account, sale.origin) = (AccountId::default(), Origin::default());
            if let Some(code) = &mut sale.intent.purchase_currency {
                code.make_ascii_uppercase();
            }
            sales.push(sale);
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
