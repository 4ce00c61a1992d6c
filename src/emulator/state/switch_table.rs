//! The switches by name: what people set them with, and what they are told about them.

use jiff::SignedDuration;
use serde_json::Value;

use super::Switches;

/// What can be said of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    pub name: &'static str,
    /// What it decides, as the beginning of a sentence.
    pub decides: &'static str,
    /// The values it can have.
    pub values: Values,
}

/// The values a switch can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A duration, which is longer than nothing if it must.
    Duration {
        /// Whether it can be none.
        can_be_zero: bool,
    },
}

const YES_OR_NO: Values = Values::OneOf(&["true", "false"]);

/// All of them, in the order of the documentation.
pub const SWITCHES: [Switch; 11] = [
    Switch {
        name: "session_lifetime",
        decides: "how long after its creation an open session is EXPIRED",
        values: Values::Duration { can_be_zero: false },
    },
    Switch {
        name: "status_after_decline",
        decides: "where a declined payment leaves the session",
        values: Values::OneOf(&["active", "created", "failed"]),
    },
    Switch {
        name: "one_open_session_per_device",
        decides: "whether a device with an open session refuses another with 409",
        values: YES_OR_NO,
    },
    Switch {
        name: "cancel_ended",
        decides: "whether cancelling an ended session is 409, or 200 and the session as it is",
        values: Values::OneOf(&["conflict", "answer"]),
    },
    Switch {
        name: "offline_device",
        decides: "whether a new session for a device that is offline is 409, or waits for it",
        values: Values::OneOf(&["conflict", "accept"]),
    },
    Switch {
        name: "enrollment_dialect",
        decides: "which lifetimes of a code are understood: expires_in, ttl or both",
        values: Values::OneOf(&["both", "expires_in_only", "ttl_only"]),
    },
    Switch {
        name: "strict_sums",
        decides: "whether lines, and the sums of lines, must add up",
        values: YES_OR_NO,
    },
    Switch {
        name: "delete_status",
        decides: "whether a deletion is answered with 204 or with 200",
        values: Values::OneOf(&["no_content", "ok"]),
    },
    Switch {
        name: "tap_answer",
        decides: "whether a simulated tap is answered with 200 and the session, or with 204",
        values: Values::OneOf(&["session", "empty"]),
    },
    Switch {
        name: "device_list_merchant_id",
        decides: "whether the list of devices asks for x-merchant-id, as the others do",
        values: Values::OneOf(&["required", "optional"]),
    },
    Switch {
        name: "list_lag",
        decides: "how long it takes until something new is in the lists",
        values: Values::Duration { can_be_zero: true },
    },
];

/// Why a switch cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// There is none of this name.
    #[error("there is no switch '{name}'; there are {}", SWITCHES.map(|switch| switch.name).join(", "))]
    Unknown { name: String },
    /// It has no such value.
    #[error("{name} cannot be '{value}': it is {values}")]
    Value {
        name: &'static str,
        /// What it cannot be.
        value: String,
        /// What it can be.
        values: Values,
    },
}

impl std::fmt::Display for Values {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf([all @ .., last]) => write!(formatter, "{} or {last}", all.join(", ")),
            Self::OneOf([]) => Ok(()),
            Self::Duration { can_be_zero: true } => formatter.write_str("a duration such as 0s or 2s"),
            Self::Duration { can_be_zero: false } => formatter.write_str("a duration such as 30s or 15m"),
        }
    }
}

impl Switches {
    /// Sets a switch by its name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SwitchError> {
        let switch = SWITCHES
            .iter()
            .find(|switch| switch.name == name)
            .ok_or_else(|| SwitchError::Unknown { name: name.to_owned() })?;
        let json = match switch.values {
            Values::OneOf(_) => value.parse::<bool>().map_or_else(|_| Value::from(value), Value::from),
            Values::Duration { .. } => Value::from(value),
        };
        self.with(switch, json).map(|changed| *self = changed).ok_or_else(|| SwitchError::Value {
            name: switch.name,
            value: value.to_owned(),
            values: switch.values,
        })
    }

    /// The value of a switch, as it can be set.
    pub fn get(&self, name: &str) -> Option<String> {
        let all = serde_json::to_value(self).ok()?;
        all.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn with(&self, switch: &Switch, value: Value) -> Option<Self> {
        let mut all = serde_json::to_value(self).ok()?;
        all.as_object_mut()?.insert(switch.name.to_owned(), value);
        if let Values::Duration { can_be_zero } = switch.values {
            let duration: SignedDuration = serde_json::from_value(all.get(switch.name)?.clone()).ok()?;
            if duration.is_negative() || (duration.is_zero() && !can_be_zero) {
                return None;
            }
        }
        serde_json::from_value(all).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_switch_has_a_name_and_its_default_is_one_of_its_values() {
        let all = serde_json::to_value(Switches::default()).unwrap();
        let names: BTreeSet<_> = all.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(SWITCHES.iter().map(|switch| switch.name).collect::<BTreeSet<_>>(), names);
        for switch in SWITCHES {
            let default = Switches::default().get(switch.name).unwrap();
            let mut switches = Switches::default();
            assert_eq!(switches.set(switch.name, &default), Ok(()));
            assert_eq!(switches, Switches::default());
            if let Values::OneOf(values) = switch.values {
                assert_eq!(values.iter().filter(|value| **value == default).count(), 1, "{}", switch.name);
            }
        }
    }

    #[test]
    fn every_value_is_one_and_changes_something() {
        for switch in SWITCHES {
            let values = match switch.values {
                Values::OneOf(values) => values,
                Values::Duration { .. } => &["1h 30m", "PT5M"],
            };
            let all: BTreeSet<_> = values
                .iter()
                .map(|value| {
                    let mut switches = Switches::default();
                    switches.set(switch.name, value).unwrap();
                    serde_json::to_string(&switches).unwrap()
                })
                .collect();
            assert_eq!(all.len(), values.len(), "{}", switch.name);
        }
    }

    #[test]
    fn what_is_no_switch_or_no_value_says_what_is() {
        let mut switches = Switches::default();
        let mut error = |name, value| switches.set(name, value).unwrap_err().to_string();
        assert!(
            error("strict_sum", "true").starts_with("there is no switch 'strict_sum'; there are session_l")
        );
        assert_eq!(error("strict_sums", "yes"), "strict_sums cannot be 'yes': it is true or false");
        assert_eq!(
            error("status_after_decline", "true"),
            "status_after_decline cannot be 'true': it is active, created or failed"
        );
        for wrong in ["", "15", "-1s", "1 month", "0s"] {
            assert_eq!(
                error("session_lifetime", wrong),
                format!("session_lifetime cannot be '{wrong}': it is a duration such as 30s or 15m")
            );
        }
        assert_eq!(error("list_lag", "-1s"), "list_lag cannot be '-1s': it is a duration such as 0s or 2s");
        assert_eq!(switches, Switches::default());
    }
}
