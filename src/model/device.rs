//! Devices: the phones and simulated terminals that take payments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{Metadata, lenient};

open_enum! {
    /// What a device runs on (documented).
    Platform {
        Ios = "IOS",
        Android = "ANDROID",
        Terminal = "TERMINAL",
    }
}

/// A registered device (documented). No online state or last-seen is known to exist.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// The device's id, as sessions name it.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id of the hardware.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub hardware_id: Option<String>,
    /// The merchant it belongs to.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<String>,
    /// The location it stands at.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// The name people gave it.
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it runs on.
    #[serde(deserialize_with = "lenient::open_enum", skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The metadata, which came from its enrollment (documented).
    #[serde(deserialize_with = "lenient::metadata")]
    pub metadata: Metadata,
    /// When it was registered.
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The open cash register on it, if any.
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub open_cash_register_id: Option<i64>,
    /// Present only in the answer to a registration (documented).
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Deprecated by the API (documented).
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
}

/// What the device itself authenticates with: a secret (documented).
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credentials {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<String>,
    /// When it was issued; the only name of this API in camel case (documented).
    #[serde(
        rename = "issuedAt",
        deserialize_with = "lenient::timestamp",
        skip_serializing_if = "Option::is_none"
    )]
    pub issued_at: Option<Timestamp>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(crate::secret::REDACTED)
    }
}
