//! What the API speaks, as typed values without I/O.
//!
//! Only what the public reference documents is relied on. Everything that was merely observed or inferred is
//! optional here and read leniently, so that a new field, a new enum value or a number in place of a string
//! never breaks a command. See `docs/api.md` for how well each fact is known.

mod callback;
mod cart;
mod currency;
mod device;
mod emulated;
mod enrollment;
mod item;
mod lenient;
mod location;
mod metadata;
mod method;
mod money;
mod open_enum;
mod page;
mod problem;
mod rate;
mod received;
mod session;
mod tap;

pub use callback::{Callback, CallbackData, CallbackType};
pub use cart::{Cart, CartError, Line, LineInput, included_tax};
pub use currency::{Currency, CurrencyError};
pub use device::{Credentials, Device, Platform};
pub use emulated::{Clock, Fault};
pub use enrollment::{Enrollment, EnrollmentStatus, Ttl};
pub use item::{ItemError, item_from_fields, item_from_json, parse_item};
pub use location::Location;
pub use metadata::Metadata;
pub use method::PaymentMethod;
pub use money::{AmountError, format_minor, parse_amount};
pub use page::{Page, PageError};
pub use problem::Problem;
pub use rate::{RateError, parse_rate};
pub use received::{NotAnObject, Resource};
pub use session::{OrderItem, Session, SessionRequest, SessionStatus};
pub use tap::TapOutcome;
