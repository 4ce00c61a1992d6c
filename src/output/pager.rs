//! The pager, which shows a list that is longer than the screen.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use dialoguer::console::Term;

use super::Output;
use super::options::is_dumb;
use crate::error::{Error, ErrorKind};
use crate::signals::is_terminated;

/// Exits at once if the list fits, keeps colors, and leaves the list on the screen.
const DEFAULT_PAGER: &str = "less -FRX";

impl Output {
    pub(super) fn needs_pager(&self, lines: usize) -> bool {
        let can_page = self.terminals.stdout && self.terminals.stdin && !is_dumb();
        can_page && lines >= usize::from(Term::stdout().size().0)
    }

    /// Shows a text in the pager. Returns false if there is none.
    pub(super) fn run_pager(&self, text: &str) -> Result<bool, Error> {
        let variable = || std::env::var("PAGER").ok().filter(|pager| !pager.is_empty());
        let pager = self.options.pager.clone().or_else(variable);
        let pager = pager.unwrap_or_else(|| DEFAULT_PAGER.to_owned());
        let words = shell_words::split(&pager).unwrap_or_default();
        let [program, args @ ..] = words.as_slice() else { return Ok(false) };
        if program == "cat" {
            return Ok(false);
        }
        self.flush()?;
        let Ok(mut child) = Command::new(program).args(args).stdin(Stdio::piped()).spawn() else {
            return Ok(false);
        };
        if let Some(mut stdin) = child.stdin.take() {
            let text = text.to_owned();
            // On its own thread, because the pager may stop reading. It fails if the user quits before the end.
            thread::spawn(move || drop(writeln!(stdin, "{text}")));
        }
        wait_for_pager(&mut child);
        if is_terminated() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(true)
    }
}

/// Waits until the user quits. Ctrl-C belongs to the pager, but SIGTERM ends it.
fn wait_for_pager(child: &mut Child) {
    const INTERVAL: Duration = Duration::from_millis(20);
    while let Ok(None) = child.try_wait() {
        if is_terminated() {
            terminate(child);
            // It may have exited already.
            let _ = child.wait();
            return;
        }
        thread::sleep(INTERVAL);
    }
}

/// Lets the pager restore the terminal.
#[cfg(unix)]
fn terminate(child: &mut Child) {
    const GRACE: Duration = Duration::from_millis(200);
    let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if process
        .is_some_and(|process| rustix::process::kill_process(process, rustix::process::Signal::TERM).is_ok())
    {
        thread::sleep(GRACE);
    }
    let _ = child.kill();
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    let _ = child.kill();
}
