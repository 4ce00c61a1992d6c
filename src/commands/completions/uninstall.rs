//! `kustom completions uninstall`

use std::fs;
use std::io;

use super::install::cannot;
use super::place::{Done, Place, is_own, shell_or_own};
use super::startup;
use crate::commands::help::text::more;
use crate::completion::Shell;
use crate::context::Context;
use crate::error::{Error, Exit};

const MORE: &str = "\
Examples:
  kustom completions uninstall fish
  kustom completions uninstall zsh --yes

Next:
  kustom completions install
";

/// Take away what install has put somewhere
///
/// Files that are not kustom's stay as they are, and of a file that the shell reads at its start only the line is taken out.
#[derive(Debug, clap::Args)]
#[command(after_help = more(MORE))]
pub(super) struct Args {
    /// The shell; yours unless told otherwise
    #[arg(value_name = "SHELL", value_enum)]
    shell: Option<Shell>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let shell = shell_or_own(self.shell)?;
        let place = Place::of(shell)?;
        let file = &place.script;
        let script = match fs::read(file) {
            Ok(there) if is_own(&there) => {
                fs::remove_file(file).map_err(|reason| cannot("remove", file, &reason))?;
                "removed"
            }
            Ok(_) => "kept: not a script of kustom's",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "not there",
            Err(reason) => return Err(cannot("remove", file, &reason)),
        };
        let mut done = vec![Done::new(file, script)];
        if let Some(file) = &place.startup {
            let removed = startup::remove(file, &place.line(shell));
            let removed = removed.map_err(|reason| cannot("write", file, &reason))?;
            done.push(Done::new(file, if removed { "line removed" } else { "not there" }));
        }
        context.terminal.all(done)?;
        Ok(Exit::Done)
    }
}
