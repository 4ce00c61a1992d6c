//! A world in which a shell block of a document runs: a home of its own, an account, and somebody at the phone.
//!
//! ```ignore
//! let outcome = World::store().run("kustom devices list");
//! assert_eq!(outcome.exit, 0);
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use kustom::emulator::{API_KEY, MERCHANT_ID};

use super::account::Account;
use super::kustom_stub::Calls;
use super::phone::Act;
use crate::common::server::{Reply, Server};
use crate::common::tls;

/// Folders whose programs a script may use.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The secret of the callbacks in `secret.txt`.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Reads the value of a key of an object that kustom has written, where jq is not installed. It knows `-r` and `.key`.
pub(crate) const JQ: &str = r#"#!/bin/sh
[ "$1" = -r ] && shift
case $1 in .*[!a-z_0-9]*|[!.]*) echo "this jq knows .key only, not $1" >&2; exit 3 ;; esac
key=${1#.}; shift
cat -- "$@" | sed -n 's/^\( \{0,2\}\|{\|.*,\)"'"$key"'": *"\{0,1\}\([^",}]*\)"\{0,1\}.*/\2/p'
"#;

/// A computer of its own. Whatever it runs is ended with it.
pub(crate) struct World {
    pub(crate) calls: Calls,
    folder: tempfile::TempDir,
    /// What listens at `http://127.0.0.1:8080` in the documents: the reader's own application.
    application: Server,
    /// The groups of the processes that were started.
    pub(crate) groups: Mutex<Vec<u32>>,
}

impl World {
    /// Nothing but the program: no profile, no device. What is not `--profile local` has no account.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("docs-").tempdir().expect("a temporary folder");
        let at = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).expect("a folder");
            path
        };
        let (env, programs, _) = (at("home"), at("programs"), at("tmp"));
        fs::write(folder.path().join("authority.pem"), tls::authority().pem()).expect("a file");
        if !SYSTEM_PATH.split(':').any(|place| Path::new(place).join("jq").exists()) {
            program(&programs, "jq", JQ);
        }
        let state = env.join(".local/state/kustom");
        let text = |path: PathBuf| path.into_os_string();
        let variables: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), format!("{}:{SYSTEM_PATH}", programs.display()).into()),
            ("HOME".into(), text(env.clone())),
            ("KUSTOM_CONFIG".into(), text(env.join(".config/kustom/profiles.toml"))),
            ("KUSTOM_STATE".into(), text(state.clone())),
            ("TMPDIR".into(), text(folder.path().join("tmp"))),
            ("SSL_CERT_FILE".into(), text(folder.path().join("authority.pem"))),
            ("SHELL".into(), "/bin/bash".into()),
            ("TZ".into(), "UTC".into()),
            ("COLUMNS".into(), "100".into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
            ("DOCUMENTS_SHOWN".into(), text(folder.path().join("shown"))),
            ("DOCUMENTS_CALLS".into(), text(folder.path().join("calls"))),
        ];
        let account = Account::serve(&state.join("local.json"));
        let calls = Calls::answer(account, variables, folder.path());
        let application = Server::always(Reply::empty(204));
        Self { calls, folder, application, groups: Mutex::default() }
    }

    /// A store that is in business: the active profile `playground` reaches an account with the locations 'Stockholm
    /// City' and 'Göteborg Haga', a device 'Till 1' stands in the first, and `secret.txt` and `key.txt` are there.
    pub(crate) fn store() -> Self {
        let world = Self::new();
        let account = &world.calls.desk.account;
        account.device("Till 1");
        world.file(
            ".config/kustom/profiles.toml",
            &format!(
                "active = \"playground\"\n\n[profiles.playground]\nenvironment = \"playground\"\napi_key = \
                 \"{API_KEY}\"\nmerchant_id = \"{MERCHANT_ID}\"\ncurrency = \"SEK\"\nbase_url = \"{}\"\n",
                account.url()
            ),
        );
        world.file("secret.txt", &format!("{SECRET}\n"));
        world.file("key.txt", &format!("{API_KEY}\n"));
        world
    }

    /// Writes a file into the home, with the addresses of this world in it.
    pub(crate) fn file(&self, name: &str, content: &str) {
        let path = self.env().join(name);
        let folder = path.parent().expect("a folder");
        fs::create_dir_all(folder).expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a private folder");
        fs::write(&path, self.real(content)).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a private file");
    }

    /// Puts a shell script in front of whatever program of this name there is.
    pub(crate) fn stand_in(&self, name: &str, script: &str) {
        program(&self.folder.path().join("programs"), name, script);
    }

    /// What is done on the phone with the sessions that a command waits for; nothing, if there is none.
    pub(crate) fn phone_does(&self, acts: Vec<Act>) {
        self.calls.desk.phone_does(acts);
    }

    /// The folder in which scripts begin.
    pub(crate) fn env(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file outside of the home.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A document's text with this world's addresses in the place of the usual ones.
    pub(crate) fn real(&self, text: &str) -> String {
        self.addresses().iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real))
    }

    /// The reverse, for what a document shows; the home is that of a reader, and
    /// the account is behind a proxy.
    pub(crate) fn shown(&self, text: &str) -> String {
        let env = self.env().to_string_lossy().into_owned();
        let text: String =
            text.split_inclusive('\n').map(|line| in_column(line, &env, "/home/you")).collect();
        let text = text.replace(&self.calls.desk.account.url(), "https://proxy.example/");
        self.addresses().iter().fold(text, |text, (shown, real)| text.replace(real.as_str(), shown))
    }

    fn addresses(&self) -> [(&'static str, String); 3] {
        let desk = &self.calls.desk;
        [
            ("127.0.0.1:4010", desk.emulator.clone()),
            ("127.0.0.1:4011", desk.receiver.clone()),
            ("127.0.0.1:8080", self.application.url().trim_start_matches("http://").to_owned()),
        ]
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What a script left in the background ends with it.
        for group in self.groups.lock().expect("groups").drain(..) {
            let kill = format!("kill -s KILL -- -{group} 2>/dev/null");
            let _ = Command::new("/bin/sh").args(["-c", &kill]).status();
        }
    }
}

/// A line with something shorter in the place of this; the column behind it stays where it is.
fn in_column(line: &str, long: &str, short: &str) -> String {
    let Some((before, after)) = line.split_once(long) else { return line.to_owned() };
    let pad = " ".repeat(long.len() - short.len());
    let after = match after.split_once("  ") {
        Some((cell, next)) => format!("{cell}{pad}  {next}"),
        None => after.to_owned(),
    };
    format!("{before}{short}{}", in_column(&after, long, short))
}

/// Writes a program. A process of its own does, because a program that this one has open for writing cannot be started
/// by a script that another thread runs meanwhile.
pub(crate) fn program(folder: &Path, name: &str, script: &str) {
    let mut writing = Command::new("/bin/sh");
    writing.args(["-c", r#"cat > "$0" && chmod 755 "$0""#]).arg(folder.join(name)).stdin(Stdio::piped());
    let mut writing = writing.spawn().expect("a shell");
    writing.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("a program");
    assert!(writing.wait().expect("a shell").success(), "{name} cannot be written");
}
