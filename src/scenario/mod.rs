//! Scenarios: steps of a sale, and what is expected after each of them, in a file.
//!
//! `model` and `act` say what a scenario is, `parse` makes one of a text and names every mistake in it, `judge` compares what a
//! step came to with what was expected of it: all three are pure. `play` carries the steps out, on an emulator with a
//! clock of its own or on an account. The format is told to people in `docs/scenarios.md`.

pub(crate) mod act;
pub(crate) mod judge;
pub(crate) mod model;
mod parse;
pub(crate) mod play;
mod read;
pub(crate) mod shipped;

pub(crate) use judge::Mismatch;
pub(crate) use model::Scenario;
pub(crate) use parse::parse;
pub(crate) use read::Diagnostic;
