//! `--option NAME=VALUE`

use std::ffi::OsStr;
use std::fmt::Write as _;

use clap_complete::engine::CompletionCandidate;

use crate::complete;
use crate::emulator::EmulatorOptions;
use crate::emulator::state::OptionInfo;

pub(super) fn parse_option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write an option and its value, such as list_lag=2s")?;
    EmulatorOptions::default().set(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Help for `--option` with all options and their defaults.
pub(super) fn options_help() -> String {
    let defaults = EmulatorOptions::default();
    let mut help =
        "Set an option of the emulator's behavior where the API's is not documented; can be repeated. The \
                    options and their defaults:\n"
            .to_owned();
    for option in OptionInfo::list() {
        let default = defaults.get(option.name).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(help, "\n{}={default}\n    {} ({})", option.name, option.help, option.format_values());
    }
    help
}

/// Completes the name of an option together with its values.
pub(super) fn complete_option(current: &OsStr) -> Vec<CompletionCandidate> {
    let pairs = OptionInfo::list().into_iter().flat_map(|OptionInfo { name, help, values }| {
        let only_name = values.is_empty().then(|| (format!("{name}="), help.to_owned()));
        let pairs = values.into_iter().map(move |(value, help)| (format!("{name}={value}"), help));
        only_name.into_iter().chain(pairs)
    });
    complete::filter(current, pairs)
}
