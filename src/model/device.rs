use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Metadata;
use super::lenient::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// Platform of a device (documented).
    Platform {
        Ios = "IOS",
        Android = "ANDROID",
        Terminal = "TERMINAL",
    }
}

lenient! {
    /// A registered device (documented). The API has no online state and no last-seen time.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Device {
        pub id: Option<String>,
        pub hardware_id: Option<String>,
        pub merchant_id: Option<String>,
        pub location_id: Option<String>,
        pub name: Option<String>,
        pub platform: Option<Platform>,
        /// Copied from the enrollment (documented).
        pub metadata: Metadata,
        pub created_at: Option<Timestamp>,
        pub open_cash_register_id: Option<i64>,
        /// Present only in the response to a registration (documented).
        pub credentials: Option<Credentials>,
        /// Deprecated by the API (documented).
        pub unique_id: Option<String>,
    }

    /// The device's own credentials (documented). `Debug` does not print them.
    #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Credentials {
        pub bearer_token: Option<String>,
        /// The only camel-case name in this API (documented).
        #[serde(rename = "issuedAt")]
        pub issued_at: Option<Timestamp>,
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}
