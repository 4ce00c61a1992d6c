//! The commands: a folder for each noun, a file for each verb with its arguments and its run.

mod api;
pub(crate) mod command_suggestions;
mod completions;
mod deferred;
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
mod spreadsheet;
mod webhooks;

use clap::Subcommand;

use crate::context::App;
use crate::error::{Error, ExitStatus};
use deferred::Deferred;

// The singular nouns, and words that people type for a noun, are hidden aliases: clap_complete would offer others instead of
// the noun.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Login(login::Args),
    #[command(subcommand, aliases = ["profile", "accounts", "account"])]
    Profiles(Deferred<profiles::Command>),
    Doctor(doctor::Args),
    #[command(subcommand, aliases = ["location", "stores", "store"])]
    Locations(Deferred<locations::Command>),
    #[command(subcommand, aliases = ["enrollment", "enrolments", "enrolment"])]
    Enrollments(Deferred<enrollments::Command>),
    #[command(subcommand)]
    #[command(aliases = ["device", "phones", "phone", "tills", "till", "terminals", "terminal"])]
    Devices(Deferred<devices::Command>),
    #[command(subcommand, aliases = ["session", "payments", "payment"])]
    Sessions(Deferred<sessions::Command>),
    #[command(subcommand, alias = "order")]
    Orders(Deferred<orders::Command>),
    #[command(subcommand, alias = "payout")]
    Payouts(Deferred<payouts::Command>),
    Report(Box<report::Args>),
    #[command(subcommand)]
    Ledger(Deferred<ledger::Command>),
    #[command(subcommand)]
    Dev(Deferred<dev::Command>),
    #[command(subcommand, alias = "webhook")]
    Webhooks(Deferred<webhooks::Command>),
    Api(api::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Help(help::Args),
}

impl Command {
    pub(crate) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        match self {
            Self::Login(args) => args.run(app),
            Self::Profiles(Deferred(command)) => command.run(app),
            Self::Doctor(args) => args.run(app),
            Self::Locations(Deferred(command)) => app.run_with_api(|context| command.run(context)),
            Self::Enrollments(Deferred(command)) => command.run(app),
            Self::Devices(Deferred(command)) => app.run_with_api(|context| command.run(context)),
            Self::Sessions(Deferred(command)) => command.run(app),
            Self::Ledger(Deferred(command)) => command.run(app),
            Self::Report(args) => args.run(app),
            Self::Payouts(Deferred(command)) => app.run_with_api(|context| command.run(context)),
            Self::Orders(Deferred(command)) => {
                let context = app.connect()?;
                app.block_on_with_cleanup(command.run(&context))
            }
            Self::Dev(Deferred(command)) => command.run(app),
            Self::Webhooks(Deferred(command)) => command.run(app),
            Self::Api(args) => app.run_with_api(|context| args.run(context)),
            Self::Demo(args) => args.run(app),
            Self::Completions(args) => args.run(app),
            Self::Help(args) => args.run(app),
        }
    }
}
