//! Carrying a scenario out: on an emulator of its own, or on an account.

mod cleanup;
mod observe;
mod request;
mod run;
mod stop;
mod test_emulator;
mod wait;

use super::action::Capability;
use super::assertions::{Mismatch, check_expectations};
use super::model::{Scenario, Step};
use crate::api::Client;
use crate::error::{ErrorKind, ExitStatus};
use run::{Cancelled, Run};
pub(crate) use stop::Stop;
pub(crate) use test_emulator::TestEmulator;

/// Where a scenario is played.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// On an emulator of its own, whose clock stands still unless the scenario moves it.
    World(&'a TestEmulator),
    /// On an account that is there for other things too, in real time.
    Account(&'a Capabilities),
}

/// What an account can beside the API, and what it has by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capabilities {
    /// Whether it is one of an emulator: a phone that can be played, a network, and a clock that can be put forward.
    pub emulator: bool,
    /// The default location: a name or an id.
    pub location: Option<String>,
}

/// Plays scenarios, one after the other or side by side.
pub(crate) struct Runner<'a> {
    client: &'a Client,
    stage: Target<'a>,
    stop: Stop,
}

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunResult {
    /// How it ended.
    pub verdict: RunOutcome,
    /// How many of its steps came to what was expected.
    pub steps: usize,
    /// What could not be cleared away afterwards.
    pub left: Vec<String>,
}

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RunOutcome {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed(FailedStep),
    /// It cannot be played here. Nothing was done.
    Skipped {
        /// Where it asks for what there is not, from one.
        line: usize,
        /// What that is.
        reason: String,
    },
    /// Somebody wanted it to end before its time.
    Stopped,
}

/// The step at which a scenario ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FailedStep {
    /// Where the step begins, from one.
    pub line: usize,
    /// What it does.
    pub verb: &'static str,
    /// What was not as expected.
    pub unmet: Vec<Mismatch>,
    /// How the command for the step would have ended; where that is well, the API did something else than expected,
    /// which is of the same kind as a refusal.
    pub exit: ExitStatus,
}

impl Target<'_> {
    fn has(self, need: Capability) -> bool {
        match (self, need) {
            (Self::World(_), _) => true,
            (Self::Account(powers), Capability::Phone | Capability::Network | Capability::Clock) => {
                powers.emulator
            }
            // An emulator that is there for other programs too behaves as it was told to when it began.
            (Self::Account(_), Capability::Switches) => false,
        }
    }
}

impl<'a> Runner<'a> {
    /// A player who asks this client, which has to be one for the stage.
    pub(crate) const fn new(client: &'a Client, stage: Target<'a>, stop: Stop) -> Self {
        Self { client, stage, stop }
    }

    /// Plays a scenario to its end, to its first step that is not as expected, or until somebody wants it to end. On an
    /// account, what it made is cleared away.
    pub(crate) async fn play(&self, scenario: &Scenario) -> RunResult {
        if let Some((line, reason)) = scenario.missing_capability(|need| self.stage.has(need)) {
            return RunResult { verdict: RunOutcome::Skipped { line, reason }, steps: 0, left: Vec::new() };
        }
        let mut run = Run::new(self, scenario.steps.len());
        let mut steps = 0;
        let mut verdict = RunOutcome::Passed;
        for (index, step) in scenario.steps.iter().enumerate() {
            match self.step(&mut run, index, step).await {
                Ok(None) => steps += 1,
                Ok(Some(failure)) => verdict = RunOutcome::Failed(failure),
                Err(Cancelled) => verdict = RunOutcome::Stopped,
            }
            if verdict != RunOutcome::Passed {
                break;
            }
        }
        let left = match self.stage {
            // It is gone with everything in it.
            Target::World(_) => Vec::new(),
            Target::Account(_) => run.cleanup().await,
        };
        RunResult { verdict, steps, left }
    }

    async fn step(
        &self,
        run: &mut Run<'_>,
        index: usize,
        step: &Step,
    ) -> Result<Option<FailedStep>, Cancelled> {
        if self.stop.is_wanted() {
            return Err(Cancelled);
        }
        let seen = run.perform(index, step).await?;
        let unmet = check_expectations(step, &seen);
        if unmet.is_empty() {
            return Ok(None);
        }
        let own = seen.exit.filter(|exit| exit.code() != 0);
        let exit = own.unwrap_or(ExitStatus::ScenarioFailed(ErrorKind::Refused));
        Ok(Some(FailedStep { line: step.line, verb: step.act.verb(), unmet, exit }))
    }
}
