use serde::Deserialize;

use super::count;
use crate::args::Input;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::ledger::{Attempt, OrderChange};

/// Add the attempts and order changes that `kustom ledger export` printed
///
/// Those that the ledger has already stay as they are, so an import can be repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom ledger import attempts.ndjson
  kustom ledger export | kustom ledger import -

Next:
  kustom ledger status
"))]
pub(crate) struct Args {
    /// File with one attempt or order change per line; - reads standard input
    #[arg(value_name = "FILE", value_parser = Input::parse)]
    file: Input,
}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let text = self.file.read_all(&app.output)?;
        let (attempts, changes) = parse(&text)?;
        let number = attempts.len() + changes.len();
        let ledger = app.open_ledger(&app.account()?).await?;
        let added = ledger.import(&attempts).await?;
        let added_changes = ledger.import(&changes).await?;
        let known = match number - added - added_changes {
            0 => String::new(),
            known => format!("; {known} were there already"),
        };
        app.output.status(&format!("Imported {}{known}.", count(added, added_changes)));
        Ok(ExitStatus::Success)
    }
}

#[derive(Deserialize)]
struct ChangeLine {
    /// Earlier versions have only refunds.
    #[serde(alias = "refund")]
    order_change: OrderChange,
}

fn parse(text: &[u8]) -> Result<(Vec<Attempt>, Vec<OrderChange>), Error> {
    let (mut attempts, mut changes) = (Vec::new(), Vec::new());
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let attempt = serde_json::from_slice(line).map(|attempt| attempts.push(attempt));
        let Err(error) = attempt else { continue };
        if let Ok(ChangeLine { order_change }) = serde_json::from_slice(line) {
            changes.push(order_change);
            continue;
        }
        let message = format!("line {} is neither an attempt nor an order change: {error}", index + 1);
        return Err(
            Error::usage(message).hint("nothing was imported; use the output of `kustom ledger export`")
        );
    }
    Ok((attempts, changes))
}
