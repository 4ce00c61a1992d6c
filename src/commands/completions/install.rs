//! `kustom completions install`

use std::fs;
use std::io;
use std::path::Path;

use super::place::{Done, Place, is_own, shell_or_own};
use super::startup;
use crate::commands::help::text::after_help;
use crate::complete::Shell;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::fs::{create_private_dir, io_error_message, parent_dir};
use crate::text::shell_quote;

const MORE: &str = "\
Examples:
  kustom completions install fish
  kustom completions install zsh --yes     # adds a line to ~/.zshrc without asking

Next:
  kustom completions uninstall
";

/// Put the script where the shell looks
///
/// bash and fish look in a folder of their own. For zsh, PowerShell and elvish a line is added to the file that they read
/// at their start: you are asked, and --yes answers; where nobody can be asked, the line is shown. What is there already
/// is left as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(super) struct Args {
    /// The shell; yours unless told otherwise
    #[arg(value_name = "SHELL", value_enum)]
    shell: Option<Shell>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let shell = shell_or_own(self.shell)?;
        let place = Place::of(shell)?;
        // Whoever interrupts a question has changed nothing.
        let agreed = place.startup.as_deref().map(|file| agree(file, &place.line(shell), app)).transpose()?;
        let script = Done::new(&place.script, put(&place.script, shell.script(), app)?);
        let startup = place.startup.as_deref().zip(agreed);
        let startup = startup.map(|(file, agreed)| add_line(file, &place.line(shell), agreed)).transpose()?;
        let is_left = startup.as_ref().is_some_and(|done| done.result == LEFT);
        app.output.print_list([Some(script), startup].into_iter().flatten())?;
        if is_left {
            let file = place
                .startup
                .as_deref()
                .map(|file| shell_quote(&file.display().to_string()))
                .unwrap_or_default();
            app.output.message(&format!("Add this line at the end of {file}:\n{}", place.line(shell)));
        } else {
            app.output.status(&format!("Open a new {} and try it: kustom, space, Tab.", shell.name()));
        }
        Ok(ExitStatus::Success)
    }
}

/// What is said of a line that is left to be added.
const LEFT: &str = "line missing";

fn put(file: &Path, script: &str, app: &App) -> Result<&'static str, Error> {
    let failed = |reason| cannot("write", file, &reason);
    let result = match fs::read(file) {
        Ok(there) if there == script.as_bytes() => return Ok("already there"),
        Ok(there) => {
            let question = format!("{} is not a script of kustom's; replace it?", file.display());
            if !is_own(&there) && !app.block_on(app.output.confirm(&question))? {
                return Err(Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was written"));
            }
            "replaced"
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => "written",
        Err(reason) => return Err(failed(reason)),
    };
    create_private_dir(parent_dir(file)).map_err(failed)?;
    fs::write(file, script).map_err(failed)?;
    Ok(result)
}

/// What is to be done with a file that the shell reads at its start.
#[derive(Debug, Clone, Copy)]
enum Agreed {
    Add,
    Leave,
    IsThere,
}

fn agree(file: &Path, line: &str, app: &App) -> Result<Agreed, Error> {
    if startup::has(file, line).map_err(|reason| cannot("read", file, &reason))? {
        return Ok(Agreed::IsThere);
    }
    let output = &*app.output;
    let question = format!("This line goes to the end of {}:\n  {line}", file.display());
    let agreed = output.assume_yes()
        || output.can_prompt() && app.block_on(output.ask_yes_no(&question, "Add it?", true))?;
    Ok(if agreed { Agreed::Add } else { Agreed::Leave })
}

fn add_line(file: &Path, line: &str, agreed: Agreed) -> Result<Done, Error> {
    Ok(Done::new(
        file,
        match agreed {
            Agreed::IsThere => "already there",
            Agreed::Leave => LEFT,
            Agreed::Add => {
                startup::add(file, line).map_err(|reason| cannot("write", file, &reason))?;
                "line added"
            }
        },
    ))
}

pub(super) fn cannot(action: &str, file: &Path, reason: &io::Error) -> Error {
    Error::usage(format!("cannot {action} {}: {}", file.display(), io_error_message(reason)))
}
