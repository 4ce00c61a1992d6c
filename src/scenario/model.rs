//! Scenarios as data.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::deserialize;
use crate::emulator::EmulatorOptions;
use crate::model::{CallbackType, Currency, PaymentMethod, SessionStatus, TapOutcome};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scenario {
    pub name: String,
    pub description: Option<String>,
    /// File name, as printed in results.
    pub file: String,
    /// Emulator options, and the line of the table that sets them.
    pub emulator_options: Option<(usize, EmulatorOptions)>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Line in the file, starting at 1.
    pub line: usize,
    /// Value of `do`.
    pub action_name: String,
    pub action: Action,
    /// Index of the step that creates the device, code or session this step applies to.
    pub target: Option<usize>,
    /// Index of the step that creates the session or code whose status is checked after this step.
    pub status_of: Option<usize>,
    pub expect: Expect,
}

/// Name of an earlier step. If a step has none, it applies to the resource of that kind created last.
pub(super) type Reference = Spanned<String>;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Action {
    CreateDevice {
        name: Option<String>,
        /// Name or ID of a location.
        location: Option<String>,
        session: Option<Reference>,
    },
    Deregister {
        device: Option<Reference>,
        session: Option<Reference>,
    },
    Enroll {
        location: Option<String>,
        #[serde(default, deserialize_with = "deserialize::duration")]
        expires_in: Option<Duration>,
    },
    Withdraw {
        code: Option<Reference>,
    },
    Pair {
        code: Option<Reference>,
        name: Option<String>,
    },
    Create {
        device: Option<Reference>,
        amount: Option<Spanned<String>>,
        #[serde(default, deserialize_with = "deserialize::currency")]
        currency: Option<Currency>,
        items: Option<Spanned<Vec<Spanned<String>>>>,
        reference: Option<String>,
        /// Fields of the request. The parser adds those that follow from the other keys.
        #[serde(default, deserialize_with = "deserialize::json_object")]
        body: Map<String, Value>,
    },
    Choose {
        session: Option<Reference>,
        #[serde(default, deserialize_with = "deserialize::payment_method")]
        method: PaymentMethod,
    },
    Tap {
        session: Option<Reference>,
        #[serde(default, deserialize_with = "deserialize::tap_outcome")]
        outcome: Option<TapOutcome>,
    },
    Pay {
        session: Option<Reference>,
        #[serde(default, deserialize_with = "deserialize::payment_method")]
        method: Option<PaymentMethod>,
    },
    Decline {
        session: Option<Reference>,
        #[serde(default, deserialize_with = "deserialize::decline_outcome")]
        outcome: Option<TapOutcome>,
    },
    CancelOnPhone {
        session: Option<Reference>,
    },
    Cancel {
        session: Option<Reference>,
    },
    Get {
        session: Option<Reference>,
    },
    /// Refunds the order of a session: an amount in the currency of the order, or everything that is left.
    Refund {
        session: Option<Reference>,
        amount: Option<Spanned<String>>,
        reference: Option<String>,
    },
    /// Reads the order of a session.
    GetOrder {
        session: Option<Reference>,
    },
    Wait {
        session: Option<Reference>,
        #[serde(rename = "for", default = "finalized", deserialize_with = "deserialize::session_status")]
        until: SessionStatus,
        #[serde(default = "default_wait", deserialize_with = "deserialize::duration")]
        within: Duration,
    },
    Offline {
        device: Option<Reference>,
        session: Option<Reference>,
    },
    Online {
        device: Option<Reference>,
        session: Option<Reference>,
    },
    Advance {
        #[serde(deserialize_with = "deserialize::duration")]
        by: Duration,
        session: Option<Reference>,
    },
}

const fn finalized() -> SessionStatus {
    SessionStatus::Finalized
}

const fn default_wait() -> Duration {
    Duration::from_secs(30)
}

impl Action {
    /// The kind of resource this action applies to, and the step that is named for it.
    pub(super) fn target(&self) -> Option<(ResourceKind, Option<&Reference>)> {
        match self {
            // A request that has its own device, such as one that does not exist, needs no step that creates it.
            Self::Create { device: None, body, .. } if body.contains_key("device_id") => None,
            Self::Deregister { device, .. }
            | Self::Create { device, .. }
            | Self::Offline { device, .. }
            | Self::Online { device, .. } => Some((ResourceKind::Device, device.as_ref())),
            Self::Withdraw { code } | Self::Pair { code, .. } => Some((ResourceKind::Code, code.as_ref())),
            Self::Choose { session, .. }
            | Self::Tap { session, .. }
            | Self::Pay { session, .. }
            | Self::Decline { session, .. }
            | Self::CancelOnPhone { session }
            | Self::Cancel { session }
            | Self::Get { session }
            | Self::Refund { session, .. }
            | Self::GetOrder { session }
            | Self::Wait { session, .. } => Some((ResourceKind::Session, session.as_ref())),
            Self::CreateDevice { .. } | Self::Enroll { .. } | Self::Advance { .. } => None,
        }
    }

    /// The session named for the status check by an action that does not apply to a session or code itself.
    pub(super) const fn observed_session(&self) -> Option<&Reference> {
        match self {
            Self::CreateDevice { session, .. }
            | Self::Deregister { session, .. }
            | Self::Offline { session, .. }
            | Self::Online { session, .. }
            | Self::Advance { session, .. } => session.as_ref(),
            _ => None,
        }
    }

    /// What the action needs in addition to the API, as the rest of a sentence.
    const fn emulator_feature(&self) -> Option<&'static str> {
        match self {
            Self::Pair { .. }
            | Self::Choose { .. }
            | Self::Pay { .. }
            | Self::Decline { .. }
            | Self::CancelOnPhone { .. } => Some("needs a simulated phone, which only an emulator has"),
            Self::Offline { .. } | Self::Online { .. } => {
                Some("needs a simulated network, which only an emulator has")
            }
            Self::Advance { .. } => Some("needs an adjustable clock, which only an emulator has"),
            _ => None,
        }
    }

    /// Whether it sends a request, and so has an HTTP status, an exit code and a response.
    pub(super) const fn sends_request(&self) -> bool {
        !matches!(self, Self::Offline { .. } | Self::Online { .. } | Self::Advance { .. })
    }
}

/// Kind of a resource that a step creates and later steps apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    Device,
    Code,
    Session,
}

impl ResourceKind {
    pub(super) fn created_by(action_name: &str) -> Option<Self> {
        match action_name {
            "create-device" | "pair" => Some(Self::Device),
            "enroll" => Some(Self::Code),
            "create" => Some(Self::Session),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Code => "code",
            Self::Session => "session",
        }
    }
}

/// Expected results of a step. If neither `http` nor `exit` is set, the step must succeed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(crate) struct Expect {
    /// Status of the session or code after the step.
    pub status: Option<String>,
    /// HTTP status of the response.
    pub http: Option<u16>,
    /// Exit code of the equivalent command.
    pub exit: Option<u8>,
    /// Fields of the response and their values.
    #[serde(alias = "answer", deserialize_with = "deserialize::json_object")]
    pub response: Map<String, Value>,
    /// Paths of fields the response must have.
    pub has: Vec<String>,
    /// Paths of fields the response must not have.
    pub lacks: Vec<String>,
    /// Part of the error message.
    #[serde(rename = "says")]
    pub message: Option<String>,
    #[serde(deserialize_with = "deserialize::callback_types")]
    pub callbacks: Option<Vec<CallbackType>>,
}

impl Expect {
    /// Whether the step is expected to fail.
    pub(super) fn is_failure(&self) -> bool {
        self.http.is_some_and(|status| status >= 300) || self.exit.is_some_and(|code| code != 0)
    }
}

impl Scenario {
    /// The first line that cannot run on an account, and the reason. On a shared emulator, only the options are
    /// unsupported, since they would affect others.
    pub(crate) fn find_unsupported(&self, is_emulator: bool) -> Option<(usize, String)> {
        if let Some((line, _)) = &self.emulator_options {
            return Some((*line, "'options' needs an emulator that runs only this scenario".to_owned()));
        }
        let mut steps = self.steps.iter().filter(|_| !is_emulator);
        steps.find_map(|step| {
            Some((step.line, format!("'{}' {}", step.action_name, step.action.emulator_feature()?)))
        })
    }
}
