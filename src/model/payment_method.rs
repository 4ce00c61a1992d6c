//! Payment methods on a phone.

use serde::{Deserialize, Serialize};

/// The methods that a clerk can choose on the phone. The API does not expose the choice: the session turns ACTIVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethod {
    #[default]
    Card,
    Klarna,
    Swish,
    Vipps,
}

impl PaymentMethod {
    pub const ALL: [Self; 4] = [Self::Card, Self::Klarna, Self::Swish, Self::Vipps];

    /// The value in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Klarna => "KLARNA",
            Self::Swish => "SWISH",
            Self::Vipps => "VIPPS",
        }
    }

    /// The value on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Klarna => "klarna",
            Self::Swish => "swish",
            Self::Vipps => "vipps",
        }
    }

    /// Parses the value in JSON.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::PaymentMethod;

    #[test]
    fn the_json_value_round_trips() {
        for method in PaymentMethod::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
            assert_eq!(method.as_str().to_ascii_lowercase(), method.name());
            assert_eq!(PaymentMethod::find(method.as_str()), Some(method));
        }
        assert_eq!(PaymentMethod::find("card"), None);
    }
}
