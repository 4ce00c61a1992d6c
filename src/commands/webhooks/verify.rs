use std::path::{Path, PathBuf};

use http::HeaderMap;
use jiff::Timestamp;

use super::listen::delivery::Delivery;
use super::store;
use crate::args;
use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::webhooks::{SigningKeys, VerifyError, parse_headers};

/// Verify a delivery that was stored or saved in files
///
/// Exits with 0 if the signature is valid and recent, with 5 if the delivery fails verification, and with 2 if a file
/// cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks verify --secret-file secret.txt --headers headers.txt --body body.json
  kustom webhooks verify --secret-file secret.txt --id DELIVERY
  kustom webhooks verify --secret-file secret.txt --secret-file old-secret.txt \\
      --headers headers.txt --body body.json

Next:
  kustom help callbacks
"))]
pub(crate) struct Args {
    /// File with the secret, of the form whsec_…; can be repeated, as during a rotation
    #[arg(long, value_name = "FILE", required = true, value_parser = args::parse_secret_file)]
    secret_file: Vec<PathBuf>,
    /// File with the headers, one per line or as a JSON object
    #[arg(long, value_name = "FILE", required_unless_present = "id", requires = "body")]
    headers: Option<PathBuf>,
    /// File with the body, exactly as received
    #[arg(long, value_name = "FILE", required_unless_present = "id", requires = "headers")]
    body: Option<PathBuf>,
    /// Webhook ID or ID prefix of a delivery that `kustom webhooks listen` stored
    #[arg(long, value_name = "DELIVERY", conflicts_with_all = ["headers", "body"])]
    id: Option<String>,
    /// Time at which the delivery was received, such as 2026-11-22T10:00:00Z [default: now, or with --id the
    /// time at which it was stored]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
}

fn read_headers(path: &Path) -> Result<HeaderMap, Error> {
    parse_headers(&args::read_file(path)?).map_err(|error| {
        Error::usage(format!("cannot parse the headers in {}: {error}", path.display()))
            .hint("write one header per line, such as `webhook-id: …`")
    })
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write a time with its zone, such as 2026-11-22T10:00:00Z".to_owned())
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { secret_file, headers, body, id, at } = self;
        let secrets = args::read_secrets(&secret_file, &app.output)?;
        let keys = SigningKeys::new(&secrets)?;
        let (headers, body, received_at) = match (id, headers, body) {
            (Some(id), ..) => {
                let stored = store::find(&store::open(app)?, &id)?;
                (stored.headers, stored.body, stored.received_at)
            }
            (None, Some(headers), Some(body)) => {
                (read_headers(&headers)?, args::read_file(&body)?, Timestamp::now())
            }
            (None, ..) => return Err(Error::usage("--headers and --body are needed, or --id")),
        };
        let now = at.unwrap_or(received_at);
        match keys.verify(&headers, &body, now) {
            Ok(delivery) => {
                app.output.print_item(&Delivery::verified(now, delivery, &body))?;
                app.output.status("The signature is valid.");
                Ok(ExitStatus::Success)
            }
            Err(rejection) => {
                let hint = match rejection {
                    VerifyError::WrongSignature => {
                        // Editors and `echo` append a line break.
                        let trimmed = body.strip_suffix(b"\n");
                        let trimmed = trimmed.map(|body| body.strip_suffix(b"\r").unwrap_or(body));
                        trimmed.filter(|body| keys.verify(&headers, body, now).is_ok()).map(
                            |_| "remove the line break at the end of the body, which the sender did not sign",
                        )
                    }
                    VerifyError::TooOld(_) if at.is_none() => {
                        Some("pass the time at which it was received with --at")
                    }
                    _ => None,
                };
                let error =
                    Error::new(ErrorKind::Refused, format!("the delivery failed verification: {rejection}"))
                        .detail("reason", rejection.code());
                Err(hint.into_iter().fold(error, Error::hint))
            }
        }
    }
}
