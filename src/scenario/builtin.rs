//! The scenarios that are part of the program, and the one that a first file begins with.

use super::model::Scenario;
use super::parse::parse;
use super::toml_reader::Diagnostic;

/// What stands in front of their names where they are shown.
pub(crate) const FOLDER: &str = "built-in/";

/// A first scenario, with comments.
pub(crate) const TEMPLATE: &str = include_str!("first.toml");

/// File name and text of each, in the order in which they are run.
pub(crate) const BUILTIN: [(&str, &str); 9] = [
    ("tap-outcomes.toml", include_str!("../../scenarios/tap-outcomes.toml")),
    ("second-try.toml", include_str!("../../scenarios/second-try.toml")),
    ("expiry.toml", include_str!("../../scenarios/expiry.toml")),
    ("cancel-against-pay.toml", include_str!("../../scenarios/cancel-against-pay.toml")),
    ("phone-offline.toml", include_str!("../../scenarios/phone-offline.toml")),
    ("pairing.toml", include_str!("../../scenarios/pairing.toml")),
    ("expired-code.toml", include_str!("../../scenarios/expired-code.toml")),
    ("two-open-sessions.toml", include_str!("../../scenarios/two-open-sessions.toml")),
    ("refused-cart.toml", include_str!("../../scenarios/refused-cart.toml")),
];

/// All of them.
pub(crate) fn scenarios() -> Result<Vec<Scenario>, (String, Vec<Diagnostic>)> {
    let read = |(name, text): &(&str, &str)| {
        let file = format!("{FOLDER}{name}");
        parse(text, &file).map_err(|mistakes| (file, mistakes))
    };
    BUILTIN.iter().map(read).collect()
}

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
