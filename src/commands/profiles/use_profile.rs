use super::row::ProfileRow;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Choice;
use crate::profiles::{Document, LOCAL, Profile};

/// Make a profile the active one
///
/// Commands use the active profile unless --profile or an environment variable names another one.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles use local          # commands run on the emulator from now on
  kustom profiles use shop           # back to an account

Next:
  kustom profiles show
"))]
pub(crate) struct Args {
    /// Profile name; `local` is built in [default: select from a list]
    #[arg(value_name = "PROFILE", add = complete::profiles())]
    name: Option<String>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let name = match self.name {
            Some(name) => name,
            None => select_profile(true, app)?,
        };
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
        app.output.status(&format!("Commands now use the profile '{name}' ({}).", row.environment));
        let shadow = app.settings.variables.profile.as_deref().filter(|other| *other != name);
        if let Some(other) = shadow {
            app.output.warn(&format!("KUSTOM_PROFILE is set, so '{other}' is used instead of '{name}'"));
        }
        Ok(ExitStatus::Success)
    }
}

/// Lets the user pick a profile.
pub(super) fn select_profile(with_local: bool, app: &App) -> Result<String, Error> {
    if !app.output.can_prompt() {
        return Err(Error::usage("no profile is given").hint("name one; `kustom profiles list` lists them"));
    }
    let document = app.settings.store().read()?;
    let stored = document.profiles().map(|(name, profile)| (name, profile.environment.as_str()));
    let profiles = stored.chain(with_local.then_some((LOCAL, "emulator")));
    let choices: Vec<_> = profiles
        .map(|(name, environment)| {
            let active = if document.active() == Some(name) { "active" } else { "" };
            (Choice::new(name, active).detail(environment), name.to_owned())
        })
        .collect();
    if choices.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there are no profiles to choose from")
            .hint("add one with `kustom login`"));
    }
    app.block_on(app.output.select("Profile", choices))
}

/// Finds a stored profile. The error lists the known names.
pub(super) fn find_profile<'a>(document: &'a Document, name: &str) -> Result<&'a Profile, Error> {
    document.profile(name).ok_or_else(|| {
        Error::usage(format!("there is no profile '{name}'"))
            .hint(format!("the profiles are: {}", document.names().join(", ")))
    })
}
