//! Runs the program in front of a person: a real pseudo-terminal with somebody typing.

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::harness::{Home, PATIENCE, PROGRAM};

/// A program and the terminal it runs in.
pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
}

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    ended: bool,
}

impl Screen {
    /// Starts the program with the home's variables and some more, on a wide terminal.
    pub fn open<A: AsRef<OsStr>>(
        home: &Home,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        Self::of_width(200, home, args, env)
    }

    /// The same on a terminal with so many columns.
    pub fn of_width<A: AsRef<OsStr>>(
        columns: u16,
        home: &Home,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        Self::of_program(OsStr::new(PROGRAM), columns, home, args, env)
    }

    /// Another program in the same surroundings.
    pub fn of_program<A: AsRef<OsStr>>(
        program: &OsStr,
        columns: u16,
        home: &Home,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.env("TERM", "xterm");
        for (name, value) in home.variables().into_iter().chain(home.more_variables()) {
            command.env(name, value);
        }
        command.env("COLUMNS", columns.to_string());
        for (name, value) in env {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut screen = pair.master.try_clone_reader().expect("a screen");
        let keyboard = pair.master.take_writer().expect("a keyboard");
        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let to = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // When the program has ended, reading fails.
                let read = screen.read(&mut buffer).unwrap_or(0);
                let mut shown = to.0.lock().expect("a screen");
                shown.bytes.extend_from_slice(&buffer[..read]);
                shown.ended = read == 0;
                to.1.notify_all();
                if shown.ended {
                    return;
                }
            }
        });
        Self { child, keyboard, shown, master: pair.master }
    }

    /// Waits until the screen has shown this; gives everything that was shown.
    #[track_caller]
    pub fn until(&self, wanted: &str) -> String {
        self.until_times(1, wanted)
    }

    /// Waits until the screen has shown this so many times.
    #[track_caller]
    pub fn until_times(&self, times: usize, wanted: &str) -> String {
        let enough = |text: &str| text.matches(wanted).count() >= times;
        let text = self.wait(|shown| enough(&text(shown)));
        assert!(enough(&text), "'{wanted}' was not shown {times} times:\n{text}");
        text
    }

    /// Waits until more than so many bytes were shown.
    #[track_caller]
    pub fn until_longer_than(&self, length: usize) {
        let text = self.wait(|shown| shown.bytes.len() > length);
        assert!(text.len() > length, "nothing more was shown:\n{text}");
    }

    /// Waits until the screen has shown this question and the program reads the answer key by key: a Ctrl-C before
    /// that would be a signal, which a program that is about to ask may not have been told of yet.
    #[cfg(unix)]
    #[track_caller]
    pub fn until_asked(&self, question: &str) {
        self.until(question);
        let deadline = Instant::now() + PATIENCE;
        while self.reads_whole_lines() {
            assert!(Instant::now() < deadline, "nobody reads the answer to '{question}'");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the screen has shown this question, and what is typed is not shown.
    #[cfg(unix)]
    #[track_caller]
    pub fn until_asked_in_secret(&self, question: &str) {
        self.until(question);
        let deadline = Instant::now() + PATIENCE;
        while self.has_mode("ECHO") {
            assert!(Instant::now() < deadline, "the answer to '{question}' would be shown");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[cfg(unix)]
    fn reads_whole_lines(&self) -> bool {
        self.has_mode("ICANON")
    }

    #[cfg(unix)]
    fn has_mode(&self, mode: &str) -> bool {
        let modes = self.master.get_termios().expect("the modes of the terminal");
        let flags = format!("{:?}", modes.local_flags);
        flags.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|flag| flag == mode)
    }

    /// Sends a signal to the program, such as `TERM`.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        let id = self.child.process_id().expect("a process");
        let sent =
            std::process::Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {id}")]).status();
        assert!(sent.expect("a shell").success(), "cannot send {signal}");
    }

    /// The id of the program's process.
    pub fn process_id(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Gives the terminal another width.
    pub fn resize(&self, columns: u16) {
        self.master.resize(size(columns)).expect("a terminal");
    }

    /// Types this; `\r` is Enter, `\x03` is Ctrl-C.
    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
        self.keyboard.flush().expect("a keyboard");
    }

    /// Waits for the end; gives the exit code and everything that was shown. However it ended, the terminal is in order.
    #[track_caller]
    pub fn end(mut self) -> (u32, String) {
        let text = self.wait(|_| false);
        if !self.shown.0.lock().expect("a screen").ended {
            let _ = self.child.kill();
            panic!("the program did not end:\n{text}");
        }
        let code = self.child.wait().expect("a process").exit_code();
        #[cfg(unix)]
        for mode in ["ECHO", "ICANON", "ISIG"] {
            assert!(self.has_mode(mode), "the terminal was left without {mode}:\n{text}");
        }
        assert!(text.rfind(HIDES_CURSOR) <= text.rfind(SHOWS_CURSOR), "the cursor was left hidden:\n{text}");
        (code, text)
    }

    fn wait(&self, enough: impl Fn(&Shown) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().expect("a screen");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if shown.ended || left.is_zero() || enough(&shown) {
                return text(&shown);
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

fn text(shown: &Shown) -> String {
    String::from_utf8_lossy(&shown.bytes).into_owned()
}

/// The screen without the sequences that move the cursor and colour the text.
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
