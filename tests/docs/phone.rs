//! Whoever is at the phone, and the service that sends callbacks: what a command waits for, happens.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kustom_stub::{Call, Desk};
use crate::common::harness::{PROGRAM, TIMEOUT};

/// What is done on the phone with a session that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The customer pays.
    Pay,
    /// The customer is declined.
    Decline,
    /// The clerk calls it off.
    Cancel,
}

impl Act {
    /// The name in annotations.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "pay" => Some(Self::Pay),
            "decline" => Some(Self::Decline),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }

    fn happens(self, desk: &Desk, session: &str) {
        let (verb, body) = match self {
            Self::Pay => ("pay", Value::Null),
            Self::Decline => ("decline", json!({"outcome": "INSUFFICIENT_FUNDS"})),
            Self::Cancel => ("cancel", Value::Null),
        };
        // Somebody else can have been faster.
        let _ = desk.account.ask("POST", &format!("/emulator/pos/sessions/{session}/{verb}"), &body);
    }
}

/// Waits for something as long as the world lasts.
fn when<T>(desk: &Desk, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + TIMEOUT;
    while !desk.is_over() && Instant::now() < deadline {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Uses each new code, as often as phones are wanted.
pub(crate) fn use_codes(desk: &Arc<Desk>, count: usize) {
    let mut used = desk.account.codes();
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        for _ in 0..count {
            let new = || desk.account.codes().into_iter().find(|code| !used.contains(code));
            let Some(code) = when(&desk, new) else { return };
            let body = json!({"enrollment_code": code, "name": "Phone"});
            let _ = desk.account.ask("POST", "/emulator/pos/pair", &body);
            used.push(code);
        }
    });
}

/// Does this with the next session that is created. What a document shows has to be the same each time, so nothing is
/// done before the command has told how the session begins.
pub(crate) fn serve_next_session(desk: &Arc<Desk>, call: &Call, acts: Vec<Act>) {
    let known = desk.account.sessions();
    let waits = call.shown && call.tells_changes();
    let before = std::fs::read(&desk.shown).map_or(0, |text| text.len());
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        let new = || desk.account.sessions().into_iter().find(|session| !known.contains(session));
        if let Some(session) = when(&desk, new) {
            let told = || {
                let text = std::fs::read(&desk.shown).unwrap_or_default();
                String::from_utf8_lossy(text.get(before..)?).contains("CREATED").then_some(())
            };
            if waits && when(&desk, told).is_none() {
                return;
            }
            for act in acts {
                act.happens(&desk, &session);
            }
        }
    });
}

/// Does this with sessions that are there.
pub(crate) fn serve(desk: &Arc<Desk>, sessions: Vec<String>, acts: Vec<Act>) {
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        for session in sessions {
            for act in &acts {
                act.happens(&desk, &session);
            }
        }
    });
}

/// Sends callbacks to a receiver once it listens. One that nothing else would end is then ended.
pub(crate) fn send_callbacks(desk: &Arc<Desk>, call: Call, url: String, secret: String, ends_itself: bool) {
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        let session = desk.account.session(true);
        for (event, act) in [("payment.failed", Act::Decline), ("session.finalized", Act::Pay)] {
            act.happens(&desk, &session);
            let args =
                ["dev", "trigger", event, "--to", &url, "--secret-file", &secret, "--session", &session];
            // Nothing was sent: it does not listen yet.
            let sent = || (run(&desk, &call.folder, &args) != Some(6)).then_some(());
            if when(&desk, sent).is_none() {
                return;
            }
        }
        if !ends_itself {
            interrupt(&call.process);
        }
    });
}

/// Ends a server that runs in the foreground once it answers.
pub(crate) fn end_when_it_answers(desk: &Arc<Desk>, call: Call, address: String) {
    let desk = Arc::clone(desk);
    std::thread::spawn(move || {
        if when(&desk, || answers(&address).then_some(())).is_some() {
            interrupt(&call.process);
        }
    });
}

/// Whether a server answers there: one that only listens may not be ready to be ended yet.
fn answers(address: &str) -> bool {
    let Ok(mut connection) = TcpStream::connect(address) else { return false };
    let asked = connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    asked.is_ok() && matches!(connection.read(&mut [0; 16]), Ok(1..))
}

/// What Ctrl-C does.
fn interrupt(process: &str) {
    let _ = Command::new("/bin/sh").args(["-c", &format!("kill -INT {process}")]).status();
}

fn run(desk: &Desk, folder: &Path, args: &[&str]) -> Option<i32> {
    let mut command = Command::new(PROGRAM);
    command.args(["--profile", "local"]).args(args).current_dir(folder);
    command.env_clear().envs(desk.variables.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("the program").code()
}
