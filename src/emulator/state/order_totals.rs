//! A purchase, and the check that it adds up (observed: the API rejects one that does not).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FieldErrors;
use crate::model::OrderItem;

/// The purchase as the client described it. Amounts are in minor units and include tax.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    pub order_amount: i64,
    pub order_tax_amount: Option<i64>,
    /// ISO 4217, upper case.
    pub purchase_currency: String,
    pub purchase_started_at: Option<Timestamp>,
    pub merchant_reference1: Option<String>,
    pub merchant_reference2: Option<String>,
    /// Observed.
    pub merchant_data: Option<String>,
    pub order_items: Vec<OrderItem>,
}

/// The tax of a line is not checked, because the API's rounding is not documented.
pub(super) fn check(purchase: &Purchase, errors: &mut FieldErrors) {
    for (index, item) in purchase.order_items.iter().enumerate() {
        let expected = line_total(item);
        let given = i128::from(item.total_amount.unwrap_or_default());
        if given != expected {
            errors.add(
                format!("order_items[{index}].total_amount"),
                format!("is {given}, but unit_price × quantity − total_discount_amount is {expected}"),
            );
        }
    }
    // An empty list is the same as an omitted one.
    if purchase.order_items.is_empty() {
        return;
    }
    let sum = |figure: fn(&OrderItem) -> Option<i64>| -> i128 {
        purchase.order_items.iter().filter_map(figure).map(i128::from).sum()
    };
    let expected = sum(|item| item.total_amount);
    if i128::from(purchase.order_amount) != expected {
        let message = format!("is {}, but the items add up to {expected}", purchase.order_amount);
        errors.add("order_amount", message);
    }
    let expected = sum(|item| item.total_tax_amount);
    // The tax of each line may be one minor unit off (documented for orders).
    let is_off =
        |given: i64| (i128::from(given) - expected).unsigned_abs() > purchase.order_items.len() as u128;
    if let Some(given) = purchase.order_tax_amount.filter(|&given| is_off(given)) {
        let message = format!("is {given}, but the taxes of the items add up to {expected}");
        errors.add("order_tax_amount", message);
    }
}

/// `unit_price * quantity - total_discount_amount` (documented). The product of any two `i64` fits an `i128`.
pub(super) fn line_total(item: &OrderItem) -> i128 {
    let unit_price = i128::from(item.unit_price.unwrap_or_default());
    let quantity = i128::from(item.quantity.unwrap_or(1));
    let discount = i128::from(item.total_discount_amount.unwrap_or_default());
    unit_price * quantity - discount
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::state::invariant_tests::purchase;

    /// The items have a unit price, a quantity, a discount, a total and a tax.
    fn check_order(
        amount: i64,
        tax: Option<i64>,
        items: &[(i64, Option<i64>, i64, i64, i64)],
    ) -> Result<(), String> {
        let item = |&(unit_price, quantity, discount, total, tax): &_| OrderItem {
            unit_price: Some(unit_price),
            quantity,
            total_discount_amount: Some(discount),
            total_amount: Some(total),
            total_tax_amount: Some(tax),
            ..OrderItem::default()
        };
        let order_items = items.iter().map(item).collect();
        let mut errors = FieldErrors::default();
        check(&Purchase { order_tax_amount: tax, order_items, ..purchase(amount) }, &mut errors);
        errors.into_result().map_err(|rejection| rejection.detail)
    }

    #[test]
    fn every_amount_that_does_not_add_up_is_reported() {
        let sample = (100_000, Some(2), 0, 200_000, 40_000);
        for (amount, tax, items) in [
            (200_000, Some(40_000), &[sample][..]),
            (200_000, None, &[sample]),
            (195_000, Some(39_000), &[sample, (-5_000, None, 0, -5_000, -1_000)]),
            (199_000, None, &[(100_000, Some(2), 1_000, 199_000, 1)]),
            (5, Some(9), &[]),
        ] {
            assert_eq!(check_order(amount, tax, items), Ok(()));
        }
        let detail = "order_items[1].total_amount is 3, but unit_price × quantity − total_discount_amount is 2; \
                      order_amount is 9, but the items add up to 5; \
                      order_tax_amount is 9, but the taxes of the items add up to 2";
        let wrong = check_order(9, Some(9), &[(1, Some(2), 0, 2, 1), (3, None, 1, 3, 1)]);
        assert_eq!(wrong, Err(detail.to_owned()));
        let tax = |given| check_order(2, Some(given), &[(1, Some(2), 0, 2, 1)]).is_ok();
        assert_eq!([-1, 0, 1, 2, 3].map(tax), [false, true, true, true, false]);
        // In 64 bits, i64::MIN² wraps to 0, and two of the largest amounts to −2.
        assert!(check_order(0, None, &[(i64::MIN, Some(i64::MIN), 0, 0, 0)]).is_err());
        assert!(check_order(-2, None, &[(i64::MAX, None, 0, i64::MAX, 0); 2]).is_err());
    }
}
