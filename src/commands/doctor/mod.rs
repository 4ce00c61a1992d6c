mod check;
mod local;
mod network;
mod redact;
mod remote;

use check::{CheckResult, Level};
use redact::ReportRedactor;

use crate::commands::help::text::after_help;
use crate::commands::profiles::show::{ValueRow, list_values};
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::ledger::LedgerLocation;
use crate::output::Format;
use crate::profiles::KeySource;
use crate::settings::{Account, DirectorySettings, Source};
use crate::text::pluralize;

/// Check the configuration, the connection and the key
///
/// Each check is ok, a warning or a failure, with the command that fixes it. The output is safe to paste: it contains no
/// key and no password, and the home directory is written as ~. A failure sets the exit code of its kind.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom doctor
  kustom doctor --offline            # sends nothing
  kustom --profile local doctor      # check another profile

Next:
  kustom help environment            # where values come from
"))]
pub(crate) struct Args {
    /// Check this machine only, and send nothing
    #[arg(long)]
    offline: bool,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { offline } = self;
        let mut results = vec![CheckResult::ok("version", format!("kustom {}", crate::version::BUILD))];
        let store = app.settings.store();
        let profiles = store.read();
        let redactor = ReportRedactor::new();
        let has_profiles = profiles.is_ok();
        results.extend(local::check_profiles_file(store.path(), profiles, &redactor));
        results.push(local::check_state_dir(&app.settings.paths.state));
        match app.account() {
            Ok(account) => {
                results.extend(check_settings(&account, &app.settings.directory));
                results.push(match &account.ledger.value {
                    LedgerLocation::Postgres(url) if offline => {
                        CheckResult::ok("ledger", format!("{url}, not checked with --offline"))
                    }
                    _ => app.block_on(async {
                        let ledger = app.open_ledger(&account).await;
                        Ok(local::check_ledger(ledger, &app.settings.paths.state).await)
                    })?,
                });
                let network = network::check_network(&account);
                let is_reachable = network.iter().all(|result| result.kind.is_none());
                results.extend(network);
                // With a variable that cannot be read, no request is sent.
                if !offline && is_reachable {
                    results.extend(app.block_on(async { Ok(remote::check_api(app, account).await) })?);
                }
            }
            Err(error) if has_profiles => results.push(CheckResult::failure("account", error)),
            // The unreadable profiles file has been reported.
            Err(_) => {}
        }
        let most_serious = results.iter().filter_map(|result| result.kind).max();
        let finish = |result: CheckResult| result.finish(&redactor, &app.output);
        let results: Vec<_> = results.into_iter().map(finish).collect();
        if app.output.format() == Format::Table && !app.output.has_selected_columns() {
            app.output.print_check_lines(&results.iter().map(CheckResult::checkup).collect::<Vec<_>>())?;
            app.output.status(&summarize(&results));
        } else {
            app.output.print_list(results)?;
        }
        Ok(most_serious.map_or(ExitStatus::Success, ExitStatus::CheckFailed))
    }
}

/// Counts the results, as in `16 ok, 2 warnings`.
fn summarize(results: &[CheckResult]) -> String {
    let count = |level| results.iter().filter(|result| result.level == level).count();
    let mut parts = vec![format!("{} ok", count(Level::Ok))];
    for (level, noun) in [(Level::Warning, "warning"), (Level::Failure, "failure")] {
        if count(level) > 0 {
            parts.push(pluralize(count(level), noun));
        }
    }
    parts.join(", ")
}

/// One result for each value of the account.
fn check_settings(account: &Account, directory: &DirectorySettings) -> Vec<CheckResult> {
    // The check of the ledger shows where it is, too.
    let is_shown = |row: &ValueRow| row.name != "ledger" || row.source != Some(Source::BuiltIn);
    let rows = list_values(account).into_iter().filter(is_shown).map(|row| {
        let value = match (row.name, &account.key.value) {
            // The command may contain a secret, and people paste this report.
            ("api_key", KeySource::Command(_)) => "the output of a command",
            _ => row.value.as_deref().unwrap_or("not set"),
        };
        let source = row.source.as_ref().map(|source| format!(", {}", source.describe())).unwrap_or_default();
        let shadows = if row.shadows.is_empty() {
            String::new()
        } else {
            format!("; shadows {}", row.format_shadows())
        };
        let text = format!("{value}{source}{shadows}");
        if row.name == "merchant_id" && row.value.is_none() {
            let next = "lists may require it: kustom profiles set merchant_id ID";
            return CheckResult::warning(row.name, text, next);
        }
        CheckResult::ok(row.name, text)
    });
    let directory =
        directory.path.iter().map(|path| CheckResult::ok("directory", path.display().to_string()));
    let ignored = account.ignored.iter().map(|name| {
        let text = "set, but not used: the built-in emulator has an account of its own";
        CheckResult::warning(name, text, "name another profile, or none, to use it")
    });
    directory.chain(rows).chain(ignored).collect()
}
