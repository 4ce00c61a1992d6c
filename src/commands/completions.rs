use crate::commands::help::text::after_help;
use crate::complete::Shell;
use crate::context::App;
use crate::error::{Error, ExitStatus};

/// Print the completion script of a shell
///
/// With it, Tab completes commands, flags, and the names of devices, locations, enrollments, sessions and profiles. Names
/// come from the account of the profile on the line, through a cache that is refreshed every minute; sessions come from
/// the ledger. A production key, and a key from a command, are used only if the profile sets `completions = true`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom completions bash > kustom.bash
  kustom completions fish > kustom.fish

Next:
  kustom doctor                      # whether completions may use the profile's key
"))]
pub(crate) struct Args {
    /// Shell that loads the script
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { shell } = self;
        app.output.print_bytes(shell.script().as_bytes())?;
        if app.output.is_terminal() {
            let (line, file) = shell.startup_line();
            app.output.status(&format!(
                "To load completions in every new shell, add this line to {file}:\n  {line}"
            ));
        }
        Ok(ExitStatus::Success)
    }
}
