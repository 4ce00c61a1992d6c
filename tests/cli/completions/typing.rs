//! A shell in a pseudo-terminal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::common::prelude::*;

const PROMPT: &str = "READY>";

const DONE: &str = "-DONE-";

pub(crate) struct Typing {
    screen: PtySession,
    lines: usize,
}

pub(crate) fn find(shell: &str) -> Option<PathBuf> {
    let found = ["/usr/local/bin", "/usr/bin", "/bin"].map(|folder| Path::new(folder).join(shell));
    let found = found.into_iter().find(|path| path.exists());
    assert!(
        found.is_some() || std::env::var_os("EVERY_SHELL").is_none(),
        "{shell} is not installed, and EVERY_SHELL is set"
    );
    if found.is_none() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: {shell} is not on this machine");
    }
    found
}

pub(crate) fn env() -> TestEnv {
    let env = TestEnv::new().env("LC_ALL", "C.UTF-8");
    env.file(".bashrc", format!("PS1='{PROMPT} '\nbind 'set enable-bracketed-paste off' 2> /dev/null\neval \"$(kustom completions bash)\"\n"));
    env.file(
        ".zshrc",
        format!("PS1='{PROMPT} '\nunsetopt zle_bracketed_paste prompt_sp 2> /dev/null\nautoload -Uz compinit\ncompinit -u\neval \"$(kustom completions zsh)\"\n"),
    );
    env.file(
        ".config/fish/config.fish",
        format!("set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\nfunction fish_prompt; echo -n '{PROMPT} '; end\nkustom completions fish | source\n"),
    );
    let shown = env.file("bin/shown", format!("#!/bin/sh\nprintf '<%s>' \"$@\"; echo {DONE}\n"));
    set_mode(shown, 0o755);
    std::os::unix::fs::symlink(PROGRAM, env.path().join("bin/kustom")).expect("a link");
    env
}

impl Typing {
    pub(crate) fn start(shell: &Path, env: &TestEnv) -> Self {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", env.path().join("bin").display());
        let screen = PtySession::of_program(
            shell.as_os_str(),
            200,
            env,
            [OsStr::new("-i")],
            &[("PATH", &path), ("TERM", "xterm")],
        );
        screen.until(PROMPT);
        Self { screen, lines: 0 }
    }

    /// Types a line that contains Tab, and returns its words instead of running it.
    #[track_caller]
    pub(crate) fn words_of(&mut self, keys: &str) -> String {
        self.screen.type_in(keys);
        self.screen.type_in("\u{1}shown \r");
        self.lines += 1;
        let screen = self.screen.until_times(self.lines, &format!(">{DONE}"));
        let screen = plain(&screen);
        let end = screen.rfind(&format!(">{DONE}")).expect("the words");
        let begin = screen[..end].rfind("<kustom>").expect("the first word");
        screen[begin..=end].to_owned()
    }

    #[track_caller]
    pub(crate) fn offers(&mut self, keys: &str, expected: &[&str]) {
        self.screen.type_in(keys);
        for text in expected {
            self.screen.until(text);
        }
        self.screen.type_in("\u{3}");
    }
}
