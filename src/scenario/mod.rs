//! Scenarios: TOML files with steps and the results expected of them. `docs/scenarios.md` describes the format.
//!
//! `model`, `parse` and `assertions` are pure. `runner` sends the requests, to a private emulator or to an account.

pub(crate) mod assertions;
pub(crate) mod builtin;
mod deserialize;
pub(crate) mod model;
mod parse;
pub(crate) mod runner;

pub(crate) use assertions::Mismatch;
pub(crate) use model::Scenario;
pub(crate) use parse::parse;
