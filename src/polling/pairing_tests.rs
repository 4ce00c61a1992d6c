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

fn next(pairing: &mut Pairing, second: u32, seen: Observation) -> NextAction {
    pairing.observe(second * SECOND, seen).next
}

#[test]
fn a_code_that_is_used_leads_to_its_phone() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 1, enrollment(Pending)), NextAction::Enrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 3, enrollment(Consumed)), NextAction::Device(Duration::ZERO));
    assert_eq!(
        next(&mut pairing, 3, Observation::Device(false)),
        NextAction::Device(2 * SECOND),
        "a list may lag"
    );
    assert_eq!(next(&mut pairing, 5, Observation::Device(true)), NextAction::Paired);
}

#[test]
fn a_code_ends_with_a_look_at_its_very_end() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 99, enrollment(Pending)), NextAction::Enrollment(SECOND));
    assert_eq!(
        next(&mut pairing, 100, enrollment(Pending)),
        NextAction::Enrollment(2 * SECOND),
        "clocks differ"
    );
    assert_eq!(next(&mut pairing, 114, enrollment(Pending)), NextAction::Enrollment(SECOND));
    assert_eq!(next(&mut pairing, 115, enrollment(Pending)), NextAction::Over, "whatever the API says");
    assert_eq!(next(&mut pairing, 4, enrollment(Expired)), NextAction::Expired);
}

#[test]
fn a_phone_that_was_faster_than_the_end_counts() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 101, enrollment(Consumed)), NextAction::Device(Duration::ZERO));
    assert_eq!(next(&mut pairing, 101, Observation::Device(true)), NextAction::Paired);
}

#[test]
fn an_enrollment_that_is_not_listed_yet_is_waited_for_and_one_that_left_is_withdrawn() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 1, Observation::Enrollment(None)), NextAction::Enrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 3, enrollment(Pending)), NextAction::Enrollment(2 * SECOND));
    assert_eq!(next(&mut pairing, 5, Observation::Enrollment(None)), NextAction::Device(Duration::ZERO));
    assert_eq!(
        next(&mut pairing, 5, Observation::Device(false)),
        NextAction::Device(2 * SECOND),
        "a list may lag"
    );
    assert_eq!(
        next(&mut pairing.clone(), 9, Observation::Device(true)),
        NextAction::Paired,
        "it may leave used ones out"
    );
    assert_eq!(next(&mut pairing, 10, Observation::Device(false)), NextAction::Withdrawn);
    let mut cancelled = self::pairing();
    assert_eq!(next(&mut cancelled, 1, enrollment(Cancelled)), NextAction::Device(Duration::ZERO));
}

#[test]
fn an_enrollment_that_is_never_listed_is_not_taken_for_withdrawn() {
    let mut pairing = pairing();
    for second in (15..99).step_by(4) {
        assert_eq!(
            next(&mut pairing, second, Observation::Enrollment(None)),
            NextAction::Device(Duration::ZERO)
        );
        assert!(matches!(next(&mut pairing, second, Observation::Device(false)), NextAction::Enrollment(_)));
    }
    assert_eq!(next(&mut pairing.clone(), 99, Observation::Device(true)), NextAction::Paired);
    assert_eq!(next(&mut pairing, 115, Observation::Device(false)), NextAction::Over);
}

#[test]
fn a_passing_failure_is_told_once_and_ends_nothing() {
    let mut pairing = pairing();
    let trouble = |asked: Option<u64>| Observation::Failure(asked.map(Duration::from_secs));
    assert_eq!(
        pairing.observe(SECOND, trouble(None)),
        Transition { trouble: Some(true), next: NextAction::Enrollment(2 * SECOND) }
    );
    assert_eq!(
        pairing.observe(3 * SECOND, trouble(Some(9))),
        Transition { trouble: None, next: NextAction::Enrollment(9 * SECOND) }
    );
    assert_eq!(
        pairing.observe(12 * SECOND, enrollment(Pending)),
        Transition { trouble: Some(false), next: NextAction::Enrollment(2 * SECOND) }
    );
    assert_eq!(next(&mut pairing, 115, trouble(Some(3600))), NextAction::Over);
}

#[test]
fn a_device_that_never_appears_ends_the_wait() {
    let mut pairing = pairing();
    assert_eq!(next(&mut pairing, 10, enrollment(Consumed)), NextAction::Device(Duration::ZERO));
    assert_eq!(next(&mut pairing, 69, Observation::Failure(None)), NextAction::Device(2 * SECOND));
    assert_eq!(next(&mut pairing, 70, Observation::Device(false)), NextAction::NoDevice);
}

#[test]
fn a_limit_ends_the_wait_but_not_for_a_phone_that_is_on_its_way() {
    let mut pairing = Pairing::new(2 * SECOND, LIFETIME, Some(5 * SECOND));
    assert_eq!(next(&mut pairing, 4, enrollment(Pending)), NextAction::Enrollment(SECOND));
    assert_eq!(next(&mut pairing.clone(), 5, enrollment(Pending)), NextAction::TimedOut);
    assert_eq!(next(&mut pairing, 5, enrollment(Consumed)), NextAction::Device(Duration::ZERO));
    assert_eq!(next(&mut pairing, 6, Observation::Device(false)), NextAction::Device(2 * SECOND));
}

#[test]
fn the_time_left_is_what_the_answer_says_if_clocks_allow_it() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    assert_eq!(time_left(LIFETIME, at("2026-03-01T12:01:00Z"), now), 60 * SECOND);
    assert_eq!(time_left(LIFETIME, at("2026-03-01T11:00:00Z"), now), LIFETIME, "this clock is ahead");
    assert_eq!(time_left(LIFETIME, at("2026-03-01T13:00:00Z"), now), LIFETIME, "this clock is behind");
    assert_eq!(time_left(LIFETIME, None, now), LIFETIME);
}

#[test]
fn the_first_free_till_is_suggested() {
    assert_eq!(suggested_name(Some("Haga"), []), "Haga till 1");
    assert_eq!(suggested_name(Some("Haga"), ["haga TILL 1", "Haga till 3"]), "Haga till 2");
    assert_eq!(suggested_name(None, ["Till 1"]), "Till 2");
    assert_eq!(suggested_name(Some(" "), []), "Till 1");
}

fn look() -> impl Strategy<Value = Observation> {
    prop_oneof![
        Just(enrollment(Pending)),
        Just(enrollment(Other("NEW".into()))),
        Just(Observation::Failure(None)),
        (0_u64..100_000).prop_map(|asked| Observation::Failure(Some(Duration::from_secs(asked)))),
    ]
}

proptest! {
    /// Whatever happens before: a phone that uses the code is found, and the wait is over soon after the code's end.
    #[test]
    fn the_phone_is_found_whatever_happens_before(looks in prop::collection::vec(look(), 0..60)) {
        let mut pairing = pairing();
        let mut elapsed = Duration::ZERO;
        for seen in looks {
            match pairing.observe(elapsed, seen).next {
                NextAction::Enrollment(wait) => {
                    prop_assert!(wait <= MAX_RETRY_AFTER && !wait.is_zero());
                    elapsed += wait;
                }
                NextAction::Over => {
                    prop_assert!(elapsed >= LIFETIME + EXPIRY_GRACE);
                    return Ok(());
                }
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(elapsed <= LIFETIME + EXPIRY_GRACE);
        }
        prop_assert_eq!(pairing.observe(elapsed, enrollment(Consumed)).next, NextAction::Device(Duration::ZERO));
        prop_assert_eq!(pairing.observe(elapsed, Observation::Device(true)).next, NextAction::Paired);
    }

    #[test]
    fn a_suggested_name_is_free(taken in prop::collection::vec("(Haga|HAGA) till [1-5]", 0..8)) {
        let name = suggested_name(Some("Haga"), taken.iter().map(String::as_str));
        prop_assert!(taken.iter().all(|other| !other.eq_ignore_ascii_case(&name)));
    }
}
