use super::*;
use serde_json::json;

fn step(action: Action, expect: Expect) -> Step {
    let action_name = "x".to_owned();
    Step { line: 1, action_name, action, target: None, status_of: None, expect }
}

fn unmet(expect: Expect, result: &StepResult) -> Vec<String> {
    list_mismatches(&step(Action::Get { session: None }, expect), result)
}

fn list_mismatches(step: &Step, result: &StepResult) -> Vec<String> {
    let format = |Mismatch { what, expected, actual }| format!("{what}: {expected} / {actual}");
    check_expectations(step, result).into_iter().map(format).collect()
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

fn success(value: Value) -> StepResult {
    StepResult { http: Some(200), response: Some(object(value)), ..StepResult::default() }
}

fn failure() -> StepResult {
    let message = Some("It is offline.".to_owned());
    StepResult { http: Some(409), exit_code: 5, message, ..StepResult::default() }
}

#[test]
fn a_step_must_succeed_unless_a_failure_is_expected() {
    assert_eq!(unmet(Expect::default(), &success(json!({}))), [""; 0]);
    assert_eq!(unmet(Expect::default(), &failure()), ["step: exit 0 / exit 5: It is offline."]);
    let http = |http| Expect { http: Some(http), ..Expect::default() };
    assert_eq!(unmet(http(409), &failure()), [""; 0]);
    assert_eq!(unmet(http(404), &failure()), ["http: 404 / 409: It is offline."]);
    assert_eq!(unmet(http(409), &success(json!({}))), ["http: 409 / 200"]);
    assert_eq!(
        unmet(http(409), &StepResult { http: None, ..failure() }),
        ["http: 409 / no response: It is offline."]
    );
    let exit = |exit| Expect { exit: Some(exit), ..Expect::default() };
    assert_eq!(unmet(exit(5), &failure()), [""; 0]);
    assert_eq!(unmet(exit(4), &failure()), ["exit: 4 / 5: It is offline."]);
    assert_eq!(unmet(exit(5), &success(json!({}))), ["exit: 5 / 0"]);
}

#[test]
fn the_expected_status_with_an_invalid_response_does_not_pass() {
    let result = StepResult { http: Some(200), ..failure() };
    let expect = Expect { http: Some(200), ..Expect::default() };
    assert_eq!(unmet(expect, &result), ["step: exit 0 / exit 5: It is offline."]);
}

#[test]
fn a_step_with_another_outcome_is_not_checked_further() {
    let expect = Expect { has: vec!["order_id".into()], status: Some("ACTIVE".into()), ..Expect::default() };
    assert_eq!(unmet(expect, &failure()), ["step: exit 0 / exit 5: It is offline."]);
}

#[test]
fn the_status_is_compared() {
    let expect = || Expect { status: Some("ACTIVE".into()), ..Expect::default() };
    let result =
        |status: Option<&str>| StepResult { status: status.map(str::to_owned), ..success(json!({})) };
    assert_eq!(unmet(expect(), &result(Some("ACTIVE"))), [""; 0]);
    assert_eq!(unmet(expect(), &result(Some("CREATED"))), ["status: ACTIVE / CREATED"]);
    assert_eq!(unmet(expect(), &result(None)), ["status: ACTIVE / none"]);
}

#[test]
fn the_message_contains_the_text_ignoring_case() {
    let expect = |says: &str| Expect { http: Some(409), message: Some(says.into()), ..Expect::default() };
    assert_eq!(unmet(expect("is OFFLINE"), &failure()), [""; 0]);
    assert_eq!(unmet(expect("has ended"), &failure()), ["says: has ended / It is offline."]);
    assert_eq!(unmet(expect("x"), &StepResult { message: None, ..failure() }), ["says: x / nothing"]);
}

#[test]
fn only_named_fields_of_a_response_are_compared() {
    let result = success(json!({
        "amount": 100, "more": true, "nothing": null, "deep": {"a": "x", "b": 2}, "list": [{"n": 1, "m": 2}, 5],
    }));
    let expect = |value| Expect { response: object(value), ..Expect::default() };
    let fine = json!({"amount": 100, "deep": {"a": "x"}, "list": [{"n": 1}, 5]});
    assert_eq!(unmet(expect(fine), &result), [""; 0]);
    let wrong = json!({"amount": "100", "deep": {"a": "y", "c": 1}, "list": [{"n": 2}, 6], "gone": 1});
    assert_eq!(
        unmet(expect(wrong), &result),
        [
            "answer.amount: \"100\" / 100",
            "answer.deep.a: \"y\" / \"x\"",
            "answer.deep.c: 1 / nothing",
            "answer.list[0].n: 2 / 1",
            "answer.list[1]: 6 / 5",
            "answer.gone: 1 / nothing",
        ]
    );
    assert_eq!(unmet(expect(json!({"list": [5]})), &result), ["answer.list: 1 element / 2 elements"]);
    assert_eq!(unmet(expect(json!({"amount": {"x": 1}})), &result), ["answer.amount: {\"x\":1} / 100"]);
    assert_eq!(
        unmet(expect(json!({"a": 1})), &StepResult { response: None, ..success(json!({})) }),
        ["answer.a: 1 / nothing"]
    );
}

#[test]
fn fields_are_present_unless_null() {
    let result = success(json!({"a": {"b": false}, "none": null, "secret": "[redacted]"}));
    let has = |path: &str| Expect { has: vec![path.into()], ..Expect::default() };
    let lacks = |path: &str| Expect { lacks: vec![path.into()], ..Expect::default() };
    for path in ["a", "a.b", "secret"] {
        assert_eq!(unmet(has(path), &result), [""; 0]);
    }
    for path in ["b", "a.c", "a.b.c", "none"] {
        assert_eq!(unmet(has(path), &result), [format!("has: {path} / nothing")]);
        assert_eq!(unmet(lacks(path), &result), [""; 0]);
    }
    assert_eq!(unmet(lacks("a.b"), &result), ["lacks: no a.b / false"]);
}

#[test]
fn callbacks_are_compared_in_order() {
    let (created, failed) = (CallbackType::SessionCreated, CallbackType::PaymentFailed);
    let expect = |types: &[&CallbackType]| Expect {
        callbacks: Some(types.iter().map(|kind| (*kind).clone()).collect()),
        ..Expect::default()
    };
    let result = |types: Vec<CallbackType>| StepResult { callbacks: Some(types), ..success(json!({})) };
    let both = || result(vec![created.clone(), failed.clone()]);
    assert_eq!(unmet(expect(&[&created, &failed]), &both()), [""; 0]);
    let expected =
        "callbacks: ipp.payment.failed, ipp.session.created / ipp.session.created, ipp.payment.failed";
    assert_eq!(unmet(expect(&[&failed, &created]), &both()), [expected]);
    let expected = "callbacks: none / ipp.session.created";
    assert_eq!(unmet(expect(&[]), &result(vec![created.clone()])), [expected]);
    assert_eq!(unmet(expect(&[&created]), &result(vec![])), ["callbacks: ipp.session.created / none"]);
    assert_eq!(unmet(expect(&[&created]), &success(json!({}))), [""; 0], "not every target reveals them");
}

#[test]
fn a_failed_wait_names_its_condition() {
    let within = std::time::Duration::from_secs(90);
    let wait = Action::Wait { session: None, until: crate::model::SessionStatus::Expired, within };
    let result =
        StepResult { http: Some(200), exit_code: 13, message: Some("it is ACTIVE".into()), ..failure() };
    assert_eq!(
        list_mismatches(&step(wait, Expect::default()), &result),
        ["step: EXPIRED within 1m 30s / exit 13: it is ACTIVE"]
    );
}
