use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{Metadata, lenient};

open_enum! {
    /// Platform of a device (documented).
    Platform {
        Ios = "IOS",
        Android = "ANDROID",
        Terminal = "TERMINAL",
    }
}

/// A registered device (documented). The API has no online state and no last-seen time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub hardware_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::open_enum", skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Copied from the enrollment (documented).
    #[serde(deserialize_with = "lenient::metadata")]
    pub metadata: Metadata,
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::integer", skip_serializing_if = "Option::is_none")]
    pub open_cash_register_id: Option<i64>,
    /// Present only in the response to a registration (documented).
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Deprecated by the API (documented).
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
}

/// The device's own credentials (documented). `Debug` does not print them.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credentials {
    #[serde(deserialize_with = "lenient::string", skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<String>,
    /// The only camel-case name in this API (documented).
    #[serde(rename = "issuedAt")]
    #[serde(deserialize_with = "lenient::timestamp", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}
