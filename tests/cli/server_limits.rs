//! Clients that stall do not keep a server from others: the emulator with its page, the listener, and the listener's page.
//! `KUSTOM_TEST_LOAD=1 cargo test --release --test cli server_limits` uses as many clients as an attacker would.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::common::prelude::*;

const SECRET: &str = "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==";

/// In MiB. A debug build takes more from its start, and frees it later.
const MAX_MEMORY: usize = 80;
const MAX_GROWTH: usize = 80;

fn is_loaded() -> bool {
    std::env::var_os("KUSTOM_TEST_LOAD").is_some()
}

fn pick<T>(few: T, all: T) -> T {
    if is_loaded() { all } else { few }
}

/// Fewer descriptors than there are idle connections.
fn limited() -> String {
    format!("ulimit -n {}; exec \"$0\" \"$@\"", pick(256, 1024))
}

/// The address in a line of output.
fn address(text: &str, number: usize) -> Option<String> {
    let rest = text.split("http://").nth(number)?;
    let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:".contains(character)))?;
    Some(rest[..end].to_owned())
}

fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).expect("a connection")
}

/// The status of the response to a request. A connection that the server closes before the request has arrived is another
/// try, as in every HTTP client.
fn status(address: &str, line: &str, headers: &str) -> Option<u16> {
    (0..10).find_map(|_| try_status(address, line, headers))
}

fn try_status(address: &str, line: &str, headers: &str) -> Option<u16> {
    let mut connection = TcpStream::connect(address).ok()?;
    let request = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut response = String::new();
    connection.read_to_string(&mut response).ok()?;
    response.split(' ').nth(1)?.parse().ok()
}

/// A server that is attacked.
struct Target<'a> {
    running: &'a RunningCommand,
    address: &'a str,
    /// Where bodies are sent to.
    path: &'a str,
    /// Whether correct requests get correct responses.
    answers: &'a (dyn Fn() -> bool + Sync),
}

impl Target<'_> {
    fn attack(&self) {
        let at_first = self.memory();
        let idle = self.during("idle connections", || {
            (0..pick(400, 10_000)).map(|_| connect(self.address)).collect::<Vec<_>>()
        });
        self.assert_answers("idle connections are open");
        drop(idle);
        let unfinished = self.during("unfinished bodies", || self.send_unfinished_bodies());
        self.assert_answers("unfinished bodies are awaited");
        drop(unfinished);
        self.during("requests without a signature", || self.send_unsigned_requests());
        let memory = self.memory();
        assert!(memory < pick(at_first + MAX_GROWTH, MAX_MEMORY), "{memory} MiB, and {at_first} at first");
    }

    /// Runs an attack, while and after which correct requests are answered.
    fn during<T: Send>(&self, what: &str, attack: impl FnOnce() -> T + Send) -> T {
        let (sender, finished) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let attack = scope.spawn(move || {
                let result = attack();
                drop(sender);
                result
            });
            loop {
                self.assert_answers(what);
                let pause = finished.recv_timeout(Duration::from_millis(100));
                if pause != Err(mpsc::RecvTimeoutError::Timeout) {
                    return attack.join().unwrap();
                }
            }
        })
    }

    #[track_caller]
    fn assert_answers(&self, what: &str) {
        let start = Instant::now();
        assert!((self.answers)(), "{what}: no correct response");
        // More than a second, because other tests run at the same time.
        let limit = Duration::from_secs(pick(5, 1));
        assert!(start.elapsed() < limit, "{what}: {:?}", start.elapsed());
    }

    /// More than the server accepts of all clients together.
    fn send_unfinished_bodies(&self) -> Vec<TcpStream> {
        let (path, now) = (self.path, Timestamp::now().as_second());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\
             webhook-id: x\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,x\r\n\r\n"
        );
        let body = vec![b' '; pick(900_000, 200_000)];
        let send = |_| {
            let mut connection = connect(self.address);
            // A server that knows better closes the connection.
            connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body)).ok()?;
            Some(connection)
        };
        (0..pick(50, 900)).filter_map(send).collect()
    }

    fn send_unsigned_requests(&self) {
        let id = "i".repeat(200);
        let request =
            format!("POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nwebhook-id: {id}\r\ncontent-length: 0\r\n\r\n");
        let mut sender = Sender::new(self.address);
        for _ in 0..pick(1000, 200_000) {
            while sender.connection.write_all(request.as_bytes()).is_err() {
                sender = Sender::new(self.address);
            }
        }
        sender.finish();
    }

    fn memory(&self) -> usize {
        self.running.peak_memory().unwrap() / (1024 * 1024)
    }
}

/// A connection whose responses are read and thrown away.
struct Sender {
    connection: TcpStream,
    reader: std::thread::JoinHandle<()>,
}

impl Sender {
    fn new(address: &str) -> Self {
        let connection = connect(address);
        let mut from = connection.try_clone().unwrap();
        let reader =
            std::thread::spawn(move || while from.read(&mut [0; 8192]).is_ok_and(|read| read > 0) {});
        Self { connection, reader }
    }

    /// Waits until all requests are answered.
    fn finish(self) {
        let _ = self.connection.shutdown(std::net::Shutdown::Write);
        self.reader.join().unwrap();
    }
}

fn raise_own_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[test]
fn clients_that_stall_do_not_stop_the_emulator_and_its_page() {
    raise_own_limit();
    let env = TestEnv::new();
    let running =
        env.command(["dev", "emulator", "--listen", "127.0.0.1:0", "-q"]).through(&limited()).spawn();
    let address = address(&running.until_stdout(|stdout| stdout.ends_with('\n')), 1).unwrap();
    let credentials =
        format!("authorization: Basic {}\r\nx-merchant-id: EMULATED\r\n", kustom::emulator::API_KEY);
    let answers = || {
        status(&address, "GET /ipp/v1/locations", &credentials) == Some(200)
            && status(&address, "GET /", "") == Some(200)
    };
    for path in ["/ipp/v1/sessions", "/emulator/page/act"] {
        Target { running: &running, address: &address, path, answers: &answers }.attack();
    }
    let _ = running.kill();
}

#[test]
fn clients_that_stall_do_not_stop_the_listener_and_its_page() {
    raise_own_limit();
    let env = TestEnv::new();
    let secret = env.file("secret", SECRET);
    let listen = "webhooks listen --listen 127.0.0.1:0 --ui 127.0.0.1:0 -o json --secret-file secret";
    let running = env.command(listen.split(' ')).through(&limited()).spawn();
    let shown =
        running.until_stderr(|stderr| stderr.matches("http://").count() > 1 && stderr.ends_with('\n'));
    let (listener, page) = (address(&shown, 1).unwrap(), address(&shown, 2).unwrap());
    let sender = TestEnv::new();
    let url = format!("http://{listener}/");
    let secret = secret.to_string_lossy();
    let trigger = ["dev", "trigger", "payment.failed", "--to", &url, "--secret-file", &secret];
    // Another try, as for `status`: the connection may be closed before the callback has arrived.
    let is_acknowledged = || (0..10).any(|_| sender.run(trigger).code == Some(0));
    let answers = || is_acknowledged() && status(&page, "GET /", "") == Some(200);
    for (address, path) in [(&listener, "/"), (&page, "/page/act")] {
        Target { running: &running, address, path, answers: &answers }.attack();
    }
    let _ = running.kill();
}
