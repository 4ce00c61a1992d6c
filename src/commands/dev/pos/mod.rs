//! The phone, played on an emulator.

mod cancel;
mod choose;
mod decline;
mod network;
mod pair;
mod pay;

use clap::builder::PossibleValue;
use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use uuid::Uuid;

use crate::api;
use crate::commands::dev::emulator_only::EmulatorOnly;
use crate::commands::help::text::after_help;
use crate::commands::sessions::outcome;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{PaymentMethod, Resource, Session, SessionStatus};

const MORE: &str = "\
Examples:
  kustom dev pos choose SESSION --method card
  kustom dev pos decline SESSION --outcome expired-card
  kustom dev pos pay SESSION

Next:
  kustom sessions watch SESSION
";

/// Play the phone, on an emulator only
///
/// What a clerk and a customer do in the Kustom POS app: use a code, choose a method, pay, be declined, cancel; or lose
/// the connection. It is for trying pairing and waiting without a phone, with --profile local or an emulator on this
/// machine. Begin with `kustom enrollments create`, and use its code with `kustom dev pos pair`.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help(MORE))]
pub(crate) enum Command {
    Pair(pair::Args),
    Choose(choose::Args),
    Pay(pay::Args),
    Decline(decline::Args),
    Cancel(cancel::Args),
    Offline(network::OfflineArgs),
    Online(network::OnlineArgs),
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        POS_GUARD.on_this_machine(context)?;
        match self {
            Self::Pair(args) => args.run(context).await,
            Self::Choose(args) => args.run(context).await,
            Self::Pay(args) => args.run(context).await,
            Self::Decline(args) => args.run(context).await,
            Self::Cancel(args) => args.run(context).await,
            Self::Offline(args) => args.run(context).await,
            Self::Online(args) => args.run(context).await,
        }
    }
}

impl ValueEnum for PaymentMethod {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).alias(self.as_str()))
    }
}

/// Where there is a phone, a person holds it.
const POS_GUARD: EmulatorOnly = EmulatorOnly {
    does: "`kustom dev pos` plays the phone on an emulator",
    instead: "use the Kustom POS app on a phone, or try it without one: add --profile local",
    on_playground: Some("playground needs no phone for a payment by card: see `kustom dev simulate-tap`"),
};

/// Shows a session after something was done to it, or why it could not be done.
async fn print_result(
    id: Uuid,
    done: Result<Resource<Session>, api::Error>,
    said: impl FnOnce(Option<PaymentMethod>) -> String,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let flag = context.settings.profile_flag();
    let session = match done {
        Ok(session) => session,
        Err(error) => {
            let next = match error.status() {
                Some(404) => format!("list those that were created here with `kustom{flag} sessions list`"),
                _ => format!("see how it stands with `kustom{flag} sessions get {id}`"),
            };
            return Err(POS_GUARD.explain_error(error, context, next).await);
        }
    };
    context.output.print_item(&session)?;
    let method = session.raw().get("method").and_then(Value::as_str).and_then(PaymentMethod::find);
    let words = [said(method), outcome::describe_status(&session)].join(" ");
    context.output.status(&format!("{}{}", words.trim_start(), next(id, session.status.as_ref(), &flag)));
    Ok(ExitStatus::Success)
}

/// What can be done on the phone now, a line each.
fn next(id: Uuid, status: Option<&SessionStatus>, flag: &str) -> String {
    match status {
        Some(SessionStatus::Created) => format!("\n  choose: kustom{flag} dev pos choose {id} --method card"),
        Some(SessionStatus::Active) => {
            format!("\n  pay: kustom{flag} dev pos pay {id}\n  decline: kustom{flag} dev pos decline {id}")
        }
        Some(SessionStatus::Cancelled | SessionStatus::Expired | SessionStatus::Failed) => {
            format!("\n  another try: kustom{flag} sessions create")
        }
        Some(SessionStatus::Finalized | SessionStatus::Other(_)) | None => String::new(),
    }
}

/// A method as the end of a sentence: the customer pays with …
const fn payment_phrase(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "a card",
        PaymentMethod::Klarna => "Klarna",
        PaymentMethod::Swish => "Swish",
        PaymentMethod::Vipps => "Vipps",
    }
}
