//! Many clients at the same time while a page is open. `LOAD_SECONDS` is how long they go on; without it, each makes two
//! sales.

#[path = "../load/clients.rs"]
mod clients;

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::emulator_process::EmulatorProcess;
use crate::common::harness::TestEnv;

const CLIENTS: usize = 200;

/// In kilobytes.
#[cfg(target_os = "linux")]
const MAX_MEMORY: u64 = 80_000;

#[test]
fn two_hundred_clients_are_answered_while_a_page_is_open() {
    let seconds = std::env::var("LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let address = emulator.address();
    let page = emulator
        .raw(format!("GET / HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\nconnection: close\r\n\r\n"));
    let token = page.split("data-token=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let mut events = emulator.connect();
    write!(events, "GET /emulator/page/events?token={token} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let received = AtomicUsize::new(0);
    let tally = std::thread::scope(|scope| {
        let mut reader = events.try_clone().unwrap();
        let received = &received;
        scope.spawn(move || {
            let mut buffer = vec![0; 256 * 1024];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                received.fetch_add(length, Ordering::Relaxed);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        let goes_on =
            |sales| seconds.map_or(sales < 2, |seconds| begun.elapsed() < Duration::from_secs(seconds));
        let tally = runtime.block_on(clients::sell(&format!("http://{address}"), CLIENTS, goes_on));
        events.shutdown(std::net::Shutdown::Both).unwrap();
        tally
    });
    assert_eq!(tally.wrong, Vec::<String>::new());
    assert!(tally.right >= CLIENTS as u64 * (1 + 6 + 8), "{}", tally.right);
    assert!(received.into_inner() > page.len(), "the page got no changes");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", emulator.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < MAX_MEMORY, "the emulator used {peak} kB for {} responses", tally.right);
    }
    let _ = emulator.end().assert_code(0);
}
