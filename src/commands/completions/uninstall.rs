//! `kustom completions uninstall`

use std::fs;
use std::io;

use super::install::cannot;
use super::place::{Done, Place, is_own, shell_or_own};
use super::startup;
use crate::commands::help::text::after_help;
use crate::complete::Shell;
use crate::context::App;
use crate::error::{Error, ExitStatus};

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
#[command(after_help = after_help(MORE))]
pub(super) struct Args {
    /// The shell; yours unless told otherwise
    #[arg(value_name = "SHELL", value_enum)]
    shell: Option<Shell>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { shell } = self;
        let shell = shell_or_own(shell)?;
        let mut done = Vec::new();
        for (index, place) in Place::all(shell)?.iter().enumerate() {
            let removed = remove(place, shell)?;
            // Where it would not be put now, only what was there is worth a word.
            done.extend(removed.into_iter().filter(|done| index == 0 || done.result != NOT_THERE));
        }
        app.output.print_list(done)?;
        Ok(ExitStatus::Success)
    }
}

/// What is said of what nobody has to take away.
const NOT_THERE: &str = "not there";

/// The line comes first: without the script it would be an error in every new shell.
fn remove(place: &Place, shell: Shell) -> Result<Vec<Done>, Error> {
    let line = match &place.startup {
        Some(file) => {
            let removed = startup::remove(file, &place.line(shell));
            let removed = removed.map_err(|reason| cannot("write", file, &reason))?;
            Some(Done::new(file, if removed { "line removed" } else { NOT_THERE }))
        }
        None => None,
    };
    let file = &place.script;
    let script = match fs::read(file) {
        Ok(there) if is_own(&there) => {
            fs::remove_file(file).map_err(|reason| cannot("remove", file, &reason))?;
            "removed"
        }
        Ok(_) => "kept: not a script of kustom's",
        Err(error) if error.kind() == io::ErrorKind::NotFound => NOT_THERE,
        Err(reason) => return Err(cannot("remove", file, &reason)),
    };
    Ok([Some(Done::new(file, script)), line].into_iter().flatten().collect())
}
