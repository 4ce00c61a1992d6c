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
mod locations;
mod login;
mod profiles;
mod sessions;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{Error, Exit};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a profile: checks the key and stores it
    Login(login::Args),
    /// See, choose and remove profiles
    #[command(subcommand, visible_alias = "profile")]
    Profiles(profiles::Command),
    /// What is configured, where each value came from, and does it work
    Doctor(doctor::Args),
    /// The stores that devices stand in
    #[command(subcommand, visible_alias = "location")]
    Locations(locations::Command),
    /// The codes that pair a phone with the account
    #[command(subcommand, visible_alias = "enrollment")]
    Enrollments(enrollments::Command),
    /// The phones and terminals that take payments
    #[command(subcommand, visible_alias = "device")]
    Devices(devices::Command),
    /// Payments on a device
    #[command(subcommand, visible_alias = "session")]
    Sessions(sessions::Command),
    /// Simulated devices and payments; not on production
    #[command(subcommand)]
    Dev(dev::Command),
    /// Any call, with the profile's credentials and guards
    Api(api::Args),
    /// The whole flow on the embedded emulator, each command shown
    Demo(demo::Args),
}

impl Command {
    /// Whether it waits for something, so that `--timeout` is about the wait.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self, Self::Sessions(command) if command.waits())
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
            Self::Dev(command) => context.online(|online| command.run(online)),
            Self::Api(args) => context.online(|online| args.run(online)),
            Self::Demo(args) => args.run(context),
        }
    }
}
