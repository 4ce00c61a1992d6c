//! The program as people and scripts meet it: arguments in; stdout, stderr and an exit code out.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod bad_answers;
mod bad_input;
mod basics;
mod callbacks;
mod changes;
mod counter;
mod demonstration;
mod emulator;
mod emulator_begins;
mod faults;
mod guards;
mod harness;
mod help;
mod lists;
mod machine;
mod no_phone;
mod one_callback;
mod operations;
mod pasting;
mod pos;
mod production;
mod scenarios;
mod scenarios_account;
mod secrets;
mod stored_formats;
mod together;
mod version;
mod watching;
mod webhooks;
