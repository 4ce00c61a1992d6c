//! A server that responds about something else than it was asked: every field of every operation, each with every wrong
//! value. No such response is believed, and none leads to a second session.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::common::prelude::*;

pub(super) const MERCHANT: &str = "M1";

pub(super) fn id(number: u32) -> String {
    format!("{FIXED_ID}{number:012}")
}

/// Values that are never those of the request.
fn wrong_values() -> [Value; 7] {
    [json!(id(99)), json!(""), json!(7), json!(" "), json!(true), json!({"a": 1}), json!(["x"])]
}

/// A server whose responses can be changed.
pub(super) struct Liar {
    pub(super) server: Server,
    lie: Arc<Mutex<Option<Lie>>>,
}

/// The field of the responses to this request, and its value; `None` removes the field.
#[derive(Clone)]
pub(super) struct Lie {
    pub(super) request: &'static str,
    pub(super) field: &'static str,
    pub(super) value: Option<Value>,
}

/// Names the header instead of a field of the body.
pub(super) const LOCATION: &str = "header location";

impl Liar {
    pub(super) fn new() -> Self {
        let lie: Arc<Mutex<Option<Lie>>> = Arc::default();
        let current = Arc::clone(&lie);
        let server = Server::new(move |asked| {
            let mut body = truth(asked);
            let request = asked.line();
            if let Some(lie) = current.lock().unwrap().as_ref().filter(|lie| matches(lie.request, &request)) {
                let list =
                    ["content", "payouts", "transactions"].into_iter().find(|list| body[*list].is_array());
                let target = match list {
                    Some(list) => &mut body[list][0],
                    None => &mut body,
                };
                match &lie.value {
                    Some(value) if lie.field == LOCATION => {
                        return Reply::json(201, &body).header("location", value.as_str().unwrap());
                    }
                    Some(value) => target[lie.field] = value.clone(),
                    None => drop(target.as_object_mut().unwrap().shift_remove(lie.field)),
                }
            }
            Reply::json(200, &body)
        });
        Self { server, lie }
    }

    pub(super) fn env(&self) -> TestEnv {
        self.server.env().env("KUSTOM_MERCHANT_ID", MERCHANT)
    }

    pub(super) fn tell(&self, lie: Option<Lie>) {
        *self.lie.lock().unwrap() = lie;
    }

    /// The idempotency keys of the requests that change an order.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        let asked = self.server.asked();
        let changes = asked.iter().filter(|asked| asked.line().starts_with("POST /ordermanagement/"));
        changes.map(|asked| asked.header("klarna-idempotency-key").unwrap().to_owned()).collect()
    }

    pub(super) fn posts(&self) -> usize {
        self.server.lines().iter().filter(|line| *line == "POST /ipp/v1/sessions").count()
    }
}

/// Whether a pattern such as `GET /ipp/v1/sessions/*` matches a request.
fn matches(pattern: &str, line: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == line, |prefix| line.starts_with(prefix) && line != prefix)
}

/// The response of a server that tells the truth.
pub(super) fn truth(asked: &Asked) -> Value {
    let sent: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let last = |index: usize| asked.line().rsplit('/').nth(index).unwrap_or_default().to_owned();
    let device = json!({"id": id(1), "name": "Till 1", "merchant_id": MERCHANT, "location_id": id(3)});
    let location = json!({"id": id(3), "name": "Stockholm", "merchant_id": MERCHANT});
    let session = |id: String, status: &str| json!({"session_id": id, "status": status});
    let with = |mut object: Value, more: &Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            object[name] = value.clone();
        }
        object
    };
    match asked.line().as_str() {
        "POST /ipp/v1/sessions" => with(session(id(5), "CREATED"), &sent),
        "POST /ipp/v1/dev/devices" => with(device, &sent),
        "POST /ipp/v1/enrollments" => {
            with(json!({"enrollment_id": id(4), "enrollment_code": "K7M2Q9XP"}), &sent)
        }
        "GET /settlements/v1/payouts" => {
            json!({"payouts": [{"payment_reference": "p-1", "currency_code": "SEK"}]})
        }
        "GET /settlements/v1/transactions" => {
            json!({"transactions": [{"payment_reference": "p-1", "order_id": id(6), "type": "SALE"}]})
        }
        line if line.starts_with("GET /settlements/v1/payouts/") => json!({"payment_reference": last(0)}),
        line if line.starts_with("POST /ordermanagement/v1/orders/") => {
            with(json!({"order_id": last(1), "purchase_currency": "SEK", "merchant_id": MERCHANT}), &sent)
        }
        line if line == format!("GET /ordermanagement/v1/orders/{}", id(7)) => json!({
            "order_id": last(0), "status": "AUTHORIZED", "purchase_currency": "SEK", "order_amount": 1000,
            "captured_amount": 0, "refunded_amount": 0, "remaining_authorized_amount": 1000,
        }),
        line if line.starts_with("GET /ordermanagement/v1/orders/") => json!({
            "order_id": last(0), "status": "CAPTURED", "purchase_currency": "SEK", "order_amount": 1000,
            "captured_amount": 1000, "refunded_amount": 0, "remaining_authorized_amount": 0,
        }),
        "GET /ipp/v1/devices" => json!({"content": [device], "last": true}),
        "GET /ipp/v1/locations" => json!({"content": [location], "last": true}),
        "GET /ipp/v1/enrollments" => {
            json!({"content": [{"enrollment_id": id(4), "location_id": id(3)}], "last": true})
        }
        line if line.starts_with("PUT /ipp/v1/sessions/") => session(last(1), "CANCELLED"),
        line if line.starts_with("GET /ipp/v1/sessions/") => session(last(0), "FINALIZED"),
        line if line.starts_with("PUT /ipp/v1/devices/") => with(device, &sent),
        line if line.starts_with("GET /ipp/v1/locations/") => location,
        line if line.starts_with("POST /ipp/v1/dev/sessions/") => json!({"session_id": last(1)}),
        _ => json!({}),
    }
}

/// A command, the request whose response is changed, its fields (`?` if one may be missing), and the exit code.
const CASES: &str = "\
    sessions get #5 | GET /ipp/v1/sessions/* | session_id | 6
    sessions watch #5 | GET /ipp/v1/sessions/* | session_id | 6
    sessions cancel #5 | PUT /ipp/v1/sessions/* | session_id | 5
    dev simulate-tap #5 | POST /ipp/v1/dev/sessions/* | session_id? | 7
    dev simulate-tap #5 | GET /ipp/v1/sessions/* | session_id | 6
    locations get #3 | GET /ipp/v1/locations/* | id merchant_id? | 6
    orders get #6 | GET /ordermanagement/v1/orders/* | order_id | 6
    orders refund #6 --amount 5 | GET /ordermanagement/v1/orders/* | order_id | 6
    orders capture #7 | GET /ordermanagement/v1/orders/* | order_id | 6
    orders cancel #7 | GET /ordermanagement/v1/orders/* | order_id | 6
    orders release #7 | GET /ordermanagement/v1/orders/* | order_id | 6
    orders refund #6 --amount 5 --reference r --again | POST /ordermanagement/v1/orders/* | \
        order_id? refunded_amount? purchase_currency? reference? merchant_id? | 7
    orders capture #7 --amount 5 --reference r | POST /ordermanagement/v1/orders/* | \
        order_id? captured_amount? purchase_currency? reference? merchant_id? | 7
    orders cancel #7 | POST /ordermanagement/v1/orders/* | order_id? purchase_currency? merchant_id? | 7
    orders release #7 | POST /ordermanagement/v1/orders/* | order_id? purchase_currency? merchant_id? | 7
    payouts get p-1 | GET /settlements/v1/payouts/* | payment_reference | 6
    payouts list --currency SEK | GET /settlements/v1/payouts | currency_code? | 6
    payouts transactions p-1 | GET /settlements/v1/transactions | payment_reference? | 6
    payouts transactions --order #6 | GET /settlements/v1/transactions | order_id? | 6
    locations list | GET /ipp/v1/locations | merchant_id? | 6
    devices list | GET /ipp/v1/devices | merchant_id? | 6
    devices list --location #3 | GET /ipp/v1/devices | location_id? | 6
    enrollments list --location #3 | GET /ipp/v1/enrollments | location_id? | 6
    enrollments delete #4 | DELETE /ipp/v1/enrollments/* | enrollment_id? | 7
    devices deregister #1 | DELETE /ipp/v1/devices/* | id? | 7
    devices update #1 --name Counter --location #3 | PUT /ipp/v1/devices/* | id merchant_id? | 7
    enrollments create --location #3 --metadata a=b | POST /ipp/v1/enrollments | enrollment_id location_id? metadata? | 7
    dev create-device --name Bar --location #3 --metadata a=b | POST /ipp/v1/dev/devices | \
        id location_id? metadata? merchant_id? | 7
    sessions create --amount 1 --currency SEK --reference r --device #1 --reference2 s --merchant-data t \
        --allow-duplicate | POST /ipp/v1/sessions | session_id device_id? order_amount? purchase_currency? \
        purchase_started_at? merchant_reference1? merchant_reference2? merchant_data? | 7";

type Case = (Vec<String>, &'static str, Vec<(&'static str, bool)>, i32);

fn parse_case(line: &'static str) -> Case {
    let parts: Vec<_> = line.split('|').map(str::trim).collect();
    let [command, request, fields, code] = parts[..] else { panic!("{line}") };
    let words = command.split(' ').map(|word| word.replace('#', &id(0)[..35])).collect();
    let fields = fields.split(' ').map(|field| (field.trim_end_matches('?'), field.ends_with('?'))).collect();
    (words, request, fields, code.parse().unwrap())
}

/// A new session has any ID that is a text, so only the other values are wrong.
fn is_valid_id(request: &str, field: &str, value: &Value) -> bool {
    request.starts_with("POST ")
        && !request.contains("/sessions/")
        && !request.contains("/orders/")
        && field.ends_with("id")
        && *value == id(99)
        && !matches!(field, "device_id" | "location_id" | "merchant_id")
}

#[test]
fn a_response_about_something_else_is_never_believed() {
    let liar = Liar::new();
    for (args, request, fields, code) in CASES.lines().map(parse_case) {
        liar.tell(None);
        let honest = liar.env().run(&args);
        assert_eq!(honest.code, Some(0), "{}: {}", honest.command, honest.stderr);
        for (field, is_optional) in fields {
            // One process each: those that move no money try fewer.
            let moves_money =
                matches!(request, "POST /ipp/v1/sessions" | "POST /ordermanagement/v1/orders/*");
            let count = if moves_money { 7 } else { 3 };
            let values = wrong_values().map(Some).into_iter().take(count);
            for value in values.chain(if is_optional { vec![] } else { vec![None, Some(Value::Null)] }) {
                if value.as_ref().is_some_and(|value| is_valid_id(request, field, value)) {
                    continue;
                }
                // A merchant ID of another type is none.
                if field == "merchant_id" && !value.as_ref().is_some_and(Value::is_string) {
                    continue;
                }
                liar.tell(Some(Lie { request, field, value: value.clone() }));
                // With a ledger of its own, in which nothing was made before.
                let outcome = liar.env().run(&args);
                let label =
                    format!("{}: {field} = {value:?}\n{}{}", outcome.command, outcome.stdout, outcome.stderr);
                assert_eq!(outcome.code, Some(code), "{label}");
                // After a response to a cancel that does not match, the session itself is read.
                let is_read_instead = code == 5 && outcome.stderr.contains("it is FINALIZED");
                let is_named = outcome.stderr.contains("does not match the request");
                assert!(is_named || is_read_instead, "{label}");
                assert!(is_read_instead || !outcome.stderr.contains("Paid"), "{label}");
                assert_eq!(outcome.stdout, "", "{label}");
            }
        }
    }
}

/// Whatever the response to a create lacks or claims, the same sale is not created again.
#[test]
fn a_create_with_a_response_about_something_else_is_an_unknown_attempt() {
    let liar = Liar::new();
    let values = [Some(json!(id(99))), Some(json!("")), Some(json!(7)), None];
    for (field, value) in [
        ("session_id", values[1].clone()),
        ("session_id", values[2].clone()),
        ("session_id", values[3].clone()),
        ("device_id", values[0].clone()),
        ("order_amount", values[2].clone()),
        ("purchase_currency", values[1].clone()),
        ("merchant_reference1", values[0].clone()),
    ] {
        let env = liar.env();
        let create = ["sessions", "create", "--device", &id(1), "--amount", "1", "--currency", "SEK"];
        let create = [&create[..], &["--reference", "r", "--watch"]].concat();
        liar.tell(Some(Lie { request: "POST /ipp/v1/sessions", field, value: value.clone() }));
        let before = liar.posts();
        let _ = env.run(&create).assert_code(7).assert_stderr("the session may have been created");
        liar.tell(None);
        let again = env.run(&create);
        assert!(matches!(again.code, Some(2 | 9)), "{field} {value:?}: {:?} {}", again.code, again.stderr);
        assert_eq!(liar.posts(), before + 1, "{field} {value:?}");
    }
}

/// The status of a session that is not the created one does not let the sale be created again.
#[test]
fn the_duplicate_check_and_the_wait_do_not_believe_another_session() {
    let liar = Liar::new();
    for (field, value) in [
        ("session_id", json!(id(99))),
        ("session_id", json!("")),
        ("session_id", json!(5)),
        ("device_id", json!(id(99))),
        ("order_amount", json!(1)),
        ("purchase_currency", json!("NOK")),
        ("merchant_reference1", json!("other")),
    ] {
        let env = liar.env();
        let create = ["sessions", "create", "--device", &id(1), "--amount", "2", "--currency", "SEK"];
        let create = [&create[..], &["--reference", "r"]].concat();
        liar.tell(Some(Lie { request: "GET /ipp/v1/sessions/*", field, value: Some(value.clone()) }));
        let before = liar.posts();
        let watched = env.run([&create[..], &["--watch"]].concat());
        let label = format!("{field} {value}: {:?} {}", watched.code, watched.stderr);
        assert!(matches!(watched.code, Some(7 | 13)), "{label}");
        assert!(!watched.stderr.contains("Paid"), "{label}");
        assert_eq!(liar.posts(), before + 1, "{label}");
    }
}

/// A session that ended unpaid lets its sale be charged again, so it has to be the one that was requested.
#[test]
fn another_session_that_ended_unpaid_does_not_let_the_sale_be_created_again() {
    let lies = [
        ("device_id", json!(id(99))),
        ("order_amount", json!(100)),
        ("order_amount", json!({"value": 200})),
        ("purchase_currency", json!("NOK")),
        ("merchant_reference1", json!("other")),
        ("merchant_reference2", json!("other")),
        ("purchase_started_at", json!("2020-01-01T00:00:00Z")),
    ];
    for (number, (field, value)) in lies.into_iter().enumerate() {
        let status = ["CANCELLED", "EXPIRED", "FAILED"][number % 3];
        let created: Arc<Mutex<Value>> = Arc::default();
        let lie = Arc::new(Mutex::new(Some(value.clone())));
        let (shared, told) = (Arc::clone(&created), Arc::clone(&lie));
        let server = Server::new(move |asked| {
            let mut session = shared.lock().unwrap();
            if asked.line() == "POST /ipp/v1/sessions" {
                *session = truth(asked);
                return Reply::json(200, &session);
            }
            let mut found = session.clone();
            found["status"] = json!(status);
            if let Some(value) = &*told.lock().unwrap() {
                found[field] = value.clone();
            }
            Reply::json(200, &found)
        });
        let env = server.env().env("KUSTOM_MERCHANT_ID", MERCHANT);
        let create = |reference: &str, more: &[&str]| {
            let device = id(1);
            let words = ["sessions", "create", "--device", &device, "--amount", "2", "--currency", "SEK"];
            let references = ["--reference", reference, "--reference2", "s", "-o", "json"];
            env.run([&words[..], &references, more].concat())
        };
        let posts = || server.lines().iter().filter(|line| *line == "POST /ipp/v1/sessions").count();
        let _ = create("r", &[]).assert_code(0);
        let stopped = create("r", &[]).assert_code(9);
        let label = format!("{field} {value}: {}", stopped.stderr);
        assert!(stopped.stderr.contains(&format!("is not as requested: its {field} is ")), "{label}");
        let _ = create("r", &["--if-exists", "return", "--watch"]).assert_code(9);
        for policy in ["fail", "cancel", "wait"] {
            let _ = create("another", &["--if-busy", policy]).assert_code(9);
        }
        // No other command believes it either.
        let _ = env.run(["sessions", "list", "--refresh"]).assert_code(0);
        let _ = create("r", &[]).assert_code(9);
        assert_eq!(posts(), 1, "{label}");
        *lie.lock().unwrap() = None;
        let _ = create("r", &[]).assert_code(0);
        assert_eq!(posts(), 2, "{label}");
    }
}
