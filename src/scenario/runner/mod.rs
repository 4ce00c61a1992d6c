//! Runs scenarios, each against a private emulator or an account.

mod cleanup;
mod step;
mod test_emulator;
mod wait;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::assertions::{Mismatch, check_expectations};
use super::model::{ResourceKind, Scenario, Step};
use crate::api::Client;
use crate::error::ErrorKind;
use crate::secret::Secret;
pub(crate) use test_emulator::TestEmulator;

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
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunResult {
    pub outcome: RunOutcome,
    pub steps_passed: usize,
    /// What the cleanup could not remove, with the reason.
    pub leftovers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RunOutcome {
    Passed,
    Failed {
        line: usize,
        action_name: String,
        mismatches: Vec<Mismatch>,
        /// Exit code of the equivalent command. If that succeeded, it is the code for a request that the API rejects.
        exit_code: u8,
    },
    /// The target lacks something the scenario needs. No request was sent.
    Skipped {
        /// Line that needs it.
        line: usize,
        reason: String,
    },
    Cancelled,
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

/// Runs a scenario until a step fails or `cancel` is canceled. On an account, everything it created is removed at the end.
pub(crate) async fn run_scenario(
    scenario: &Scenario,
    client: &Client,
    target: Target<'_>,
    cancel: &CancellationToken,
) -> RunResult {
    if let Target::Account(account) = target
        && let Some((line, reason)) = scenario.find_unsupported(account.is_emulator)
    {
        let outcome = RunOutcome::Skipped { line, reason };
        return RunResult { outcome, steps_passed: 0, leftovers: Vec::new() };
    }
    let mut run = Run { client, target, cancel, created: Vec::new() };
    let (steps_passed, outcome) = run.run_steps(&scenario.steps).await;
    let leftovers = match target {
        Target::Emulator(_) => Vec::new(),
        Target::Account(_) => run.clean_up().await,
    };
    RunResult { outcome, steps_passed, leftovers }
}

impl Run<'_> {
    /// Returns the number of steps that passed before the outcome.
    async fn run_steps(&mut self, steps: &[Step]) -> (usize, RunOutcome) {
        for (index, step) in steps.iter().enumerate() {
            if self.cancel.is_cancelled() {
                return (index, RunOutcome::Cancelled);
            }
            let Ok(result) = self.run_step(step).await else { return (index, RunOutcome::Cancelled) };
            let mismatches = check_expectations(step, &result);
            if !mismatches.is_empty() {
                let exit_code =
                    if result.exit_code == 0 { ErrorKind::Refused.code() } else { result.exit_code };
                let (line, action_name) = (step.line, step.action_name.clone());
                return (index, RunOutcome::Failed { line, action_name, mismatches, exit_code });
            }
        }
        (steps.len(), RunOutcome::Passed)
    }
}
