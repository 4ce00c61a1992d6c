//! A device with an open session: `--if-busy`, `if_busy` in a profile, the choices on a terminal, and `devices free`.

use std::time::Duration;

use kustom::emulator::{API_KEY, MERCHANT_ID};
use uuid::Uuid;

use super::fixture::{DUPLICATE, Sale, Shop, device, session_id};
use crate::common::ledger::replace_session;
use crate::common::prelude::*;

const BUSY: i32 = 9;

/// The rounds of the race between a payment and a cancellation; more with `RACE_ROUNDS`.
fn rounds() -> u64 {
    std::env::var("RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40)
}

#[test]
fn a_script_is_warned_with_amount_age_and_origin() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let words = first.args();
    let _ = shop.env.command(words).env("KUSTOM_TILL", "7").run().assert_code(0);
    for more in [&[][..], &["--if-busy", "warn"]] {
        let warned = shop.env.command(second.words("table")).args(more).run().assert_code(0);
        let lines: Vec<_> = warned.stderr.lines().collect();
        let line = lines[0];
        assert!(line.starts_with("warning: the device has an open session: "), "{line}");
        for part in ["1000.01 SEK", "reference receipt-000001", "CREATED", "ago by till 7 on machine"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        let charged = ids(&shop.charged(&second));
        shop.emulator.with_state(|state, moment| {
            for id in charged {
                let _ = state.cancel_session(id, moment);
            }
        });
    }
}

fn ids(charged: &std::collections::BTreeSet<String>) -> Vec<Uuid> {
    charged.iter().map(|id| id.parse().expect("a UUID")).collect()
}

#[test]
fn fail_creates_nothing_while_a_session_is_open_on_the_device() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let open = shop.created(&first);
    let stopped = shop.create(&second, &["--if-busy", "fail"]).assert_code(BUSY);
    let error = stopped.last_error();
    assert_eq!(error["kind"], "busy");
    assert_eq!(error["session_id"], open.to_string());
    assert_eq!(error["session_status"], "CREATED");
    assert_eq!(shop.wire.posts().len(), 1);
    assert_eq!(shop.attempts().len(), 1, "an intent was stored");
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), ..second.clone() };
    let _ = shop.create(&elsewhere, &["--if-busy", "fail"]).assert_code(0);
    // What the ledger takes for open has ended meanwhile.
    shop.pay(open);
    let third = shop.sale(true);
    let _ = shop.create(&third, &["--if-busy", "fail"]).assert_code(0);
    shop.close();
}

#[test]
fn a_session_that_no_longer_exists_keeps_no_device_busy() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let open = shop.created(&sale);
    replace_session(&shop.env.state_folder(), &open.to_string(), &Uuid::from_u128(7).to_string());
    let sale = shop.sale(true);
    let _ = shop.create(&sale, &["--if-busy", "fail"]).assert_code(0);
}

#[test]
fn a_status_that_cannot_be_read_stops_everything_but_a_warning() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let _ = shop.created(&first);
    for policy in ["fail", "wait", "cancel"] {
        shop.wire.down(true);
        let line = ["--if-busy", policy, "--timeout", "1s"];
        let stopped = shop.create(&second, &line).assert_code(6);
        shop.wire.down(false);
        assert_eq!(shop.attempts().len(), 1, "{policy}: {}", stopped.stderr);
    }
}

#[test]
fn wait_creates_the_session_once_the_device_is_free() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let open = shop.created(&first);
    let waits = shop.env.command(second.words("table")).args(["--if-busy", "wait"]).spawn();
    waits.until_stderr(|said| said.contains(&format!("Waiting for session {open} to end: 1000.01 SEK")));
    assert_eq!(shop.wire.posts().len(), 1);
    // Others can use the device meanwhile, so the lock is not held.
    let _ = shop.create(&first, &[]).assert_code(DUPLICATE);
    shop.pay(open);
    let _ = waits.wait().assert_code(0).assert_stderr(&format!("Session {open}: Paid. Order "));
    assert_eq!(shop.charged(&second).len(), 1);
    shop.close();
}

#[test]
fn wait_is_bounded_by_the_timeout_and_interrupted_by_a_signal() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let open = shop.created(&first);
    let line = ["--if-busy", "wait", "--timeout", "200ms"];
    let error = shop.create(&second, &line).assert_code(BUSY).last_error();
    assert_eq!((&error["kind"], &error["session_id"]), (&"busy".into(), &open.to_string().into()));
    let waits = shop.env.command(second.words("table")).args(["--if-busy", "wait"]).spawn();
    waits.until_stderr(|said| said.contains("Waiting for session"));
    waits.interrupt();
    let _ = waits.wait().assert_code(130);
    assert_eq!(shop.attempts().len(), 1);
    assert_eq!(shop.status(open), "CREATED");
}

#[test]
fn cancel_cancels_what_is_open_and_creates_the_session() {
    let mut shop = Shop::open();
    let (first, second, third) = (shop.sale(true), shop.sale(true), shop.sale(true));
    let open = [shop.created(&first), shop.created(&second)];
    let done = shop.env.command(third.words("table")).args(["--if-busy", "cancel"]).run().assert_code(0);
    for id in open {
        assert_eq!(shop.status(id), "CANCELLED");
        assert!(done.stderr.contains(&format!("Canceled session {id} (")), "{}", done.stderr);
    }
    assert_eq!(shop.charged(&third).len(), 1);
}

#[test]
fn cancel_that_comes_too_late_reports_the_payment_and_creates_nothing() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let open = shop.created(&first);
    shop.pay(open);
    let error = shop.create(&second, &["--if-busy", "cancel"]).assert_code(BUSY).last_error();
    assert_eq!(error["kind"], "busy");
    assert_eq!(error["session_status"], "FINALIZED");
    assert!(error["order_id"].is_string(), "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("was paid before it could be canceled: 1000.01 SEK"), "{message}");
    assert!(shop.charged(&second).is_empty());
    // The payment has been reported, and the device is free.
    let _ = shop.create(&second, &["--if-busy", "cancel"]).assert_code(0);
}

#[test]
fn cancel_does_not_cancel_the_session_of_the_same_sale() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let open = shop.created(&sale);
    for policy in ["cancel", "wait", "fail"] {
        let error = shop.create(&sale, &["--if-busy", policy]).assert_code(DUPLICATE).last_error();
        assert_eq!((&error["kind"], &error["session_id"]), (&"duplicate".into(), &open.to_string().into()));
    }
    let again = shop.create(&sale, &["--if-busy", "cancel", "--if-exists", "return"]);
    assert_eq!(session_id(&again.assert_code(0)), open);
    assert_eq!(shop.status(open), "CREATED");
}

/// Never is a payment lost and a new session created.
#[test]
fn a_payment_that_races_a_cancellation_is_never_lost() {
    let mut shop = Shop::open();
    let (mut paid, mut cancelled) = (0, 0);
    // The payment is spread over the time that the command takes.
    let mut duration = Duration::from_millis(50);
    for round in 0..rounds() {
        let (first, second) = (shop.sale(true), shop.sale(true));
        let open = shop.created(&first);
        let emulator = shop.emulator.clone();
        let delay =
            duration.mul_f64(f64::from(u32::try_from(round * 7 % 20).expect("a small number")) / 18.0);
        let start = std::time::Instant::now();
        let running = shop.env.command(second.args()).args(["--if-busy", "cancel"]).spawn();
        let customer = std::thread::spawn(move || {
            std::thread::sleep(delay);
            emulator.with_state(|state, moment| state.pay(open, None, moment)).is_ok()
        });
        let outcome = running.wait();
        duration = duration.mul_f64(0.8) + start.elapsed().mul_f64(0.2);
        let is_paid = customer.join().expect("a customer");
        let new = shop.charged(&second);
        let case = format!("round {round}, paid: {is_paid}, {new:?}\n{}{}", outcome.stdout, outcome.stderr);
        if is_paid {
            paid += 1;
            assert_eq!(shop.status(open), "FINALIZED", "{case}");
            assert!(new.is_empty(), "a payment was lost: {case}");
            assert!(
                outcome.stderr.contains(&open.to_string()) && outcome.stderr.contains("was paid"),
                "{case}"
            );
            let _ = outcome.assert_code(BUSY);
        } else {
            cancelled += 1;
            assert_eq!(shop.status(open), "CANCELLED", "{case}");
            assert_eq!(new.len(), 1, "{case}");
            let _ = outcome.assert_code(0);
            shop.cancel(ids(&new)[0]);
        }
    }
    assert_eq!(paid + cancelled, rounds(), "every round ends in one of two ways");
}

fn profile(shop: &Shop, if_busy: &str) -> TestEnv {
    TestEnv::new().with_profiles(&format!(
        "active = \"shop\"\n[profiles.shop]\nenvironment = \"local\"\napi_key = \"{API_KEY}\"\nbase_url = \"{}\"\n\
         merchant_id = \"{MERCHANT_ID}\"\ncurrency = \"SEK\"\nif_busy = \"{if_busy}\"\n",
        shop.wire.url()
    ))
}

#[test]
fn a_profile_sets_the_policy_and_the_flag_overrides_it() {
    let mut shop = Shop::open();
    let env = profile(&shop, "fail");
    let (first, second) = (shop.sale(true), shop.sale(true));
    let _ = env.run(first.args()).assert_code(0);
    let _ = env.run(second.args()).assert_code(BUSY);
    let shown = env.run(["profiles", "show", "-o", "json"]).json();
    let row = shown.as_array().expect("rows").iter().find(|row| row["name"] == "if_busy").expect("if_busy");
    assert_eq!(row["value"], "fail");
    let _ = env.command(second.args()).args(["--if-busy", "cancel"]).run().assert_code(0);
    // `profiles set` changes it.
    let set = |value: &str| env.run(["profiles", "set", "if_busy", value]);
    let _ = set("warn").assert_code(0);
    let third = shop.sale(true);
    let _ = env.run(third.args()).assert_code(0);
    let _ = set("sometimes").assert_code(2);
    let _ = profile(&shop, "sometimes")
        .run(["profiles", "show"])
        .assert_code(2)
        .assert_stderr("expected one of `warn`, `fail`, `wait`, `cancel`");
}

#[test]
fn a_person_picks_what_happens_to_an_open_session() {
    const DOWN: &str = "\x1b[B";
    for (keys, code, status_after, new) in [
        (String::new(), 9, "CREATED", 0),
        (DOWN.repeat(2), 0, "CANCELLED", 1),
        (DOWN.repeat(3), 0, "CREATED", 1),
    ] {
        let mut shop = Shop::open();
        let (first, second) = (shop.sale(true), shop.sale(true));
        let open = shop.created(&first);
        let mut screen = PtySession::open(&shop.env, second.words("table"), &[("NO_COLOR", "1")]);
        screen.until(&format!("{open}: 1000.01 SEK, reference receipt-000001, CREATED, created "));
        for choice in ["Create nothing", "Wait until", "Cancel it", "Create the session in addition"] {
            screen.until(choice);
        }
        screen.answer("Open session", &format!("{keys}\r"));
        let (exit, shown) = screen.end();
        assert_eq!((exit, shop.charged(&second).len()), (code, new), "{shown}");
        assert_eq!(shop.status(open), status_after, "{shown}");
    }
}

#[test]
fn a_person_can_wait_for_an_open_session_or_interrupt() {
    let mut shop = Shop::open();
    let (first, second) = (shop.sale(true), shop.sale(true));
    let open = shop.created(&first);
    let mut screen = PtySession::open(&shop.env, second.words("table"), &[("NO_COLOR", "1")]);
    screen.answer("Open session", "\x03");
    screen.end_with(130);
    assert_eq!(shop.attempts().len(), 1);
    let mut screen = PtySession::open(&shop.env, second.words("table"), &[("NO_COLOR", "1")]);
    screen.answer("Open session", "\x1b[B\r");
    screen.until("Waiting for session");
    shop.pay(open);
    let (exit, shown) = screen.end();
    assert_eq!((exit, shop.charged(&second).len()), (0, 1), "{shown}");
    // With a flag, or with --no-input or --yes, nobody is asked.
    for more in [&["--if-busy", "warn"][..], &["--no-input"], &["--yes"]] {
        let third = shop.sale(true);
        let words = third.words("table").into_iter().chain(more.iter().map(ToString::to_string));
        PtySession::open(&shop.env, words, &[]).end_with(0);
    }
}

#[test]
fn devices_free_cancels_what_is_open_on_the_device_and_nothing_else() {
    let mut shop = Shop::open();
    let till = shop.device.clone();
    let free = |shop: &Shop, more: &[&str]| {
        shop.env.run(["devices", "free", &till].iter().copied().chain(more.iter().copied()))
    };
    assert_eq!(free(&shop, &["-o", "json"]).json(), serde_json::json!([]));
    assert_eq!(free(&shop, &[]).assert_code(0).stderr, "Nothing was canceled on Till 1.\n");
    let (first, second) = (shop.sale(true), shop.sale(false));
    let open = [shop.created(&first), shop.created(&second)];
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), ..shop.sale(true) };
    let other = shop.created(&elsewhere);
    let freed = free(&shop, &["-o", "json"]).json();
    assert_eq!(column(&freed, "session_id"), [open[1].to_string(), open[0].to_string()]);
    assert_eq!(open.map(|id| shop.status(id)), ["CANCELLED", "CANCELLED"]);
    assert_eq!(shop.status(other), "CREATED");
    let by_name = shop.env.run(["devices", "free", "Till 2"]).assert_code(0);
    assert!(by_name.stderr.ends_with("Canceled 1 session on Till 2.\n"), "{}", by_name.stderr);
    assert_eq!(shop.status(other), "CANCELLED");
    let _ = shop.env.run(["devices", "free", "Till 9"]).assert_code(4);
    // What was paid before stays paid.
    let third = shop.sale(true);
    let paid = shop.created(&third);
    shop.pay(paid);
    assert_eq!(free(&shop, &["-o", "json"]).json(), serde_json::json!([]));
    assert_eq!(shop.status(paid), "FINALIZED");
}
