//! What the integration tests share. They run on Unix.

#![allow(dead_code, unreachable_pub, unused_imports)]
// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod commands;
pub mod contract;
pub mod contract_emulator;
pub mod database_proxy;
pub mod emulator_process;
pub mod harness;
pub mod ledger;
pub mod postgres;
pub mod prelude;
pub mod proxy;
pub mod pty;
pub mod redaction;
pub mod scripted_emulator;
pub mod server;
pub mod stream;
pub mod tls;
