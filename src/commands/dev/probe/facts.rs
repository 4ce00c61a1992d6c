//! What follows from what the probe saw, in words. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use super::observations::{Measurement, Observations, Seen};

/// A fact that the documents of the API leave open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fact {
    #[serde(rename = "fact")]
    pub(super) name: &'static str,
    /// What kustom and its emulator assume by default.
    pub(super) assumed: String,
    /// The observed value; `None` if it was not seen.
    pub(super) seen: Option<String>,
    /// The option of the emulator with which it behaves as seen.
    pub(super) option: Option<String>,
}

/// A fact's name, what is assumed, what was seen, and the name of the option.
type NewFact = (&'static str, &'static str, Option<String>, &'static str);

fn describe(seen: Option<Seen>) -> Option<String> {
    seen.map(Seen::describe)
}

fn join(texts: &BTreeSet<String>) -> Option<String> {
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    Some(texts.join("; ")).filter(|text| !text.is_empty())
}

/// The words for the value of an option.
fn named(seen: Option<&str>, names: &[(&str, &str)]) -> Option<String> {
    let seen = seen?;
    names.iter().find(|(value, _)| *value == seen).map(|(_, name)| (*name).to_owned())
}

fn status(seen: Option<Seen>) -> Option<String> {
    seen.map(|seen| seen.status.to_string())
}

/// Describes responses by case, such as `line total: 400, sum: 400`.
fn by_case<T: std::fmt::Display>(cases: &[(T, Seen)]) -> Option<String> {
    let cases: Vec<_> = cases.iter().map(|(case, seen)| format!("{case}: {}", seen.status)).collect();
    Some(cases.join(", ")).filter(|text| !text.is_empty())
}

impl Observations {
    /// All facts, in the order in which they are printed.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let options = self.options();
        let device_facts = self.device_facts().into_iter();
        let facts =
            device_facts.chain(self.order_facts()).chain(self.payout_facts()).chain([self.conformance()]);
        facts
            .map(|(name, assumed, seen, option)| {
                let option = options.get(option).map(|value| format!("{option}={value}"));
                Fact { name, assumed: assumed.to_owned(), seen, option }
            })
            .collect()
    }

    fn conformance(&self) -> NewFact {
        let different: Vec<_> = self.responses.iter().filter(|response| !response.is_described()).collect();
        let conformance = match different.as_slice() {
            _ if self.responses.is_empty() => None,
            [] => Some("all are as described".to_owned()),
            different => Some(format!("{} of {} differ", different.len(), self.responses.len())),
        };
        ("responses compared with their description", "all are as described", conformance, "")
    }

    /// The facts about devices, enrollments and sessions.
    fn device_facts(&self) -> Vec<NewFact> {
        let measured = |measurement: Option<Measurement>| measurement.map(Measurement::describe);
        let declines = self.decline_status().map(str::to_owned).or_else(|| {
            let each = self.declines.iter().map(|(outcome, status)| format!("{outcome}: {status}"));
            Some(each.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
        });
        let pages: Vec<_> = self.pages.iter().map(|(page, status)| format!("{page}: {status}")).collect();
        let lifetime = match self.enrollment_dialect() {
            Some("both") => Some("expires_in and ttl".to_owned()),
            Some("ttl_only") => Some("ttl only".to_owned()),
            Some(_) => Some("expires_in only".to_owned()),
            None => self.expires_in.map(|seen| format!("{} for expires_in", seen.status)),
        };
        let unknown_id = self.unknown_id.map(|(unknown, malformed)| format!("{unknown} and {malformed}"));
        vec![
            ("lifetime of an enrollment code", "expires_in and ttl", lifetime, "enrollment_dialect"),
            ("response to a simulated device", "200 with a body", describe(self.create_device), ""),
            ("response to a new session", "200 with a body", describe(self.create_session), ""),
            (
                "second open session on a device",
                "200 with a body",
                describe(self.second_session),
                "one_open_session_per_device",
            ),
            ("response to a simulated tap", "204 without a body", describe(self.tap), "tap_answer"),
            ("status after a declined tap", "ACTIVE", declines, "status_after_decline"),
            ("tap on an ended session", "409", status(self.tap_on_ended), ""),
            ("cancel of a canceled session", "409", status(self.cancel_cancelled), "cancel_ended"),
            ("cancel of a paid session", "409", status(self.cancel_paid), ""),
            ("session lifetime", "15m", measured(self.session_lifetime), "session_lifetime"),
            (
                "sums that do not add up",
                "line total: 400, sum: 400, sum of taxes: 400",
                by_case(&self.sums),
                "strict_sums",
            ),
            ("tax of a line that is off by 1 or 2", "1: 200, 2: 200", by_case(&self.tax_off), ""),
            (
                "item types",
                "discount: 200, physical: 200, digital: 200, shipping_fee: 200, surcharge: 200, gift_card: 200",
                by_case(&self.item_types),
                "",
            ),
            ("new session on an offline device", "409", status(self.offline_device), "offline_device"),
            (
                "list of devices without x-merchant-id",
                "400",
                status(self.list_without_merchant_id),
                "device_list_merchant_id",
            ),
            ("time until a new device is listed", "0s", measured(self.list_lag), "list_lag"),
            (
                "bounds of pages",
                "page_size 0: 400, page_size 100: 200, page_size 101: 400, page_number -1: 400, page_number 9999: 200",
                Some(pages.join(", ")).filter(|text| !text.is_empty()),
                "",
            ),
            ("an unknown ID, and one that is not a UUID", "404 and 404", unknown_id, ""),
            ("deletion of an enrollment", "204 without a body", describe(self.delete_enrollment), ""),
            ("deletion of a device", "204 without a body", describe(self.delete_device), "delete_status"),
            ("deletion of a deleted device", "404", status(self.delete_again), ""),
            (
                "fields of an error",
                "application/problem+json: detail, errors, status, title, type; \
                 application/problem+json: detail, status, title, type",
                join(&self.problem_shapes),
                "",
            ),
        ]
    }

    /// The facts about orders.
    fn order_facts(&self) -> Vec<NewFact> {
        let orders = &self.orders;
        let either =
            |seen: Option<bool>, yes: &str, no: &str| seen.map(|seen| if seen { yes } else { no }.to_owned());
        let by_operation = |cases: &[(&str, String)]| {
            let cases: Vec<_> = cases.iter().map(|(case, seen)| format!("{case}: {seen}")).collect();
            Some(cases.join(", ")).filter(|text| !text.is_empty())
        };
        let unknown_id =
            orders.unknown_id.as_ref().map(|(unknown, malformed)| format!("{unknown} and {malformed}"));
        let captured = either(orders.is_captured, "when the customer pays", "by a request");
        let spelling = named(orders.currency_case, &[("upper", "upper case"), ("lower", "lower case")]);
        let references =
            named(orders.references, &[("kept", "those of the session"), ("overwritten", "its own")]);
        let repetition = either(orders.repeats_refund, "processed again", "not processed again");
        let headers = [("both", "Refund-Id and Location"), ("location", "Location"), ("none", "neither")];
        vec![
            (
                "an unknown order ID, and one that is not a UUID",
                "404 NO_SUCH_ORDER and 404 NOT_FOUND",
                unknown_id,
                "",
            ),
            ("time until a new order can be read", "0s", orders.lag.map(Measurement::describe), "order_lag"),
            ("capture of an order", "when the customer pays", captured, "order_capture"),
            ("currency of an order", "upper case", spelling, "order_currency_case"),
            ("merchant references of an order", "those of the session", references, "order_references"),
            (
                "personal data in an order",
                "present",
                either(orders.has_personal_data, "present", "absent"),
                "order_personal_data",
            ),
            (
                "operations on an authorized order",
                "cancel: 204, release: 204, capture: 201",
                by_operation(&orders.on_authorized),
                "",
            ),
            (
                "operations on a captured order",
                "capture: 403 CAPTURE_NOT_ALLOWED, cancel: 403 CANCEL_NOT_ALLOWED, release: 403 NOT_ALLOWED, \
                 refund of too much: 403 REFUND_NOT_ALLOWED",
                by_operation(&orders.on_captured),
                "",
            ),
            ("response to a refund", "201 without a body", describe(orders.refund), ""),
            (
                "headers that name a refund",
                "Refund-Id and Location",
                named(orders.refund_headers, &headers),
                "refund_headers",
            ),
            ("refund with a key that was used", "not processed again", repetition, ""),
            (
                "memory of an idempotency key",
                "24h",
                orders.memory.map(Measurement::describe),
                "idempotency_memory",
            ),
            (
                "status of a fully refunded order",
                "CLOSED",
                orders.refunded_status.clone(),
                "fully_refunded_status",
            ),
            ("refund of a fully refunded order", "403 REFUND_NOT_ALLOWED", orders.on_refunded.clone(), ""),
            (
                "fields of an error about an order",
                "application/json: correlation_id, error_code, error_messages",
                join(&orders.problem_shapes),
                "",
            ),
        ]
    }

    /// The facts about payouts and their transactions.
    fn payout_facts(&self) -> Vec<NewFact> {
        let payouts = &self.payouts;
        let envelope = named(
            self.settlements_envelope(),
            &[("object", "an object with the list"), ("array", "the list itself")],
        );
        let fee = named(payouts.fee, &[("one_percent", "1% of each sale"), ("none", "no fees")]);
        let signs = [("unsigned", "all are positive"), ("signed", "refunds and fees are negative")];
        vec![
            (
                "lists of payouts and transactions",
                "an object with the list",
                envelope,
                "settlements_envelope",
            ),
            (
                "time from the end of a day (UTC) to its payout",
                "48h",
                payouts.delay.map(|delay| format!("{delay:#}")),
                "payout_delay",
            ),
            ("fees that are deducted from payouts", "1% of each sale", fee, "payout_fee"),
            (
                "signs of amounts in transactions",
                "all are positive",
                named(payouts.signs, &signs),
                "transaction_signs",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use std::collections::BTreeMap;

    #[test]
    fn what_was_not_seen_determines_no_option() {
        let observations = Observations::default();
        assert_eq!(observations.options(), BTreeMap::new());
        assert!(observations.facts().iter().all(|fact| fact.seen.is_none() && fact.option.is_none()));
        let seen = |status| Seen { status, has_body: true };
        let mixed = Observations {
            sums: vec![("line total", seen(400)), ("sum", seen(200))],
            declines: vec![("LOST_CARD", "ACTIVE".to_owned()), ("STOLEN_CARD", "FAILED".to_owned())],
            delete_device: Some(seen(202)),
            session_lifetime: Some(Measurement::LongerThan(SignedDuration::from_hours(2))),
            ..Observations::default()
        };
        assert_eq!(mixed.options(), BTreeMap::new(), "no option makes the emulator behave like this");
        let facts = mixed.facts();
        let shown = |name: &str| facts.iter().find(|fact| fact.name == name).unwrap().seen.clone().unwrap();
        assert_eq!(shown("sums that do not add up"), "line total: 400, sum: 200");
        assert_eq!(shown("status after a declined tap"), "LOST_CARD: ACTIVE, STOLEN_CARD: FAILED");
        assert_eq!(shown("session lifetime"), "longer than 2h");
    }
}
