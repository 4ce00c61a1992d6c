//! `kustom dev run`

pub(super) mod files;
mod junit;
mod report;
mod row;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::args::Input;
use crate::commands::dev::emulator_only::is_emulator_here;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::complete;
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::scenario::runner::{AccountTarget, RunResult, Target, run_on_own_emulator, run_scenario};
use crate::scenario::{Scenario, builtin};
use crate::settings::Endpoint;
use crate::text::escape_control;
use report::Report;
use row::ScenarioListRow;

const DEFAULT_INIT_FILE: &str = "scenario.toml";

/// Run scenarios: steps of a sale and their expected results
///
/// Each scenario runs on an emulator of its own with a simulated clock, so a session that expires after an hour expires
/// at once. With --profile, scenarios run on that account in real time, and what they create is removed afterwards;
/// scenarios that need an emulator are skipped. Production profiles are rejected.
///
/// Start with `kustom dev run --init`, which writes an example with comments. Without FILE, the built-in scenarios run:
/// every outcome of a tap, a second try, an expiry, a cancel against a payment, an offline phone, a pairing, an expired
/// code, two open sessions, a rejected cart.
///
/// Exit code 0: all scenarios passed or were skipped. Otherwise it is the exit code that the first failed step would have
/// as a command of its own, or 5 if its request succeeded with an unexpected result.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev run                                       # the built-in scenarios
  kustom dev run --init sale.toml && kustom dev run sale.toml
  kustom dev run --filter tap --junit report.xml       # for CI

Next:
  kustom dev run --list
"))]
pub(crate) struct Args {
    /// Scenario files, directories to search for them, or - for standard input
    #[arg(value_name = "FILE", value_parser = Input::parse, add = complete::file_or_stdin())]
    files: Vec<Input>,
    /// Run only scenarios with this text in their name or file name
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// List the scenarios without running them
    #[arg(long, conflicts_with_all = ["junit", "jobs"])]
    list: bool,
    /// Write an example to a new file [default: scenario.toml]
    #[arg(
        long, value_name = "FILE", num_args = 0..=1, default_missing_value = DEFAULT_INIT_FILE,
        conflicts_with_all = ["files", "filter", "list", "junit", "jobs"]
    )]
    init: Option<PathBuf>,
    /// Number of scenarios to run at the same time [default: number of CPUs; 4 on an account]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { files, filter, list, init, jobs, junit } = self;
        if let Some(path) = init {
            return write_example(&path, app);
        }
        let mut scenarios = files::read_scenarios(&files, &app.output)?;
        if let Some(text) = &filter {
            files::filter_by_name(&mut scenarios, text)?;
        }
        if list {
            app.output.print_list(scenarios.iter().map(ScenarioListRow::from))?;
            return Ok(ExitStatus::Success);
        }
        if let Some(path) = &junit {
            files::check_writable(path)?;
        }
        let report = Report::new(scenarios.len(), junit.as_deref(), app)?;
        let jobs = jobs.map(usize::from);
        match connect_named_account(app)? {
            None => {
                let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
                let jobs = jobs.unwrap_or_else(cpus);
                app.block_on_with_cleanup(run_all(scenarios, jobs, report, app, |scenario, cancel| {
                    run_on_emulator(scenario, cancel, app)
                }))
            }
            Some(context) => app.block_on_with_cleanup(async {
                let context = context.for_cleanup();
                let location = context.account.location.as_ref().map(|location| location.value.clone());
                let target = AccountTarget { is_emulator: is_emulator_here(&context).await, location };
                // Scenarios on a shared emulator share its clock: advancing it would expire the sessions of others. The
                // rate limits of an account are not known.
                let default_jobs = if target.is_emulator { 1 } else { 4 };
                let mut steps = scenarios.iter().flat_map(|scenario| &scenario.steps);
                if steps.any(|step| step.expect.callbacks.is_some()) {
                    app.output.status("Callbacks go to the account's endpoint, so they are not checked.");
                }
                run_all(scenarios, jobs.unwrap_or(default_jobs), report, app, |scenario, cancel| {
                    let (client, target) = (&context.client, Target::Account(&target));
                    async move { Ok(run_scenario(&scenario, client, target, &cancel).await) }.boxed_local()
                })
                .await
            }),
        }
    }
}

/// Connects to the account that `--profile` or `KUSTOM_PROFILE` names. The active profile alone does not count: scenarios
/// change an account, and do not need one. Returns `None` for the built-in profile, which is a private emulator anyway.
fn connect_named_account(app: &App) -> Result<Option<ApiContext<'_>>, Error> {
    let settings = &app.settings;
    if settings.profile.is_none() && settings.variables.profile.is_none() {
        return Ok(None);
    }
    let account = app.account()?;
    if matches!(account.endpoint, Endpoint::InProcess) {
        return Ok(None);
    }
    if account.is_production() {
        return Err(Error::usage(
            "scenarios create devices and payments, and this profile is for production",
        )
        .hint("run them on an emulator with --profile local, or name a playground profile"));
    }
    app.connect_as(account).map(Some)
}

fn write_example(path: &Path, app: &App) -> Result<ExitStatus, Error> {
    files::create_file(path, builtin::EXAMPLE.as_bytes())?;
    let id = path.display().to_string();
    app.output.status(&format!("Run it: kustom dev run {}", escape_control(&id)));
    app.output.print_item(&ActionResult { id, object: "scenario", result: "written" })?;
    Ok(ExitStatus::Success)
}

/// Runs scenarios concurrently and reports them in order. The first Ctrl-C cancels them and waits for their cleanup; the
/// second one does not wait.
async fn run_all<'a>(
    scenarios: Vec<Scenario>,
    jobs: usize,
    mut report: Report<'_>,
    app: &App,
    run: impl Fn(Scenario, CancellationToken) -> LocalBoxFuture<'a, Result<RunResult, Error>>,
) -> Result<ExitStatus, Error> {
    let cancel = app.cancel.child_token();
    let results = stream::iter(scenarios).map(|scenario| run(scenario, cancel.clone()));
    let mut results = std::pin::pin!(results.buffered(jobs));
    loop {
        tokio::select! {
            biased;
            () = app.abort.cancelled() => break,
            next = results.next() => {
                let Some(row) = next.transpose()? else { break };
                if row.is_account_unusable() {
                    cancel.cancel();
                }
                if row.has_result() {
                    report.add(row)?;
                }
            }
        }
    }
    report.finish(app.cancel.is_cancelled()).map_err(|error| {
        if app.abort.is_cancelled() {
            error.hint("the cleanup was interrupted too: check the account for open sessions and devices")
        } else {
            error
        }
    })
}

/// Runs a scenario on a private emulator in its own thread, since it never waits. With `--verbose` it runs on this thread,
/// where requests can be printed.
fn run_on_emulator<'a>(
    scenario: Scenario,
    cancel: CancellationToken,
    app: &App,
) -> LocalBoxFuture<'a, Result<RunResult, Error>> {
    if app.output.verbosity() > 0 {
        let output = Rc::clone(&app.output);
        let observer = Box::new(move |event: &api::Event<'_>| {
            if let Some(text) = api::format_event(event, output.verbosity()) {
                output.message(&text);
            }
        });
        return async move { run_on_own_emulator(&scenario, &cancel, observer).await }.boxed_local();
    }
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::new(ErrorKind::Bug, format!("cannot start: {error}")))?;
        runtime.block_on(run_on_own_emulator(&scenario, &cancel, Box::new(|_| {})))
    });
    async move { thread.await.map_err(|_| Error::new(ErrorKind::Bug, "a scenario stopped at a bug in kustom"))? }
        .boxed_local()
}
