use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

use super::POS_GUARD;
use crate::api::pair_request;
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

/// Pair a simulated phone with an enrollment code
///
/// The phone becomes a device with the location and the metadata of the enrollment. Get a code with `kustom enrollments
/// create`; each code works once.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Enrollment code
    #[arg(value_name = "CODE", value_parser = NonEmptyStringValueParser::new().map(Secret::new))]
    code: Secret,
    /// Device name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    #[command(flatten)]
    credentials: CredentialsArgs,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { code, name, credentials } = self;
        let flag = context.settings.profile_flag();
        let mut device = match context.client.send_json(&pair_request(code.expose(), name.as_deref())).await {
            Ok(device) => device,
            Err(error) => {
                let hint = format!("create another code: kustom{flag} enrollments create");
                return Err(POS_GUARD.add_hint(error, context, hint).await);
            }
        };
        credentials.redact(&mut device);
        context.output.print_item(&device)?;
        let id = escape_control(device.id.as_deref().unwrap_or("DEVICE"));
        context.output.status(&format!(
            "The phone is paired and can take payments.\n  \
             create a session: kustom{flag} sessions create --device {id} --amount 249.50 --currency SEK"
        ));
        Ok(ExitStatus::Success)
    }
}
