//! What may have been charged before stops the same sale, and nothing else does.

use kustom::emulator::state::AfterDecline;
use kustom::emulator::{API_KEY, State};
use kustom::model::{PaymentMethod, TapOutcome};

use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{Charged, DUPLICATE, Sale, Shop, UNKNOWN, attempt_of, device};
use crate::common::ledger::move_to_host;
use crate::common::prelude::*;

fn unknown(shop: &mut Shop, with_reference: bool) -> (Sale, String) {
    let sale = shop.sale(with_reference);
    let attempt = shop.lose(&sale, &[]);
    (sale, attempt)
}

fn created(outcome: CommandOutput) -> String {
    outcome.json()["session_id"].as_str().expect("an id").to_owned()
}

#[test]
fn an_unknown_outcome_stops_the_same_sale_and_says_why() {
    let mut shop = Shop::open();
    let (sale, attempt) = unknown(&mut shop, true);
    let table = shop.env.run(sale.words("table"));
    let lines = [
        "error: this sale may have been charged already: its outcome is unknown (attempt <id-1>, <time>, 1000.01 \
         SEK, device <id-2>, reference receipt-000001, machine <machine>)",
        "  the connection to 127.0.0.1 broke (connection closed before message completed)",
        "  hint: if there is a session: kustom sessions recover <id-1> --session ID",
        "  hint: if there is none: kustom sessions recover <id-1> --not-processed\n",
    ];
    assert_eq!(&table.assert_failure(DUPLICATE), &lines.join("\n"));
    let error = shop.command(&sale).run().assert_code(DUPLICATE).last_error();
    assert_eq!((&error["attempt"], &error["kind"]), (&attempt.clone().into(), &"duplicate".into()));
    assert_eq!(error["exit_code"], 9);
    assert_eq!(shop.wire.posts().len(), 1, "something was sent");
    let _ = created(shop.env.command(sale.args()).args(["--allow-duplicate"]).run());
    assert_eq!(shop.charged(&sale).len(), 2);
}

#[test]
fn an_unknown_outcome_says_which_commands_settle_it() {
    let mut shop = Shop::open();
    let sale = shop.sale(false);
    shop.wire.breaks(Fault::At(Point::Answer(20), Then::Close));
    let said = shop
        .env
        .run(sale.words("table"))
        .assert_failure_with(UNKNOWN, "error: the session may have been created: the connection to ");
    let lines = [
        "  hint: check the device or the portal for the session before you create it again",
        "  hint: if there is a session: kustom sessions recover <id-1> --session ID",
        "  hint: if there is none: kustom sessions recover <id-1> --not-processed\n",
    ];
    assert_eq!(said.split_once('\n').expect("hints").1, &lines.join("\n"));
}

#[test]
fn an_unknown_outcome_stops_nothing_else() {
    let mut shop = Shop::open();
    let (sale, _) = unknown(&mut shop, false);
    let other_device = Sale { device: device(&shop.emulator, "Till 2"), ..sale.clone() };
    let other_amount = Sale { amount: sale.amount + 500, ..sale.clone() };
    let other_reference = Sale { reference: Some("another".into()), ..sale.clone() };
    for other in [&other_device, &other_amount, &other_reference] {
        let _ = created(shop.command(other).run());
    }
    let other_currency = sale.args().into_iter().map(|word| word.replace("SEK", "NOK"));
    let _ = created(shop.env.run(other_currency));
    // With the same key, another merchant ID is a corrected one.
    let _ = shop.command(&sale).env("KUSTOM_MERCHANT_ID", "ANOTHER").run().assert_code(DUPLICATE);
    // Who names no merchant may be the same one.
    let _ = shop.command(&sale).env("KUSTOM_MERCHANT_ID", "").run().assert_code(DUPLICATE);
    let _ = shop.command(&sale).run().assert_code(DUPLICATE);
}

#[test]
fn an_unknown_outcome_of_a_reference_stops_it_on_another_device_and_for_another_amount() {
    let mut shop = Shop::open();
    let (sale, attempt) = unknown(&mut shop, true);
    let elsewhere =
        Sale { device: device(&shop.emulator, "Till 2"), amount: sale.amount + 1, ..sale.clone() };
    assert_eq!(attempt_of(&shop.command(&elsewhere).run().assert_code(DUPLICATE)), attempt);
}

#[test]
fn two_coffees_in_a_row_are_two_sales() {
    let mut shop = Shop::open();
    let coffee = shop.sale(false);
    let first = created(shop.command(&coffee).run());
    let second = created(shop.command(&coffee).run());
    assert_ne!(first, second);
    let empty = Sale { reference: Some(String::new()), ..coffee };
    let _ = shop
        .command(&empty)
        .run()
        .assert_code(2)
        .assert_stderr("a value is required for '--reference <TEXT>'");
    let (one, other) = (shop.sale(true), shop.sale(true));
    let _ = created(shop.command(&one).run());
    let _ = created(shop.command(&other).run());
    shop.close();
}

#[test]
fn a_session_with_the_same_reference_stops_it_while_it_is_open_or_when_it_is_paid() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let session = created(shop.command(&sale).run());
    let attempt = shop.attempts()[0].id.to_string();
    let id = session.parse().expect("an id");
    let open = |status: &str| {
        [
            &format!(
                "error: this sale is still open: session <id-1> is {status} (attempt <id-2>, <time>, 1000.01 SEK, \
                 device <id-3>, reference receipt-000001, machine <machine>)"
            ),
            "  hint: wait for it: kustom sessions watch <id-1>",
            "  hint: cancel it: kustom sessions cancel <id-1>\n",
        ]
        .join("\n")
    };
    assert_eq!(&shop.env.run(sale.words("table")).assert_failure(DUPLICATE), &open("CREATED"));
    shop.emulator
        .with_state(|state, moment| state.choose_method(id, PaymentMethod::Card, moment))
        .expect("a method");
    assert_eq!(&shop.env.run(sale.words("table")).assert_failure(DUPLICATE), &open("ACTIVE"));
    let paid = shop.emulator.with_state(|state, moment| state.simulate_tap(id, TapOutcome::Success, moment));
    let order = paid.expect("a payment").order_id.expect("an order");
    let lines = [
        "error: this sale is paid: session <id-1> is FINALIZED, order <id-2> (attempt <id-3>, <time>, 1000.01 SEK, \
         device <id-4>, reference receipt-000001, machine <machine>)\n",
    ];
    assert_eq!(&shop.env.run(sale.words("table")).assert_failure(DUPLICATE), &lines.join("\n"));
    // What is paid is known from the ledger from now on; nobody has to be asked.
    shop.wire.down(true);
    let gone = shop.command(&sale).run().assert_code(DUPLICATE);
    shop.wire.down(false);
    let error = gone.last_error();
    assert_eq!(error["attempt"], attempt.as_str());
    assert_eq!(error["session_id"], session.as_str());
    assert_eq!(error["session_status"], "FINALIZED");
    assert!(gone.stderr.contains(&order), "{}", gone.stderr);
    assert_eq!(shop.wire.posts().len(), 1);
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), amount: 1, ..sale.clone() };
    let _ = shop.command(&elsewhere).run().assert_code(DUPLICATE);
    let _ = created(shop.env.command(sale.args()).args(["--allow-duplicate"]).run());
}

type End = fn(&mut State, uuid::Uuid, &mut kustom::emulator::OpContext<'_>);

#[test]
fn a_session_that_ended_unpaid_lets_the_same_reference_through() {
    let mut shop = Shop::open();
    shop.emulator.with_state(|state, _| state.options.status_after_decline = AfterDecline::Failed);
    let sale = shop.sale(true);
    let ends: [(&str, End); 3] = [
        ("CANCELLED", |state, id, moment| drop(state.cancel_session(id, moment))),
        ("FAILED", |state, id, moment| drop(state.simulate_tap(id, TapOutcome::InsufficientFunds, moment))),
        ("EXPIRED", |_, _, _| {}),
    ];
    for (number, (status, end)) in ends.into_iter().enumerate() {
        if status == "EXPIRED" {
            shop.emulator.with_state(|state, _| state.options.session_lifetime = jiff::SignedDuration::ZERO);
        }
        let id = created(shop.command(&sale).run()).parse().expect("an id");
        shop.emulator.with_state(|state, moment| end(state, id, moment));
        let now = shop.emulator.with_state(|state, moment| state.session(id, moment.now));
        assert_eq!(now.expect("a session").status.expect("a status").as_str(), status);
        assert_eq!(shop.wire.posts().len(), number + 1);
    }
    let _ = created(shop.command(&sale).run());
    assert_eq!(shop.charged(&sale).len(), 4);
}

#[test]
fn a_twin_that_cannot_be_asked_stops_it_and_so_does_one_that_is_gone() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let _ = created(shop.command(&sale).run());
    shop.wire.down(true);
    let nowhere = shop.command(&sale).run();
    shop.wire.down(false);
    assert!(nowhere.stderr.contains("cannot be read"), "{}", nowhere.stderr);
    let _ = nowhere.assert_code(6);
    assert_eq!(shop.attempts().len(), 1);
    // Not being found is no sign that it was not paid.
    let id = shop.attempts()[0].session_id().expect("a session").to_owned();
    let missing = Server::always(Reply::problem(404, "gone"));
    move_to_host(&shop.env.state_folder(), &missing.url());
    let _ = shop
        .command(&sale)
        .env("KUSTOM_BASE_URL", missing.url())
        .run()
        .assert_code(DUPLICATE)
        .assert_stderr(&format!("session {id} already, and its status cannot be read"));
    assert_eq!(missing.lines().iter().filter(|line| line.starts_with("POST")).count(), 0);
}

fn at_once(shop: &mut Shop, sales: &[Sale]) -> Vec<CommandOutput> {
    shop.wire.breaks(Fault::Pause);
    let running: Vec<_> = sales.iter().map(|sale| shop.command(sale).spawn()).collect();
    shop.wire.until_held();
    shop.wire.release();
    running.into_iter().map(crate::common::harness::RunningCommand::wait).collect()
}

#[test]
fn of_the_same_sale_at_the_same_moment_exactly_one_request_is_sent() {
    for number in [2, 10] {
        let mut shop = Shop::open();
        let sale = shop.sale(true);
        let outcomes = at_once(&mut shop, &vec![sale.clone(); number]);
        assert_eq!(shop.wire.posts().len(), 1, "of {number}");
        assert_eq!(shop.charged(&sale).len(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.code == Some(0)).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.code == Some(DUPLICATE)).count(), number - 1);
        shop.close();
    }
}

#[test]
fn of_the_same_receipt_on_two_devices_at_the_same_moment_exactly_one_request_is_sent() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), ..sale.clone() };
    let outcomes = at_once(&mut shop, &[sale, elsewhere]);
    assert_eq!(shop.wire.posts().len(), 1);
    let mut codes: Vec<_> = outcomes.iter().map(|outcome| outcome.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(DUPLICATE)]);
}

#[test]
fn sales_that_merely_cost_the_same_all_go_through_at_the_same_moment() {
    let mut shop = Shop::open();
    let sale = shop.sale(false);
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), ..sale.clone() };
    let outcomes = at_once(&mut shop, &[sale.clone(), sale.clone(), elsewhere, sale.clone()]);
    let ids: Charged = outcomes.into_iter().map(created).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids, shop.charged(&sale));
    shop.close();
}

#[test]
fn a_sale_on_another_device_does_not_wait() {
    let mut shop = Shop::open();
    let sale = shop.sale(false);
    shop.wire.breaks(Fault::Pause);
    let waits = shop.command(&sale).spawn();
    shop.wire.until_held();
    let elsewhere = Sale { device: device(&shop.emulator, "Till 2"), ..sale.clone() };
    let _ = created(shop.command(&elsewhere).run());
    shop.wire.release();
    let _ = created(waits.wait());
}

#[test]
fn who_waited_for_a_sale_that_was_lost_is_stopped_by_it() {
    let mut shop = Shop::open();
    let sale = shop.sale(false);
    shop.wire.breaks(Fault::At(Point::Forwarded, Then::Hold));
    let first = shop.command(&sale).spawn();
    shop.wire.until_held();
    let second = shop.env.command(sale.words("table")).spawn();
    second.until_stderr(|said| said.contains("waiting for its outcome"));
    first.signal("INT");
    let attempt = attempt_of(&first.wait().assert_code(UNKNOWN));
    let _ = second.wait().assert_code(DUPLICATE).assert_stderr(&attempt);
    assert_eq!(shop.wire.posts().len(), 1);
}

#[test]
fn a_create_that_was_stopped_is_named_and_waited_for_as_long_as_the_time_limit() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    shop.wire.breaks(Fault::Pause);
    let first = shop.command(&sale).spawn();
    shop.wire.until_held();
    first.signal("STOP");
    let other = shop.sale(true);
    let _ = shop
        .env
        .command(other.args())
        .args(["--timeout", "100ms"])
        .run()
        .assert_code(6)
        .assert_stderr(&format!("process {})", first.id()));
    assert_eq!(shop.wire.posts().len(), 1);
    first.signal("CONT");
    shop.wire.release();
    let _ = created(first.wait());
}

/// The account is environment and host, and the merchant ID or the key: what a profile is called plays no part.
#[test]
fn a_sale_is_the_same_under_every_profile_of_the_account() {
    let shop = Shop::open();
    let url = shop.wire.url();
    let profile = |name: &str, merchant: &str| {
        format!(
            "[profiles.{name}]\nenvironment = \"playground\"\napi_key = \"{API_KEY}\"\nbase_url = \"{url}\"\n\
             merchant_id = \"{merchant}\"\ncurrency = \"SEK\"\n"
        )
    };
    let env = crate::common::harness::TestEnv::new();
    let env = env.with_profiles(&(profile("north", "m 1") + &profile("south", "M1")));
    let create = |profile: &str, key: &str| {
        let words = ["sessions", "create", "--amount", "1", "--reference", "r-1", "-o", "json", "--device"];
        let words = words.iter().copied().chain([shop.device.as_str(), "--profile", profile]);
        env.command(words).env("KUSTOM_API_KEY", key).env("KUSTOM_MERCHANT_ID", "M1").run()
    };
    let _ = created(create("north", ""));
    for (profile, key) in [("north", ""), ("south", ""), ("south", "kco_test_api_renewed")] {
        let stopped = create(profile, key).assert_code(if key.is_empty() { DUPLICATE } else { 3 });
        let hints: Vec<Value> = stopped.last_error()["hints"].as_array().expect("hints").clone();
        if key.is_empty() {
            let hint = format!("wait for it: kustom --profile {profile} sessions watch ");
            assert!(hints[0].as_str().expect("a hint").starts_with(&hint), "{hints:?}");
        }
    }
    assert_eq!(shop.wire.posts().len(), 1);
}
