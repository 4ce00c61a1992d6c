//! Callbacks on the wire, from either side: signatures by Standard Webhooks (observed), and where they are posted.
//!
//! The emulator sends with it, `kustom webhooks` receives with it. It knows nothing of sessions: what a callback says
//! is [`Callback`](crate::model::Callback), and which one arises when is a rule of the emulator.

mod endpoint;
mod headers;
mod signature;

pub use endpoint::{DeliveryError, Endpoint, EndpointError};
pub use headers::{HeadersError, parse_headers};
pub use signature::{SignError, Signer, TOLERANCE, Verified, Verifier, VerifyError};
