//! `kustom dev emulator`

mod callbacks;
mod ready;
mod serve;

use crate::context::Context;
use crate::error::{Error, Exit};

/// Run the emulator for other programs
///
/// The API of In-Person Payments on this machine: stateful, without an account and without a network. Needs no profile
/// and no key. Its own key is kco_test_api_emulator, its merchant id EMULATED; no payment made on it is real. It runs
/// until Ctrl-C.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub struct Args {
    #[command(flatten)]
    serve: serve::ServeArgs,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { serve } = self;
        serve.run(context)
    }
}
