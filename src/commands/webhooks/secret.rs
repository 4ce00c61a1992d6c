//! `kustom webhooks secret`

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::fs::{io_error_message, private_open_options};
use crate::secret::CALLBACK_SECRET_PREFIX;

/// Generate a signing secret into a file
///
/// The file is readable by you only. An existing file is never replaced. Use the secret with the emulator and your own
/// tests: Kustom's portal generates the secrets of its destinations.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom webhooks secret secret.txt
  kustom webhooks secret next.txt             # for a rotation

Next:
  kustom webhooks listen --secret-file secret.txt
"))]
pub(crate) struct Args {
    /// File to create
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { file } = self;
        let mut key = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random
            .fill(&mut key)
            .map_err(|_| Error::new(ErrorKind::Bug, "this machine has no source of random numbers"))?;
        let text = format!("{CALLBACK_SECRET_PREFIX}{}\n", STANDARD.encode(key));
        let created = private_open_options().create_new(true).open(&file);
        let written = created.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            let reason = io_error_message(&error);
            Error::usage(format!("cannot create {}: {reason}", file.display()))
                .hint("name a file that does not exist, in a directory that you can write to")
        })?;
        app.output.status(&format!("Created {} with a new signing secret.", file.display()));
        Ok(ExitStatus::Success)
    }
}
