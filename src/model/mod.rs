//! Types of the API, without I/O.
//!
//! The code relies only on what the public reference documents. Everything that was observed or inferred is optional
//! and deserialized leniently, so that a new field, a new enum value or a number in place of a string never breaks a
//! command. `docs/api.md` lists the evidence for each fact.

mod callback;
mod cart;
mod cart_item;
mod currency;
mod device;
mod difference;
mod emulator;
mod enrollment;
mod json;
mod lenient;
mod location;
mod money;
mod open_enum;
mod order;
mod page;
mod payment_method;
mod payout;
mod problem;
mod refund_plan;
mod resource;
mod session;
mod session_request;
mod tap_outcome;
mod tax_rate;

pub use callback::{Callback, CallbackData, CallbackType};
pub use cart::{Cart, CartError, LineInput, check_sum};
pub use cart_item::{item_from_json, parse_item};
pub use currency::{Currency, CurrencyError};
pub use device::{Credentials, Device, Platform};
pub(crate) use difference::{find_difference, show};
pub use emulator::{Clock, Fault};
pub use enrollment::{Enrollment, EnrollmentStatus, Ttl};
pub use json::{integer, parse_integer, parse_json};
pub use location::Location;
pub use money::{AmountError, format_minor, parse_amount};
pub use order::{
    Capture, InitialPaymentMethod, Order, OrderStatus, Refund, RefundRequest, remove_personal_data,
    remove_personal_fields,
};
pub use page::Page;
pub use payment_method::PaymentMethod;
pub use payout::{Payout, PayoutTotals, Transaction, TransactionType};
pub use problem::Problem;
pub use refund_plan::{
    ItemChoice, RefundChoice, RefundError, RefundPlan, SoldLine, plan_refund, shares_line, sold_lines,
};
pub use resource::{MIN_ID_PREFIX_LEN, Resource};
pub use session::{OrderItem, Session, SessionStatus};
pub use session_request::SessionRequest;
pub use tap_outcome::TapOutcome;
pub use tax_rate::{RateError, parse_rate};

/// Sorted by key. The API copies an enrollment's metadata to the device that uses the code (documented).
pub type Metadata = std::collections::BTreeMap<String, String>;
