//! `kustom profiles use`

use super::row::Row;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::profiles::{Document, Environment, LOCAL, Profile};

/// Use a profile whenever none is asked for
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The profile; `local` is built in
    #[arg(value_name = "NAME")]
    name: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { name } = self;
        let row = context.settings.store().change(|document| {
            let profile = existing(document, &name)?;
            document.set_active(Some(&name));
            Ok::<_, Error>(Row::new(&name, Some(&name), &profile))
        })?;
        context.terminal.one(&row)?;
        let shadow = context.settings.variables.profile.as_deref().filter(|other| *other != name);
        if let Some(other) = shadow {
            context
                .terminal
                .warn(&format!("KUSTOM_PROFILE is set, so '{other}' is used instead of '{name}'"));
        }
        Ok(Exit::Done)
    }
}

/// The profile of this name, or an error that lists those there are.
pub(super) fn existing(document: &Document, name: &str) -> Result<Profile, Error> {
    if name == LOCAL {
        return Ok(Profile::new(Environment::Local));
    }
    document.profile(name).cloned().ok_or_else(|| {
        let known: Vec<_> = document.profiles().map(|(name, _)| name).chain([LOCAL]).collect();
        Error::usage(format!("there is no profile '{}'", crate::text::visible(name)))
            .hint(format!("the profiles are: {}", known.join(", ")))
    })
}
