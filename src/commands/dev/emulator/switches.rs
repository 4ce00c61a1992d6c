//! The switches on the command line.

use std::fmt::Write as _;

use crate::emulator::Switches;
use crate::emulator::state::{SWITCHES, Switch};

/// A switch and a value it can have.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write a switch and its value, such as list_lag=2s")?;
    Switches::default().set(name, value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// All of them with their defaults, for the help.
pub(super) fn help() -> String {
    let default = Switches::default();
    let mut text =
        "Decide what the description of the API leaves open; can be repeated. NAME=DEFAULT decides:\n"
            .to_owned();
    for Switch { name, decides, values } in SWITCHES {
        let value = default.get(name).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name}={value}\n    {decides} ({values})");
    }
    text
}
