//! Tests of the documents: shell blocks run, output that is shown is compared, and generated files are current.
//!
//! `INSTA_UPDATE=always cargo test --test docs` updates shown output and generated files.

// Clippy allows these in functions marked as tests, but not in their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod background;
mod code_blocks;
mod examples;
mod generated;
mod grammar;
mod kustom_stub;
mod links;
mod output_pattern;
mod page;
mod pictures;
mod sandbox;
mod shell;
mod tables;
mod workflow;
