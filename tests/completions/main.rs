//! Completions as a shell asks for them, and as somebody who presses Tab gets them.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod guards;
mod helpers;
mod install;
mod scripts;
#[cfg(unix)]
mod shells;
#[cfg(unix)]
mod typing;
mod words;
