//! `kustom sessions get`

use uuid::Uuid;

use super::outcome;
use crate::commands::args;
use crate::context::Online;
use crate::error::{Error, Exit};

/// Show one session
///
/// Whatever its status, the exit code is 0: `kustom sessions watch` turns an outcome into an exit code.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session's id
    #[arg(value_name = "ID", value_parser = args::id)]
    id: Uuid,
}

impl Args {
    pub(super) async fn run(self, online: &Online<'_>) -> Result<Exit, Error> {
        let Self { id } = self;
        let session = online.client.session(id).await?;
        online.terminal.one(&session)?;
        online.terminal.note(&outcome::in_words(&session));
        Ok(Exit::Done)
    }
}
