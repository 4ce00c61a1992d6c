use super::*;
use crate::error::ErrorKind;
use serde_json::json;

fn step(act: Action, expect: Expect) -> Step {
    Step { line: 1, name: None, act, subject: None, expect }
}

/// What is not as expected of a step that asks something, as one text.
fn unmet(expect: Expect, seen: &StepResult) -> Vec<String> {
    told(&step(Action::Get { session: 0 }, expect), seen)
}

fn told(step: &Step, seen: &StepResult) -> Vec<String> {
    let told = |Mismatch { what, expected, actual }| format!("{what}: {expected} / {actual}");
    check_expectations(step, seen).into_iter().map(told).collect()
}

fn answer(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

fn worked(value: Value) -> StepResult {
    StepResult {
        http: Some(200),
        exit: Some(ExitStatus::Success),
        answer: Some(answer(value)),
        ..StepResult::default()
    }
}

fn refused() -> StepResult {
    let said = Some("It is offline.".to_owned());
    StepResult {
        http: Some(409),
        exit: Some(ExitStatus::ScenarioFailed(ErrorKind::Refused)),
        said,
        ..StepResult::default()
    }
}

#[test]
fn a_step_has_to_work_unless_something_else_is_expected() {
    assert_eq!(unmet(Expect::default(), &worked(json!({}))), [""; 0]);
    assert_eq!(unmet(Expect::default(), &refused()), ["step: exit 0 / exit 5: It is offline."]);
    let http = |http| Expect { http: Some(http), ..Expect::default() };
    assert_eq!(unmet(http(409), &refused()), [""; 0]);
    assert_eq!(unmet(http(404), &refused()), ["http: 404 / 409: It is offline."]);
    assert_eq!(unmet(http(409), &worked(json!({}))), ["http: 409 / 200"]);
    assert_eq!(
        unmet(http(409), &StepResult { http: None, ..refused() }),
        ["http: 409 / no answer: It is offline."]
    );
    let exit = |exit| Expect { exit: Some(exit), ..Expect::default() };
    assert_eq!(unmet(exit(5), &refused()), [""; 0]);
    assert_eq!(unmet(exit(4), &refused()), ["exit: 4 / 5: It is offline."]);
    assert_eq!(unmet(exit(5), &worked(json!({}))), ["exit: 5 / 0"]);
}

#[test]
fn the_right_status_with_an_answer_that_cannot_be_used_does_not_pass() {
    let seen = StepResult { http: Some(200), ..refused() };
    let expect = Expect { http: Some(200), ..Expect::default() };
    assert_eq!(unmet(expect, &seen), ["step: exit 0 / exit 5: It is offline."]);
}

#[test]
fn a_step_that_did_something_else_is_not_asked_for_the_rest() {
    let expect = Expect { has: vec!["order_id".into()], status: Some("ACTIVE".into()), ..Expect::default() };
    assert_eq!(unmet(expect, &refused()), ["step: exit 0 / exit 5: It is offline."]);
}

#[test]
fn a_status_is_the_one_that_was_read() {
    let expect = || Expect { status: Some("ACTIVE".into()), ..Expect::default() };
    let seen = |status: Option<&str>| StepResult { status: status.map(str::to_owned), ..worked(json!({})) };
    assert_eq!(unmet(expect(), &seen(Some("ACTIVE"))), [""; 0]);
    assert_eq!(unmet(expect(), &seen(Some("CREATED"))), ["status: ACTIVE / CREATED"]);
    assert_eq!(unmet(expect(), &seen(None)), ["status: ACTIVE / none"]);
}

#[test]
fn a_refusal_says_what_it_has_to_in_whatever_case() {
    let expect = |says: &str| Expect { http: Some(409), says: Some(says.into()), ..Expect::default() };
    assert_eq!(unmet(expect("is OFFLINE"), &refused()), [""; 0]);
    assert_eq!(unmet(expect("has ended"), &refused()), ["says: has ended / It is offline."]);
    assert_eq!(unmet(expect("x"), &StepResult { said: None, ..refused() }), ["says: x / nothing"]);
}

#[test]
fn of_an_answer_that_is_looked_at_which_is_named() {
    let seen = worked(json!({
        "amount": 100, "more": true, "nothing": null, "deep": {"a": "x", "b": 2}, "list": [{"n": 1, "m": 2}, 5],
    }));
    let expect = |value| Expect { answer: answer(value), ..Expect::default() };
    let fine = json!({"amount": 100, "deep": {"a": "x"}, "list": [{"n": 1}, 5]});
    assert_eq!(unmet(expect(fine), &seen), [""; 0]);
    let wrong = json!({"amount": "100", "deep": {"a": "y", "c": 1}, "list": [{"n": 2}, 6], "gone": 1});
    assert_eq!(
        unmet(expect(wrong), &seen),
        [
            "answer.amount: \"100\" / 100",
            "answer.deep.a: \"y\" / \"x\"",
            "answer.deep.c: 1 / nothing",
            "answer.list[0].n: 2 / 1",
            "answer.list[1]: 6 / 5",
            "answer.gone: 1 / nothing",
        ]
    );
    assert_eq!(unmet(expect(json!({"list": [5]})), &seen), ["answer.list: 1 element / 2 elements"]);
    assert_eq!(unmet(expect(json!({"amount": {"x": 1}})), &seen), ["answer.amount: {\"x\":1} / 100"]);
    assert_eq!(
        unmet(expect(json!({"a": 1})), &StepResult { answer: None, ..worked(json!({})) }),
        ["answer.a: 1 / nothing"]
    );
}

#[test]
fn fields_are_there_or_not_whatever_they_hold() {
    let seen = worked(json!({"a": {"b": false}, "none": null, "secret": "[redacted]"}));
    let has = |path: &str| Expect { has: vec![path.into()], ..Expect::default() };
    let lacks = |path: &str| Expect { lacks: vec![path.into()], ..Expect::default() };
    for path in ["a", "a.b", "secret"] {
        assert_eq!(unmet(has(path), &seen), [""; 0]);
    }
    for path in ["b", "a.c", "a.b.c", "none"] {
        assert_eq!(unmet(has(path), &seen), [format!("has: {path} / nothing")]);
        assert_eq!(unmet(lacks(path), &seen), [""; 0]);
    }
    assert_eq!(unmet(lacks("a.b"), &seen), ["lacks: no a.b / false"]);
}

#[test]
fn callbacks_are_those_of_the_step_in_their_order() {
    let (created, failed) = (CallbackType::SessionCreated, CallbackType::PaymentFailed);
    let expect = |types: &[&CallbackType]| Expect {
        callbacks: Some(types.iter().map(|kind| (*kind).clone()).collect()),
        ..Expect::default()
    };
    let seen = |types: Vec<CallbackType>| StepResult { callbacks: Some(types), ..worked(json!({})) };
    let both = || seen(vec![created.clone(), failed.clone()]);
    assert_eq!(unmet(expect(&[&created, &failed]), &both()), [""; 0]);
    let told = "callbacks: ipp.payment.failed, ipp.session.created / ipp.session.created, ipp.payment.failed";
    assert_eq!(unmet(expect(&[&failed, &created]), &both()), [told]);
    let told = "callbacks: none / ipp.session.created";
    assert_eq!(unmet(expect(&[]), &seen(vec![created.clone()])), [told]);
    assert_eq!(unmet(expect(&[&created]), &seen(vec![])), ["callbacks: ipp.session.created / none"]);
    assert_eq!(unmet(expect(&[&created]), &worked(json!({}))), [""; 0], "they cannot be seen everywhere");
}

#[test]
fn a_wait_says_what_it_was_for() {
    let within = std::time::Duration::from_secs(90);
    let wait = Action::Wait { session: 0, until: crate::model::SessionStatus::Expired, within };
    let seen = StepResult {
        http: Some(200),
        exit: Some(ExitStatus::SessionOpen),
        said: Some("it is ACTIVE".into()),
        ..refused()
    };
    assert_eq!(
        told(&step(wait, Expect::default()), &seen),
        ["step: EXPIRED within 1m 30s / exit 13: it is ACTIVE"]
    );
}
