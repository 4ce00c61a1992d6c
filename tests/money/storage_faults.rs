//! The file system fails: read-only, full, without locks, or the ledger is deleted meanwhile. Nothing is sent, or the
//! sale is not charged again.

use std::fs;
use std::process::Command;

use super::faulty_proxy::Fault;
use super::fixture::{DUPLICATE, Shop, device};
use crate::common::prelude::*;

/// Root may write to everything, unless it gives up that right.
const UNPRIVILEGED: &str = "if [ \"$(id -u)\" = 0 ]; then exec setpriv --bounding-set=-dac_override \"$0\" \"$@\"; \
                            else exec \"$0\" \"$@\"; fi";

#[test]
fn nothing_is_sent_if_the_ledger_is_read_only() {
    let mut shop = Shop::open();
    let first = shop.sale(true);
    let _ = shop.command(&first).run().assert_code(0);
    let state = shop.env.state_folder();
    for (place, read_only, writable) in
        [("ledger.db", 0o400, 0o600), (".", 0o500, 0o700), ("locks", 0o500, 0o700)]
    {
        let mut sale = shop.sale(true);
        sale.device = device(&shop.emulator, &format!("Till of {place}"));
        set_mode(state.join(place), read_only);
        let stopped = shop.env.command(sale.words("table")).through(UNPRIVILEGED).run();
        set_mode(state.join(place), writable);
        let said = stopped.assert_failure(6);
        assert!(
            said.starts_with("error: cannot ") && said.contains("the ledger <home>/state"),
            "{place}: {said}"
        );
        assert!(said.contains("hint: nothing was sent"), "{place}: {said}");
        assert!(shop.charged(&sale).is_empty() && !shop.is_attempted(&sale), "{place}: {said}");
        let _ = shop.command(&sale).run().assert_code(0);
    }
    shop.close();
}

/// No file can grow beyond a limit, which is reached before the intent is stored, between intent and result, or not at all.
#[test]
fn a_disk_that_is_full_at_any_moment_does_not_charge_a_sale_twice() {
    let mut shop = Shop::open();
    let first = shop.sale(true);
    let _ = shop.command(&first).run().assert_code(0);
    let (mut stopped, mut lost, mut stored) = (0, 0, 0);
    for blocks in (0..=300).step_by(12) {
        let mut sale = shop.sale(true);
        sale.device = device(&shop.emulator, &format!("Till {blocks}"));
        let limit = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\"");
        let outcome = shop.command(&sale).through(&limit).run();
        shop.wire.until_quiet();
        let charged = shop.charged(&sale);
        let label = format!("{blocks} blocks: exit {:?}, {charged:?}\n{}", outcome.code, outcome.stderr);
        match outcome.code {
            Some(6) => {
                stopped += 1;
                assert!(charged.is_empty() && outcome.stderr.contains("nothing was sent"), "{label}");
                let _ = shop.command(&sale).run().assert_code(0);
            }
            Some(0) => {
                assert!(charged.len() == 1 && outcome.stdout.contains(charged.first().unwrap()), "{label}");
                if shop.unknown(&sale).is_some() {
                    lost += 1;
                    assert!(outcome.stderr.contains("the ledger lacks the outcome of attempt"), "{label}");
                } else {
                    stored += 1;
                }
                let _ = shop.command(&sale).run().assert_code(DUPLICATE);
            }
            _ => panic!("{label}"),
        }
        assert_eq!(shop.charged(&sale).len(), 1, "{label}");
    }
    assert!(stopped > 0 && lost > 0 && stored > 0, "{stopped} stopped, {lost} lost, {stored} stored");
}

#[test]
fn a_ledger_that_is_deleted_after_the_request_is_reported() {
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    shop.wire.breaks(Fault::Pause);
    let running = shop.command(&sale).spawn();
    shop.wire.until_held();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        fs::remove_file(shop.env.state_folder().join(name)).expect("a file of the ledger");
    }
    shop.wire.release();
    let created = running.wait().assert_code(0).assert_stdout(shop.charged(&sale).first().unwrap());
    for part in ["was removed or replaced while it was in use", "the ledger lacks the outcome of attempt"] {
        assert!(created.stderr.contains(part), "{}", created.stderr);
    }
}

/// Whether system calls can be made to fail.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn can_inject() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "-e", "trace=flock", "true"]).output();
    let can_inject = traced.is_ok_and(|output| output.status.success());
    if !can_inject {
        eprintln!("skipped: strace is not installed, or may not trace");
    }
    can_inject
}

/// What a system call returns on a file system that has no locks for devices.
#[test]
fn nothing_is_sent_from_a_file_system_without_locks() {
    if !can_inject() {
        return;
    }
    for error in ["ENOLCK", "EOPNOTSUPP"] {
        let mut shop = Shop::open();
        let sale = shop.sale(true);
        let strace = format!("strace -f -qq -o /dev/null -e trace=flock -e inject=flock:error={error}");
        let trace = format!("exec {strace} \"$0\" \"$@\"");
        let stopped = shop.env.command(sale.words("table")).through(&trace).run();
        let said = stopped.assert_failure(6);
        assert!(
            said.contains("the ledger <home>/state") && said.contains("nothing was sent"),
            "{error}: {said}"
        );
        assert!(shop.charged(&sale).is_empty() && !shop.is_attempted(&sale), "{error}: {said}");
    }
}

/// The same for the locks of SQLite: those of the database, and those of its index in shared memory.
#[test]
fn nothing_is_sent_from_a_file_system_without_locks_for_sqlite() {
    if !can_inject() {
        return;
    }
    for (error, file) in [
        ("ENOLCK", "ledger.db"),
        ("EINVAL", "ledger.db"),
        ("ENOSYS", "ledger.db"),
        ("EOPNOTSUPP", "ledger.db"),
        ("ENOLCK", "ledger.db-shm"),
        ("EINVAL", "ledger.db-shm"),
    ] {
        let mut shop = Shop::open();
        let sale = shop.sale(true);
        let state = shop.env.state_folder();
        // Only the calls for these files: those that duplicate a descriptor are called `fcntl` too.
        let paths = [file, "locks/check"].map(|file| format!("-P '{}'", state.join(file).display()));
        let inject = format!("-e trace=fcntl -e inject=fcntl:error={error}");
        let strace = format!("strace -f -qq -o /dev/null {} {inject}", paths.join(" "));
        let trace = format!("exec {strace} \"$0\" \"$@\"");
        let stopped = shop.env.command(sale.words("table")).through(&trace).run();
        let said = stopped.assert_failure(6);
        let expected = "error: the file system of the ledger <home>/state/ledger.db has no locks\n";
        assert!(said.starts_with(expected) && said.contains("nothing was sent"), "{error} {file}: {said}");
        assert!(
            said.contains("hint: set KUSTOM_STATE to a folder on a local disk"),
            "{error} {file}: {said}"
        );
        assert!(shop.charged(&sale).is_empty() && !shop.is_attempted(&sale), "{error} {file}: {said}");
        // With locks, the same sale is made.
        let _ = shop.command(&sale).run().assert_code(0);
    }
}
