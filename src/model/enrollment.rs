use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Metadata;
use super::lenient::lenient;
use super::open_enum::open_enum;

open_enum! {
    /// Status of an enrollment (documented).
    EnrollmentStatus {
        /// The code can be used.
        Pending = "PENDING",
        /// A phone used the code.
        Consumed = "CONSUMED",
        Expired = "EXPIRED",
        /// The code was withdrawn. Lists omit such enrollments.
        Cancelled = "CANCELLED",
    }
}

lenient! {
    /// An enrollment (documented). Its code pairs any phone with the account, so `Debug` does not print it.
    #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
    pub struct Enrollment {
        pub enrollment_id: Option<String>,
        /// The code to enter in the phone. The API does not document its form; eight characters, nine and a UUID exist.
        pub enrollment_code: Option<String>,
        pub expires_at: Option<Timestamp>,
        pub status: Option<EnrollmentStatus>,
        /// The location that the device gets (inferred).
        pub location_id: Option<String>,
        /// Copied to the device (documented).
        pub metadata: Metadata,
    }
}

impl std::fmt::Debug for Enrollment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Enrollment")
            .field("enrollment_id", &self.enrollment_id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The values of `ttl`, which a live integration sends in place of `expires_in` (observed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ttl {
    TwoHours,
    TwentyFourHours,
    FortyEightHours,
    SeventyTwoHours,
}

impl Ttl {
    /// Shortest first.
    pub const ALL: [Self; 4] =
        [Self::TwoHours, Self::TwentyFourHours, Self::FortyEightHours, Self::SeventyTwoHours];

    pub const fn as_str(self) -> &'static str {
        self.name_and_hours().0
    }

    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.name_and_hours().1 * 60 * 60)
    }

    const fn name_and_hours(self) -> (&'static str, u64) {
        match self {
            Self::TwoHours => ("TWO_HOURS", 2),
            Self::TwentyFourHours => ("TWENTY_FOUR_HOURS", 24),
            Self::FortyEightHours => ("FORTY_EIGHT_HOURS", 48),
            Self::SeventyTwoHours => ("SEVENTY_TWO_HOURS", 72),
        }
    }

    /// The shortest lifetime of at least `requested`, or `None` above three days.
    pub fn covering(requested: Duration) -> Option<Self> {
        Self::ALL.into_iter().find(|ttl| ttl.duration() >= requested)
    }
}
