mod cancel;
mod choose;
mod decline;
mod network;
mod pair;
mod pay;

use clap::builder::PossibleValue;
use clap::{Subcommand, ValueEnum};
use serde::Deserialize as _;
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

/// Simulate the phone, on an emulator only
///
/// These commands do what a clerk and a customer do in the Kustom POS app, so that pairing and payments can be tried
/// without a phone. They need --profile local or an emulator on this machine. To start, create a code with `kustom
/// enrollments create` and use it with `kustom dev pos pair`.
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
        POS_GUARD.check_endpoint(context)?;
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

const POS_GUARD: EmulatorOnly = EmulatorOnly {
    message: "`kustom dev pos` simulates the phone on an emulator",
    hint: "use the Kustom POS app on a phone, or add --profile local to use the emulator",
    playground_hint: Some("to simulate a card payment on playground, use `kustom dev simulate-tap`"),
};

/// Prints the session after an action, then a status line of `describe` and commands to continue with.
async fn print_result(
    id: Uuid,
    result: Result<Resource<Session>, api::Error>,
    describe: impl FnOnce(Option<PaymentMethod>) -> String,
    context: &ApiContext<'_>,
) -> Result<ExitStatus, Error> {
    let flag = context.settings.profile_flag();
    let session = match result {
        Ok(session) => session,
        Err(error) => {
            let hint = match error.status() {
                Some(404) => format!("list the sessions created on this machine: kustom{flag} sessions list"),
                _ => format!("check its status: kustom{flag} sessions get {id}"),
            };
            return Err(POS_GUARD.add_hint(error, context, hint).await);
        }
    };
    context.output.print_item(&session)?;
    let method = session.raw().get("method").and_then(|method| PaymentMethod::deserialize(method).ok());
    let sentences = [describe(method), outcome::describe_status(&session)].join(" ");
    let commands = suggest_commands(id, session.status.as_ref(), &flag);
    context.output.status(&format!("{}{commands}", sentences.trim_start()));
    Ok(ExitStatus::Success)
}

fn suggest_commands(id: Uuid, status: Option<&SessionStatus>, flag: &str) -> String {
    match status {
        Some(SessionStatus::Created) => format!("\n  choose: kustom{flag} dev pos choose {id} --method card"),
        Some(SessionStatus::Active) => {
            format!("\n  pay: kustom{flag} dev pos pay {id}\n  decline: kustom{flag} dev pos decline {id}")
        }
        Some(SessionStatus::Cancelled | SessionStatus::Expired | SessionStatus::Failed) => {
            format!("\n  new session: kustom{flag} sessions create")
        }
        Some(SessionStatus::Finalized | SessionStatus::Other(_)) | None => String::new(),
    }
}

/// A phrase that completes "The customer used …".
const fn describe_method(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "a card",
        PaymentMethod::Klarna => "Klarna",
        PaymentMethod::Swish => "Swish",
        PaymentMethod::Vipps => "Vipps",
    }
}
