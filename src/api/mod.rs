//! The thin HTTP layer: requests with credentials out, typed answers in.
//!
//! It knows neither arguments nor the terminal, and not whether it speaks to the real service or to an
//! emulator: that is the [`Transport`]'s business. What it decides alone is which request may be sent again,
//! because that is what a second charge depends on.

mod base_url;
mod client;
mod dev;
mod devices;
mod emulated;
mod enrollments;
mod error;
mod http;
mod locations;
mod pages;
mod path;
mod pos;
mod redact;
mod request;
mod retry;
mod sessions;
mod transport;

pub use base_url::{BaseUrl, BaseUrlError};
pub use client::{Client, Credentials, Event, Observer};
pub use devices::DeviceChange;
pub use enrollments::{CreatedEnrollment, EnrollmentFilter, NewEnrollment};
pub use error::{CarriedOut, Error, Why};
pub use http::{HttpTransport, SetUpError};
pub use pages::{Fetch, PAGE_SIZE, pages};
pub use path::{PathError, check_path};
pub use redact::hide_secret_fields;
pub use request::Request;
pub use sessions::session_request;
pub use transport::{Answer, Exchange, Transport, TransportError};
