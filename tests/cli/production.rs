//! On production, what moves money or removes something asks first: before anything that cannot be undone is
//! sent, and without a terminal and `--yes`, before anything is sent at all.

use crate::common::prelude::*;
use crate::common::redaction::fixed_id as id;

const KEY: &str = "kco_live_api_0123456789abcdef";

fn api(asked: &Asked) -> Reply {
    let devices =
        json!([{"id": id(1), "name": "Till 1", "location_id": id(9)}, {"id": id(2), "name": "Bar"}]);
    let session = |status| {
        json!({
            "session_id": id(3), "status": status, "order_amount": 24950, "purchase_currency": "SEK", "device_id": id(1),
        })
    };
    let city = json!({"id": id(9), "name": "City"});
    match (asked.method.as_str(), asked.line().ends_with("/devices")) {
        ("GET", false) if asked.line().contains("/locations/") => Reply::json(200, &city),
        ("GET", false) if asked.line().ends_with("/locations") => {
            Reply::json(200, &json!({"content": [city], "last": true}))
        }
        ("GET", true) => Reply::json(200, &json!({"content": devices, "last": true})),
        ("GET" | "POST", _) => Reply::json(200, &session("CREATED")),
        ("PUT", _) => Reply::json(200, &session("CANCELLED")),
        _ => Reply::empty(204),
    }
}

fn production(server: &Server) -> TestEnv {
    TestEnv::new().with_profiles(&format!(
        "active = \"shop\"\n[profiles.shop]\nenvironment = \"production\"\napi_key = \"{KEY}\"\n\
         merchant_id = \"M100\"\nbase_url = \"{}\"\n",
        server.url()
    ))
}

const CREATE: [&str; 8] =
    ["sessions", "create", "--device", "Till 1", "--amount", "249.50", "--currency", "SEK"];

fn risky() -> Vec<(Vec<String>, String)> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    vec![
        (CREATE.map(str::to_owned).to_vec(), "POST /ipp/v1/sessions".into()),
        (words(&format!("sessions cancel {}", id(3))), format!("PUT /ipp/v1/sessions/{}/cancel", id(3))),
        (words("devices deregister Bar"), format!("DELETE /ipp/v1/devices/{}", id(2))),
        (words(&format!("enrollments delete {}", id(4))), format!("DELETE /ipp/v1/enrollments/{}", id(4))),
        (words("api POST /ipp/v1/sessions"), "POST /ipp/v1/sessions".into()),
        (words("api delete /ipp/v1/devices/x"), "DELETE /ipp/v1/devices/x".into()),
        (words("api PUT /ipp/v1/sessions/x/cancel"), "PUT /ipp/v1/sessions/x/cancel".into()),
    ]
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_sent() {
    let server = Server::new(api);
    let env = production(&server);
    let expected = "error: this is production, and nobody can confirm it\n  \
                    hint: nothing was sent; add --yes to confirm it beforehand\n";
    for (args, _) in risky() {
        assert_eq!(&env.run(&args).assert_failure(8), expected);
        let error = env.command(&args).args(["-o", "json"]).run().json_failure(8);
        assert_eq!((&error["kind"], &error["exit_code"]), (&json!("unconfirmed"), &json!(8)));
    }
    let body = env.command(["sessions", "create", "--body", "-"]).stdin("{\"order_amount\": 5}").run();
    assert_eq!(&body.assert_failure(8), expected);
    let unnamed = TestEnv::new().at(&server.url(), KEY);
    assert_eq!(&unnamed.run(CREATE).assert_failure(8), expected);
    server.assert_untouched();
}

#[test]
fn what_is_missing_is_named_before_anything_is_asked() {
    let server = Server::unwanted();
    for env in [production(&server), TestEnv::new().local()] {
        for (missing, commands) in [
            ("order", "orders get|orders refund|orders refund --yes|orders refund --amount 5|orders capture"),
            ("order", "orders capture --amount 5 --yes|orders cancel|orders release"),
            ("session", "sessions get|sessions watch|sessions watch --cancel-on-timeout|sessions cancel"),
            (
                "device",
                "devices update|devices deregister|devices free|sessions create --amount 5 --currency SEK",
            ),
            ("enrollment", "enrollments delete|enrollments delete --yes"),
            ("amount", "sessions create|sessions create --device x"),
        ] {
            for command in commands.split('|') {
                env.run(command.split(' '))
                    .assert_failure_with(2, &format!("error: no {missing} is given\n  hint: "));
            }
        }
    }
    server.assert_untouched();
}

#[test]
fn with_yes_it_goes() {
    for (args, request) in risky() {
        let server = Server::new(api);
        production(&server).command(&args).args(["--yes"]).run().ok();
        let changes: Vec<_> = server.lines().into_iter().filter(|line| !line.starts_with("GET ")).collect();
        assert_eq!(changes, [request], "{args:?}");
    }
}

#[test]
fn reading_asks_nothing() {
    let server = Server::new(api);
    let env = production(&server);
    let session = id(3);
    for args in [&["devices", "list"][..], &["sessions", "get", &session], &["api", "GET", "/x"]] {
        env.run(args).ok();
    }
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());
}

#[test]
fn playground_asks_nothing() {
    let server = Server::new(api);
    let env = server.env();
    for (args, request) in risky() {
        env.run(&args).ok();
        assert_eq!(server.lines().iter().rfind(|line| !line.starts_with("GET ")), Some(&request));
    }
}

#[test]
fn a_person_is_asked_with_merchant_device_and_amount() {
    let server = Server::new(api);
    let env = production(&server);
    let posts = || server.lines().into_iter().filter(|line| line.starts_with("POST")).count();
    let question = format!(
        "Production, merchant M100: create a session of 249.50 SEK on device 'Till 1' ({}) at ",
        id(1)
    );
    let mut screen = PtySession::open(&env, CREATE.iter().chain(&["--location", "City"]), &[]);
    screen.until(&format!("{question}'City' at location 'City' ({})?", id(9)));
    screen.answer("Continue? [y/N]", "n\r");
    screen.end_with(8);
    for (keys, code, sent) in [("n\r", 8, 0), ("\r", 8, 0), ("\x03", 130, 0), ("y\r", 0, 1)] {
        let mut screen = PtySession::open(&env, CREATE, &[]);
        screen.until(&format!("{question}'City'?"));
        screen.answer("Continue? [y/N]", keys);
        let (exit, shown) = screen.end();
        assert_eq!((exit, posts()), (code, sent), "{keys:?}:\n{shown}");
        assert_eq!(env.state_folder().exists(), sent == 1, "{shown}");
        assert_eq!(shown.contains("not confirmed; nothing was done"), code == 8, "{shown}");
    }
}

#[test]
fn a_person_is_asked_before_anything_is_cancelled_or_removed() {
    let (session, enrollment) = (id(3), id(4));
    let cancel = format!("cancel 1 session: {session} of 249.50 SEK on device {}?", id(1));
    for (args, question) in [
        (["sessions", "cancel", &session], cancel.as_str()),
        (["enrollments", "delete", &enrollment], &format!("withdraw 1 enrollment: {enrollment}?")),
    ] {
        let server = Server::new(api);
        let env = production(&server);
        let changes = || server.lines().iter().filter(|line| !line.starts_with("GET ")).count();
        for (keys, code, sent) in [("n\r", 8, 0), ("y\r", 0, 1)] {
            let mut screen = PtySession::open(&env, args, &[]);
            screen.until(&format!("Production, merchant M100: {question}"));
            screen.answer("Continue? [y/N]", keys);
            let (exit, shown) = screen.end();
            assert_eq!((exit, changes()), (code, sent), "{shown}");
        }
    }
}

#[test]
fn a_device_is_removed_only_by_whoever_types_its_name() {
    for (keys, code, sent) in [("\r", 8, 0), ("\x03", 130, 0), ("Bar\r", 0, 1), ("bar\r", 0, 1)] {
        let server = Server::new(api);
        let env = production(&server);
        let mut screen = PtySession::open(&env, ["devices", "deregister", "Bar"], &[]);
        screen.until(&format!("Production, merchant M100: deregister 'Bar' ({})?", id(2)));
        screen.until("To continue, type its name: Bar");
        screen.answer("Name:", keys);
        let (exit, shown) = screen.end();
        let changes = server.lines().iter().filter(|line| !line.starts_with("GET ")).count();
        assert_eq!((exit, changes), (code, sent), "{keys:?}:\n{shown}");
        assert_eq!(shown.contains("not confirmed; nothing was done"), code == 8, "{shown}");
    }
}

#[test]
fn no_input_asks_nobody() {
    let server = Server::new(api);
    let env = production(&server);
    let screen = PtySession::open(&env, CREATE.iter().chain(&["--no-input"]), &[]);
    screen.end_with(8);
    server.assert_untouched();
}

#[test]
fn a_device_whose_name_cannot_be_typed_is_removed_by_its_id() {
    for name in ["", "  ", "a\tb"] {
        let server = Server::new(move |asked: &Asked| match asked.method.as_str() {
            "GET" => Reply::json(200, &json!({"content": [{"id": id(2), "name": name}], "last": true})),
            _ => Reply::empty(204),
        });
        let env = production(&server);
        for (keys, code) in [("\r", 8), ("00000000\r", 0)] {
            let mut screen = PtySession::open(&env, ["devices", "deregister", &id(2)], &[]);
            screen.until("To continue, type its name: 00000000");
            screen.answer("Name:", keys);
            let (exit, shown) = screen.end();
            assert_eq!(exit, code, "{name:?}:\n{shown}");
        }
    }
}
