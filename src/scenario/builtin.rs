//! The built-in scenarios, and the example that `kustom dev run --init` writes.

/// Prefix of the built-in scenarios' file names.
pub(crate) const DIR: &str = "built-in/";

pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// File names and texts, in the order in which they run.
pub(crate) const FILES: [(&str, &str); 10] = [
    ("tap-outcomes.toml", include_str!("../../scenarios/tap-outcomes.toml")),
    ("second-try.toml", include_str!("../../scenarios/second-try.toml")),
    ("expiry.toml", include_str!("../../scenarios/expiry.toml")),
    ("cancel-against-pay.toml", include_str!("../../scenarios/cancel-against-pay.toml")),
    ("phone-offline.toml", include_str!("../../scenarios/phone-offline.toml")),
    ("pairing.toml", include_str!("../../scenarios/pairing.toml")),
    ("expired-code.toml", include_str!("../../scenarios/expired-code.toml")),
    ("two-open-sessions.toml", include_str!("../../scenarios/two-open-sessions.toml")),
    ("refused-cart.toml", include_str!("../../scenarios/refused-cart.toml")),
    ("refund.toml", include_str!("../../scenarios/refund.toml")),
];

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
