//! `kustom doctor`

mod check;
mod local;
mod redact;
mod remote;

use check::{CheckResult, Level};
use redact::ReportRedactor;

use crate::commands::help::text::after_help;
use crate::commands::profiles::show::values;
use crate::context::{App, journal_of};
use crate::error::{Error, ExitStatus};
use crate::profiles::KeySource;
use crate::settings::Account;

const MORE: &str = "\
Examples:
  kustom doctor
  kustom doctor --offline            # sends nothing
  kustom --profile local doctor      # about another profile

Next:
  kustom help environment            # where values come from
";

/// What is configured, where each value came from, and does it work
///
/// Each line is ok, a warning or a failure, with the next command to type. The output is safe to paste: it holds no key
/// and no password, and the home folder is written as ~. With a failure the exit code is that of its kind.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Look at this machine only, and send nothing
    #[arg(long)]
    offline: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { offline } = self;
        let mut findings = vec![CheckResult::ok("version", format!("kustom {}", crate::version::BUILD))];
        let store = app.settings.store();
        let profiles = store.read();
        let discretion = ReportRedactor::new(&app.settings, profiles.as_ref().ok());
        findings.extend(local::profiles_file(store.path(), profiles, &discretion));
        let file_is_unreadable = findings.iter().any(CheckResult::is_failure);
        findings.push(local::state_folder(&app.settings.paths.state));
        match app.account() {
            Ok(account) => {
                findings.extend(configured(&account));
                findings.push(local::journal(&journal_of(&app.settings, &account)));
                if !offline {
                    findings.extend(app.block_on(async { Ok(remote::check(app, account).await) })?);
                }
            }
            // A file that cannot be read has been reported already.
            Err(_) if file_is_unreadable => {}
            Err(error) => findings.push(CheckResult::failure("account", error)),
        }
        let worst = findings.iter().filter_map(CheckResult::kind).max();
        let findings: Vec<_> = findings.into_iter().map(|finding| finding.redacted(&discretion)).collect();
        app.output.print_list(findings)?;
        Ok(worst.map_or(ExitStatus::Success, ExitStatus::CheckFailed))
    }
}

/// Every value of the account with its source.
fn configured(account: &Account) -> Vec<CheckResult> {
    let rows = values(account).into_iter().map(|row| {
        let value = match (row.name, &account.key.value) {
            // A command can have a secret in its arguments, and this is what people paste.
            ("api_key", KeySource::Command(_)) => "the output of a command",
            _ => row.value.as_deref().unwrap_or("not set"),
        };
        let source = row.phrase.as_ref().map(|phrase| format!(", {phrase}")).unwrap_or_default();
        let shadows =
            if row.shadows.is_empty() { String::new() } else { format!("; shadows {}", row.shadowed()) };
        let finding = CheckResult::ok(row.name, format!("{value}{source}{shadows}"));
        if row.name == "merchant_id" && row.value.is_none() {
            return finding.with_remedy(
                Level::Warning,
                "list operations may ask for it: add it to the profile, or set \
                KUSTOM_MERCHANT_ID",
            );
        }
        finding
    });
    let ignored = account.ignored.iter().map(|name| {
        CheckResult::ok(name, "set, but not used: the built-in emulator has an account of its own".to_owned())
            .with_remedy(Level::Warning, "name another profile, or none, to use it")
    });
    rows.chain(ignored).collect()
}
