//! What is told of a pairing: to a person on stderr, to a script as events or lines on stdout.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde_json::{Value, json};

use super::code::Code;
use super::location::PairLocation;
use super::naming::shown;
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{Device, Resource};
use crate::output::{Format, Output, ProgressBar};
use crate::profiles::LOCAL;
use crate::text::format_duration;
use crate::text::{escape_control, shell_quote};

/// To whom it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputMode {
    /// Somebody at the terminal, who can be asked.
    Interactive,
    /// A script that reads an object for each event.
    Events,
    /// Whoever reads plain lines.
    Lines,
}

/// The devices that were paired so far, and the terminal they are told on.
pub(super) struct PairReporter<'a> {
    output: &'a Output,
    to: OutputMode,
    count: u32,
    /// The phone that is being paired, from one.
    number: Cell<u32>,
    /// What to type to play the phone, where that is possible.
    play: Option<String>,
    profile_flag: String,
    /// What a sale needs where the profile has no currency.
    currency_flag: &'static str,
    paired: RefCell<Vec<Resource<Device>>>,
    /// The name of the last one that was named.
    ready: RefCell<Option<String>>,
}

impl<'a> PairReporter<'a> {
    pub(super) fn new(count: u32, context: &ApiContext<'a>) -> Result<Self, Error> {
        let output = context.output;
        let to = match output.format() {
            Format::Ndjson => OutputMode::Events,
            _ if output.can_prompt() => OutputMode::Interactive,
            Format::Table => OutputMode::Lines,
            format @ (Format::Json | Format::Csv) => {
                let format = format.as_str();
                let message = format!("with -o {format} the code would be shown only after it was used");
                return Err(Error::usage(message).hint("-o ndjson tells each event as it happens"));
            }
        };
        let is_local = context.account.profile.as_ref().is_some_and(|profile| profile.value == LOCAL);
        let profile_flag = context.settings.profile_flag();
        Ok(Self {
            output,
            to,
            count,
            number: Cell::new(1),
            play: is_local.then(|| format!("kustom --profile {LOCAL} dev pos pair")),
            profile_flag,
            currency_flag: if context.account.currency.is_none() { " --currency SEK" } else { "" },
            paired: RefCell::default(),
            ready: RefCell::default(),
        })
    }

    /// Whether somebody can be asked.
    pub(super) fn is_interactive(&self) -> bool {
        self.to == OutputMode::Interactive && self.output.can_prompt()
    }

    /// Whether whoever reads the events has gone away. A person is told on stderr.
    pub(super) fn is_output_closed(&self) -> bool {
        self.to != OutputMode::Interactive && self.output.is_stdout_closed()
    }

    /// A code as it may be written where errors go: itself only for a person who sees it anyway.
    pub(super) fn describe_code(&self, code: &Code) -> String {
        match self.to {
            OutputMode::Interactive => format!("the code {}", code.shown()),
            OutputMode::Events | OutputMode::Lines => {
                format!("the code of enrollment {}", escape_control(&code.id))
            }
        }
    }

    /// A code can be used.
    pub(super) fn created(&self, number: u32, code: &Code, place: &PairLocation) -> Result<(), Error> {
        self.number.set(number);
        match self.to {
            OutputMode::Interactive => {
                self.show(code, place);
                Ok(())
            }
            OutputMode::Events => {
                self.event("created", &[("enrollment", Value::Object(code.enrollment.raw().clone()))])
            }
            OutputMode::Lines => {
                self.line("created", &format!("{}  valid until {}", code.shown(), code.until()))
            }
        }
    }

    fn show(&self, code: &Code, place: &PairLocation) {
        let place =
            place.name.as_deref().map(|name| format!(" at {}", escape_control(name))).unwrap_or_default();
        let which = match self.count {
            1 => "a phone".to_owned(),
            count => format!("phone {} of {count}", self.number.get()),
        };
        if !self.output.is_quiet() {
            self.output.message(&format!("Pair {which}{place}:\n"));
            self.output.message("  1. Open the Kustom POS app.");
            self.output.message("  2. Choose to enter a code.");
            self.output.message("  3. Enter this one:\n");
        }
        self.output.print_large(&code.shown());
        self.output.message("");
        let lifetime = format_duration(round_to_minutes(code.left));
        self.output.message(&format!("  {} is valid until {} ({lifetime}).", code.shown(), code.until()));
        if let Some(play) = self.play.as_ref().filter(|_| !self.output.is_quiet()) {
            self.output.message("  No phone? Play one in another terminal:");
            self.output.message(&format!("  {play} {}", code.shown()));
        }
        self.output.message("");
    }

    /// The time that is left, while it runs.
    pub(super) fn countdown(&self, code: &Code) -> Option<ProgressBar> {
        let end = code.made + code.left;
        (self.to == OutputMode::Interactive).then(|| self.output.show_countdown("waiting for the phone", end))
    }

    /// A phone used the code.
    pub(super) fn consumed(&self, code: &Code, device: Resource<Device>) -> Result<(), Error> {
        let told = match self.to {
            OutputMode::Interactive => {
                // Its id follows in the end.
                let named = device.name.as_deref().filter(|name| !name.is_empty());
                let which =
                    named.map_or_else(|| shown(&device), |name| format!("'{}'", escape_control(name)));
                self.output.message(&format!("A phone has used the code: device {which}."));
                Ok(())
            }
            OutputMode::Events => self.event(
                "consumed",
                &[
                    ("enrollment_id", code.id.as_str().into()),
                    ("device", Value::Object(device.raw().clone())),
                ],
            ),
            OutputMode::Lines => self.line("consumed", &shown(&device)),
        };
        self.paired.borrow_mut().push(device);
        told
    }

    /// The phone has its name.
    pub(super) fn named(&self, device: Resource<Device>) -> Result<(), Error> {
        let told = match self.to {
            OutputMode::Interactive if self.count == 1 => Ok(()),
            OutputMode::Interactive => {
                let name = escape_control(device.name.as_deref().unwrap_or_default());
                self.output.message(&format!("{name} is ready.\n"));
                Ok(())
            }
            OutputMode::Events => self.event("named", &[("device", Value::Object(device.raw().clone()))]),
            OutputMode::Lines => self.line("named", &shown(&device)),
        };
        self.ready.replace(device.name.clone());
        let mut paired = self.paired.borrow_mut();
        paired.pop();
        paired.push(device);
        told
    }

    /// Nobody used the code in time.
    pub(super) fn expired(&self, code: &Code) -> Result<(), Error> {
        match self.to {
            OutputMode::Interactive => Ok(()),
            OutputMode::Events => self.event("expired", &[("enrollment_id", code.id.as_str().into())]),
            OutputMode::Lines => self.line("expired", &escape_control(&code.id)),
        }
    }

    /// The code pairs no phone any more.
    pub(super) fn withdrawn(&self, code: &Code) -> Result<(), Error> {
        match self.to {
            OutputMode::Interactive => Ok(()),
            OutputMode::Events => self.event("withdrawn", &[("enrollment_id", code.id.as_str().into())]),
            OutputMode::Lines => self.line("withdrawn", &escape_control(&code.id)),
        }
    }

    /// Shows the devices that were paired, and what to do with them.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let paired = self.paired.borrow();
        if self.to == OutputMode::Events {
            return Ok(());
        }
        match paired.as_slice() {
            [] => return Ok(()),
            [device] if self.count == 1 => self.output.print_item(device)?,
            several => self.output.print_list(several.iter().cloned())?,
        }
        if let Some(name) = self.ready.borrow().as_deref() {
            let (flag, currency) = (&self.profile_flag, self.currency_flag);
            if self.count == 1 {
                self.output.status(&format!("{} is ready.", escape_control(name)));
            }
            self.output.status(&format!(
                "Take a payment: kustom{flag} sessions create --device {} --amount 1.00{currency} --watch",
                shell_quote(name)
            ));
        }
        Ok(())
    }

    fn event(&self, event: &str, facts: &[(&str, Value)]) -> Result<(), Error> {
        let mut object = json!({"event": event, "number": self.number.get(), "count": self.count});
        for (name, value) in facts {
            object[*name] = value.clone();
        }
        self.output.print_json(&object)
    }

    fn line(&self, event: &str, text: &str) -> Result<(), Error> {
        self.output.print(&format!("{event:<10} {text}\n"))?;
        self.output.flush()
    }
}

/// A lifetime in whole minutes, unless it is short: an answer that took a moment does not make it an odd one.
fn round_to_minutes(lifetime: Duration) -> Duration {
    let minutes = (lifetime.as_secs() + 30) / 60;
    if minutes < 5 { lifetime } else { Duration::from_secs(minutes * 60) }
}
