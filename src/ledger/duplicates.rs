//! Which earlier attempts may be the same sale. Pure.

use jiff::SignedDuration;

use super::{Attempt, Intent, Outcome};
use crate::model::{Session, format_minor};

/// For how long a created session without a reference, whose result was never printed, stops the same create.
const UNREPORTED_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// An earlier attempt that may be the same sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duplicate {
    /// Its session may exist, and its ID is not known.
    Unknown(Attempt),
    /// Its session exists. Its status shows whether the sale can be charged again.
    Created(Attempt),
    /// Its session exists, but the process was stopped before it could print that.
    Unreported(Attempt),
}

impl Duplicate {
    pub fn attempt(&self) -> &Attempt {
        match self {
            Self::Unknown(attempt) | Self::Created(attempt) | Self::Unreported(attempt) => attempt,
        }
    }
}

/// The earlier attempts that may be the same sale as `new`, in the given order.
///
/// A created session is a duplicate by its reference alone: two coffees in a row are two sales, one receipt number is
/// one. An attempt whose outcome is unknown is a duplicate by the same reference too, because it may have been created;
/// and by the same device, amount and currency if neither has a reference.
pub fn find_duplicates(new: &Attempt, known: Vec<Attempt>) -> Vec<Duplicate> {
    let reference = new.intent.reference();
    let known = known.into_iter().filter(|attempt| new.account.is_same(&attempt.account));
    known
        .filter_map(|attempt| {
            let has_same_reference = reference.is_some() && reference == attempt.intent.reference();
            let is_same_purchase = is_same_purchase(&new.intent, &attempt.intent);
            match &attempt.outcome {
                Outcome::Pending | Outcome::Unknown(_) => {
                    (has_same_reference || is_same_purchase).then_some(Duplicate::Unknown(attempt))
                }
                Outcome::Created { .. } if has_same_reference => Some(Duplicate::Created(attempt)),
                Outcome::Created { .. } => {
                    let is_recent = new.at.duration_since(attempt.at).abs() <= UNREPORTED_WINDOW;
                    (is_same_purchase && is_recent && !attempt.reported)
                        .then_some(Duplicate::Unreported(attempt))
                }
                Outcome::Refused(_) | Outcome::NotProcessed => None,
            }
        })
        .collect()
}

fn is_same_purchase(one: &Intent, other: &Intent) -> bool {
    one.device_id == other.device_id
        && one.order_amount == other.order_amount
        && one.purchase_currency == other.purchase_currency
        && one.reference() == other.reference()
}

/// Describes how a session differs from the request; `None` when the attempt may have created it.
///
/// Device, amount, currency, reference and `purchase_started_at` must have come back as they were sent. An attempt
/// that sent neither a reference nor a start looks like any other of its price, so no session can be matched to it.
pub(crate) fn mismatch(intent: &Intent, session: &Session) -> Option<String> {
    let Intent { device_id, order_amount, purchase_currency, purchase_started_at, .. } = intent;
    if intent.reference().is_none() && purchase_started_at.is_none() {
        return Some(
            "the request had neither a reference nor a start time, so its session cannot be identified"
                .to_owned(),
        );
    }
    let amount = |minor: Option<i64>, code: Option<&str>| {
        let (minor, code) = (minor?, code.unwrap_or("without a currency"));
        let text = code.parse().map_or_else(|_| minor.to_string(), |currency| format_minor(minor, currency));
        Some(format!("{text} {code}"))
    };
    let lower = |id: &Option<String>| id.as_ref().map(|id| id.to_ascii_lowercase());
    let start = |instant: Option<jiff::Timestamp>| instant.map(|instant| instant.to_string());
    let received = Intent { merchant_reference1: session.merchant_reference1.clone(), ..Intent::default() };
    let compared = [
        ("device", lower(device_id), lower(&session.device_id)),
        (
            "amount",
            amount(*order_amount, purchase_currency.as_deref()),
            amount(session.order_amount, session.purchase_currency.as_deref()),
        ),
        ("reference", intent.reference(), received.reference()),
        ("purchase_started_at", start(*purchase_started_at), start(session.purchase_started_at)),
    ];
    // The API may add what was not sent, but not a reference.
    let differs = |what: &str, asked: &Option<String>, found: &Option<String>| {
        asked != found && (asked.is_some() || what == "reference")
    };
    compared.into_iter().find(|(what, asked, found)| differs(what, asked, found)).map(
        |(what, asked, found)| {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            format!("its {what} is {}, but {} was asked for", shown(found), shown(asked))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{AccountId, Origin};
    use uuid::Uuid;

    fn intent(reference: Option<&str>) -> Intent {
        Intent {
            device_id: Some("d".into()),
            order_amount: Some(100),
            purchase_currency: Some("SEK".into()),
            merchant_reference1: reference.map(str::to_owned),
            ..Intent::default()
        }
    }

    fn attempt(intent: Intent, outcome: Outcome) -> Attempt {
        let account = AccountId { merchant_id: Some("m".into()), ..AccountId::default() };
        let (id, at) = (Uuid::nil(), jiff::Timestamp::UNIX_EPOCH);
        Attempt { id, at, account, origin: Origin::default(), intent, outcome, reported: true }
    }

    fn created() -> Outcome {
        Outcome::created("s".into())
    }

    fn is_duplicate(new: &Intent, earlier: Intent, outcome: Outcome) -> bool {
        let new = attempt(new.clone(), Outcome::Pending);
        !find_duplicates(&new, vec![attempt(earlier, outcome)]).is_empty()
    }

    #[test]
    fn what_was_not_processed_is_no_duplicate() {
        assert!(!is_duplicate(&intent(Some("r")), intent(Some("r")), Outcome::Refused("400".into())));
        assert!(!is_duplicate(&intent(Some("r")), intent(Some("r")), Outcome::NotProcessed));
    }

    #[test]
    fn an_attempt_of_another_account_is_no_duplicate() {
        let new = attempt(intent(Some("r")), Outcome::Pending);
        let of = |merchant_id: Option<&str>| {
            let mut other = attempt(intent(Some("r")), created());
            other.account.merchant_id = merchant_id.map(str::to_owned);
            vec![other]
        };
        assert!(find_duplicates(&new, of(Some("n"))).is_empty());
        assert_eq!(find_duplicates(&new, of(None)).len(), 1, "it may be any merchant's");
    }

    #[test]
    fn references_that_look_the_same_are_the_same() {
        for reference in [" r\u{e9}", "re\u{301}\r\n", "\u{a0}r\u{e9}\u{a0}"] {
            assert!(
                is_duplicate(&intent(Some("r\u{e9}")), intent(Some(reference)), created()),
                "{reference:?}"
            );
        }
    }

    #[test]
    fn a_sale_whose_result_was_never_printed_is_reported_for_ten_minutes() {
        let mut new = attempt(intent(None), Outcome::Pending);
        let mut earlier = attempt(intent(None), created());
        assert_eq!(find_duplicates(&new, vec![earlier.clone()]), []);
        earlier.reported = false;
        let found = find_duplicates(&new, vec![earlier.clone()]);
        assert_eq!(found, [Duplicate::Unreported(earlier.clone())]);
        new.at = earlier.at + SignedDuration::from_secs(601);
        assert_eq!(find_duplicates(&new, vec![earlier]), []);
    }

    fn session() -> Session {
        Session {
            device_id: Some("D".into()),
            order_amount: Some(100),
            purchase_currency: Some("SEK".into()),
            merchant_reference1: Some("r".into()),
            ..Session::default()
        }
    }

    #[test]
    fn a_reference_that_was_not_sent_must_not_have_come_back() {
        let started = Some(jiff::Timestamp::UNIX_EPOCH);
        let asked = Intent { purchase_started_at: started, ..intent(Some("")) };
        let nameless = Session { merchant_reference1: None, purchase_started_at: started, ..session() };
        assert_eq!(mismatch(&asked, &nameless), None);
        let named = Session { purchase_started_at: started, ..session() };
        assert_eq!(
            mismatch(&asked, &named).as_deref(),
            Some("its reference is r, but nothing was asked for")
        );
        assert!(mismatch(&intent(None), &session()).is_some(), "any session of the same amount would match");
    }
}
