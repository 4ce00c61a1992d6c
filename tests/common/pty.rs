//! Runs the program in front of a person: a real pseudo-terminal with somebody typing.

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::harness::{Home, PATIENCE, PROGRAM};

/// A program and the terminal it runs in.
pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    _master: Box<dyn MasterPty + Send>,
}

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    ended: bool,
}

impl Screen {
    /// Starts the program with the home's variables and some more.
    pub fn open<A: AsRef<OsStr>>(
        home: &Home,
        args: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        let size = PtySize { rows: 30, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(args);
        command.env_clear();
        for (name, value) in home.variables() {
            command.env(name, value);
        }
        for (name, value) in env {
            command.env(name, value);
        }
        command.env("TERM", "xterm");
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
        Self { child, keyboard, shown, _master: pair.master }
    }

    /// Waits until the screen has shown this.
    #[track_caller]
    pub fn until(&self, wanted: &str) {
        let text = self.wait(|shown| text(shown).contains(wanted));
        assert!(text.contains(wanted), "'{wanted}' was never shown:\n{text}");
    }

    /// Types this; `\r` is Enter, `\x03` is Ctrl-C.
    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
        self.keyboard.flush().expect("a keyboard");
    }

    /// Waits for the end; gives the exit code and everything that was shown.
    #[track_caller]
    pub fn end(mut self) -> (u32, String) {
        let text = self.wait(|_| false);
        if !self.shown.0.lock().expect("a screen").ended {
            let _ = self.child.kill();
            panic!("the program did not end:\n{text}");
        }
        (self.child.wait().expect("a process").exit_code(), text)
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

fn text(shown: &Shown) -> String {
    String::from_utf8_lossy(&shown.bytes).into_owned()
}
