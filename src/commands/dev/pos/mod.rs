//! The phone, played on an emulator.

mod cancel;
mod choose;
mod decline;
mod pair;
mod pay;

use clap::builder::PossibleValue;
use clap::{Subcommand, ValueEnum};
use http::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::api::{self, Request};
use crate::commands::sessions::outcome;
use crate::context::Online;
use crate::error::{Error, Exit};
use crate::model::{PaymentMethod, Received, Session, SessionStatus};
use crate::profiles::Environment;
use crate::settings::Endpoint;

/// Play the phone, on an emulator only
///
/// What a clerk and a customer do in the Kustom POS app: use a code, choose a method, pay, be declined, cancel. It
/// is for trying pairing and waiting without a phone, with --profile local or an emulator on this machine. Begin
/// with `kustom enrollments create`, and use its code with `kustom dev pos pair`.
#[derive(Debug, Subcommand)]
pub enum Command {
    Pair(pair::Args),
    Choose(choose::Args),
    Pay(pay::Args),
    Decline(decline::Args),
    Cancel(cancel::Args),
}

impl Command {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        on_this_machine(online)?;
        match self {
            Self::Pair(args) => args.run(online).await,
            Self::Choose(args) => args.run(online).await,
            Self::Pay(args) => args.run(online).await,
            Self::Decline(args) => args.run(online).await,
            Self::Cancel(args) => args.run(online).await,
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
const INSTEAD: &str = "use the Kustom POS app on a phone, or try it without one: add --profile local";

/// Refuses everything but what can be an emulator. Nothing is sent.
fn on_this_machine(online: &Online<'_>) -> Result<(), Error> {
    let account = &online.account;
    let refused = |why: String| {
        Error::usage(format!("`kustom dev pos` plays the phone on an emulator, and {why}")).hint(INSTEAD)
    };
    match &account.endpoint {
        _ if account.is_production() => Err(refused("this is production".to_owned())),
        Endpoint::Remote(url) if !url.value.is_loopback() => {
            let error = refused(format!("{} is not on this machine", url.value));
            Err(match account.environment.value {
                Environment::Playground => error
                    .hint("playground needs no phone for a payment by card: see `kustom dev simulate-tap`"),
                Environment::Production | Environment::Local => error,
            })
        }
        Endpoint::InProcess | Endpoint::Remote(_) => Ok(()),
    }
}

/// A request that failed, with what to do next where the emulator refused it.
async fn explained(error: api::Error, online: &Online<'_>, next: String) -> Error {
    let status = error.status();
    let error = Error::from(error);
    match &online.account.endpoint {
        Endpoint::Remote(url) if status == Some(404) && is_no_emulator(online).await => {
            let what = "it may be a proxy in front of the service, or something else";
            error.hint(format!("{} is not an emulator of kustom: {what}", url.value)).hint(INSTEAD)
        }
        _ if matches!(status, Some(404 | 409)) => error.hint(next),
        _ => error,
    }
}

/// Whether what answers there says that it is something else. An emulator says what it is to whoever asks.
async fn is_no_emulator(online: &Online<'_>) -> bool {
    let Ok((answer, _)) = online.client.probe(&Request::new(Method::GET, "/")).await else { return false };
    let about: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    about.get("emulator") != Some(&Value::Bool(true))
}

/// Shows a session after something was done to it, or why it could not be done.
async fn show(
    id: Uuid,
    done: Result<Received<Session>, api::Error>,
    said: impl FnOnce(Option<PaymentMethod>) -> String,
    online: &Online<'_>,
) -> Result<Exit, Error> {
    let flag = online.settings.profile_flag();
    let session = match done {
        Ok(session) => session,
        Err(error) => {
            let next = match error.status() {
                Some(404) => format!("list those that were created here with `kustom{flag} sessions list`"),
                _ => format!("see how it stands with `kustom{flag} sessions get {id}`"),
            };
            return Err(explained(error, online, next).await);
        }
    };
    online.terminal.one(&session)?;
    let method = session.whole().get("method").and_then(Value::as_str).and_then(PaymentMethod::find);
    let words = [said(method), outcome::in_words(&session)].join(" ");
    online.terminal.note(&format!("{}{}", words.trim_start(), next(id, session.status.as_ref(), &flag)));
    Ok(Exit::Done)
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
const fn with(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "a card",
        PaymentMethod::Klarna => "Klarna",
        PaymentMethod::Swish => "Swish",
        PaymentMethod::Vipps => "Vipps",
    }
}
