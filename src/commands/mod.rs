//! The grammar: a folder a noun, a file a verb, each its arguments and its run.

mod api;
pub(crate) mod args;
mod deferred;
mod demo;
mod dev;
mod devices;
mod doctor;
mod enrollments;
mod find;
pub(crate) mod help;
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
use deferred::Deferred;

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "the help of a command without verbs is that of its arguments")]
pub enum Command {
    Login(login::Args),
    /// See, choose and remove profiles.
    #[command(subcommand, visible_alias = "profile")]
    Profiles(Deferred<profiles::Command>),
    Doctor(doctor::Args),
    /// The stores that devices stand in.
    #[command(subcommand, visible_alias = "location")]
    Locations(Deferred<locations::Command>),
    /// The codes that pair a phone with the account.
    #[command(subcommand, visible_alias = "enrollment")]
    Enrollments(Deferred<enrollments::Command>),
    /// The phones and terminals that take payments.
    #[command(subcommand, visible_alias = "device")]
    Devices(Deferred<devices::Command>),
    /// Payments on a device.
    #[command(subcommand, visible_alias = "session")]
    Sessions(Deferred<sessions::Command>),
    /// Simulated devices and payments; not on production.
    #[command(subcommand)]
    Dev(Deferred<dev::Command>),
    /// Callbacks: receive them, or check one.
    #[command(subcommand, visible_alias = "webhook")]
    Webhooks(Deferred<webhooks::Command>),
    Api(api::Args),
    Demo(demo::Args),
    Help(help::Args),
}

impl Command {
    /// Whether it waits for something, so that `--timeout` is about the wait.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Self::Sessions(Deferred(command)) => command.waits(),
            Self::Enrollments(Deferred(command)) => command.waits(),
            Self::Webhooks(Deferred(command)) => command.waits(),
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
            Self::Profiles(Deferred(command)) => command.run(context),
            Self::Doctor(args) => args.run(context),
            Self::Locations(Deferred(command)) => context.online(|online| command.run(online)),
            Self::Enrollments(Deferred(command)) => context.online(|online| command.run(online)),
            Self::Devices(Deferred(command)) => context.online(|online| command.run(online)),
            Self::Sessions(Deferred(command)) => command.run(context),
            Self::Dev(Deferred(command)) => command.run(context),
            Self::Webhooks(Deferred(command)) => command.run(context),
            Self::Api(args) => context.online(|online| args.run(online)),
            Self::Demo(args) => args.run(context),
            Self::Help(args) => args.run(context),
        }
    }
}
