//! The program as people and scripts meet it: arguments in; stdout, stderr and an exit code out.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod allow_http;
mod bad_answers;
mod bad_input;
mod bodies;
mod callbacks;
mod changes;
mod completions;
mod concurrency;
mod connections;
mod demo;
mod dev_pos_guards;
mod doctor;
mod doctor_redaction;
mod emulator;
mod emulator_page;
mod emulator_seed;
mod external_commands;
mod faults;
mod guards;
mod help;
mod hostile_terminal;
mod hostile_text;
mod interactive;
mod io_errors;
mod large_responses;
mod lists;
mod load;
mod operations;
mod orders;
mod people;
mod pos;
mod probe;
mod production;
mod refunds;
mod report;
mod scenarios;
mod scenarios_account;
mod secrets;
mod server_limits;
mod stored_formats;
mod surroundings;
mod unread_output;
mod version;
mod webhooks;
mod webhooks_stored;
mod webhooks_verify;
