//! What a wait survives: an API that cannot be reached for a while, and people who no longer wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::fixture::Shop;
use super::watch::{FAST, end, session, watch};
use crate::common::prelude::*;

const SESSION: &str = "00000000-0000-4000-8000-00000000005e";

fn warnings(stderr: &str) -> usize {
    stderr.lines().filter(|line| line.contains("still waiting")).count()
}

#[test]
fn a_request_that_cannot_be_repeated_has_a_connection_of_its_own() {
    let mut shop = Shop::open();
    let mut sale = shop.sale(true);
    "Till 1".clone_into(&mut sale.device);
    let _ = shop.command(&sale).run().assert_code(0);
    assert_eq!((shop.wire.posts().len(), shop.wire.reads_of("/devices"), shop.wire.accepted()), (1, 1, 2));
}

#[test]
fn an_api_that_is_away_for_a_while_is_waited_for() {
    let shop = Shop::open();
    let id = session(&shop);
    let watching = watch(&shop, &[id], &[]);
    watching.until_stdout(|said| said.contains("CREATED"));
    shop.wire.down(true);
    shop.wire.until_turned_away(60);
    end(&shop, id, "FINALIZED");
    shop.wire.until_turned_away(62);
    shop.wire.down(false);
    let outcome = watching.wait().assert_code(0);
    assert_eq!(outcome.stdout.lines().count(), 2, "{}", outcome.stdout);
    assert_eq!(warnings(&outcome.stderr), 1, "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("The API responds again.").count(), 1, "{}", outcome.stderr);
}

#[test]
fn a_wait_that_ends_while_nobody_answers_does_not_say_how_the_session_stands() {
    let shop = Shop::open();
    let id = session(&shop);
    shop.wire.down(true);
    let never = watch(&shop, &[id], &["--timeout", "100ms"]).wait().assert_code(6);
    assert_eq!(never.stdout, "");
    let unknown = format!("error: no poll of session {id} succeeded in ");
    let hint = ", so its status is unknown\n  hint: check the network with `kustom doctor`\n";
    assert!(never.stderr.contains(&unknown) && never.stderr.ends_with(hint), "{}", never.stderr);
    shop.wire.down(false);
    let watching = watch(&shop, &[id], &["--timeout", "2s"]);
    watching.until_stdout(|said| said.contains("CREATED"));
    shop.wire.down(true);
    let outcome = watching.wait().assert_code(13);
    let told = "warning: the API did not respond when the wait ended, after <elapsed>; sessions that were open may have ended\n";
    assert!(outcome.err().contains(told), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("still open"), "{}", outcome.stderr);
}

#[test]
fn an_api_that_is_not_there_yet_is_waited_for_by_all_sessions_with_one_warning() {
    let shop = Shop::open();
    let ids = [session(&shop), session(&shop), session(&shop)];
    for id in ids {
        end(&shop, id, "FINALIZED");
    }
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a port on loopback");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    let ids = ids.map(|id| id.to_string());
    let words = ["sessions", "watch", "-v"].into_iter().chain(ids.iter().map(String::as_str)).chain(FAST);
    let watching = shop.env.command(words).env("KUSTOM_BASE_URL", &url).spawn();
    watching.until_stderr(|said| said.matches("< cannot reach").count() >= 60);
    let emulator = shop.emulator.clone();
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let listener = socket.listen(16).expect("a listener");
            tokio::select! {
                () = kustom::emulator::Server::new(listener, &emulator).serve(std::future::pending()) => {}
                _ = is_over => {}
            }
        });
    });
    let outcome = watching.wait().assert_code(0);
    assert_eq!(warnings(&outcome.stderr), 1, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.lines().count(), 3, "{}", outcome.stdout);
    drop(over);
    server.join().expect("a server");
}

#[test]
fn answers_that_are_none_are_survived() {
    let session = |status: &str| Reply::json(200, &json!({"session_id": SESSION, "status": status}));
    let server = Server::script([
        Reply::cut(),
        session("CREATED"),
        Reply::problem(503, "no"),
        Reply::problem(500, "no"),
        Reply::empty(429),
        Reply::cut(),
        session("CREATED"),
        Reply::empty(504),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
        session("ACTIVE"),
        session("FINALIZED"),
    ]);
    let env = server.env();
    let outcome = env.run(["sessions", "watch", SESSION, "--interval", "1ms", "-o", "ndjson"]).assert_code(0);
    assert_eq!(column(&outcome.ndjson().into(), "status"), ["CREATED", "ACTIVE", "FINALIZED"]);
    let warnings = json_lines(&outcome.stderr);
    assert_eq!(warnings.len(), 3, "{}", outcome.stderr);
    for warning in &warnings {
        assert!(warning["warning"]["message"].as_str().unwrap().ends_with("; still waiting"), "{warning}");
    }
    assert_eq!(warnings[1]["warning"]["message"], "no (HTTP 503); still waiting");
    assert_eq!(server.asked().len(), 11);
}

#[test]
fn an_api_that_asks_for_patience_is_left_alone_for_that_long() {
    let times = Arc::<Mutex<Vec<Instant>>>::default();
    let asked_at = Arc::clone(&times);
    let server = Server::new(move |_| {
        let mut times = asked_at.lock().expect("times");
        times.push(Instant::now());
        match times.len() {
            1 => Reply::empty(429).header("retry-after", "1"),
            _ => Reply::json(200, &json!({"session_id": SESSION, "status": "FINALIZED"})),
        }
    });
    let env = server.env();
    let _ = env.run(["sessions", "watch", SESSION, "--interval", "1ms"]).assert_code(0);
    let times = times.lock().expect("times");
    assert_eq!(times.len(), 2);
    assert!(times[1] - times[0] >= Duration::from_millis(990), "{:?}", times[1] - times[0]);
}

#[test]
fn who_stops_waiting_leaves_the_session_as_it_is() {
    let shop = Shop::open();
    let ended = session(&shop);
    end(&shop, ended, "CANCELLED");
    for signal in ["INT", "TERM"] {
        for format in ["table", "json"] {
            let id = session(&shop);
            let watching = watch(&shop, &[ended, id], &["-o", format]);
            until("both were seen", || shop.wire.reads_of(&id.to_string()) > 1);
            if format == "table" {
                watching.until_stdout(|said| said.lines().count() == 2);
            }
            watching.signal(signal);
            let outcome = watching.wait().assert_code(if signal == "TERM" { 143 } else { 130 });
            assert_eq!(shop.status(id), "CREATED", "{signal}");
            if format == "json" {
                let kind = if signal == "TERM" { "terminated" } else { "interrupted" };
                assert_eq!(outcome.last_error()["kind"], kind);
                continue;
            }
            let told = format!(
                "error: the wait was interrupted; open sessions were left open\n  \
                 hint: wait again: kustom sessions watch {id}\n  hint: cancel: kustom sessions cancel {id}\n"
            );
            assert_eq!(&outcome.stderr, &told);
        }
    }
}

#[test]
fn who_stops_waiting_can_ask_for_a_cancel() {
    let shop = Shop::open();
    for signal in ["INT", "TERM", "HUP"] {
        let ids = [session(&shop), session(&shop)];
        let watching = watch(&shop, &ids, &["--cancel-on-interrupt"]);
        watching.until_stdout(|said| said.lines().count() == 2);
        watching.signal(signal);
        let outcome = watching.wait().assert_code(if signal == "TERM" { 143 } else { 130 });
        for id in ids {
            assert_eq!(shop.status(id), "CANCELLED", "{signal}: {}", outcome.stderr);
        }
        assert_eq!(outcome.stdout.matches("CANCELLED").count(), 2, "{}", outcome.stdout);
        assert!(outcome.stderr.contains("open sessions were canceled"), "{}", outcome.stderr);
    }
}

fn closed_terminal(shop: &Shop, more: &[&str]) -> uuid::Uuid {
    let id = session(shop);
    let size = PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(["sessions", "watch", &id.to_string()].iter().chain(&FAST).chain(more));
    command.env_clear();
    for (name, value) in shop.env.variables() {
        command.env(name, value);
    }
    command.env("TERM", "xterm");
    let mut child = pair.slave.spawn_command(command).expect("the program starts");
    drop(pair.slave);
    until("it watches", || shop.wire.reads_of(&id.to_string()) > 2);
    drop(pair.master);
    let _ = child.wait().expect("a process");
    shop.wire.until_quiet();
    id
}

#[test]
fn a_closed_terminal_leaves_the_session_as_it_is_unless_told_otherwise() {
    let shop = Shop::open();
    let id = closed_terminal(&shop, &[]);
    assert_eq!(shop.status(id), "CREATED");
    let id = closed_terminal(&shop, &["--cancel-on-interrupt"]);
    assert_eq!(shop.status(id), "CANCELLED");
}

#[test]
fn ctrl_c_in_a_terminal() {
    let shop = Shop::open();
    let id = session(&shop);
    let id_text = id.to_string();
    let words = ["sessions", "watch", &id_text].into_iter().chain(FAST);
    let mut screen = PtySession::open(&shop.env, words, &[("NO_COLOR", "1")]);
    screen.until("CREATED");
    screen.type_in("\x03");
    let shown = screen.end_with(130);
    assert!(shown.contains(&format!("kustom sessions cancel {id}")), "{shown}");
    assert_eq!(shop.status(id), "CREATED");
}
