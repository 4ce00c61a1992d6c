mod code;
mod location;
mod naming;
mod reporter;
mod wait;

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;

use self::code::{Code, WithdrawOutcome};
use self::location::PairLocation;
use self::naming::{check_name, describe_device, list_names};
use self::reporter::Reporter;
use self::wait::{StopReason, WaitOutcome};
use super::create::check_lifetime;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Device, Metadata, Resource};
use crate::output::Format;
use crate::polling::pairing::TAG;
use crate::text::{escape_control, shell_quote};

/// Pair a phone: create a code, wait for the phone and name it
///
/// Enter the code in the Kustom POS app on the phone. kustom tags the enrollment and finds the phone by that tag, so
/// several people can pair phones at the same time. On a terminal, Ctrl-C asks whether to keep waiting, to withdraw the
/// code or to leave it; in a script, it withdraws the code.
///
/// In a script, use -o ndjson to print an object for each event (created, consumed, named, expired, withdrawn); kustom
/// then asks no questions.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom enrollments pair                      # asks for a location and a name
  kustom enrollments pair --location 'Stockholm City' --name 'Till 2'

Exit codes:
   0  the phone was paired and named
   7  a code may still be valid, or a phone may not have its name; the error says which
  11  the code expired before a phone used it
  13  the timeout ended the wait, and the code was withdrawn

Next:
  kustom devices list                # show the new device
  kustom sessions create --device DEVICE --amount 1.00 --watch
"))]
pub(crate) struct Args {
    /// Wait for the phone that uses this code, or this enrollment's [default: create a code]
    #[arg(add = complete::enrollments())]
    #[arg(value_name = "CODE|ENROLLMENT", value_parser = NonEmptyStringValueParser::new(),
          conflicts_with_all = ["location", "count", "metadata"])]
    code: Option<String>,
    /// Location name, ID or ID prefix [default: the profile's location, or select from a list]
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// Device name [default: ask for it, or the first unused of "LOCATION till 1", "LOCATION till 2", …]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "count")]
    name: Option<String>,
    /// Number of phones to pair, one after another
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = args::parse_count)]
    count: u32,
    /// Lifetime of the code, such as 30m, 2h or 3d
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = args::parse_duration)]
    expires_in: Duration,
    /// Metadata of the device (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::parse_pair)]
    metadata: Vec<(String, String)>,
    /// Keep the tag in the metadata of the device
    #[arg(long)]
    keep_tag: bool,
    /// Polling interval, at least 100ms
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = args::parse_duration)]
    interval: Duration,
}

struct Pair<'a> {
    context: &'a ApiContext<'a>,
    /// For requests that the first interruption must not cancel.
    cleanup: ApiContext<'a>,
    location: PairLocation,
    name: Option<String>,
    count: u32,
    expires_in: Duration,
    metadata: Metadata,
    keep_tag: bool,
    interval: Duration,
    reporter: Reporter<'a>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { code, location, name, count, expires_in, metadata, keep_tag, interval } = self;
        context.output.check_columns::<Resource<Device>>()?;
        check_lifetime(expires_in)?;
        let metadata = args::collect_metadata(metadata)?;
        if metadata.contains_key(TAG) {
            return Err(Error::usage(format!(
                "--metadata: the key '{TAG}' is reserved for kustom's own tag"
            )));
        }
        let reporter = Reporter::new(count, context)?;
        let resumed = match code {
            Some(code) => {
                Some(Box::pin(context.run_until_cancelled(Pair::resume_code(&code, context))).await?)
            }
            None => None,
        };
        let location = async {
            match &resumed {
                Some(code) => Ok(PairLocation::of(&code.enrollment, context).await),
                None => PairLocation::resolve(location.as_deref(), reporter.is_interactive, context).await,
            }
        };
        let location = Box::pin(context.run_until_cancelled(location)).await?;
        if let Some(name) = &name {
            let names = context.run_until_cancelled(list_names(None, context)).await?;
            check_name(name, &names).map_err(|message| {
                let name = shell_quote(name);
                Error::usage(format!("{message}; no code was created")).hint(format!(
                    "choose another name, or remove the device: kustom devices deregister {name}"
                ))
            })?;
        }
        let cleanup = context.for_cleanup();
        let pair = Pair {
            context,
            cleanup,
            location,
            name,
            count,
            expires_in,
            metadata,
            keep_tag,
            interval: interval.max(args::MIN_POLL_INTERVAL),
            reporter,
        };
        Box::pin(pair.pair_devices(resumed)).await
    }
}

/// What happens after the wait for a phone.
enum NextStep {
    Rename(Box<Resource<Device>>),
    NewCode,
    Exit(ExitStatus),
}

impl Pair<'_> {
    async fn pair_devices(&self, mut resumed: Option<Code>) -> Result<ExitStatus, Error> {
        let mut devices = Vec::new();
        let mut result = Ok(ExitStatus::Success);
        for number in 1..=self.count {
            result = Box::pin(self.pair_device(number, resumed.take(), &mut devices)).await;
            if !matches!(result, Ok(ExitStatus::Success)) {
                break;
            }
        }
        let printed = self.print_devices(&devices, matches!(result, Ok(ExitStatus::Success))).await;
        // A failure to pair decides the exit code, even if the output failed too.
        let status = result?;
        printed.map(|()| status)
    }

    async fn print_devices(&self, devices: &[Resource<Device>], is_complete: bool) -> Result<(), Error> {
        let output = self.context.output;
        if output.format() == Format::Ndjson {
            return Ok(());
        }
        match devices {
            [] => {}
            [device] if self.count == 1 => self.context.print_item_with_names(device).await?,
            devices => {
                self.context.learn_names(devices).await;
                output.print_list(devices.iter().cloned())?;
            }
        }
        if let Some(name) = devices.last().and_then(|device| device.name.as_deref())
            && is_complete
        {
            if self.count == 1 {
                self.context.report_change(&format!("{} is ready.", escape_control(name)));
            }
            let name = shell_quote(name);
            let currency = if self.context.account.currency.is_none() { " --currency SEK" } else { "" };
            output.status(&format!(
                "Take a payment: kustom sessions create --device {name} --amount 1.00{currency} --watch"
            ));
        }
        Ok(())
    }

    /// Pairs a phone, and appends its device to `devices` even if it cannot be named.
    async fn pair_device(
        &self,
        number: u32,
        mut resumed: Option<Code>,
        devices: &mut Vec<Resource<Device>>,
    ) -> Result<ExitStatus, Error> {
        loop {
            let code = match resumed.take() {
                Some(code) => code,
                None => self.create_code(number).await?,
            };
            // As soon as a person sees the code, Ctrl-C asks what to do with it.
            let hold = self.reporter.is_interactive.then(|| self.context.interrupts.hold());
            let outcome = match self.reporter.report_created(&code, &self.location) {
                Ok(()) => self.wait(&code).await,
                Err(error) if error.kind == ErrorKind::ClosedPipe => {
                    WaitOutcome::Stopped(StopReason::OutputClosed)
                }
                Err(error) => WaitOutcome::Stopped(StopReason::Failed(error)),
            };
            drop(hold);
            let device = match self.handle_outcome(outcome, &code).await? {
                NextStep::Rename(device) => device,
                NextStep::NewCode => continue,
                NextStep::Exit(status) => return Ok(status),
            };
            // The phone gets its name even if the output fails.
            let reported = self.reporter.report_consumed(&code, &device);
            let renamed = self.rename_device(&device).await;
            devices.push(renamed.as_ref().unwrap_or(&device).clone());
            let renamed = renamed?;
            reported?;
            self.reporter.report_named(&code, &renamed)?;
            return Ok(ExitStatus::Success);
        }
    }

    async fn handle_outcome(&self, outcome: WaitOutcome, code: &Code) -> Result<NextStep, Error> {
        match outcome {
            WaitOutcome::Paired(device) => Ok(NextStep::Rename(device)),
            WaitOutcome::Expired => self.handle_expiry(code).await,
            WaitOutcome::DeviceMissing => {
                let message = "a phone used the code, but it does not appear among the devices";
                Err(Error::new(ErrorKind::NotFound, message).hint("look for it later: kustom devices list"))
            }
            WaitOutcome::Left => {
                let output = self.context.output;
                output.status(&format!("The code is valid until {}.", code.format_expiry()));
                output.status(&format!(
                    "Wait for the phone again: kustom enrollments pair {}",
                    escape_control(&code.enrollment_id)
                ));
                Ok(NextStep::Exit(ExitStatus::NotPaired))
            }
            WaitOutcome::Stopped(reason) => self.withdraw_unused(reason, code).await,
        }
    }

    async fn handle_expiry(&self, code: &Code) -> Result<NextStep, Error> {
        self.reporter.report_unused("expired", code)?;
        if !self.reporter.is_interactive {
            return Ok(NextStep::Exit(ExitStatus::CodeExpired));
        }
        let output = self.context.output;
        let question = output.ask_yes_no("The code has expired.", "Create a new one?", true);
        let wants_new_code = self.context.run_until_cancelled(question).await?;
        Ok(if wants_new_code { NextStep::NewCode } else { NextStep::Exit(ExitStatus::CodeExpired) })
    }

    /// Withdraws a code that no phone has used as far as is known. A phone may still be faster.
    async fn withdraw_unused(&self, reason: StopReason, code: &Code) -> Result<NextStep, Error> {
        match (reason, self.withdraw(code).await) {
            (
                StopReason::LifetimeOver | StopReason::TimedOut | StopReason::NotListed,
                WithdrawOutcome::Used(device),
            ) => Ok(NextStep::Rename(device)),
            (StopReason::LifetimeOver, WithdrawOutcome::Withdrawn) => self.handle_expiry(code).await,
            (StopReason::OutputClosed, WithdrawOutcome::Withdrawn) => {
                Ok(NextStep::Exit(ExitStatus::NotPaired))
            }
            (StopReason::NotListed, WithdrawOutcome::Withdrawn) => {
                let message = "the code was withdrawn elsewhere; no phone was paired";
                Err(Error::new(ErrorKind::NotFound, message))
            }
            (reason @ StopReason::TimedOut, WithdrawOutcome::Withdrawn) => {
                self.reporter.report_unused("withdrawn", code)?;
                let message = reason.into_error(code).message;
                self.context.output.warn(&format!("{message}; the code was withdrawn"));
                Ok(NextStep::Exit(ExitStatus::NotPaired))
            }
            (reason, outcome) => Err(self.add_outcome(reason.into_error(code), outcome, code)),
        }
    }

    /// Adds to an error whether the code can still be used.
    fn add_outcome(&self, mut error: Error, outcome: WithdrawOutcome, code: &Code) -> Error {
        let (message, hint) = match outcome {
            WithdrawOutcome::Withdrawn => {
                // The error says so too, in case the output fails.
                let _ = self.reporter.report_unused("withdrawn", code);
                ("the code was withdrawn".to_owned(), None)
            }
            WithdrawOutcome::Used(device) => (
                format!("a phone used the code before: it is device {}", describe_device(&device)),
                Some(self.rename_hint(&device)),
            ),
            WithdrawOutcome::Failed => {
                if error.kind == ErrorKind::Unavailable {
                    error.kind = ErrorKind::Unknown;
                }
                let id = &code.enrollment_id;
                (
                    format!("{} is valid until {}", self.reporter.describe_code(code), code.format_expiry()),
                    Some(format!("withdraw it: kustom enrollments delete {id}")),
                )
            }
        };
        error.message = format!("{}; {message}", error.message);
        let error = error.detail("enrollment_id", code.enrollment_id.as_str());
        hint.into_iter().fold(error, Error::hint)
    }
}
