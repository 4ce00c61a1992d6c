//! What the servers on this machine share: the emulator, the listener for callbacks, and their pages.

mod body_buffer;
mod connections;
mod request_source;

pub(crate) use self::body_buffer::BodyBuffer;
pub(crate) use self::connections::{BodyError, ConnectionState, Connections};
pub(crate) use self::request_source::{check_host, check_origin};
