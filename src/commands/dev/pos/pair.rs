//! `kustom dev pos pair`

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use super::POS_GUARD;
use crate::commands::dev::credentials::CredentialsArgs;
use crate::commands::help::text::after_help;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::secret::Secret;
use crate::text::escape_control;

const MORE: &str = "\
Examples:
  kustom dev pos pair CODE
  kustom dev pos pair CODE --name 'Pixel 9'

Next:
  kustom devices list
";

/// Use an enrollment code, as a phone does
///
/// The phone becomes a device at the code's location and with its metadata, and the code is used up. A code comes
/// from `kustom enrollments create`; afterwards, ask the device for a payment with `kustom sessions create`.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// The code
    #[arg(value_name = "CODE", value_parser = NonEmptyStringValueParser::new().map(Secret::new))]
    code: Secret,
    /// The name the phone goes by until it is given another
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    #[command(flatten)]
    credentials: CredentialsArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { code, name, credentials } = self;
        let flag = context.settings.profile_flag();
        let mut device = match context.client.pos_pair(code.expose(), name.as_deref()).await {
            Ok(device) => device,
            Err(error) => {
                let next = format!("make another code with `kustom{flag} enrollments create`");
                return Err(POS_GUARD.explain_error(error, context, next).await);
            }
        };
        credentials.apply_to(&mut device);
        context.output.print_item(&device)?;
        let id = escape_control(device.id.as_deref().unwrap_or("DEVICE"));
        context.output.status(&format!(
            "The code is used up, and the phone takes payments.\n  \
             a payment: kustom{flag} sessions create --device {id} --amount 249.50 --currency SEK"
        ));
        Ok(ExitStatus::Success)
    }
}
