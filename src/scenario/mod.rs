//! Scenarios: steps of a sale, and what is expected after each of them, in a file.
//!
//! `model` and `act` say what a scenario is, `parse` makes one of a text and names every mistake in it, `judge` compares what a
//! step came to with what was expected of it: all three are pure. `play` carries the steps out, on an emulator with a
//! clock of its own or on an account. The format is told to people in `docs/scenarios.md`.

pub mod act;
pub mod judge;
pub mod model;
mod parse;
pub mod play;
mod read;
pub mod shipped;

pub use act::{Act, Need, Thing};
pub use judge::{Seen, Unmet, judge};
pub use model::{Expect, Sale, Scenario, Step};
pub use parse::parse;
pub use read::Mistake;
