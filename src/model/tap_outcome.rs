//! Simulated card taps.

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

    /// The value on the command line.
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

    /// A phrase that completes "the card was …".
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

    /// Parses the value in JSON or on the command line.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text || outcome.name() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::TapOutcome;

    #[test]
    fn json_and_command_line_values_differ_only_in_case_and_separator() {
        for outcome in TapOutcome::ALL {
            assert_eq!(outcome.as_str().to_ascii_lowercase().replace('_', "-"), outcome.name());
            assert_eq!(TapOutcome::find(outcome.name()), Some(outcome));
            assert_eq!(TapOutcome::find(outcome.as_str()), Some(outcome));
        }
        assert_eq!(TapOutcome::find("Success"), None);
    }
}
