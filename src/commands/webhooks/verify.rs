//! `kustom webhooks verify`

use std::path::PathBuf;

use jiff::Timestamp;

use super::listen::delivery::Delivery;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::webhooks::{Verifier, VerifyError, parse_headers};

const MORE: &str = "\
Examples:
  kustom webhooks verify --secret-file secret.txt --headers headers.txt --body body.json
  kustom webhooks verify --secret-file secret.txt --secret-file old-secret.txt \\
      --headers headers.txt --body body.json

Next:
  kustom help callbacks
";

/// Check one delivery that was kept in files
///
/// `ExitStatus` 0: whoever sent it has the secret, and sent it in time. `ExitStatus` 5: it is refused, and the error says which check
/// failed. `ExitStatus` 2: a file cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The secret, of the form whsec_…, is in this file; can be repeated, as during a rotation
    #[arg(long, value_name = "FILE", required = true, value_parser = args::secret_file)]
    secret_file: Vec<PathBuf>,
    /// The headers: a line each, as on the wire, or a JSON object
    #[arg(long, value_name = "FILE")]
    headers: PathBuf,
    /// The body, byte for byte as it came
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// When it came, such as 2026-11-22T10:00:00Z; now unless told otherwise
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { secret_file, headers: headers_file, body: body_file, at } = self;
        let now = at.unwrap_or_else(Timestamp::now);
        let secrets = args::read_secrets(&secret_file)?;
        let verifier =
            Verifier::new(&secrets).map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        let headers = parse_headers(&args::read_file(&headers_file)?).map_err(|error| {
            Error::usage(format!("{} holds no headers: {error}", headers_file.display()))
                .hint("put the headers into it as they came: `webhook-id: …`, one a line")
        })?;
        let body = args::read_file(&body_file)?;
        match verifier.verify(&headers, &body, now) {
            Ok(known) => {
                app.output.print_item(&Delivery::verified(now, known, &body))?;
                app.output.status("It verifies.");
                Ok(ExitStatus::Success)
            }
            Err(rejection) => {
                let hint = match rejection {
                    VerifyError::WrongSignature => {
                        let bare =
                            body.strip_suffix(b"\n").map(|bare| bare.strip_suffix(b"\r").unwrap_or(bare));
                        let would = bare.is_some_and(|bare| verifier.verify(&headers, bare, now).is_ok());
                        would.then_some(
                            "without the line break at its end the body verifies: keep the body as it came",
                        )
                    }
                    VerifyError::TooOld(_) if at.is_none() => {
                        Some("for one that was kept, say when it came with --at")
                    }
                    _ => None,
                };
                let error =
                    Error::new(ErrorKind::Refused, format!("the delivery does not verify: {rejection}"))
                        .detail("reason", rejection.code());
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        }
    }
}
