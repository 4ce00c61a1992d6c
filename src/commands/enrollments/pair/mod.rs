//! `kustom enrollments pair`

mod code;
mod location;
mod naming;
mod reporter;
mod wait;

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use tokio_util::sync::CancellationToken;

use self::code::{Code, WithdrawOutcome};
use self::location::PairLocation;
use self::reporter::PairReporter;
use self::wait::{UnusedReason, WaitOutcome};
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Device, Metadata, Resource};
use crate::polling::pairing::TAG;
use crate::text::escape_control;
use crate::text::format_duration;

/// How often to look where nothing else is asked for.
const USUAL_INTERVAL: Duration = Duration::from_secs(2);

const MORE: &str = "\
Examples:
  kustom enrollments pair                                          # asks where, and for a name
  kustom enrollments pair --location 'Stockholm City' --name 'Till 2'
  kustom enrollments pair --location 'Stockholm City' --count 3 -o ndjson --timeout 30m

Exit codes:
   0  paired and named
   7  something may be left, which the error names: a code, or a phone without its name
  11  the code expired before a phone used it
  13  --timeout ended the wait, and the code was withdrawn

Next:
  kustom devices list                # the phone is among them
  kustom sessions create --device DEVICE --amount 1.00 --watch
";

/// Pair a phone: shows a code, notices the phone that uses it, and names it
///
/// Choose where the phone will stand and enter the code in the Kustom POS app. The phone is known by a tag that its
/// enrollment carries, whoever else pairs one at the same moment. Ctrl-C withdraws the code.
///
/// In a script use -o ndjson: an object for each event (created, consumed, named, expired, withdrawn), and no
/// questions. Exit 11: the code expired before a phone used it. Exit 13: --timeout ended the wait, and the code was
/// withdrawn.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Where the phone will stand: the location's name, its id or the beginning of its id; the profile's default
    /// location unless told otherwise, and on a terminal it can be chosen from a list
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// The phone's name; where nobody is asked, the first free one of "LOCATION till 1", "LOCATION till 2", …
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "count")]
    name: Option<String>,
    /// Pair so many phones, one after another
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// How long a code can be used, such as 30m, 2h or 3d
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = args::duration)]
    expires_in: Duration,
    /// Metadata, which the device will carry
    #[arg(long, value_name = "KEY=VALUE", value_parser = args::pair)]
    metadata: Vec<(String, String)>,
    /// Leave the tag that the phone was known by in the device's metadata
    #[arg(long)]
    keep_tag: bool,
    /// How often to look; every two seconds unless told otherwise
    #[arg(long, value_name = "DURATION", value_parser = args::duration)]
    interval: Option<Duration>,
}

/// Pairs phones at one location.
struct Pair<'a> {
    /// Its requests end with the first interruption.
    context: &'a ApiContext<'a>,
    /// Its requests end with the second.
    cleanup: ApiContext<'a>,
    place: PairLocation,
    name: Option<String>,
    expires_in: Duration,
    metadata: Metadata,
    keep_tag: bool,
    interval: Duration,
    telling: PairReporter<'a>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { location, name, count, expires_in, metadata, keep_tag, interval } = self;
        if expires_in < Duration::from_millis(1) {
            return Err(Error::usage("--expires-in must be a millisecond at least"));
        }
        let metadata = args::metadata(metadata)?;
        if metadata.contains_key(TAG) {
            return Err(Error::usage(format!("--metadata: '{TAG}' is the tag that the phone is known by")));
        }
        let count = count.unwrap_or(1);
        let telling = PairReporter::new(count, context)?;
        let place = PairLocation::find(location.as_deref(), telling.is_interactive(), context);
        let place = context.run_until_cancelled(place).await?;
        if let Some(name) = &name {
            context.run_until_cancelled(naming::check_free(name, context)).await?;
        }
        let interval = interval.unwrap_or(USUAL_INTERVAL);
        let cleanup = context.for_cleanup();
        let pair = Pair { context, cleanup, place, name, expires_in, metadata, keep_tag, interval, telling };
        let mut ended = Ok(ExitStatus::Success);
        for number in 1..=count {
            ended = pair.one(number).await;
            if !matches!(ended, Ok(ExitStatus::Success)) {
                break;
            }
        }
        // How it ended counts for more than whether it could be shown.
        let shown = pair.telling.finish();
        match ended {
            Ok(ExitStatus::Success) => shown.map(|()| ExitStatus::Success),
            ended => ended,
        }
    }
}

/// What comes after the wait for a phone.
enum NextStep {
    /// This phone used the code.
    Phone(Box<Resource<Device>>),
    /// Somebody wants another code.
    Again,
    /// It is over.
    Exit(ExitStatus),
}

impl Pair<'_> {
    /// Pairs one phone, with as many codes as it takes.
    async fn one(&self, number: u32) -> Result<ExitStatus, Error> {
        loop {
            let code = self.create_code().await?;
            if let Err(error) = self.telling.created(number, &code, &self.place) {
                return self.on_output_closed(error, &code).await;
            }
            let end = tokio::select! {
                biased;
                end = self.wait(&code) => end,
                () = self.context.cancel.cancelled() => return Err(self.abort(interrupted(), &code).await),
            };
            let device = match self.after(end, &code).await? {
                NextStep::Phone(device) => device,
                NextStep::Again => continue,
                NextStep::Exit(exit) => return Ok(exit),
            };
            // The phone gets its name even where nobody reads of it any more.
            let told = self.telling.consumed(&code, (*device).clone());
            let named = tokio::select! {
                biased;
                named = self.rename_device(&device) => named?,
                () = self.context.cancel.cancelled() => return Err(self.rename_failed(interrupted(), &device)),
            };
            return told.and(self.telling.named(named)).map(|()| ExitStatus::Success);
        }
    }

    /// What the end of a wait means.
    async fn after(&self, end: WaitOutcome, code: &Code) -> Result<NextStep, Error> {
        match end {
            WaitOutcome::Paired(device) => Ok(NextStep::Phone(device)),
            WaitOutcome::Expired => self.expired(code).await,
            WaitOutcome::Unused(why) => self.unused(why, code).await,
            WaitOutcome::Lost(error) => Err(error),
            WaitOutcome::Failed(error) => Err(self.abort(error, code).await),
            WaitOutcome::OutputClosed => {
                let error = Error::new(ErrorKind::ClosedPipe, "nobody reads any more");
                self.on_output_closed(error, code).await.map(NextStep::Exit)
            }
        }
    }

    /// Withdraws a code that nobody has used, as far as is known. A phone may be faster.
    async fn unused(&self, why: UnusedReason, code: &Code) -> Result<NextStep, Error> {
        let told = match why {
            UnusedReason::Over => "the code's time is over by this machine's clock".to_owned(),
            UnusedReason::TimedOut => {
                format!("no phone used the code in {}", format_duration(code.made.elapsed()))
            }
            UnusedReason::Gone => "the enrollment has left the list".to_owned(),
        };
        match (self.withdraw_unless_interrupted(code).await, why) {
            (WithdrawOutcome::Used(device), _) => Ok(NextStep::Phone(device)),
            (fate @ WithdrawOutcome::Valid, _) => {
                Err(self.with_fate(Error::new(ErrorKind::Unknown, told), fate, code))
            }
            (WithdrawOutcome::Withdrawn, UnusedReason::Over) => self.expired(code).await,
            (WithdrawOutcome::Withdrawn, UnusedReason::Gone) => {
                Err(Error::new(ErrorKind::NotFound, "somebody withdrew the code; no phone was paired"))
            }
            (WithdrawOutcome::Withdrawn, UnusedReason::TimedOut) => {
                self.telling.withdrawn(code)?;
                self.context.output.warn(&format!("{told}; it was withdrawn"));
                Ok(NextStep::Exit(ExitStatus::NotPaired))
            }
        }
    }

    async fn expired(&self, code: &Code) -> Result<NextStep, Error> {
        self.telling.expired(code)?;
        Ok(if self.prompt_new_code().await? {
            NextStep::Again
        } else {
            NextStep::Exit(ExitStatus::CodeExpired)
        })
    }

    /// Ends a wait that nobody reads of. Where they have gone away, and the code with them, there is nothing to say.
    async fn on_output_closed(&self, mut error: Error, code: &Code) -> Result<ExitStatus, Error> {
        let closed = error.kind == ErrorKind::ClosedPipe;
        let fate = self.withdraw_unless_interrupted(code).await;
        if closed {
            if matches!(fate, WithdrawOutcome::Withdrawn) {
                return Ok(ExitStatus::NotPaired);
            }
            error.kind = ErrorKind::Unknown;
        }
        Err(self.with_fate(error, fate, code))
    }

    /// Whether somebody wants a new code for the one that expired.
    async fn prompt_new_code(&self) -> Result<bool, Error> {
        if !self.telling.is_interactive() {
            return Ok(false);
        }
        self.context.output.flush_input();
        tokio::select! {
            biased;
            again = self.context.output.ask_yes_no("The code has expired.", "Make a new one?", true) => again,
            () = self.next_interruption().cancelled() => Err(interrupted()),
        }
    }

    /// Ends the wait for a code before its time, and says what has become of the code.
    async fn abort(&self, why: Error, code: &Code) -> Error {
        let fate = self.withdraw_unless_interrupted(code).await;
        if matches!(fate, WithdrawOutcome::Withdrawn) {
            // Whoever does not read that learns it from the error.
            let _ = self.telling.withdrawn(code);
        }
        self.with_fate(why, fate, code)
    }

    /// Withdraws the code, unless somebody does not even want to wait for that.
    async fn withdraw_unless_interrupted(&self, code: &Code) -> WithdrawOutcome {
        tokio::select! {
            biased;
            fate = self.withdraw(code) => fate,
            () = self.next_interruption().cancelled() => WithdrawOutcome::Valid,
        }
    }

    /// The token that the next interruption cancels.
    fn next_interruption(&self) -> &CancellationToken {
        if self.context.cancel.is_cancelled() { &self.context.abort } else { &self.context.cancel }
    }

    /// A failure with what has become of the code.
    fn with_fate(&self, mut error: Error, fate: WithdrawOutcome, code: &Code) -> Error {
        let flag = self.context.settings.profile_flag();
        let (message, hint) = match fate {
            WithdrawOutcome::Withdrawn => ("the code was withdrawn".to_owned(), None),
            WithdrawOutcome::Used(device) => {
                let shown = naming::shown(&device);
                (
                    format!("a phone used the code before that: it is device {shown}"),
                    Some(self.manual_rename_hint(&device)),
                )
            }
            WithdrawOutcome::Valid => {
                if error.kind == ErrorKind::Unavailable {
                    error.kind = ErrorKind::Unknown;
                }
                let which = self.telling.describe_code(code);
                let withdraw =
                    format!("withdraw it: kustom{flag} enrollments delete {}", escape_control(&code.id));
                (format!("{which} can be used until {}", code.until()), Some(withdraw))
            }
        };
        error.message = format!("{}; {message}", error.message);
        let error = error.detail("enrollment_id", code.id.as_str());
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}
