//! What the contract does not say, as switches. Each is explained in `docs/emulator.md`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How the emulator behaves where the API's behaviour is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// How long after its creation an open session turns EXPIRED. Default: 15 minutes.
    pub session_lifetime: SignedDuration,
    /// Where a declined tap leaves a session.
    pub status_after_decline: AfterDecline,
    /// Whether a device with an open session refuses another with 409. Default: no.
    pub one_open_session_per_device: bool,
    /// What cancelling an ended session does.
    pub cancel_ended: CancelEnded,
    /// Which lifetimes an enrollment can be asked for with.
    pub enrollment_dialect: EnrollmentDialect,
    /// Whether lines, and the sums of lines, must add up (observed). Default: yes.
    pub strict_sums: bool,
    /// What a deletion is answered with.
    pub delete_status: DeleteStatus,
    /// What a simulated tap is answered with.
    pub tap_answer: TapAnswer,
    /// Whether the list of devices asks for `x-merchant-id`, as the other lists do.
    pub device_list_merchant_id: MerchantIdNeed,
    /// What a new session for a device that is offline comes to.
    pub offline_device: OfflineDevice,
    /// How long it takes until something new is in the lists. Default: no time.
    pub list_lag: SignedDuration,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            session_lifetime: SignedDuration::from_mins(15),
            status_after_decline: AfterDecline::Active,
            one_open_session_per_device: false,
            cancel_ended: CancelEnded::Conflict,
            enrollment_dialect: EnrollmentDialect::Both,
            strict_sums: true,
            delete_status: DeleteStatus::NoContent,
            tap_answer: TapAnswer::Session,
            device_list_merchant_id: MerchantIdNeed::Required,
            offline_device: OfflineDevice::Conflict,
            list_lag: SignedDuration::ZERO,
        }
    }
}

/// Where a declined tap leaves a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterDecline {
    /// ACTIVE: the clerk may try again (inferred). The default.
    Active,
    /// CREATED: the clerk chooses a method again.
    Created,
    /// FAILED: the session has ended.
    Failed,
}

/// What cancelling an ended session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelEnded {
    /// It is refused with 409. The default.
    Conflict,
    /// It is answered with 200 and the session as it is.
    Answer,
}

/// Which lifetimes an enrollment can be asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentDialect {
    /// `expires_in` (documented) and `ttl` (observed); the documented one counts if both are there. The default.
    Both,
    /// `expires_in` alone; `ttl` is an unknown field and ignored.
    ExpiresInOnly,
    /// `ttl` alone, and it is required; `expires_in` is an unknown field and ignored.
    TtlOnly,
}

/// What a deletion is answered with. Neither has a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteStatus {
    /// 204. The default.
    NoContent,
    Ok,
}

/// What a simulated tap is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TapAnswer {
    /// 200 and the session. The default.
    Session,
    /// 204 and no body.
    Empty,
}

/// Whether a request needs `x-merchant-id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MerchantIdNeed {
    /// It may be left out, but not be wrong.
    Optional,
    /// It must be there. The default.
    Required,
}

/// What a new session for a device that is offline comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineDevice {
    /// It is refused with 409 (observed). The default.
    Conflict,
    /// It is created, and waits for the device.
    Accept,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_left_out_has_its_default() {
        let switches: Switches = serde_json::from_str(r#"{"session_lifetime":"PT30S"}"#).unwrap();
        assert_eq!(
            switches,
            Switches { session_lifetime: SignedDuration::from_secs(30), ..Switches::default() }
        );
    }

    #[test]
    fn a_switch_that_does_not_exist_is_an_error() {
        assert!(serde_json::from_str::<Switches>(r#"{"strict_sum":true}"#).is_err());
    }
}
