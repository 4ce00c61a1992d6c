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
        self.names().0
    }

    /// The value on the command line.
    pub const fn name(self) -> &'static str {
        self.names().1
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Card => ("CARD", "card"),
            Self::Klarna => ("KLARNA", "klarna"),
            Self::Swish => ("SWISH", "swish"),
            Self::Vipps => ("VIPPS", "vipps"),
        }
    }
}
