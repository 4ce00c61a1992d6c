use super::*;
use serde_json::json;

/// Each case is the expectations in TOML and the mismatches.
#[track_caller]
fn assert_mismatches(result: &StepResult, cases: &[(&str, &str)]) {
    for (text, mismatches) in cases {
        let (action, expect) = (Action::Get { session: None }, toml::from_str(text).unwrap());
        let step =
            Step { line: 1, action_name: "x".to_owned(), action, target: None, status_of: None, expect };
        let format = |Mismatch { what, expected, actual }| format!("{what}: {expected} / {actual}");
        let found: Vec<_> = check_expectations(&step, result).into_iter().map(format).collect();
        assert_eq!(found.join("; "), *mismatches, "{text}");
    }
}

fn success(response: Value) -> StepResult {
    StepResult {
        http: Some(200),
        response: serde_json::from_value(response).unwrap(),
        ..StepResult::default()
    }
}

fn failure() -> StepResult {
    let message = Some("It is offline.".to_owned());
    StepResult { http: Some(409), exit_code: 5, message, ..StepResult::default() }
}

#[test]
fn a_step_must_succeed_unless_a_failure_is_expected() {
    let cases = [("", ""), ("http = 409", "http: 409 / 200"), ("exit = 5", "exit: 5 / 0")];
    assert_mismatches(&success(json!({})), &cases);
    let cases = [
        ("", "step: exit 0 / exit 5: It is offline."),
        ("http = 409", ""),
        ("http = 404", "http: 404 / 409: It is offline."),
        ("exit = 5", ""),
        ("exit = 4", "exit: 4 / 5: It is offline."),
        // A step with another outcome is not checked further.
        ("has = ['order_id']\nstatus = 'ACTIVE'", "step: exit 0 / exit 5: It is offline."),
    ];
    assert_mismatches(&failure(), &cases);
    let no_response = StepResult { http: None, ..failure() };
    assert_mismatches(&no_response, &[("http = 409", "http: 409 / no response: It is offline.")]);
    let invalid_response = StepResult { http: Some(200), ..failure() };
    assert_mismatches(&invalid_response, &[("http = 200", "step: exit 0 / exit 5: It is offline.")]);
}

#[test]
fn the_status_and_the_message_are_compared() {
    let result = StepResult { status: Some("ACTIVE".to_owned()), ..success(json!({})) };
    assert_mismatches(
        &result,
        &[("status = 'ACTIVE'", ""), ("status = 'FAILED'", "status: FAILED / ACTIVE")],
    );
    assert_mismatches(&success(json!({})), &[("status = 'ACTIVE'", "status: ACTIVE / none")]);
    let cases = [
        ("http = 409\nsays = 'is OFFLINE'", ""),
        ("http = 409\nsays = 'has ended'", "says: has ended / It is offline."),
    ];
    assert_mismatches(&failure(), &cases);
    let no_message = StepResult { message: None, ..failure() };
    assert_mismatches(&no_message, &[("http = 409\nsays = 'x'", "says: x / nothing")]);
}

#[test]
fn only_named_fields_of_a_response_are_compared() {
    let result = success(json!({
        "amount": 100, "more": true, "nothing": null, "deep": {"a": "x", "b": 2}, "list": [{"n": 1, "m": 2}, 5],
    }));
    let cases = [
        ("response = { amount = 100, deep = { a = 'x' }, list = [{ n = 1 }, 5] }", ""),
        ("response.amount = '100'", "response.amount: \"100\" / 100"),
        (
            "response.deep = { a = 'y', c = 1 }",
            "response.deep.a: \"y\" / \"x\"; response.deep.c: 1 / nothing",
        ),
        ("response.list = [{ n = 2 }, 6]", "response.list[0].n: 2 / 1; response.list[1]: 6 / 5"),
        ("response.gone = 1", "response.gone: 1 / nothing"),
        ("response.list = [5]", "response.list: 1 element / 2 elements"),
        ("response.amount = { x = 1 }", "response.amount: {\"x\":1} / 100"),
    ];
    assert_mismatches(&result, &cases);
    let no_response = StepResult { response: None, ..result };
    assert_mismatches(&no_response, &[("response.a = 1", "response.a: 1 / nothing")]);
}

#[test]
fn fields_are_present_unless_null() {
    let result = success(json!({"a": {"b": false}, "none": null, "secret": "[redacted]"}));
    let cases = [
        ("has = ['a', 'a.b', 'secret']", ""),
        ("has = ['b', 'a.b.c', 'none']", "has: b / nothing; has: a.b.c / nothing; has: none / nothing"),
        ("lacks = ['b', 'a.c', 'none']", ""),
        ("lacks = ['a.b']", "lacks: no a.b / false"),
    ];
    assert_mismatches(&result, &cases);
}

#[test]
fn callbacks_are_compared_in_order() {
    let types = vec![CallbackType::SessionCreated, CallbackType::PaymentFailed];
    let result = StepResult { callbacks: Some(types), ..success(json!({})) };
    let actual = "ipp.session.created, ipp.payment.failed";
    let cases = [
        ("callbacks = ['session.created', 'payment.failed']", String::new()),
        (
            "callbacks = ['payment.failed', 'session.created']",
            format!("callbacks: ipp.payment.failed, ipp.session.created / {actual}"),
        ),
        ("callbacks = []", format!("callbacks: none / {actual}")),
    ];
    assert_mismatches(&result, &cases.each_ref().map(|(expect, mismatches)| (*expect, mismatches.as_str())));
    let expect = "callbacks = ['session.created']";
    let no_callbacks = StepResult { callbacks: Some(Vec::new()), ..success(json!({})) };
    assert_mismatches(&no_callbacks, &[(expect, "callbacks: ipp.session.created / none")]);
    // An account does not reveal its callbacks.
    assert_mismatches(&success(json!({})), &[(expect, "")]);
}
