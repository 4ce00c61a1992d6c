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
  kustom profiles use local          # commands run on the emulator from now on
  kustom profiles use shop           # back to an account

Next:
  kustom profiles show
";

/// Make a profile the active one
///
/// Commands use the active profile unless --profile or an environment variable names another one.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Profile name; `local` is built in
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

/// Finds a stored profile. The error lists the known names.
pub(super) fn find_profile<'a>(document: &'a Document, name: &str) -> Result<&'a Profile, Error> {
    document.profile(name).ok_or_else(|| {
        Error::usage(format!("there is no profile '{}'", crate::text::escape_control(name)))
            .hint(format!("the profiles are: {}", document.names().join(", ")))
    })
}
