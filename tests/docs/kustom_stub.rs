//! What stands on the PATH as `kustom`: it tells the world what is called, and runs what the world answers. So a
//! placeholder of a document becomes something real, and whoever is waited for comes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kustom::emulator::{API_KEY, MERCHANT_ID};
use serde_json::Value;

use super::account::Account;
use super::phone::{self, Act};
use crate::common::harness::PROGRAM;

/// A job in the background of a script has /dev/null as its standard input: only that tells it from the others.
const WRAPPER: &str = r#"#!/bin/sh
call=$DOCUMENTS_CALLS/$$
mkfifo "$call.answer" || exit 126
behind=; if [ /dev/stdin -ef /dev/null ]; then behind=yes; fi
shown=; if [ /dev/stdout -ef "$DOCUMENTS_SHOWN" ]; then shown=yes; fi
printf '%s\000' "$PWD" "$behind" "$shown" "${KUSTOM_PROFILE-}" "${KUSTOM_API_KEY:+yes}" "$@" > "$call.part"
mv "$call.part" "$call.ask"
. "$call.answer"
"#;

/// A call of the program.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) process: String,
    pub(crate) folder: PathBuf,
    /// It runs in the background.
    behind: bool,
    /// What it writes is shown in a document.
    pub(crate) shown: bool,
    /// `KUSTOM_PROFILE`.
    profile: String,
    /// Whether `KUSTOM_API_KEY` is set.
    has_key: bool,
    args: Vec<String>,
}

/// Answers calls, and knows what is needed for that.
pub(crate) struct Desk {
    pub(crate) account: Account,
    /// Those of every command.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Where the emulator and the receiver of callbacks listen, who have fixed ports elsewhere.
    pub(crate) emulator: String,
    pub(crate) receiver: String,
    /// What commands that are shown one by one write.
    pub(crate) shown: PathBuf,
    folder: PathBuf,
    acts: Mutex<Vec<Act>>,
    /// How many attempts were made whose outcome is not known.
    attempts: AtomicUsize,
    over: AtomicBool,
}

impl Desk {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// What is done on the phone with sessions that are waited for, from now on.
    pub(crate) fn phone_does(&self, acts: Vec<Act>) {
        *self.acts.lock().expect("acts") = acts;
    }

    fn acts(&self) -> Vec<Act> {
        self.acts.lock().expect("acts").clone()
    }
}

/// The desk and the thread behind it. Dropping it ends both.
pub(crate) struct Calls {
    pub(crate) desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Calls {
    /// Puts `kustom` into the world's folder `programs`, and answers whoever calls it.
    pub(crate) fn answer(account: Account, variables: Vec<(OsString, OsString)>, world: &Path) -> Self {
        let folder = &world.join("calls");
        fs::create_dir_all(folder).expect("a folder");
        super::environment::program(&world.join("programs"), "kustom", WRAPPER);
        let desk = Arc::new(Desk {
            account,
            variables,
            emulator: free_address(),
            receiver: free_address(),
            shown: world.join("shown"),
            folder: folder.clone(),
            acts: Mutex::new(vec![Act::Pay]),
            attempts: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let at = Arc::clone(&desk);
        let thread = std::thread::spawn(move || {
            while !at.is_over() {
                for call in new_calls(&at.folder) {
                    let desk = Arc::clone(&at);
                    // Whoever was killed meanwhile never takes the answer.
                    std::thread::spawn(move || desk.take(call));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { desk, thread: Some(thread) }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.desk.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address on this machine that nobody listens at.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    listener.local_addr().expect("an address").to_string()
}

fn new_calls(folder: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "ask") {
            let text = fs::read_to_string(&path).expect("a call");
            fs::remove_file(&path).expect("a call that is taken once");
            let mut words = text.split_terminator('\0').map(str::to_owned);
            let mut word = || words.next().expect("a whole call");
            calls.push(Call {
                process: path.file_stem().expect("a name").to_string_lossy().into_owned(),
                folder: word().into(),
                behind: !word().is_empty(),
                shown: !word().is_empty(),
                profile: word(),
                has_key: !word().is_empty(),
                args: words.collect(),
            });
        }
    }
    calls
}

impl Call {
    /// Whether it is this noun, in either number, and this verb.
    fn is(&self, noun: &str, verb: &str) -> bool {
        let nouns = [noun, noun.strip_suffix('s').unwrap_or(noun)];
        self.args.windows(2).any(|pair| nouns.contains(&pair[0].as_str()) && pair[1] == verb)
    }

    /// Whether it writes each change as it happens.
    pub(crate) fn tells_changes(&self) -> bool {
        !matches!(self.value("-o").or(self.value("--output")), Some("json" | "csv"))
    }

    fn has(&self, flag: &str) -> bool {
        self.args.iter().any(|arg| arg == flag)
    }

    fn value(&self, flag: &str) -> Option<&str> {
        let at = self.args.iter().position(|arg| arg == flag)?;
        self.args.get(at + 1).map(String::as_str)
    }

    fn add(&mut self, flag: &str, value: &str) {
        self.args.extend([flag.to_owned(), value.to_owned()]);
    }
}

impl Desk {
    fn take(self: Arc<Self>, mut call: Call) {
        self.replace_placeholders(&mut call);
        let mut host = String::new();
        let names_host = call.has("--base-url");
        let uses_key = call.has_key && call.profile.is_empty() && !call.has("--profile");
        if !names_host && (call.has("login") || uses_key) {
            host = format!("export KUSTOM_BASE_URL=\"${{KUSTOM_BASE_URL:-{}}}\"\n", self.account.url());
        }
        self.let_it_happen(&mut call);
        let quoted: Vec<_> =
            call.args.iter().map(|arg| format!("'{}'", arg.replace('\'', r"'\''"))).collect();
        let words = quoted.join(" ");
        let answer =
            format!("{host}unset DOCUMENTS_CALLS DOCUMENTS_SHOWN\nset -- {words}\nexec '{PROGRAM}' \"$@\"\n");
        fs::write(self.folder.join(format!("{}.answer", call.process)), answer).expect("an answer");
    }

    /// Sees to it that what the call waits for comes.
    fn let_it_happen(self: &Arc<Self>, call: &mut Call) {
        if call.is("enrollments", "pair") {
            let count = call.value("--count").map_or(1, |count| count.parse().expect("a number"));
            phone::use_codes(self, count);
        } else if call.is("sessions", "create") && call.has("--watch") {
            phone::serve_next_session(self, call, self.acts());
        } else if call.is("sessions", "watch") {
            let known = self.account.sessions();
            let named = known.into_iter().filter(|session| call.has(session)).collect();
            phone::serve(self, named, self.acts());
        } else if call.is("webhooks", "listen") {
            if !call.has("--listen") {
                call.add("--listen", &self.receiver);
            }
            let url = format!("http://{}/", call.value("--listen").expect("an address"));
            let secret = call.value("--secret-file").unwrap_or_default().to_owned();
            if !call.behind {
                phone::send_callbacks(self, call.clone(), url, secret, call.has("--exit-after"));
            }
        } else if call.is("dev", "emulator")
            && !call.has("clock")
            && !call.has("fault")
            && !call.has("--help")
        {
            if !call.has("--listen") {
                call.add("--listen", &self.emulator);
            }
            let address = call.value("--listen").expect("an address").to_owned();
            if !call.behind && !address.ends_with(":0") {
                phone::end_when_it_answers(self, call.clone(), address);
            } else if !call.behind {
                // It takes another port, and nobody has to know which.
                call.args.retain(|arg| arg != "127.0.0.1:0" && arg != "--listen");
                call.add("--listen", &self.emulator);
                phone::end_when_it_answers(self, call.clone(), self.emulator.clone());
            }
        }
    }

    /// Puts something real where the call has a word of the usage lines.
    fn replace_placeholders(&self, call: &mut Call) {
        let ends_one = ["cancel", "simulate-tap", "choose", "pay", "decline"];
        let open = ends_one.iter().any(|verb| call.has(verb));
        let args = std::mem::take(&mut call.args);
        let real = |word: &str| match word {
            "SESSION" => self.account.session(open),
            "CODE" => self.account.enrollment("code"),
            "ENROLLMENT" => self.account.enrollment("id"),
            "DEVICE" => self.account.device("Till 1"),
            "LOCATION" => "Stockholm City".to_owned(),
            "ATTEMPT" => self.unknown_attempt(call),
            other => other.to_owned(),
        };
        let replaced = args.iter().map(|arg| {
            let parts: Vec<_> = arg.split('/').map(real).collect();
            parts.join("/")
        });
        let replaced: Vec<_> = replaced.collect();
        call.args = replaced;
    }

    /// An attempt to create a session whose answer was lost.
    fn unknown_attempt(&self, call: &Call) -> String {
        self.account.lose_the_next_answer();
        self.account.device("Till 1");
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(&call.folder);
        if !call.profile.is_empty() {
            command.env("KUSTOM_PROFILE", &call.profile);
        }
        if call.has_key {
            command.env("KUSTOM_BASE_URL", self.account.url());
            command.env("KUSTOM_API_KEY", API_KEY).env("KUSTOM_MERCHANT_ID", MERCHANT_ID);
        }
        command
            .args(["sessions", "create", "--device", "Till 1", "--amount", "249.50", "-o", "json", "--yes"]);
        command.args([
            "--reference",
            &format!("receipt-{}", 2001 + self.attempts.fetch_add(1, Ordering::SeqCst)),
        ]);
        let outcome = command.output().expect("the program");
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let error: Value = said.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let attempt = error["error"]["attempt"].as_str();
        attempt.unwrap_or_else(|| panic!("only a profile of its own loses an answer: {said}")).to_owned()
    }
}
