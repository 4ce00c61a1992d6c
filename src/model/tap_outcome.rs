/// The ten documented outcomes of a simulated tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TapOutcome {
    #[default]
    Success,
    DeclinedGeneric,
    InsufficientFunds,
    LostCard,
    StolenCard,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    IncorrectNumber,
    CardVelocityExceeded,
}

impl TapOutcome {
    /// In the order of the API reference.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::DeclinedGeneric,
        Self::InsufficientFunds,
        Self::LostCard,
        Self::StolenCard,
        Self::ExpiredCard,
        Self::IncorrectCvc,
        Self::ProcessingError,
        Self::IncorrectNumber,
        Self::CardVelocityExceeded,
    ];

    pub const fn as_str(self) -> &'static str {
        self.texts().0
    }

    /// The value on the command line.
    pub const fn name(self) -> &'static str {
        self.texts().1
    }

    /// A phrase that completes "the card was …".
    pub const fn meaning(self) -> &'static str {
        self.texts().2
    }

    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Success => ("SUCCESS", "success", "paid"),
            Self::DeclinedGeneric => ("DECLINED_GENERIC", "declined-generic", "declined without a reason"),
            Self::InsufficientFunds => {
                ("INSUFFICIENT_FUNDS", "insufficient-funds", "declined: insufficient funds")
            }
            Self::LostCard => ("LOST_CARD", "lost-card", "declined: the card was reported lost"),
            Self::StolenCard => ("STOLEN_CARD", "stolen-card", "declined: the card was reported stolen"),
            Self::ExpiredCard => ("EXPIRED_CARD", "expired-card", "declined: the card has expired"),
            Self::IncorrectCvc => ("INCORRECT_CVC", "incorrect-cvc", "declined: wrong security code"),
            Self::ProcessingError => {
                ("PROCESSING_ERROR", "processing-error", "declined: the processor failed")
            }
            Self::IncorrectNumber => ("INCORRECT_NUMBER", "incorrect-number", "declined: wrong card number"),
            Self::CardVelocityExceeded => (
                "CARD_VELOCITY_EXCEEDED",
                "card-velocity-exceeded",
                "declined: the card was used too often in too short a time",
            ),
        }
    }

    /// Parses the value in JSON or on the command line.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text || outcome.name() == text)
    }
}
