//! `kustom ledger import`

use crate::args::Input;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::ledger::Attempt;
use crate::text::{escape_control, pluralize};

/// How many attempts one transaction stores.
const BATCH: usize = 1000;

const MORE: &str = "\
Examples:
  kustom ledger import attempts.ndjson
  kustom ledger export | kustom ledger import -

Next:
  kustom ledger status
";

/// Add the attempts that `kustom ledger export` printed
///
/// Attempts that the ledger has already stay as they are, so an import can be repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct Args {
    /// File with one attempt per line; - reads standard input
    #[arg(value_name = "FILE", value_parser = Input::parse)]
    file: Input,
}

impl Args {
    pub(super) async fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let text = self.file.read_all(&app.output)?;
        let attempts = parse(&text)?;
        let number = attempts.len();
        let ledger = app.open_ledger(&app.account()?).await?;
        let mut added = 0;
        for batch in attempts.chunks(BATCH) {
            added += ledger.import(batch.to_vec()).await?;
        }
        let known = match number - added {
            0 => String::new(),
            known => format!("; {known} were there already"),
        };
        app.output.status(&format!("Imported {}{known}.", pluralize(added, "attempt")));
        Ok(ExitStatus::Success)
    }
}

fn parse(text: &[u8]) -> Result<Vec<Attempt>, Error> {
    let mut attempts = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let attempt = serde_json::from_slice(line).map_err(|error| {
            let reason = escape_control(&error.to_string()).into_owned();
            Error::usage(format!("line {} is not an attempt: {reason}", index + 1))
                .hint("nothing was imported; use the output of `kustom ledger export`")
        })?;
        attempts.push(attempt);
    }
    Ok(attempts)
}
