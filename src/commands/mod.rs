//! The grammar: a folder a noun, a file a verb, each its arguments and its run.

mod api;
mod completions;
mod deferred;
mod demo;
mod dev;
mod devices;
mod doctor;
mod enrollments;
pub(crate) mod help;
mod list;
mod listen_address;
mod locations;
mod login;
mod profiles;
mod resolve;
mod sessions;
mod webhooks;

use clap::Subcommand;

use crate::context::App;
use crate::error::{Error, ExitStatus};
use deferred::Deferred;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a profile: checks the key and stores it.
    Login(Deferred<login::Args>),
    /// See, choose and remove profiles.
    #[command(subcommand, visible_alias = "profile")]
    Profiles(Deferred<profiles::Command>),
    /// What is configured, where each value came from, and does it work.
    Doctor(Deferred<doctor::Args>),
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
    /// Any call, with the profile's credentials and guards.
    Api(Deferred<api::Args>),
    /// The whole flow on the embedded emulator, each command shown.
    Demo(Deferred<demo::Args>),
    /// What Tab offers in your shell: commands, flags, and the names in your account.
    Completions(Deferred<completions::Args>),
    /// Explain a command or a topic.
    Help(Deferred<help::Args>),
}

impl Command {
    /// Runs the command; `root` is the complete grammar, which `help` describes.
    pub(crate) fn run(self, app: &App, root: impl FnOnce() -> clap::Command) -> Result<ExitStatus, Error> {
        match self {
            Self::Login(Deferred(args)) => args.run(app),
            Self::Profiles(Deferred(command)) => command.run(app),
            Self::Doctor(Deferred(args)) => args.run(app),
            Self::Locations(Deferred(command)) => app.run_with_api(|context| command.run(context)),
            Self::Enrollments(Deferred(command)) => command.run(app),
            Self::Devices(Deferred(command)) => app.run_with_api(|context| command.run(context)),
            Self::Sessions(Deferred(command)) => command.run(app),
            Self::Dev(Deferred(command)) => command.run(app),
            Self::Webhooks(Deferred(command)) => command.run(app),
            Self::Api(Deferred(args)) => app.run_with_api(|context| args.run(context)),
            Self::Demo(Deferred(args)) => args.run(app),
            Self::Completions(Deferred(args)) => args.run(app),
            Self::Help(Deferred(args)) => args.run(app, root()),
        }
    }
}
