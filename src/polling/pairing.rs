//! State machine of pairing, from a new code to the device that used it.
//!
//! The API reports that a code was used, but not by which phone. It copies the enrollment's metadata to the device
//! (documented), so a unique tag in the metadata identifies the phone.

use std::time::Duration;

use super::MAX_RETRY_AFTER;
use crate::model::EnrollmentStatus;

/// The metadata key of the tag.
pub(crate) const TAG: &str = "kustom_pairing";

/// Polling continues this long after the end of the lifetime, because clocks differ and a phone may use the code in the
/// last moment.
const EXPIRY_GRACE: Duration = Duration::from_secs(15);

/// How long the device may take to be listed after its code was used.
const DEVICE_LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// The same if the code may have been withdrawn instead.
const WITHDRAWN_DEVICE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new enrollment may take to be listed. After that, the devices are polled too.
const ENROLLMENT_LIST_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub(crate) struct Pairing {
    interval: Duration,
    lifetime: Duration,
    timeout: Option<Duration>,
    phase: Phase,
    was_listed: bool,
    is_failing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unused,
    /// A phone used the code at this time. Its device is not listed yet.
    Consumed(Duration),
    /// The enrollment was removed from the list at this time: it was either withdrawn or used.
    Removed(Duration),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// `None` if the enrollment is not listed.
    Enrollment(Option<EnrollmentStatus>),
    /// Whether a device has the tag.
    Device(bool),
    /// A temporary failure, with the API's `Retry-After`.
    Failure(Option<Duration>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transition {
    /// Set when polls start to fail (`true`) or succeed again (`false`).
    pub is_failing: Option<bool>,
    pub next: NextAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Poll the enrollment after this time.
    PollEnrollment(Duration),
    /// Poll the devices after this time.
    PollDevice(Duration),
    Paired,
    /// According to the API, the code expired unused.
    Expired,
    /// The lifetime has passed, but the API does not report the code as expired.
    LifetimeOver,
    /// The enrollment is no longer listed and no device has its tag: the code was withdrawn.
    NotListed,
    /// The code was used, but no device has its tag.
    DeviceMissing,
    TimedOut,
}

impl Pairing {
    pub(crate) const fn new(interval: Duration, lifetime: Duration, timeout: Option<Duration>) -> Self {
        Self { interval, lifetime, timeout, phase: Phase::Unused, was_listed: false, is_failing: false }
    }

    /// Applies an observation, made `elapsed` after the code was created.
    pub(crate) fn observe(&mut self, elapsed: Duration, observation: Observation) -> Transition {
        let is_failing = matches!(observation, Observation::Failure(_));
        let changed = is_failing != self.is_failing;
        self.is_failing = is_failing;
        let next = match observation {
            Observation::Enrollment(status) => self.observe_enrollment(elapsed, status.as_ref()),
            Observation::Device(true) => NextAction::Paired,
            Observation::Device(false) => self.poll_again(elapsed, Duration::ZERO),
            Observation::Failure(retry_after) => {
                self.poll_again(elapsed, retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
            }
        };
        Transition { is_failing: changed.then_some(is_failing), next }
    }

    fn observe_enrollment(&mut self, elapsed: Duration, status: Option<&EnrollmentStatus>) -> NextAction {
        match status {
            Some(EnrollmentStatus::Consumed) => {
                self.phase = Phase::Consumed(elapsed);
                NextAction::PollDevice(Duration::ZERO)
            }
            Some(EnrollmentStatus::Expired) => NextAction::Expired,
            Some(EnrollmentStatus::Cancelled) => self.observe_removal(elapsed),
            None if self.was_listed => self.observe_removal(elapsed),
            // An enrollment that was never listed was not removed. Only the devices show whether its code was used.
            None if elapsed >= ENROLLMENT_LIST_TIMEOUT => NextAction::PollDevice(Duration::ZERO),
            None => self.poll_again(elapsed, Duration::ZERO),
            Some(EnrollmentStatus::Pending | EnrollmentStatus::Other(_)) => {
                self.was_listed = true;
                self.poll_again(elapsed, Duration::ZERO)
            }
        }
    }

    const fn observe_removal(&mut self, elapsed: Duration) -> NextAction {
        self.phase = Phase::Removed(elapsed);
        NextAction::PollDevice(Duration::ZERO)
    }

    fn poll_again(&self, elapsed: Duration, retry_after: Duration) -> NextAction {
        let delay = self.interval.max(retry_after);
        match self.phase {
            Phase::Consumed(since) if elapsed.saturating_sub(since) >= DEVICE_LIST_TIMEOUT => {
                NextAction::DeviceMissing
            }
            Phase::Removed(since) if elapsed.saturating_sub(since) >= WITHDRAWN_DEVICE_TIMEOUT => {
                NextAction::NotListed
            }
            Phase::Consumed(_) | Phase::Removed(_) => NextAction::PollDevice(delay),
            Phase::Unused => self.poll_unused(elapsed, delay),
        }
    }

    /// Also polls exactly at the timeout and at the end of the lifetime.
    fn poll_unused(&self, elapsed: Duration, mut delay: Duration) -> NextAction {
        let last_poll = self.lifetime + EXPIRY_GRACE;
        if elapsed >= last_poll {
            return NextAction::LifetimeOver;
        }
        if self.timeout.is_some_and(|timeout| elapsed >= timeout) {
            return NextAction::TimedOut;
        }
        for deadline in [Some(self.lifetime), Some(last_poll), self.timeout].into_iter().flatten() {
            if deadline > elapsed {
                delay = delay.min(deadline.saturating_sub(elapsed));
            }
        }
        NextAction::PollEnrollment(delay)
    }
}

/// The first unused name of "LOCATION till 1", "LOCATION till 2", …
pub(crate) fn suggest_name(location: Option<&str>, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let prefix = match location.map(str::trim).filter(|location| !location.is_empty()) {
        Some(location) => format!("{location} till"),
        None => "Till".to_owned(),
    };
    let mut candidates = (1_usize..).map(|number| format!("{prefix} {number}"));
    candidates.find(|name| !names.contains(&name.to_lowercase())).unwrap_or(prefix)
}

#[cfg(test)]
#[path = "pairing_tests.rs"]
mod tests;
