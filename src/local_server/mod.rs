//! What the servers on this machine share: the emulator, the listener for callbacks, and their pages.

mod connections;
mod request_source;

pub(crate) use self::connections::{BodyError, Connection, serve};
pub(crate) use self::request_source::check_source;
