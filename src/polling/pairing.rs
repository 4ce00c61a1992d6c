//! Pairing a phone: from a code to the device that used it.
//!
//! The API says of an enrollment only that its code was used, not by which phone. But an enrollment's metadata is
//! carried over to the device (documented), so a tag of its own finds the phone for certain, whoever else pairs one at
//! the same moment.

use std::time::Duration;

use jiff::Timestamp;

use super::MAX_RETRY_AFTER;
use crate::model::EnrollmentStatus;

/// The metadata key of the tag.
pub(crate) const TAG: &str = "kustom_pairing";

/// How long after its end a code is still asked for: clocks differ, and a phone may have used it in the last moment.
const EXPIRY_GRACE: Duration = Duration::from_secs(15);

/// How long a phone that used a code may take to appear among the devices.
const DEVICE_LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// The same where it is only likely that one used it.
const WITHDRAWN_DEVICE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new enrollment may take to appear in the list, before the devices are looked at beside it.
const ENROLLMENT_LIST_TIMEOUT: Duration = Duration::from_secs(15);

/// The wait for one phone.
#[derive(Debug, Clone)]
pub(crate) struct Pairing {
    interval: Duration,
    lifetime: Duration,
    limit: Option<Duration>,
    phase: Phase,
    was_listed: bool,
    troubled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has used the code.
    Code,
    /// Somebody used it; the device is looked for since then.
    Phone(Duration),
    /// The enrollment has left the list. A device may tell why, and is looked for since then.
    Gone(Duration),
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// How the enrollment stands, or that it is not in the list.
    Enrollment(Option<EnrollmentStatus>),
    /// Whether a device carries the tag.
    Device(bool),
    /// A failure that may pass, and how long the API asks to be left alone.
    Failure(Option<Duration>),
}

/// What a look made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transition {
    /// Whether looks begin to fail (`Some(true)`) or work again (`Some(false)`).
    pub trouble: Option<bool>,
    /// What comes next.
    pub next: NextAction,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Look how the enrollment stands, after this time.
    Enrollment(Duration),
    /// Look for the device that carries the tag, after this time.
    Device(Duration),
    /// The device was found.
    Paired,
    /// The API says that the code can be used no more, and nobody has.
    Expired,
    /// The code's time is over by this clock. The API does not say so.
    Over,
    /// The enrollment has left the list, and no device carries its tag: somebody withdrew the code.
    Withdrawn,
    /// The code was used, but no device carries its tag.
    NoDevice,
    /// The wait has ended before the code did.
    TimedOut,
}

impl Pairing {
    /// A wait for a code of this lifetime that looks every `interval` and ends after `limit`, if there is one.
    pub(crate) const fn new(interval: Duration, lifetime: Duration, limit: Option<Duration>) -> Self {
        Self { interval, lifetime, limit, phase: Phase::Code, was_listed: false, troubled: false }
    }

    /// Takes in what a look saw, `elapsed` after the code was made.
    pub(crate) fn observe(&mut self, elapsed: Duration, seen: Observation) -> Transition {
        let troubled = matches!(seen, Observation::Failure(_));
        let trouble = (troubled != self.troubled).then_some(troubled);
        self.troubled = troubled;
        let next = match seen {
            Observation::Enrollment(status) => self.enrollment(elapsed, status.as_ref()),
            Observation::Device(found) => self.device(elapsed, found),
            Observation::Failure(asked) => {
                self.trouble(elapsed, asked.unwrap_or_default().min(MAX_RETRY_AFTER))
            }
        };
        Transition { trouble, next }
    }

    fn enrollment(&mut self, elapsed: Duration, status: Option<&EnrollmentStatus>) -> NextAction {
        match status {
            Some(EnrollmentStatus::Consumed) => {
                self.phase = Phase::Phone(elapsed);
                NextAction::Device(Duration::ZERO)
            }
            Some(EnrollmentStatus::Expired) => NextAction::Expired,
            Some(EnrollmentStatus::Cancelled) => self.left_list(elapsed),
            // What was never listed has not left the list; then only the devices can tell.
            None if self.was_listed => self.left_list(elapsed),
            None if elapsed < ENROLLMENT_LIST_TIMEOUT => self.poll_enrollment(elapsed, Duration::ZERO),
            None => NextAction::Device(Duration::ZERO),
            // A status that is new to us is waited through.
            Some(EnrollmentStatus::Pending | EnrollmentStatus::Other(_)) => {
                self.was_listed = true;
                self.poll_enrollment(elapsed, Duration::ZERO)
            }
        }
    }

    const fn left_list(&mut self, elapsed: Duration) -> NextAction {
        self.phase = Phase::Gone(elapsed);
        NextAction::Device(Duration::ZERO)
    }

    fn device(&self, elapsed: Duration, found: bool) -> NextAction {
        if found {
            return NextAction::Paired;
        }
        match self.phase {
            Phase::Code => self.poll_enrollment(elapsed, Duration::ZERO),
            Phase::Phone(_) | Phase::Gone(_) => self.poll_device(elapsed, Duration::ZERO),
        }
    }

    fn trouble(&self, elapsed: Duration, asked: Duration) -> NextAction {
        match self.phase {
            Phase::Code => self.poll_enrollment(elapsed, asked),
            Phase::Phone(_) | Phase::Gone(_) => self.poll_device(elapsed, asked),
        }
    }

    /// Looks for a device that takes its time to appear, but not for ever.
    fn poll_device(&self, elapsed: Duration, asked: Duration) -> NextAction {
        match self.phase {
            Phase::Phone(since) if elapsed.saturating_sub(since) >= DEVICE_LIST_TIMEOUT => {
                NextAction::NoDevice
            }
            Phase::Gone(since) if elapsed.saturating_sub(since) >= WITHDRAWN_DEVICE_TIMEOUT => {
                NextAction::Withdrawn
            }
            Phase::Code | Phase::Phone(_) | Phase::Gone(_) => NextAction::Device(self.interval.max(asked)),
        }
    }

    /// When to look at the enrollment again: also at the very end of the wait and of the code.
    fn poll_enrollment(&self, elapsed: Duration, asked: Duration) -> NextAction {
        if elapsed >= self.lifetime + EXPIRY_GRACE {
            return NextAction::Over;
        }
        let mut wait = self.interval.max(asked);
        if let Some(limit) = self.limit {
            let left = limit.saturating_sub(elapsed);
            if left.is_zero() {
                return NextAction::TimedOut;
            }
            wait = wait.min(left);
        }
        let ends = [self.lifetime, self.lifetime + EXPIRY_GRACE];
        if let Some(end) = ends.into_iter().find(|end| *end > elapsed) {
            wait = wait.min(end.saturating_sub(elapsed));
        }
        NextAction::Enrollment(wait)
    }
}

/// How much time a code has left, for a person who watches it run out: what the API says, if it can be true on this
/// machine's clock, or else what was asked for.
pub(crate) fn time_left(asked: Duration, expires_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let told = expires_at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    told.filter(|told| !told.is_zero() && *told <= asked).unwrap_or(asked)
}

/// A name for a new device: the first free till of its location.
pub(crate) fn suggested_name<'a>(location: Option<&str>, taken: impl IntoIterator<Item = &'a str>) -> String {
    let taken: Vec<String> = taken.into_iter().map(str::to_lowercase).collect();
    let till = match location.map(str::trim).filter(|location| !location.is_empty()) {
        Some(location) => format!("{location} till"),
        None => "Till".to_owned(),
    };
    let mut number = 1_usize;
    loop {
        let name = format!("{till} {number}");
        if !taken.contains(&name.to_lowercase()) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
#[path = "pairing_tests.rs"]
mod tests;
