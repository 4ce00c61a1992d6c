//! Checks that an order adds up (observed: the API rejects one that does not).

use super::{FieldErrors, Purchase};
use crate::model::OrderItem;

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

    fn item(
        unit_price: i64,
        quantity: Option<i64>,
        discount: Option<i64>,
        total: i64,
        tax: i64,
    ) -> OrderItem {
        OrderItem {
            unit_price: Some(unit_price),
            quantity,
            total_discount_amount: discount,
            total_amount: Some(total),
            total_tax_amount: Some(tax),
            ..OrderItem::default()
        }
    }

    fn check_order(amount: i64, tax: Option<i64>, items: &[OrderItem]) -> FieldErrors {
        let mut errors = FieldErrors::default();
        let order_items = items.to_vec();
        let purchase = Purchase { order_tax_amount: tax, order_items, ..purchase(amount) };
        check(&purchase, &mut errors);
        errors
    }

    #[test]
    fn an_order_that_adds_up_is_accepted() {
        let sample = item(100_000, Some(2), None, 200_000, 40_000);
        assert!(check_order(200_000, Some(40_000), std::slice::from_ref(&sample)).is_empty());
        let discount = item(-5_000, None, None, -5_000, -1_000);
        assert!(check_order(195_000, Some(39_000), &[sample.clone(), discount]).is_empty());
        assert!(check_order(199_000, None, &[item(100_000, Some(2), Some(1_000), 199_000, 1)]).is_empty());
        assert!(check_order(5, Some(9), &[]).is_empty());
        assert!(check_order(200_000, None, &[sample]).is_empty());
    }

    #[test]
    fn every_wrong_amount_is_reported() {
        let errors = check_order(9, Some(9), &[item(1, Some(2), None, 2, 1), item(3, None, Some(1), 3, 1)]);
        assert_eq!(
            errors.message("order_items[1].total_amount"),
            Some("is 3, but unit_price × quantity − total_discount_amount is 2")
        );
        assert_eq!(errors.message("order_items[0].total_amount"), None);
        assert_eq!(errors.message("order_amount"), Some("is 9, but the items add up to 5"));
        assert_eq!(errors.message("order_tax_amount"), Some("is 9, but the taxes of the items add up to 2"));
        let tax = |given| check_order(2, Some(given), &[item(1, Some(2), None, 2, 1)]).is_empty();
        assert_eq!([-1, 0, 1, 2, 3].map(tax), [false, true, true, true, false]);
    }

    #[test]
    fn the_largest_amounts_are_compared_exactly() {
        let (min, max) = (i64::MIN, i64::MAX);
        check_order(max, Some(min), &[item(max, Some(min), Some(max), min, max)]);
        // i64::MIN² wraps to 0 in 64 bits, so a check that wraps would accept this line.
        let errors = check_order(0, None, &[item(min, Some(min), None, 0, 0)]);
        assert!(errors.message("order_items[0].total_amount").is_some());
        // Two of the largest amounts wrap to −2.
        let errors = check_order(-2, None, &[item(max, None, None, max, 0), item(max, None, None, max, 0)]);
        assert!(errors.message("order_amount").is_some());
    }
}
