//! Runs the program in front of a person: a real pseudo-terminal with somebody typing.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::harness::{PROGRAM, TIMEOUT, TestEnv, until};

pub struct PtySession {
    shell: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
}

const SHELL: &str = r#"
    trap : INT QUIT TERM
    /bin/sh -c 'printf "\036$$\036"; exec "$0" "$@"' "$0" "$@"
    printf '\036%s\036' $?
    while :; do read -r typed; done
"#;

const MARK: char = '\u{1e}';

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    is_gone: bool,
}

impl Shown {
    fn apart(&self) -> (Vec<u32>, String) {
        let text = String::from_utf8_lossy(&self.bytes);
        let parts: Vec<&str> = text.split(MARK).collect();
        let told = parts.iter().skip(1).step_by(2).filter_map(|number| number.parse().ok());
        (told.collect(), parts.iter().step_by(2).copied().collect())
    }

    fn process_id(&self) -> Option<u32> {
        self.apart().0.first().copied()
    }

    fn exit_code(&self) -> Option<u32> {
        self.apart().0.get(1).copied()
    }

    fn text(&self) -> String {
        self.apart().1
    }
}

impl PtySession {
    pub fn open<A: AsRef<OsStr>>(
        test_env: &TestEnv,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        Self::of_width(200, test_env, args, env)
    }

    pub fn of_width<A: AsRef<OsStr>>(
        columns: u16,
        test_env: &TestEnv,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        Self::of_program(OsStr::new(PROGRAM), columns, test_env, args, env)
    }

    pub fn of_program<A: AsRef<OsStr>>(
        program: &OsStr,
        columns: u16,
        test_env: &TestEnv,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        Self::run(command, size(columns), test_env, env)
    }

    /// A shell that asks with `$ `, knows the program as `kustom`, and is the same on every system.
    pub fn shell(columns: u16, rows: u16, test_env: &TestEnv, env: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args([
            "-c",
            "while printf '$ '; IFS= read -r line; do (exit $code); eval \"$line\"; code=$?; done",
        ]);
        let folder = Path::new(PROGRAM).parent().expect("a folder").to_string_lossy();
        let path = format!("{folder}:/usr/bin:/bin");
        Self::run(command, PtySize { rows, ..size(columns) }, test_env, &[&[("PATH", &*path)], env].concat())
    }

    fn run(mut command: CommandBuilder, size: PtySize, test_env: &TestEnv, env: &[(&str, &str)]) -> Self {
        command.env_clear();
        command.env("TERM", "xterm");
        for (name, value) in test_env.variables() {
            command.env(name, value);
        }
        command.env("COLUMNS", size.cols.to_string());
        for (name, value) in env {
            command.env(name, value);
        }
        command.cwd(test_env.path());
        Self::start(command, size)
    }

    pub fn of(columns: u16, command: CommandBuilder) -> Self {
        Self::start(command, size(columns))
    }

    fn start(mut command: CommandBuilder, size: PtySize) -> Self {
        command.get_argv_mut().splice(0..0, ["/bin/sh", "-c", SHELL].map(OsString::from));
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let shell = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut screen = pair.master.try_clone_reader().expect("a screen");
        let keyboard = pair.master.take_writer().expect("a keyboard");
        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let to = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let read = screen.read(&mut buffer).unwrap_or(0);
                let mut shown = to.0.lock().expect("a screen");
                shown.bytes.extend_from_slice(&buffer[..read]);
                shown.is_gone = read == 0;
                to.1.notify_all();
                if shown.is_gone {
                    return;
                }
            }
        });
        Self { shell, keyboard, shown, master: pair.master }
    }

    #[track_caller]
    pub fn until(&self, wanted: &str) -> String {
        self.until_times(1, wanted)
    }

    #[track_caller]
    pub fn until_times(&self, times: usize, wanted: &str) -> String {
        let enough = |text: &str| text.matches(wanted).count() >= times;
        let text = self.wait(|shown| enough(&shown.text()));
        assert!(enough(&text), "'{wanted}' was not shown {times} times:\n{text}");
        text
    }

    pub fn until_enough(&self, enough: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.wait(|shown| enough(&shown.text()));
        enough(&text).then_some(text)
    }

    pub fn so_far(&self) -> String {
        self.shown.0.lock().expect("a screen").text()
    }

    pub fn until_one_of(&self, wanted: &[&str], after: usize) -> Option<(usize, usize)> {
        let find = |text: &str| {
            let shown = text.get(after..)?;
            let found =
                wanted.iter().enumerate().filter_map(|(which, wanted)| Some((shown.find(wanted)?, which)));
            found.min().map(|(at, which)| (which, after + at + wanted[which].len()))
        };
        let text = self.wait(|shown| find(&shown.text()).is_some());
        find(&text)
    }

    #[track_caller]
    pub fn until_longer_than(&self, length: usize) {
        let text = self.wait(|shown| shown.text().len() > length);
        assert!(text.len() > length, "nothing more was shown:\n{text}");
    }

    /// Waits until the screen has shown this question and the program reads the answer key by key: a Ctrl-C before
    /// that would be a signal, which a program that is about to ask may not have been told of yet.
    #[track_caller]
    pub fn until_asked(&self, question: &str) {
        self.until(question);
        self.until_read_by_keys(question);
    }

    #[track_caller]
    pub fn until_read_by_keys(&self, question: &str) {
        until(&format!("it reads the answer to '{question}'"), || !self.has_mode("ICANON"));
    }

    #[track_caller]
    pub fn until_asked_in_secret(&self, question: &str) {
        self.until(question);
        until(&format!("the answer to '{question}' is not shown"), || !self.has_mode("ECHO"));
    }

    fn has_mode(&self, mode: &str) -> bool {
        let modes = self.master.get_termios().expect("the modes of the terminal");
        let flags = format!("{:?}", modes.local_flags);
        flags.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|flag| flag == mode)
    }

    pub fn signal(&self, signal: &str) {
        let id = self.process_id();
        let sent =
            std::process::Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {id}")]).status();
        assert!(sent.expect("a shell").success(), "cannot send {signal}");
    }

    #[track_caller]
    pub fn process_id(&self) -> u32 {
        let text = self.wait(|shown| shown.process_id().is_some());
        let id = self.shown.0.lock().expect("a screen").process_id();
        id.unwrap_or_else(|| panic!("the program was not started:\n{text}"))
    }

    pub fn resize(&self, columns: u16) {
        self.master.resize(size(columns)).expect("a terminal");
    }

    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
        self.keyboard.flush().expect("a keyboard");
    }

    /// Types these keys once the question is asked.
    #[track_caller]
    pub fn answer(&mut self, question: &str, keys: &str) {
        self.until_asked(question);
        self.type_in(keys);
    }

    /// Chooses from a list what it finds for these letters.
    #[track_caller]
    pub fn choose(&mut self, list: &str, search: &str) {
        self.answer(&format!("{list} (type to search):"), search);
        self.until(&format!("{search}|"));
        self.type_in("\r");
    }

    /// Waits for the exit with this code, and returns what was shown.
    #[track_caller]
    pub fn end_with(self, code: u32) -> String {
        let (exit, shown) = self.end();
        assert_eq!(exit, code, "{shown}");
        shown
    }

    #[track_caller]
    pub fn end(mut self) -> (u32, String) {
        let text = self.wait(|_| false);
        let code = self.shown.0.lock().expect("a screen").exit_code();
        for mode in ["ECHO", "ICANON", "ISIG"] {
            assert!(code.is_none() || self.has_mode(mode), "the terminal was left without {mode}:\n{text}");
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        let code = code.unwrap_or_else(|| panic!("the program did not end:\n{text}"));
        assert!(text.rfind(HIDES_CURSOR) <= text.rfind(SHOWS_CURSOR), "the cursor was left hidden:\n{text}");
        (code, text)
    }

    fn wait(&self, enough: impl Fn(&Shown) -> bool) -> String {
        let deadline = Instant::now() + TIMEOUT;
        let mut shown = self.shown.0.lock().expect("a screen");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let is_over = shown.is_gone || shown.exit_code().is_some();
            if is_over || left.is_zero() || enough(&shown) {
                return shown.text();
            }
            shown = self.shown.1.wait_timeout(shown, left).expect("a screen").0;
        }
    }
}

const HIDES_CURSOR: &str = "\u{1b}[?25l";
const SHOWS_CURSOR: &str = "\u{1b}[?25h";

const fn size(columns: u16) -> PtySize {
    PtySize { rows: 30, cols: columns, pixel_width: 0, pixel_height: 0 }
}

pub fn plain(shown: &str) -> String {
    let mut plain = String::new();
    let mut rest = shown.chars();
    while let Some(letter) = rest.next() {
        if letter == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else if letter != '\r' {
            plain.push(letter);
        }
    }
    plain
}
