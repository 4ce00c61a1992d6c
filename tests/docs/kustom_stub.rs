//! The `kustom` on the PATH of a sandbox: a script that reports its call to the test and then runs the command that the
//! test returns. It turns placeholders such as `SESSION` into existing resources, and starts what the command waits for.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::Value;

use super::account::Account;
use super::background::{self, Act};
use crate::common::harness::PROGRAM;

/// Only background jobs of a script have /dev/null as their standard input.
const SCRIPT: &str = r#"#!/bin/sh
call=$DOCUMENTS_CALLS/$$
mkfifo "$call.reply" || exit 126
background=; if [ /dev/stdin -ef /dev/null ]; then background=yes; fi
shown=; if [ /dev/stdout -ef "$DOCUMENTS_SHOWN" ]; then shown=yes; fi
printf '%s\000' "$PWD" "$background" "$shown" "${KUSTOM_PROFILE-}" "${KUSTOM_API_KEY:+yes}" "$@" > "$call.part"
mv "$call.part" "$call.request"
. "$call.reply"
"#;

/// A call of `kustom` by a script.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) process: String,
    pub(crate) dir: PathBuf,
    is_background: bool,
    /// A document shows its output.
    pub(crate) is_shown: bool,
    /// `KUSTOM_PROFILE`.
    profile: String,
    /// Whether `KUSTOM_API_KEY` is set.
    has_key: bool,
    args: Vec<String>,
}

/// Replies to calls, in its own thread until it is stopped.
pub(crate) struct Stub {
    pub(crate) account: Account,
    /// Environment variables of every command.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Addresses instead of the default ports, which parallel tests cannot share.
    pub(crate) emulator: String,
    pub(crate) receiver: String,
    /// File with the output that a document shows.
    pub(crate) shown_output: PathBuf,
    pub(crate) phone_acts: Mutex<Vec<Act>>,
    calls_dir: PathBuf,
    lost_attempts: AtomicUsize,
    stopped: AtomicBool,
}

impl Stub {
    /// Installs `kustom` in the directory `programs` of the sandbox.
    pub(crate) fn start(account: Account, variables: Vec<(OsString, OsString)>, sandbox: &Path) -> Arc<Self> {
        let calls_dir = sandbox.join("calls");
        fs::create_dir_all(&calls_dir).expect("a directory");
        super::sandbox::write_program(&sandbox.join("programs"), "kustom", SCRIPT);
        let stub = Arc::new(Self {
            account,
            variables,
            emulator: find_free_address(),
            receiver: find_free_address(),
            shown_output: sandbox.join("shown"),
            phone_acts: Mutex::new(vec![Act::Pay]),
            calls_dir,
            lost_attempts: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let server = Arc::clone(&stub);
        std::thread::spawn(move || {
            while !server.is_stopped() {
                for call in take_calls(&server.calls_dir) {
                    let stub = Arc::clone(&server);
                    // A killed caller never opens its reply, which blocks the thread that writes it.
                    std::thread::spawn(move || stub.reply(call));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        stub
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn reply(self: Arc<Self>, mut call: Call) {
        self.replace_placeholders(&mut call);
        self.start_background(&mut call);
        let uses_key = call.has_key && call.profile.is_empty() && !call.has("--profile");
        let mut reply = String::from("unset DOCUMENTS_CALLS DOCUMENTS_SHOWN\n");
        if !call.has("--base-url") && (call.has("login") || uses_key) {
            let _ =
                writeln!(reply, "export KUSTOM_BASE_URL=\"${{KUSTOM_BASE_URL:-{}}}\"", self.account.url());
        }
        let command = std::iter::once(PROGRAM).chain(call.args.iter().map(String::as_str));
        let _ = writeln!(reply, "exec {}", shell_words::join(command));
        fs::write(self.calls_dir.join(format!("{}.reply", call.process)), reply)
            .expect("the reply is written");
    }

    /// Starts what the command waits for.
    fn start_background(self: &Arc<Self>, call: &mut Call) {
        let acts = self.phone_acts.lock().expect("acts").clone();
        if call.is("enrollments", "pair") {
            let count = call.value("--count").map_or(1, |count| count.parse().expect("a number"));
            background::pair_phones(self, count);
        } else if call.is("sessions", "create") && call.has("--watch") {
            background::act_on_next_session(self, call, acts);
        } else if call.is("sessions", "watch") {
            let known = self.account.sessions();
            let named = known.into_iter().filter(|session| call.has(session)).collect();
            background::act_on_sessions(self, named, acts);
        } else if call.is("webhooks", "listen") {
            let address = call.set_default("--listen", &self.receiver);
            if !call.is_background {
                background::send_callbacks(self, call.clone(), format!("http://{address}/"));
            }
        } else if call.is("dev", "emulator")
            && !["clock", "fault", "reset", "--help"].iter().any(|word| call.has(word))
        {
            if !call.is_background && call.value("--listen") == Some("127.0.0.1:0") {
                // The address must be known here to see when the server is ready.
                call.args.retain(|arg| arg != "--listen" && arg != "127.0.0.1:0");
            }
            let address = call.set_default("--listen", &self.emulator);
            if !call.is_background {
                background::interrupt_when_ready(self, call.clone(), address);
            }
        }
    }

    fn replace_placeholders(&self, call: &mut Call) {
        let must_be_open =
            ["cancel", "simulate-tap", "choose", "pay", "decline"].iter().any(|verb| call.has(verb));
        let replace = |word: &str| match word {
            "SESSION" => self.account.session(must_be_open),
            "CODE" => self.account.enrollment("code"),
            "ENROLLMENT" => self.account.enrollment("id"),
            "DEVICE" => self.account.device("Till 1"),
            "LOCATION" => "Stockholm City".to_owned(),
            "ORDER" => self.account.order(),
            "REFERENCE" => self.account.payout(),
            "DELIVERY" => self.newest_delivery(),
            "ATTEMPT" => self.create_unknown_attempt(call),
            other => other.to_owned(),
        };
        let replace_parts = |arg: &String| arg.split('/').map(replace).collect::<Vec<_>>().join("/");
        call.args = call.args.iter().map(replace_parts).collect();
    }

    /// ID of the newest delivery that `kustom webhooks listen` stored.
    fn newest_delivery(&self) -> String {
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().envs(self.variables.iter().cloned());
        let list = command.args(["webhooks", "list", "--limit", "1", "-o", "name"]).output();
        String::from_utf8(list.expect("the program").stdout).expect("UTF-8").trim().to_owned()
    }

    /// Creates a session whose response is lost, and returns the ID of the attempt.
    fn create_unknown_attempt(&self, call: &Call) -> String {
        self.account.lose_next_response();
        self.account.device("Till 1");
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(&call.dir);
        if !call.profile.is_empty() {
            command.env("KUSTOM_PROFILE", &call.profile);
        }
        if call.has_key {
            command.env("KUSTOM_BASE_URL", self.account.url());
            command.env("KUSTOM_API_KEY", API_KEY).env("KUSTOM_MERCHANT_ID", MERCHANT_ID);
        }
        let number = 2001 + self.lost_attempts.fetch_add(1, Ordering::SeqCst);
        command
            .args(["sessions", "create", "--device", "Till 1", "--amount", "249.50", "-o", "json", "--yes"])
            .args(["--reference", &format!("receipt-{number}")]);
        let stderr = String::from_utf8(command.output().expect("the program").stderr).expect("UTF-8");
        let error: Value =
            stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let attempt = error["error"]["attempt"].as_str();
        attempt.unwrap_or_else(|| panic!("the response was not lost: {stderr}")).to_owned()
    }
}

/// An address on loopback that nothing listens on. Its port is not one that the system gives to a listener at port 0, since
/// another test could get it before it is used.
fn find_free_address() -> String {
    static NEXT_PORT: LazyLock<AtomicU16> = LazyLock::new(|| fastrand::u16(20_000..30_000).into());
    loop {
        let address = format!("127.0.0.1:{}", NEXT_PORT.fetch_add(1, Ordering::Relaxed));
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

fn take_calls(dir: &Path) -> Vec<Call> {
    // The directory is gone when the sandbox has just been dropped.
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let requests = files.filter(|path| path.extension().is_some_and(|extension| extension == "request"));
    let calls = requests.filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        fs::remove_file(&path).ok()?;
        let mut words = text.split_terminator('\0').map(str::to_owned);
        let mut word = || words.next().expect("a complete request");
        Some(Call {
            process: path.file_stem()?.to_string_lossy().into_owned(),
            dir: word().into(),
            is_background: !word().is_empty(),
            is_shown: !word().is_empty(),
            profile: word(),
            has_key: !word().is_empty(),
            args: words.collect(),
        })
    });
    calls.collect()
}

impl Call {
    /// Whether it is a command with this noun, singular or plural, and this verb.
    fn is(&self, noun: &str, verb: &str) -> bool {
        let nouns = [noun, noun.strip_suffix('s').unwrap_or(noun)];
        self.args.windows(2).any(|pair| nouns.contains(&pair[0].as_str()) && pair[1] == verb)
    }

    /// Whether each change of status is printed when it happens.
    pub(crate) fn prints_changes(&self) -> bool {
        !matches!(self.value("-o").or(self.value("--output")), Some("json" | "csv"))
    }

    pub(crate) fn has(&self, arg: &str) -> bool {
        self.args.iter().any(|known| known == arg)
    }

    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        let at = self.args.iter().position(|arg| arg == flag)?;
        self.args.get(at + 1).map(String::as_str)
    }

    /// Adds the flag unless the call has it, and returns its value.
    fn set_default(&mut self, flag: &str, default: &str) -> String {
        if !self.has(flag) {
            self.args.extend([flag.to_owned(), default.to_owned()]);
        }
        self.value(flag).expect("a value").to_owned()
    }
}
