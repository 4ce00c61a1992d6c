//! `kustom dev emulator` as a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use kustom::emulator::API_KEY;
use serde_json::Value;

use super::harness::{CommandOutput, RunningCommand, TIMEOUT, TestEnv};

#[must_use = "end it"]
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

    pub fn id(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    pub fn env(&self) -> TestEnv {
        TestEnv::new().at(&self.url, API_KEY).env("KUSTOM_MERCHANT_ID", "EMULATED")
    }

    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut connection = self.connect();
        connection.write_all(bytes.as_ref()).expect("a request");
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
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
        let answer = self.ask(method, path, body);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
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

impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(running.kill());
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
