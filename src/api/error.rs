//! Why a request did not end well, and whether it may have been carried out all the same.

use std::time::Duration;

use crate::model::Problem;

/// Whether a failed request may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SideEffect {
    /// It was never sent, was refused, or only reads.
    None,
    /// It may have arrived, and the answer does not tell.
    Possible,
}

/// What happened to the last attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum FailureCause {
    /// An answer that is not a 2xx.
    Status {
        status: u16,
        /// What the API says about it.
        problem: Box<Problem>,
    },
    /// A redirect, which is never followed: it could take the key to another host.
    Redirect {
        status: u16,
        /// Where it points.
        to: String,
    },
    /// A success that cannot be read.
    Unreadable {
        status: u16,
        /// What is wrong with it, in words.
        reason: String,
    },
    /// Nothing was sent: name, connection, TLS.
    NotSent {
        /// What happened, in words.
        reason: String,
        /// Whether trying again could end otherwise; a certificate that does not verify never does.
        passing: bool,
    },
    /// No whole answer came: time-out, reset, a cut answer.
    Lost(String),
    /// The program was interrupted before the request was sent, or before its response arrived.
    Cancelled,
    /// The emulator's state file could not be read or written.
    State(String),
}

/// A request that failed, after all its attempts.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{request}: {}", .why.message())]
pub struct Error {
    /// The request, such as `GET /ipp/v1/devices`.
    pub request: String,
    /// What happened to the last attempt.
    pub why: FailureCause,
    /// Whether any of the attempts may have changed something.
    pub carried_out: SideEffect,
    /// How often it was sent, or tried to be.
    pub attempts: u32,
    /// How long the API asks to be left alone, if it does.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// The HTTP status of the last answer, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match &self.why {
            FailureCause::Status { status, .. }
            | FailureCause::Redirect { status, .. }
            | FailureCause::Unreadable { status, .. } => Some(*status),
            FailureCause::NotSent { .. }
            | FailureCause::Lost(_)
            | FailureCause::Cancelled
            | FailureCause::State(_) => None,
        }
    }

    /// Whether the same request may succeed later: the failure is one of the network or of the server.
    pub fn is_transient(&self) -> bool {
        match &self.why {
            FailureCause::Status { status, .. } => {
                matches!(status, 408 | 429) || !(400..500).contains(status)
            }
            FailureCause::NotSent { passing, .. } => *passing,
            FailureCause::Redirect { .. } | FailureCause::Unreadable { .. } | FailureCause::Lost(_) => true,
            FailureCause::Cancelled | FailureCause::State(_) => false,
        }
    }

    /// Whether the API rejected what the request asks for, rather than its credentials, its path or its rate.
    pub fn is_rejection(&self) -> bool {
        matches!(self.status(), Some(400..=499))
            && !matches!(self.status(), Some(401 | 403 | 404 | 408 | 429))
    }

    /// What the API said, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.why {
            FailureCause::Status { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

impl FailureCause {
    /// What happened, as a sentence without its full stop.
    pub fn message(&self) -> String {
        match self {
            Self::Status { status, problem } => match problem.message() {
                Some(said) => format!("{said} (HTTP {status})"),
                None => format!("the API answered {status} {}", reason_phrase(*status)).trim_end().to_owned(),
            },
            Self::Redirect { status, to } => {
                format!("the API answered {status} with a redirect to {to}, which is not followed with a key")
            }
            Self::Unreadable { status, reason } => {
                format!("the answer (HTTP {status}) cannot be read: {reason}")
            }
            Self::Cancelled => "interrupted while waiting for the response".to_owned(),
            Self::NotSent { reason, .. } | Self::Lost(reason) | Self::State(reason) => reason.clone(),
        }
    }
}

fn reason_phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}
