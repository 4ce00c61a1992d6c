//! `kustom`, the command line of Kustom In-Person Payments.

pub mod api;
pub mod error;
pub mod model;
pub mod profiles;
pub mod secret;
pub mod terminal;
pub mod text;
