//! The emulator's page and control routes: what it records, how its phones play by themselves, and who may use it.

use std::io::{Read as _, Write as _};

use crate::common::prelude::*;

const STOCKHOLM: &str = "51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41";

fn device(emulator: &EmulatorProcess, name: &str) -> String {
    let body = json!({"name": name, "location_id": STOCKHOLM}).to_string();
    emulator.json("POST", "/ipp/v1/dev/devices", &body)["id"].as_str().unwrap().to_owned()
}

fn session(emulator: &EmulatorProcess, device: &str, amount: i64) -> String {
    let body = json!({"device_id": device, "order_amount": amount, "purchase_currency": "SEK"}).to_string();
    emulator.json("POST", "/ipp/v1/sessions", &body)["session_id"].as_str().unwrap().to_owned()
}

/// Waits until the session has ended, and returns its status.
fn outcome(emulator: &EmulatorProcess, session: &str) -> String {
    for _ in 0..400 {
        let status = emulator.json("GET", &format!("/ipp/v1/sessions/{session}"), "")["status"].clone();
        match status.as_str() {
            Some("CREATED" | "ACTIVE") => std::thread::sleep(std::time::Duration::from_millis(25)),
            status => return status.unwrap().to_owned(),
        }
    }
    panic!("the session is still open");
}

/// Sends the page's form with these headers, and returns the status.
fn act(emulator: &EmulatorProcess, headers: &str, form: &str) -> u16 {
    let (address, length) = (emulator.address(), form.len());
    let answer = emulator.raw(format!(
        "POST /emulator/page/act HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\nconnection: close\r\n\
         {headers}content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    ));
    status_of(&answer)
}

#[test]
fn requests_are_recorded_with_their_bodies_and_without_secrets() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &[]);
    let enrollment =
        emulator.json("POST", "/ipp/v1/enrollments", &json!({"location_id": STOCKHOLM}).to_string());
    let code = enrollment["enrollment_code"].as_str().unwrap();
    let paired = emulator.json(
        "POST",
        "/emulator/pos/pair",
        &json!({"enrollment_code": code, "name": "A"}).to_string(),
    );
    let bearer = paired["credentials"]["bearer_token"].as_str().unwrap();
    let device = paired["id"].as_str().unwrap();
    let body = json!({"device_id": device, "order_amount": 100, "purchase_currency": "SEK", "oops": 1});
    let created = emulator.json("POST", "/ipp/v1/sessions", &body.to_string());
    assert_eq!(emulator.status("POST", "/ipp/v1/sessions", r#"{"order_amount": "x"}"#), 400);
    assert_eq!(emulator.status("GET", &format!("/ipp/v1/enrollments/{code}?{code}={code}"), ""), 405);

    let recorded =
        emulator.json("GET", "/emulator/requests?method=post&path=/ipp/v1/sessions&status=200", "");
    let request = &recorded["requests"][0];
    assert_eq!((&request["body"], &request["response"]), (&body, &created));
    assert_eq!(request["ignored"], json!(["oops"]));
    let all = emulator.json("GET", "/emulator/requests?all=true", "");
    let paths = column(&all["requests"], "path");
    assert!(paths.contains(&json!("/emulator/pos/pair")), "{paths:?}");
    let page = emulator.page();
    for text in [all.to_string(), page] {
        assert!(!text.contains(code) && !text.contains(bearer), "{text}");
    }
    let after = all["requests"].as_array().unwrap().last().unwrap()["id"].to_string();
    let none = emulator.json("GET", &format!("/emulator/requests?all=true&after={after}"), "");
    assert_eq!(none["requests"], json!([]));
    assert!(emulator.json("DELETE", "/emulator/requests", "")["removed"].as_u64() > Some(3));
    let log = emulator.log(|log| log.contains("DELETE /emulator/requests"));
    assert!(log.contains("POST /ipp/v1/sessions 200 (ignored: oops)"), "{log}");
}

#[test]
fn a_reset_returns_to_the_seed_and_the_options_of_the_start() {
    let env = TestEnv::new();
    env.file("seed.toml", "[[devices]]\nname = \"Till 1\"\n");
    for state in [&[][..], &["--state", "state.json"]] {
        let args = [&["--seed", "seed.toml", "--option", "delete_status=ok"][..], state].concat();
        let emulator = EmulatorProcess::start(&env, &args);
        let device = device(&emulator, "Till 2");
        session(&emulator, &device, 100);
        let _ = emulator.json(
            "PUT",
            "/emulator/options",
            r#"{"delete_status": "no_content", "list_lag": "PT1H"}"#,
        );
        let _ = emulator.json("POST", "/emulator/clock", r#"{"advance": "PT2H"}"#);
        let user = emulator.env();
        let _ = user.run(["dev", "emulator", "reset"]).assert_code(0);
        let description = emulator.json("GET", "/emulator", "");
        assert_eq!(description["clock"]["ahead"], "PT0S");
        assert_eq!(
            (&description["options"]["delete_status"], &description["options"]["list_lag"]),
            (&json!("ok"), &json!("PT0S"))
        );
        assert_eq!(emulator.json("GET", "/emulator/sessions", "")["sessions"], json!([]));
        assert_eq!(emulator.json("GET", "/emulator/requests", "")["requests"], json!([]));
        let phones = emulator.json("GET", "/emulator/phones", "");
        assert_eq!(phones["phones"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn options_are_set_all_or_none() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    for wrong in [r#"{"strict_sums": false, "list_lag": "x"}"#, r#"{"strict_sums": false, "oops": true}"#] {
        assert_eq!(emulator.status("PUT", "/emulator/options", wrong), 400);
    }
    assert_eq!(emulator.json("GET", "/emulator/options", "")["strict_sums"], true);
    assert_eq!(emulator.json("PUT", "/emulator/options", r#"{"strict_sums": false}"#)["strict_sums"], false);
}

#[test]
fn sessions_and_phones_are_listed_for_assertions() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let (first, second) = (device(&emulator, "Till 1"), device(&emulator, "Till 2"));
    let paid = session(&emulator, &first, 100);
    let open = session(&emulator, &second, 200);
    let _ = emulator.json("POST", &format!("/emulator/pos/sessions/{paid}/pay"), "");
    let ids = |query: &str| -> Vec<Value> {
        let list = emulator.json("GET", &format!("/emulator/sessions{query}"), "");
        column(&list["sessions"], "session_id")
    };
    assert_eq!(ids(""), [json!(paid), json!(open)]);
    assert_eq!(ids("?open=true"), [json!(open)]);
    assert_eq!(ids("?status=FINALIZED"), [json!(paid)]);
    assert_eq!(ids(&format!("?device_id={second}")), [json!(open)]);
    let phones = emulator.json("GET", "/emulator/phones", "");
    let open = column(&phones["phones"], "open");
    assert_eq!(open, [json!(0), json!(1)]);
}

#[test]
fn an_unknown_parameter_of_a_simulated_tap_is_never_a_payment() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let device = device(&emulator, "Till 1");
    let session = session(&emulator, &device, 100);
    for query in ["outcom=INSUFFICIENT_FUNDS", "Outcome=SUCCESS", "outcome=success", "outcome=SUCCESS&x=1"] {
        let path = format!("/ipp/v1/dev/sessions/{session}/simulate-tap?{query}");
        assert_eq!(emulator.status("POST", &path, ""), 400, "{query}");
    }
    let status = emulator.json("GET", &format!("/ipp/v1/sessions/{session}"), "")["status"].clone();
    assert_eq!(status, "CREATED");
}

#[test]
fn strict_rejects_what_is_otherwise_ignored() {
    for (args, expected) in
        [(&[][..], [200, 200, 200, 200, 200, 200]), (&["--strict"], [400, 400, 400, 400, 400, 400])]
    {
        let emulator = EmulatorProcess::start(&TestEnv::new(), args);
        let device = device(&emulator, "Till 1");
        let create = |fields: Value| {
            let mut body = json!({"device_id": device, "order_amount": 100, "purchase_currency": "SEK"});
            for (name, value) in fields.as_object().unwrap() {
                body[name] = value.clone();
            }
            emulator.status("POST", "/ipp/v1/sessions", &body.to_string())
        };
        let line = json!({"name": "x", "unit_price": 100, "total_amount": 100, "tax_rate": 0, "total_tax_amount": 0, "oops": 1});
        let path = format!("/ipp/v1/sessions/{}", session(&emulator, &device, 100));
        let statuses = [
            create(json!({"oops": 1})),
            create(json!({"order_items": [line]})),
            create(json!({"order_amount": 0})),
            create(json!({"purchase_currency": "XYZ"})),
            emulator.status("GET", "/ipp/v1/devices?page_sise=5", ""),
            emulator.status("GET", &format!("{path}?x=1"), ""),
        ];
        assert_eq!(statuses, expected);
        assert_eq!(create(json!({})), 200);
    }
}

#[test]
fn phones_play_by_rules_and_the_same_seed_gives_the_same_outcomes() {
    let rules = [
        ["--phone", "amount=*.51: insufficient-funds, then pay", "--phone", "device=Till 2: ignore"],
        ["--phone", "50%: cancel", "--phone", "*: pay with swish"],
    ]
    .concat();
    let play = |seed: &str| -> Vec<String> {
        let env = TestEnv::new();
        let emulator = EmulatorProcess::start(&env, &[&rules[..], &["--phone-seed", seed]].concat());
        let description = emulator.json("GET", "/emulator", "");
        assert_eq!(
            (&description["phone"][3], &description["phone_seed"]),
            (&json!("*: pay with swish"), &json!(seed.parse::<u32>().unwrap()))
        );
        assert!(emulator.page().contains("device=Till 2: ignore"));
        let (first, second) = (device(&emulator, "Till 1"), device(&emulator, "Till 2"));
        let declined = session(&emulator, &first, 1051);
        assert_eq!(outcome(&emulator, &declined), "FINALIZED");
        let ignored = session(&emulator, &second, 100);
        let outcomes = (0..12).map(|_| outcome(&emulator, &session(&emulator, &first, 100))).collect();
        let callbacks = emulator.json("GET", "/emulator/callbacks", "");
        let of_declined =
            callbacks["callbacks"].as_array().unwrap().iter().map(|callback| &callback["payload"]);
        let kinds: Vec<_> = of_declined
            .filter(|payload| payload["data"]["session_id"] == *declined)
            .map(|payload| payload["type"].clone())
            .collect();
        assert!(kinds.contains(&json!("ipp.payment.failed")), "{kinds:?}");
        let status = emulator.json("GET", &format!("/ipp/v1/sessions/{ignored}"), "")["status"].clone();
        assert_eq!(status, "CREATED");
        let told = emulator.end().assert_code(0).stderr;
        assert!(told.contains("  phone: amount=*.51: insufficient-funds, then pay\n"), "{told}");
        outcomes
    };
    let outcomes = play("7");
    assert_eq!(play("7"), outcomes);
    assert!(
        outcomes.contains(&"CANCELLED".to_owned()) && outcomes.contains(&"FINALIZED".to_owned()),
        "{outcomes:?}"
    );
    TestEnv::new()
        .run(["dev", "emulator", "--phone", "*: pai"])
        .assert_failure_with(2, "'pai' is not an action");
}

#[test]
fn a_played_sale_is_a_scenario_that_passes() {
    let env = TestEnv::new();
    let emulator = EmulatorProcess::start(&env, &["--option", "status_after_decline=created"]);
    let user = emulator.env();
    let code = emulator.json("POST", "/ipp/v1/enrollments", &json!({"location_id": STOCKHOLM}).to_string());
    let code = code["enrollment_code"].as_str().unwrap().to_owned();
    let _ = user.run(["dev", "pos", "pair", &code, "--name", "Till \"1\""]).assert_code(0);
    let device = emulator.json("GET", "/emulator/phones", "")["phones"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({
        "device_id": device, "order_amount": 300, "order_tax_amount": 60, "purchase_currency": "NOK", "merchant_reference1": "r-1\\",
        "order_items": [{"name": "T-Shirt ☕", "quantity": 3, "unit_price": 100, "total_amount": 300, "tax_rate": 2500, "total_tax_amount": 60}],
    });
    let sale = emulator.json("POST", "/ipp/v1/sessions", &body.to_string());
    let sale = sale["session_id"].as_str().unwrap();
    let pos = |path: &str, body: &str| emulator.status("POST", &format!("/emulator/pos/{path}"), body);
    assert_eq!(pos(&format!("sessions/{sale}/choose"), r#"{"method": "VIPPS"}"#), 200);
    assert_eq!(pos(&format!("devices/{device}/offline"), ""), 200);
    assert_eq!(pos(&format!("sessions/{sale}/pay"), ""), 409);
    assert_eq!(pos(&format!("devices/{device}/online"), ""), 200);
    assert_eq!(pos(&format!("sessions/{sale}/decline"), r#"{"outcome": "LOST_CARD"}"#), 200);
    assert_eq!(emulator.status("POST", "/emulator/clock", r#"{"advance": "PT5M"}"#), 200);
    assert_eq!(
        emulator.status(
            "POST",
            &format!("/ipp/v1/dev/sessions/{sale}/simulate-tap?outcome=EXPIRED_CARD"),
            ""
        ),
        204
    );
    assert_eq!(pos(&format!("sessions/{sale}/pay"), r#"{"method": "SWISH"}"#), 200);
    assert_eq!(emulator.status("PUT", &format!("/ipp/v1/sessions/{sale}/cancel"), ""), 409);
    // A second sale expires.
    let expired = session(&emulator, &device, 500);
    assert_eq!(emulator.status("POST", "/emulator/clock", r#"{"advance": "PT20M"}"#), 200);

    let page = emulator.page();
    let token = token_of(&page);
    let get = |path: &str| {
        let address = emulator.address();
        let answer = emulator.raw(format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nx-kustom-token: {token}\r\nconnection: close\r\n\r\n"
        ));
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let requests = emulator.json("GET", "/emulator/requests", "");
    let id_of = |session: &str| {
        let requests = requests["requests"].as_array().unwrap();
        requests.iter().find(|request| request["response"]["session_id"] == session).unwrap()["id"]
            .to_string()
    };
    for path in [
        "/emulator/page/scenario".to_owned(),
        format!("/emulator/page/requests/{}/scenario", id_of(sale)),
        format!("/emulator/page/requests/{}/scenario", id_of(&expired)),
    ] {
        let scenario = get(&path);
        assert!(!scenario.contains(&code), "{scenario}");
        env.file("sale.toml", &scenario);
        let run = env.run(["dev", "run", "sale.toml"]);
        assert!(run.code == Some(0), "{scenario}\n{}{}", run.stdout, run.stderr);
    }
    let curl = get(&format!("/emulator/page/requests/{}/curl", id_of(sale)));
    assert!(curl.starts_with(&format!("curl -X POST {}/ipp/v1/sessions", emulator.url)), "{curl}");
}

#[test]
fn the_page_is_for_browsers_and_can_be_turned_off() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let document = emulator.page();
    let token = token_of(&document);
    assert!(
        document.contains("content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'")
    );
    for outside in ["http://www", "https://", "//cdn", "style=", "onclick="] {
        assert!(!document.split_once("\r\n\r\n").unwrap().1.contains(outside), "{outside}");
    }
    assert_eq!(act(&emulator, "", &format!("token={token}&do=create-device&name=Till+%3Cb%3E")), 204);
    let document = emulator.page();
    assert!(document.contains("Till &lt;b&gt;") && !document.contains("Till <b>"));
    let _ = emulator.end().assert_code(0);
    let emulator = EmulatorProcess::start(&TestEnv::new(), &["--no-ui"]);
    let about = emulator.page();
    assert!(about.contains("\"emulator\":true") && !about.contains("<html"), "{about}");
    let told = emulator.end().assert_code(0).stderr;
    assert!(!told.contains("page:"), "{told}");
}

#[test]
fn only_the_page_itself_can_use_its_form_and_its_events() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let page = emulator.page();
    let token = token_of(&page);
    let form = format!("token={token}&do=create-device&name=x");
    let own = format!("origin: {}\r\nsec-fetch-site: same-origin\r\n", emulator.url);
    for (headers, form, expected) in [
        (own.as_str(), form.as_str(), 204),
        ("", "do=create-device&name=x", 403),
        ("", "token=0123456789abcdef0123456789abcdef&do=create-device&name=x", 403),
        ("origin: http://evil.example\r\n", form.as_str(), 403),
        ("origin: null\r\n", form.as_str(), 403),
        ("sec-fetch-site: cross-site\r\n", form.as_str(), 403),
        ("", &format!("token={token}&do=nothing"), 400),
    ] {
        assert_eq!(act(&emulator, headers, form), expected, "{headers}{form}");
    }
    assert_eq!(emulator.json("GET", "/emulator/phones", "")["phones"].as_array().unwrap().len(), 1);
    assert_eq!(emulator.status("GET", "/emulator/page/events", ""), 403);
}

#[test]
fn an_open_page_gets_every_change_and_does_not_delay_the_end() {
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let page = emulator.page();
    let token = token_of(&page);
    let mut events = emulator.connect();
    let address = emulator.address();
    write!(events, "GET /emulator/page/events?token={token} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut received = String::new();
    let mut until = |text: &str| {
        let mut buffer = [0; 4096];
        while !received.contains(text) {
            let length = events.read(&mut buffer).unwrap();
            assert!(length > 0, "the events ended: {received}");
            received.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    };
    until("New phone");
    device(&emulator, "Till of the test");
    until("Till of the test");
    let started = std::time::Instant::now();
    let _ = emulator.end().assert_code(0);
    assert!(started.elapsed().as_secs() < 4, "the open page delayed the end");
}

#[test]
fn where_others_can_reach_the_emulator_its_own_routes_need_the_token() {
    let env = TestEnv::new();
    let running = env.command(["dev", "emulator", "--listen", "0.0.0.0:0", "--public", "-o", "json"]).spawn();
    let ready = json_lines(&running.until_stdout(|stdout| stdout.ends_with('\n'))).remove(0);
    let (url, token) = (ready["url"].as_str().unwrap(), ready["token"].as_str().unwrap());
    let user = TestEnv::new().at(url, "kco_test_api_emulator");
    user.run(["dev", "emulator", "clock", "show"])
        .assert_failure_with(5, "x-kustom-token must have the token");
    let _ = user.run(["devices", "list"]);
    let user = user.env("KUSTOM_EMULATOR_TOKEN", token);
    let _ = user.run(["dev", "emulator", "clock", "show"]).assert_code(0);
    running.interrupt();
    let _ = running.wait().assert_code(0);
}
