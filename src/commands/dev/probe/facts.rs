//! What the probe saw, and what follows from it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Serialize;

use super::description::ResponseCheck;

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

    fn describe(self) -> String {
        let body = if self.has_body { "with a body" } else { "without a body" };
        format!("{} {body}", self.status)
    }
}

/// The bounds of a duration that was measured: longer than the first, and at most the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) above: SignedDuration,
    pub(super) at_most: SignedDuration,
}

impl Bounds {
    pub(super) fn width(self) -> SignedDuration {
        self.at_most - self.above
    }

    /// The roundest duration within the bounds.
    pub(super) fn roundest(self) -> SignedDuration {
        const UNITS: [i64; 6] = [3_600_000, 60_000, 1000, 100, 10, 1];
        let at_most = i64::try_from(self.at_most.as_millis()).unwrap_or(i64::MAX);
        let rounded = UNITS.map(|unit| SignedDuration::from_millis(at_most / unit * unit));
        rounded.into_iter().find(|duration| *duration > self.above).unwrap_or(self.at_most)
    }
}

/// The result of measuring how long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measurement {
    /// It was so from the beginning.
    Immediate,
    Within(Bounds),
    LongerThan(SignedDuration),
}

impl Measurement {
    fn duration(self) -> Option<SignedDuration> {
        match self {
            Self::Immediate => Some(SignedDuration::ZERO),
            Self::Within(bounds) => Some(bounds.roundest()),
            Self::LongerThan(_) => None,
        }
    }

    fn describe(self) -> String {
        match (self, self.duration()) {
            (Self::LongerThan(limit), _) => format!("longer than {limit:#}"),
            (_, Some(duration)) => format!("{duration:#}"),
            (_, None) => String::new(),
        }
    }
}

/// Everything that the probe saw. A field is `None` where nothing was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Observations {
    pub(super) is_emulator: bool,
    pub(super) create_device: Option<Seen>,
    pub(super) list_without_merchant_id: Option<Seen>,
    pub(super) list_lag: Option<Measurement>,
    /// Statuses by page parameter.
    pub(super) pages: Vec<(String, u16)>,
    /// The status for an ID that does not exist, and for one that is no UUID.
    pub(super) unknown_id: Option<(u16, u16)>,
    pub(super) expires_in: Option<Seen>,
    /// Whether the API rejected `expires_in` because `ttl` is missing.
    pub(super) requires_ttl: bool,
    pub(super) ttl: Option<Seen>,
    /// How much later a code with a `ttl` of 72 hours expires than one with an `expires_in` of one hour.
    pub(super) ttl_difference: Option<SignedDuration>,
    pub(super) create_session: Option<Seen>,
    pub(super) second_session: Option<Seen>,
    /// The status of the session after each declined tap.
    pub(super) declines: Vec<(&'static str, String)>,
    pub(super) tap: Option<Seen>,
    pub(super) tap_on_ended: Option<Seen>,
    pub(super) cancel_paid: Option<Seen>,
    pub(super) cancel_cancelled: Option<Seen>,
    /// Responses to sessions that do not add up, by mistake.
    pub(super) sums: Vec<(&'static str, Seen)>,
    /// Responses to a line whose tax is this many minor units off.
    pub(super) tax_off: Vec<(i64, Seen)>,
    pub(super) item_types: Vec<(&'static str, Seen)>,
    pub(super) offline_device: Option<Seen>,
    pub(super) delete_enrollment: Option<Seen>,
    pub(super) delete_device: Option<Seen>,
    pub(super) delete_again: Option<Seen>,
    pub(super) session_lifetime: Option<Measurement>,
    /// The fields of error bodies, with their content type.
    pub(super) problem_shapes: BTreeSet<String>,
    pub(super) responses: Vec<ResponseCheck>,
}

/// A fact that the documents of the API leave open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fact {
    #[serde(rename = "fact")]
    pub(super) name: &'static str,
    /// What kustom and its emulator assume by default.
    pub(super) assumed: String,
    /// The observed value; `None` if it was not probed.
    pub(super) seen: Option<String>,
    /// The option of the emulator with which it behaves as seen.
    pub(super) option: Option<String>,
}

fn describe(seen: Option<Seen>) -> Option<String> {
    seen.map(Seen::describe)
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
    /// The options with which an emulator behaves as seen, by name. An option that cannot be known is absent.
    pub(super) fn options(&self) -> BTreeMap<&'static str, String> {
        let flag = |condition: bool| condition.to_string();
        let either = |condition: bool, yes: &str, no: &str| if condition { yes } else { no }.to_owned();
        let duration = |measured: Measurement| measured.duration().map(|duration| duration.to_string());
        let decline = self.decline_status().and_then(|status| {
            ["ACTIVE", "CREATED", "FAILED"].contains(&status).then(|| status.to_lowercase())
        });
        let candidates = [
            ("session_lifetime", self.session_lifetime.and_then(duration)),
            ("status_after_decline", decline),
            ("one_open_session_per_device", self.second_session.map(|seen| flag(seen.status == 409))),
            (
                "cancel_ended",
                self.cancel_cancelled.map(|seen| either(seen.is_success(), "answer", "conflict")),
            ),
            (
                "offline_device",
                self.offline_device.map(|seen| either(seen.is_success(), "accept", "conflict")),
            ),
            ("enrollment_dialect", self.enrollment_dialect().map(str::to_owned)),
            ("strict_sums", self.strict_sums().map(flag)),
            ("delete_status", self.delete_status().map(str::to_owned)),
            (
                "tap_answer",
                self.tap
                    .filter(|seen| seen.is_success())
                    .map(|seen| either(seen.has_body, "session", "empty")),
            ),
            (
                "device_list_merchant_id",
                self.list_without_merchant_id.map(|seen| either(seen.is_success(), "optional", "required")),
            ),
            ("list_lag", self.list_lag.and_then(duration)),
        ];
        candidates.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The status after every decline, if it is always the same.
    fn decline_status(&self) -> Option<&str> {
        let (_, first) = self.declines.first()?;
        self.declines.iter().all(|(_, status)| status == first).then_some(first.as_str())
    }

    fn enrollment_dialect(&self) -> Option<&'static str> {
        let (expires_in, ttl) = (self.expires_in?, self.ttl?);
        if !expires_in.is_success() {
            return (self.requires_ttl && ttl.is_success()).then_some("ttl_only");
        }
        let honors_ttl = self.ttl_difference? > SignedDuration::from_hours(24);
        Some(if honors_ttl { "both" } else { "expires_in_only" })
    }

    /// Whether sums are checked, if all of them are treated alike.
    fn strict_sums(&self) -> Option<bool> {
        let (_, first) = self.sums.first()?;
        let is_checked = !first.is_success();
        self.sums.iter().all(|(_, seen)| seen.is_success() != is_checked).then_some(is_checked)
    }

    fn delete_status(&self) -> Option<&'static str> {
        match (self.delete_device.or(self.delete_enrollment)?).status {
            204 => Some("no_content"),
            200 => Some("ok"),
            _ => None,
        }
    }

    /// All facts, in the order in which they are printed.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let options = self.options();
        let fact = |name: &'static str, assumed: &str, seen: Option<String>, option: &str| {
            let option = options.get(option).map(|value| format!("{option}={value}"));
            Fact { name, assumed: assumed.to_owned(), seen, option }
        };
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
        let shapes: Vec<_> = self.problem_shapes.iter().map(String::as_str).collect();
        let different: Vec<_> = self.responses.iter().filter(|response| !response.is_described()).collect();
        let conformance = match different.as_slice() {
            _ if self.responses.is_empty() => None,
            [] => Some("all are as described".to_owned()),
            different => Some(format!("{} of {} differ", different.len(), self.responses.len())),
        };
        vec![
            fact("lifetime of an enrollment code", "expires_in and ttl", lifetime, "enrollment_dialect"),
            fact("response to a simulated device", "200 with a body", describe(self.create_device), ""),
            fact("response to a new session", "200 with a body", describe(self.create_session), ""),
            fact(
                "second open session on a device",
                "200 with a body",
                describe(self.second_session),
                "one_open_session_per_device",
            ),
            fact("response to a simulated tap", "204 without a body", describe(self.tap), "tap_answer"),
            fact("status after a declined tap", "ACTIVE", declines, "status_after_decline"),
            fact("tap on an ended session", "409", status(self.tap_on_ended), ""),
            fact("cancel of a canceled session", "409", status(self.cancel_cancelled), "cancel_ended"),
            fact("cancel of a paid session", "409", status(self.cancel_paid), ""),
            fact("session lifetime", "15m", measured(self.session_lifetime), "session_lifetime"),
            fact(
                "sums that do not add up",
                "line total: 400, sum: 400, sum of taxes: 400",
                by_case(&self.sums),
                "strict_sums",
            ),
            fact("tax of a line that is off by", "1: 200, 2: 200", by_case(&self.tax_off), ""),
            fact("item types", "all are accepted", by_case(&self.item_types), ""),
            fact("new session on an offline device", "409", status(self.offline_device), "offline_device"),
            fact(
                "list of devices without x-merchant-id",
                "400",
                status(self.list_without_merchant_id),
                "device_list_merchant_id",
            ),
            fact("time until a new device is listed", "0s", measured(self.list_lag), "list_lag"),
            fact(
                "bounds of pages",
                "page_size 0: 400, page_size 100: 200, page_size 101: 400, page_number -1: 400, page_number 9999: 200",
                Some(pages.join(", ")).filter(|text| !text.is_empty()),
                "",
            ),
            fact("an ID that does not exist, and no UUID", "404 and 404", unknown_id, ""),
            fact("deletion of an enrollment", "204 without a body", describe(self.delete_enrollment), ""),
            fact("deletion of a device", "204 without a body", describe(self.delete_device), "delete_status"),
            fact("deletion of a deleted device", "404", status(self.delete_again), ""),
            fact(
                "fields of an error",
                "application/problem+json: detail, errors, status, title, type; \
                 application/problem+json: detail, status, title, type",
                Some(shapes.join("; ")).filter(|text| !text.is_empty()),
                "",
            ),
            fact("responses compared with their description", "all are as described", conformance, ""),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_duration_within_the_bounds_is_chosen() {
        for (above, at_most, expected) in [
            (899_700, 900_100, "PT15M"),
            (29_600, 30_020, "PT30S"),
            (3_599_000, 3_601_000, "PT1H"),
            (60_500, 61_000, "PT1M1S"),
            (1_420, 1_510, "PT1.5S"),
            (3, 4, "PT0.004S"),
        ] {
            let [above, at_most] = [above, at_most].map(SignedDuration::from_millis);
            assert_eq!(Bounds { above, at_most }.roundest().to_string(), expected);
        }
    }

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
