//! The documents: what they tell to type is typed, what they show is compared, and what can be generated is.
//!
//! `KUSTOM_BLESS=1 cargo test --test docs` writes what has changed into them.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A shell, pipes and signals, as readers on Unix have them.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod code_blocks;
mod environment;
mod examples;
mod generated;
mod grammar;
mod harness;
mod kustom_stub;
mod links;
mod man;
mod output_pattern;
mod page;
mod phone;
mod pictures;
mod reference;
mod shell;
mod tables;
mod workflow;
