//! Background actions that commands in the documents wait for: payments, pairings, callbacks and Ctrl-C.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kustom_stub::{Call, Stub};
use crate::common::harness::{PROGRAM, TIMEOUT};

/// What happens on the phone to a session that a command waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Pay,
    Decline,
    Cancel,
}

impl Act {
    /// Parses the value of `phone=` in a document.
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "pay" => Self::Pay,
            "decline" => Self::Decline,
            "cancel" => Self::Cancel,
            other => panic!("a phone cannot {other}"),
        }
    }

    fn apply(self, stub: &Stub, session: &str) {
        let (verb, body) = match self {
            Self::Pay => ("pay", Value::Null),
            Self::Decline => ("decline", json!({"outcome": "INSUFFICIENT_FUNDS"})),
            Self::Cancel => ("cancel", Value::Null),
        };
        // The script itself may already have ended the session.
        let _ = stub.account.call("POST", &format!("/emulator/pos/sessions/{session}/{verb}"), &body);
    }
}

/// Polls until there is a value; gives up when the sandbox is dropped.
fn wait_for<T>(stub: &Stub, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + TIMEOUT;
    while !stub.is_stopped() && Instant::now() < deadline {
        if let Some(found) = poll() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Pairs phones with the next `count` codes.
pub(crate) fn pair_phones(stub: &Arc<Stub>, count: usize) {
    let mut used = stub.account.codes();
    let stub = Arc::clone(stub);
    std::thread::spawn(move || {
        for _ in 0..count {
            let new_code = || stub.account.codes().into_iter().find(|code| !used.contains(code));
            let Some(code) = wait_for(&stub, new_code) else { return };
            let body = json!({"enrollment_code": code, "name": "Phone"});
            let _ = stub.account.call("POST", "/emulator/pos/pair", &body);
            used.push(code);
        }
    });
}

/// Acts on the next session. If a document shows each change of status, waits until CREATED is printed, so that the output
/// is the same in every run.
pub(crate) fn act_on_next_session(stub: &Arc<Stub>, call: &Call, acts: Vec<Act>) {
    let known = stub.account.sessions();
    let waits = call.is_shown && call.prints_changes();
    let before = std::fs::read(&stub.shown_output).map_or(0, |text| text.len());
    let stub = Arc::clone(stub);
    std::thread::spawn(move || {
        let new_session = || stub.account.sessions().into_iter().find(|session| !known.contains(session));
        let Some(session) = wait_for(&stub, new_session) else { return };
        let created_is_printed = || {
            let text = std::fs::read(&stub.shown_output).unwrap_or_default();
            String::from_utf8_lossy(text.get(before..)?).contains("CREATED").then_some(())
        };
        if waits && wait_for(&stub, created_is_printed).is_none() {
            return;
        }
        for act in acts {
            act.apply(&stub, &session);
        }
    });
}

/// Acts on existing sessions.
pub(crate) fn act_on_sessions(stub: &Arc<Stub>, sessions: Vec<String>, acts: Vec<Act>) {
    let stub = Arc::clone(stub);
    std::thread::spawn(move || {
        for session in sessions {
            for act in &acts {
                act.apply(&stub, &session);
            }
        }
    });
}

/// Sends two callbacks once the receiver listens, and then stops a receiver that has no `--exit-after`.
pub(crate) fn send_callbacks(stub: &Arc<Stub>, call: Call, url: String) {
    let stub = Arc::clone(stub);
    let secret = call.value("--secret-file").unwrap_or_default().to_owned();
    std::thread::spawn(move || {
        let session = stub.account.session(true);
        for (event, act) in [("payment.failed", Act::Decline), ("session.finalized", Act::Pay)] {
            act.apply(&stub, &session);
            let args =
                ["--profile", "local", "dev", "trigger", event, "--to", &url, "--secret-file", &secret];
            let send = || {
                let mut command = Command::new(PROGRAM);
                command
                    .args(args)
                    .args(["--session", &session])
                    .current_dir(&call.dir)
                    .env_clear()
                    .envs(stub.variables.iter().cloned());
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                // Exit code 6 means that the receiver does not listen yet.
                (command.status().expect("the program").code() != Some(6)).then_some(())
            };
            if wait_for(&stub, send).is_none() {
                return;
            }
        }
        if !call.has("--exit-after") {
            interrupt(&call.process);
        }
    });
}

/// Interrupts a server that runs in the foreground once it responds. One that only listens may not handle signals yet.
pub(crate) fn interrupt_when_ready(stub: &Arc<Stub>, call: Call, address: String) {
    let stub = Arc::clone(stub);
    std::thread::spawn(move || {
        let responds = || {
            let mut connection = TcpStream::connect(&address).ok()?;
            connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
            (connection.read(&mut [0; 16]).ok()? > 0).then_some(())
        };
        if wait_for(&stub, responds).is_some() {
            interrupt(&call.process);
        }
    });
}

/// Sends SIGINT, as Ctrl-C does.
fn interrupt(process: &str) {
    let _ = Command::new("/bin/sh").args(["-c", &format!("kill -INT {process}")]).status();
}
