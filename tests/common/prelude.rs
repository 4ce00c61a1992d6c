//! What most of the tests use.

pub use serde_json::{Value, json};

pub use super::emulator_process::EmulatorProcess;
pub use super::harness::*;
pub use super::proxy::ValidatingProxy;
pub use super::pty::{PtySession, plain};
pub use super::redaction::{FIXED_ID, fixed_id, redact};
pub use super::scripted_emulator::{Act, ScriptedEmulator};
pub use super::server::{Asked, KEY, Reply, Server, exchange, status_of, token_of};
