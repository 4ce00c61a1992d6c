//! What the integration tests share.

// Every test program compiles these modules for itself and uses a part of them.
#![allow(dead_code, unreachable_pub)]
// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod contract;
pub mod counter;
pub mod emulating;
pub mod harness;
pub mod normal;
pub mod proxy;
pub mod pty;
pub mod server;
pub mod stream;
pub mod tls;
pub mod world;
