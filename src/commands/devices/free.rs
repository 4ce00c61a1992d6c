//! `kustom devices free`

use crate::commands::help::text::after_help;
use crate::commands::resolve::id_of;
use crate::commands::sessions::busy::{OpenSession, open_attempts, read_sessions};
use crate::commands::sessions::cancel::cancel;
use crate::commands::sessions::device_lock::lock_device;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::ledger::Filter;
use crate::model::Device;
use crate::text::{escape_control, pluralize};

/// Cancel the open sessions on a device
///
/// These are the sessions of the device that the ledger knows. A session that was paid in the meantime stays paid. To do
/// this before a new session is created, use `kustom sessions create --if-busy cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom devices free 'Till 1'
  kustom devices free 'Till 1' --yes                   # on production in a script

Exit codes:
  5  a session had already been paid; the error says so
  8  production needs a confirmation, which was not given; nothing was canceled

Next:
  kustom sessions create --device DEVICE --amount 1.00 --watch
"))]
pub(crate) struct Args {
    /// Device name, ID or ID prefix [default: select from a list]
    #[arg(value_name = "DEVICE", add = complete::devices())]
    device: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        context.ensure_named::<Device>(self.device.is_some())?;
        context.ensure_can_confirm()?;
        let mut list = context.output.list_writer()?;
        let device = context.find_or_select::<Device>(self.device.as_deref()).await?;
        let device_id = id_of(&device)?.to_ascii_lowercase();
        let name = escape_control(device.name.as_deref().unwrap_or(&device_id)).into_owned();
        // A session that is being created right now is canceled too.
        let lock = lock_device(&device_id, context).await?;
        let attempts = open_attempts(&device_id, None, usize::MAX, context).await?;
        let mut sessions = read_sessions(attempts, context).await;
        sessions.retain(OpenSession::is_open);
        drop(lock);
        if !sessions.is_empty() {
            let descriptions: Vec<_> =
                sessions.iter().map(|session| format!("{} ({})", session.id, session.describe())).collect();
            let number = pluralize(sessions.len(), "session");
            context.confirm(&format!("cancel {number} on {name}: {}", descriptions.join(", "))).await?;
        }
        let mut errors = Vec::new();
        let mut cancelled = 0;
        for session in &sessions {
            match cancel(session.id, &session.sent(), context).await {
                Ok(session) => {
                    cancelled += 1;
                    list.push(session)?;
                }
                Err(error) => errors.push(error),
            }
        }
        if cancelled > 0 || !context.output.format().is_table() {
            list.finish()?;
        }
        context.output.status(&match cancelled {
            0 => format!("Nothing was canceled on {name}."),
            number => format!("Canceled {} on {name}.", pluralize(number, "session")),
        });
        warn_about_unknown(&device_id, context).await?;
        Error::combine(errors).map_or(Ok(ExitStatus::Success), Err)
    }
}

/// A session whose ID is not known cannot be canceled.
async fn warn_about_unknown(device_id: &str, context: &ApiContext<'_>) -> Result<(), Error> {
    let filter = Filter { unknown: true, device_id: Some(device_id.to_owned()), ..Filter::default() };
    let unknown = context.ledger().await?.attempts(&filter, usize::MAX).await?.attempts.len();
    if unknown > 0 {
        context.output.warn(&format!(
            "{} on the device may have created a session; resolve it with `kustom sessions recover`",
            pluralize(unknown, "attempt")
        ));
    }
    Ok(())
}
