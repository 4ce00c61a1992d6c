//! The HTTP client of the API. It alone decides which requests are retried, because a wrong retry could charge a
//! customer twice.

mod base_url;
mod client;
mod dev;
mod devices;
mod emulator;
mod enrollments;
mod error;
mod expectation;
mod http;
mod locations;
mod orders;
mod pages;
mod path;
mod pos;
mod request;
mod retry;
mod sessions;
mod settlements;
mod trace;
mod transport;

pub(crate) use base_url::{BaseUrl, BaseUrlError};
pub(crate) use client::{Client, Credentials, Event, Observer};
pub(crate) use dev::{simulated_device_request, tap_request};
pub(crate) use devices::{DeviceChange, deregister_request};
pub(crate) use enrollments::{CreatedEnrollment, EnrollmentFilter, NewEnrollment, withdraw_request};
pub(crate) use error::{Error, FailureCause, SideEffect};
pub(crate) use orders::{
    cancel_order_request, capture_request, read_order_request, refund_request, release_order_request,
};
pub(crate) use pages::PagedRequest;
pub(crate) use path::{check_path, complete_path, encode_segment};
pub(crate) use pos::{PosAction, pair_request, pos_action_request};
pub(crate) use request::Request;
pub(crate) use sessions::{cancel_session_request, create_session_request, read_session_request};
pub(crate) use settlements::{PayoutFilter, TransactionFilter};
pub(crate) use trace::format_event;
pub(crate) use transport::{Response, Transport};
