//! Probes which carts are accepted.

use serde_json::{Value, json};

use super::facts::Seen;
use super::prober::Prober;
use crate::error::Error;

impl Prober {
    pub(super) async fn probe_carts(&mut self) -> Result<(), Error> {
        let line = |total: i64, tax: i64| {
            json!({
                "type": "physical", "name": "Probe", "quantity": 2, "unit_price": 1000, "tax_rate": 2500,
                "total_amount": total, "total_tax_amount": tax,
            })
        };
        let cart = |items: Value, amount: i64, tax: i64| json!({"order_items": items, "order_amount": amount, "order_tax_amount": tax});
        if !self.try_cart(cart(json!([line(2000, 400)]), 2000, 400)).await?.is_success() {
            return Ok(());
        }
        let mut sums = Vec::new();
        for (mistake, fields) in [
            ("line total", cart(json!([line(1900, 380)]), 1900, 380)),
            ("sum", cart(json!([line(2000, 400)]), 2100, 400)),
            ("sum of taxes", cart(json!([line(2000, 400)]), 2000, 300)),
        ] {
            sums.push((mistake, self.try_cart(fields).await?));
        }
        self.seen.record_sums(&sums);
        let mut tax_off = Vec::new();
        for off in [1, 2] {
            let response = self.try_cart(cart(json!([line(2000, 400 + off)]), 2000, 400 + off)).await?;
            tax_off.push((off, response.status));
        }
        self.seen.record_cases("tax of a line that is off by 1 or 2", &tax_off);
        let discount = json!({
            "type": "discount", "name": "Probe", "quantity": 1, "unit_price": -500, "tax_rate": 2500,
            "total_amount": -500, "total_tax_amount": -100,
        });
        let response = self.try_cart(cart(json!([line(2000, 400), discount]), 1500, 300)).await?;
        let mut item_types = vec![("discount", response.status)];
        for kind in ["physical", "digital", "shipping_fee", "surcharge", "gift_card"] {
            let mut item = line(2000, 400);
            item["type"] = kind.into();
            let response = self.try_cart(cart(json!([item]), 2000, 400)).await?;
            item_types.push((kind, response.status));
        }
        self.seen.record_cases("item types", &item_types);
        Ok(())
    }

    pub(super) async fn try_cart(&mut self, fields: Value) -> Result<Seen, Error> {
        let (created, id) = self.create_session(fields).await?;
        if let Some(id) = id {
            self.end_session(id).await?;
        }
        Ok(created)
    }
}
