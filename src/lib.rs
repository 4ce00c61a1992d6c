//! The command line of Kustom In-Person Payments: a library with a thin program on top.
//!
//! Data flows one way: arguments → settings → commands → model and polling → api → output. Errors rise and are printed
//! once, here.

mod api;
mod args;
mod callback_poster;
mod child;
mod cli;
mod commands;
mod complete;
mod context;
mod deadline;
mod deliveries;
pub mod emulator;
pub mod error;
mod fs;
mod global_args;
mod http_client;
mod in_process;
pub mod ledger;
mod local_server;
pub mod model;
mod output;
mod page;
mod polling;
mod profiles;
mod scenario;
pub mod secret;
mod settings;
mod signals;
mod text;
mod version;
pub mod webhooks;

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{FromArgMatches as _, ValueEnum as _};

use crate::cli::Cli;
use crate::commands::{Command, command_suggestions, help};
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::global_args::GlobalArgs;
use crate::output::{Format, Output, OutputOptions};
use crate::settings::Settings;

/// Builds the root command with every subcommand and its help, for the documents that are generated from it.
pub fn command() -> clap::Command {
    help::set_templates(cli::command())
}

/// Runs a command line and returns the exit code of the process.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if complete::run(&args, cli::command) {
        return ExitStatus::Success.code();
    }
    let format = guess_format(&args);
    report_panics(format);
    let parsed = parse(&args).or_else(|error| match command_suggestions::replace_synonym(&error, &args) {
        Some(args) => parse(&args),
        None => Err(error),
    });
    let parsed = parsed.map_err(command_suggestions::escape_values);
    match parsed {
        Ok(Cli { global, command: Some(command) }) => run_command(command, global, format),
        Ok(Cli { command: None, .. }) => {
            print_help(&early_output(Format::Table, None), &command().render_help())
        }
        Err(error) if !error.use_stderr() => print_help(&early_output(Format::Table, None), &error.render()),
        Err(error) if is_verb_missing(&error) && !format.is_json() => {
            early_output(format, None).print_help_as_error(&error.render());
            ErrorKind::Usage.code()
        }
        Err(error) => report_error(
            &early_output(format, guess_profile(&args)),
            &command_suggestions::explain(&error, &args),
        ),
    }
}

/// Whether a noun was typed without a verb.
fn is_verb_missing(error: &clap::Error) -> bool {
    error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Parses a command line. Only help needs the layout of the help, which takes longer than most commands.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let parse_with = |root: clap::Command| {
        // Only here, because generated documents must not depend on the build.
        let mut root = root.long_version(version::BUILD);
        let mut matches = root.try_get_matches_from_mut(args)?;
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut root))
    };
    parse_with(cli::command()).or_else(|error| {
        let needs_layout = error.kind() == clap::error::ErrorKind::DisplayHelp || is_verb_missing(&error);
        if needs_layout { parse_with(command()) } else { Err(error) }
    })
}

fn run_command(command: Command, global: GlobalArgs, format: Format) -> u8 {
    let settings = match Settings::resolve(global) {
        Ok(settings) => settings,
        Err(error) => return report_error(&early_output(format, None), &error),
    };
    let app = App::new(settings);
    warn_about_time_zone(&app.output);
    let result = command.run(&app).and_then(|exit| match app.output.flush() {
        // A reader that closes the pipe early does not change the outcome.
        Err(error) if error.kind == ErrorKind::ClosedPipe => Ok(exit),
        flushed => flushed.map(|()| exit),
    });
    match result {
        Ok(exit) => exit.code(),
        Err(mut error) => {
            if error.kind == ErrorKind::Interrupted && signals::is_terminated() {
                error.kind = ErrorKind::Terminated;
            }
            report_error(&app.output, &error)
        }
    }
}

/// An invalid time zone would silently be UTC.
fn warn_about_time_zone(output: &Output) {
    let Some(zone) = std::env::var_os("TZ").filter(|zone| !zone.is_empty()) else { return };
    if jiff::tz::TimeZone::try_system().is_err() {
        let zone = zone.to_string_lossy();
        output.warn(&format!("TZ is '{zone}', which is not a time zone, so times are in UTC"));
    }
}

fn print_help(output: &Output, help: &StyledStr) -> u8 {
    match output.print_styled(help).and_then(|()| output.flush()) {
        Ok(()) => ExitStatus::Success.code(),
        Err(error) => report_error(output, &error),
    }
}

fn report_error(output: &Output, error: &Error) -> u8 {
    if error.kind != ErrorKind::ClosedPipe {
        output.error(error);
    }
    error.kind.code()
}

/// Returns the output that is used before the settings are resolved.
fn early_output(format: Format, profile: Option<String>) -> Output {
    Output::new(OutputOptions { format, no_input: true, profile, ..OutputOptions::default() })
}

/// Guesses the format for errors that come before the settings are resolved: arguments that cannot be parsed may still
/// contain `-o`.
fn guess_format(args: &[OsString]) -> Format {
    let has_jq = args.iter().any(|arg| arg == "--jq" || arg.to_string_lossy().starts_with("--jq="));
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    let flag = args.find_map(|arg| match arg {
        "-o" | "--output" => Some(None),
        arg => arg.strip_prefix("--output=").or_else(|| arg.strip_prefix("-o")).map(Some),
    });
    let has_flag = flag.is_some();
    let name = match flag {
        None if has_jq => None,
        Some(value) => value.or_else(|| args.next()).map(str::to_owned),
        None => std::env::var("KUSTOM_OUTPUT").ok(),
    };
    let format = name.and_then(|name| Format::from_str(name.trim_start_matches('='), false).ok());
    format.unwrap_or(if has_jq && !has_flag { Format::Json } else { Format::Table })
}

/// Guesses the profile for errors of arguments that cannot be parsed, whose hints keep it.
fn guess_profile(args: &[OsString]) -> Option<String> {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    let value = args.find_map(|arg| match arg {
        "--profile" => Some(None),
        arg => arg.strip_prefix("--profile=").map(|name| Some(name.to_owned())),
    })?;
    value.or_else(|| args.next().map(str::to_owned))
}

/// Reports a panic as a bug, without a backtrace and without the values at hand, which may be secret, and exits.
#[allow(clippy::exit, reason = "a release build aborts at a panic, with another exit code")]
fn report_panics(format: Format) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let error = Error::new(ErrorKind::Bug, format!("this is a bug in kustom ({place})"))
            .hint("please report it with the command you typed and the output of `kustom doctor`");
        early_output(format, None).error(&error);
        std::process::exit(ErrorKind::Bug.code().into());
    }));
}
