//! `kustom dev run`

mod account;
mod files;
mod junit;
mod report;
mod row;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::args::Input;
use crate::commands::help::text::after_help;
use crate::commands::list::ActionResult;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::scenario::runner::{RunResult, Runner, Stop, Target, TestEmulator};
use crate::scenario::{Scenario, builtin};
use report::Report;
use row::{ScenarioListRow, ScenarioResultRow};

/// What `--init` writes when no name is given.
const DEFAULT_INIT_FILE: &str = "scenario.toml";

/// How many scenarios run side by side on an account: nothing is known of its limits.
const JOBS_ON_ACCOUNT: usize = 4;

/// And on one of an emulator, whose clock they all share: what one waits for would expire the sale of another.
const JOBS_ON_EMULATOR: usize = 1;

const MORE: &str = "\
Examples:
  kustom dev run                                       # those that are part of kustom
  kustom dev run --init sale.toml && kustom dev run sale.toml
  kustom dev run --filter tap --junit report.xml       # for CI

Next:
  kustom dev run --list
";

/// Run scenarios: steps of a sale, and what is expected after each of them
///
/// Each scenario runs on an emulator of its own, with a clock that costs no time: a session that expires after an hour
/// does so at once. With --profile it runs on that account, where what it made is cleared away afterwards; a scenario
/// that needs what only an emulator can is skipped there. Production is refused.
///
/// Begin with `kustom dev run --init`, which writes a first scenario with comments. Without a FILE those run that are
/// part of kustom: every outcome of a tap, a second try, an expiry, a cancel against a payment, a phone without a
/// network, a pairing, a code that is too old, two open sessions, a cart that is refused.
///
/// ExitStatus 0: everything was as expected. Otherwise the code is that of the first step that was not, as its own command
/// would have ended; 5 where that is 0, because the API did something else than was expected.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct Args {
    /// Files with a scenario each, folders with such files at any depth, or - for standard input
    #[arg(value_name = "FILE", value_parser = Input::parse)]
    files: Vec<Input>,
    /// Only those that have this text in their name or in that of their file
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// List them, and run nothing
    #[arg(long, conflicts_with_all = ["junit", "jobs"])]
    list: bool,
    /// Write a first scenario, and run nothing; scenario.toml unless told otherwise, and never over a file
    #[arg(
        long, value_name = "FILE", num_args = 0..=1, default_missing_value = DEFAULT_INIT_FILE,
        conflicts_with_all = ["files", "filter", "list", "junit", "jobs"]
    )]
    init: Option<PathBuf>,
    /// How many run at the same time; as many as the machine can, and on an account 4
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Write a JUnit report to this file, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { files, filter, list, init, jobs, junit } = self;
        if let Some(path) = init {
            return write_first(&path, app);
        }
        let mut scenarios = files::read(&files, &app.output)?;
        if let Some(text) = &filter {
            scenarios = files::filter_by_name(scenarios, text)?;
        }
        if list {
            app.output.print_list(scenarios.iter().map(ScenarioListRow::from))?;
            return Ok(ExitStatus::Success);
        }
        if let Some(path) = &junit {
            files::check_writable(path)?;
        }
        let report = Report::new(scenarios.len(), junit.as_deref(), app);
        match account::requested_account(app)? {
            None => {
                let jobs = jobs.map_or_else(default_jobs, usize::from);
                app.block_on_with_cleanup(run(scenarios, jobs, report, app, |scenario, stop| {
                    on_an_emulator(scenario, stop, app)
                }))
            }
            Some(context) => app.block_on_with_cleanup(async {
                let context = context.for_cleanup();
                let powers = account::capabilities(&context).await;
                let usual = if powers.emulator { JOBS_ON_EMULATOR } else { JOBS_ON_ACCOUNT };
                let jobs = jobs.map_or(usual, usize::from);
                account::warn_callbacks_unobservable(&scenarios, &context);
                run(scenarios, jobs, report, app, |scenario, stop| {
                    let (context, powers) = (&context, &powers);
                    let play = async move {
                        Ok(Runner::new(&context.client, Target::Account(powers), stop).play(&scenario).await)
                    };
                    play.boxed_local()
                })
                .await
            }),
        }
    }
}

/// Writes a first scenario.
fn write_first(path: &Path, app: &App) -> Result<ExitStatus, Error> {
    files::write_new(path, builtin::TEMPLATE.as_bytes())?;
    let id = path.display().to_string();
    app.output.status(&format!("Run it: kustom dev run {}", crate::text::escape_control(&id)));
    app.output.print_item(&ActionResult { id, object: "scenario", result: "written" })?;
    Ok(ExitStatus::Success)
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs all of them, some at the same time, and tells of each in the order in which they are. Whoever interrupts it
/// gets what was done so far; whoever does it twice does not get the end of what is under way.
async fn run<'a>(
    scenarios: Vec<Scenario>,
    jobs: usize,
    mut report: Report<'_>,
    app: &App,
    play: impl Fn(Arc<Scenario>, Stop) -> LocalBoxFuture<'a, Result<RunResult, Error>>,
) -> Result<ExitStatus, Error> {
    let mut is_cut_off = false;
    let (stopper, stop) = Stop::pair();
    let mut is_interrupted = false;
    {
        let played = stream::iter(scenarios).map(|scenario| {
            let scenario = Arc::new(scenario);
            let playing = play(Arc::clone(&scenario), stop.clone());
            async move {
                let began = Instant::now();
                (scenario, playing.await, began.elapsed())
            }
        });
        let mut played = std::pin::pin!(played.buffered(jobs));
        loop {
            tokio::select! {
                biased;
                () = app.abort.cancelled() => {
                    is_cut_off = true;
                    break;
                }
                () = app.cancel.cancelled(), if !is_interrupted => {
                    is_interrupted = true;
                    stopper.stop();
                }
                next = played.next() => {
                    let Some((scenario, played, took)) = next else { break };
                    let row = ScenarioResultRow::new(&scenario, played?);
                    // What met this one would meet the others too, and each after many tries.
                    if row.cannot_be_asked() {
                        stopper.stop();
                    }
                    // One that was not begun when it all ended is no result.
                    if row.was_begun() {
                        report.add(row, took)?;
                    }
                }
            }
        }
    }
    report.finish(is_interrupted).map_err(|error| {
        if is_cut_off {
            error.hint("what was under way was left as it is; on an account, clear it away")
        } else {
            error
        }
    })
}

/// Plays a scenario on an emulator of its own, in a thread of its own: it is all work and no waiting. Where requests are
/// shown they have to be made here, where the terminal is.
fn on_an_emulator<'a>(
    scenario: Arc<Scenario>,
    stop: Stop,
    app: &App,
) -> LocalBoxFuture<'a, Result<RunResult, Error>> {
    if app.output.verbosity() > 0 {
        let output = std::rc::Rc::clone(&app.output);
        let observer = Box::new(move |event: &crate::api::Event<'_>| {
            if let Some(text) = crate::api::format_event(event, output.verbosity()) {
                output.message(&text);
            }
        });
        return async move { run_in_emulator(&scenario, stop, observer).await }.boxed_local();
    }
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::new(ErrorKind::Bug, format!("cannot start: {error}")))?;
        runtime.block_on(run_in_emulator(&scenario, stop, Box::new(|_| {})))
    });
    async move { thread.await.map_err(|_| Error::new(ErrorKind::Bug, "a scenario ended with a bug in kustom"))? }
        .boxed_local()
}

async fn run_in_emulator(
    scenario: &Scenario,
    stop: Stop,
    observer: crate::api::Observer,
) -> Result<RunResult, Error> {
    let switches = scenario.switches.clone().map(|(_, switches)| switches);
    let world = TestEmulator::new(switches.unwrap_or_default());
    let client = TestEmulator::client(Box::new(world.transport()), observer)
        .ok_or_else(|| Error::new(ErrorKind::Bug, "the emulator has no account"))?;
    Ok(Runner::new(&client, Target::World(&world), stop).play(scenario).await)
}
