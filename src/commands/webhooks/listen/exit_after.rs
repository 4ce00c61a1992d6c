use super::delivery::Delivery;
use crate::args;
use crate::model::CallbackType;

/// The value of `--exit-after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExitAfter {
    /// Number of accepted deliveries.
    Count(u64),
    Event(CallbackType),
}

impl ExitAfter {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) => Err("write a number from 1".to_owned()),
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => args::parse_callback_type(text).map(Self::Event),
        }
    }

    pub(super) fn is_met(&self, accepted: u64, last: &Delivery) -> bool {
        match self {
            Self::Count(count) => accepted >= *count,
            Self::Event(kind) => last.kind.as_deref() == Some(kind.as_str()),
        }
    }
}
