//! `kustom doctor`

mod finding;
mod local;
mod remote;

use finding::{Finding, Level};

use crate::commands::profiles::show::values;
use crate::context::{Context, journal_of};
use crate::error::{Error, Exit};
use crate::settings::Account;

/// What is configured, where each value came from, and does it work
///
/// Each line is ok, a warning or a failure, with the next command to type. The output holds no secret and is safe
/// to paste. With a failure the exit code is that of its kind.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look at this machine only, and send nothing
    #[arg(long)]
    offline: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let Self { offline } = self;
        let mut findings = vec![Finding::ok("version", format!("kustom {}", crate::version::BUILD))];
        findings.extend(local::profiles_file(&context.settings.store()));
        let file_is_unreadable = findings.iter().any(Finding::is_failure);
        findings.push(local::state_folder(&context.settings.paths.state));
        match context.account() {
            Ok(account) => {
                findings.extend(configured(&account));
                findings.push(local::journal(&journal_of(&context.settings, &account)));
                if !offline {
                    findings.extend(context.wait_for(async { Ok(remote::check(context, account).await) })?);
                }
            }
            // A file that cannot be read has been reported already.
            Err(_) if file_is_unreadable => {}
            Err(error) => findings.push(Finding::failure("account", error)),
        }
        let worst = findings.iter().filter_map(Finding::kind).max();
        context.terminal.all(findings)?;
        Ok(worst.map_or(Exit::Done, Exit::Unwell))
    }
}

/// Every value of the account with its source.
fn configured(account: &Account) -> Vec<Finding> {
    let rows = values(account).into_iter().map(|row| {
        let value = row.value.as_deref().unwrap_or("not set");
        let source = row.phrase.as_ref().map(|phrase| format!(", {phrase}")).unwrap_or_default();
        let shadows =
            if row.shadows.is_empty() { String::new() } else { format!("; shadows {}", row.shadowed()) };
        let finding = Finding::ok(row.name, format!("{value}{source}{shadows}"));
        if row.name == "merchant_id" && row.value.is_none() {
            return finding.but(
                Level::Warning,
                "list operations may ask for it: add it to the profile, or set \
                KUSTOM_MERCHANT_ID",
            );
        }
        finding
    });
    let ignored = account.ignored.iter().map(|name| {
        Finding::ok(name, "set, but not used: the built-in emulator has an account of its own".to_owned())
            .but(Level::Warning, "name another profile, or none, to use it")
    });
    rows.chain(ignored).collect()
}
