//! The process dies, or is told to stop, at every step of its own. Whatever it was doing, the sale is charged at
//! most once and what exists is in the ledger.

use std::fs::File;
use std::path::{Path, PathBuf};

use kustom::ledger::Outcome;

use super::faults::{in_shops, points, repeat};
use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{Charged, DUPLICATE, Sale, Shop, UNKNOWN, attempt_of, device};
use crate::common::ledger::{lock as lock_ledger, move_to_host};
use crate::common::prelude::*;

#[test]
fn killed_at_any_point_of_the_exchange() {
    let mut cases = Vec::new();
    for with_reference in [true, false] {
        for point in points(&mut Shop::open(), with_reference, 8) {
            cases.push((with_reference, point));
        }
    }
    in_shops(&cases, |shop, (with_reference, point)| {
        let case = format!("killed at {point:?}");
        let sale = shop.sale(*with_reference);
        // On a device that was used before, the status of its open session would be requested first.
        let device = device(&shop.emulator, &format!("Till of {}", sale.amount));
        let sale = Sale { device, ..sale };
        shop.wire.breaks(Fault::At(*point, Then::Hold));
        let running = shop.command(&sale).spawn();
        shop.wire.until_held();
        let outcome = running.kill();
        let charged = shop.judge(&case, &sale, &Charged::new(), &outcome);
        if *point != Point::Answered {
            assert_eq!(outcome.code, None, "{case}: {}", outcome.stderr);
            assert!(shop.unknown(&sale).is_some(), "{case}: it is not known what became of it");
        } else if !*with_reference && shop.unknown(&sale).is_none() {
            // It died when the outcome was stored and before it could print it: the next create says so.
            let again = shop.command(&sale).run();
            if again.code == Some(DUPLICATE) {
                assert!(
                    again.stderr.contains("was stopped before it could print that"),
                    "{case}: {}",
                    again.stderr
                );
            } else {
                // It had printed the session, although it may have been killed before its end.
                let printed = serde_json::from_str::<serde_json::Value>(&outcome.stdout);
                assert!(printed.is_ok(), "{case}: {} {}", outcome.stdout, again.stderr);
            }
            return;
        }
        repeat(shop, &case, &sale, outcome.code, charged);
    });
}

#[test]
fn told_to_stop_at_any_point_of_the_exchange() {
    let mut cases = Vec::new();
    for signal in ["INT", "TERM", "HUP"] {
        for point in points(&mut Shop::open(), true, 1) {
            if point != Point::Answered && point != Point::Accepted {
                cases.push((signal, point));
            }
        }
    }
    in_shops(&cases, |shop, (signal, point)| {
        let case = format!("SIG{signal} at {point:?}");
        let sale = shop.sale(true);
        shop.wire.breaks(Fault::At(*point, Then::Hold));
        let running = shop.command(&sale).spawn();
        shop.wire.until_held();
        running.signal(signal);
        let outcome = running.wait();
        let charged = shop.judge(&case, &sale, &Charged::new(), &outcome);
        assert_eq!(outcome.code, Some(UNKNOWN), "{case}: {}", outcome.stderr);
        assert_eq!(shop.unknown(&sale), Some(attempt_of(&outcome)), "{case}");
        repeat(shop, &case, &sale, outcome.code, charged);
    });
}

/// The file that is locked while a session is created on the shop's device.
fn device_lock(shop: &Shop) -> PathBuf {
    let mut locks = std::fs::read_dir(shop.env.state_folder().join("locks")).expect("a folder");
    locks.next().expect("a device's lock").expect("an entry").path()
}

/// Locks a file as another process would.
fn lock(path: &Path) -> File {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    file.lock().expect("a lock");
    file
}

/// A shop that has sold something, so that its files are there.
fn shop() -> Shop {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    shop.command(&sale).run().ok();
    shop
}

#[test]
fn killed_while_it_waits_for_another_sale_on_the_device() {
    let mut shop = shop();
    for with_reference in [true, false] {
        let sale = shop.sale(with_reference);
        let device = lock(&device_lock(&shop));
        let running = shop.env.command(sale.words("table")).spawn();
        let waits = "waiting for its outcome";
        running.until_stderr(|said| said.contains(waits));
        let killed = running.kill();
        drop(device);
        let charged = shop.judge("killed in the queue", &sale, &Charged::new(), &killed);
        assert_eq!(charged, Charged::new());
        assert!(!shop.is_attempted(&sale));
        repeat(&mut shop, "killed in the queue", &sale, killed.code, charged);
    }
}

#[test]
fn stopped_while_it_waits_for_another_sale_on_the_device() {
    let mut shop = shop();
    for (device, signal) in
        [(shop.device.clone(), "INT"), ("Till 1".into(), "INT"), ("Till 1".into(), "TERM")]
    {
        let mut sale = shop.sale(true);
        sale.device = device;
        let held = lock(&device_lock(&shop));
        let running = shop.env.command(sale.words("table")).spawn();
        running.until_stderr(|said| said.contains("waiting for its outcome"));
        running.signal(signal);
        let stopped = running.wait().assert_code(if signal == "TERM" { 143 } else { 130 });
        drop(held);
        let charged = shop.judge_stopped("stopped in the queue", &sale, &stopped);
        repeat(&mut shop, "stopped in the queue", &sale, stopped.code, charged);
    }
}

#[test]
fn killed_before_the_intent_is_stored() {
    let mut shop = shop();
    let ledger = lock_ledger(&shop.env.state_folder());
    let sale = shop.sale(true);
    let running = shop.command(&sale).spawn();
    let device = File::open(device_lock(&shop)).expect("a file");
    until("it has locked the device", || {
        let is_free = device.try_lock().is_ok();
        device.unlock().expect("a lock");
        !is_free
    });
    let killed = running.kill();
    drop(ledger);
    let charged = shop.judge("killed before the intent", &sale, &Charged::new(), &killed);
    assert!(charged.is_empty() && !shop.is_attempted(&sale));
    repeat(&mut shop, "killed before the intent", &sale, killed.code, charged);
}

#[test]
fn killed_between_the_response_and_the_ledger() {
    let mut shop = shop();
    for with_reference in [true, false] {
        let sale = shop.sale(with_reference);
        shop.wire.breaks(Fault::Pause);
        let running = shop.command(&sale).args(["-v"]).spawn();
        shop.wire.until_held();
        let ledger = lock_ledger(&shop.env.state_folder());
        shop.wire.release();
        running.until_stderr(|said| said.contains("< 200"));
        let killed = running.kill();
        drop(ledger);
        let charged = shop.judge("killed before the outcome", &sale, &Charged::new(), &killed);
        assert!(charged.len() == 1 && shop.unknown(&sale).is_some());
        repeat(&mut shop, "killed before the outcome", &sale, killed.code, charged);
    }
}

#[test]
fn killed_while_it_connects() {
    let full = tokio::net::TcpSocket::new_v4().expect("a socket");
    full.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a port on loopback");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(async { full.listen(0) }).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let _first = std::net::TcpStream::connect(address).expect("the only place in the queue");
    let url = format!("http://{address}");
    let mut shop = shop();
    for with_reference in [true, false] {
        let sale = shop.sale(with_reference);
        let running = shop.command(&sale).env("KUSTOM_BASE_URL", &url).spawn();
        until("the intent is written", || shop.is_attempted(&sale));
        let killed = running.kill();
        let charged = shop.judge("killed while it connects", &sale, &Charged::new(), &killed);
        assert!(charged.is_empty() && shop.unknown(&sale).is_some());
        move_to_host(&shop.env.state_folder(), &shop.wire.url());
        repeat(&mut shop, "killed while it connects", &sale, killed.code, charged);
    }
    let sale = shop.sale(true);
    let command = shop.command(&sale).args(["--timeout", "2s"]);
    let outcome = command.env("KUSTOM_BASE_URL", &url).run();
    assert_eq!(outcome.code, Some(6), "{}", outcome.stderr);
    let charged = shop.judge("nobody takes the call", &sale, &Charged::new(), &outcome);
    repeat(&mut shop, "nobody takes the call", &sale, outcome.code, charged);
}

#[test]
fn killed_as_soon_as_the_outcome_is_written() {
    let mut shop = shop();
    for with_reference in [true, false, true, false] {
        let sale = shop.sale(with_reference);
        let running = shop.command(&sale).spawn();
        until("the outcome is written", || {
            shop.attempts().iter().any(|attempt| {
                attempt.intent.order_amount == Some(sale.amount)
                    && matches!(attempt.outcome, Outcome::Created { .. })
            })
        });
        let killed = running.kill();
        let charged = shop.judge("killed after the outcome", &sale, &Charged::new(), &killed);
        assert_eq!(charged.len(), 1);
        assert_eq!(shop.unknown(&sale), None);
        if with_reference {
            let again = shop.command(&sale).run().assert_code(DUPLICATE);
            shop.judge("repeated after the outcome", &sale, &charged, &again);
        }
    }
}
