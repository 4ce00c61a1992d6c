//! `kustom`, the command line of Kustom In-Person Payments, as a library with a thin program on top.
//!
//! Data flows one way: arguments → settings → commands → model and flows → api → model → terminal. Errors rise
//! and are printed once, here.

mod api;
mod args;
mod callback_poster;
mod cli;
mod commands;
mod complete;
mod context;
pub mod emulator;
pub mod error;
mod fs;
mod global_args;
pub mod journal;
pub mod model;
mod output;
mod polling;
mod profiles;
mod scenario;
pub mod secret;
mod settings;
mod signals;
mod text;
mod version;
pub mod webhooks;

use std::ffi::{OsStr, OsString};
use std::mem::ManuallyDrop;

use clap::builder::StyledStr;
use clap::{FromArgMatches as _, ValueEnum as _};

use crate::cli::Cli;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::{ColorWhen, Format, Output, OutputOptions};
use crate::settings::Settings;

/// The root command with all its subcommands, for the documents that are generated from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs one command line and gives the process's exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(asked) = complete::requested_shell(&args) {
        return run_completion(&asked, &args);
    }
    report_panics(&args);
    match parse_args(&args) {
        Ok(cli) => run_parsed(cli),
        Err(error) => parse_failed(&error, &args),
    }
}

/// Answers a shell. It writes the answer over somebody's command line, so nothing else may come to it.
#[allow(clippy::exit, reason = "there is no way back from a panic")]
fn run_completion(asked: &OsStr, args: &[OsString]) -> u8 {
    std::panic::set_hook(Box::new(|_| std::process::exit(ExitStatus::Success.code().into())));
    if let Some(text) = complete::complete_line(asked, args) {
        let output = Output::new(fallback_options(Format::Table));
        // A shell that does not read it has no use for it.
        let _ = output.print(&text).and_then(|()| output.flush());
    }
    ExitStatus::Success.code()
}

fn parse_args(args: &[OsString]) -> Result<Cli, clap::Error> {
    // Taking the grammar apart would take as long as making it, and the process ends soon.
    // Documents are made of the grammar too, and should not tell who built them.
    let mut grammar = ManuallyDrop::new(Cli::command().long_version(version::BUILD));
    let mut matches = grammar.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut grammar))
}

fn run_parsed(cli: Cli) -> u8 {
    let Cli { global, command } = cli;
    let Some(command) = command else {
        return print_help(&Output::new(fallback_options(Format::Table)), &Cli::root_help());
    };
    let wanted = global.output.or_else(|| format_named(&output_variable()?)).unwrap_or(Format::Table);
    let settings = match Settings::resolve(global) {
        Ok(settings) => settings,
        Err(error) => return report_error(&Output::new(fallback_options(wanted)), &error),
    };
    let app = App::new(settings);
    let written = |exit: ExitStatus| match app.output.flush() {
        // Nobody reads any more, which changes nothing about how it ended.
        Err(error) if error.kind == ErrorKind::ClosedPipe => exit.code(),
        Err(error) => report_error(&app.output, &error),
        Ok(()) => exit.code(),
    };
    match command.run(&app, Cli::command) {
        Ok(exit) => written(exit),
        Err(error) => report_error(&app.output, &error),
    }
}

/// Help and version are data; anything else that the parser says is a usage error.
fn parse_failed(error: &clap::Error, args: &[OsString]) -> u8 {
    let output = Output::new(fallback_options(guess_format(args)));
    if !error.use_stderr() {
        let help = error.render();
        // The parser has it as it is written; what stands out in it is worth the time only where that can be seen.
        let is_map = output.has_colors() && help.ansi().to_string() == commands::help::text::ROOT_HELP;
        return print_help(&output, &if is_map { Cli::root_help() } else { help });
    }
    if !output.format().is_json() {
        output.parser_error(error);
        return ErrorKind::Usage.code();
    }
    report_error(&output, &Error::from(error).hint("see `kustom help`, or add --help to the command"))
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

/// How to talk before it is known how to.
const fn fallback_options(format: Format) -> OutputOptions {
    OutputOptions { format, quiet: false, verbosity: 0, color: ColorWhen::Auto, no_input: true, yes: false }
}

/// The format of errors about arguments that could not be parsed: whatever looks like `-o` is taken for it.
fn guess_format(args: &[OsString]) -> Format {
    let texts: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let flag = texts.iter().enumerate().find_map(|(index, text)| match *text {
        "-o" | "--output" => texts.get(index + 1).copied(),
        text => text.strip_prefix("--output=").or_else(|| text.strip_prefix("-o")),
    });
    let named = flag.map(str::to_owned).or_else(output_variable);
    named.and_then(|name| format_named(name.trim_start_matches('='))).unwrap_or(Format::Table)
}

fn format_named(name: &str) -> Option<Format> {
    Format::from_str(name, false).ok()
}

fn output_variable() -> Option<String> {
    std::env::var("KUSTOM_OUTPUT").ok()
}

/// A panic is a bug: it is reported as one, without a backtrace and without the values that were at hand, and ends the
/// program. Nothing is unwound, which a release build could not do: the tables for it would be a seventh of the program.
#[allow(clippy::exit, reason = "there is no way back from a panic, and no other exit code to be had")]
fn report_panics(args: &[OsString]) {
    let format = guess_format(args);
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let error = Error::new(ErrorKind::Bug, format!("this is a bug in kustom ({place})"))
            .hint("please report it with the command you typed and the output of `kustom doctor`");
        Output::new(fallback_options(format)).error(&error);
        std::process::exit(ErrorKind::Bug.code().into());
    }));
}
