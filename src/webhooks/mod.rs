//! The wire format of callbacks: signatures (Standard Webhooks) and headers.

mod headers;
mod signature;

pub use headers::parse_headers;
pub use signature::{SigningKeys, TOLERANCE, VerifyError};
