//! A sandbox for the scripts in documents: its own home directory, an account, a phone and a stubbed `kustom`.
//!
//! ```ignore
//! let output = Sandbox::with_store().run("kustom devices list");
//! assert_eq!(output.exit, 0);
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use kustom::emulator::{API_KEY, MERCHANT_ID};
use regex::Regex;

use super::account::Account;
use super::background::Act;
use super::kustom_stub::Stub;
use crate::common::harness::set_mode;
use crate::common::server::{Reply, Server};
use crate::common::tls;

const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Signing secret in `secret.txt`.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Stands in for jq where that is not installed. It supports `-r .key` for kustom's own output.
pub(crate) const JQ: &str = r#"#!/bin/sh
[ "$1" = -r ] && shift
case $1 in .*[!a-z_0-9]*|[!.]*) echo "this jq knows .key only, not $1" >&2; exit 3 ;; esac
key=${1#.}; shift
cat -- "$@" | sed -n 's/^\( \{0,2\}\|{\|.*,\)"'"$key"'": *"\{0,1\}\([^",}]*\)"\{0,1\}.*/\2/p'
"#;

pub(crate) struct Sandbox {
    pub(crate) stub: Arc<Stub>,
    dir: tempfile::TempDir,
    /// The reader's application, which listens at `http://127.0.0.1:8080` in the documents.
    application: Server,
    /// Process groups of the scripts, killed when the sandbox is dropped.
    pub(crate) groups: Mutex<Vec<u32>>,
}

impl Sandbox {
    /// No profile but `local`, and no device.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("docs-").tempdir().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name);
        let (home, programs) = (path("home"), path("programs"));
        for dir in [&home, &programs, &path("tmp")] {
            fs::create_dir(dir).expect("a directory");
        }
        fs::write(path("authority.pem"), tls::authority().pem()).expect("a file");
        if !SYSTEM_PATH.split(':').any(|dir| Path::new(dir).join("jq").exists()) {
            write_program(&programs, "jq", JQ);
        }
        let state = home.join(".local/state/kustom");
        let variables: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), format!("{}:{SYSTEM_PATH}", programs.display()).into()),
            ("HOME".into(), home.clone().into()),
            ("KUSTOM_CONFIG".into(), home.join(".config/kustom/profiles.toml").into()),
            ("KUSTOM_STATE".into(), state.clone().into()),
            ("TMPDIR".into(), path("tmp").into()),
            ("SSL_CERT_FILE".into(), path("authority.pem").into()),
            ("SHELL".into(), "/bin/bash".into()),
            ("TZ".into(), "UTC".into()),
            ("COLUMNS".into(), "100".into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
            ("DOCUMENTS_SHOWN".into(), path("shown").into()),
            ("DOCUMENTS_CALLS".into(), path("calls").into()),
        ];
        let account = Account::serve(state.join("local.json"));
        let stub = Stub::start(account, variables, dir.path());
        Self { stub, dir, application: Server::always(Reply::empty(204)), groups: Mutex::default() }
    }

    /// A store in operation: the active profile `playground` reaches an account with the locations 'Stockholm City' and
    /// 'Göteborg Haga' and the device 'Till 1'; `secret.txt` and `key.txt` exist.
    pub(crate) fn with_store() -> Self {
        let sandbox = Self::new();
        let account = &sandbox.stub.account;
        account.device("Till 1");
        sandbox.write_file(
            ".config/kustom/profiles.toml",
            &format!(
                "active = \"playground\"\n\n[profiles.playground]\nenvironment = \"playground\"\napi_key = \
                 \"{API_KEY}\"\nmerchant_id = \"{MERCHANT_ID}\"\ncurrency = \"SEK\"\nbase_url = \"{}\"\n",
                account.url()
            ),
        );
        sandbox.write_file("secret.txt", &format!("{SECRET}\n"));
        sandbox.write_file("key.txt", &format!("{API_KEY}\n"));
        sandbox
    }

    /// Writes a private file into the home directory, with the sandbox's addresses in it.
    pub(crate) fn write_file(&self, name: &str, content: &str) {
        let path = self.home().join(name);
        let dir = path.parent().expect("a directory");
        fs::create_dir_all(dir).expect("a directory");
        set_mode(dir, 0o700);
        fs::write(&path, self.use_real_addresses(content)).expect("a file");
        set_mode(&path, 0o600);
    }

    /// Puts a shell script before the program of this name on the PATH.
    pub(crate) fn stub_program(&self, name: &str, script: &str) {
        write_program(&self.path("programs"), name, script);
    }

    /// Sets what happens on the phone to the sessions that a command waits for.
    pub(crate) fn set_phone_acts(&self, acts: Vec<Act>) {
        *self.stub.phone_acts.lock().expect("acts") = acts;
    }

    /// The home directory, in which scripts start.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// A path next to the home directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces the addresses in a document with those of the sandbox.
    pub(crate) fn use_real_addresses(&self, text: &str) -> String {
        self.addresses().iter().fold(text.to_owned(), |text, (shown, real)| {
            // Not within a longer port.
            let shown = Regex::new(&format!(r"{}\b", regex::escape(shown))).expect("a valid pattern");
            shown.replace_all(&text, real).into_owned()
        })
    }

    /// Replaces the sandbox's addresses and home directory with those that a document shows.
    pub(crate) fn use_shown_addresses(&self, text: &str) -> String {
        let home = self.home().to_string_lossy().into_owned();
        let lines = text.split_inclusive('\n').map(|line| replace_in_column(line, &home, "/home/you"));
        let text = lines.collect::<String>().replace(&self.stub.account.url(), "https://proxy.example/");
        self.addresses().iter().fold(text, |text, (shown, real)| text.replace(real.as_str(), shown))
    }

    fn addresses(&self) -> [(&'static str, String); 3] {
        [
            ("127.0.0.1:4010", self.stub.emulator.clone()),
            ("127.0.0.1:4011", self.stub.receiver.clone()),
            ("127.0.0.1:8080", self.application.url().trim_start_matches("http://").to_owned()),
        ]
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stub.stop();
        for group in self.groups.lock().expect("groups").drain(..) {
            let kill = format!("kill -s KILL -- -{group} 2>/dev/null");
            let _ = Command::new("/bin/sh").args(["-c", &kill]).status();
        }
    }
}

/// Replaces a text with a shorter one, and pads it so that the next column stays in its place.
fn replace_in_column(line: &str, long: &str, short: &str) -> String {
    let Some((before, after)) = line.split_once(long) else { return line.to_owned() };
    let padding = " ".repeat(long.len() - short.len());
    let after = match after.split_once("  ") {
        Some((cell, next)) => format!("{cell}{padding}  {next}"),
        None => after.to_owned(),
    };
    format!("{before}{short}{}", replace_in_column(&after, long, short))
}

/// Writes an executable script. A separate process does it, since Linux refuses to execute a file while this process, or
/// a child that another test has just forked, has it open for writing.
pub(crate) fn write_program(dir: &Path, name: &str, script: &str) {
    let mut writer = Command::new("/bin/sh");
    writer.args(["-c", r#"cat > "$0" && chmod 755 "$0""#]).arg(dir.join(name)).stdin(Stdio::piped());
    let mut writer = writer.spawn().expect("a shell");
    writer.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("the script is written");
    assert!(writer.wait().expect("a shell").success(), "{name} cannot be written");
}
