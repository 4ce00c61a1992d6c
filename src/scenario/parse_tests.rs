use super::*;
use crate::model::{PaymentMethod, SessionStatus, TapOutcome};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const SALE: &str = "[[step]]\ndo = \"create-device\"\n[[step]]\ndo = \"create\"\namount = \"1.00\"\n";

fn read(text: &str) -> Scenario {
    parse(text, "folder/sale.toml").unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text, "x").expect_err(text).iter().map(ToString::to_string).collect()
}

/// The mistakes in a step that follows a device and a session. The step starts on line 7.
fn mistakes_in_step(step: &str) -> String {
    mistakes(&format!("{SALE}[[step]]\n{step}")).join("\n")
}

fn step(text: &str) -> Step {
    read(&format!("{SALE}[[step]]\n{text}")).steps.remove(2)
}

/// All values of `do`, from the error for an unknown one.
pub(in crate::scenario) fn action_names() -> Vec<String> {
    let message = mistakes("[[step]]\ndo = \"x\"").remove(0);
    message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn omitted_keys_have_defaults_and_values_two_spellings() {
    let scenario = read(SALE);
    assert_eq!((scenario.name.as_str(), &scenario.emulator_options), ("sale", &None));
    let Action::Create { body, .. } = &scenario.steps[1].action else { panic!("a session") };
    assert_eq!(json!(body), json!({"order_amount": 100, "purchase_currency": "SEK"}));
    let session = None;
    assert_eq!(step("do = \"choose\"").action, Action::Choose { session, method: PaymentMethod::Card });
    let (session, until, within) = (None, SessionStatus::Finalized, Duration::from_secs(30));
    assert_eq!(step("do = \"wait\"").action, Action::Wait { session, until, within });

    for outcome in ["lost-card", "LOST_CARD"] {
        let expected = Action::Tap { session: None, outcome: Some(TapOutcome::LostCard) };
        assert_eq!(step(&format!("do = \"tap\"\noutcome = \"{outcome}\"")).action, expected);
    }
    for method in ["swish", "SWISH"] {
        let expected = Action::Pay { session: None, method: Some(PaymentMethod::Swish) };
        assert_eq!(step(&format!("do = \"pay\"\nmethod = \"{method}\"")).action, expected);
    }
    let by = Duration::from_secs(5400);
    assert_eq!(step("do = \"advance\"\nby = \"1h30m\"").action, Action::Advance { by, session: None });
}

#[test]
fn steps_apply_to_the_named_resource_or_to_the_last_one() {
    let create = "[[step]]\ndo = \"create\"\namount = \"1\"\n";
    let tap = "[[step]]\ndo = \"tap\"\n";
    let text = format!("{SALE}{create}{tap}{create}as = \"sale\"\n{create}{tap}session = \"sale\"");
    let targets: Vec<_> = read(&text).steps.iter().map(|step| step.target).collect();
    assert_eq!(targets, [None, Some(0), Some(0), Some(2), Some(0), Some(0), Some(4)]);
    let rejected = format!("{SALE}{create}expect.http = 409\n{tap}");
    assert_eq!(read(&rejected).steps[3].target, Some(1), "a step that is expected to fail creates nothing");
    let other_device = "do = \"create\"\nbody = { device_id = \"x\" }";
    assert_eq!(step(other_device).target, None);
}

#[test]
fn the_expected_status_is_that_of_the_session_or_code() {
    let status_of =
        |step: &str| read(&format!("{SALE}[[step]]\ndo = \"enroll\"\n[[step]]\n{step}")).steps[3].status_of;
    assert_eq!(status_of("do = \"pair\""), Some(2));
    assert_eq!(status_of("do = \"get\""), Some(1));
    assert_eq!(status_of("do = \"enroll\""), Some(3));
    assert_eq!(status_of("do = \"offline\""), None);
    assert_eq!(status_of("do = \"offline\"\nexpect.status = \"EXPIRED\""), Some(1));
}

#[test]
fn mistakes_of_all_steps_are_reported_with_their_place() {
    let text = "nmae = \"x\"\n[[step]]\ndo = \"create-device\"\n  nam = \"x\"\n  expect = { statsu = \"x\" }\n\
                [[step]]\ndo = \"create\"\namount = \"1,5\"\nas = \"sale\"\n[[step]]\ndo = \"get\"\nsession = \"sael\"\n";
    insta::assert_snapshot!(mistakes(text).join("\n"), @"
    1:1: unknown field `nmae`, expected one of `name`, `description`, `options`, `switches`, `step`
    4:3: unexpected keys in table: nam, available keys: name, location, session
    5:14: unknown field `statsu`, expected one of `status`, `http`, `exit`, `answer`, `response`, `has`, `lacks`, `says`, `callbacks`
    8:10: 'amount': '1,5' contains a comma; write the decimals after a point and no separators, like 1249.50
    12:11: no earlier step creates a session named 'sael'
    ");
    insta::assert_snapshot!(mistakes("[[step]]\nå = 1\n").join("\n"), @"2:1: invalid unquoted key, expected letters, numbers, `-`, `_`");
}

/// Each case on a line, with its mistakes.
fn report_cases(cases: &[&str]) -> String {
    let report = |step: &&str| format!("{} => {}\n", step.replace('\n', ", "), mistakes_in_step(step));
    cases.iter().map(report).collect()
}

#[test]
fn mistakes_in_actions() {
    let cases = [
        "do = \"taap\"",
        "outcome = \"success\"",
        "do = \"tap\"\noutcome = \"sucess\"",
        "do = \"decline\"\noutcome = \"success\"",
        "do = \"choose\"\nmethod = \"cash\"",
        "do = \"tap\"\nas = \"x\"",
        "do = \"pair\"",
        "do = \"create\"\namount = \"1.505\"",
        "do = \"create\"\namount = \"1\"\ncurrency = \"SKE\"",
        "do = \"create\"",
        "do = \"create\"\nbody.order_amount = 1.5",
        "do = \"create\"\nitems = [\"T,price=x\", \"T,price=1,5\"]",
        "do = \"create\"\nitems = []",
        "do = \"advance\"\nby = \"soon\"",
        "do = \"wait\"\nfor = \"PAID\"",
    ];
    insta::assert_snapshot!(report_cases(&cases), @r#"
    do = "taap" => 7:6: unknown variant `taap`, expected one of `create-device`, `deregister`, `enroll`, `withdraw`, `pair`, `create`, `choose`, `tap`, `pay`, `decline`, `cancel-on-phone`, `cancel`, `get`, `refund`, `get-order`, `wait`, `offline`, `online`, `advance`
    outcome = "success" => 6:1: missing field `do`, such as do = "tap"
    do = "tap", outcome = "sucess" => 8:11: invalid value: string "sucess", expected one of success, declined-generic, insufficient-funds, lost-card, stolen-card, expired-card, incorrect-cvc, processing-error, incorrect-number, card-velocity-exceeded
    do = "decline", outcome = "success" => 8:11: a decline cannot have the outcome success
    do = "choose", method = "cash" => 8:10: invalid value: string "cash", expected one of card, klarna, swish, vipps
    do = "tap", as = "x" => 8:6: 'as' has no effect, since 'tap' creates nothing
    do = "pair" => 6:1: no earlier step creates a code
    do = "create", amount = "1.505" => 8:10: 'amount': '1.505' has 3 decimals, but SEK has 2
    do = "create", amount = "1", currency = "SKE" => 9:12: 'SKE' is not an ISO 4217 currency code such as SEK, EUR or NOK
    do = "create" => 6:1: 'create' needs 'amount', 'items' or 'body'
    do = "create", body.order_amount = 1.5 => 8:1: 1.5 has decimals: amounts are integers in minor units, tax rates integers in basis points
    do = "create", items = ["T,price=x", "T,price=1,5"] => 8:10: 'items': price: 'x' is not an amount; write digits with a point before the decimals, like 249.50
    8:23: 'items': price: '1,5' has a decimal comma; write price=1.5
    do = "create", items = [] => 8:9: 'items': the cart is empty
    do = "advance", by = "soon" => 8:6: invalid value: string "soon", expected a duration such as 30s, 15m or 2h
    do = "wait", for = "PAID" => 8:7: invalid value: string "PAID", expected one of CREATED, ACTIVE, FINALIZED, CANCELLED, EXPIRED, FAILED
    "#);
}

#[test]
fn mistakes_in_expectations() {
    let cases = [
        "do = \"advance\"\nby = \"1s\"\nexpect.http = 200",
        "do = \"get\"\nexpect.status = \"active\"",
        "do = \"get\"\nexpect.says = \"x\"",
        "do = \"get\"\nexpect.callbacks = [\"ipp.session.paid\"]",
        "do = \"create\"\namount = \"1\"\nexpect = { http = 409, status = \"CREATED\" }",
    ];
    insta::assert_snapshot!(report_cases(&cases), @r#"
    do = "advance", by = "1s", expect.http = 200 => 9:1: 'advance' sends no request: expect only 'status' and 'callbacks'
    do = "get", expect.status = "active" => 8:1: unknown status 'active', expected one of CREATED, ACTIVE, FINALIZED, CANCELLED, EXPIRED, FAILED
    do = "get", expect.says = "x" => 8:1: 'says' is about a failure: expect one with 'http' or 'exit'
    do = "get", expect.callbacks = ["ipp.session.paid"] => 8:20: invalid value: string "ipp.session.paid", expected one of ipp.session.created, ipp.session.activated, ipp.session.finalized, ipp.session.cancelled, ipp.payment.failed, order.created, capture.created, refund.created, dispute.created, dispute.updated
    do = "create", amount = "1", expect = { http = 409, status = "CREATED" } => 9:10: 'create' is expected to fail, so it creates nothing that has a status
    "#);
}

#[test]
fn mistakes_in_names() {
    let named = format!("{}as = \"sale\"\n", SALE.replace("-device\"", "-device\"\nas = \"till\""));
    let report = |step: &str| mistakes(&format!("{named}[[step]]\n{step}")).join("\n");
    insta::assert_snapshot!(report("do = \"get\"\nsession = \"sael\""), @"10:11: no earlier step creates a session named 'sael'");
    insta::assert_snapshot!(report("do = \"get\"\nsession = \"till\""), @"10:11: 'till' is a device, not a session");
    insta::assert_snapshot!(report("do = \"create-device\"\nas = \"till\""), @"10:6: an earlier step is already named 'till'");
    let rejected = "do = \"create\"\nas = \"no\"\namount = \"1\"\nexpect.exit = 5\n[[step]]\ndo = \"get\"\nsession = \"no\"";
    insta::assert_snapshot!(report(rejected), @"15:11: 'no' is not created, since its step is expected to fail");
    let itself = "do = \"create\"\nas = \"it\"\namount = \"1\"\ndevice = \"it\"";
    insta::assert_snapshot!(report(itself), @"12:10: no earlier step creates a device named 'it'");
}

#[test]
fn mistakes_in_the_file() {
    let report = |text: &str| mistakes(text).join("\n");
    insta::assert_snapshot!(report(""), @"1:1: a scenario needs at least one [[step]]");
    insta::assert_snapshot!(report("step = [5]"), @"1:9: a step must be a table");
    insta::assert_snapshot!(report(&format!("switches.strict_sum = true\n{SALE}")), @"1:10: unknown field `strict_sum`, expected one of `session_lifetime`, `status_after_decline`, `one_open_session_per_device`, `cancel_ended`, `enrollment_dialect`, `strict_sums`, `delete_status`, `tap_answer`, `device_list_merchant_id`, `offline_device`, `list_lag`, `order_capture`, `order_lag`, `order_currency_case`, `order_references`, `order_personal_data`, `fully_refunded_status`, `refund_headers`, `idempotency_memory`, `payout_delay`, `payout_fee`, `settlements_envelope`, `transaction_signs`");
}

proptest! {
    #[test]
    fn parsing_never_panics(
        lines in prop::collection::vec(
            prop_oneof![
                Just("[[step]]".to_owned()),
                prop::sample::select(action_names()).prop_map(|name| format!("do = \"{name}\"")),
                "(as|session|device|amount|body|expect|items|by|for) = (\"[a-z.0-9å]{0,4}\"|\\[\\]|\\{\\}|[0-9]{1,3}(\\.5)?)",
                "expect\\.(status|http|says|has|callbacks|response) = (\"[A-Z]{0,4}\"|\\[\"x\"\\]|409|\\{ a = 1 \\})",
                "\\PC{0,12}",
            ],
            0..14,
        ),
    ) {
        let _ = parse(&lines.join("\n"), "x");
    }
}
