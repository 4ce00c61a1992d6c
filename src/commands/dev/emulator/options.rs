//! `--option NAME=VALUE`

use std::fmt::Write as _;

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
