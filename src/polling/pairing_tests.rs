use super::*;
use EnrollmentStatus::{Cancelled, Consumed, Expired, Other, Pending};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(100);

fn pairing() -> Pairing {
    Pairing::new(2 * SECOND, LIFETIME, None)
}

fn enrollment(status: EnrollmentStatus) -> Observation {
    Observation::Enrollment(Some(status))
}

fn next(pairing: &mut Pairing, second: u32, observation: Observation) -> NextAction {
    pairing.observe(second * SECOND, observation).next
}

#[test]
fn a_used_code_leads_to_its_device() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 1, enrollment(Pending)), NextAction::PollEnrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 3, enrollment(Consumed)), NextAction::PollDevice(Duration::ZERO));
    assert_eq!(
        next(&mut pairing, 3, Observation::Device(false)),
        NextAction::PollDevice(2 * SECOND),
        "a list may lag"
    );
    assert_eq!(next(&mut pairing, 5, Observation::Device(true)), NextAction::Paired);
}

#[test]
fn the_enrollment_is_polled_at_the_end_of_its_lifetime() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 99, enrollment(Pending)), NextAction::PollEnrollment(SECOND));
    assert_eq!(
        next(&mut pairing, 100, enrollment(Pending)),
        NextAction::PollEnrollment(2 * SECOND),
        "clocks differ"
    );
    assert_eq!(next(&mut pairing, 114, enrollment(Pending)), NextAction::PollEnrollment(SECOND));
    assert_eq!(
        next(&mut pairing, 115, enrollment(Pending)),
        NextAction::LifetimeOver,
        "whatever the API says"
    );
    let mut used_late = self::pairing();
    assert_eq!(next(&mut used_late, 101, enrollment(Consumed)), NextAction::PollDevice(Duration::ZERO));
    assert_eq!(next(&mut used_late, 101, Observation::Device(true)), NextAction::Paired);
    assert_eq!(next(&mut self::pairing(), 4, enrollment(Expired)), NextAction::Expired);
}

#[test]
fn an_enrollment_that_is_no_longer_listed_was_withdrawn() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 1, Observation::Enrollment(None)), NextAction::PollEnrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 3, enrollment(Pending)), NextAction::PollEnrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 5, Observation::Enrollment(None)), NextAction::PollDevice(Duration::ZERO));
    assert_eq!(
        next(&mut pairing, 5, Observation::Device(false)),
        NextAction::PollDevice(2 * SECOND),
        "a list may lag"
    );
    assert_eq!(
        next(&mut pairing.clone(), 9, Observation::Device(true)),
        NextAction::Paired,
        "the list may omit used enrollments"
    );
    assert_eq!(next(&mut pairing, 10, Observation::Device(false)), NextAction::NotListed);
    let mut cancelled = self::pairing();
    assert_eq!(next(&mut cancelled, 1, enrollment(Cancelled)), NextAction::PollDevice(Duration::ZERO));
}

#[test]
fn an_enrollment_that_was_never_listed_does_not_count_as_withdrawn() {
    let mut pairing = pairing();
    for second in (15..99).step_by(4) {
        assert_eq!(
            next(&mut pairing, second, Observation::Enrollment(None)),
            NextAction::PollDevice(Duration::ZERO)
        );
        assert!(matches!(
            next(&mut pairing, second, Observation::Device(false)),
            NextAction::PollEnrollment(_)
        ));
    }
    assert_eq!(next(&mut pairing.clone(), 99, Observation::Device(true)), NextAction::Paired);
    assert_eq!(next(&mut pairing, 115, Observation::Device(false)), NextAction::LifetimeOver);
}

#[test]
fn a_temporary_failure_is_reported_once() {
    let mut pairing = pairing();
    let failure = |retry_after: Option<u64>| Observation::Failure(retry_after.map(Duration::from_secs));
    assert_eq!(
        pairing.observe(SECOND, failure(None)),
        Transition { is_failing: Some(true), next: NextAction::PollEnrollment(2 * SECOND) }
    );
    assert_eq!(
        pairing.observe(3 * SECOND, failure(Some(9))),
        Transition { is_failing: None, next: NextAction::PollEnrollment(9 * SECOND) }
    );
    assert_eq!(
        pairing.observe(12 * SECOND, enrollment(Pending)),
        Transition { is_failing: Some(false), next: NextAction::PollEnrollment(2 * SECOND) }
    );
    assert_eq!(next(&mut pairing, 115, failure(Some(3600))), NextAction::LifetimeOver);
}

#[test]
fn a_device_that_never_appears_ends_the_wait() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 10, enrollment(Consumed)), NextAction::PollDevice(Duration::ZERO));
    assert_eq!(next(&mut pairing, 69, Observation::Failure(None)), NextAction::PollDevice(2 * SECOND));
    assert_eq!(next(&mut pairing, 70, Observation::Device(false)), NextAction::DeviceMissing);
}

#[test]
fn the_timeout_does_not_apply_once_the_code_was_used() {
    let mut pairing = Pairing::new(2 * SECOND, LIFETIME, Some(5 * SECOND));
    assert_eq!(next(&mut pairing, 4, enrollment(Pending)), NextAction::PollEnrollment(SECOND));
    assert_eq!(next(&mut pairing.clone(), 5, enrollment(Pending)), NextAction::TimedOut);
    assert_eq!(next(&mut pairing, 5, enrollment(Consumed)), NextAction::PollDevice(Duration::ZERO));
    assert_eq!(next(&mut pairing, 6, Observation::Device(false)), NextAction::PollDevice(2 * SECOND));
}

#[test]
fn the_time_left_follows_the_api_if_it_is_plausible() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    for (expires_at, left) in [
        (Some("2026-03-01T12:01:00Z"), 60 * SECOND),
        (Some("2026-03-01T11:00:00Z"), LIFETIME),
        (Some("2026-03-01T13:00:00Z"), LIFETIME),
        (None, LIFETIME),
    ] {
        let expires_at = expires_at.map(|text| text.parse().unwrap());
        assert_eq!(time_left(LIFETIME, expires_at, now), left, "{expires_at:?}");
    }
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
                NextAction::PollEnrollment(wait) => {
                    prop_assert!(wait <= MAX_RETRY_AFTER && !wait.is_zero());
                    elapsed += wait;
                }
                NextAction::LifetimeOver => {
                    prop_assert!(elapsed >= LIFETIME + EXPIRY_GRACE);
                    return Ok(());
                }
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(elapsed <= LIFETIME + EXPIRY_GRACE);
        }
        prop_assert_eq!(pairing.observe(elapsed, enrollment(Consumed)).next, NextAction::PollDevice(Duration::ZERO));
        prop_assert_eq!(pairing.observe(elapsed, Observation::Device(true)).next, NextAction::Paired);
    }

    #[test]
    fn a_suggested_name_is_unused(taken in prop::collection::vec("(Haga|HAGA) till [1-5]", 0..8)) {
        let name = suggest_name(Some("Haga"), &taken);
        prop_assert!(taken.iter().all(|other| !other.eq_ignore_ascii_case(&name)));
    }
}
