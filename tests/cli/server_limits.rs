//! Clients that stall do not keep a server from others. `KUSTOM_TEST_LOAD=1` uses as many clients as an attacker would.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::common::harness::{RunningCommand, TestEnv};

const SECRET: &str = "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==";

/// Fewer descriptors than there are idle connections.
const LIMITED: &str = "ulimit -n 1024; exec \"$0\" \"$@\"";

fn is_loaded() -> bool {
    std::env::var_os("KUSTOM_TEST_LOAD").is_some()
}

fn pick(few: usize, all: usize) -> usize {
    if is_loaded() { all } else { few }
}

/// The address in a line of output.
fn address(text: &str, number: usize) -> Option<String> {
    let rest = text.split("http://").nth(number)?;
    let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:".contains(character)))?;
    Some(rest[..end].to_owned())
}

#[track_caller]
fn assert_answers(what: &str, answers: impl Fn() -> bool) {
    let start = Instant::now();
    assert!(answers(), "{what}: no correct response");
    // More than a second, because tests run at the same time.
    let limit = if is_loaded() { 1 } else { 5 };
    assert!(start.elapsed() < Duration::from_secs(limit), "{what}: {:?}", start.elapsed());
}

fn memory(running: &RunningCommand) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() / 1024
}

fn attack(running: &RunningCommand, address: &str, answers: &dyn Fn() -> bool) {
    let connect = || TcpStream::connect(address).expect("a connection");
    // The server closes the oldest of them.
    let idle: Vec<_> = (0..pick(1500, 10_000)).map(|_| connect()).collect();
    assert_answers("idle connections", answers);
    drop(idle);
    let unfinished: Vec<_> = (0..pick(300, 900))
        .filter_map(|_| {
            let mut connection = connect();
            let head = "POST /ipp/v1/sessions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                        webhook-id: x\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,x\r\ncontent-length: 1000000\r\n\r\n";
            // A server that knows better closes the connection.
            connection.write_all(head.as_bytes()).ok()?;
            let _ = connection.write_all(&vec![b' '; 60_000]);
            Some(connection)
        })
        .collect();
    assert_answers("unfinished bodies", answers);
    drop(unfinished);
    let mut connection = connect();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nwebhook-id: {}\r\ncontent-length: 0\r\n\r\n",
        "i".repeat(200)
    );
    let mut reader = connection.try_clone().unwrap();
    let drain = std::thread::spawn(move || while reader.read(&mut [0; 8192]).is_ok_and(|read| read > 0) {});
    for _ in 0..pick(2000, 200_000) {
        if connection.write_all(request.as_bytes()).is_err() {
            connection = connect();
        }
    }
    assert_answers("requests without a signature", answers);
    let _ = connection.shutdown(std::net::Shutdown::Both);
    drop(connection);
    drain.join().unwrap();
    assert!(memory(running) < 80, "{} MiB", memory(running));
}

fn raise_own_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[test]
fn clients_that_stall_do_not_stop_the_emulator() {
    raise_own_limit();
    let env = TestEnv::new();
    let running = env.command(["dev", "emulator", "--listen", "127.0.0.1:0", "-q"]).through(LIMITED).spawn();
    let address = address(&running.until_stdout(|stdout| stdout.ends_with('\n')), 1).unwrap();
    let client = TestEnv::new()
        .at(&format!("http://{address}"), kustom::emulator::API_KEY)
        .env("KUSTOM_MERCHANT_ID", "EMULATED");
    attack(&running, &address, &|| client.run(["locations", "list"]).code == Some(0));
    let _ = running.kill();
}

#[test]
fn clients_that_stall_do_not_stop_the_listener_and_its_page() {
    raise_own_limit();
    let env = TestEnv::new();
    let secret = env.file("secret", SECRET);
    let listen = [
        "webhooks",
        "listen",
        "--listen",
        "127.0.0.1:0",
        "--ui",
        "127.0.0.1:0",
        "-o",
        "json",
        "--secret-file",
        "secret",
    ];
    let running = env.command(listen).through(LIMITED).spawn();
    let shown =
        running.until_stderr(|stderr| stderr.matches("http://").count() > 1 && stderr.ends_with('\n'));
    let (first, second) = (address(&shown, 1).unwrap(), address(&shown, 2).unwrap());
    let sender = TestEnv::new();
    let url = format!("http://{first}/");
    let secret = secret.to_string_lossy();
    let trigger = ["dev", "trigger", "payment.failed", "--to", &url, "--secret-file", &secret];
    let page = || {
        let Ok(mut connection) = TcpStream::connect(&second) else { return false };
        let _ = connection
            .write_all(format!("GET / HTTP/1.1\r\nhost: {second}\r\nconnection: close\r\n\r\n").as_bytes());
        let mut response = String::new();
        connection.read_to_string(&mut response).is_ok() && response.starts_with("HTTP/1.1 ")
    };
    for address in [&first, &second] {
        attack(&running, address, &|| sender.run(trigger).code == Some(0) && page());
    }
    let _ = running.kill();
}
