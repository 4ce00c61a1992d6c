//! Options: how the emulator behaves where the API's behavior is not documented. `docs/emulator.md` explains each.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Args, Command, ValueEnum};
use jiff::SignedDuration;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The comment of each option is its help text, which is a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Args)]
#[serde(default, deny_unknown_fields)]
pub struct EmulatorOptions {
    /// how long an open session lasts before it is EXPIRED
    #[serde(deserialize_with = "positive_duration")]
    pub session_lifetime: SignedDuration,
    /// status of a session after a declined payment
    pub status_after_decline: AfterDecline,
    /// reject a second open session on a device with 409
    #[arg(action = ArgAction::Set)]
    pub one_open_session_per_device: bool,
    /// response to the cancellation of an ended session
    pub cancel_ended: CancelEnded,
    /// field with the lifetime of an enrollment code
    pub enrollment_dialect: EnrollmentDialect,
    /// check that order lines and their sums add up
    #[arg(action = ArgAction::Set)]
    pub strict_sums: bool,
    /// response to a deletion
    pub delete_status: DeleteStatus,
    /// response to a simulated tap
    pub tap_answer: TapAnswer,
    /// whether the list of devices needs x-merchant-id, as other lists do
    pub device_list_merchant_id: MerchantIdNeed,
    /// response to a new session on an offline device
    pub offline_device: OfflineDevice,
    /// time until a new device or enrollment appears in lists
    #[serde(deserialize_with = "duration")]
    pub list_lag: SignedDuration,
    /// when the payment of an order is captured
    pub order_capture: OrderCapture,
    /// time until a new order can be read
    #[serde(deserialize_with = "duration")]
    pub order_lag: SignedDuration,
    /// spelling of an order's currency
    pub order_currency_case: CurrencyCase,
    /// merchant references of an order
    pub order_references: OrderReferences,
    /// add made-up personal data to orders
    #[arg(action = ArgAction::Set)]
    pub order_personal_data: bool,
    /// status of an order that is fully refunded
    pub fully_refunded_status: FullyRefunded,
    /// headers that name a new refund
    pub refund_headers: RefundHeaders,
    /// how long an idempotency key is remembered
    #[serde(deserialize_with = "duration")]
    pub idempotency_memory: SignedDuration,
    /// time from the end of a day (UTC) to its payout
    #[serde(deserialize_with = "duration")]
    pub payout_delay: SignedDuration,
    /// fees that are deducted from payouts
    pub payout_fee: PayoutFee,
    /// form of the lists of settlements
    pub settlements_envelope: SettlementsEnvelope,
    /// signs of amounts in transactions
    pub transaction_signs: TransactionSigns,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            session_lifetime: SignedDuration::from_mins(15),
            status_after_decline: AfterDecline::Active,
            one_open_session_per_device: false,
            cancel_ended: CancelEnded::Conflict,
            enrollment_dialect: EnrollmentDialect::Both,
            strict_sums: true,
            delete_status: DeleteStatus::NoContent,
            tap_answer: TapAnswer::Empty,
            device_list_merchant_id: MerchantIdNeed::Required,
            offline_device: OfflineDevice::Conflict,
            list_lag: SignedDuration::ZERO,
            order_capture: OrderCapture::Automatic,
            order_lag: SignedDuration::ZERO,
            order_currency_case: CurrencyCase::Upper,
            order_references: OrderReferences::Kept,
            order_personal_data: true,
            fully_refunded_status: FullyRefunded::Closed,
            refund_headers: RefundHeaders::Both,
            idempotency_memory: SignedDuration::from_hours(24),
            // Within the documented one to ten business days.
            payout_delay: SignedDuration::from_hours(48),
            payout_fee: PayoutFee::OnePercent,
            settlements_envelope: SettlementsEnvelope::Object,
            transaction_signs: TransactionSigns::Unsigned,
        }
    }
}

/// Options that a state file always has. It has the others only if they are set, so that early versions can read it.
const EARLY_OPTIONS: [&str; 11] = [
    "session_lifetime",
    "status_after_decline",
    "one_open_session_per_device",
    "cancel_ended",
    "enrollment_dialect",
    "strict_sums",
    "delete_status",
    "tap_answer",
    "device_list_merchant_id",
    "offline_device",
    "list_lag",
];

pub(super) fn serialize_stored<S: Serializer>(
    options: &EmulatorOptions,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let fields = |options: &EmulatorOptions| serde_json::to_value(options).map_err(S::Error::custom);
    let (mut stored, defaults) = (fields(options)?, fields(&EmulatorOptions::default())?);
    if let Some(stored) = stored.as_object_mut() {
        stored.retain(|name, value| EARLY_OPTIONS.contains(&name.as_str()) || *value != defaults[name]);
    }
    stored.serialize(serializer)
}

fn positive_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    match duration(deserializer)? {
        SignedDuration::ZERO => Err(D::Error::custom("must be longer than 0s")),
        duration => Ok(duration),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = text.parse().ok().filter(|duration: &SignedDuration| !duration.is_negative());
    duration.ok_or_else(|| D::Error::custom(format!("'{text}' is not a duration such as 30s or PT15M")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum AfterDecline {
    /// The clerk can try again (documented; that the status is ACTIVE is inferred)
    Active,
    /// The clerk chooses a payment method again
    Created,
    /// The session has ended
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CancelEnded {
    /// 409
    Conflict,
    /// 200 and the unchanged session
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum EnrollmentDialect {
    /// expires_in (documented), or else ttl (observed)
    Both,
    /// expires_in; ttl is ignored
    ExpiresInOnly,
    /// ttl, which is required; expires_in is ignored
    TtlOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DeleteStatus {
    /// 204
    NoContent,
    /// 200 without a body
    Ok,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum TapAnswer {
    /// 200 and the session
    Session,
    /// 204
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum MerchantIdNeed {
    /// 400 without the header
    Required,
    /// The header can be omitted, but not be wrong
    Optional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum OfflineDevice {
    /// 409 (inferred)
    Conflict,
    /// The session is created and waits for the device
    Accept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum OrderCapture {
    /// When the customer pays (documented)
    Automatic,
    /// By a request
    Manual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CurrencyCase {
    /// SEK
    Upper,
    /// sek
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum OrderReferences {
    /// Those of the session
    Kept,
    /// References of its own
    Overwritten,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum FullyRefunded {
    /// CLOSED (documented)
    Closed,
    /// CAPTURED
    Captured,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum RefundHeaders {
    /// Refund-Id and Location
    Both,
    /// Only Location
    Location,
    /// Neither
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum PayoutFee {
    /// One percent of each sale, rounded down
    OnePercent,
    /// No fees
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum SettlementsEnvelope {
    /// An object with the list and its pagination
    Object,
    /// The list itself
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum TransactionSigns {
    /// All amounts are positive
    Unsigned,
    /// Refunds and fees are negative
    Signed,
}

/// An option for help texts, errors and completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionInfo {
    pub name: String,
    pub help: String,
    /// Values and their help texts. Empty for an option whose value is a duration.
    pub values: Vec<(String, String)>,
}

impl OptionInfo {
    /// Lists all options.
    pub fn list() -> Vec<Self> {
        let text = |help: Option<&StyledStr>| help.map(ToString::to_string).unwrap_or_default();
        let info = |option: &Arg| Self {
            name: option.get_id().to_string(),
            help: text(option.get_help()),
            values: option
                .get_possible_values()
                .iter()
                .map(|value| (value.get_name().to_owned(), text(value.get_help())))
                .collect(),
        };
        EmulatorOptions::augment_args(Command::new("options")).get_arguments().map(info).collect()
    }

    /// The values as a phrase, such as `active, created or failed`.
    pub fn format_values(&self) -> String {
        let names: Vec<_> = self.values.iter().map(|(name, _)| name.as_str()).collect();
        match names.split_last() {
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "a duration such as 30s or 15m".to_owned(),
        }
    }
}

impl EmulatorOptions {
    /// Sets an option by its name, as on the command line.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let options = OptionInfo::list();
        let Some(option) = options.iter().find(|option| option.name == name) else {
            let names: Vec<_> = options.iter().map(|option| option.name.as_str()).collect();
            return Err(format!("there is no option '{name}'; the options are {}", names.join(", ")));
        };
        let mut fields = serde_json::to_value(&*self).map_err(|error| error.to_string())?;
        fields[name] = value.parse::<bool>().map_or_else(|_| Value::from(value), Value::from);
        *self = serde_json::from_value(fields)
            .map_err(|_| format!("{name} cannot be '{value}': use {}", option.format_values()))?;
        Ok(())
    }

    /// Returns the value of an option in the form that [`set`](Self::set) parses.
    pub fn get(&self, name: &str) -> Option<String> {
        let fields = serde_json::to_value(self).ok()?;
        let value = fields.get(name)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_option_is_listed_and_each_of_its_values_has_an_effect() {
        let fields = serde_json::to_value(EmulatorOptions::default()).unwrap();
        let names: BTreeSet<_> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            OptionInfo::list().iter().map(|option| option.name.as_str()).collect::<BTreeSet<_>>(),
            names
        );
        for option in OptionInfo::list() {
            let default = EmulatorOptions::default().get(&option.name).unwrap();
            let mut values: Vec<_> = option.values.into_iter().map(|(value, _)| value).collect();
            if values.is_empty() {
                values = vec![default.clone(), "1h 30m".to_owned(), "PT5M".to_owned()];
            }
            assert!(values.contains(&default), "{}", option.name);
            let mut effects = BTreeSet::new();
            for value in &values {
                let mut options = EmulatorOptions::default();
                options.set(&option.name, value).unwrap();
                assert_eq!(options == EmulatorOptions::default(), *value == default);
                effects.insert(serde_json::to_string(&options).unwrap());
            }
            assert_eq!(effects.len(), values.len(), "{}", option.name);
        }
    }

    #[test]
    fn errors_list_the_options_and_the_values() {
        let mut options = EmulatorOptions::default();
        let mut error = |name, value| options.set(name, value).unwrap_err();
        let unknown = error("strict_sum", "true");
        assert!(unknown.starts_with("there is no option 'strict_sum'; the options are session_lifetime, "));
        assert_eq!(error("strict_sums", "yes"), "strict_sums cannot be 'yes': use true or false");
        assert_eq!(
            error("status_after_decline", "true"),
            "status_after_decline cannot be 'true': use active, created or failed"
        );
        for wrong in ["", "15", "-1s", "1 month", "0s"] {
            assert_eq!(
                error("session_lifetime", wrong),
                format!("session_lifetime cannot be '{wrong}': use a duration such as 30s or 15m")
            );
        }
        assert_eq!(error("list_lag", "-1s"), "list_lag cannot be '-1s': use a duration such as 30s or 15m");
        assert_eq!(options, EmulatorOptions::default());
    }
}
