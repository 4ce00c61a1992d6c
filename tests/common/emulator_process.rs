//! `kustom dev emulator` as a process of its own.

use std::net::TcpStream;

use kustom::emulator::API_KEY;
use serde_json::Value;

use super::harness::{CommandOutput, RunningCommand, TIMEOUT, TestEnv};
use super::server::{exchange, status_of};

pub struct EmulatorProcess {
    running: Option<RunningCommand>,
    pub url: String,
}

impl EmulatorProcess {
    #[track_caller]
    pub fn start(env: &TestEnv, args: &[&str]) -> Self {
        let all = [&["dev", "emulator", "--listen", "127.0.0.1:0"], args].concat();
        let running = env.command(all).spawn();
        let stdout = running.until_stdout(|stdout| stdout.ends_with('\n'));
        let first = stdout.lines().next().unwrap_or_default();
        let url = match serde_json::from_str::<Value>(first) {
            Ok(ready) => ready["url"].as_str().expect("a URL").to_owned(),
            Err(_) => first.to_owned(),
        };
        Self { running: Some(running), url }
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("a URL")
    }

    pub fn peak_memory(&self) -> Option<usize> {
        self.running().peak_memory()
    }

    pub fn env(&self) -> TestEnv {
        TestEnv::new().at_emulator(&self.url)
    }

    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        exchange(self.address(), bytes)
    }

    /// The page as a browser gets it.
    pub fn page(&self) -> String {
        let address = self.address();
        let head =
            format!("GET / HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\nconnection: close\r\n\r\n");
        self.raw(head)
    }

    pub fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(self.address()).expect("a connection");
        connection.set_read_timeout(Some(TIMEOUT)).expect("a time-out");
        connection
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let length = body.len();
        self.raw(format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {API_KEY}\r\nx-merchant-id: EMULATED\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    pub fn status(&self, method: &str, path: &str, body: &str) -> u16 {
        status_of(&self.ask(method, path, body))
    }

    pub fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.ask(method, path, body);
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
    }

    #[track_caller]
    pub fn log(&self, condition: impl Fn(&str) -> bool) -> String {
        without_times(&self.running().until_stderr(condition))
    }

    pub fn signal(&self, signal: &str) {
        self.running().signal(signal);
    }

    pub fn end(self) -> CommandOutput {
        self.running().interrupt();
        self.wait()
    }

    pub fn wait(mut self) -> CommandOutput {
        self.running.take().expect("a process").wait()
    }

    pub fn kill(mut self) -> CommandOutput {
        self.running.take().expect("a process").kill()
    }

    fn running(&self) -> &RunningCommand {
        self.running.as_ref().expect("a process")
    }
}

/// It ends without an error.
impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if std::thread::panicking() {
            drop(running.kill());
        } else {
            running.interrupt();
            let _ = running.wait().assert_code(0);
        }
    }
}

pub fn without_times(log: &str) -> String {
    let line = |line: &str| match line.strip_suffix(" ms").and_then(|line| line.rsplit_once(' ')) {
        Some((before, ms)) if ms.parse::<u64>().is_ok() => format!("{before}\n"),
        _ => format!("{line}\n"),
    };
    log.lines().map(line).collect()
}
