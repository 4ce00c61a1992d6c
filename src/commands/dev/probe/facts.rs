//! The facts that the documents of the API leave open, and what the probe saw of them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;

use super::measurement::Measurement;
use super::response_check::ResponseCheck;

/// Each fact, in the order in which they are printed: its name, what kustom and its emulator assume by default, and the
/// option with which an emulator behaves as seen, if there is one.
const FACTS: [(&str, &str, &str); 41] = [
    ("lifetime of an enrollment code", "expires_in and ttl", "enrollment_dialect"),
    ("response to a simulated device", "200 with a body", ""),
    ("response to a new session", "200 with a body", ""),
    ("second open session on a device", "200 with a body", "one_open_session_per_device"),
    ("response to a simulated tap", "204 without a body", "tap_answer"),
    ("status after a declined tap", "ACTIVE", "status_after_decline"),
    ("tap on an ended session", "409", ""),
    ("cancel of a canceled session", "409", "cancel_ended"),
    ("cancel of a paid session", "409", ""),
    ("session lifetime", "15m", "session_lifetime"),
    ("sums that do not add up", "line total: 400, sum: 400, sum of taxes: 400", "strict_sums"),
    ("tax of a line that is off by 1 or 2", "1: 200, 2: 200", ""),
    (
        "item types",
        "discount: 200, physical: 200, digital: 200, shipping_fee: 200, surcharge: 200, gift_card: 200",
        "",
    ),
    ("new session on an offline device", "409", "offline_device"),
    ("list of devices without x-merchant-id", "400", "device_list_merchant_id"),
    ("time until a new device is listed", "0s", "list_lag"),
    (
        "bounds of pages",
        "page_size 0: 400, page_size 100: 200, page_size 101: 400, page_number -1: 400, page_number 9999: 200",
        "",
    ),
    ("an unknown ID, and one that is not a UUID", "404 and 404", ""),
    ("deletion of an enrollment", "204 without a body", ""),
    ("deletion of a device", "204 without a body", "delete_status"),
    ("deletion of a deleted device", "404", ""),
    (
        "fields of an error",
        "application/problem+json: detail, errors, status, title, type; \
         application/problem+json: detail, status, title, type",
        "",
    ),
    ("an unknown order ID, and one that is not a UUID", "404 NO_SUCH_ORDER and 404 NOT_FOUND", ""),
    ("time until a new order can be read", "0s", "order_lag"),
    ("capture of an order", "when the customer pays", "order_capture"),
    ("currency of an order", "upper case", "order_currency_case"),
    ("merchant references of an order", "those of the session", "order_references"),
    ("personal data in an order", "present", "order_personal_data"),
    ("operations on an authorized order", "cancel: 204, release: 204, capture: 201", ""),
    (
        "operations on a captured order",
        "capture: 403 CAPTURE_NOT_ALLOWED, cancel: 403 CANCEL_NOT_ALLOWED, release: 403 NOT_ALLOWED, \
         refund of too much: 403 REFUND_NOT_ALLOWED",
        "",
    ),
    ("response to a refund", "201 without a body", ""),
    ("headers that name a refund", "Refund-Id and Location", "refund_headers"),
    ("refund with a key that was used", "not processed again", ""),
    ("memory of an idempotency key", "24h", "idempotency_memory"),
    ("status of a fully refunded order", "CLOSED", "fully_refunded_status"),
    ("refund of a fully refunded order", "403 REFUND_NOT_ALLOWED", ""),
    ("fields of an error about an order", "application/json: correlation_id, error_code, error_messages", ""),
    ("lists of payouts and transactions", "an object with the list", "settlements_envelope"),
    ("time from the end of a day (UTC) to its payout", "48h", "payout_delay"),
    ("fees that are deducted from payouts", "1% of each sale", "payout_fee"),
    ("signs of amounts in transactions", "all are positive", "transaction_signs"),
];

const CONFORMANCE: &str = "responses compared with their description";
const ALL_AS_DESCRIBED: &str = "all are as described";

/// A fact with what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fact {
    #[serde(rename = "fact")]
    pub(super) name: &'static str,
    pub(super) assumed: &'static str,
    /// The observed value; `None` if it was not seen.
    pub(super) seen: Option<String>,
    /// The option of the emulator with which it behaves as seen.
    pub(super) option: Option<String>,
}

/// A response, as far as a fact needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) has_body: bool,
}

impl Seen {
    pub(super) const fn is_success(self) -> bool {
        self.status >= 200 && self.status < 300
    }

    pub(super) fn describe(self) -> String {
        let body = if self.has_body { "with a body" } else { "without a body" };
        format!("{} {body}", self.status)
    }
}

/// Everything that the probe saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Observations {
    /// The value that was seen, by the name of the fact.
    seen: BTreeMap<&'static str, String>,
    /// The options with which an emulator behaves as seen, by name. An option that cannot be known is absent.
    pub(super) options: BTreeMap<&'static str, String>,
    /// The fields of error bodies with their content type, by the name of the fact.
    problem_shapes: BTreeMap<&'static str, BTreeSet<String>>,
    pub(super) responses: BTreeSet<ResponseCheck>,
}

impl Observations {
    pub(super) fn record(&mut self, fact: &'static str, seen: impl Display) {
        self.seen.insert(fact, seen.to_string());
    }

    /// Records a fact together with the value of its option.
    pub(super) fn record_option(&mut self, fact: &'static str, seen: impl Display, value: impl Display) {
        self.record(fact, seen);
        self.set_option(fact, value);
    }

    /// Records words for what was seen, and the value of the option, unless nothing is known.
    pub(super) fn record_choice(&mut self, fact: &'static str, choice: Option<(&str, &str)>) {
        if let Some((words, value)) = choice {
            self.record_option(fact, words, value);
        }
    }

    /// Sets the option of a fact.
    pub(super) fn set_option(&mut self, fact: &'static str, value: impl Display) {
        if let Some((_, _, option)) = FACTS.iter().find(|(name, ..)| *name == fact) {
            self.options.insert(option, value.to_string());
        }
    }

    pub(super) fn record_measurement(&mut self, fact: &'static str, measured: Measurement) {
        self.record(fact, measured);
        if let Some(duration) = measured.duration() {
            self.set_option(fact, duration);
        }
    }

    /// Records what was seen in each case, such as `line total: 400, sum: 400`.
    pub(super) fn record_cases<T: Display, S: Display>(&mut self, fact: &'static str, cases: &[(T, S)]) {
        if !cases.is_empty() {
            let cases: Vec<_> = cases.iter().map(|(case, seen)| format!("{case}: {seen}")).collect();
            self.record(fact, cases.join(", "));
        }
    }

    /// Records the status after each decline. The option has one status for all.
    pub(super) fn record_declines(&mut self, declines: &[(&'static str, String)]) {
        const FACT: &str = "status after a declined tap";
        match declines {
            [(_, first), others @ ..] if others.iter().all(|(_, status)| status == first) => {
                self.record(FACT, first);
                if ["ACTIVE", "CREATED", "FAILED"].contains(&first.as_str()) {
                    self.set_option(FACT, first.to_lowercase());
                }
            }
            _ => self.record_cases(FACT, declines),
        }
    }

    /// Records the responses to sums that do not add up. The option treats all of them alike.
    pub(super) fn record_sums(&mut self, sums: &[(&'static str, Seen)]) {
        const FACT: &str = "sums that do not add up";
        let statuses: Vec<_> = sums.iter().map(|(mistake, seen)| (mistake, seen.status)).collect();
        self.record_cases(FACT, &statuses);
        let accepted = sums.iter().filter(|(_, seen)| seen.is_success()).count();
        if accepted == 0 || accepted == sums.len() {
            self.set_option(FACT, accepted == 0);
        }
    }

    pub(super) fn record_deletion(&mut self, deleted: Seen) {
        const FACT: &str = "deletion of a device";
        self.record(FACT, deleted.describe());
        match deleted.status {
            204 => self.set_option(FACT, "no_content"),
            200 => self.set_option(FACT, "ok"),
            _ => {}
        }
    }

    pub(super) fn record_refunded_status(&mut self, status: &str) {
        const FACT: &str = "status of a fully refunded order";
        self.record(FACT, status);
        match status {
            "CLOSED" => self.set_option(FACT, "closed"),
            "CAPTURED" => self.set_option(FACT, "captured"),
            _ => {}
        }
    }

    pub(super) fn record_problem_shape(&mut self, fact: &'static str, shape: String) {
        let shapes = self.problem_shapes.entry(fact).or_default();
        shapes.insert(shape);
        let shapes: Vec<_> = shapes.iter().map(String::as_str).collect();
        let text = shapes.join("; ");
        self.record(fact, text);
    }

    /// All facts, in the order in which they are printed.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<_> = FACTS
            .iter()
            .map(|(name, assumed, option)| {
                let value = self.options.get(option);
                let option = value.map(|value| format!("{option}={value}"));
                Fact { name, assumed, seen: self.seen.get(name).cloned(), option }
            })
            .collect();
        let number = self.responses.len();
        let conformance = match self.responses.iter().filter(|response| !response.is_described()).count() {
            _ if number == 0 => None,
            0 => Some(ALL_AS_DESCRIBED.to_owned()),
            different => Some(format!("{different} of {number} differ")),
        };
        facts.push(Fact { name: CONFORMANCE, assumed: ALL_AS_DESCRIBED, seen: conformance, option: None });
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn what_was_not_seen_determines_no_option() {
        let nothing = Observations::default();
        assert!(nothing.options.is_empty());
        assert!(nothing.facts().iter().all(|fact| fact.seen.is_none() && fact.option.is_none()));
        let seen = |status| Seen { status, has_body: true };
        let mut mixed = Observations::default();
        mixed.record_sums(&[("line total", seen(400)), ("sum", seen(200))]);
        mixed.record_declines(&[("LOST_CARD", "ACTIVE".to_owned()), ("STOLEN_CARD", "FAILED".to_owned())]);
        mixed.record_deletion(seen(202));
        let two_hours = Measurement::LongerThan(SignedDuration::from_hours(2));
        mixed.record_measurement("session lifetime", two_hours);
        assert_eq!(mixed.options, BTreeMap::new(), "no option makes the emulator behave like this");
        let facts = mixed.facts();
        let shown = |name: &str| facts.iter().find(|fact| fact.name == name).unwrap().seen.clone().unwrap();
        assert_eq!(shown("sums that do not add up"), "line total: 400, sum: 200");
        assert_eq!(shown("status after a declined tap"), "LOST_CARD: ACTIVE, STOLEN_CARD: FAILED");
        assert_eq!(shown("session lifetime"), "longer than 2h");
    }
}
