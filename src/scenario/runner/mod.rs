//! Runs scenarios, each against a private emulator or an account.

mod cleanup;
mod step;
mod test_emulator;
mod wait;

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::assertions::{Mismatch, check_expectations};
use super::model::{ResourceKind, Scenario, Step};
use crate::api::{Client, Observer};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use test_emulator::TestEmulator;

/// Where a scenario runs.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// An emulator for this scenario, whose clock only the scenario advances.
    Emulator(&'a TestEmulator),
    /// An account that others use too, in real time.
    Account(&'a AccountTarget),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct AccountTarget {
    /// Whether an emulator serves the account, with simulated phones, network and clock.
    pub is_emulator: bool,
    /// Name or ID of the default location.
    pub location: Option<String>,
}

/// The result of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct RunResult {
    /// Name of the scenario.
    pub scenario: String,
    pub file: String,
    #[serde(rename = "result")]
    pub status: RunStatus,
    pub steps: usize,
    pub steps_passed: usize,
    /// Line of the step that failed or cannot run.
    pub line: Option<usize>,
    /// Action of the step that failed.
    #[serde(rename = "step")]
    pub failed_action: Option<String>,
    #[serde(rename = "failures")]
    pub mismatches: Vec<Mismatch>,
    /// Exit code of the command that is equivalent to the step that failed. If that command succeeded, it is the code for a
    /// request that the API rejects.
    pub exit_code: u8,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// What the cleanup could not remove, with the reason.
    #[serde(rename = "left")]
    pub leftovers: Vec<String>,
    #[serde(skip)]
    pub elapsed: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunStatus {
    #[default]
    Passed,
    Failed,
    /// The target lacks something the scenario needs. No request was sent.
    Skipped,
    /// The run was canceled.
    Stopped,
}

/// Returned when the cancellation token interrupts a step.
struct Cancelled;

/// A resource that a step created.
struct CreatedResource {
    kind: ResourceKind,
    id: Uuid,
    /// Enrollment code, which is needed to pair.
    code: Option<Secret>,
}

/// A scenario in progress.
struct Run<'a> {
    client: &'a Client,
    target: Target<'a>,
    cancel: &'a CancellationToken,
    /// The resources that the steps created, by step.
    created: Vec<Option<CreatedResource>>,
}

/// Runs a scenario on an emulator of its own.
pub(crate) async fn run_on_own_emulator(
    scenario: &Scenario,
    cancel: &CancellationToken,
    observer: Observer,
) -> Result<RunResult, Error> {
    let options = scenario.emulator_options.clone().map(|(_, options)| options);
    let emulator = TestEmulator::new(options.unwrap_or_default());
    let client =
        emulator.client(observer).ok_or_else(|| Error::new(ErrorKind::Bug, "the emulator has no account"))?;
    Ok(run_scenario(scenario, &client, Target::Emulator(&emulator), cancel).await)
}

/// Runs a scenario until a step fails or `cancel` is canceled. On an account, everything it created is removed at the end.
pub(crate) async fn run_scenario(
    scenario: &Scenario,
    client: &Client,
    target: Target<'_>,
    cancel: &CancellationToken,
) -> RunResult {
    let started = Instant::now();
    let mut result = RunResult {
        scenario: scenario.name.clone(),
        file: scenario.file.clone(),
        steps: scenario.steps.len(),
        ..RunResult::default()
    };
    if let Target::Account(account) = target
        && let Some((line, reason)) = scenario.find_unsupported(account.is_emulator)
    {
        let (line, reason) = (Some(line), Some(reason));
        return RunResult { status: RunStatus::Skipped, line, reason, ..result };
    }
    let mut run = Run { client, target, cancel, created: Vec::new() };
    run.run_steps(&scenario.steps, &mut result).await;
    if let Target::Account(_) = target {
        result.leftovers = run.clean_up().await;
    }
    result.elapsed = started.elapsed();
    result
}

impl Run<'_> {
    async fn run_steps(&mut self, steps: &[Step], result: &mut RunResult) {
        for step in steps {
            let done = if self.cancel.is_cancelled() { Err(Cancelled) } else { self.run_step(step).await };
            let Ok(done) = done else {
                result.status = RunStatus::Stopped;
                return;
            };
            result.mismatches = check_expectations(step, &done);
            if !result.mismatches.is_empty() {
                result.status = RunStatus::Failed;
                result.line = Some(step.line);
                result.failed_action = Some(step.action_name.clone());
                result.exit_code =
                    if done.exit_code == 0 { ErrorKind::Refused.code() } else { done.exit_code };
                return;
            }
            result.steps_passed += 1;
        }
    }
}
