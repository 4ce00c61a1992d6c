//! The emulator over HTTP, held to the contract: every answer here, to a right request or a wrong one, is
//! checked against `docs/openapi.yaml`, or against `docs/emulator.yaml` for what the API does not have.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod clock;
mod contract_checker;
mod faults;
mod fuzz;
mod load;
mod operations;
mod options;
mod orders;
mod pos;
mod refusals;
