//! `kustom profiles use`

use super::row::ProfileRow;

use clap_complete::engine::ArgValueCompleter;

use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::profiles::{Document, LOCAL, Profile};

const MORE: &str = "\
Examples:
  kustom profiles use local          # from now on, every command runs on the emulator
  kustom profiles use shop           # and back again

Next:
  kustom profiles show
";

/// Use a profile whenever none is asked for
///
/// For a single command another one is named with --profile, or in a variable.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The profile; `local` is built in
    #[arg(add = ArgValueCompleter::new(complete::profiles))]
    #[arg(value_name = "PROFILE")]
    name: String,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { name } = self;
        let row = app.settings.store().change(|document| {
            let row = if name == LOCAL {
                ProfileRow::built_in(Some(&name))
            } else {
                ProfileRow::new(&name, Some(&name), find_profile(document, &name)?)
            };
            document.set_active(Some(&name));
            Ok::<_, Error>(row)
        })?;
        app.output.print_item(&row)?;
        let shadow = app.settings.variables.profile.as_deref().filter(|other| *other != name);
        if let Some(other) = shadow {
            app.output.warn(&format!("KUSTOM_PROFILE is set, so '{other}' is used instead of '{name}'"));
        }
        Ok(ExitStatus::Success)
    }
}

/// The stored profile of this name, or an error that lists those there are.
pub(super) fn find_profile<'a>(document: &'a Document, name: &str) -> Result<&'a Profile, Error> {
    document.profile(name).ok_or_else(|| {
        let known: Vec<_> = document.profiles().map(|(name, _)| name).chain([LOCAL]).collect();
        Error::usage(format!("there is no profile '{}'", crate::text::escape_control(name)))
            .hint(format!("the profiles are: {}", known.join(", ")))
    })
}
