//! Money: a cart that adds up, a sale that is charged once whatever breaks, and a wait that ends.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod cart;
mod crash;
mod duplicates;
mod faults;
mod faulty_proxy;
mod fixture;
mod if_busy;
mod if_exists;
mod ledger;
mod list_filters;
mod network_errors;
mod other_order;
mod other_resource;
mod recover;
mod repair;
mod shared_ledger;
mod soak;
mod storage_faults;
mod watch;
