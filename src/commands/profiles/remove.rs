use super::use_profile::{find_profile, select_profile};
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::profiles::{Environment, LOCAL};

/// Remove profiles with their keys
///
/// The key stays valid. Revoke it in the portal if nothing else uses it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles remove vault
  kustom profiles remove shop playground       # if one does not exist, none is removed

Next:
  kustom profiles list
"))]
pub(crate) struct Args {
    /// Names of profiles [default: select from a list]
    #[arg(value_name = "PROFILE", add = complete::stored_profiles())]
    names: Vec<String>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { mut names } = self;
        if names.is_empty() {
            names.push(select_profile(false, app)?);
        }
        if names.iter().any(|name| name == LOCAL) {
            return Err(Error::usage("the profile 'local' is built in and cannot be removed"));
        }
        let store = app.settings.store();
        let document = store.read()?;
        for name in &names {
            let profile = find_profile(&document, name)?;
            if profile.environment == Environment::Production {
                let question = format!("Remove the profile '{name}' with its production key?");
                app.block_on(app.output.confirm(&question))?;
            }
        }
        store.change(|document| {
            for name in &names {
                // Another process may have removed it in the meantime.
                document.remove(name);
            }
            Ok::<_, Error>(())
        })?;
        let removed: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        app.output.print_list(names.into_iter().map(|id| ActionResult {
            id,
            object: "profile",
            result: "removed",
        }))?;
        app.output.status(&format!("Removed {}.", removed.join(", ")));
        Ok(ExitStatus::Success)
    }
}
