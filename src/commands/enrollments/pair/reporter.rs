//! Output while pairing: instructions for a user at the terminal, or events for a script.

use std::time::Duration;

use serde_json::{Value, json};

use super::code::Code;
use super::location::PairLocation;
use super::naming::describe_device;
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{Device, Resource};
use crate::output::{Format, Output, ProgressBar};
use crate::profiles::LOCAL;
use crate::text::{escape_control, format_duration};

pub(super) trait Reporter {
    /// Whether the user can be asked for a name or for a new code.
    fn is_interactive(&self) -> bool;

    /// Returns true if the reader of stdout is gone, so that nobody learns the code.
    fn is_output_closed(&self) -> bool;

    /// Names the code in an error. Errors end up in logs, so they contain the code itself only if the user sees it anyway.
    fn describe_code(&self, code: &Code) -> String;

    fn countdown(&self, code: &Code) -> Option<ProgressBar>;

    fn created(&self, code: &Code, location: &PairLocation) -> Result<(), Error>;
    fn consumed(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error>;
    fn named(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error>;
    fn expired(&self, code: &Code) -> Result<(), Error>;
    fn withdrawn(&self, code: &Code) -> Result<(), Error>;
}

/// Selects the reporter for the output format and the terminal.
pub(super) fn select_reporter<'a>(
    count: u32,
    context: &ApiContext<'a>,
) -> Result<Box<dyn Reporter + 'a>, Error> {
    let output = context.output;
    match output.format() {
        Format::Ndjson => Ok(Box::new(EventReporter { output, count, is_json: true })),
        _ if output.can_prompt() => {
            let is_local = context.account.profile.as_ref().is_some_and(|profile| profile.value == LOCAL);
            Ok(Box::new(InteractiveReporter { output, count, is_local }))
        }
        Format::Table => Ok(Box::new(EventReporter { output, count, is_json: false })),
        format @ (Format::Json | Format::Csv) => {
            let format = format.as_str();
            let message = format!("-o {format} cannot print the code before a phone uses it");
            Err(Error::usage(message).hint("use -o ndjson to print an object for each event"))
        }
    }
}

/// Prints events to stdout: JSON objects, or lines of text.
struct EventReporter<'a> {
    output: &'a Output,
    count: u32,
    is_json: bool,
}

impl EventReporter<'_> {
    fn print_event(
        &self,
        event: &str,
        code: &Code,
        fields: &[(&str, Value)],
        text: &str,
    ) -> Result<(), Error> {
        if !self.is_json {
            self.output.print(&format!("{event:<10} {text}\n"))?;
            return self.output.flush();
        }
        let mut object = json!({"event": event, "number": code.number, "count": self.count});
        for (name, value) in fields {
            object[*name] = value.clone();
        }
        self.output.print_json(&object)
    }
}

impl Reporter for EventReporter<'_> {
    fn is_interactive(&self) -> bool {
        false
    }

    fn is_output_closed(&self) -> bool {
        self.output.is_stdout_closed()
    }

    fn describe_code(&self, code: &Code) -> String {
        format!("the code of enrollment {}", escape_control(&code.enrollment_id))
    }

    fn countdown(&self, _: &Code) -> Option<ProgressBar> {
        None
    }

    fn created(&self, code: &Code, _: &PairLocation) -> Result<(), Error> {
        let text = format!("{}  valid until {}", code.escaped(), code.format_expiry());
        self.print_event("created", code, &[("enrollment", to_json(&code.enrollment))], &text)
    }

    fn consumed(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error> {
        let fields = [("enrollment_id", code.enrollment_id.as_str().into()), ("device", to_json(device))];
        self.print_event("consumed", code, &fields, &describe_device(device))
    }

    fn named(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error> {
        self.print_event("named", code, &[("device", to_json(device))], &describe_device(device))
    }

    fn expired(&self, code: &Code) -> Result<(), Error> {
        let id = code.enrollment_id.as_str();
        self.print_event("expired", code, &[("enrollment_id", id.into())], &escape_control(id))
    }

    fn withdrawn(&self, code: &Code) -> Result<(), Error> {
        let id = code.enrollment_id.as_str();
        self.print_event("withdrawn", code, &[("enrollment_id", id.into())], &escape_control(id))
    }
}

fn to_json<T>(resource: &Resource<T>) -> Value {
    Value::Object(resource.raw().clone())
}

/// Prints instructions to stderr.
struct InteractiveReporter<'a> {
    output: &'a Output,
    count: u32,
    /// On the emulator, where a phone can be simulated.
    is_local: bool,
}

impl Reporter for InteractiveReporter<'_> {
    fn is_interactive(&self) -> bool {
        true
    }

    fn is_output_closed(&self) -> bool {
        false
    }

    fn describe_code(&self, code: &Code) -> String {
        format!("the code {}", code.escaped())
    }

    fn countdown(&self, code: &Code) -> Option<ProgressBar> {
        Some(self.output.show_countdown("waiting for the phone", code.created_at + code.time_left))
    }

    fn created(&self, code: &Code, location: &PairLocation) -> Result<(), Error> {
        let output = self.output;
        let text = code.escaped();
        if !output.is_quiet() {
            let phone = match self.count {
                1 => "a phone".to_owned(),
                count => format!("phone {} of {count}", code.number),
            };
            let location = location.name.as_deref().map(|name| format!(" at {}", escape_control(name)));
            output.message(&format!("Pair {phone}{}:\n", location.unwrap_or_default()));
            output.message("  1. Open the Kustom POS app.");
            output.message("  2. Choose to enter a code.");
            output.message("  3. Enter this code:\n");
        }
        output.print_large(&text);
        let lifetime = format_duration(round_to_minutes(code.time_left));
        output.message(&format!("\n  {text} is valid until {} ({lifetime}).", code.format_expiry()));
        if self.is_local && !output.is_quiet() {
            output.message("  No phone? Simulate one in another terminal:");
            output.message(&format!("  kustom --profile {LOCAL} dev pos pair {text}"));
        }
        output.message("");
        Ok(())
    }

    fn consumed(&self, _: &Code, device: &Resource<Device>) -> Result<(), Error> {
        let name = match device.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("'{}'", escape_control(name)),
            None => describe_device(device),
        };
        self.output.message(&format!("A phone has used the code: device {name}."));
        Ok(())
    }

    fn named(&self, _: &Code, device: &Resource<Device>) -> Result<(), Error> {
        // A single device is reported at the end.
        if self.count > 1 {
            let name = escape_control(device.name.as_deref().unwrap_or_default());
            self.output.message(&format!("{name} is ready.\n"));
        }
        Ok(())
    }

    fn expired(&self, _: &Code) -> Result<(), Error> {
        Ok(())
    }

    fn withdrawn(&self, _: &Code) -> Result<(), Error> {
        Ok(())
    }
}

/// Hides the moment that the response took, unless the lifetime is short.
fn round_to_minutes(lifetime: Duration) -> Duration {
    let minutes = (lifetime.as_secs() + 30) / 60;
    if minutes < 5 { lifetime } else { Duration::from_secs(minutes * 60) }
}
