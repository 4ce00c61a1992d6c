//! What a scenario is.

use serde_json::{Map, Value};

use super::action::{Action, Capability};
use crate::emulator::EmulatorOptions;
use crate::model::CallbackType;

/// A scenario: steps, one after the other, on an account of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scenario {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The file it stands in.
    pub file: String,
    /// How the emulator behaves, if the scenario says so: with the place where it does.
    pub switches: Option<(usize, EmulatorOptions)>,
    pub steps: Vec<Step>,
}

/// One step, and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Where it begins, from one.
    pub line: usize,
    /// What others refer to it by.
    pub name: Option<String>,
    /// What is done.
    pub act: Action,
    /// The session or the code whose status is looked at, as the step that makes it.
    pub subject: Option<usize>,
    /// What is expected.
    pub expect: Expect,
}

/// What is sold in a new session: the request's body but for the device and the time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SessionSpec {
    /// What follows from amount, currency, reference and items.
    pub fields: Map<String, Value>,
    /// Fields that take the place of those, as they are.
    pub body: Map<String, Value>,
}

/// What is expected of a step. What is not named is not looked at, but for one thing: a step of which neither `http` nor
/// `exit` is expected has to work.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Expect {
    /// The status of the session, or of the code, after the step.
    pub status: Option<String>,
    /// The HTTP status of the answer.
    pub http: Option<u16>,
    /// The exit code that the command for the step would have.
    pub exit: Option<u8>,
    /// Fields of the answer, with their values.
    pub answer: Map<String, Value>,
    /// Fields that the answer has to have.
    pub has: Vec<String>,
    /// Fields that it must not have.
    pub lacks: Vec<String>,
    /// A part of what a refusal says.
    pub says: Option<String>,
    /// The callbacks that the step brings, in their order.
    pub callbacks: Option<Vec<CallbackType>>,
}

impl Expect {
    /// Whether the step is expected not to work.
    pub(crate) fn is_refusal(&self) -> bool {
        self.http.is_some_and(|status| status >= 300) || self.exit.is_some_and(|code| code != 0)
    }
}

impl Scenario {
    /// What there is not for it, if `has` says so: the line that asks for it, and the reason in words.
    pub(crate) fn missing_capability(&self, has: impl Fn(Capability) -> bool) -> Option<(usize, String)> {
        if let Some((line, _)) = &self.switches
            && !has(Capability::Switches)
        {
            return Some((*line, format!("switches {}", Capability::Switches.reason())));
        }
        self.steps.iter().find_map(|step| {
            let need = step.act.need().filter(|need| !has(*need))?;
            Some((step.line, format!("{} {}", step.act.verb(), need.reason())))
        })
    }
}
