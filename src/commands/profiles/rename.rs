use super::row::ProfileRow;
use super::use_profile::find_profile;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::profiles::{LOCAL, check_name};

/// Rename a profile
///
/// Its key and its other values stay the same.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles rename playground shop-test
  kustom profiles rename shop store-7

Next:
  kustom profiles list
"))]
pub(crate) struct Args {
    /// Profile to rename
    #[arg(value_name = "PROFILE", add = complete::stored_profiles())]
    name: String,
    /// New name
    #[arg(value_name = "NAME")]
    new_name: String,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { name, new_name } = self;
        if name == LOCAL {
            return Err(Error::usage("the profile 'local' is built in and cannot be renamed"));
        }
        check_name(&new_name).map_err(Error::usage)?;
        let row = app.settings.store().change(|document| {
            let profile = find_profile(document, &name)?.clone();
            if document.profile(&new_name).is_some() {
                return Err(Error::usage(format!("there is already a profile '{new_name}'"))
                    .hint(format!("choose another name, or remove it: kustom profiles remove {new_name}")));
            }
            document.rename(&name, &new_name);
            Ok::<_, Error>(ProfileRow::new(&new_name, document.active(), &profile))
        })?;
        app.output.print_item(&row)?;
        app.output.status(&format!("Renamed the profile '{name}' to '{new_name}'."));
        Ok(ExitStatus::Success)
    }
}
