//! What the probe saw. Pure.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::response_check::ResponseCheck;

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
    pub(super) fn duration(self) -> Option<SignedDuration> {
        match self {
            Self::Immediate => Some(SignedDuration::ZERO),
            Self::Within(bounds) => Some(bounds.roundest()),
            Self::LongerThan(_) => None,
        }
    }

    pub(super) fn describe(self) -> String {
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
    pub(super) orders: OrderObservations,
    pub(super) payouts: PayoutObservations,
}

/// What the probe saw of orders.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OrderObservations {
    /// The responses about an order that does not exist, and about an ID that is no UUID.
    pub(super) unknown_id: Option<(String, String)>,
    /// The time until a new order can be read.
    pub(super) lag: Option<Measurement>,
    /// Whether the payment was captured without a request.
    pub(super) is_captured: Option<bool>,
    pub(super) currency_case: Option<&'static str>,
    pub(super) references: Option<&'static str>,
    pub(super) has_personal_data: Option<bool>,
    /// Responses to operations on an authorized order, and on a captured one.
    pub(super) on_authorized: Vec<(&'static str, String)>,
    pub(super) on_captured: Vec<(&'static str, String)>,
    pub(super) refund: Option<Seen>,
    pub(super) refund_headers: Option<&'static str>,
    /// Whether a repeated refund with the same key was processed again.
    pub(super) repeats_refund: Option<bool>,
    /// How long an idempotency key is remembered.
    pub(super) memory: Option<Measurement>,
    /// The status of a fully refunded order.
    pub(super) refunded_status: Option<String>,
    /// The response to a refund of a fully refunded order.
    pub(super) on_refunded: Option<String>,
    /// The fields of error bodies, with their content type.
    pub(super) problem_shapes: BTreeSet<String>,
}

/// What the probe saw of payouts and their transactions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PayoutObservations {
    /// The forms of the lists.
    pub(super) envelopes: BTreeSet<&'static str>,
    /// The time from the end of a day (UTC) to the payout of what was captured on it.
    pub(super) delay: Option<SignedDuration>,
    pub(super) fee: Option<&'static str>,
    pub(super) signs: Option<&'static str>,
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
}
