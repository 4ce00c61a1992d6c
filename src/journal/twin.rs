//! Which earlier attempts may be the same sale. Pure.

use super::attempt::{Attempt, Intent, Outcome};

/// An earlier attempt that may be the same sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twin<'a> {
    /// Its session may exist: nothing can be asked.
    Unknown(&'a Attempt),
    /// Its session exists, and tells by its status whether the sale can be charged again.
    Created(&'a Attempt),
}

/// The earlier attempts that may be the same sale as `intent`, oldest first.
///
/// A session that was created is a twin by its reference alone: two coffees in a row are two sales, one receipt
/// number is one. An attempt whose outcome is unknown is a twin by the same reference too, because it may have been
/// created; and without a reference by the same device, amount and currency.
pub fn twins<'a>(intent: &'a Intent, attempts: &'a [Attempt]) -> impl Iterator<Item = Twin<'a>> {
    attempts.iter().filter(|attempt| same_merchant(intent, &attempt.intent)).filter_map(|attempt| {
        let same_reference = intent.reference().is_some() && intent.reference() == attempt.intent.reference();
        match &attempt.outcome {
            Outcome::Pending | Outcome::Unknown(_) => {
                (same_reference || same_purchase(intent, &attempt.intent)).then_some(Twin::Unknown(attempt))
            }
            Outcome::Created { .. } => same_reference.then_some(Twin::Created(attempt)),
            Outcome::Refused(_) | Outcome::NotCarriedOut => None,
        }
    })
}

/// A merchant that is not known may be any.
fn same_merchant(one: &Intent, other: &Intent) -> bool {
    match (&one.merchant_id, &other.merchant_id) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn same_purchase(one: &Intent, other: &Intent) -> bool {
    one.device_id == other.device_id
        && one.order_amount == other.order_amount
        && one.purchase_currency == other.purchase_currency
        && one.reference() == other.reference()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionStatus;
    use uuid::Uuid;

    fn intent(reference: Option<&str>) -> Intent {
        Intent {
            merchant_id: Some("m".into()),
            device_id: Some("d".into()),
            order_amount: Some(100),
            purchase_currency: Some("SEK".into()),
            merchant_reference1: reference.map(str::to_owned),
            ..Intent::default()
        }
    }

    fn attempt(intent: Intent, outcome: Outcome) -> Attempt {
        Attempt { id: Uuid::nil(), at: jiff::Timestamp::UNIX_EPOCH, intent, outcome }
    }

    fn created() -> Outcome {
        Outcome::Created { session_id: "s".into(), status: SessionStatus::Created, order_id: None }
    }

    fn is_twin(new: &Intent, earlier: Intent, outcome: Outcome) -> bool {
        let earlier = [attempt(earlier, outcome)];
        twins(new, &earlier).next().is_some()
    }

    #[test]
    fn two_coffees_in_a_row_are_two_sales() {
        assert!(!is_twin(&intent(None), intent(None), created()));
        assert!(!is_twin(&intent(Some("")), intent(Some("")), created()));
        assert!(!is_twin(&intent(Some("r1")), intent(Some("r2")), created()));
    }

    #[test]
    fn one_reference_is_one_sale_whatever_it_costs() {
        let dearer = Intent { order_amount: Some(999), device_id: Some("e".into()), ..intent(Some("r")) };
        assert!(is_twin(&intent(Some("r")), dearer.clone(), created()));
        assert!(is_twin(&intent(Some("r")), dearer, Outcome::Pending));
    }

    #[test]
    fn an_unknown_outcome_stops_the_same_purchase_only() {
        let unknown = || Outcome::Unknown("time-out".into());
        assert!(is_twin(&intent(None), intent(None), unknown()));
        assert!(is_twin(&intent(None), intent(None), Outcome::Pending));
        for other in [
            Intent { order_amount: Some(101), ..intent(None) },
            Intent { device_id: Some("e".into()), ..intent(None) },
            Intent { purchase_currency: Some("NOK".into()), ..intent(None) },
            Intent { merchant_id: Some("n".into()), ..intent(None) },
            intent(Some("r")),
        ] {
            assert!(!is_twin(&intent(None), other.clone(), unknown()), "{other:?}");
        }
    }

    #[test]
    fn what_was_not_carried_out_is_no_twin() {
        assert!(!is_twin(&intent(Some("r")), intent(Some("r")), Outcome::Refused("400".into())));
        assert!(!is_twin(&intent(Some("r")), intent(Some("r")), Outcome::NotCarriedOut));
    }

    #[test]
    fn a_merchant_that_is_not_known_may_be_the_same() {
        let nobody = Intent { merchant_id: None, ..intent(Some("r")) };
        assert!(is_twin(&nobody, intent(Some("r")), created()));
        assert!(is_twin(&intent(Some("r")), nobody, created()));
    }
}
