use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient::lenient;

lenient! {
    /// A store of the merchant (documented).
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Location {
        pub id: Option<String>,
        pub merchant_id: Option<String>,
        pub name: Option<String>,
        pub street_address: Option<String>,
        pub street_address2: Option<String>,
        pub postal_code: Option<String>,
        pub city: Option<String>,
        /// ISO 3166-1 alpha-2.
        pub country: Option<String>,
        pub created_at: Option<Timestamp>,
        pub updated_at: Option<Timestamp>,
    }
}
