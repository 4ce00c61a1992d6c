//! Simulated card taps.

/// What a simulated tap ends in: the ten documented outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TapOutcome {
    /// Paid: the session is finalized.
    #[default]
    Success,
    /// Declined without a reason.
    DeclinedGeneric,
    /// Not enough money.
    InsufficientFunds,
    LostCard,
    StolenCard,
    /// Past its date.
    ExpiredCard,
    /// Wrong security code.
    IncorrectCvc,
    ProcessingError,
    /// Wrong card number.
    IncorrectNumber,
    /// Used too often in too short a time.
    CardVelocityExceeded,
}

impl TapOutcome {
    /// All of them, in the order of the reference.
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
        match self {
            Self::Success => "SUCCESS",
            Self::DeclinedGeneric => "DECLINED_GENERIC",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::LostCard => "LOST_CARD",
            Self::StolenCard => "STOLEN_CARD",
            Self::ExpiredCard => "EXPIRED_CARD",
            Self::IncorrectCvc => "INCORRECT_CVC",
            Self::ProcessingError => "PROCESSING_ERROR",
            Self::IncorrectNumber => "INCORRECT_NUMBER",
            Self::CardVelocityExceeded => "CARD_VELOCITY_EXCEEDED",
        }
    }

    /// The spelling on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::DeclinedGeneric => "declined-generic",
            Self::InsufficientFunds => "insufficient-funds",
            Self::LostCard => "lost-card",
            Self::StolenCard => "stolen-card",
            Self::ExpiredCard => "expired-card",
            Self::IncorrectCvc => "incorrect-cvc",
            Self::ProcessingError => "processing-error",
            Self::IncorrectNumber => "incorrect-number",
            Self::CardVelocityExceeded => "card-velocity-exceeded",
        }
    }

    /// What it means for the customer's card, as the end of a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "paid",
            Self::DeclinedGeneric => "declined without a reason",
            Self::InsufficientFunds => "declined: insufficient funds",
            Self::LostCard => "declined: the card was reported lost",
            Self::StolenCard => "declined: the card was reported stolen",
            Self::ExpiredCard => "declined: the card has expired",
            Self::IncorrectCvc => "declined: wrong security code",
            Self::ProcessingError => "declined: the processor failed",
            Self::IncorrectNumber => "declined: wrong card number",
            Self::CardVelocityExceeded => "declined: the card was used too often in too short a time",
        }
    }

    /// Finds an outcome by either spelling.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text || outcome.name() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::TapOutcome;

    #[test]
    fn the_two_spellings_differ_only_in_form() {
        for outcome in TapOutcome::ALL {
            assert_eq!(outcome.as_str().to_ascii_lowercase().replace('_', "-"), outcome.name());
            assert_eq!(TapOutcome::find(outcome.name()), Some(outcome));
            assert_eq!(TapOutcome::find(outcome.as_str()), Some(outcome));
        }
        assert_eq!(TapOutcome::find("Success"), None);
    }
}
