//! Output while pairing: instructions on stderr for a user at the terminal, or events on stdout for a script.

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

pub(super) struct Reporter<'a> {
    output: &'a Output,
    count: u32,
    /// Whether the user can be asked for a name or for a new code.
    pub(super) is_interactive: bool,
    /// On the emulator, where a phone can be simulated.
    is_local: bool,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(count: u32, context: &ApiContext<'a>) -> Result<Self, Error> {
        let output = context.output;
        let format = output.format();
        let is_interactive = format != Format::Ndjson && output.can_prompt();
        if !is_interactive && matches!(format, Format::Json | Format::Csv | Format::Name) {
            let format = format.as_str();
            let message = format!("-o {format} cannot print the code before a phone uses it");
            return Err(Error::usage(message).hint("use -o ndjson to print an object for each event"));
        }
        let is_local = context.account.profile.as_ref().is_some_and(|profile| profile.value == LOCAL);
        Ok(Self { output, count, is_interactive, is_local })
    }

    /// Returns true if the reader of stdout is gone, so that nobody learns the code.
    pub(super) fn is_output_closed(&self) -> bool {
        !self.is_interactive && self.output.is_stdout_closed()
    }

    /// Names the code in an error. Errors end up in logs, so they contain the code itself only if the user sees it anyway.
    pub(super) fn describe_code(&self, code: &Code) -> String {
        if self.is_interactive {
            format!("the code {}", code.escaped())
        } else {
            format!("the code of enrollment {}", escape_control(&code.enrollment_id))
        }
    }

    pub(super) fn show_countdown(&self, code: &Code) -> Option<ProgressBar> {
        let deadline = code.created_at + code.lifetime;
        self.is_interactive.then(|| self.output.show_countdown("waiting for the phone", deadline))
    }

    pub(super) fn report_created(&self, code: &Code, location: &PairLocation) -> Result<(), Error> {
        if self.is_interactive {
            self.print_instructions(code, location);
            return Ok(());
        }
        let text = format!("{}  valid until {}", code.escaped(), code.format_expiry());
        self.print_event("created", code, json!({"enrollment": code.enrollment.raw()}), &text)
    }

    pub(super) fn report_consumed(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error> {
        if self.is_interactive {
            let name = escape_control(device.name.as_deref().unwrap_or_default());
            self.output.message(&format!("A phone has used the code: device '{name}'."));
            return Ok(());
        }
        let fields = json!({"enrollment_id": code.enrollment_id, "device": device.raw()});
        self.print_event("consumed", code, fields, &describe_device(device))
    }

    pub(super) fn report_named(&self, code: &Code, device: &Resource<Device>) -> Result<(), Error> {
        if !self.is_interactive {
            return self.print_event(
                "named",
                code,
                json!({"device": device.raw()}),
                &describe_device(device),
            );
        }
        // A single device is reported at the end.
        if self.count > 1 {
            let name = escape_control(device.name.as_deref().unwrap_or_default());
            self.output.message(&format!("{name} is ready.\n"));
        }
        Ok(())
    }

    /// Reports that the code expired or was withdrawn. Interactive users learn it from a question or an error.
    pub(super) fn report_unused(&self, event: &str, code: &Code) -> Result<(), Error> {
        if self.is_interactive {
            return Ok(());
        }
        let id = &code.enrollment_id;
        self.print_event(event, code, json!({"enrollment_id": id}), &escape_control(id))
    }

    fn print_event(&self, event: &str, code: &Code, fields: Value, text: &str) -> Result<(), Error> {
        if self.output.format() != Format::Ndjson {
            self.output.print(&format!("{event:<10} {text}\n"))?;
            return self.output.flush();
        }
        let mut object = json!({"event": event, "number": code.number, "count": self.count});
        if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
            object.extend(fields);
        }
        self.output.print_json(&object)
    }

    fn print_instructions(&self, code: &Code, location: &PairLocation) {
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
        let lifetime = format_duration(code.lifetime);
        output.message(&format!("\n  {text} is valid until {} ({lifetime}).", code.format_expiry()));
        if self.is_local && !output.is_quiet() {
            output.message("  No phone? Simulate one in another terminal:");
            output.message(&format!("  kustom --profile {LOCAL} dev pos pair {text}"));
        }
        output.message("");
    }
}
