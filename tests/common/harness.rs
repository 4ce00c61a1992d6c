//! Runs the real program as a person's shell would, but in a world of its own.
//!
//! ```ignore
//! let home = Home::new().local();
//! let devices = home.run(["devices", "list", "-o", "json"]).ok();
//! let complaint = home.run(["sessions", "get", "x"]).fails(2);
//! ```

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kustom::emulator::{API_KEY, MERCHANT_ID};
use rustix::fs::{OFlags, fcntl_setfl};
use serde_json::Value;

use super::redaction::redact;
use super::stream::{Stream, text};
use super::tls;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_kustom");

pub const TIMEOUT: Duration = Duration::from_secs(120);

/// A computer of its own: no profiles, no state, nothing from the environment of whoever runs the tests. The
/// only certificate authority it trusts is [`tls::authority`].
pub struct TestEnv {
    folder: tempfile::TempDir,
    env: Vec<(OsString, OsString)>,
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnv {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("home-").tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        fs::write(folder.path().join("authority.pem"), tls::authority().pem()).expect("a file");
        Self { folder, env: Vec::new() }
    }

    #[must_use]
    pub fn local(self) -> Self {
        self.env("KUSTOM_PROFILE", "local")
    }

    #[must_use]
    pub fn at(self, base_url: &str, key: &str) -> Self {
        self.env("KUSTOM_BASE_URL", base_url).env("KUSTOM_API_KEY", key)
    }

    #[must_use]
    pub fn at_emulator(self, base_url: &str) -> Self {
        self.at(base_url, API_KEY).env("KUSTOM_MERCHANT_ID", MERCHANT_ID)
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn profiles_file(&self) -> PathBuf {
        self.path().join("config").join("profiles.toml")
    }

    pub fn state_folder(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn temporary_folder(&self) -> PathBuf {
        self.path().join("tmp")
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    #[must_use]
    pub fn with_profiles(self, text: &str) -> Self {
        set_mode(self.file("config/profiles.toml", text), 0o600);
        self
    }

    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> CommandOutput {
        self.command(args).run()
    }

    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> TestCommand<'_> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        TestCommand {
            test_env: self,
            args,
            env: Vec::new(),
            stdin: None,
            script: None,
            stdout: None,
            stderr: None,
            non_blocking: None,
            unread: None,
        }
    }

    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let path = |path: PathBuf| path.into_os_string();
        let own = [
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), path(self.path().to_owned())),
            ("KUSTOM_CONFIG".into(), path(self.profiles_file())),
            ("KUSTOM_STATE".into(), path(self.state_folder())),
            ("TMPDIR".into(), path(self.temporary_folder())),
            ("SSL_CERT_FILE".into(), path(self.path().join("authority.pem"))),
            ("TZ".into(), "UTC".into()),
            ("COLUMNS".into(), "100".into()),
        ];
        own.into_iter().chain(self.env.clone()).collect()
    }
}

pub struct TestCommand<'a> {
    test_env: &'a TestEnv,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    script: Option<String>,
    /// Pipes other than those that the test reads.
    stdout: Option<PipeWriter>,
    stderr: Option<PipeWriter>,
    /// Their other ends.
    non_blocking: Option<PipeReader>,
    unread: Option<PipeReader>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardStream {
    Stdout,
    Stderr,
}

impl TestCommand<'_> {
    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, more: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(more.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Gives stdout a pipe whose reader has left.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.stdout = Some(std::io::pipe().expect("a pipe").1);
        self
    }

    /// Gives the stream a pipe that is full, and that nobody reads.
    #[must_use]
    pub fn full(mut self, stream: StandardStream) -> Self {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe");
        while writer.write(&[b' '; 4096]).is_ok() {}
        fcntl_setfl(&writer, OFlags::empty()).expect("a pipe");
        self.unread = Some(reader);
        match stream {
            StandardStream::Stdout => self.stdout = Some(writer),
            StandardStream::Stderr => self.stderr = Some(writer),
        }
        self
    }

    /// Makes stdout non-blocking.
    #[must_use]
    pub fn non_blocking(mut self) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe");
        (self.stdout, self.non_blocking) = (Some(writer), Some(reader));
        self
    }

    #[must_use]
    pub fn through(mut self, script: &str) -> Self {
        self.script = Some(script.to_owned());
        self
    }

    #[track_caller]
    pub fn run(self) -> CommandOutput {
        self.spawn().wait()
    }

    #[track_caller]
    pub fn spawn(self) -> RunningCommand {
        let Self { test_env, args, env, stdin, script, stdout, stderr, non_blocking, unread } = self;
        let shown: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let mut command = match script {
            Some(script) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &script, PROGRAM]);
                shell
            }
            None => Command::new(PROGRAM),
        };
        command.args(args).env_clear().envs(test_env.variables()).envs(env).current_dir(test_env.path());
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(stdout.map_or_else(Stdio::piped, Stdio::from));
        command.stderr(stderr.map_or_else(Stdio::piped, Stdio::from));
        let mut child = command.spawn().expect("the program starts");
        if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        // Its end of a pipe would keep the stream open.
        drop(command);
        let stdout = match (child.stdout.take(), non_blocking) {
            (Some(pipe), _) => Stream::read(pipe),
            (None, Some(pipe)) => Stream::read(pipe),
            (None, None) => Stream::read(std::io::empty()),
        };
        let stderr = child.stderr.take().map_or_else(|| Stream::read(std::io::empty()), Stream::read);
        let command = format!("kustom {}", shown.join(" "));
        RunningCommand { child, stdout, stderr, command, test_env: test_env.path().to_owned(), unread }
    }
}

#[must_use = "wait for it, or kill it"]
pub struct RunningCommand {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    command: String,
    test_env: PathBuf,
    /// Open, so that a write to it waits.
    unread: Option<PipeReader>,
}

impl RunningCommand {
    /// Waits for the exit at most this long.
    pub fn exits_within(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.child.try_wait().expect("a process").is_none() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has used, in bytes. Only Linux tells.
    pub fn peak_memory(&self) -> Option<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib * 1024)
    }

    pub fn kill(mut self) -> CommandOutput {
        let _ = self.child.kill();
        self.wait()
    }

    pub fn interrupt(&self) {
        self.signal("INT");
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {}", self.id())]).status();
        assert!(sent.expect("a shell").success(), "cannot send {signal} to {}", self.command);
    }

    #[track_caller]
    pub fn until_stdout(&self, condition: impl Fn(&str) -> bool) -> String {
        self.stdout.until(&self.command, condition)
    }

    #[track_caller]
    pub fn until_stderr(&self, condition: impl Fn(&str) -> bool) -> String {
        self.stderr.until(&self.command, condition)
    }

    #[track_caller]
    pub fn wait(mut self) -> CommandOutput {
        let deadline = Instant::now() + TIMEOUT;
        let (stdout, whole) = self.stdout.end(deadline);
        let (stderr, also_whole) = self.stderr.end(deadline);
        let status = loop {
            match self.child.try_wait().expect("a process") {
                Some(status) => break Some(status),
                None if Instant::now() > deadline => break None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let Some(status) = status.filter(|_| whole && also_whole) else {
            let _ = self.child.kill();
            let _ = self.child.wait();
            panic!("{} did not end; stdout:\n{}\nstderr:\n{}", self.command, text(&stdout), text(&stderr));
        };
        drop(self.unread.take());
        let Self { command, test_env, .. } = self;
        CommandOutput {
            code: status.code(),
            stdout: text(&stdout),
            stderr: text(&stderr),
            bytes: stdout,
            command,
            test_env,
        }
    }
}

#[must_use = "an outcome that nobody looks at tests nothing"]
#[derive(Debug, Clone)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub bytes: Vec<u8>,
    pub command: String,
    test_env: PathBuf,
}

impl CommandOutput {
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Self {
        let Self { command, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "{command}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> String {
        self.assert_code(0).stdout
    }

    #[track_caller]
    pub fn stdout_only(self) -> String {
        let outcome = self.assert_code(0);
        assert_eq!(outcome.stderr, "", "{} talks", outcome.command);
        outcome.stdout
    }

    #[track_caller]
    pub fn json(self) -> Value {
        self.json_with(0)
    }

    #[track_caller]
    pub fn json_with(self, code: i32) -> Value {
        self.assert_code(code).document()
    }

    /// The JSON on stdout, whatever the exit code is.
    #[track_caller]
    pub fn document(&self) -> Value {
        let text = &self.stdout;
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
    }

    /// The lines of stdout, each an object.
    #[track_caller]
    pub fn ndjson(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The error that is all of stderr, where the output is JSON.
    #[track_caller]
    pub fn error(&self) -> Value {
        let error = serde_json::from_str::<Value>(&self.stderr).ok();
        let error = error.and_then(|said| said.get("error").cloned());
        error.unwrap_or_else(|| panic!("{}: {}", self.command, self.stderr))
    }

    /// The error that ends stderr, after warnings.
    #[track_caller]
    pub fn last_error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default().to_owned();
        Self { stderr: last, ..self.clone() }.error()
    }

    #[track_caller]
    pub fn assert_failure(self, code: i32) -> String {
        self.assert_no_data(code).err()
    }

    /// A failure whose message contains this text, or begins with it if it is an `error: …`.
    #[track_caller]
    pub fn assert_failure_with(self, code: i32, text: &str) -> String {
        let command = self.command.clone();
        let said = self.assert_failure(code);
        let is_said = if text.starts_with("error: ") { said.starts_with(text) } else { said.contains(text) };
        assert!(is_said, "{command}: not '{text}', but:\n{said}");
        said
    }

    #[track_caller]
    pub fn assert_stdout(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{}: not '{text}', but:\n{}", self.command, self.stdout);
        self
    }

    #[track_caller]
    pub fn assert_stderr(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{}: not '{text}', but:\n{}", self.command, self.stderr);
        self
    }

    /// The error of a failure that wrote no data.
    #[track_caller]
    pub fn json_failure(self, code: i32) -> Value {
        self.assert_no_data(code).error()
    }

    #[track_caller]
    fn assert_no_data(self, code: i32) -> Self {
        let outcome = self.assert_code(code);
        assert_eq!(outcome.stdout, "", "{} failed and wrote data", outcome.command);
        outcome
    }

    pub fn out(&self) -> String {
        redact(&self.stdout, &self.test_env)
    }

    pub fn err(&self) -> String {
        redact(&self.stderr, &self.test_env)
    }

    pub fn whole(&self) -> String {
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        let said = self.stderr.lines().map(|line| format!("! {line}")).chain([format!("exit {code}")]);
        let said: Vec<_> = said.collect();
        redact(&format!("{}{}\n", self.stdout, said.join("\n")), &self.test_env)
    }
}

#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A field of every row of a list.
#[track_caller]
pub fn column(rows: &Value, field: &str) -> Vec<Value> {
    rows.as_array()
        .unwrap_or_else(|| panic!("no list: {rows}"))
        .iter()
        .map(|row| row[field].clone())
        .collect()
}

/// Who may do what with a file.
pub fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Lines of JSON.
#[track_caller]
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}
