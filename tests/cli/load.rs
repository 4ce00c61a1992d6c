//! Many clients at the same time while a page is open. `LOAD_SECONDS` is how long they go on; without it, each makes two
//! sales.

#[path = "../load/clients.rs"]
mod clients;

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::prelude::*;

const CLIENTS: usize = 200;

const MAX_MEMORY: usize = 80_000 * 1024;

#[test]
fn two_hundred_clients_are_answered_while_a_page_is_open() {
    let seconds = std::env::var("LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let emulator = EmulatorProcess::start(&TestEnv::new(), &[]);
    let address = emulator.address();
    let page = emulator.page();
    let token = token_of(&page);
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
    let peak = emulator.peak_memory().unwrap_or_default();
    assert!(peak < MAX_MEMORY, "the emulator used {peak} bytes for {} responses", tally.right);
}
