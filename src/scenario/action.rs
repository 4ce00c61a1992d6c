//! What a step does, what it needs, and what it makes.

use std::time::Duration;

use super::model::SessionSpec;
use crate::model::{PaymentMethod, SessionStatus, TapOutcome};

/// What a step does. What was made before is named by the step that made it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Make a simulated device.
    CreateDevice {
        name: String,
        /// Where it stands: a location's name or id.
        location: Option<String>,
    },
    /// Remove a device.
    Deregister { device: usize },
    /// Make an enrollment code.
    Enroll {
        /// Where the phone will stand: a location's name or id; the first one unless told otherwise.
        location: Option<String>,
        /// How long it can be used.
        expires_in: Option<Duration>,
    },
    /// Withdraw a code.
    Withdraw { code: usize },
    /// Use a code on a phone.
    Pair {
        code: usize,
        /// What the phone goes by.
        name: Option<String>,
    },
    /// Create a session.
    Create {
        /// On which device, unless the sale says so itself.
        device: Option<usize>,
        /// What is sold.
        sale: SessionSpec,
    },
    /// Choose a method on the phone.
    Choose {
        /// For which session.
        session: usize,
        method: PaymentMethod,
    },
    /// Simulate a tap.
    Tap {
        /// On which session's device.
        session: usize,
        /// How it ends.
        outcome: Option<TapOutcome>,
    },
    /// Pay on the phone.
    Pay {
        session: usize,
        /// With what, if not with what was chosen.
        method: Option<PaymentMethod>,
    },
    /// Be declined on the phone.
    Decline { session: usize, outcome: TapOutcome },
    /// Call it off on the phone.
    CancelOnPhone { session: usize },
    /// Cancel a session from the till.
    Cancel { session: usize },
    /// Read a session.
    Get { session: usize },
    /// Wait for a session.
    Wait {
        session: usize,
        /// For what: that it is paid, unless told otherwise.
        until: SessionStatus,
        /// For how long at most.
        within: Duration,
    },
    /// Take a device off the network, or bring it back.
    Network { device: usize, offline: bool },
    /// Let time pass.
    Advance { by: Duration },
}

/// What a step needs beside the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    /// A phone that can be played.
    Phone,
    /// A device that can be taken off the network.
    Network,
    /// A clock that can be advanced.
    Clock,
    /// An emulator that can be told how to behave.
    Switches,
}

impl Capability {
    /// Why an account does not have it, as the end of a sentence that begins with what asks for it.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Phone => "is done by a person on a phone here",
            Self::Network => "takes a device off the network, which only an emulator can",
            Self::Clock => "lets time pass, which only an emulator can",
            Self::Switches => "say how an emulator of its own behaves, and this is none",
        }
    }
}

impl Action {
    /// The words for all that can be done, as they stand in a file.
    pub(crate) const NAMES: [&'static str; 17] = [
        "create-device",
        "deregister",
        "enroll",
        "withdraw",
        "pair",
        "create",
        "choose",
        "tap",
        "pay",
        "decline",
        "cancel-on-phone",
        "cancel",
        "get",
        "wait",
        "offline",
        "online",
        "advance",
    ];

    /// The word for it.
    pub(crate) const fn verb(&self) -> &'static str {
        match self {
            Self::CreateDevice { .. } => "create-device",
            Self::Deregister { .. } => "deregister",
            Self::Enroll { .. } => "enroll",
            Self::Withdraw { .. } => "withdraw",
            Self::Pair { .. } => "pair",
            Self::Create { .. } => "create",
            Self::Choose { .. } => "choose",
            Self::Tap { .. } => "tap",
            Self::Pay { .. } => "pay",
            Self::Decline { .. } => "decline",
            Self::CancelOnPhone { .. } => "cancel-on-phone",
            Self::Cancel { .. } => "cancel",
            Self::Get { .. } => "get",
            Self::Wait { .. } => "wait",
            Self::Network { offline: true, .. } => "offline",
            Self::Network { offline: false, .. } => "online",
            Self::Advance { .. } => "advance",
        }
    }

    /// What it needs beside the API.
    pub(crate) const fn need(&self) -> Option<Capability> {
        match self {
            Self::Pair { .. }
            | Self::Choose { .. }
            | Self::Pay { .. }
            | Self::Decline { .. }
            | Self::CancelOnPhone { .. } => Some(Capability::Phone),
            Self::Network { .. } => Some(Capability::Network),
            Self::Advance { .. } => Some(Capability::Clock),
            Self::CreateDevice { .. }
            | Self::Deregister { .. }
            | Self::Enroll { .. }
            | Self::Withdraw { .. }
            | Self::Create { .. }
            | Self::Tap { .. }
            | Self::Cancel { .. }
            | Self::Get { .. }
            | Self::Wait { .. } => None,
        }
    }

    /// What it makes when it works.
    pub(crate) const fn creates(&self) -> Option<ResourceKind> {
        match self {
            Self::CreateDevice { .. } | Self::Pair { .. } => Some(ResourceKind::Device),
            Self::Enroll { .. } => Some(ResourceKind::Code),
            Self::Create { .. } => Some(ResourceKind::Session),
            _ => None,
        }
    }

    /// Whether it asks the API something, and so has an HTTP status, an exit code and an answer.
    pub(crate) const fn sends_request(&self) -> bool {
        !matches!(self, Self::Network { .. } | Self::Advance { .. })
    }
}

/// What steps make and others refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    Device,
    Code,
    Session,
}

impl ResourceKind {
    /// The key by which a step refers to one.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Code => "code",
            Self::Session => "session",
        }
    }

    /// How one is made, for whoever has none.
    pub(crate) const fn created_by(self) -> &'static str {
        match self {
            Self::Device => "'create-device' or 'pair'",
            Self::Code => "'enroll'",
            Self::Session => "'create'",
        }
    }
}
