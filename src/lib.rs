//! `kustom`, the command line of Kustom In-Person Payments.

pub mod emulator;
pub mod model;
pub mod secret;
