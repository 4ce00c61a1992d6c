//! The wire format of callbacks: signatures (Standard Webhooks) and headers.

mod headers;
mod signature;

pub use headers::{HeadersError, parse_headers};
pub use signature::{SignError, Signer, TOLERANCE, Verified, Verifier, VerifyError};
