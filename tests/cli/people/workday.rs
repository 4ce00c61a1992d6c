//! A day of a store operator, with prompts only: no ID is ever typed.

use crate::common::prelude::*;

/// Answers a prompt with these keys.
fn answer(screen: &mut PtySession, question: &str, keys: &str) {
    screen.until_asked(question);
    // The search is shown before Enter picks what it found.
    if let Some((search, _)) =
        keys.split_once('\r').filter(|(search, _)| question.contains("search") && !search.is_empty())
    {
        screen.type_in(search);
        screen.until(&format!("{search}|"));
        screen.type_in("\r");
    } else {
        screen.type_in(keys);
    }
}

fn end(screen: PtySession, expected: &str) {
    let shown = screen.end_with(0);
    assert!(shown.contains(expected), "'{expected}' is missing:\n{shown}");
}

fn devices(env: &TestEnv) -> Vec<Value> {
    env.run(["devices", "list", "-o", "json"]).json().as_array().unwrap().clone()
}

#[test]
fn a_store_operator_pairs_renames_moves_investigates_and_retires_with_prompts_only() {
    let env = TestEnv::new().local();
    // Pair a phone. The emulator's other terminal uses the code.
    let mut screen = PtySession::open(&env, ["pair"], &[("LANG", "C.UTF-8")]);
    answer(&mut screen, "Location (type to search):", "goteb\r");
    let shown = screen.until("waiting for the phone");
    let code = shown.rsplit_once("dev pos pair ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    assert!(shown.contains('█'), "the QR code is missing:\n{shown}");
    env.run(["dev", "pos", "pair", &code]).ok();
    answer(&mut screen, "Name [Göteborg Haga till 1]:", "\r");
    end(screen, "Göteborg Haga till 1 is ready.");
    // A second device, simulated.
    let mut screen = PtySession::open(&env, ["dev", "create-device"], &[]);
    answer(&mut screen, "Location (type to search):", "stock\r");
    answer(&mut screen, "Device name:", "Till 10\r");
    end(screen, "Created Till 10.");
    // Rename it, and move it.
    let mut screen = PtySession::open(&env, ["devices", "update"], &[]);
    answer(&mut screen, "Device (type to search):", "till 10\r");
    answer(&mut screen, "Change (type to search):", "\r");
    answer(&mut screen, "New name [Till 10]:", "Counter\r");
    end(screen, "Renamed Till 10 to Counter.");
    let mut screen = PtySession::open(&env, ["devices", "update"], &[]);
    answer(&mut screen, "Device (type to search):", "counter\r");
    answer(&mut screen, "Change (type to search):", "loc\r");
    answer(&mut screen, "Location (type to search):", "haga\r");
    end(screen, "Moved Counter to Göteborg Haga.");
    // Take a payment, and find out why it fails: the phone is offline.
    let mut screen = PtySession::open(&env, ["dev", "pos", "offline"], &[]);
    answer(&mut screen, "Device (type to search):", "counter\r");
    end(screen, "offline");
    let mut screen = PtySession::open(&env, ["sessions", "create"], &[]);
    answer(&mut screen, "Amount in SEK:", "0\r");
    screen.until("write an amount of more than zero");
    screen.type_in("\x7f249.50\r");
    answer(&mut screen, "Device (type to search):", "counter\r");
    let shown = screen.end_with(5);
    assert!(shown.contains("Counter") && shown.contains("offline"), "{shown}");
    assert!(
        shown.contains("check on the phone that the Kustom POS app is open and has a network"),
        "{shown}"
    );
    // Retire the device, after a typo and Esc.
    let mut screen = PtySession::open(&env, ["devices", "deregister"], &[]);
    answer(&mut screen, "Device (type to search):", "xyz");
    screen.until("no match");
    screen.type_in("\x1b");
    screen.end_with(130);
    assert_eq!(devices(&env).len(), 2);
    let mut screen = PtySession::open(&env, ["devices", "deregister"], &[]);
    answer(&mut screen, "Device (type to search):", "counter\r");
    end(screen, "Deregistered Counter.");
    let left = devices(&env);
    assert_eq!((left.len(), &left[0]["name"]), (1, &Value::from("Göteborg Haga till 1")));
}

#[test]
fn codes_and_profiles_are_picked_from_a_list() {
    let env = TestEnv::new().with_profiles(
        "active = \"local\"\n[profiles.shop]\nenvironment = \"playground\"\napi_key = \"kco_test_api_1\"\n",
    );
    let mut screen = PtySession::open(&env, ["enrollments", "create"], &[]);
    answer(&mut screen, "Location (type to search):", "stock\r");
    end(screen, "Enter the code");
    let mut screen = PtySession::open(&env, ["enrollments", "delete"], &[]);
    screen.until_asked("Enrollment (type to search):");
    screen.until("PENDING");
    screen.type_in("\r");
    end(screen, "Withdrew the code");
    let mut screen = PtySession::open(&env, ["profiles", "use"], &[]);
    answer(&mut screen, "Profile (type to search):", "shop\r");
    end(screen, "Commands now use the profile 'shop' (playground).");
    let mut screen = PtySession::open(&env, ["profiles", "remove"], &[]);
    answer(&mut screen, "Profile (type to search):", "\r");
    end(screen, "Removed 'shop'.");
}

/// What was typed before a question is not its answer, and only y, yes, n, no and Enter answer one.
#[test]
fn only_an_answer_answers_a_question() {
    let server = crate::common::server::Server::always(crate::common::server::Reply::json(
        200,
        &serde_json::json!({"session_id": "x", "content": [{"id": "d1", "name": "Bar"}]}),
    ));
    let env = TestEnv::new().with_profiles(&format!(
        "active = \"p\"\n[profiles.p]\nenvironment = \"production\"\napi_key = \"kco_live_api_1\"\nbase_url = \"{}\"\n",
        server.url()
    ));
    let mut screen =
        PtySession::open(&env, ["enrollments", "delete", "00000000-0000-4000-8000-000000000001"], &[]);
    screen.answer("Continue? [y/N]", "yikes\r");
    screen.until("type y or n");
    screen.type_in("no\r");
    screen.end_with(8);
    assert!(server.lines().iter().all(|line| !line.starts_with("DELETE")), "{:?}", server.lines());
}
