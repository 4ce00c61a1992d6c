use super::*;
use crate::model::{CallbackType, PaymentMethod, SessionStatus, TapOutcome};
use crate::scenario::builtin;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const SALE: &str = "[[step]]\ndo = \"create-device\"\n[[step]]\ndo = \"create\"\namount = \"1.00\"\n";

fn read(text: &str) -> Scenario {
    parse(text, "folder/sale.toml").unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

/// The mistakes in a text, one a line.
fn mistakes(text: &str) -> Vec<String> {
    parse(text, "x").expect_err(text).iter().map(ToString::to_string).collect()
}

/// The one mistake in a step after a device and a session were made, without the place.
fn mistake(step: &str) -> String {
    let told = mistakes(&format!("{SALE}[[step]]\n{step}"));
    assert_eq!(told.len(), 1, "{step}: {told:#?}");
    told[0].splitn(3, ':').nth(2).unwrap().trim_start().to_owned()
}

fn act(step: &str) -> Action {
    read(&format!("{SALE}[[step]]\n{step}")).steps.remove(2).act
}

#[test]
fn a_whole_scenario_in_all_its_parts() {
    let text = r#"
name = "A sale"
description = "of coffee"
[switches]
strict_sums = false
session_lifetime = "PT1M"

[[step]]
do = "create-device"
as = "till"
name = "Till 7"
location = "Göteborg Haga"

[[step]]
do = "create"
device = "till"
currency = "JPY"
items = ["Coffee,price=500,qty=2,tax=10%"]
reference = "r1"
body = { merchant_data = "x", order_tax_amount = 7 }
[step.expect]
http = 200
exit = 0
status = "CREATED"
answer = { order_amount = 1_000, order_items = [{ name = "Coffee" }] }
has = ["session_id"]
lacks = ["order_id", "a.b"]
callbacks = ["ipp.session.created", "payment.failed"]
"#;
    let scenario = read(text);
    let Scenario { name, description, file, switches, steps } = scenario;
    assert_eq!(
        (name.as_str(), description.as_deref(), file.as_str()),
        ("A sale", Some("of coffee"), "folder/sale.toml")
    );
    let expected = EmulatorOptions {
        strict_sums: false,
        session_lifetime: jiff::SignedDuration::from_secs(60),
        ..EmulatorOptions::default()
    };
    assert_eq!(switches, Some((4, expected)));
    let [device, create] = steps.as_slice() else { panic!("two steps") };
    assert_eq!((device.line, device.name.as_deref(), device.subject), (8, Some("till"), None));
    let (name, location) = ("Till 7".to_owned(), Some("Göteborg Haga".to_owned()));
    assert_eq!(device.act, Action::CreateDevice { name, location });
    assert_eq!((create.line, create.name.as_deref(), create.subject), (14, None, Some(1)));
    let Action::Create { device: Some(0), sale } = &create.act else {
        panic!("a session on the first device")
    };
    let items = json!([{"name": "Coffee", "quantity": 2, "unit_price": 500, "tax_rate": 1000, "total_amount": 1000,
        "total_tax_amount": 91}]);
    assert_eq!(
        Value::Object(sale.fields.clone()),
        json!({"order_amount": 1000, "order_tax_amount": 91, "purchase_currency": "JPY", "merchant_reference1": "r1",
            "order_items": items})
    );
    assert_eq!(Value::Object(sale.body.clone()), json!({"merchant_data": "x", "order_tax_amount": 7}));
    let expect = &create.expect;
    assert_eq!((expect.http, expect.exit, expect.status.as_deref()), (Some(200), Some(0), Some("CREATED")));
    let answer = json!({"order_amount": 1000, "order_items": [{"name": "Coffee"}]});
    assert_eq!(Value::Object(expect.answer.clone()), answer);
    assert_eq!((expect.has.as_slice(), expect.lacks.len()), (&["session_id".to_owned()][..], 2));
    let callbacks = [CallbackType::SessionCreated, CallbackType::PaymentFailed];
    assert_eq!(expect.callbacks.as_deref(), Some(&callbacks[..]), "the prefix can be left out");
}

#[test]
fn what_is_not_said_has_a_default() {
    let scenario = read(SALE);
    assert_eq!((scenario.name.as_str(), scenario.switches), ("sale", None));
    assert_eq!(scenario.steps[0].act, Action::CreateDevice { name: "Till".into(), location: None });
    let Action::Create { device: Some(0), sale } = &scenario.steps[1].act else { panic!("a session") };
    assert_eq!(Value::Object(sale.fields.clone()), json!({"order_amount": 100, "purchase_currency": "SEK"}));
    assert_eq!(act("do = \"tap\""), Action::Tap { session: 1, outcome: None });
    assert_eq!(act("do = \"pay\""), Action::Pay { session: 1, method: None });
    assert_eq!(act("do = \"choose\""), Action::Choose { session: 1, method: PaymentMethod::Card });
    let outcome = TapOutcome::DeclinedGeneric;
    assert_eq!(act("do = \"decline\""), Action::Decline { session: 1, outcome });
    let within = Duration::from_secs(30);
    assert_eq!(act("do = \"wait\""), Action::Wait { session: 1, until: SessionStatus::Finalized, within });
    assert_eq!(act("do = \"enroll\""), Action::Enroll { location: None, expires_in: None });
}

#[test]
fn every_word_can_be_done_and_says_what_it_is() {
    let more = "[[step]]\ndo = \"enroll\"\n";
    for verb in Action::NAMES {
        let keys = match verb {
            "advance" => "by = \"1h30m\"",
            "create" => "amount = \"1\"",
            _ => "",
        };
        let scenario = read(&format!("{SALE}{more}[[step]]\ndo = \"{verb}\"\n{keys}"));
        let step = &scenario.steps[3];
        assert_eq!((step.act.verb(), step.line), (verb, 8));
        assert_eq!(thing_of(verb), step.act.creates(), "{verb}");
    }
    assert_eq!(act("do = \"advance\"\nby = \"1h30m\""), Action::Advance { by: Duration::from_secs(5400) });
    assert_eq!(act("do = \"offline\""), Action::Network { device: 0, offline: true });
}

#[test]
fn things_are_named_or_those_that_were_made_last() {
    let text = format!(
        "{SALE}{SALE}[[step]]\ndo = \"tap\"\n[[step]]\ndo = \"create\"\namount = \"1\"\nas = \"sale\"\n"
    );
    let steps = read(&format!(
        "{text}[[step]]\ndo = \"create\"\namount = \"1\"\n[[step]]\ndo = \"tap\"\nsession = \"sale\""
    ));
    let sessions = steps.steps.iter().filter_map(|step| match &step.act {
        Action::Tap { session, .. } => Some(*session),
        _ => None,
    });
    assert_eq!(sessions.collect::<Vec<_>>(), [3, 5]);
    // What is expected to be refused is not made, so it is not the last.
    let refused = "[[step]]\ndo = \"create\"\namount = \"1\"\nexpect.http = 409\n";
    let steps = read(&format!("{SALE}{refused}[[step]]\ndo = \"get\""));
    assert_eq!(steps.steps[3].act, Action::Get { session: 1 });
}

#[test]
fn a_status_is_that_of_what_the_step_is_about() {
    let subject =
        |step: &str| read(&format!("{SALE}[[step]]\ndo = \"enroll\"\n[[step]]\n{step}")).steps[3].subject;
    assert_eq!(subject("do = \"pair\""), Some(2));
    assert_eq!(subject("do = \"get\""), Some(1));
    assert_eq!(subject("do = \"advance\"\nby = \"1s\""), None);
    assert_eq!(subject("do = \"advance\"\nby = \"1s\"\nexpect.status = \"EXPIRED\""), Some(1));
}

#[test]
fn an_unknown_key_is_a_mistake_with_a_place_and_a_suggestion() {
    let text = "nmae = \"x\"\n[switches]\nstrict_sum = true\n\n[[step]]\ndo = \"create-device\"\nå = 1\n  nam = \"x\"\n\
                expect = { statsu = \"x\" }\n";
    assert_eq!(
        mistakes(text),
        [
            "1:1: 'nmae' is not a key of a scenario; did you mean 'name'?",
            "3:1: 'strict_sum' is not a switch; did you mean 'strict_sums'?",
            "7:1: invalid unquoted key, expected letters, numbers, `-`, `_`",
        ][2..],
        "a text that is no TOML has one mistake"
    );
    assert_eq!(
        mistakes(&text.replace("å = 1\n", "\n")),
        [
            "1:1: 'nmae' is not a key of a scenario; did you mean 'name'?",
            "3:1: 'strict_sum' is not a switch; did you mean 'strict_sums'?",
            "8:3: 'nam' is not a key of the step 'create-device'; did you mean 'name'?",
            "9:12: 'statsu' is not a key of 'expect'; did you mean 'status'?",
        ]
    );
}

#[test]
fn what_cannot_be_meant_is_told() {
    let cases = [
        ("do = \"taap\"", "'taap' is nothing that can be done; did you mean 'tap'?"),
        ("do = 5", "'do' must be a text in quotation marks"),
        ("outcome = \"success\"", "a step needs a 'do' that says what is done, such as do = \"tap\""),
        ("do = \"tap\"\noutcome = \"sucess\"", "'sucess' is not known as 'outcome'; did you mean 'success'?"),
        ("do = \"tap\"\nas = \"x\"", "'as' names what a step makes, and 'tap' makes nothing"),
        ("do = \"tap\"\nsession = \"sael\"", "no session before this step is called 'sael'"),
        ("do = \"pair\"", "there is no code yet: one is made by 'enroll'"),
        ("do = \"create\"\namount = 1.50", "'amount' must be a text in quotation marks"),
        ("do = \"create\"\namount = \"1.505\"", "'amount': '1.505' has 3 decimals, but SEK has 2"),
        ("do = \"create\"", "the step 'create' needs an 'amount', such as amount = \"249.50\", or 'items'"),
        (
            "do = \"create\"\nbody.order_amount = 1.5",
            "1.5 has decimals; amounts are whole numbers of minor units, and rates basis points",
        ),
        ("do = \"create\"\nbody.order_amount = 99999999999999999999", "this number is too large"),
        (
            "do = \"create\"\nitems = [\"T,price=x\"]",
            "'items': price: 'x' is not an amount; write digits with a point before the decimals, like 249.50",
        ),
        (
            "do = \"create\"\nitems = \"T,price=1\"",
            "'items' must be a list of texts, such as [\"one\", \"two\"]",
        ),
        ("do = \"advance\"", "the step 'advance' needs a 'by', such as by = \"15m\""),
        (
            "do = \"advance\"\nby = \"soon\"",
            "'by': 'soon' is no length of time; write one such as 30s, 15m or 2h",
        ),
        (
            "do = \"advance\"\nby = \"0s\"",
            "'by': '0s' is no length of time; write one such as 30s, 15m or 2h",
        ),
        (
            "do = \"advance\"\nby = \"1s\"\nexpect.http = 200",
            "'advance' asks the API nothing, so it has no 'http'",
        ),
        ("do = \"get\"\nexpect = 5", "'expect' is a table, such as { key = \"value\" }"),
        (
            "do = \"get\"\nexpect.status = \"active\"",
            "'active' is not known as 'status'; did you mean 'ACTIVE'?",
        ),
        ("do = \"get\"\nexpect.http = 20", "'http' must be a whole number from 100 to 599"),
        ("do = \"get\"\nexpect.exit = \"5\"", "'exit' must be a whole number from 0 to 255"),
        ("do = \"get\"\nexpect.says = \"x\"", "'says' is about a refusal: expect one with 'http' or 'exit'"),
        (
            "do = \"get\"\nexpect.callbacks = [\"ipp.session.paid\"]",
            "'ipp.session.paid' is no type of callback; there are ipp.session.created, ipp.session.activated, \
             ipp.session.finalized, ipp.session.cancelled, ipp.payment.failed",
        ),
        (
            "do = \"create\"\namount = \"1\"\nexpect = { http = 409, status = \"CREATED\" }",
            "'create' is expected to be refused, so there is nothing to have a status",
        ),
    ];
    for (step, expected) in cases {
        assert_eq!(mistake(step), expected, "{step}");
    }
}

#[test]
fn names_must_fit() {
    let named = format!("{}as = \"sale\"\n", SALE.replace("-device\"", "-device\"\nas = \"till\""));
    let told = |step: &str| mistakes(&format!("{named}[[step]]\n{step}"));
    assert_eq!(
        told("do = \"get\"\nsession = \"sael\""),
        ["10:11: no session before this step is called 'sael'; did you mean 'sale'?"]
    );
    assert_eq!(
        told("do = \"get\"\nsession = \"till\""),
        ["10:11: 'till' is a device, and this must be a session"]
    );
    assert_eq!(
        told("do = \"create-device\"\nas = \"till\""),
        ["10:6: a step before this one is called 'till' too"]
    );
    let refused = "do = \"create\"\nas = \"no\"\namount = \"1\"\nexpect.exit = 5\n[[step]]\ndo = \"get\"\nsession = \"no\"";
    assert_eq!(told(refused), ["15:11: 'no' is expected to be refused, so there is no such session"]);
}

#[test]
fn a_file_that_is_no_scenario_says_what_one_is() {
    assert_eq!(mistakes(""), ["1:1: a scenario needs at least one step, which begins with [[step]]"]);
    assert_eq!(mistakes("step = []"), ["1:8: a scenario needs at least one step"]);
    assert_eq!(
        mistakes("[step]\ndo = \"get\""),
        ["1:1: each step begins with [[step]], in two pairs of brackets"]
    );
    assert_eq!(mistakes("step = [5]"), ["1:9: a step is a table, such as { key = \"value\" }"]);
    assert_eq!(
        mistakes(&format!("switches = 5\n{SALE}")),
        ["1:12: 'switches' is a table, such as { strict_sums = false }"]
    );
    let soon = format!("switches.session_lifetime = \"soon\"\n{SALE}");
    assert_eq!(
        mistakes(&soon),
        ["1:29: session_lifetime cannot be 'soon': use a duration such as 30s or 15m"]
    );
    let other = format!("switches.cancel_ended = \"no\"\n{SALE}");
    let told = "1:25: cancel_ended cannot be 'no': use conflict or answer";
    assert_eq!(mistakes(&other), [told]);
}

#[test]
fn steps_in_one_line_each_are_steps_too() {
    let text = "step = [\n  { do = \"create-device\" },\n  { do = \"create\", amount = \"1\" },\n]";
    let lines: Vec<_> = read(text).steps.iter().map(|step| step.line).collect();
    assert_eq!(lines, [2, 3]);
}

#[test]
fn the_shipped_set_and_the_first_one_can_be_read() {
    assert_eq!(builtin::scenarios().unwrap().len(), builtin::BUILTIN.len());
    assert_eq!(read(builtin::TEMPLATE).steps.len(), 6);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        lines in prop::collection::vec(
            prop_oneof![
                Just("[[step]]".to_owned()),
                prop::sample::select(Action::NAMES.to_vec()).prop_map(|verb| format!("do = \"{verb}\"")),
                "(as|session|device|amount|body|expect|items|by|for) = (\"[a-z.0-9å]{0,4}\"|\\[\\]|\\{\\}|[0-9]{1,3}(\\.5)?)",
                "expect\\.(status|http|says|has|callbacks|answer) = (\"[A-Z]{0,4}\"|\\[\"x\"\\]|409|\\{ a = 1 \\})",
                "\\PC{0,12}",
            ],
            0..14,
        ),
    ) {
        let _ = parse(&lines.join("\n"), "x");
    }
}
