//! Money: a cart that adds up, a sale that is charged once whatever breaks, and a wait that ends.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod cart;
mod faults;
mod journal;
mod kills;
mod recover;
mod shop;
mod trouble;
mod twins;
mod watch;
mod wire;
