//! Completions: the candidates that the program prints, and Tab in real shells.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod guards;
mod helpers;
mod scripts;
#[cfg(unix)]
mod shells;
#[cfg(unix)]
mod typing;
mod words;
