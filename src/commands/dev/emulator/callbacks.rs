//! `--callback-url` and `--callback-secret-file`

use std::path::PathBuf;
use std::time::Duration;

use crate::args;
use crate::callback_poster::{CallbackEndpoint, CallbackPoster};
use crate::emulator::Callbacks;
use crate::error::{Error, ErrorKind};

/// How long an endpoint may take to acknowledge an event.
const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(super) struct CallbackArgs {
    /// URL to post the callbacks of all sessions to: https, or http on this machine
    #[arg(long, value_name = "URL", requires = "callback_secret_file")]
    callback_url: Option<String>,
    /// File with the secret that signs callbacks, of the form whsec_…; give two files to sign with both, as during a
    /// rotation
    #[arg(long, value_name = "FILE", requires = "callback_url", value_parser = args::parse_secret_file)]
    callback_secret_file: Vec<PathBuf>,
}

impl CallbackArgs {
    pub(super) fn resolve(&self) -> Result<Option<Callbacks>, Error> {
        let Some(url) = &self.callback_url else { return Ok(None) };
        let secrets = args::read_secrets(&self.callback_secret_file)?;
        let endpoint = CallbackEndpoint::new(url, TIMEOUT)
            .map_err(|error| Error::usage(format!("--callback-url cannot be used: {error}")))?;
        let poster = CallbackPoster::new(endpoint, &secrets)
            .map_err(|error| Error::new(ErrorKind::Bug, error.to_string()))?;
        Ok(Some(Callbacks::new(poster)))
    }
}
