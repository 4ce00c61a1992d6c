//! The grammar: a folder a noun, a file a verb, each its arguments and its run.

mod api;
pub(crate) mod args;
mod demo;
mod dev;
mod devices;
mod doctor;
mod enrollments;
mod find;
mod list;
mod listen;
mod locations;
mod login;
mod profiles;
mod sessions;
mod webhooks;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Error, Exit};

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "the help of a command is that of its arguments")]
pub enum Command {
    Login(login::Args),
    #[command(subcommand, visible_alias = "profile")]
    Profiles(profiles::Command),
    Doctor(doctor::Args),
    #[command(subcommand, visible_alias = "location")]
    Locations(locations::Command),
    #[command(subcommand, visible_alias = "enrollment")]
    Enrollments(enrollments::Command),
    #[command(subcommand, visible_alias = "device")]
    Devices(devices::Command),
    #[command(subcommand, visible_alias = "session")]
    Sessions(sessions::Command),
    #[command(subcommand)]
    Dev(dev::Command),
    #[command(subcommand, visible_alias = "webhook")]
    Webhooks(webhooks::Command),
    Api(api::Args),
    Demo(demo::Args),
}

impl Command {
    /// Whether it waits for something, so that `--timeout` is about the wait.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Self::Sessions(command) => command.waits(),
            Self::Enrollments(command) => command.waits(),
            Self::Webhooks(command) => command.waits(),
            _ => false,
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// What the command gives.
    pub fn run(self, context: &Context) -> Result<Exit, Error> {
        match self {
            Self::Login(args) => args.run(context),
            Self::Profiles(command) => command.run(context),
            Self::Doctor(args) => args.run(context),
            Self::Locations(command) => context.online(|online| command.run(online)),
            Self::Enrollments(command) => context.online(|online| command.run(online)),
            Self::Devices(command) => context.online(|online| command.run(online)),
            Self::Sessions(command) => command.run(context),
            Self::Dev(command) => command.run(context),
            Self::Webhooks(command) => command.run(context),
            Self::Api(args) => context.online(|online| args.run(online)),
            Self::Demo(args) => args.run(context),
        }
    }
}
