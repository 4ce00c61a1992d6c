//! `--option NAME=VALUE`

use std::ffi::OsStr;

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
    let options = OptionInfo::list().into_iter().map(|option| {
        let default = defaults.get(&option.name).unwrap_or_default();
        format!("\n{}={default}\n    {} ({})", option.name, option.help, option.format_values())
    });
    let intro = "Set an option of the emulator's behavior where the API's is not documented; can be repeated. The \
                 options and their defaults:\n";
    std::iter::once(intro.to_owned()).chain(options).collect()
}

/// Completes the name of an option together with its values.
pub(super) fn complete_option(current: &OsStr) -> Vec<CompletionCandidate> {
    let pairs = OptionInfo::list().into_iter().flat_map(|OptionInfo { name, help, values }| {
        let only_name = values.is_empty().then(|| (format!("{name}="), help));
        let pairs = values.into_iter().map(move |(value, help)| (format!("{name}={value}"), help));
        only_name.into_iter().chain(pairs)
    });
    complete::filter(current, pairs)
}
