//! `kustom completions`

mod install;
mod place;
mod startup;
mod uninstall;

use clap::Subcommand;

use crate::commands::help::text::after_help;
use crate::complete::Shell;
use crate::context::App;
use crate::error::{Error, ExitStatus};

const MORE: &str = "\
Examples:
  kustom completions install         # for the shell that you use
  kustom completions bash > kustom.bash

Next:
  kustom doctor                      # may the profile's key be used for them
";

/// What Tab offers in your shell: commands, flags, and the names in your account
///
/// Prints the script that makes a shell ask kustom what could come next; `kustom completions install` puts it where the
/// shell looks. Devices, locations and enrollments come from the account that the line is about, through a cache that is
/// a minute old at most where the API answers in time; sessions come from the journal. A production key, and one that a command
/// gives, are used for it only if the profile says `completions = true`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    /// The shell whose script is printed
    #[arg(value_name = "SHELL", value_enum, required = true)]
    shell: Option<Shell>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the script is put.
#[derive(Debug, Subcommand)]
enum Command {
    Install(install::Args),
    Uninstall(uninstall::Args),
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { shell, command } = self;
        match (command, shell) {
            (Some(Command::Install(args)), _) => args.run(app),
            (Some(Command::Uninstall(args)), _) => args.run(app),
            (None, Some(shell)) => {
                app.output.print(shell.script())?;
                Ok(ExitStatus::Success)
            }
            (None, None) => Err(Error::usage("no shell is named").hint("see `kustom completions --help`")),
        }
    }
}
