use super::*;
use EnrollmentStatus::{Cancelled, Consumed, Expired, Other, Pending};
use NextAction::{DeviceMissing, LifetimeOver, NotListed, Paired, PollDevice, PollEnrollment, TimedOut};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(100);

fn pairing() -> Pairing {
    Pairing::new(2 * SECOND, LIFETIME, None)
}

fn enrollment(status: EnrollmentStatus) -> Observation {
    Observation::Enrollment(Some(status))
}

const NOT_LISTED: Observation = Observation::Enrollment(None);
const NO_DEVICE: Observation = Observation::Device(false);
const DEVICE: Observation = Observation::Device(true);

/// Checks the next action after each observation, made at that second.
#[track_caller]
fn observe_all(pairing: &mut Pairing, steps: impl IntoIterator<Item = (u32, Observation, NextAction)>) {
    for (second, observation, expected) in steps {
        let next = pairing.observe(second * SECOND, observation.clone()).next;
        assert_eq!(next, expected, "after {observation:?} at {second} s");
    }
}

#[test]
fn a_used_code_leads_to_its_device() {
    let steps = [
        (1, enrollment(Pending), PollEnrollment(2 * SECOND)),
        (3, enrollment(Consumed), PollDevice(Duration::ZERO)),
        // The list of devices may lag.
        (3, NO_DEVICE, PollDevice(2 * SECOND)),
        (5, DEVICE, Paired),
    ];
    observe_all(&mut pairing(), steps);
    let at_the_last_moment = [(101, enrollment(Consumed), PollDevice(Duration::ZERO)), (101, DEVICE, Paired)];
    observe_all(&mut pairing(), at_the_last_moment);
}

#[test]
fn the_enrollment_is_polled_at_the_end_of_its_lifetime() {
    let steps = [
        (99, enrollment(Pending), PollEnrollment(SECOND)),
        // Clocks differ.
        (100, enrollment(Pending), PollEnrollment(2 * SECOND)),
        (114, enrollment(Pending), PollEnrollment(SECOND)),
        (115, enrollment(Pending), LifetimeOver),
    ];
    observe_all(&mut pairing(), steps);
    observe_all(&mut pairing(), [(4, enrollment(Expired), NextAction::Expired)]);
}

#[test]
fn an_enrollment_that_is_no_longer_listed_was_withdrawn() {
    let mut pairing = pairing();
    let steps = [
        (1, NOT_LISTED, PollEnrollment(2 * SECOND)),
        (3, enrollment(Pending), PollEnrollment(2 * SECOND)),
        (5, NOT_LISTED, PollDevice(Duration::ZERO)),
        (5, NO_DEVICE, PollDevice(2 * SECOND)),
    ];
    observe_all(&mut pairing, steps);
    // The list may omit used enrollments.
    observe_all(&mut pairing.clone(), [(9, DEVICE, Paired)]);
    observe_all(&mut pairing, [(10, NO_DEVICE, NotListed)]);
    observe_all(&mut self::pairing(), [(1, enrollment(Cancelled), PollDevice(Duration::ZERO))]);
}

#[test]
fn an_enrollment_that_was_never_listed_does_not_count_as_withdrawn() {
    let mut pairing = pairing();
    for second in (15..95).step_by(4) {
        let steps = [
            (second, NOT_LISTED, PollDevice(Duration::ZERO)),
            (second, NO_DEVICE, PollEnrollment(2 * SECOND)),
        ];
        observe_all(&mut pairing, steps);
    }
    observe_all(&mut pairing.clone(), [(99, DEVICE, Paired)]);
    observe_all(&mut pairing, [(115, NO_DEVICE, LifetimeOver)]);
}

#[test]
fn a_temporary_failure_is_reported_once() {
    let mut pairing = pairing();
    let failure = |retry_after: Option<u64>| Observation::Failure(retry_after.map(Duration::from_secs));
    for (second, observation, is_failing, delay) in [
        (1, failure(None), Some(true), 2),
        (3, failure(Some(9)), None, 9),
        (12, enrollment(Pending), Some(false), 2),
    ] {
        let next = PollEnrollment(delay * SECOND);
        assert_eq!(pairing.observe(second * SECOND, observation), Transition { is_failing, next });
    }
    observe_all(&mut pairing, [(115, failure(Some(3600)), LifetimeOver)]);
}

#[test]
fn a_device_that_never_appears_ends_the_wait() {
    let steps = [
        (10, enrollment(Consumed), PollDevice(Duration::ZERO)),
        (69, Observation::Failure(None), PollDevice(2 * SECOND)),
        (70, NO_DEVICE, DeviceMissing),
    ];
    observe_all(&mut pairing(), steps);
}

#[test]
fn the_timeout_does_not_apply_once_the_code_was_used() {
    let mut pairing = Pairing::new(2 * SECOND, LIFETIME, Some(5 * SECOND));
    observe_all(&mut pairing, [(4, enrollment(Pending), PollEnrollment(SECOND))]);
    observe_all(&mut pairing.clone(), [(5, enrollment(Pending), TimedOut)]);
    let steps =
        [(5, enrollment(Consumed), PollDevice(Duration::ZERO)), (6, NO_DEVICE, PollDevice(2 * SECOND))];
    observe_all(&mut pairing, steps);
}

#[test]
fn the_first_unused_name_is_suggested() {
    for (location, names, suggested) in [
        (Some("Haga"), &[][..], "Haga till 1"),
        (Some("Haga"), &["haga TILL 1", "Haga till 3"], "Haga till 2"),
        (None, &["Till 1"], "Till 2"),
        (Some(" "), &[], "Till 1"),
    ] {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        assert_eq!(suggest_name(location, &names), suggested);
    }
}

fn observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        Just(enrollment(Pending)),
        Just(enrollment(Other("NEW".into()))),
        Just(Observation::Failure(None)),
        (0_u64..100_000).prop_map(|seconds| Observation::Failure(Some(Duration::from_secs(seconds)))),
    ]
}

proptest! {
    /// The wait ends soon after the code's lifetime.
    #[test]
    fn a_used_code_is_found_after_any_observations(observations in prop::collection::vec(observation(), 0..60)) {
        let mut pairing = pairing();
        let mut elapsed = Duration::ZERO;
        for observation in observations {
            match pairing.observe(elapsed, observation).next {
                PollEnrollment(wait) => {
                    prop_assert!(wait <= MAX_RETRY_AFTER && !wait.is_zero());
                    elapsed += wait;
                }
                LifetimeOver => {
                    prop_assert!(elapsed >= LIFETIME + EXPIRY_GRACE);
                    return Ok(());
                }
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(elapsed <= LIFETIME + EXPIRY_GRACE);
        }
        prop_assert_eq!(pairing.observe(elapsed, enrollment(Consumed)).next, PollDevice(Duration::ZERO));
        prop_assert_eq!(pairing.observe(elapsed, Observation::Device(true)).next, Paired);
    }

    #[test]
    fn a_suggested_name_is_unused(taken in prop::collection::vec("(Haga|HAGA) till [1-5]", 0..8)) {
        let name = suggest_name(Some("Haga"), &taken);
        prop_assert!(taken.iter().all(|other| !other.eq_ignore_ascii_case(&name)));
    }
}
