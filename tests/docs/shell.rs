//! Runs scripts in a sandbox: without a terminal, in a terminal with answered prompts, or command by command.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use kustom::emulator::{API_KEY, MERCHANT_ID};
use portable_pty::CommandBuilder;

use super::sandbox::Sandbox;
use crate::common::harness::until;
use crate::common::pty::{PtySession, plain};

/// Output of a script, with the addresses and the home directory that documents show.
#[derive(Debug)]
#[must_use]
pub(crate) struct CommandOutput {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exit, stdout, stderr } = self;
        write!(formatter, "exit code {exit}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}

/// Separates the outputs of commands in one file.
const SEPARATOR: char = '\u{1e}';

/// Answers to prompts, by a part of the question.
const ANSWERS: [(&str, &str); 12] = [
    ("API key: ", API_KEY),
    ("Profile name [", ""),
    ("Username (", ""),
    ("Merchant ID (", MERCHANT_ID),
    ("Default location (type", "none"),
    ("Location (type", "Stockholm"),
    ("Default currency", ""),
    ("Name [", ""),
    ("Device (type", "Old till"),
    ("Change", "name"),
    ("New name", "Counter"),
    ("[y/N]", "y"),
];

impl Sandbox {
    /// Runs a script as `sh -eu` does, without a terminal. Exported variables and the working directory are kept for the
    /// next script.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> CommandOutput {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let streams = (File::create(&out).expect("a file"), File::create(&err).expect("a file"));
        let exit = self.run_shell(&self.keep_session(script), streams);
        let read =
            |path| self.use_shown_addresses(&String::from_utf8_lossy(&fs::read(path).expect("a file")));
        CommandOutput { exit, stdout: read(out), stderr: read(err) }
    }

    /// Sells two T-shirts and a bag for 249.50 SEK as `receipt-1001`.
    #[track_caller]
    pub(crate) fn sell(&self) {
        let shirts = "--item 'T-Shirt,price=100.00,qty=2,tax=25%,ref=SKU-001'";
        let sold = self.run(&format!(
            "id=$(kustom sessions create --device 'Till 1' {shirts} --item Bag,price=49.50,tax=25% \\
                 --reference receipt-1001 -q -o name)
             kustom dev simulate-tap $id -q
             kustom sessions watch $id -q"
        ));
        assert_eq!(sold.exit, 0, "{sold}");
    }

    /// Runs a script in a terminal and answers its prompts; stdout is the content of the screen. Each prompt is answered
    /// once, because it is drawn again with every key.
    #[track_caller]
    pub(crate) fn type_in(&self, script: &str) -> CommandOutput {
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-euc", &self.keep_session(script)]);
        command.env_clear();
        for (name, value) in &self.stub.variables {
            command.env(name, value);
        }
        command.env("TERM", "xterm");
        command.cwd(self.working_dir());
        let mut screen = PtySession::of(100, command);
        let mut answers = ANSWERS.to_vec();
        let mut end_of_last = 0;
        loop {
            let questions: Vec<_> = answers.iter().map(|(question, _)| *question).collect();
            let Some((which, at)) = screen.until_one_of(&questions, end_of_last) else { break };
            end_of_last = at;
            let (question, answer) = answers.remove(which);
            if question.starts_with("API key") {
                screen.until_asked_in_secret(question);
            } else {
                screen.until_read_by_keys(question);
            }
            screen.type_in(&format!("{answer}\r"));
        }
        let (exit, screen) = screen.end();
        CommandOutput {
            exit: i32::try_from(exit).expect("an exit code"),
            stdout: self.use_shown_addresses(&plain(&screen)),
            stderr: String::new(),
        }
    }

    /// Runs commands in one shell, as a person types them: a failure does not end the shell. Returns the exit code and
    /// the output of each, with both streams in their order.
    #[track_caller]
    pub(crate) fn run_each(&self, commands: &[String]) -> Vec<(i32, String)> {
        let run_one = |command: &String| {
            format!("(exit $last)\n{command}\nlast=$?\nprintf '{SEPARATOR}%s{SEPARATOR}' $last\n")
        };
        let script = format!("set +e; last=0\n{}", commands.iter().map(run_one).collect::<String>());
        let path = &self.stub.shown_output;
        let file = File::create(path).expect("a file");
        let copy = file.try_clone().expect("a second handle");
        let exit = self.run_shell(&self.keep_session(&script), (file, copy));
        let text = fs::read(path).expect("a file");
        let text = self.use_shown_addresses(&String::from_utf8_lossy(&text));
        let parts: Vec<_> = text.split(SEPARATOR).collect();
        let outputs = parts.chunks_exact(2);
        let outputs: Vec<_> =
            outputs.map(|pair| (pair[1].parse().expect("an exit code"), pair[0].to_owned())).collect();
        assert_eq!(outputs.len(), commands.len(), "the shell exited early, with {exit}:\n{text}");
        outputs
    }

    /// Wraps a script to restore the variables of the previous one and to save its own.
    fn keep_session(&self, script: &str) -> String {
        let exported = self.path("exported");
        let save = format!("export -p > '{0}'; pwd > '{0}.dir'", exported.display());
        let restore = if exported.exists() { format!(". '{}'\n", exported.display()) } else { String::new() };
        format!("{restore}trap \"{save}\" EXIT\n{}\n", self.use_real_addresses(script))
    }

    fn working_dir(&self) -> std::path::PathBuf {
        let dir = fs::read_to_string(self.path("exported.dir"));
        dir.map_or_else(|_| self.home(), |dir| dir.trim_end().into())
    }

    fn run_shell(&self, script: &str, (stdout, stderr): (File, File)) -> i32 {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-euc", script, "sh"]).current_dir(self.working_dir());
        shell.env_clear().envs(self.stub.variables.iter().cloned());
        // A pipe, since the stub recognizes background jobs by /dev/null.
        shell.stdin(Stdio::piped()).stdout(stdout).stderr(stderr).process_group(0);
        let mut child = shell.spawn().expect("a shell");
        drop(child.stdin.take());
        self.groups.lock().expect("groups").push(child.id());
        let mut status = None;
        until(&format!("the end of\n{script}"), || {
            status = child.try_wait().expect("a process");
            status.is_some()
        });
        status.and_then(|status| status.code()).unwrap_or(-1)
    }
}
