//! `kustom dev pos`

use clap::builder::{NonEmptyStringValueParser, PossibleValue, TypedValueParser};
use clap::{Subcommand, ValueEnum};
use serde::Deserialize as _;
use uuid::Uuid;

use super::SessionArg;
use super::credentials::CredentialsArgs;
use super::emulator_only::EmulatorOnly;
use crate::api::{self, PosAction, pair_request, pos_action_request};
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::status;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{Device, PaymentMethod, Resource, Session, SessionStatus, TapOutcome};
use crate::secret::Secret;
use crate::text::escape_control;

const GUARD: EmulatorOnly = EmulatorOnly {
    message: "`kustom dev pos` simulates the phone on an emulator",
    hint: "use the Kustom POS app on a phone, or add --profile local to use the emulator",
    playground_hint: Some("to simulate a card payment on playground, use `kustom dev simulate-tap`"),
};

/// Simulate the phone, on an emulator only
///
/// These commands do what a clerk and a customer do in the Kustom POS app, so that pairing and payments can be tried
/// without a phone. They need --profile local or an emulator on this machine. To start, create a code with `kustom
/// enrollments create` and use it with `kustom dev pos pair`.
#[derive(Debug, Subcommand)]
#[command(after_help = after_help("\
Examples:
  kustom dev pos choose SESSION --method card
  kustom dev pos decline SESSION --outcome expired-card
  kustom dev pos pay SESSION

Next:
  kustom sessions watch SESSION"))]
pub(crate) enum Command {
    /// Pair a simulated phone with an enrollment code
    ///
    /// The phone becomes a device with the location and the metadata of the enrollment. Get a code with `kustom
    /// enrollments create`; each code works once.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos pair CODE
  kustom dev pos pair CODE --name 'Pixel 9'

Next:
  kustom devices list"))]
    Pair {
        /// Enrollment code
        #[arg(value_name = "CODE", value_parser = NonEmptyStringValueParser::new().map(Secret::new))]
        code: Secret,
        /// Device name
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: Option<String>,
        #[command(flatten)]
        credentials: CredentialsArgs,
    },

    /// Choose a payment method, as the clerk does
    ///
    /// The session becomes ACTIVE. The method can be changed while the session is open.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos choose SESSION --method card
  kustom dev pos choose SESSION --method swish

Next:
  kustom dev pos pay SESSION"))]
    Choose {
        #[command(flatten)]
        session: SessionArg,
        /// Payment method
        #[arg(long, value_name = "METHOD")]
        method: PaymentMethod,
    },

    /// Pay a session, as the customer does
    ///
    /// The session becomes FINALIZED and gets an order. `kustom sessions watch` then exits with 0.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos pay SESSION
  kustom dev pos pay SESSION --method klarna

Next:
  kustom sessions watch SESSION"))]
    Pay {
        #[command(flatten)]
        session: SessionArg,
        /// Payment method [default: the chosen method, or else card]
        #[arg(long, value_name = "METHOD")]
        method: Option<PaymentMethod>,
    },

    /// Decline the customer's payment
    ///
    /// If the clerk chose no method, the customer uses a card. The session stays ACTIVE, unless the emulator's option
    /// `status_after_decline` changes that.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos decline SESSION
  kustom dev pos decline SESSION --outcome insufficient-funds

Next:
  kustom dev pos pay SESSION         # try again"))]
    Decline {
        #[command(flatten)]
        session: SessionArg,
        /// Reason of the decline
        #[arg(long, value_name = "OUTCOME", default_value = "declined-generic", value_parser = args::decline_parser())]
        outcome: TapOutcome,
    },

    /// Cancel a session on the phone, as the clerk does
    ///
    /// The session becomes CANCELLED and nothing is charged. To cancel it from the till, use `kustom sessions cancel`.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos cancel SESSION
  kustom dev pos cancel SESSION -o json

Next:
  kustom sessions get SESSION"))]
    Cancel {
        #[command(flatten)]
        session: SessionArg,
    },

    /// Disconnect the phone from the network
    ///
    /// The emulator then rejects new sessions on the device, unless its option `offline_device` changes that. Reconnect
    /// the phone with `kustom dev pos online`.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos offline 'Till 1'
  kustom dev pos offline 'Till 1' -o json

Next:
  kustom dev pos online DEVICE"))]
    Offline {
        /// Device name, ID or ID prefix [default: select from a list]
        #[arg(value_name = "DEVICE", add = complete::devices())]
        device: Option<String>,
    },

    /// Reconnect the phone to the network
    ///
    /// New sessions reach the device again.
    #[command(after_help = after_help("\
Examples:
  kustom dev pos online 'Till 1'
  kustom dev pos online 'Till 1' -o json

Next:
  kustom sessions create --device DEVICE --amount 249.50"))]
    Online {
        /// Device name, ID or ID prefix [default: select from a list]
        #[arg(value_name = "DEVICE", add = complete::devices())]
        device: Option<String>,
    },
}

impl ValueEnum for PaymentMethod {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).alias(self.as_str()))
    }
}

impl Command {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        GUARD.check_endpoint(context)?;
        match self {
            Self::Pair { code, name, credentials } => {
                pair(&code, name.as_deref(), &credentials, context).await?;
            }
            Self::Choose { session, method } => {
                perform(session, PosAction::Choose(method), context).await?;
            }
            Self::Pay { session, method } => perform(session, PosAction::Pay(method), context).await?,
            Self::Decline { session, outcome } => {
                perform(session, PosAction::Decline(outcome), context).await?;
            }
            Self::Cancel { session } => perform(session, PosAction::Cancel, context).await?,
            Self::Offline { device } => {
                let id = set_offline(device, true, context).await?;
                let command = format!("kustom dev pos online {}", escape_control(&id));
                context.output.status(&format!("The device is offline.\n  reconnect it: {command}"));
            }
            Self::Online { device } => {
                set_offline(device, false, context).await?;
                context.output.status("The device is online.");
            }
        }
        Ok(ExitStatus::Success)
    }
}

async fn pair(
    code: &Secret,
    name: Option<&str>,
    credentials: &CredentialsArgs,
    context: &ApiContext<'_>,
) -> Result<(), Error> {
    let paired = context.client.send_json(&pair_request(code.expose(), name)).await;
    let mut device = GUARD.check(paired, context, "create another code: kustom enrollments create").await?;
    credentials.redact(&mut device);
    context.print_item_with_names(&device).await?;
    let id = escape_control(device.id.as_deref().unwrap_or("DEVICE"));
    context.output.status(&format!(
        "The phone is paired and can take payments.\n  \
         create a session: kustom sessions create --device {id} --amount 249.50 --currency SEK"
    ));
    Ok(())
}

/// Prints the device after the change, and returns its ID.
async fn set_offline(
    device: Option<String>,
    offline: bool,
    context: &ApiContext<'_>,
) -> Result<String, Error> {
    let id = context.find_or_select_id::<Device>(device.as_deref()).await?;
    let changed = context.client.pos_set_offline(&id, offline).await;
    let device = GUARD.check(changed, context, "list the devices: kustom devices list").await?;
    context.print_item_with_names(&device).await?;
    Ok(id)
}

/// Performs an action on a session, prints the session, and suggests commands to continue with.
async fn perform(session: SessionArg, action: PosAction, context: &ApiContext<'_>) -> Result<(), Error> {
    let id = session.resolve(context).await?;
    let performed = context.client.send_json(&pos_action_request(id, action)).await;
    let hint = match performed.as_ref().map_err(api::Error::status) {
        Err(Some(404)) => "list the sessions created on this machine: kustom sessions list".to_owned(),
        _ => format!("check its status: kustom sessions get {id}"),
    };
    let session: Resource<Session> = GUARD.check(performed, context, &hint).await?;
    context.print_item_with_names(&session).await?;
    let method = session.raw().get("method").and_then(|method| PaymentMethod::deserialize(method).ok());
    let sentences = [describe_action(action, method), status::describe_status(&session)].join(" ");
    let commands = suggest_commands(id, session.status.as_ref());
    context.output.status(&format!("{}{commands}", sentences.trim_start()));
    Ok(())
}

/// A sentence about the action; `method` is the session's payment method after it.
fn describe_action(action: PosAction, method: Option<PaymentMethod>) -> String {
    match action {
        PosAction::Choose(requested) => {
            format!("The clerk chose {}.", describe_method(method.unwrap_or(requested)))
        }
        PosAction::Pay(requested) => match method.or(requested) {
            Some(method) => format!("The customer used {}.", describe_method(method)),
            None => String::new(),
        },
        PosAction::Decline(outcome) => {
            let subject = match method {
                Some(PaymentMethod::Card) => "The card".to_owned(),
                Some(method) => format!("The payment with {}", describe_method(method)),
                None => "The payment".to_owned(),
            };
            format!("{subject} was {}.", outcome.meaning())
        }
        PosAction::Cancel => "The clerk canceled the session on the phone.".to_owned(),
    }
}

const fn describe_method(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "a card",
        PaymentMethod::Klarna => "Klarna",
        PaymentMethod::Swish => "Swish",
        PaymentMethod::Vipps => "Vipps",
    }
}

fn suggest_commands(id: Uuid, status: Option<&SessionStatus>) -> String {
    match status {
        Some(SessionStatus::Created) => format!("\n  choose: kustom dev pos choose {id} --method card"),
        Some(SessionStatus::Active) => {
            format!("\n  pay: kustom dev pos pay {id}\n  decline: kustom dev pos decline {id}")
        }
        Some(SessionStatus::Cancelled | SessionStatus::Expired | SessionStatus::Failed) => {
            "\n  new session: kustom sessions create".to_owned()
        }
        Some(SessionStatus::Finalized | SessionStatus::Other(_)) | None => String::new(),
    }
}
