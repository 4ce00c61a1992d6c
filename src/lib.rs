//! `kustom`, the command line of Kustom In-Person Payments.

pub mod model;
pub mod secret;
