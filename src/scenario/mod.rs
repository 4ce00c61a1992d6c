//! Scenarios: steps of a sale, and what is expected after each of them, in a file.
//!
//! `model` and `act` say what a scenario is, `parse` makes one of a text and names every mistake in it, `judge` compares what a
//! step came to with what was expected of it: all three are pure. `play` carries the steps out, on an emulator with a
//! clock of its own or on an account. The format is told to people in `docs/scenarios.md`.

pub(crate) mod action;
pub(crate) mod assertions;
pub(crate) mod builtin;
pub(crate) mod model;
mod parse;
pub(crate) mod runner;
mod toml_reader;

pub(crate) use assertions::Mismatch;
pub(crate) use model::Scenario;
pub(crate) use parse::parse;
pub(crate) use toml_reader::Diagnostic;
