//! The options with which an emulator behaves as seen.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::observations::{Measurement, Observations};

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
            (
                "order_capture",
                self.orders.is_captured.map(|captured| either(captured, "automatic", "manual")),
            ),
            ("order_lag", self.orders.lag.and_then(duration)),
            ("order_currency_case", self.orders.currency_case.map(str::to_owned)),
            ("order_references", self.orders.references.map(str::to_owned)),
            ("order_personal_data", self.orders.has_personal_data.map(flag)),
            ("fully_refunded_status", self.fully_refunded_status().map(str::to_owned)),
            ("refund_headers", self.orders.refund_headers.map(str::to_owned)),
            ("idempotency_memory", self.orders.memory.and_then(duration)),
            ("payout_delay", self.payouts.delay.map(|delay| delay.to_string())),
            ("payout_fee", self.payouts.fee.map(str::to_owned)),
            ("settlements_envelope", self.settlements_envelope().map(str::to_owned)),
            ("transaction_signs", self.payouts.signs.map(str::to_owned)),
        ];
        candidates.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The status after every decline, if it is always the same.
    pub(super) fn decline_status(&self) -> Option<&str> {
        let (_, first) = self.declines.first()?;
        self.declines.iter().all(|(_, status)| status == first).then_some(first.as_str())
    }

    pub(super) fn enrollment_dialect(&self) -> Option<&'static str> {
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

    fn fully_refunded_status(&self) -> Option<&'static str> {
        match self.orders.refunded_status.as_deref()? {
            "CLOSED" => Some("closed"),
            "CAPTURED" => Some("captured"),
            _ => None,
        }
    }

    /// The form of the lists of settlements, if all of them have the same.
    pub(super) fn settlements_envelope(&self) -> Option<&'static str> {
        let mut envelopes = self.payouts.envelopes.iter();
        envelopes.next().filter(|_| envelopes.next().is_none()).copied()
    }

    fn delete_status(&self) -> Option<&'static str> {
        match (self.delete_device.or(self.delete_enrollment)?).status {
            204 => Some("no_content"),
            200 => Some("ok"),
            _ => None,
        }
    }
}
