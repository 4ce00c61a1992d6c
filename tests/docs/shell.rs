//! Runs shell scripts in a world: one that must not ask anything, one with somebody at the keyboard, and one that is
//! shown command by command.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kustom::emulator::{API_KEY, MERCHANT_ID};
use portable_pty::CommandBuilder;

use super::environment::World;
use crate::common::harness::TIMEOUT;
use crate::common::pty::{PtySession, plain};

/// How a script ended. Addresses and folders are those that a document shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an outcome that nobody looks at tests nothing"]
pub(crate) struct CommandOutput {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// It must have worked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        let Self { exit, stdout, stderr } = &self;
        assert_eq!(*exit, 0, "\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }
}

/// A command and what it wrote, as a terminal shows it: both streams in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) exit: i32,
    pub(crate) output: String,
}

/// Between the outputs of commands: whatever a command writes, it is not this.
const MARK: char = '\u{1e}';

/// What somebody who knows the account answers: how the question begins or ends, and what is typed.
const ANSWERS: [(&str, &str); 9] = [
    ("API key: ", API_KEY),
    ("Profile name [", ""),
    ("Username (", ""),
    ("Merchant id (", MERCHANT_ID),
    ("Default location (type", "none"),
    ("Location (type", "Stockholm"),
    ("Default currency", ""),
    ("Name [", ""),
    ("[y/N] ", "y"),
];

impl World {
    /// Runs a script as `sh -eu` does, without a terminal. Variables that it exports and the folder that it ends in are
    /// those of the next one. Servers in the foreground are ended with Ctrl-C once they have shown what they do.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> CommandOutput {
        let (out, err) = (self.beside("stdout"), self.beside("stderr"));
        let streams = (File::create(&out).expect("a file"), File::create(&err).expect("a file"));
        let exit = self.shell(&self.with_memory(script), streams);
        let read = |path| self.shown(&String::from_utf8_lossy(&fs::read(path).expect("a file")));
        CommandOutput { exit, stdout: read(out), stderr: read(err) }
    }

    /// Runs a script in a terminal and answers its prompts; stdout is the content of the screen. Each prompt is answered
    /// once, because it is drawn again with every key.
    #[track_caller]
    pub(crate) fn type_in(&self, script: &str) -> CommandOutput {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-euc", &self.with_memory(script)]);
        command.env_clear();
        for (name, value) in &self.calls.desk.variables {
            command.env(name, value);
        }
        command.env("TERM", "xterm");
        command.cwd(self.folder_of_next());
        let mut screen = PtySession::of(100, command);
        let mut answers = ANSWERS.to_vec();
        let mut seen = 0;
        loop {
            let questions: Vec<_> = answers.iter().map(|(question, _)| *question).collect();
            let Some((which, at)) = screen.until_one_of(&questions, seen) else { break };
            seen = at;
            let (question, answer) = answers.remove(which);
            if question.starts_with("API key") {
                screen.until_asked_in_secret(question);
            } else {
                screen.until_read_by_keys(question);
            }
            screen.type_in(&format!("{answer}\r"));
        }
        let (exit, shown) = screen.end();
        CommandOutput {
            exit: i32::try_from(exit).expect("an exit code"),
            stdout: self.shown(&plain(&shown)),
            stderr: String::new(),
        }
    }

    /// Runs commands one after the other in one shell, as somebody types them: a failure ends nothing.
    #[track_caller]
    pub(crate) fn show(&self, commands: &[String]) -> Vec<Shown> {
        let one =
            |command: &String| format!("(exit $last)\n{command}\nlast=$?\nprintf '{MARK}%s{MARK}' $last\n");
        let script = format!("set +e; last=0\n{}", commands.iter().map(one).collect::<String>());
        let path = &self.calls.desk.shown;
        let file = File::create(path).expect("a file");
        let both = file.try_clone().expect("the same file");
        let exit = self.shell(&self.with_memory(&script), (file, both));
        let text = fs::read(path).expect("a file");
        let text = self.shown(&String::from_utf8_lossy(&text));
        let parts: Vec<_> = text.split(MARK).collect();
        let shown: Vec<_> = parts
            .chunks_exact(2)
            .map(|pair| Shown { exit: pair[1].parse().expect("an exit code"), output: pair[0].to_owned() })
            .collect();
        assert_eq!(shown.len(), commands.len(), "the shell ended early, with {exit}:\n{text}");
        shown
    }

    /// The script with what is left of the one before, and leaving the same to the next.
    fn with_memory(&self, script: &str) -> String {
        let memory = self.beside("exported");
        let keep = format!("export -p > '{0}'; pwd > '{0}.folder'", memory.display());
        let begin = if memory.exists() { format!(". '{}'\n", memory.display()) } else { String::new() };
        format!("{begin}trap \"{keep}\" EXIT\n{}\n", self.real(script))
    }

    fn folder_of_next(&self) -> std::path::PathBuf {
        let folder = fs::read_to_string(self.beside("exported.folder"));
        folder.map_or_else(|_| self.env(), |folder| folder.trim_end().into())
    }

    fn shell(&self, script: &str, (stdout, stderr): (File, File)) -> i32 {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-euc", script, "sh"]).current_dir(self.folder_of_next());
        shell.env_clear().envs(self.calls.desk.variables.iter().cloned());
        // Not /dev/null, which is what jobs in the background have.
        shell.stdin(Stdio::piped()).stdout(stdout).stderr(stderr).process_group(0);
        let mut child = shell.spawn().expect("a shell");
        drop(child.stdin.take());
        self.groups.lock().expect("groups").push(child.id());
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = child.try_wait().expect("a process") {
                return status.code().unwrap_or(-1);
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                panic!("this did not end:\n{script}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
