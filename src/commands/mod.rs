//! The commands: a folder for each noun, a file for each verb with its arguments and its run.

mod api;
pub(crate) mod command_suggestions;
mod completions;
mod demo;
mod dev;
mod devices;
mod doctor;
mod enrollments;
pub(crate) mod help;
mod ledger;
mod list;
mod listen_address;
mod locations;
mod login;
mod names;
mod orders;
mod payouts;
mod profiles;
mod report;
mod resolve;
mod sales;
mod sessions;
mod webhooks;

use clap::Subcommand;

use crate::context::App;
use crate::error::{Error, ExitStatus};

// The singular nouns are hidden aliases: clap_complete would offer them instead of the plural.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Login(login::Args),
    #[command(subcommand, alias = "profile")]
    Profiles(profiles::Command),
    Doctor(doctor::Args),
    #[command(subcommand, alias = "location")]
    Locations(locations::Command),
    #[command(subcommand, alias = "enrollment")]
    Enrollments(enrollments::Command),
    #[command(subcommand, alias = "device")]
    Devices(devices::Command),
    #[command(subcommand, alias = "session")]
    Sessions(sessions::Command),
    #[command(subcommand, alias = "order")]
    Orders(orders::Command),
    #[command(subcommand, alias = "payout")]
    Payouts(payouts::Command),
    Report(Box<report::Args>),
    #[command(subcommand)]
    Ledger(ledger::Command),
    #[command(subcommand)]
    Dev(dev::Command),
    #[command(subcommand, alias = "webhook")]
    Webhooks(webhooks::Command),
    Api(api::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Help(help::Args),
}

impl Command {
    /// Runs the command; `root` is the root command, which `help` prints the help of.
    pub(crate) fn run(self, app: &App, root: clap::Command) -> Result<ExitStatus, Error> {
        match self {
            Self::Login(args) => args.run(app),
            Self::Profiles(command) => command.run(app),
            Self::Doctor(args) => args.run(app),
            Self::Locations(command) => app.run_with_api(|context| command.run(context)),
            Self::Enrollments(command) => command.run(app),
            Self::Devices(command) => app.run_with_api(|context| command.run(context)),
            Self::Sessions(command) => command.run(app),
            Self::Ledger(command) => command.run(app),
            Self::Report(args) => args.run(app),
            Self::Payouts(command) => app.run_with_api(|context| command.run(context)),
            Self::Orders(command) => app.run_with_api(async |context| command.run(&context).await),
            Self::Dev(command) => command.run(app),
            Self::Webhooks(command) => command.run(app),
            Self::Api(args) => app.run_with_api(|context| args.run(context)),
            Self::Demo(args) => args.run(app),
            Self::Completions(args) => args.run(app),
            Self::Help(args) => args.run(app, root),
        }
    }
}
