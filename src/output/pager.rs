//! The pager, which shows a list that is longer than the screen.

use std::io::Write as _;
use std::process::{Command, Stdio};

use dialoguer::console::Term;

use super::Output;
use super::options::is_dumb;
use crate::error::Error;

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
            // It fails if the user quits before the end.
            let _ = writeln!(stdin, "{text}");
        }
        let _ = child.wait();
        Ok(true)
    }
}
